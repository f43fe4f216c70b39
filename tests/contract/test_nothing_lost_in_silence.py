"""Whatever a request says, does every wire either say it too, or name it as lost? Field by field of the canonical form."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from providers.canonical.blocks import Image, Reasoning, Role, Source, SourceKind, Text, ToolCall, ToolResult, Turn
from providers.canonical.extra import Value
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Format, Limits, Output, Sampling, Thinking
from providers.canonical.tools import CacheMark, ChoiceMode, CustomTool, FunctionTool, Grammar, NamespaceTool, ToolChoice, ToolRef
from providers.convert.codecs import codecs
from providers.errors import Unsupported
from providers.types import Wire

CODECS = codecs()
FOREIGN = Wire.RERANK
"""A wire that has no codec, so that every encoder's is another one."""
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
MARK = CacheMark(place=("mark",))
NAME: dict[str, Any] = {"name": "f", "parameters": SCHEMA}
HELLO = Turn(role=Role.USER, blocks=(Text("hi", place=("turns", 0, "content")),), place=("turns", 0))

SETTINGS: dict[type[Value], tuple[str, dict[str, Any]]] = {
    Limits: ("limits", {"output_tokens": 5000, "stop": ("END",), "hosted_calls": 3}),
    Sampling: (
        "sampling",
        {
            "temperature": 0.25,
            "top_p": 0.5,
            "top_k": 7,
            "min_p": 0.125,
            "presence_penalty": 0.5,
            "frequency_penalty": 0.25,
            "repetition_penalty": 1.5,
            "seed": 7,
            "logit_bias": {"1": 5.0},
            "choices": 2,
            "logprobs": True,
            "top_logprobs": 2,
        },
    ),
    Thinking: ("thinking", {"mode": "adaptive", "effort": "high", "budget": 2000, "shown": "auto", "sealed": True}),
    Output: (
        "output",
        {
            "format": Format(kind="schema", name="n", schema=SCHEMA),
            "verbosity": "low",
            "modalities": ("audio",),
            "voice": "alloy",
            "audio_format": "wav",
        },
    ),
    Caching: ("caching", {"mark": MARK, "key": "k", "retention": "24h", "mode": "explicit", "ttl": "1h"}),
}
REQUEST: dict[str, Any] = {
    "metadata": {"a": "b"},
    "user": "somebody",
    "safety_user": "hash",
    "service_tier": "priority",
    "store": True,
    "moderation": {"model": "m"},
    "parallel_calls": False,
}
TOOL: dict[str, Any] = {"description": "does", "strict": True, "deferred": True, "cache": MARK}


def request(**fields: Any) -> Request:
    tools = fields.pop("tools", (FunctionTool(**NAME, place=("tools", 0)),))
    return Request(wire=FOREIGN, words={}, model="m", tools=tools, turns=fields.pop("turns", (HELLO,)), **fields)


def told(codec: Any, asked: Request) -> tuple[bytes, tuple[str, ...]] | str:
    """What the wire says of a request, and what it names as lost; the message if it refuses."""
    try:
        encoded = codec.encode_request(asked)
    except Unsupported as refused:
        return refused.message
    return msgspec.json.encode(encoded.body, order="sorted"), encoded.lossy


def tool(**fields: Any) -> Request:
    return request(tools=(FunctionTool(**NAME, place=("tools", 0), **fields),))


def said(*blocks: Any, role: Role = Role.ASSISTANT) -> Request:
    return request(turns=(HELLO, Turn(role=role, blocks=blocks, place=("turns", 1)), HELLO))


def answered(**fields: Any) -> Request:
    call = Turn(role=Role.ASSISTANT, blocks=(ToolCall("f", "{}", "c1"),), place=("turns", 1))
    result = ToolResult((Text("no"),), "c1", place=("turns", 2, "result"), **fields)
    return request(turns=(HELLO, call, Turn(role=Role.TOOL, blocks=(result,), place=("turns", 2))))


