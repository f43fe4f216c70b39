"""Which parsers read what strangers send, what must hold of them for any bytes, and what do good bytes look like?

A target takes bytes and raises `AssertionError`, or whatever the parser must not raise. The first byte says whether the
others are the text itself or choose its words; the next `CUTS` say where it is cut.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from providers.bytes.content_coding import BrokenCoding, Expanded, Unpacker
from providers.bytes.json_guard import MAX_DEPTH, UnsafeJson, check_text, depth_exceeds, holds_infinity, keys_exceed, structure_of
from providers.bytes.patch import InvalidJson, fields_of, patch
from providers.bytes.sse import FrameSplitter, data_of
from providers.errors import ProviderError
from providers.transport.answer import Answer

CUTS = 3
FEW = 2
"""Fields of an object; texts with as many as the guard allows would be too long."""
SPELLED = b"\1"


class Target(NamedTuple):
    """`check` takes a text and the pieces it is cut into, `spell` makes a text of choices, `seeds` are good texts."""

    check: Callable[[bytes, list[bytes]], None]
    spell: Callable[[bytes], bytes]
    seeds: Sequence[bytes]

    def run(self, data: bytes) -> None:
        places, text = data[1 : 1 + CUTS], data[1 + CUTS :]
        if data[:1] == SPELLED:
            text = self.spell(text)
        cuts = sorted(place % (len(text) + 1) for place in places)
        self.check(text, [text[a:b] for a, b in pairwise([0, *cuts, len(text)])])

    def inputs(self) -> list[bytes]:
        """What the fuzzer begins with."""
        return [b"\0\3\7\x20" + seed for seed in self.seeds] + [SPELLED + b"abc" + bytes(range(64))]


def words(*known: bytes) -> Callable[[bytes], bytes]:
    """Each choice is one of these words."""
    return lambda choices: b"".join(known[choice % len(known)] for choice in choices)


# Server-sent events


def sse(stream: bytes, chunks: list[bytes]) -> None:
    """Whatever the cuts, the frames are the stream, and hold the events that the specification's algorithm reads."""
    splitter = FrameSplitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    assert b"".join(frames) + splitter.rest() == stream
    assert [event for frame in frames if (event := data_of(frame)) is not None] == events_of(stream)


def events_of(stream: bytes) -> list[bytes]:
    """The data of each event, read as the specification's algorithm reads it, line by line."""
    text = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[bytes] = []
    data: list[bytes] = []
    for line in text.split(b"\n")[:-1]:
        field, colon, value = line.partition(b":")
        if line == b"" and data:
            events.append(b"\n".join(data))
            data = []
        elif field == b"data":
            data.append(value.removeprefix(b" ") if colon else b"")
    return events


# JSON


def json_guard(data: bytes, _chunks: list[bytes]) -> None:
    """Only `UnsafeJson` is raised, and for every JSON text the guard's verdict is that of a full reading."""
    refused = is_refused(data, len(data))
    value = read(data)
    assert is_refused(data, 5) is refused or value is UNREADABLE, "in slices"
    if value is not UNREADABLE:
        deep, infinite = depth(value) > MAX_DEPTH, has_infinity(value)
        structure = structure_of(data)
        assert depth_exceeds(structure, MAX_DEPTH) is deep, "depth"
        assert deep or keys_exceed(structure, FEW) is (most_fields(value) > FEW), "fields"
        assert holds_infinity(data) is infinite, "infinity"
        assert refused is (deep or infinite), "verdict"


def is_refused(data: bytes, slice_bytes: int) -> bool:
    try:
        check_text(data, slice_bytes)
    except UnsafeJson:
        return True
    return False


def fields(data: bytes, _chunks: list[bytes]) -> None:
    """Only `InvalidJson` is raised; what is found is what a full reading finds, and a patch changes that and no more."""
    try:
        found = fields_of(data)
    except InvalidJson:
        return
    value = read(data)
    if value is UNREADABLE:
        return  # a string within is no text: the guard has refused such a body before
    assert list(found.spans) == list(value)
    raws = {name: found.raw(name) or b"" for name in found.spans}
    assert {name: same(raw) for name, raw in raws.items()} == {
        name: same(json.dumps(one).encode()) for name, one in value.items()
    }
    assert patch(found, {}) == data
    first = next(iter(value), "absent")
    for changes in ({first: b"1"}, {first: None}, {"new": b'"x"'}, {"new": b"[]", first: None}):
        expected = {**value, **{name: json.loads(text) for name, text in changes.items() if text is not None}}
        for name in (name for name, text in changes.items() if text is None):
            expected.pop(name, None)
        patched = read(patch(found, changes))
        assert same(json.dumps(patched).encode()) == same(json.dumps(expected).encode()), changes


def grown(choices: bytes) -> bytes:
    """A JSON object, valid but for keys that may occur twice."""
    left = iter(choices)

    def pick(known: Sequence[bytes]) -> bytes:
        return known[next(left, 0) % len(known)]

    def grow(kind: int) -> bytes:
        if kind < len(SCALARS):
            return SCALARS[kind]
        inner = [grow(next(left, 0) % KINDS) for _ in range(next(left, 0) % 4)]
        if kind % 2:
            return b"[" + pick(SPACES) + (b"," + pick(SPACES)).join(inner) + b"]"
        members = [pick(KEYS) + pick(SPACES) + b":" + pick(SPACES) + value for value in inner]
        return b"{" + pick(SPACES) + (pick(SPACES) + b",").join(members) + pick(SPACES) + b"}"

    return pick(SPACES) + grow(KINDS - KINDS % 2) + pick(SPACES)


