"""How is a request put together that wants to be routed?"""

from __future__ import annotations

import json
from typing import Any

from models_catalog.snapshot import Client, ModelEntry, Strategy
from openai_api.limits.admission import Asking
from openai_api.recording.events import Record
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, ResponseContext, Sharing, Target, Wire
from tests.unit.openai_api.parts import entry, snapshot, target

CHAT = Capability.CHAT


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sharing(name: str, group: int | None = 0, weight: float = 1.0, **limits: int) -> Target:
    """A target of a group."""
    return target(name, sharing=Sharing(group, weight, **limits))


def model(*targets: Target, strategy: Strategy = Strategy.ORDERED, **fields: Any) -> ModelEntry:
    return entry("m", *targets, strategy=strategy, **fields)


def asking(leg: ModelEntry, session: str = "", *, previous: str | None = None, response: str = "", **fields: Any) -> Asking:
    """A request, of a session if one is named."""
    body = json.dumps({"model": "m", "messages": [], **fields}).encode()
    context = ResponseContext(id=response, previous_id=previous)
    call = Call(
        capability=CHAT,
        wire=Wire.OPENAI_CHAT,
        model="m",
        body=body,
        fields=fields_of(body),
        request_id="r",
        stream=bool(fields.get("stream")),
        response=context,
    )
    record = Record("r", "POST", "/v1/chat/completions", session=session)
    return Asking(call, Client("c1", "tests"), leg, snapshot(leg), record, {})
