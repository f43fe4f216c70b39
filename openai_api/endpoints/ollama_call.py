"""How is a call of Ollama's clients made and answered? What chat, generate and embed have in common.

Format: Ollama of August 2026, `server/routes.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from models_catalog.snapshot import ModelEntry
from openai_api.context import Gateway, Handler, Inbound
from openai_api.dialects.ollama import known_name
from openai_api.endpoints.json_body import json_object, typed
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.exchange import exchange_of, generate
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import send_json
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.offload import offload
from providers.types import Call
from providers.wire.ollama.times import stamp

AT_ONCE = (0, "0", "0s", "0m", "0h")
"""Values of `keep_alive` with which a model is unloaded."""


class OllamaRequest(msgspec.Struct, kw_only=True):
    """Fields of all requests; everything else passes as it came, or is converted."""

    model: str
    keep_alive: Any = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class Asked(NamedTuple):
    """A call of a model, with further fields of its exchange."""

    call: Call
    entry: ModelEntry
    more: dict[str, Any]


Decode = Callable[[Inbound], "Asked | bytes"]
"""What is asked for, or an answer that needs no upstream. Raises `ApiError`."""


def serving(decode: Decode) -> Handler:
    """The handler of an endpoint."""

    async def handler(gateway: Gateway, inbound: Inbound) -> None:
        asked = await offload(len(inbound.body), decode, inbound)
        if isinstance(asked, bytes):
            await send_json(inbound, asked)
        else:
            await generate(exchange_of(gateway, inbound, asked.call, entry=asked.entry, **asked.more))

    return handler


def request_in(inbound: Inbound, decode: Callable[[bytes], Any]) -> tuple[Any, Fields]:
    """The fields that the gateway reads, and all of them. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    return typed(decode, inbound.body), fields


def entry_of(inbound: Inbound, name: str, capability: Capability) -> ModelEntry:
    """The model that is meant, which must be able to do it. Raises 404 `model_not_found`, 400 `capability_not_supported`."""
    entry = resolve_model(known_name(name, inbound.catalog), inbound.caller, inbound.catalog)
    record = inbound.record
    record.model, record.pattern = entry.name, entry.pattern
    check_capability(entry, capability, inbound.caller, inbound.catalog)
    return entry


def loaded(request: OllamaRequest, inbound: Inbound, **said: Any) -> bytes:
    """The answer to a request that says nothing to the model: it is loaded, or unloaded. Here it always is there."""
    reason = "unload" if request.keep_alive in AT_ONCE else "load"
    head = {"model": request.model, "created_at": stamp(inbound.record.started)}
    return msgspec.json.encode({**head, **said, "done": True, "done_reason": reason})
