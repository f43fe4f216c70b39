"""Which models may the caller use? `GET /v1/models` and `GET /v1/models/{id}`, rendered when the catalog was compiled."""

from __future__ import annotations

from openai_api.context import Gateway, Inbound
from openai_api.dialects.listed import named
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import send_json


async def list_models(gateway: Gateway, inbound: Inbound) -> None:
    """The dialect's list, with `capabilities`, `context_length`, `pricing` and `metadata` added to each model."""
    await send_json(inbound, inbound.dialect.models(inbound.catalog, inbound.caller, inbound.query))


async def get_model(gateway: Gateway, inbound: Inbound) -> None:
    """One model; its id may hold slashes, and one more at either end of the path is forgiven."""
    known, own, name = inbound.catalog.models, inbound.caller.aliases, inbound.argument
    name = name if name in known or name in own else name.strip("/")
    entry = resolve_model(name, inbound.caller, inbound.catalog)
    await send_json(inbound, inbound.dialect.model(named(entry, name) if name in own else entry))
