"""Are all things that an encoder does not carry named, in the client's words, and nothing else?"""

from __future__ import annotations

import msgspec
import pytest

from providers.canonical import answer, blocks, events, request, settings, tools
from providers.canonical.blocks import Image, Opaque, Role, Source, SourceKind, Text, ToolCall, ToolResult, ToolsChange, Turn
from providers.canonical.extra import Extra, Need, Value
from providers.canonical.losses import NEUTRAL, Carried, Losses, every
from providers.canonical.request import Request
from providers.canonical.settings import Caching, Format, Limits, Output, Sampling
from providers.canonical.signature import Signature
from providers.canonical.tools import CacheMark, HostedTool, OpaqueTool
from providers.types import Wire

CHAT, RESPONSES = Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES
WORDS = {
    "Sampling.top_k": "generationConfig.topK",
    "Told.cache": "cache_control",
    "Text.signature": "thoughtSignature",
    "Limits.stop": "stop_sequences",
    "Caching.key": "prompt_cache_key",
    "Output.verbosity": "text.verbosity",
}
CARRIED = Carried(
    {
        Request: every(Request, but={"caching"}),
        Turn: every(Turn),
        Text: every(Text, but={"signature", "cache"}),
        Sampling: {"temperature"},
        Limits: every(Limits),
        Output: {"format"},
        Format: every(Format),
        ToolResult: every(ToolResult),
        ToolsChange: every(ToolsChange),
    }
)


def lost(asked: Request) -> tuple[str, ...]:
    losses = Losses(CHAT, asked.words, CARRIED)
    losses.look(asked)
    assert losses.needs == []
    return losses.names


def said(*values: blocks.Block) -> Request:
    return Request(wire=RESPONSES, words=WORDS, turns=(Turn(role=Role.USER, blocks=values, place=("messages", 0)),))


def test_losses_when_all_is_carried_then_none() -> None:
    assert lost(said(Text("hello", id="msg_1", called="text", place=("messages", 0, "content", 0)))) == ()


def test_losses_when_fields_are_not_carried_then_each_is_named_once_in_the_clients_words() -> None:
    mark, signed = CacheMark(ttl="5m"), Signature("s", RESPONSES)
    texts = [Text("a", cache=mark, signature=signed, place=("messages", 0, "content", place)) for place in range(2)]
    asked = msgspec.structs.replace(said(*texts), sampling=Sampling(temperature=0.0, top_k=4), limits=Limits(stop=("x",)))
    content = "messages[].content[]"
    names = [f"{content}.cache_control", f"{content}.thoughtSignature", "generationConfig.topK"]
    assert sorted(lost(asked)) == sorted(names)


def test_losses_when_a_group_of_settings_is_not_carried_then_its_fields_are_named_each() -> None:
    asked = msgspec.structs.replace(said(), caching=Caching(key="k", mode="auto"), output=Output(verbosity="low"))
    assert sorted(lost(asked)) == ["mode", "prompt_cache_key", "text.verbosity"]


@pytest.mark.parametrize("key", NEUTRAL)
def test_losses_when_a_value_is_what_counts_anyway_then_none_is_named(key: str) -> None:
    kind, _, name = key.partition(".")
    value: Value = Request(wire=CHAT, words={}) if kind == "Request" else getattr(settings, kind)()
    other = {int: 2, bool: True, tuple: ("y",), dict: {"y": 2}}[type(NEUTRAL[key])]
    assert names_in(msgspec.structs.replace(value, **{name: NEUTRAL[key]})) == ()
    assert names_in(msgspec.structs.replace(value, **{name: other})) == (name,)


def names_in(value: Value) -> tuple[str, ...]:
    """What is lost where nothing is carried, and nothing has a name of its own."""
    losses = Losses(CHAT, {}, Carried({}))
    losses.look(value)
    return losses.names


def test_losses_when_a_kind_of_block_or_tool_is_not_carried_then_the_one_is_named() -> None:
    image = Image(Source(SourceKind.URL, "https://x/y.png"), called="input_image", place=("messages", 0, "content", 1))
    asked = msgspec.structs.replace(said(image), tools=(HostedTool("web_search", called="web_search", place=("tools", 0)),))
    assert set(lost(asked)) == {"messages[0].content[1] (input_image)", "tools[0] (web_search)"}


def test_losses_when_a_block_stands_in_a_block_then_it_is_looked_at() -> None:
    inner = Text("a", extra=Extra(RESPONSES, {"detail": "low", "type": "x"}, ("detail",)), place=("input", 2, "output", 0))
    assert lost(said(ToolResult((inner,), place=("input", 2)))) == ("input[].output[].detail",)


def test_losses_when_something_is_of_the_encoders_own_wire_then_it_is_not_lost() -> None:
    extra = Extra(CHAT, {"name": "x"}, ("name",), (Need("no", ("input", 1, "name")),))
    assert lost(said(opaque(CHAT), Text("a", extra=extra), tools_change(CHAT))) == ()
    assert lost(said(opaque(RESPONSES), tools_change(RESPONSES))) == ("input[1] (z)", "input[2].tools[0] (y)")


def opaque(wire: Wire) -> Opaque:
    return Opaque(wire, {"type": "z"}, called="z", place=("input", 1))


def tools_change(wire: Wire) -> ToolsChange:
    return ToolsChange((OpaqueTool(wire, {"type": "y"}, called="y", place=("input", 2, "tools", 0)),), place=("input", 2))


def test_losses_when_what_is_lost_is_needed_then_it_is_said_why() -> None:
    needs = [Need("no prompt", ("prompt",)), Need("no item", ("input", 1), "item_not_found")]
    block = Opaque(RESPONSES, {}, needs[1], called="item_reference")
    asked = msgspec.structs.replace(said(block), extra=Extra(RESPONSES, {"prompt": {}}, needs=(needs[0],)))
    losses = Losses(CHAT, WORDS, CARRIED)
    losses.look(asked)
    assert losses.names == ()
    assert sorted(losses.needs, key=lambda need: need.message, reverse=True) == needs


def test_losses_when_the_encoder_adds_some_then_they_are_named_alike() -> None:
    losses = Losses(CHAT, WORDS, CARRIED)
    call = ToolCall("f", "{}", called="function_call", place=("input", 7))
    losses.whole(call)
    losses.field(Limits(), "stop")
    losses.field(msgspec.structs.replace(call, cache=CacheMark()), "cache")
    assert losses.names == ("input[7] (function_call)", "stop_sequences", "input[].cache_control")


def test_carried_when_it_names_a_field_that_is_not_there_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="Text has no field 'txet'"):
        Carried({Text: {"txet"}}).plan(Text)


MODULES = {module.__name__ for module in (answer, blocks, events, request, settings, tools)}


def kinds(kind: type[Value]) -> list[type[Value]]:
    """The types below that one."""
    return [one for below in kind.__subclasses__() for one in (below, *kinds(below)) if one.__module__ in MODULES]


@pytest.mark.parametrize("kind", kinds(Value), ids=lambda kind: kind.__name__)
def test_carried_when_all_of_a_type_is_then_only_values_within_are_left_to_look_at(kind: type[Value]) -> None:
    plan = Carried({kind: every(kind)}).plan(kind)
    annotated = {field.name: str(field.type) for field in msgspec.structs.fields(kind)}
    holding = {name for name, text in annotated.items() if "providers.canonical" in text and not text.startswith("<enum")}
    assert plan.lost == ()
    assert {name for name, _ in plan.within} == holding - {"extra", "need"}
