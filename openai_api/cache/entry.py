"""What is kept of an answer? What the upstream has said, before hooks and under its own names.

An answer that is given again has an id of its own, and the time of this answer; all else is byte for byte what it was.
"""

from __future__ import annotations

import re
import zlib
from time import time

import msgspec

from providers.bytes.sse import Frames
from providers.ids import unique
from providers.offload import LARGE, offload
from providers.types import Call, Reply, Usage, Wire

PAYS = 4096
"""Bytes from which a body is compressed, if a quarter of it is saved."""
LOOKED_AT = 16 * 1024
"""Bytes at the beginning of an answer in which its id and its time stand."""
SHORTEST_MADE = 24
"""Characters of an id that is made, at least, beside its prefix."""
_ID = re.compile(rb'"(?:id|responseId)": ?"([A-Za-z0-9._:-]{8,200})"')
_TIME = re.compile(rb'"created(?:_at)?": ?(?=[0-9])')
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
_PREFIX = re.compile(r"(?:[A-Za-z]+[-_])*")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """An answer. `at` is when it was given, in seconds since the epoch; `stream` says that `body` are the bytes of a stream;
    `packed` that they are compressed, from `unpacked` bytes. `id` is that of the answer, "" if it has none, and `told` the member
    with its time. It is purged by its `model`, `tenant` and `key`."""

    at: float
    model: str
    tenant: str
    key: str
    wire: str
    stream: bool
    content_type: bytes
    body: bytes
    packed: bool = False
    id: str = ""
    told: bytes = b""
    lossy: tuple[str, ...] = ()
    usage: Usage | None = None
    estimated: bool = False
    unpacked: int = LARGE + 1

    def size(self) -> int:
        """Roughly the bytes that it takes in memory."""
        return len(self.body) + OVERHEAD


COMPRESSING = 4
"""How much more it costs to compress bytes, or to unpack them, than to look through them."""
OVERHEAD = 1024
"""Bytes of an entry beside its body."""


class Owned(msgspec.Struct, frozen=True):
    """Of whom, and of which model, an answer is."""

    model: str
    tenant: str
    key: str


async def entry_of(call: Call, owned: Owned, answer: Reply | Said) -> Entry:
    """The entry of an answer that has just been given."""
    size = len(answer.body) if isinstance(answer, Reply) else answer.size
    return await offload(COMPRESSING * size, made_entry, call, owned, answer)


class Said(msgspec.Struct):
    """What a stream has said so far, as it came; a stream that is longer than `most` bytes is not kept, which `size` tells."""

    wire: Wire
    content_type: bytes
    lossy: tuple[str, ...]
    most: int
    pieces: list[bytes] = []
    size: int = 0

    def add(self, piece: bytes | Frames) -> None:
        data = piece if isinstance(piece, bytes) else b"".join(piece)
        self.size += len(data)
        if self.size <= self.most:
            self.pieces.append(data)
        else:
            self.pieces.clear()

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def made_entry(call: Call, owned: Owned, answer: Reply | Said) -> Entry:
    """As `entry_of`, here and now."""
    body = answer.body
    packed = zlib.compress(body, 1) if len(body) >= PAYS else body
    pays = len(packed) < len(body) * 3 // 4
    head = body[:LOOKED_AT]
    found_time = _TIME.search(head)
    told = b""
    if found_time is not None and (number := _NUMBER.match(head, found_time.end())):
        told = head[found_time.start() : number.end()]
    whole = isinstance(answer, Reply)
    return Entry(
        at=time(),
        model=owned.model,
        tenant=owned.tenant,
        key=owned.key,
        wire=answer.wire,
        stream=not whole,
        content_type=answer.content_type,
        body=packed if pays else body,
        packed=pays,
        id=call.response.id or found_id(head),
        told=told,
        lossy=answer.lossy,
        usage=answer.usage if isinstance(answer, Reply) else None,
        estimated=isinstance(answer, Reply) and answer.estimated,
        unpacked=len(body),
    )


async def fresh_body(entry: Entry, call: Call) -> bytes:
    """The bytes of the answer with an id and a time of its own."""
    size = COMPRESSING * entry.unpacked if entry.packed else len(entry.body)
    return await offload(size, _fresh_body, entry, call)


def _fresh_body(entry: Entry, call: Call) -> bytes:
    body = zlib.decompress(entry.body) if entry.packed else entry.body
    if entry.id:
        body, _ = renamed(body, entry.id, call.response.id)
    if entry.told:
        name, _, number = entry.told.partition(b":")
        now = (b": %d" if number.startswith(b" ") else b":%d") % time()
        body = body.replace(entry.told, name + now)
    return body


def renamed(body: bytes, known: str, response: str, fresh: str = "") -> tuple[bytes, str]:
    """The bytes of an answer with another id: that of the response if it is one, else `fresh`, or a new one; and the id."""
    if response:  # the ids of its items are made of that of a response
        return body.replace(_token(known), _token(response)), response
    if not fresh:
        prefix = _PREFIX.match(known)
        start = prefix.end() if prefix else 0
        fresh = known[:start] + unique()[: max(len(known) - start, SHORTEST_MADE)]
    return body.replace(b'"%b"' % known.encode(), b'"%b"' % fresh.encode()), fresh


def found_id(head: bytes) -> str:
    """The id of an answer that begins like this, "" if it tells none."""
    found = _ID.search(head)
    return found[1].decode() if found else ""


def _token(response: str) -> bytes:
    return response.removeprefix("resp_").encode()
