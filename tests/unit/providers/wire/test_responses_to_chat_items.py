"""Do the items that newer clients send become the chat messages and tools that mean the same?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.functions import MOST_NAME
from providers.canonical.tools import CallKind, ToolRef
from providers.errors import CallerError
from tests.unit.providers.convert.composed import Converted, to_chat

HI = {"role": "user", "content": "hi"}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": {"type": "object"}}


def converted(*items: Any, **fields: Any) -> Converted:
    return to_chat({"input": list(items), **fields})


def messages(*items: Any, **fields: Any) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in converted(*items, **fields).body["messages"]]


def said(role: str, text: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def call(number: int = 1, arguments: str = "{}", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": arguments, **more}


def output(number: int = 1, value: Any = "1", kind: str = "function_call_output") -> dict[str, Any]:
    return {"type": kind, "call_id": f"c{number}", "output": value}


def more_tools(*tools: Any) -> dict[str, Any]:
    return {"type": "additional_tools", "role": "developer", "tools": list(tools)}


def names(made: Converted) -> list[str]:
    return [tool["function"]["name"] for tool in made.body.get("tools", ())]


# The system's message


@pytest.mark.parametrize(
    ("fields", "items", "expected"),
    [
        ({"instructions": "A"}, [said("developer", "B"), HI], [("system", "A\n\nB"), ("user", "hi")]),
        ({}, [said("system", "A"), said("developer", "B"), said("system", "C"), HI], [("system", "A\n\nB\n\nC"), ("user", "hi")]),
        ({"instructions": "A"}, [more_tools(FUNCTION), said("developer", ""), said("developer", "B"), HI],
         [("system", "A\n\nB"), ("user", "hi")]),
        ({"instructions": "A"}, [HI, said("developer", "B"), said("user", "on")],
         [("system", "A"), ("user", "hi"), ("user", "B"), ("user", "on")]),
        ({}, [HI, {"role": "assistant", "content": "yes"}, said("system", "B")],
         [("user", "hi"), ("assistant", "yes"), ("user", "B")]),
        ({}, [call(), said("developer", "B"), output()], [("assistant", None), ("tool", "1"), ("user", "B")]),
        ({"instructions": ""}, [HI], [("user", "hi")]),
    ],
)  # fmt: skip
def test_system_when_said_in_several_places_then_one_message_first(fields: Any, items: Any, expected: Any) -> None:
    assert messages(*items, **fields) == expected


def test_breakpoint_when_in_a_part_is_carried_there() -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    part = {"type": "input_text", "text": "a", **mark, "x": None}
    made = converted(
        {"role": "developer", "content": [part]}, {"role": "user", "content": [part]}, call(), output(1, [part]), instructions="A"
    )
    texts = {"type": "text", "text": "a", **mark}
    assert [message["content"] for message in made.body["messages"]] == [
        [{"type": "text", "text": "A"}, texts],
        [texts],
        None,
        [texts],
    ]
    assert made.lossy == ()


# The same told twice


@pytest.mark.parametrize(
    "items",
    [
        [call(), output(), output()],
        [call(), output(), output(1, [{"type": "input_text", "text": "1"}])],
        [call(), call(id="fc_1"), output()],
        [call(), output(), call()],
        [call(), output(), output(), HI, output()],
        [
            {**call(), "type": "custom_tool_call", "input": "a"},
            output(kind="custom_tool_call_output"),
            output(kind="custom_tool_call_output"),
        ],
    ],
    ids=["output", "output in parts", "call", "call with its result", "thrice", "custom"],
)
def test_item_when_told_twice_counts_once(items: list[Any]) -> None:
    made = [message for message in messages(*items) if message[0] != "user"]
    assert made == [("assistant", None), ("tool", "1")]


def test_call_when_made_again_under_its_id_is_another_one() -> None:
    turn = [call(), output(1, "wait"), said("user", "and?"), call(), output(1, "done")]
    assert [role for role, _ in messages(*turn)] == ["assistant", "tool", "user", "assistant", "tool"]
    assert [role for role, _ in messages(call(), output(), call(1, '{"a":1}'), output(1, "2"))] == ["assistant", "tool"] * 2


@pytest.mark.parametrize(
    "items", [[call(), output(), output(1, "2")], [call(), call(1, '{"a":1}'), output()], [call(), output(2)], [call()]]
)
def test_item_when_at_odds_with_another_is_400(items: list[Any]) -> None:
    with pytest.raises(CallerError) as refused:
        converted(*items)
    assert refused.value.upstream_status == 400
    assert "c1" in refused.value.message or "c2" in refused.value.message


# Tools that the input brings


def test_tools_when_the_input_brings_them_join_those_of_the_request() -> None:
    namespace = {
        "type": "namespace",
        "name": "functions",
        "description": "",
        "tools": [{"type": "custom", "name": "exec", "format": {"type": "text"}}],
    }
    made = converted(
        more_tools(namespace),
        HI,
        more_tools(FUNCTION, {"type": "web_search"}),
        said("user", "on"),
        tools=[{**FUNCTION, "name": "g"}],
    )
    assert names(made) == ["g", "functions__exec", "f"]
    assert made.tools.refs == {"functions__exec": ToolRef("exec", "functions", CallKind.CUSTOM)}
    assert made.lossy == ("input[2].tools[1] (web_search)",)


def test_tool_when_brought_again_counts_as_it_came_last() -> None:
    later = {**FUNCTION, "description": "later"}
    made = converted(more_tools(FUNCTION), HI, more_tools(later), tools=[FUNCTION])
    assert [tool["function"]["description"] for tool in made.body["tools"]] == ["later"]


def test_choice_when_of_a_tool_that_the_input_brings_is_carried() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}
    made = converted(more_tools(FUNCTION, {**FUNCTION, "name": "g"}), HI, tool_choice=allowed, parallel_tool_calls=False)
    assert (names(made), made.body["tool_choice"], made.body["parallel_tool_calls"]) == (["f"], "required", False)


def test_search_when_the_client_does_it_is_a_call_and_what_it_found_joins() -> None:
    found = {"type": "tool_search_output", "call_id": "c1", "execution": "client", "status": "completed", "tools": [FUNCTION]}
    asked = {"type": "tool_search_call", "call_id": "c1", "execution": "client", "arguments": {"query": "x"}}
    made = converted(HI, asked, found, tools=[SEARCH])
    assert names(made) == ["tool_search", "f"]
    _, called, result = made.body["messages"]
    assert called["tool_calls"][0]["function"] == {"name": "tool_search", "arguments": '{"query":"x"}'}
    assert result == {"role": "tool", "tool_call_id": "c1", "content": '[{"type":"function","name":"f"}]'}
    assert made.lossy == ()


def test_search_when_its_upstream_did_it_only_what_it_found_joins() -> None:
    found = {"type": "tool_search_output", "call_id": None, "execution": "server", "tools": [FUNCTION]}
    made = converted(
        HI, {"type": "tool_search_call", "execution": "server", "arguments": {}}, found, tools=[{"type": "tool_search"}]
    )
    assert names(made) == ["f"]
    assert made.lossy == ("tools[0] (tool_search)", "input[1] (tool_search_call)")


@pytest.mark.parametrize("tools", [7, [7], "x", [{"type": "function"}], {"a": 1}])
def test_tools_when_the_input_brings_nonsense_is_400_with_its_place(tools: Any) -> None:
    with pytest.raises(CallerError) as refused:
        converted(HI, {"type": "additional_tools", "tools": tools})
    assert (refused.value.upstream_status, str(refused.value.param)[:14]) == (400, "input[1].tools")


def test_name_when_too_long_with_its_namespace_is_cut_and_found_again() -> None:
    long = [{"type": "namespace", "name": "n" * 40, "tools": [{**FUNCTION, "name": "f" * 30 + end} for end in "ab"]}]
    made = converted(HI, call(namespace="n" * 40, name="f" * 30 + "a"), output(), tools=long)
    assert [len(name) for name in names(made)] == [MOST_NAME, MOST_NAME]
    assert made.body["messages"][1]["tool_calls"][0]["function"]["name"] == names(made)[0]
    refs = [made.tools.refs[name] for name in names(made)]
    assert [(ref.namespace, ref.name) for ref in refs] == [("n" * 40, "f" * 30 + end) for end in "ab"]


# Further items


def test_agents_message_when_partly_encrypted_is_told_as_far_as_it_can_be_read() -> None:
    item = {"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": [
        {"type": "input_text", "text": "look"}, {"type": "encrypted_content", "encrypted_content": "x"}]}  # fmt: skip
    made = converted(item)
    assert made.body["messages"] == [{"role": "user", "content": "Message from /root to /root/a:\nlook"}]
    assert made.lossy == ("input[0].content[1] (encrypted_content)",)


def test_configuration_when_updated_counts_as_it_came_last() -> None:
    updates = [{"type": "configuration_update", "reasoning": {"effort": effort}} for effort in ("low", "high")]
    form = {"type": "json_schema", "name": "n", "schema": {}}
    made = converted(
        updates[0], HI, updates[1], {"type": "configuration_update", "text": {"format": form}}, text={"verbosity": "low"}
    )
    assert (made.body["reasoning_effort"], made.body["verbosity"]) == ("high", "low")
    assert made.body["response_format"]["json_schema"]["name"] == "n"
    with pytest.raises(CallerError):
        converted(HI, {"type": "configuration_update", "text": {"format": 7}})


def test_reference_when_it_has_no_type_is_named_as_one() -> None:
    with pytest.raises(CallerError) as refused:
        converted(HI, {"id": "msg_1"})
    assert (refused.value.upstream_code, refused.value.param) == ("item_not_found", "input[1]")


def test_sound_when_codex_sends_it_is_chats() -> None:
    made = converted({"role": "user", "content": [{"type": "input_audio", "audio_url": "data:audio/mpeg;base64,AAAA"}]})
    assert made.body["messages"][0]["content"] == [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]
