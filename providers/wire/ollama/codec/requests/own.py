"""How is a request that came as Ollama's written as Ollama's again? As it came, wherever nobody has changed it."""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json
from providers.canonical.request import Request
from providers.canonical.settings import Thinking
from providers.canonical.tools import FunctionTool, OpaqueTool, Tool
from providers.wire.ollama.codec.leftovers import rest_of, spelled
from providers.wire.ollama.codec.messages import message_of
from providers.wire.ollama.codec.words import OPTIONS


def own_body(request: Request) -> Json:
    """The body, with all its fields."""
    body: Json = dict(rest_of(request.extra))
    if request.model:
        body["model"] = request.model
    if request.turns:
        body["messages"] = [message_of(turn) for turn in request.turns]
    if request.tools is not None:
        body["tools"] = [_tool(tool) for tool in request.tools]
    body |= options_of(request, spelled(request.extra, "options")) | thinking_of(request.thinking)
    form = request.output.format
    if form is not None:
        body["format"] = form.schema if form.kind == "schema" else form.kind
    for name in ("logprobs", "top_logprobs"):
        if (value := getattr(request.sampling, name)) is not None:
            body[name] = value
    if not (spelled(request.extra, "no stream") and request.delivery.stream):
        body["stream"] = bool(request.delivery.stream)
    return body


def options_of(request: Request, rest: Json | None) -> Json:
    """The field `options`, with what was left of it; none if there are none."""
    made: Json = dict(rest or {})
    if request.limits.output_tokens is not None:
        made["num_predict"] = request.limits.output_tokens
    if request.limits.stop is not None and (request.limits.stop or rest is not None):
        made["stop"] = list(request.limits.stop)
    said = ((name, getattr(request.sampling, canonical)) for name, canonical in OPTIONS.items())
    made |= {name: value for name, value in said if value is not None}
    return {"options": made} if made or rest is not None else {}


def thinking_of(thinking: Thinking) -> Json:
    """The field `think`, as it came."""
    if thinking.effort is not None:
        return {"think": thinking.effort}
    return {} if thinking.mode is None else {"think": thinking.mode != "disabled"}


def _tool(tool: Tool) -> Any:
    if isinstance(tool, OpaqueTool):
        return tool.value["value"] if spelled(tool.extra, "bare") else tool.value
    assert isinstance(tool, FunctionTool), "no other comes from this wire"  # noqa: S101
    said = {"description": tool.description, "parameters": tool.parameters}
    told = {name: value for name, value in said.items() if value is not None}
    inner = {**(spelled(tool.extra, "inner") or {}), "name": tool.name, **told}
    return {**({"type": tool.called} if tool.called else {}), "function": inner, **rest_of(tool.extra)}
