"""What may Ollama's clients know of models, and of the server? `GET /api/tags` is the dialect's list (`models.py`).

Format: Ollama of August 2026, `server/routes.go`. Models are the operator's: what would add, change or remove them is not served.
"""

from __future__ import annotations

from typing import Any

import msgspec

from openai_api.context import Gateway, Inbound
from openai_api.dialects.listed import named
from openai_api.dialects.ollama import known_name
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import ApiError, invalid
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import send_json, send_whole

VERSION = "0.24.0"
"""That of the Ollama whose API this is: clients ask for it to know what they may use."""
RUNNING = b"Ollama is running"
TEXT = ((b"content-type", b"text/plain; charset=utf-8"),)


class ShowRequest(msgspec.Struct):
    """Either name is taken, as Ollama does."""

    model: str = ""
    name: str = ""


_show: Any = msgspec.json.Decoder(ShowRequest).decode


async def show(gateway: Gateway, inbound: Inbound) -> None:
    """`POST /api/show`: one model."""
    json_object(inbound.body)
    request = typed(_show, inbound.body)
    name = request.model or request.name
    if not name:
        raise invalid("missing_required_parameter", "model is required", "model")
    name = known_name(name, inbound.catalog)
    entry = resolve_model(name, inbound.caller, inbound.catalog)
    await send_json(inbound, inbound.dialect.model(named(entry, name) if name in inbound.caller.aliases else entry))


async def ps(gateway: Gateway, inbound: Inbound) -> None:
    """`GET /api/ps`: which models are in memory. None is, here."""
    await send_json(inbound, b'{"models":[]}')


async def version(gateway: Gateway, inbound: Inbound) -> None:
    """`GET /api/version`."""
    await send_json(inbound, msgspec.json.encode({"version": VERSION}))


async def running(gateway: Gateway, inbound: Inbound) -> None:
    """`GET /`, by which Ollama's clients know that it is there."""
    await send_whole(inbound, 200, TEXT, RUNNING)


async def managed(gateway: Gateway, inbound: Inbound) -> None:
    """What would change the models of the server."""
    message = f"{inbound.method} {inbound.record.route} is not available: the operator of this gateway manages its models."
    raise ApiError(501, "not_implemented", message)
