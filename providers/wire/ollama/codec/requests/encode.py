"""Which request to `/api/chat` means the same as a request of another wire?

Format: Ollama of August 2026, `api/types.go`. What Ollama has no word for is left out and named; what cannot be left out without
changing the meaning is refused with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.answerable import not_answerable
from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.canonical.tools import SentTools
from providers.errors import Unsupported
from providers.wire.ollama.codec.requests.conversation import Conversation
from providers.wire.ollama.codec.requests.own import options_of, own_body
from providers.wire.ollama.codec.requests.sent_tools import tools_sent
from providers.wire.ollama.codec.words import CARRIED, OWN, WIRE

EFFORTS: Mapping[str, bool | str] = MappingProxyType(
    {"none": False, "minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}
)
"""How much another wire wants to be thought → `think`."""
INEXACT = frozenset({"minimal", "xhigh"})
MODES = MappingProxyType({"disabled": False, "enabled": True, "adaptive": True})


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The request. Raises 400 `Unsupported` with the place in the client's own request."""
    own = request.wire is WIRE
    losses = Losses(WIRE, request.words, OWN if own else CARRIED)
    losses.look(request)
    if not own and (need := not_answerable(request)) is not None:
        losses.needs.append(need)
    if own:
        return Encoded(own_body(request), losses.names)
    if losses.needs:
        need = losses.needs[0]
        raise Unsupported(400, need.message, code=need.code, param=exact(need.place))
    body, sent = _body(request, losses)
    return Encoded(body, losses.names, sent)


def _body(request: Request, losses: Losses) -> tuple[Json, SentTools]:
    told = Conversation(request, losses)
    if not told.messages:
        place = request.words.get("Request.turns", "messages")
        raise Unsupported(400, f"The field {place!r} is empty.", code="invalid_value", param=place)
    body: Json = {"model": request.model} if request.model else {}
    body["messages"] = told.messages
    tools, sent = tools_sent(request, told.tools, losses)
    body |= tools | options_of(request, None)
    body |= _thinking(_changed(request.thinking, told.thinking), losses) | _format(_changed(request.output, told.output))
    if request.sampling.logprobs or request.sampling.top_logprobs:
        body["logprobs"] = True
        if request.sampling.top_logprobs:
            body["top_logprobs"] = request.sampling.top_logprobs
    body["stream"] = bool(request.delivery.stream)  # Ollama streams unless it is told not to
    return body, sent


def _thinking(thinking: Thinking, losses: Losses) -> Json:
    if thinking.effort is not None and thinking.effort in EFFORTS:
        if thinking.effort in INEXACT:
            losses.field(thinking, "effort")
        if thinking.mode == "disabled":
            return {"think": False}
        return {"think": EFFORTS[thinking.effort]}
    if thinking.effort is not None:
        losses.field(thinking, "effort")
    if thinking.mode is None:
        return {}
    if thinking.mode not in MODES:
        losses.field(thinking, "mode")
        return {}
    return {"think": MODES[thinking.mode]}


def _format(output: Output) -> Json:
    form = output.format
    if form is None or form.kind == "text":
        return {}
    return {"format": form.schema or {} if form.kind == "schema" else "json"}


def _changed(said: Any, later: Any) -> Any:
    """Settings, with what a change of them in the midst of the conversation says."""
    if later is None:
        return said
    fields = {name: getattr(later, name) for name in later.__struct_fields__ if name != "extra"}
    return msgspec.structs.replace(said, **{name: value for name, value in fields.items() if value is not None})
