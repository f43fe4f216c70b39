"""How is a request that came as chat written as chat again? As it came, wherever nobody has changed it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Json
from providers.canonical.leftovers import NOTHING
from providers.canonical.request import Request
from providers.canonical.settings import Format
from providers.canonical.tools import HostedTool
from providers.wire.openai_chat.codec.leftovers import rest_of, spelled
from providers.wire.openai_chat.codec.messages import message_of
from providers.wire.openai_chat.codec.requests.decode import FORMATS, LIMITS, PLAIN, SCHEMA
from providers.wire.openai_chat.codec.requests.tools import SEARCH, choice_json, search_json, tool_json
from providers.wire.openai_chat.codec.results import result_message

KINDS: Mapping[str, str] = MappingProxyType({kind: name for name, kind in FORMATS.items()})


def own_body(request: Request) -> Json:
    """The body, with all its fields."""
    body: Json = dict(rest_of(request.extra))
    if request.turns:
        body["messages"] = [result_message(turn) if turn.role == "tool" else message_of(turn) for turn in request.turns]
    for name, plain in PLAIN.items():
        value = getattr(request if plain.group == "request" else getattr(request, plain.group), plain.name)
        if value is not None and (value or name != "model"):
            body[name] = value
    body |= _limits(request) | _tools(request)
    if request.output.modalities is not None:
        body["modalities"] = list(request.output.modalities)
    if request.output.format is not None:
        body["response_format"] = _format(request.output.format)
    output, caching, delivery = request.output, request.caching, request.delivery
    _inner(body, "audio", output.extra, voice=output.voice, format=output.audio_format)
    _inner(body, "prompt_cache_options", caching.extra, mode=caching.mode, ttl=caching.ttl)
    usage, obfuscation = delivery.usage, delivery.obfuscation
    _inner(body, "stream_options", delivery.extra, include_usage=usage, include_obfuscation=obfuscation)
    return body


def _limits(request: Request) -> Json:
    made: Json = {}
    if request.limits.output_tokens is not None:
        made[spelled(request.extra, "limit") or LIMITS[0]] = request.limits.output_tokens
    if request.limits.stop is not None:
        stop = list(request.limits.stop)
        made["stop"] = stop[0] if len(stop) == 1 and spelled(request.extra, "stop") else stop
    return made


def _tools(request: Request) -> Json:
    made: Json = {}
    searches = [tool for tool in request.tools or () if isinstance(tool, HostedTool)]
    tools = [tool_json(tool) for tool in request.tools or () if not isinstance(tool, HostedTool)]
    if tools or spelled(request.extra, "no tools"):
        made["tools"] = tools
    if searches:
        made[SEARCH] = search_json(searches[0])
    if request.choice is not None:
        made["tool_choice"] = choice_json(request.choice)
    return made


def _format(form: Format) -> Json:
    made: Json = {"type": KINDS.get(form.kind, form.kind), **rest_of(form.extra)}
    if form.kind == "schema":
        said = {name: getattr(form, name) for name in SCHEMA}
        told = {name: value for name, value in said.items() if value is not None}
        made["json_schema"] = {**(spelled(form.extra, "inner") or NOTHING), **told}
    return made


def _inner(body: Json, name: str, extra: Any, **said: Any) -> None:
    made = {**rest_of(extra), **{field: value for field, value in said.items() if value is not None}}
    if made or spelled(extra, "beside"):
        body[name] = made
