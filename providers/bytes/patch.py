"""Where in a JSON object do its top-level fields stand, and how is one changed without touching the rest?

The object is walked once by the C decoder, which gives each value as raw bytes; their lengths tell the positions. Most bodies
are spaced in one of two ways: if names and values, written that way again, are the body byte for byte, the positions are
right and no field occurs twice, since the decoder gives each name once. All others are searched field by field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_KEY = re.compile(rb'"(?:[^"\\]|\\.)*"')
_string = msgspec.json.Decoder(str).decode
_quoted: dict[str, bytes] = {}
"""Names with their quotes and the colon, as most bodies have them."""
_members: tuple[dict[str, bytes], dict[str, bytes]] = ({}, {})
"""Names as they stand between two values: `,"name":`, and `, "name": ` as Python writes it."""
MAX_QUOTED = 1000
COPIED = 256 * 1024
"""Bytes of a body up to which copies of its values are cheaper than views of them."""
PIECE_BYTES = 256 * 1024
NO_KEY = b"\0"
"""A byte that no JSON text contains."""
SPACE = b" \t\r\n"
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")


class InvalidJson(ValueError):
    """The text is not one JSON object."""


class DuplicateKey(InvalidJson):
    """A field occurs twice."""


class Fields:
    """The top-level fields of one JSON object: `spans[name]` are the start of the key, the start and end of the value."""

    __slots__ = ("body", "spans")

    def __init__(self, body: bytes, spans: dict[str, tuple[int, int, int]]) -> None:
        self.body = body
        self.spans = spans

    def raw(self, name: str) -> bytes | None:
        """The JSON text of a field, or None."""
        span = self.spans.get(name)
        return None if span is None else self.body[span[1] : span[2]]


def fields_of(body: bytes) -> Fields:
    """Finds the top-level fields. Raises `InvalidJson`, `DuplicateKey`; an invalid string may pass, so check UTF-8 first."""
    try:
        values = _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidJson(str(error)) from error
    if len(body) < COPIED and (found := _spaced_alike(body, values)) is not None:
        return Fields(body, found)
    spans: dict[str, tuple[int, int, int]] = {}
    seen = bytes if len(body) < COPIED else memoryview
    position, lead, gap, known = 0, b"", b"", _quoted.get
    for name, value in values.items():
        raw, quoted = seen(value), known(name, NO_KEY) + gap
        key = position + 1 + len(lead)
        start = key + len(quoted)
        if not (body.startswith(quoted, key) and body.startswith(raw, start) and body.startswith(lead, position + 1)):
            key = body.find(b'"', position)  # between two members there is nothing but a comma and space
            after = _end_of_key(body, key, name)
            start = _start_of_value(body, after)
            if not body.startswith(raw, start):
                raise DuplicateKey(f"the field {name!r} occurs twice")
            lead, gap = body[position + 1 : key], body[after + 1 : start]  # most bodies are spaced alike from here on
        position = start + len(raw)
        spans[name] = (key, start, position)
    if spans and body[position:].strip(SPACE) != b"}":
        raise DuplicateKey("a field occurs twice")
    return Fields(body, spans)


def _spaced_alike(body: bytes, values: Mapping[str, msgspec.Raw]) -> dict[str, tuple[int, int, int]] | None:
    """The positions in a body of known names that is spaced in one of the usual ways, None for any other."""
    spaced = b'": ' in body[:64]
    known, lead = _members[spaced], 1 + spaced
    spans: dict[str, tuple[int, int, int]] = {}
    parts: list[bytes | msgspec.Raw] = []
    position = -spaced  # of the byte before the comma; an object begins without the space
    try:
        for name, value in values.items():
            member = known[name]
            start = position + len(member)
            stop = start + len(value)
            spans[name] = (position + lead, start, stop)
            position = stop
            parts.append(member)
            parts.append(value)
    except KeyError:
        return None
    parts.append(b"}")
    text = b"".join(parts)
    return spans if text[lead:] == body[1:] and body.startswith(b"{") else None


def _start_of_value(body: bytes, after: int) -> int:
    match = _COLON.match(body, after)
    return match.end() if match else len(body)


def _end_of_key(body: bytes, key: int, name: str) -> int:
    quoted = b'"%b"' % name.encode()
    if len(_quoted) < MAX_QUOTED:
        _quoted[name] = quoted + b":"
        _members[0][name] = b",%b:" % quoted
        _members[1][name] = b", %b: " % quoted
    if body.startswith(quoted, key):
        return key + len(quoted)
    match = _KEY.match(body, max(key, 0))
    if match is None or _string(match[0]) != name:
        raise DuplicateKey("a field occurs twice")
    return match.end()


class Patched:
    """A large object with some fields changed: `Pieces` of a request, none of which is a copy of the object."""

    __slots__ = ("_length", "_parts")

    def __init__(self, parts: Sequence[bytes | memoryview]) -> None:
        self._parts = parts
        self._length = sum(map(len, parts))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for part in self._parts:
            for start in range(0, len(part), PIECE_BYTES):
                yield part[start : start + PIECE_BYTES]

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)


def patch(fields: Fields, changes: Mapping[str, bytes | None]) -> bytes:
    """The object with some fields set (JSON text) or removed (None). All other bytes stay as they are."""
    return b"".join(_parts(fields, fields.body, changes))


def patched(fields: Fields, changes: Mapping[str, bytes | None]) -> bytes | Patched:
    """As `patch`, in pieces if the object is large."""
    if len(fields.body) <= COPIED:
        return b"".join(_parts(fields, fields.body, changes))
    return Patched(_parts(fields, memoryview(fields.body), changes))


def _parts(fields: Fields, body: bytes | memoryview, changes: Mapping[str, bytes | None]) -> list[bytes | memoryview]:
    spans = fields.spans
    present: list[tuple[int, int, bytes]] = []
    added: list[bytes] = []
    removes = False
    for name, value in changes.items():
        if (span := spans.get(name)) is None:
            if value is not None:
                added.append(b"%b:%b" % (msgspec.json.encode(name), value))
        elif value is None:
            removes = True
        else:
            present.append((span[1], span[2], value))
    if removes:
        return _rebuilt(spans, body, {name: changes[name] for name in changes if name in spans}, added)
    if len(present) > 1:
        present.sort()
    parts: list[bytes | memoryview] = []
    end = 0
    for start, stop, value in present:
        parts += (body[end:start], value)
        end = stop
    if added:
        last = next(reversed(spans.values()))[2] if spans else fields.body.index(b"{") + 1
        parts += (body[end:last], b"," if spans else b"", b",".join(added))
        end = last
    parts.append(body[end:])
    return parts


def _rebuilt(
    spans: Mapping[str, tuple[int, int, int]], body: bytes | memoryview, present: Mapping[str, bytes | None], added: list[bytes]
) -> list[bytes | memoryview]:
    parts: list[bytes | memoryview] = [b"{"]
    for name, (key, start, stop) in spans.items():
        value = present.get(name, body[start:stop])
        if value is not None:
            parts += (body[key:start], value, b",")
    for member in added:
        parts += (member, b",")
    if len(parts) > 1:
        parts.pop()
    parts.append(b"}")
    return parts
