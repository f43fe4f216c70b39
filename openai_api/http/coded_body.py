"""How is a compressed request body taken in? Unpacked piece by piece while it comes, within bounds, and beside the event loop
when a piece becomes large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from openai_api.errors import CLOSE, ApiError
from providers.bytes.content_coding import (
    MAX_RATIO,
    STEP_BYTES,
    TAKEN,
    BrokenCoding,
    Expanded,
    UnknownCoding,
    Unpacker,
    codings_of,
)
from providers.offload import LARGE, offload

CODING = b"content-encoding"
STEPS = LARGE // STEP_BYTES
"""Steps of unpacking a received piece that are done in the event loop; the rest is done in a thread."""
Take = Callable[[bytes], None]


class CodedBody:
    """Undoes the codings of one body. `size` is what it has without them."""

    def __init__(self, codings: list[str], most: int, announced: int) -> None:
        self._unpacker = Unpacker(codings, most, announced)
        self._most = most

    @property
    def size(self) -> int:
        return self._unpacker.size

    async def feed(self, data: bytes, take: Take) -> None:
        """Gives to `take` what the data adds. Raises 400 `invalid_encoding`, 413 `request_too_large`, and what `take` raises."""
        try:
            pieces = self._unpacker.feed(data)
            for _ in range(STEPS):
                if (piece := next(pieces, None)) is None:
                    return
                take(piece)
            await offload(LARGE + 1, _take_all, pieces, take)
        except BrokenCoding as error:
            raise _broken(error) from error
        except Expanded as error:
            raise _expanded(error, self._most) from error

    def finish(self) -> None:
        """Raises 400 `invalid_encoding` when the end of the body is missing."""
        try:
            self._unpacker.finish()
        except BrokenCoding as error:
            raise _broken(error) from error


def coded_body(headers: Mapping[bytes, bytes], most: int, announced: int) -> CodedBody | None:
    """What undoes the codings that the headers tell; None where there are none. `most` is how large the body may become.
    Raises 415 `unsupported_encoding`."""
    if CODING not in headers:
        return None
    try:
        codings = codings_of(headers[CODING])
    except UnknownCoding as error:
        accepted = (b"accept-encoding", TAKEN.encode())  # RFC 9110 12.5.3
        raise ApiError(415, "unsupported_encoding", str(error), headers=(accepted, *CLOSE)) from error
    return CodedBody(codings, most, announced) if codings else None


def _take_all(pieces: Iterator[bytes], take: Take) -> None:
    for piece in pieces:
        take(piece)


def _broken(error: BrokenCoding) -> ApiError:
    return ApiError(400, "invalid_encoding", str(error), headers=CLOSE)


def _expanded(error: Expanded, most: int) -> ApiError:
    limit = f"{MAX_RATIO} times its compressed size" if error.ratio else f"the {most}-byte limit"
    return ApiError(413, "request_too_large", f"Decompressed request body exceeds {limit}.", headers=CLOSE)
