"""Which request of Messages means the same as a request of another wire?

Format: Anthropic's reference of October 2026, `POST /v1/messages`, of the API version and the model that the traits name. What it
has no word for, or the model does not take, is left out and named; what cannot be left out without changing the meaning is
refused with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from providers.canonical.answerable import not_answerable
from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Sampling
from providers.canonical.tools import SentTools
from providers.errors import Unsupported
from providers.wire.anthropic_messages.codec.media import CACHE
from providers.wire.anthropic_messages.codec.requests.conversation import Conversation
from providers.wire.anthropic_messages.codec.requests.models import Model, model_of
from providers.wire.anthropic_messages.codec.requests.own import own_body
from providers.wire.anthropic_messages.codec.requests.parts import marked
from providers.wire.anthropic_messages.codec.requests.schemas import closed
from providers.wire.anthropic_messages.codec.requests.sent_tools import tools_sent
from providers.wire.anthropic_messages.codec.requests.settings import SCHEMA
from providers.wire.anthropic_messages.codec.requests.thinking import thinking_sent
from providers.wire.anthropic_messages.codec.words import CARRIED, OWN, WIRE

TIERS = {"auto": "auto", "default": "standard_only"}
MOST_MARKS = 4
"""Places of a request that may be marked to be cached."""
HOTTEST, LEAST_P = 1, 0.95
"""The highest temperature, and the lowest top_p of a model that thinks."""


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The request. Raises 400 `Unsupported` with the place in the client's own request."""
    mine = request.wire is WIRE
    losses = Losses(WIRE, request.words, OWN if mine else CARRIED)
    losses.look(request)
    if not mine and (need := not_answerable(request)) is not None:
        losses.needs.append(need)
    if losses.needs:
        need = losses.needs[0]
        raise Unsupported(400, need.message, code=need.code, param=exact(need.place))
    if mine:
        return Encoded(own_body(request, losses), losses.names)
    body, sent = _body(request, model_of(traits), losses)
    return Encoded(body, losses.names, sent)


def _body(request: Request, model: Model, losses: Losses) -> tuple[Json, SentTools]:
    told = Conversation(request, model, losses)
    body: Json = ({"model": request.model} if request.model else {}) | told.fields()
    fields, sent = tools_sent(request, told.tools, told.called, model, losses)
    forced = fields.get("tool_choice", {}).get("type") in ("any", "tool")
    said = _changed(request.thinking, told.thinking)
    allowed = not forced and (model.adaptive or told.thinks_first())
    thinking, thinks = thinking_sent(said, request.limits, model, losses, allowed=allowed)
    body |= thinking | fields | _sampling(request.sampling, model, losses, thinks=thinks)
    if form := _format(_changed(request.output, told.output), model, losses):
        body["output_config"] = body.get("output_config", {}) | {"format": form}
    if stop := _stop(request, losses):
        body["stop_sequences"] = stop
    if (user := request.user or request.safety_user) is not None:
        body["metadata"] = {"user_id": user}
        if request.user and request.safety_user:
            losses.field(request, "safety_user")
    if request.service_tier is not None:
        if request.service_tier in TIERS:
            body["service_tier"] = TIERS[request.service_tier]
        else:
            losses.field(request, "service_tier")
    if request.caching.mark is not None:
        body |= marked(request.caching.mark, losses)
    if request.delivery.stream:
        body["stream"] = True
    _bound_marks(body, request, losses)
    return body, sent


def _changed(said: Any, later: Any) -> Any:
    """Settings, with what a change of them in the midst of the conversation says."""
    if later is None:
        return said
    fields = {name: value for name in later.__struct_fields__ if name != "extra" and (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(said, **fields)


def _sampling(sampling: Sampling, model: Model, losses: Losses, *, thinks: bool) -> Json:
    """What the model takes: nothing since 4.7, little while it thinks."""
    made: Json = {}
    warm, top = sampling.temperature, sampling.top_p
    if warm is not None and model.sampling and (not thinks or warm == HOTTEST):
        made["temperature"] = min(max(warm, 0), HOTTEST)
        if made["temperature"] != warm:
            losses.field(sampling, "temperature")
    elif warm is not None:
        losses.field(sampling, "temperature")
    alone = model.both or "temperature" not in made
    if top is not None and model.sampling and alone and (not thinks or top >= LEAST_P):
        made["top_p"] = top
    elif top is not None:
        losses.field(sampling, "top_p")
    if sampling.top_k is not None and model.sampling and not thinks:
        made["top_k"] = sampling.top_k
    elif sampling.top_k is not None:
        losses.field(sampling, "top_k")
    return made


def _format(output: Output, model: Model, losses: Losses) -> Json | None:
    form = output.format
    if form is None or form.kind == "text":
        return None
    if form.kind != "schema" or form.schema is None or not model.schema:
        losses.field(output, "format")
        return None
    schema = closed(form.schema)
    if schema is not form.schema:
        losses.field(form, "schema")
    return {"type": SCHEMA, "schema": schema}


def _stop(request: Request, losses: Losses) -> list[str]:
    """Without those that are nothing but blanks, which are refused."""
    given = request.limits.stop or ()
    kept = [one for one in given if one and not one.isspace()]
    if len(kept) < len(given):
        losses.field(request.limits, "stop")
    return kept


def _bound_marks(body: Json, request: Request, losses: Losses) -> None:
    """The last marks count, of more than can be set: what is before them is a part of what they keep."""
    spare = MOST_MARKS - (CACHE in body)
    found = list(_marked(body))
    for part in found[: max(len(found) - spare, 0)]:
        del part[CACHE]
        losses.field(request.caching, "mark")


def _marked(body: Json) -> Iterator[Json]:
    """The parts that are marked, in the order in which the model reads them."""
    parts = [*body.get("tools", ()), *(body["system"] if isinstance(body.get("system"), list) else ())]
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            inside = part.get("content")
            parts += [*(inside if isinstance(inside, list) else ()), part]
    return (part for part in parts if CACHE in part)