KEYS = (b'"model"', b'"n"', b'"mod\\u0065l"', b'""', b'"\\""', b'"\xc3\xa9"', b'"a:{"', b'"\\\\"', b'"stream"')
SPACES = (b"", b"", b" ", b"\r\n\t")
SCALARS = (
    b"1",
    b'"m"',
    b"null",
    b"true",
    b"-0.0",
    b"1e308",
    b"1e309",
    b"-9E+999",
    b'"1e999[\\"{"',
    b'"\\\\"',
    b'"\xf0\x9f\x98\x80"',
    b'"}"',
)
KINDS = len(SCALARS) + 8
UNREADABLE = object()


def read(data: bytes) -> Any:
    """The value of a JSON text as the strict and the standard parser agree on it; `UNREADABLE` otherwise."""
    try:
        msgspec.json.decode(data)
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return UNREADABLE


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def same(text: bytes) -> str:
    """Texts of equal values become equal."""
    return json.dumps(json.loads(text), sort_keys=True)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def most_fields(value: Any) -> int:
    """Of the object that has the most."""
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return max(len(value) if isinstance(value, dict) else 0, *map(most_fields, inner), 0)


def has_infinity(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_infinity, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and math.isinf(value)


# HTTP answers


def answer(stream: bytes, chunks: list[bytes]) -> None:
    """Nothing is raised, and an answer that is accepted is the same however it was cut."""
    at_once, cut, bytewise = (told(one) for one in ([stream], chunks, [stream[i : i + 1] for i in range(len(stream))]))
    assert at_once == cut == bytewise


def told(chunks: Sequence[bytes]) -> Any:
    """What one answer says: its error, or status, headers, content, and whether it is complete."""
    one = Answer("peer")
    one.begin(True)
    for chunk in chunks:
        if chunk and one.error is None:
            one.feed(chunk)
    one.drop_parser()
    if one.error is not None:
        assert isinstance(one.error, ProviderError)
        return "refused"
    return (one.status, one.headers, one.take(), one.complete) if one.head else "no head yet"


# Compressed bodies

CODINGS = (["gzip"], ["deflate"], ["zstd"], ["br"], ["gzip", "deflate"])
MOST = 256 * 1024


def coding(text: bytes, pieces: list[bytes]) -> None:
    """Whatever the cuts, a body in any coding is the same or refused, and never larger than it may be."""
    for codings in CODINGS:
        whole = unpacked(codings, [text], len(text))
        assert whole == unpacked(codings, pieces, len(text))
        assert len(whole or b"") <= MOST


def unpacked(codings: Sequence[str], pieces: Sequence[bytes], announced: int) -> bytes | None:
    """The body without its codings, None where it is refused."""
    unpacker = Unpacker(codings, MOST, announced)
    try:
        found = b"".join(part for piece in pieces for part in unpacker.feed(piece))
        unpacker.finish()
    except (BrokenCoding, Expanded):
        return None
    return found


BODY = (
    b'{"model":"m","messages":[{"role":"user","content":"h\\u00e9 \\"x\\" \xc3\xa9"}],"n":1e3,"stream":true,'
    b'"a":{"b":[1,-0.5E-7]}}'
)
GZIP = gzip.compress(BODY, mtime=0)
CHUNK = b'data: {"choices":[{"delta":{"content":"\xf0\x9f\x98\x80"}}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
JSON_SEEDS = (
    BODY,
    b"{}",
    b' {"a" : [ ] , "b":{}} ',
    b"[" * 101 + b"]" * 101,
    b'{"a":1e999,"b":"[[1e999"}',
    b'{"a":1,"a":2}',
    b'"\xff"',
)
TARGETS: Mapping[str, Target] = {
    "sse": Target(
        sse,
        words(b"data", b"data: a", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"\xc3\xa9", b"\xff", b"\xef\xbb\xbf", b"id: 1"),
        (
            CHUNK + b"\n\ndata: [DONE]\n\n",
            b"\xef\xbb\xbf: ping\r\n\r\nevent: x\rdata:a\rdata: b\r\r",
            b"data\ndata\n\nid: 1\n\n\n",
        ),
    ),
    "json_guard": Target(json_guard, grown, JSON_SEEDS),
    "fields": Target(fields, grown, JSON_SEEDS),
    "coding": Target(
        coding,
        words(
            GZIP[:10],
            b"\x03\x00",
            zlib.compress(b"a"),
            bytes(8),
            b"\x78\x9c",
            b"\x28\xb5\x2f\xfd",
            b"\x0b\x02\x80a\x03",
        ),
        (
            GZIP * 2,
            zlib.compress(BODY),
            zlib.compress(GZIP),
            zlib.compress(bytes(MOST + 1)),
            b"\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}" + b"\x50\x2a\x4d\x18\x01\x00\x00\x00x",
            b"\x8b\x00\x80{}\x03",
        ),
    ),
    "answer": Target(
        answer,
        words(
            *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n", b"content-length: 2\r\n", b"content-length: 0\r\n", b"\r\n"),
            *(b"transfer-encoding: chunked\r\n", b"2\r\n", b"0\r\n", b"{}", b"connection: close\r\n", b"x: y\r\n", b"\n", b"\0"),
        ),
        (
            HEAD + b"content-length: 2\r\n\r\n{}",
            HEAD + b"transfer-encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + HEAD + b"\r\nto the end",
            b"HTTP/1.0 529 \r\ncontent-encoding: gzip\r\nconnection: keep-alive, close\r\n\r\n",
        ),
    ),
}
