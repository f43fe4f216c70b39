"""What must be known of a wire to speak it over HTTP? How its streams are split into frames, and what its failures mean.

Adapters look here by the wire of a call, and never name the errors of one vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from providers.bytes import sse
from providers.errors import ProviderError
from providers.transport import Headers
from providers.types import Wire
from providers.wire.openai.errors import failure_of


class FailureOf(Protocol):
    """The error that an answer without a good status stands for."""

    def __call__(self, status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
        """`named_by_client` says that the path names something of the client's, which a 404 is then about."""
        ...


class Splitter(Protocol):
    """Splits one stream into its frames, wherever the network has cut it."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that these bytes complete. Raises `InvalidResponse` for a frame that is malformed or too long."""
        ...

    def rest(self) -> bytes:
        """What is left at the end of the stream: a frame that was not completed, or nothing. Raises `StreamTruncated` if the
        wire does not allow it."""
        ...


@dataclass(frozen=True, slots=True)
class OverHttp:
    """One wire. `splitter` makes what splits one stream: server-sent events, or AWS's event stream."""

    failure_of: FailureOf
    splitter: Callable[[], Splitter] = sse.FrameSplitter


OPENAI = OverHttp(failure_of)
OVER_HTTP: Mapping[Wire, OverHttp] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: OPENAI,
        Wire.OPENAI_COMPLETION: OPENAI,
        Wire.OPENAI_EMBEDDING: OPENAI,
        Wire.OPENAI_MODERATION: OPENAI,
        Wire.OPENAI_TRANSCRIPTION: OPENAI,
        Wire.OPENAI_TRANSLATION: OPENAI,
        Wire.OPENAI_SPEECH: OPENAI,
        Wire.OPENAI_IMAGE: OPENAI,
        Wire.OPENAI_IMAGE_EDIT: OPENAI,
        Wire.OPENAI_IMAGE_VARIATION: OPENAI,
        Wire.OPENAI_RESPONSES: OPENAI,
        Wire.RERANK: OPENAI,
    }
)
"""Every wire. Rerankers have no format of their own for errors: theirs are among those that `wire/openai/` reads."""
