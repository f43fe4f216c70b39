"""What does a compressed body hold? Unpacks it step by step, within a size and a ratio.

Codings of RFC 9110 8.4.1: gzip (RFC 1952, several members too), deflate (RFC 1950, and bare RFC 1951 as some clients send it),
br (RFC 7932), zstd (RFC 8878, several frames too; a window of at most 8 MiB, as RFC 9659 has it for HTTP).
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

STEP_BYTES = 64 * 1024
"""How much is unpacked at once."""
MAX_RATIO = 100
FREE_BYTES = 64 * 1024
"""Bodies up to this size may be compressed as far as they can be."""
MAX_CODINGS = 2
MAX_MEMBERS = 10_000
"""Members or frames of a body: each costs, even if it holds nothing."""
WINDOW_LOG = 23
ALIASES = {"x-gzip": "gzip"}
IDENTITY = "identity"


class UnknownCoding(ValueError):
    """A body is compressed in another way, or too many times; the message is for the client."""


class BrokenCoding(ValueError):
    """The body is not what its coding says; the message is for the client."""


class Expanded(ValueError):
    """The body becomes larger than it may; `ratio` says whether it is the ratio that is exceeded."""

    def __init__(self, ratio: bool) -> None:
        super().__init__()
        self.ratio = ratio


class Member(Protocol):
    """A compressed stream with an end. `step` unpacks about `STEP_BYTES` of what was given so far; `hungry` says that there is
    no more without more data, `ended` that this was all of it, and `rest` what came after its end."""

    error: type[Exception]
    hungry: bool
    ended: bool
    rest: bytes

    def step(self, data: bytes) -> bytes: ...


class _Zlib:
    error: type[Exception] = zlib.error

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)
        self._tail = self.rest = b""
        self.hungry = self.ended = False

    def step(self, data: bytes) -> bytes:
        out = self._stream.decompress(self._tail + data, STEP_BYTES)
        self._tail, self.ended, self.rest = self._stream.unconsumed_tail, self._stream.eof, self._stream.unused_data
        self.hungry = not self._tail and len(out) < STEP_BYTES
        return out


class _Deflate(_Zlib):
    """The coding's name means zlib's format, but some clients send the bare stream: the first two bytes tell."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._head: bytes | None = b""

    def step(self, data: bytes) -> bytes:
        if self._head is not None:
            data = self._head + data
            if len(data) < 2:
                self._head, self.hungry = data, True
                return b""
            self._head = None
            if data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:2]) % 31:
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        return super().step(data)


class _Brotli:
    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]

        self.error: type[Exception] = brotli.error
        self._stream = brotli.Decompressor()
        self.hungry = self.ended = False
        self.rest = b""

    def step(self, data: bytes) -> bytes:
        out: bytes = self._stream.process(data, output_buffer_limit=STEP_BYTES)
        self.hungry = self._stream.can_accept_more_data() and len(out) < STEP_BYTES  # else there may be more output
        self.ended = self._stream.is_finished()
        return out


class _Zstd:
    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self.error: type[Exception] = zstd.ZstdError
        self._stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})
        self.hungry = self.ended = False
        self.rest = b""

    def step(self, data: bytes) -> bytes:
        out = self._stream.decompress(data, max_length=STEP_BYTES)
        self.hungry, self.ended, self.rest = self._stream.needs_input, self._stream.eof, self._stream.unused_data
        return out


CODINGS: dict[str, tuple[Callable[[], Member], bool]] = {
    "gzip": (lambda: _Zlib(16 + zlib.MAX_WBITS), True),
    "deflate": (_Deflate, False),
    "br": (_Brotli, False),
    "zstd": (_Zstd, True),
}
"""How a stream of each coding is read, and whether several of them may follow each other."""
TAKEN = ", ".join(CODINGS)


class _Stage:
    """One coding of a body."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._make, self._repeats = CODINGS[name]
        self._member: Member | None = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the data adds, in steps, some of which are empty. Raises `BrokenCoding`."""
        while data:
            member = self._opened()
            try:
                yield member.step(data)
                while not (member.ended or member.hungry):
                    yield member.step(b"")
            except member.error as error:
                raise BrokenCoding(f"The request body is not valid {self._name} data.") from error
            data = member.rest
            if member.ended:
                self._member = None

    def finish(self) -> None:
        """Raises `BrokenCoding` unless the data ended where a stream ended."""
        if self._member is not None:
            raise BrokenCoding(f"The request body is cut off: its {self._name} data ends too soon.")

    def _opened(self) -> Member:
        if self._member is None:
            if self._members and not self._repeats:
                raise BrokenCoding(f"The request body goes on after the end of its {self._name} data.")
            if self._members >= MAX_MEMBERS:
                raise BrokenCoding(f"The request body has more than {MAX_MEMBERS} {self._name} streams.")
            self._member = self._make()
            self._members += 1
        return self._member


class Unpacker:
    """A body whose codings are undone: at most `most` bytes, and `MAX_RATIO` times as many as came. `announced` is how many
    will come, 0 if that is not known."""

    def __init__(self, codings: Sequence[str], most: int, announced: int = 0) -> None:
        self.size = 0
        """Bytes of the body without its codings, so far."""
        self._stages = [_Stage(name) for name in reversed(codings)]
        self._unpacked = [0] * len(codings)
        self._most = most
        self._announced = announced
        self._came = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the data adds, in steps, some of which are empty. Raises `BrokenCoding`, `Expanded`."""
        self._came += len(data)
        for piece in self._through(0, data):
            self.size += len(piece)
            yield piece

    def finish(self) -> None:
        """Raises `BrokenCoding` when the end is missing. A body of no bytes at all is one without codings."""
        for stage in self._stages:
            stage.finish()

    def _through(self, number: int, data: bytes) -> Iterator[bytes]:
        if number == len(self._stages):
            yield data
            return
        for piece in self._stages[number].feed(data):
            self._count(number, len(piece))
            yield from self._through(number + 1, piece)

    def _count(self, number: int, more: int) -> None:
        """Every coding is bounded, not only the last: what one blows up another may fold again."""
        unpacked = self._unpacked[number] = self._unpacked[number] + more
        if unpacked > self._most:
            raise Expanded(ratio=False)
        if unpacked > FREE_BYTES and unpacked > MAX_RATIO * max(self._came, self._announced):
            raise Expanded(ratio=True)


def codings_of(header: bytes) -> list[str]:
    """The codings of a `Content-Encoding` in the order in which they were applied, without `identity`. Raises `UnknownCoding`."""
    names = [name.strip().lower() for name in header.decode("latin-1").split(",")]
    codings = [ALIASES.get(name, name) for name in names if name not in ("", IDENTITY)]
    for name in codings:
        if name not in CODINGS:
            raise UnknownCoding(f"The request body's Content-Encoding {name[:50]!r} is not supported. Supported are {TAKEN}.")
    if len(codings) > MAX_CODINGS:
        raise UnknownCoding(
            f"The request body has {len(codings)} content codings. At most {MAX_CODINGS} of {TAKEN} are supported."
        )
    return codings
