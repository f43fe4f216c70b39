"""What stands before Django? The bounds that it lacks: it would take any body, at any pace, before it asks who sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openai_api.context import Limits, Receive, Send
from openai_api.dialects.openai import OPENAI
from openai_api.errors import ApiError
from openai_api.http.bounded_body import BoundedBody, too_large
from openai_api.http.receive import request_id_of

MAX_BODY_BYTES = 4 * 1024 * 1024
"""More than the largest form that Django itself accepts."""


class BoundedDjango:
    """Django as an ASGI application whose requests have bodies within `limits`, and whose answers carry `x-request-id`."""

    def __init__(self, django: Any, limits: Limits) -> None:
        self._django = django
        self._limits = limits

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One request. What exceeds the bounds is answered as on the public paths: 413, 408, and the end."""
        request_id = request_id_of(scope["headers"])
        identified = OPENAI.identify(request_id)

        async def send_named(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *identified]}
            await send(message)

        try:
            if _announced(scope["headers"]) > self._limits.max_body_bytes:
                raise too_large(self._limits)
            await self._django(scope, BoundedBody(receive, self._limits), send_named)
        except ApiError as error:
            await _refuse(send_named, error, request_id)


def _announced(headers: list[tuple[bytes, bytes]]) -> int:
    told = dict(headers).get(b"content-length", b"")
    return int(told) if told.isdigit() else 0


async def _refuse(send: Send, error: ApiError, request_id: str) -> None:
    body = OPENAI.error(error.failure(), request_id)
    headers = [*OPENAI.error_headers, (b"content-length", b"%d" % len(body)), *error.headers]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
