"""Which request for a response means the same as a request of another wire?

Format: OpenAI's OpenAPI document of November 2026, `/responses`. What it has no word for is left out and named; what cannot be
left out without changing the meaning is refused with its place. Nothing is stored upstream unless the client asked for it.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.answerable import not_answerable
from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Format, Output, Thinking
from providers.errors import Unsupported
from providers.wire.openai_responses.codec.requests.conversation import Conversation
from providers.wire.openai_responses.codec.requests.decode import LOGPROBS, SEALED
from providers.wire.openai_responses.codec.requests.own import own_body
from providers.wire.openai_responses.codec.requests.sent_tools import tool_fields
from providers.wire.openai_responses.codec.requests.settings import KINDS
from providers.wire.openai_responses.codec.words import CARRIED, OWN, WIRE

MIN_OUTPUT_TOKENS = 16
SUMMARIES = ("auto", "concise", "detailed")
NO_MORE = frozenset({None, "standard", "enabled", "adaptive"})
"""Ways to think, in the words of other wires, that say no more than the effort does."""
SAME = ("metadata", "user", "service_tier", "moderation")
MODALITIES = ("text", "image")


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The request for a response. Raises 400 `Unsupported` with the place in the client's own request."""
    mine = request.wire is WIRE
    losses = Losses(WIRE, request.words, OWN if mine else CARRIED)
    losses.look(request)
    if not mine and (need := not_answerable(request, MODALITIES)) is not None:
        losses.needs.append(need)
    if losses.needs:
        need = losses.needs[0]
        raise Unsupported(400, need.message, code=need.code, param=exact(need.place))
    if mine:
        return Encoded(own_body(request), losses.names)
    return Encoded(_body(request, losses), losses.names)


def _body(request: Request, losses: Losses) -> Json:
    body: Json = {"model": request.model} if request.model else {}
    body["input"] = Conversation(request, losses).items()
    body |= _limit(request, losses) | tool_fields(request, losses) | _caching(request.caching)
    sampling, thinking = request.sampling, request.thinking
    said = {"temperature": sampling.temperature, "top_p": sampling.top_p, "safety_identifier": request.safety_user}
    said["max_tool_calls"] = request.limits.hosted_calls
    said |= {name: getattr(request, name) for name in SAME}
    body |= {name: value for name, value in said.items() if value is not None}
    if text := _text(request.output):
        body["text"] = text
    if reasoning := _reasoning(thinking, losses):
        body["reasoning"] = reasoning
    include = []
    if sampling.logprobs or sampling.top_logprobs:
        include.append(LOGPROBS)
        body["top_logprobs"] = sampling.top_logprobs or 0
    if thinking.sealed:
        include.append(SEALED)
    if include:
        body["include"] = include
    body["store"] = request.store is True
    return body | _delivery(request)


def _limit(request: Request, losses: Losses) -> Json:
    limit = request.limits.output_tokens
    if limit is None:
        return {}
    if limit < MIN_OUTPUT_TOKENS:
        losses.field(request.limits, "output_tokens")
    return {"max_output_tokens": max(limit, MIN_OUTPUT_TOKENS)}


def _caching(caching: Caching) -> Json:
    options = {name: value for name, value in (("mode", caching.mode), ("ttl", caching.ttl)) if value is not None}
    said: dict[str, Any] = {"prompt_cache_key": caching.key, "prompt_cache_retention": caching.retention}
    said["prompt_cache_options"] = options or None
    return {name: value for name, value in said.items() if value is not None}


def _reasoning(thinking: Thinking, losses: Losses) -> Json:
    """How much is thought, and whether a summary of it is told: there is one only if it is asked for."""
    if thinking.mode not in NO_MORE:
        losses.field(thinking, "mode")
    made: Json = {} if thinking.effort is None else {"effort": thinking.effort}
    if thinking.shown in (None, "none"):
        return made
    return made | {"summary": thinking.shown if thinking.shown in SUMMARIES else SUMMARIES[0]}


def _text(output: Output) -> Json:
    made: Json = {} if output.format is None else {"format": _format(output.format)}
    return made if output.verbosity is None else made | {"verbosity": output.verbosity}


def _format(form: Format) -> Json:
    if form.kind != "schema":
        return {"type": KINDS.get(form.kind, form.kind)}
    said = {"name": form.name or "response", "schema": form.schema, "strict": form.strict, "description": form.description}
    return {"type": "json_schema", "strict": False} | {name: value for name, value in said.items() if value is not None}


def _delivery(request: Request) -> Json:
    if not request.delivery.stream:
        return {}
    obfuscation = request.delivery.obfuscation
    return {"stream": True} | ({} if obfuscation is None else {"stream_options": {"include_obfuscation": obfuscation}})