BOTH = (FunctionTool(**NAME, place=("tools", 0)), FunctionTool("g", parameters=SCHEMA, place=("tools", 1)))
ALWAYS = "such thoughts are told whenever there are any"
EXCUSED = {
    ("Thinking.sealed", "anthropic_messages"): ALWAYS,
    ("Thinking.sealed", "bedrock_converse"): ALWAYS,
    ("Thinking.sealed", "gemini"): ALWAYS,
    ("Thinking.sealed", "ollama"): "its models seal nothing: what they think is in the open",
    ("Thinking.sealed", "openai_chat"): "its models seal nothing",
    ("Thinking.shown", "bedrock_converse"): ALWAYS,
    ("Thinking.shown", "ollama"): ALWAYS,
    ("Thinking.shown", "openai_chat"): ALWAYS,
    ("Thinking.mode", "openai_chat"): "how much to think is left to the model anyway",
    ("Thinking.mode", "openai_responses"): "how much to think is left to the model anyway",
    ("Thinking.mode disabled", "anthropic_messages"): "without the field nothing is thought",
    ("Reasoning", "gemini"): "what another model has thought before says nothing to this one",
    ("Reasoning", "openai_chat"): "what was thought before is sent only to upstreams that want it",
    ("Reasoning", "openai_responses"): "what another model has thought before says nothing to this one",
}
"""Case, wire → why nothing need be told, nor named."""
CASES: dict[str, tuple[Request, Request]] = {
    **{
        f"{kind.__name__}.{name}": (request(), request(**{group: kind(**{name: value})}))
        for kind, (group, values) in SETTINGS.items()
        for name, value in values.items()
    },
    **{f"Request.{name}": (request(), request(**{name: value})) for name, value in REQUEST.items()},
    **{f"FunctionTool.{name}": (tool(), tool(**{name: value})) for name, value in TOOL.items()},
    "Request.system": (request(), request(system=(Turn(role=Role.SYSTEM, blocks=(Text("be brief"),), place=("system",)),))),
    "Request.choice": (request(), request(choice=ToolChoice(mode=ChoiceMode.REQUIRED, place=("choice",)))),
    "ToolChoice.forced": (
        request(),
        request(choice=ToolChoice(mode=ChoiceMode.REQUIRED, forced=ToolRef("f"), place=("choice",))),
    ),
    "ToolChoice.allowed": (
        request(tools=BOTH),
        request(tools=BOTH, choice=ToolChoice(allowed=(ToolRef("f"),), place=("choice",))),
    ),
    "Thinking.mode disabled": (request(), request(thinking=Thinking(mode="disabled"))),
    "CustomTool": (request(), request(tools=(CustomTool("c", "does", grammar=Grammar("lark", "x"), place=("tools", 0)),))),
    "NamespaceTool": (request(), request(tools=(NamespaceTool("n", (FunctionTool(**NAME),), place=("tools", 0)),))),
    "Text.cache": (request(), request(turns=(Turn(role=Role.USER, blocks=(Text("hi", cache=MARK, place=("p",)),)),))),
    "Image": (
        request(),
        said(Image(Source(SourceKind.BASE64, "QUJD", "image/png"), place=("turns", 1, "image")), role=Role.USER),
    ),
    "Image.detail": (
        said(Image(Source(SourceKind.BASE64, "QUJD", "image/png"), place=("i",)), role=Role.USER),
        said(Image(Source(SourceKind.BASE64, "QUJD", "image/png"), "low", place=("i",)), role=Role.USER),
    ),
    "Reasoning": (said(Text("a")), said(Reasoning(text="I think", called="thinking", place=("turns", 1, "thinking")), Text("a"))),
    "ToolResult.is_error": (answered(), answered(is_error=True)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("wire", sorted(CODECS))
def test_field_when_it_says_something_is_told_or_named_or_refused(wire: Wire, case: str) -> None:
    without, with_it = (told(CODECS[wire], asked) for asked in CASES[case])
    assert not isinstance(without, str), without
    assert (with_it == without) == ((case, wire.value) in EXCUSED)


@pytest.mark.parametrize("wire", sorted(CODECS))
def test_request_when_it_says_nothing_special_loses_nothing(wire: Wire) -> None:
    encoded = CODECS[wire].encode_request(request())
    assert encoded.lossy == ()
