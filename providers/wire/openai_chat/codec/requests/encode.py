"""Which chat request means the same as a request of another wire?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`, in the part of it that all who speak chat understand.
What chat has no word for is left out and named; what cannot be left out without changing the meaning is refused with its place.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.codec import ORDINARY, Encoded, Traits
from providers.canonical.extra import Json, Place, exact
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Output, Sampling, Thinking
from providers.canonical.tools import SentTools
from providers.errors import Unsupported
from providers.wire.openai_chat.codec.requests.conversation import Conversation
from providers.wire.openai_chat.codec.requests.own import own_body
from providers.wire.openai_chat.codec.requests.sent_tools import tools_sent
from providers.wire.openai_chat.codec.words import CARRIED, OWN, WIRE

OF_CHATS = frozenset({None, "standard", "enabled", "adaptive"})
"""Ways to think that say no more than the effort does."""
SAMPLED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed")
SAME = ("metadata", "user", "service_tier", "moderation")


def refused(message: str, place: Place | str, code: str = "invalid_value") -> Unsupported:
    """The request cannot be told in chat."""
    return Unsupported(400, message, code=code, param=place if isinstance(place, str) else exact(place))


def encode_request(request: Request, traits: Traits = ORDINARY) -> Encoded:
    """The chat request. Raises 400 `Unsupported` with the place in the client's own request."""
    own = request.wire is WIRE
    losses = Losses(WIRE, request.words, OWN if own else CARRIED)
    losses.look(request)
    if losses.needs:
        need = losses.needs[0]
        raise refused(need.message, need.place, need.code)
    if own:
        return Encoded(own_body(request), losses.names)
    body, sent = _body(request, traits, losses)
    return Encoded(body, losses.names, sent)


def _body(request: Request, traits: Traits, losses: Losses) -> tuple[Json, SentTools]:
    told = Conversation(request, traits, losses)
    body: Json = {"model": request.model} if request.model else {}
    body["messages"] = told.messages()
    fields, sent = tools_sent(request, told.tools, losses)
    body |= fields | _limits(request) | _sampling(request.sampling) | _caching(request.caching)
    body |= _output(_changed(request.output, told.output), losses)
    body |= _thinking(_changed(request.thinking, told.thinking), losses)
    body |= {name: getattr(request, name) for name in SAME if getattr(request, name) is not None}
    if request.safety_user is not None:
        body["safety_identifier"] = request.safety_user
    if request.store:  # chat keeps nothing unless it is told to
        body["store"] = True
    if request.delivery.stream:
        body["stream"] = True
    return body, sent


def _changed(said: Any, later: Any) -> Any:
    """Settings, with what a change of them in the midst of the conversation says."""
    if later is None:
        return said
    fields = {name: getattr(later, name) for name in later.__struct_fields__ if name != "extra"}
    return said.__class__(
        **{name: getattr(said, name) if value is None else value for name, value in fields.items()}, extra=said.extra
    )


def _limits(request: Request) -> Json:
    limits = request.limits
    made: Json = {} if limits.output_tokens is None else {"max_completion_tokens": limits.output_tokens}
    return made | ({"stop": list(limits.stop)} if limits.stop else {})


def _sampling(sampling: Sampling) -> Json:
    made: Json = {name: value for name in SAMPLED if (value := getattr(sampling, name)) is not None}
    if sampling.logit_bias:
        made["logit_bias"] = dict(sampling.logit_bias)
    if sampling.choices not in (None, 1):
        made["n"] = sampling.choices
    if sampling.logprobs or sampling.top_logprobs:
        made |= {"logprobs": True, "top_logprobs": sampling.top_logprobs or 0}
    return made


def _caching(caching: Caching) -> Json:
    said = {"prompt_cache_key": caching.key, "prompt_cache_retention": caching.retention}
    options = {name: value for name, value in (("mode", caching.mode), ("ttl", caching.ttl)) if value is not None}
    made = {name: value for name, value in said.items() if value is not None}
    return made | ({"prompt_cache_options": options} if options else {})


def _thinking(thinking: Thinking, losses: Losses) -> Json:
    if thinking.mode not in OF_CHATS:
        losses.field(thinking, "mode")
    return {"reasoning_effort": thinking.effort} if thinking.effort else {}


def _output(output: Output, losses: Losses) -> Json:
    made: Json = {} if output.verbosity is None else {"verbosity": output.verbosity}
    if output.modalities not in (None, (), ("text",)):
        made["modalities"] = list(output.modalities or ())
    audio = {"voice": output.voice, "format": output.audio_format}
    if any(value is not None for value in audio.values()):
        made["audio"] = {name: value for name, value in audio.items() if value is not None}
    form = output.format
    if form is None or form.kind == "text":
        return made
    if form.kind != "schema":
        return made | {"response_format": {"type": "json_object" if form.kind == "json" else form.kind}}
    said = {"name": form.name or "response", "schema": form.schema, "strict": form.strict, "description": form.description}
    schema = {name: value for name, value in said.items() if value is not None}
    return made | {"response_format": {"type": "json_schema", "json_schema": {"strict": False, **schema}}}
