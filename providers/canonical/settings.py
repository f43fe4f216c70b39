"""How is an answer to be made: how long, how random, how thoughtful, in which form?

None of a field means that the client did not say; what counts then is the upstream's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.canonical.extra import Extra, Json, Value
from providers.canonical.tools import CacheMark


class Settings(Value, frozen=True, gc=False):
    """Fields of a request that stand in a group here and apart in the wires, so that each is lost, and named, by itself."""


class Limits(Settings, frozen=True, gc=False, kw_only=True):
    """`hosted_calls` bounds the calls of tools that the upstream runs."""

    output_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    hosted_calls: int | None = None


class Sampling(Settings, frozen=True, gc=False, kw_only=True):
    """`choices` is how many answers; `logprobs` asks for those of the tokens, `top_logprobs` for that many others each."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    logit_bias: Mapping[str, float] | None = None
    choices: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Thinking(Settings, frozen=True, gc=False, kw_only=True):
    """`mode` is Anthropic's (enabled, disabled, adaptive, between_tools), and Responses' and Ollama's own word for it; `effort`
    from none, minimal, low, medium, high, xhigh, max; `budget` in tokens. `shown` is how thoughts are told: "none", "text", or
    a kind of summary (auto, concise, detailed). `sealed` asks for them in a form that can be sent back."""

    mode: str | None = None
    effort: str | None = None
    budget: int | None = None
    shown: str | None = None
    sealed: bool | None = None
    extra: Extra | None = None


class Format(Settings, frozen=True, gc=False, kw_only=True):
    """`kind` is text, json or schema, or the wire's own word for another. `subset`: the schema is Gemini's OpenAPI subset."""

    kind: str
    name: str | None = None
    schema: Json | None = None
    subset: bool = False
    strict: bool | None = None
    description: str | None = None
    extra: Extra | None = None


class Output(Settings, frozen=True, gc=False, kw_only=True):
    """`modalities` are "text", "audio", "image"; `voice` is a name, or an object of a vendor's own."""

    format: Format | None = None
    verbosity: str | None = None
    modalities: tuple[str, ...] | None = None
    voice: str | Json | None = None
    audio_format: str | None = None
    extra: Extra | None = None


class Caching(Settings, frozen=True, gc=False, kw_only=True):
    """`mark` stands for the request's end, wherever that is. `key` brings requests of a kind to one cache."""

    mark: CacheMark | None = None
    key: str | None = None
    retention: str | None = None
    mode: str | None = None
    ttl: str | None = None
    extra: Extra | None = None


class Delivery(Settings, frozen=True, gc=False, kw_only=True):
    """How the answer travels. `usage`: the stream shall tell it."""

    stream: bool | None = None
    usage: bool | None = None
    obfuscation: bool | None = None
    extra: Extra | None = None
