"""What does a client ask of a model?"""

from __future__ import annotations

from collections.abc import Mapping

from providers.canonical.blocks import Turn
from providers.canonical.extra import Extra, Json, Place, Value
from providers.canonical.settings import Caching, Delivery, Limits, Output, Sampling, Thinking
from providers.canonical.tools import Tool, ToolChoice
from providers.types import Wire

Words = Mapping[str, str]
"""Canonical field ("Sampling.top_k") → what clients of a wire call it ("generationConfig.topK")."""

NOTHING_LIMITED, NOTHING_SAMPLED, NO_THINKING = Limits(), Sampling(), Thinking()
ANY_OUTPUT, NOTHING_CACHED, AT_ONCE = Output(), Caching(), Delivery()


class Request(Value, frozen=True, gc=False, kw_only=True):
    """A request of the wire `wire`, whose clients call things by `words`.

    `system` is what stands outside the conversation (Anthropic's `system`, Responses' `instructions`); messages of the system
    within it are turns. `turns` are in the order of the client. `user` is the end user's id, `safety_user` the one by which
    OpenAI finds abuse. `model` is "" where the path has it.
    """

    wire: Wire
    words: Words
    model: str = ""
    system: tuple[Turn, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] | None = None
    choice: ToolChoice | None = None
    parallel_calls: bool | None = None
    limits: Limits = NOTHING_LIMITED
    sampling: Sampling = NOTHING_SAMPLED
    thinking: Thinking = NO_THINKING
    output: Output = ANY_OUTPUT
    caching: Caching = NOTHING_CACHED
    delivery: Delivery = AT_ONCE
    metadata: Mapping[str, str] | None = None
    user: str | None = None
    safety_user: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    moderation: Json | None = None
    place: Place = ()
    extra: Extra | None = None
