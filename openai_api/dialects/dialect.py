"""What makes the public surface of a vendor? All that its clients expect beside the bodies of calls and answers, in one value.

A route names its dialect. What has no route yet, an unknown path or a head that cannot be read, has the dialect of its prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.errors import Headers
from providers.errors import Failure
from providers.types import Wire

RenderError = Callable[[Failure, str], bytes]
"""The body of an error answer; the text is the request id, which some vendors repeat in it."""
RenderEvent = Callable[[Failure, int], bytes]
"""The frame of an error in a stream; the number is that of the event."""
RenderMessage = Callable[[Failure], bytes]
ListModels = Callable[[CatalogSnapshot, Client, bytes], bytes]
"""The models that the client may use; the bytes are the query, in which some vendors ask for a page."""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A vendor's public surface."""

    name: str
    prefixes: tuple[str, ...]
    """Paths below which everything is this vendor's, what is unknown too; of several that fit the longest counts."""

    credentials: tuple[bytes, ...]
    """Headers that may carry the client's key, all of equal rank: two different keys in them are refused."""
    query_key: str
    """The parameter of the query that may carry it, too; "" for none."""
    marks: tuple[bytes, ...]
    """Headers by which a request to a path of several vendors is known to be this one's, beside the parameter of the query."""
    forwarded: tuple[bytes, ...]
    """Headers of the client's that go upstream, beside the trace context."""
    identify: Callable[[str], Headers]
    """The headers that every answer carries, from the request id."""
    shown: tuple[str, ...]
    """Headers of answers that scripts of other sites' pages may read, beside the gateway's own (CORS)."""

    error: RenderError
    error_headers: Headers
    """The content type of `error`."""
    events: Mapping[Wire, RenderEvent]
    """How an error is told in a stream of that wire by whoever has no relay; a relay tells it in the words of its wire."""
    message: RenderMessage
    """An error as a message over a WebSocket."""
    ping: bytes
    """What a stream says when it has been silent for a while; b"" where its clients know of no such thing."""

    models: ListModels
    model: Callable[[ModelEntry], bytes]

    def claims(self, headers: Iterable[tuple[bytes, bytes]], query: bytes) -> bool:
        """Whether a request to a path of several vendors is this one's."""
        if any(name in self.marks for name, _ in headers):
            return True
        return bool(self.query_key) and f"&{self.query_key}=".encode() in b"&" + query
