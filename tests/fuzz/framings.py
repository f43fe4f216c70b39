"""How may requests stand on a connection, and how many answers must come? Made by chance, each from its number alone.

A framing is a few requests behind one another: upgrades that nobody takes, bodies of every kind that look like requests,
handshakes that are refused, ends of every kind, cut into packets anywhere. Every request carries its `x-request-id`, and so
does what must never be read as one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import NamedTuple

SMUGGLED = "smuggled"
"""The beginning of the ids of requests that are part of a body, or behind the end of the connection's requests."""
LINE = "\r\n"
MOST_REQUESTS = 4
JSON_BODY = json.dumps({"model": "fuzz/ok", "messages": [{"role": "user", "content": "hi"}]}).encode()


class Asked(NamedTuple):
    """A request that must be answered, with one of these statuses."""

    id: str
    method: str
    statuses: tuple[int, ...] = ()


class Framing(NamedTuple):
    """The packets, the requests that must be answered in this order, and whether one more answer, a refusal, may come."""

    packets: list[bytes]
    asked: list[Asked]
    refusal: bool


class Kind(NamedTuple):
    """A request that is served: its line, whether it needs the key, and what is answered if its body is JSON or anything."""

    method: str
    path: str
    keyed: bool
    good: int
    other: int


KINDS = [
    Kind("GET", "/livez", False, 200, 200),
    Kind("GET", "/v1/models", True, 200, 200),
    Kind("GET", "/v1/models", False, 401, 401),
    Kind("HEAD", "/livez", False, 200, 200),
    Kind("POST", "/v1/chat/completions", True, 200, 400),
    Kind("POST", "/v1/chat/completions", True, 200, 400),
    Kind("POST", "/v1/chat/completions", False, 401, 401),
    Kind("POST", "/livez", False, 405, 405),
    Kind("POST", "/v1/responses", True, 400, 400),
    Kind("DELETE", "/v1/models/fuzz/ok", True, 405, 405),
    Kind("PUT", "/v1/nothing", True, 404, 404),
    Kind("OPTIONS", "/v1/responses", True, 405, 405),
]
PAGES = [Kind("GET", "/nothing", False, 404, 404), Kind("POST", "/admin/login/", False, 403, 403)]
"""What Django serves, which takes its time: one request in `PAGES_EVERY`."""
PAGES_EVERY = 25
IGNORED = [
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: upgrade\r\nUpgrade: h2c",
    "connection: keep-alive, UPGRADE\r\nupgrade: TLS/1.2, HTTP/1.1",
    "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: foo/2",
    "Connection:Upgrade,\r\nUpgrade:\th2c\t\r\nUpgrade: quic",
    "Connection: Upgrade\r\nUpgrade:",
    "Connection: Upgrade\r\nUpgrade: websockets",
    "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
    "Connection: Upgrade",
    "Connection: Upgraded\r\nUpgrade: websocket",
]
"""Upgrades that are not taken, whatever the method."""
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
WEBSOCKET = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{KEY}"
CLOSE = b"\x88\x80\0\0\0\0"
"""A frame that ends a WebSocket."""
BROKEN = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5, 5",
    "Content-Length: +5",
    "Content-Length: -1",
    "Content-Length: 0x5",
    "Content-Length: 99999999999999999999",
    "Content-Length : 5",
    "Content-Length: 5\r\n 0",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding:\x0bchunked",
    "Transfer-Encoding : chunked",
    "x: a\r\n b",
    "x: a\rb",
    "x: a\x00b",
    ": x",
    "no colon",
]
"""Lines that make a head invalid: what ends it cannot be known."""
BROKEN_CHUNKS = [
    b"zz\r\nhello\r\n",
    b"5\r\nhelloX\r\n",
    b"-5\r\nhello\r\n",
    b"5 5\r\nhello\r\n",
    b"5\nhello\n",
    b"0x5\r\nhello\r\n",
]
NO_REQUESTS = [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00",
    b"GET\r\n\r\n",
    b"get /livez http/1.1\r\n\r\n",
    b"\x00",
]


