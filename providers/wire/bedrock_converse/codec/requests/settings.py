"""How is Bedrock told how an answer is to be made, where a request came in another wire?

Format: `bedrock-runtime` of botocore 1.44.8, `InferenceConfiguration`, `OutputConfig`; `additionalModelRequestFields` has what
only the models of one maker know: `thinking` and `top_k` of Anthropic's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Output, Thinking
from providers.wire.bedrock_converse.codec.requests.own import format_json

LEAST_BUDGET = 1024
"""Tokens that thinking needs of Anthropic's models."""
ADAPTIVE_BUDGET = -1
"""What Gemini's clients say for that."""
MODES = frozenset({"enabled", "disabled", "adaptive", "between_tools"})
DISPLAYS: Mapping[str, str] = MappingProxyType({"none": "omitted", "omitted": "omitted"})
EFFORTS: Mapping[str, str] = MappingProxyType({"minimal": "low"})
TIERS: Mapping[str, str] = MappingProxyType(
    {"auto": "default", "standard": "default", "standard_only": "default"}
    | {tier: tier for tier in ("priority", "default", "flex", "reserved")}
)
UNSAID = frozenset({None, "auto"})


def inference(request: Request, *, thinks: bool, losses: Losses) -> Json:
    """`inferenceConfig`. Models of Anthropic that think take no other temperature than their own."""
    sampling, limits = request.sampling, request.limits
    said = {"maxTokens": limits.output_tokens, "temperature": sampling.temperature, "topP": sampling.top_p}
    if thinks and sampling.temperature not in (None, 1):
        losses.field(sampling, "temperature")
        del said["temperature"]
    made: Json = {name: value for name, value in said.items() if value is not None}
    if limits.stop:
        stops = [text for text in limits.stop if text.strip()]  # others are refused
        made |= {"stopSequences": stops} if stops else {}
        if len(stops) < len(limits.stop):
            losses.field(limits, "stop")
    return {"inferenceConfig": made} if made else {}


def output(thinking: Thinking, said: Output, losses: Losses) -> Json:
    """`outputConfig`."""
    made: Json = {}
    if thinking.effort is not None and thinking.effort != "none":
        made["effort"] = EFFORTS.get(thinking.effort, thinking.effort)
    form = said.format
    if form is not None and form.kind == "schema" and form.schema is not None:
        made["textFormat"] = format_json(form)
    elif form is not None and form.kind not in ("text", "schema"):
        losses.field(said, "format")  # that it is JSON, of any kind, cannot be asked for
    return {"outputConfig": made} if made else {}


def thought(thinking: Thinking, losses: Losses) -> Json | None:
    """Anthropic's `thinking`; None where nothing is said of it."""
    budget, mode = thinking.budget, thinking.mode
    if mode is not None and mode not in MODES:
        losses.field(thinking, "mode")
        mode = None
    if mode == "disabled" or budget == 0 or (thinking.effort == "none" and mode is None):
        return {"type": "disabled"}
    if budget is not None and budget > 0:
        if budget < LEAST_BUDGET:
            losses.field(thinking, "budget")
        made: Json = {"type": "enabled", "budget_tokens": max(budget, LEAST_BUDGET)}
    elif mode is not None or budget == ADAPTIVE_BUDGET:
        made = {"type": "adaptive" if mode in (None, "enabled") else mode}
    else:
        return None
    if thinking.shown is not None:
        made["display"] = DISPLAYS.get(thinking.shown, "summarized")
    return made


def additional(request: Request, thinking: Thinking, *, claude: bool, losses: Losses) -> Json:
    """What the models of one maker alone know, as `additionalModelRequestFields`."""
    made: Json = {}
    if claude:
        if (said := thought(thinking, losses)) is not None:
            made["thinking"] = said
        if request.sampling.top_k is not None:
            made["top_k"] = request.sampling.top_k
        return {"additionalModelRequestFields": made} if made else {}
    if thinking.mode is not None:
        losses.field(thinking, "mode")
    if thinking.budget is not None:
        losses.field(thinking, "budget")
    if request.sampling.top_k is not None:
        losses.field(request.sampling, "top_k")
    return {}


def tier(request: Request, losses: Losses) -> Json:
    """`serviceTier`, unless Bedrock is free to choose."""
    if request.service_tier in UNSAID:
        return {}
    if (word := TIERS.get(request.service_tier or "")) is None:
        losses.field(request, "service_tier")
        return {}
    return {"serviceTier": {"type": word}}
