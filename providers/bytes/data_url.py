"""How does a file become a `data:` URL in a JSON body? While it is sent, so that no copy of it waits in memory."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import Any

import msgspec

from providers.bytes.multipart import Part

PIECE_BYTES = 192 * 1024
"""Bytes that are encoded at a time; three make four characters."""
HEAD = re.compile(r"data:[a-z]{1,20}/([a-z0-9.+-]{1,60})(?:;[^;,]{1,100}){0,3};base64,", re.IGNORECASE)


def taken_apart(url: Any) -> tuple[str, str] | None:
    """The subtype ("png") and the base64 of a `data:` URL; None for anything else."""
    head = HEAD.match(url) if isinstance(url, str) else None
    return (head[1].lower(), url[head.end() :]) if head else None


class DataUrl:
    """The `data:` URL of a file of a form, as a value of a JSON object."""

    def __init__(self, part: Part, content_type: str) -> None:
        self.start = f"data:{content_type};base64,".encode()
        self._part = part

    def __len__(self) -> int:
        return len(self.start) + (self._part.size + 2) // 3 * 4

    def __iter__(self) -> Iterator[bytes]:
        """The URL in pieces, from the start for every `iter`."""
        yield self.start
        rest = b""
        for piece in self._part.pieces():
            data = rest + piece
            whole = len(data) // 3 * 3
            rest = data[whole:]
            for start in range(0, whole, PIECE_BYTES):
                yield b64encode(data[start : min(start + PIECE_BYTES, whole)])
        if rest:
            yield b64encode(rest)


class JsonWithFiles:
    """A JSON object some of whose values are `DataUrl`s: `Pieces` of a request."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        found: list[DataUrl] = []
        mark = token_hex(16)

        def stand_in(url: Any) -> str:
            if not isinstance(url, DataUrl):
                raise TypeError(type(url).__name__)
            found.append(url)
            return mark

        texts = msgspec.json.encode(value, enc_hook=stand_in).split(mark.encode())
        self._texts, self._urls = texts, found
        self._length = sum(map(len, texts)) + sum(map(len, found))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        for text, url in zip(self._texts, self._urls, strict=False):
            yield text
            yield from url
        yield self._texts[-1]

    def __bytes__(self) -> bytes:
        return b"".join(self)
