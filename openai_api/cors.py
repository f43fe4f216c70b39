"""Which pages of other sites may call the public paths from a browser? The Fetch Standard's CORS protocol, for listed origins.

No credentials mode: keys come in headers that scripts set, never in cookies, so `access-control-allow-credentials` is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from openai_api.context import Receive, Send
from openai_api.errors import Headers
from openai_api.http.receive import request_id_of
from openai_api.routes import ROUTES, TABLE

Asgi = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]
ANY = "*"
HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,4096}")
EXPOSED = (
    "age",
    "x-gateway-attempts",
    "x-gateway-cache",
    "x-gateway-cost-usd",
    "x-gateway-estimated",
    "x-gateway-limits",
    "x-gateway-idempotent",
    "x-gateway-lossy",
    "x-gateway-model",
    "x-gateway-overhead-ms",
    "x-gateway-provider",
    "x-gateway-session-id",
)
"""What scripts may read of an answer's head, beside what the dialect shows them and what they always may."""
MAX_AGE_S = 600
METHODS = ", ".join(sorted({route.method for route in ROUTES if route.keyed} - {"HEAD"}))
"""`HEAD` needs no permission (Fetch, 2.2.1)."""
KEYLESS = frozenset(route.path for route in ROUTES if not route.keyed)
"""Health and metrics are for operators, not for pages."""


class Cors:
    """The application for pages of these `origins`; "*" stands for all. All else passes as it is."""

    def __init__(self, application: Asgi, origins: Iterable[str]) -> None:
        self._application = application
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] in KEYLESS:
            await self._application(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        allowed = self._allowed(headers.get(b"origin", b""))
        if allowed and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await send(_preflight(scope, headers, allowed))
            await send({"type": "http.response.body", "body": b""})
            return
        await self._application(scope, receive, _named(send, scope["path"], allowed) if allowed else send)

    def _allowed(self, origin: bytes) -> Headers:
        """The headers that let pages of this origin read an answer; none if they may not."""
        if self._any:
            return ((b"access-control-allow-origin", b"*"),) if origin else ()
        vary = (b"vary", b"Origin")
        return ((b"access-control-allow-origin", origin), vary) if origin in self._origins else ()


def _named(send: Send, path: str, allowed: Headers) -> Send:
    """A `send` whose answers, errors and streams too, carry the headers."""
    shown = ", ".join((*EXPOSED, *TABLE.place(path).dialect.shown))
    more: Headers = (*allowed, (b"access-control-expose-headers", shown.encode()))

    async def named(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return named


def _preflight(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], allowed: Headers) -> Mapping[str, Any]:
    """The head of the answer to a browser that asks first. SDKs send many headers of their own (`x-stainless-*`), and more with
    each version: whichever are asked for are allowed."""
    asked = headers.get(b"access-control-request-headers", b"")
    named = [(b"access-control-allow-headers", asked)] if HEADER_NAMES.fullmatch(asked) else []
    answer = [
        *allowed,
        (b"access-control-allow-methods", METHODS.encode()),
        *named,
        (b"access-control-max-age", b"%d" % MAX_AGE_S),
        (b"x-request-id", request_id_of(scope["headers"]).encode()),
    ]
    return {"type": "http.response.start", "status": 204, "headers": answer}
