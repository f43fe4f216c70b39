"""What is told of an exchange to those who look at it after its end? Both bodies, as they were heard and said."""

from __future__ import annotations

import msgspec

from openai_api.recording.events import Record
from providers.types import Wire

Pairs = tuple[tuple[str, str], ...]


class Told(msgspec.Struct, frozen=True):
    """An error that the client was told, whole or inside a stream."""

    status: int
    type: str
    code: str | None
    message: str


class Transcript(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One exchange. `record` is what its row is made of.

    `ended` is in seconds since the epoch. `wire` is the format of request and answer, None where the request was not understood;
    `dialect` the name of the path's. `url` is the address as the client used it, as far as it is known.

    `request` is the body as the client sent it (of a form, its texts as a JSON object), `answer` the body as it was told, of a
    stream (`streamed`) all its frames. `pieces` are the pieces that a stream was told in: milliseconds since the request began,
    and bytes. `*_cut` says that a body was longer than `GATEWAY_TRANSCRIPT_BYTES`, so that it is b"". `complete` is false of an
    answer that was cut off. Headers have names in lower case and lack those that carry credentials. `bodies` says that the
    client's key allows that what was said is kept.
    """

    record: Record
    ended: float
    dialect: str
    wire: Wire | None = None
    url: str = ""
    query: str = ""
    request_headers: Pairs = ()
    request: bytes = b""
    request_cut: bool = False
    answer_headers: Pairs = ()
    content_type: str = ""
    answer: bytes = b""
    answer_cut: bool = False
    streamed: bool = False
    pieces: list[tuple[float, int]] = []
    complete: bool = True
    error: Told | None = None
    bodies: bool = False

    def weight(self) -> int:
        """About how many bytes of memory it holds."""
        return len(self.request) + len(self.answer) + 16 * len(self.pieces) + FIXED


FIXED = 2048
"""Bytes that a transcript is reckoned to have beside its bodies."""
