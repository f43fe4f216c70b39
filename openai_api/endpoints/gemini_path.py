"""What do Gemini's paths have in common? The model stands in the path, and its key may stand in the query."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from openai_api.context import Gateway, Handler, Inbound
from openai_api.dialects.gemini import GEMINI
from openai_api.http.json_array import JsonArray

PREFIX = "models/"


def model_of(inbound: Inbound) -> str:
    """The model that the path names; clients may say `models/` twice, and slashes too many are forgiven."""
    known, name = inbound.catalog.models, inbound.argument
    return name if name in known else name.strip("/").removeprefix(PREFIX)


def values_of(raw: bytes | None) -> Any:
    """A field of a body, decoded; None if it is not there."""
    return msgspec.json.decode(raw) if raw is not None else None


def as_array(handler: Handler) -> Handler:
    """A handler whose streams are JSON lists unless the query asks for server-sent events."""

    async def handled(gateway: Gateway, inbound: Inbound) -> None:
        if parse_qs(inbound.query.decode("latin-1")).get("alt", [""])[-1] != "sse":
            inbound.outlet = JsonArray(inbound.outlet, GEMINI, inbound.request_id)
        await handler(gateway, inbound)

    return handled
