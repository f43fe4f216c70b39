"""How is a very large JSON value read and written without holding the interpreter for long? Item by item.

One call of the decoder keeps every other thread of the process waiting until it returns: a fifth of a second for 60 MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

STEP = 1024 * 1024
"""Bytes that are read in one go."""
MANY = 64
"""Items that are written in one go."""
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode_in_steps(data: bytes | msgspec.Raw) -> Any:
    """The value, as `msgspec.json.decode` gives it, which raises the same."""
    if len(data) <= STEP:
        return msgspec.json.decode(data)
    first = bytes(memoryview(data)[:1])
    if first == b"{":
        return {name: decode_in_steps(value) for name, value in _members(data).items()}
    if first == b"[":
        return [decode_in_steps(value) for value in _items(data)]
    return msgspec.json.decode(data)


def encode_in_steps(value: dict[str, Any]) -> bytes:
    """The JSON text of an object, as `msgspec.json.encode` gives it; lists of many items are written item by item. The text is
    put together once: each copy of it would hold up the others for as long as it takes to write it."""
    return b"".join(_parts_of_object(value))


def release_in_steps(values: list[Any]) -> None:
    """Empties a list of many values. One statement would end them all before anybody else has a turn."""
    while values:
        del values[-MANY:]


def _parts_of_object(value: dict[str, Any]) -> Iterator[bytes]:
    before = b"{"
    for name, inner in value.items():
        yield before + msgspec.json.encode(name) + b":"
        yield from _parts(inner)
        before = b","
    yield b"}" if value else b"{}"


def _parts(value: Any) -> Iterator[bytes]:
    if type(value) is not list or len(value) <= MANY:
        yield msgspec.json.encode(value)
        return
    before = b"["
    for start in range(0, len(value), MANY):
        yield before + msgspec.json.encode(value[start : start + MANY])[1:-1]
        before = b","
    yield b"]"
