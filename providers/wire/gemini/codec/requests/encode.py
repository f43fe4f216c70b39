"""Which request of Gemini's means the same as a request of another wire?

Format: google-genai 3.6.1, `GenerateContentConfig` as its REST form has it. Schemas go as plain JSON Schema. What Gemini has no
word for is left out and named; what cannot be left out without changing the meaning is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Sampling, Thinking
from providers.canonical.tools import SentTools
from providers.errors import Unsupported
from providers.wire.gemini.codec.requests.conversation import Conversation, later
from providers.wire.gemini.codec.requests.decode import decode_request
from providers.wire.gemini.codec.requests.models import BUDGETS, Model, model_of
from providers.wire.gemini.codec.requests.own import without_foreign
from providers.wire.gemini.codec.requests.sent_tools import tools_sent
from providers.wire.gemini.codec.requests.settings import JSON
from providers.wire.gemini.codec.spelling import given_in, laid_over
from providers.wire.gemini.codec.words import CARRIED, CONFIG, WIRE

SAMPLED: Mapping[str, str] = MappingProxyType(
    {"temperature": "temperature", "top_p": "topP", "top_k": "topK", "presence_penalty": "presencePenalty",
     "frequency_penalty": "frequencyPenalty", "seed": "seed"}
)  # fmt: skip
FIXED = ("temperature", "top_p", "top_k")
"""What newer models do not take."""
MOST_STOPS = 5
TIERS: Mapping[str, str] = MappingProxyType(
    {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}
)
LABEL = re.compile(r"[a-z0-9_-]{0,63}")
"""What Google takes as a label's name or value."""
LEVELS: Mapping[str, str] = MappingProxyType(
    {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "XHIGH", "max": "XHIGH"}
)
NONE = "none"


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The request of Gemini's. Raises 400 `Unsupported` with the place in the client's own request."""
    losses = Losses(WIRE, request.words, CARRIED)
    given = given_in(request.extra)
    if given is not None:
        body, lossy = without_foreign(_own(given, request, traits, losses))
        return Encoded(body, lossy)
    losses.look(request)
    if losses.needs:
        need = losses.needs[0]
        raise Unsupported(400, need.message, code=need.code, param=exact(need.place))
    body, sent = _body(request, traits, losses)
    return Encoded(body, losses.names, sent)


def _own(given: Json, request: Request, traits: Traits, losses: Losses) -> Json:
    """A request that came in Gemini's format, as it came, with what has been changed in it."""
    came = decode_request(given)
    if came == request:
        return given
    before, after = (_body(one, traits, losses)[0] for one in (came, request))
    made: Json = laid_over(given, before, after)
    return made


def _body(request: Request, traits: Traits, losses: Losses) -> tuple[Json, SentTools]:
    model = model_of(traits.model)
    told = Conversation(request, traits, losses)
    body: Json = {"contents": told.contents(signed=model.checks_signatures)}
    if request.model:
        body["model"] = request.model
    if told.system:
        body["systemInstruction"] = {"parts": told.system}
    tools, sent = tools_sent(request, told.tools, losses)
    config = _limits(request, losses) | _sampling(request.sampling, model, losses)
    config |= _output(later(request.output, told.output), losses)
    thinking = _thinking(later(request.thinking, told.thinking), model, losses)
    if thinking:
        config["thinkingConfig"] = thinking
    if config:
        body[CONFIG] = config
    return body | tools | _beside(request, losses), sent


def _limits(request: Request, losses: Losses) -> Json:
    limits = request.limits
    made: Json = {} if limits.output_tokens is None else {"maxOutputTokens": limits.output_tokens}
    if limits.stop:
        if len(limits.stop) > MOST_STOPS:
            losses.field(limits, "stop")
        made["stopSequences"] = list(limits.stop[:MOST_STOPS])
    return made


def _sampling(sampling: Sampling, model: Model, losses: Losses) -> Json:
    made: Json = {name: value for field, name in SAMPLED.items() if (value := getattr(sampling, field)) is not None}
    for field in FIXED if not model.samples else ():
        if made.pop(SAMPLED[field], None) is not None:
            losses.field(sampling, field)
    if sampling.choices not in (None, 1):
        made["candidateCount"] = sampling.choices
    if sampling.logprobs or sampling.top_logprobs:
        made["responseLogprobs"] = True
        if sampling.top_logprobs:
            made["logprobs"] = sampling.top_logprobs
    return made


def _thinking(thinking: Thinking, model: Model, losses: Losses) -> Json:
    """A budget and a level together are refused: the budget, which is the more exact, counts."""
    off = thinking.mode == "disabled" or (thinking.effort == NONE and thinking.budget is None)
    made: Json = {}
    if off:
        return {"thinkingBudget": 0}
    if thinking.budget is not None:
        made["thinkingBudget"] = thinking.budget
    elif thinking.effort is not None and thinking.effort in BUDGETS and model.thinks_in_budgets:
        made["thinkingBudget"] = BUDGETS[thinking.effort]
    elif thinking.effort is not None and thinking.effort in LEVELS:
        made["thinkingLevel"] = LEVELS[thinking.effort]
    elif thinking.effort is not None:
        losses.field(thinking, "effort")
    if thinking.mode not in (None, "standard", "enabled", "adaptive"):
        losses.field(thinking, "mode")
    if thinking.shown is not None:
        made["includeThoughts"] = thinking.shown != NONE
    elif made or thinking.mode in ("enabled", "adaptive"):  # who asks for thoughts is told them
        made["includeThoughts"] = True
    return made


def _output(output: Output, losses: Losses) -> Json:
    made: Json = {}
    if output.modalities not in (None, (), ("text",)):
        made["responseModalities"] = [one.upper() for one in output.modalities or ()]
    if isinstance(output.voice, str):
        made["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": output.voice}}}
    elif output.voice is not None:
        losses.field(output, "voice")
    form = output.format
    if form is None or form.kind == "text":
        return made
    if form.kind not in ("json", "schema"):
        losses.field(output, "format")
        return made
    made["responseMimeType"] = JSON
    if form.schema is not None:
        told = {"title": form.name, "description": form.description}
        made["responseJsonSchema"] = {name: value for name, value in told.items() if value} | form.schema
    return made


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and LABEL.fullmatch(value) is not None


def _beside(request: Request, losses: Losses) -> Json:
    made: Json = {}
    if request.metadata:
        labels = {key: value for key, value in request.metadata.items() if _is_label(key) and _is_label(value)}
        if len(labels) < len(request.metadata):
            losses.field(request, "metadata")
        made |= {"labels": labels} if labels else {}
    tier = request.service_tier
    if tier is not None and tier in TIERS:
        made["serviceTier"] = TIERS[tier]
    elif tier not in (None, "auto"):
        losses.field(request, "service_tier")
    return made | ({"store": True} if request.store else {})
