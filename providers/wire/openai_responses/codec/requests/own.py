"""How is a request that came in this wire written in it again? As it came, wherever nobody has changed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import Text, Turn
from providers.canonical.extra import Json
from providers.canonical.request import Request
from providers.wire.openai_responses.codec.item_json import item_of
from providers.wire.openai_responses.codec.requests.decode import LOGPROBS, PLAIN, SEALED
from providers.wire.openai_responses.codec.requests.settings import reasoning_json, text_json
from providers.wire.openai_responses.codec.requests.tools import choice_json, tool_json
from providers.wire.openai_responses.codec.words import own


def own_body(request: Request) -> Json:
    """The body, with all its fields."""
    body: Json = dict(own.rest_of(request.extra))
    for name, turns in (("instructions", request.system), ("input", request.turns)):
        form = own.spelled(request.extra, name)
        if turns or form is not None:
            body[name] = _said(turns, form)
    for name, plain in PLAIN.items():
        value = getattr(request if plain.group == "request" else getattr(request, plain.group), plain.name)
        if value is not None and (value or name != "model"):
            body[name] = value
    if request.tools is not None:
        body["tools"] = [tool_json(tool) for tool in request.tools]
    if request.choice is not None:
        body["tool_choice"] = choice_json(request.choice)
    for name, made, extra in (
        ("reasoning", reasoning_json(request.thinking), request.thinking.extra),
        ("text", text_json(request.output), request.output.extra),
    ):
        if made or own.spelled(extra, "there"):
            body[name] = made
    include = _include(request)
    if include or own.spelled(request.extra, "include") is not None:
        body["include"] = include
    caching, delivery = request.caching, request.delivery
    _inner(body, "prompt_cache_options", caching.extra, mode=caching.mode, ttl=caching.ttl)
    _inner(body, "stream_options", delivery.extra, include_obfuscation=delivery.obfuscation)
    return body


def _said(turns: Sequence[Turn], form: Any) -> Any:
    """A text, if it was one and still is, else items."""
    if form == "text" and len(turns) == 1 and len(turns[0].blocks) == 1 and isinstance(turns[0].blocks[0], Text):
        return turns[0].blocks[0].text
    return [item_of(turn) for turn in turns]


def _include(request: Request) -> list[str]:
    wanted = {LOGPROBS: bool(request.sampling.logprobs), SEALED: bool(request.thinking.sealed)}
    given = own.spelled(request.extra, "include") or []
    kept = [one for one in given if wanted.get(one, True)]
    return [*kept, *(one for one, wants in wanted.items() if wants and one not in given)]


def _inner(body: Json, name: str, extra: Any, **said: Any) -> None:
    made = {**own.rest_of(extra), **{field: value for field, value in said.items() if value is not None}}
    if made or own.spelled(extra, "there"):
        body[name] = made