class Writer:
    """Writes the requests of one framing."""

    def __init__(self, number: int, key: str) -> None:
        self._chance = Random(number)
        self._key = key
        self._number = number
        self._written = b""
        self._ends: list[int] = []
        self._asked: list[Asked] = []
        self._refusal = False

    def framing(self) -> Framing:
        for _ in range(self._chance.randint(0, MOST_REQUESTS - 1)):
            self._served()
        self._chance.choice(ENDS)(self)
        self._ends.append(len(self._written))
        self._written += self._smuggled() * self._chance.randint(0, 2)
        return Framing(self._packets(), self._asked, self._refusal)

    # Requests

    def _served(self, version: str = "1.1", more: str = "") -> None:
        """A request that is answered, however it would like to upgrade and however its body comes."""
        kind = self._chance.choice(PAGES if self._chance.randrange(PAGES_EVERY) == 0 else KINDS)
        upgrade = self._chance.choice(IGNORED) if self._chance.random() < 0.6 else ""
        if kind.method != "GET" and self._chance.random() < 0.2:
            upgrade = WEBSOCKET
        body, good = self._body()
        framed = self._framed(body)
        status = kind.good if good else kind.other
        self._head(kind.method, kind.path, [upgrade, more, framed[0]], kind.keyed, version, (status,))
        self._written += framed[1]

    def _head(
        self, method: str, path: str, lines: list[str], keyed: bool, version: str = "1.1", statuses: tuple[int, ...] = ()
    ) -> None:
        asked = Asked(f"r{self._number}-{len(self._asked)}", method, statuses)
        key = f"x-api-key: {self._key}" if keyed else ""
        present = list(filter(None, [*lines, key]))
        self._chance.shuffle(present)
        head = [f"{method} {path} HTTP/{version}", f"x-request-id: {asked.id}", "host: 127.0.0.1", *present, "", ""]
        self._written += LINE.join(head).encode("latin-1")
        self._ends.append(len(self._written))
        self._asked.append(asked)

    def _body(self) -> tuple[bytes, bool]:
        """A body, and whether it is a good request's."""
        which = self._chance.randrange(5)
        if which < 2:
            return JSON_BODY, True
        if which == 2:
            return self._smuggled() * self._chance.randint(1, 3), False
        return (b"0\r\n\r\n" + self._smuggled(), False) if which == 3 else (self._chance.randbytes(30), False)

    def _framed(self, body: bytes) -> tuple[str, bytes]:
        """The line that says how the body ends, and the body."""
        if self._chance.random() < 0.5:
            return f"Content-Length: {len(body)}", body
        cut = self._chance.randrange(len(body))
        extension = self._chance.choice(["", ";a=b", ';a="b"'])
        chunks = [b"%x%b\r\n%b\r\n" % (len(part), extension.encode(), part) for part in (body[:cut], body[cut:]) if part]
        trailer = f"x-request-id: {SMUGGLED}-trailer\r\n" if self._chance.random() < 0.3 else ""
        return self._chance.choice(["Transfer-Encoding: chunked", "transfer-encoding:Chunked"]), b"".join(
            [*chunks, b"0\r\n", trailer.encode(), b"\r\n"]
        )

    def _smuggled(self) -> bytes:
        """A request that nobody may answer."""
        name = f"{SMUGGLED}-{self._number}-{self._chance.randrange(1000)}"
        return f"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-request-id: {name}\r\nx-api-key: {self._key}\r\n\r\n".encode()

    # Ends

    def closing(self) -> None:
        self._served(more="Connection: close")

    def old(self) -> None:
        self._served("1.0", self._chance.choice(["", "Connection: keep-alive"]))

    def refused_handshake(self) -> None:
        """One that nobody answers with 101, and whatever its body."""
        path = self._chance.choice(["/nothing", "/v1/chat/completions", "/livez", "/v1/responses"])
        length = self._chance.choice(["", "Content-Length: 0", f"Content-Length: {len(self._smuggled())}"])
        lines = [WEBSOCKET if self._chance.random() < 0.7 else WEBSOCKET.replace("13", "12"), length]
        self._head("GET", path, lines, keyed=path != "/v1/responses", statuses=(200, 400, 401, 404, 405))

    def taken_handshake(self) -> None:
        """One that is answered with 101, unless earlier answers are still to come."""
        self._head("GET", "/v1/responses", [WEBSOCKET], keyed=True, statuses=(101, 405))
        self._written += self._chance.choice([CLOSE, CLOSE, CLOSE, b"GET /"])

    def connect(self) -> None:
        self._unanswerable("CONNECT", self._chance.choice(["example.com:80", "127.0.0.1:1"]), [])

    def broken_head(self) -> None:
        upgrade = self._chance.choice([*IGNORED, WEBSOCKET, "", "", ""])
        self._unanswerable("POST", "/v1/chat/completions", [upgrade, self._chance.choice(BROKEN)])

    def broken_chunk(self) -> None:
        """Its request may be answered before it comes."""
        kind = self._chance.choice([kind for kind in KINDS if kind.method != "HEAD"])
        upgrade = self._chance.choice([*IGNORED, ""])
        self._unanswerable(kind.method, kind.path, [upgrade, "Transfer-Encoding: chunked"])
        self._written += self._chance.choice(BROKEN_CHUNKS)

    def no_request(self) -> None:
        self._refusal = True
        self._written += self._chance.choice(NO_REQUESTS)

    def _unanswerable(self, method: str, path: str, lines: list[str]) -> None:
        """A request that is refused, or not answered at all where others stand before it."""
        self._refusal = True
        self._head(method, path, lines, keyed=True)
        self._asked.pop()

    # Packets

    def _packets(self) -> list[bytes]:
        """What was written, cut behind heads and anywhere, or not at all."""
        places = {place for place in self._ends if self._chance.random() < 0.3}
        if self._chance.random() < 0.3:
            places |= {self._chance.randrange(len(self._written)) for _ in range(self._chance.randint(1, 3))}
        cuts = [0, *sorted(places - {0, len(self._written)}), len(self._written)]
        return [self._written[start:end] for start, end in pairwise(cuts)]


ENDS: list[Callable[[Writer], None]] = [
    Writer.closing,
    Writer.closing,
    Writer.old,
    Writer.refused_handshake,
    Writer.refused_handshake,
    Writer.taken_handshake,
    Writer.connect,
    Writer.broken_head,
    Writer.broken_head,
    Writer.broken_chunk,
    Writer.no_request,
]


def framing(number: int, key: str) -> Framing:
    """The framing of that number. `key` is a client key that may use the model `fuzz/ok`."""
    return Writer(number, key).framing()
