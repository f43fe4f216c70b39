"""What is an upstream of Messages asked, whatever wire the request came by?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.codec import Traits
from providers.errors import Unsupported
from tests.unit.providers.wire.anthropic_messages.asking import (
    BUDGET,
    GEMINI,
    HI,
    NEW,
    NEWEST,
    OLD,
    SCHEMA,
    TOOL,
    Json,
    chat,
    responses,
    sent,
)


def call(call_id: str, arguments: str = "{}", name: str = "f") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(call_id: str, content: Any = "ok") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Messages


def test_results_when_a_turn_has_several_then_one_message_has_all_of_them_first_and_then_the_text() -> None:
    body = chat(HI, calling(call("a"), call("b")), result("a", "1"), result("b", "2"), {"role": "user", "content": "so?"}).body
    assert body["messages"][2:] == [
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2"},
                {"type": "text", "text": "so?"},
            ],
        }
    ]


def test_calls_when_items_follow_each_other_then_one_message_has_them_and_what_stands_between_does_not_part_them() -> None:
    items: list[Json] = [
        {"type": "message", "role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "one"}]},
        {"type": "message", "role": "user", "content": "wait"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
    ]
    messages = responses(*items).body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert [part["type"] for part in messages[1]["content"]] == ["tool_use", "tool_use", "text"]
    assert [part["type"] for part in messages[2]["content"]] == ["tool_result", "tool_result", "text"]


def test_messages_when_neighbours_have_one_role_then_they_are_joined() -> None:
    body = chat(HI, {"role": "user", "content": "there"}, {"role": "assistant", "content": "yes"}).body
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "yes"},
    ]


@pytest.mark.parametrize("text", ["", " \n"])
def test_text_when_it_is_blank_then_it_is_left_out_with_its_message(text: str) -> None:
    assert chat(HI, {"role": "assistant", "content": text}, HI).body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "hi"}]}
    ]
    with pytest.raises(Unsupported) as error:
        chat({"role": "user", "content": text})
    assert error.value.param == "messages"


@pytest.mark.parametrize(("arguments", "given"), [("", {}), ('{"a":1}', {"a": 1}), (" ", {})])
def test_arguments_when_they_are_an_object_or_nothing_then_the_input_is_one(arguments: str, given: Json) -> None:
    made = chat(HI, calling(call("a", arguments)), result("a"))
    assert made.body["messages"][1]["content"] == [{"type": "tool_use", "id": "a", "name": "f", "input": given}]
    assert made.lossy == ()


@pytest.mark.parametrize("arguments", ["{", "[1]", "nonsense", "[" * 5000])
def test_arguments_when_they_are_no_object_then_they_stand_in_one_and_are_named(arguments: str) -> None:
    made = chat(HI, calling(call("a", arguments)), result("a"))
    assert made.body["messages"][1]["content"][0]["input"] == {"input": arguments}
    assert made.lossy == ("messages[].tool_calls[].arguments",)


def test_ids_when_they_have_characters_that_are_refused_then_both_sides_have_the_same_other_one() -> None:
    body = chat(HI, calling(call("functions.f:0"), call("functions_f_0")), result("functions.f:0"), result("functions_f_0")).body
    ids = [part["id"] for part in body["messages"][1]["content"]]
    assert ids == ["functions_f_0", "functions_f_0_1"]
    assert [part["tool_use_id"] for part in body["messages"][2]["content"]] == ids


def test_result_when_no_call_is_known_then_it_is_refused_with_its_place() -> None:
    with pytest.raises(Unsupported) as error:
        responses(
            {"type": "message", "role": "user", "content": "x"}, {"type": "function_call_output", "call_id": "z", "output": ""}
        )
    assert (error.value.upstream_status, error.value.param) == (400, "input[1]")


def test_call_when_its_result_is_missing_then_it_is_refused() -> None:
    with pytest.raises(Unsupported, match="No tool output found for function call a"):
        chat(HI, calling(call("a")), HI)


def test_call_and_result_when_told_twice_then_once_and_when_they_differ_then_refused() -> None:
    items = [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
    ]
    assert len(responses(*items, *items).body["messages"]) == 2
    with pytest.raises(Unsupported, match="two outputs"):
        responses(*items, {**items[1], "output": "2"})


def test_results_when_calls_have_no_ids_then_they_find_theirs_by_name() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "g", "response": {"b": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"a": 1}}}]},
    ]
    messages = sent({"contents": contents}, wire=GEMINI).body["messages"]
    known = {part["name"]: part["id"] for part in messages[1]["content"]}
    assert [part["tool_use_id"] for part in messages[2]["content"]] == [known["g"], known["f"]]


# The system


def test_system_when_it_leads_then_it_stands_outside_as_blocks() -> None:
    body = chat({"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, HI).body
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert chat({"role": "system", "content": "a"}, HI).body["system"] == "a"


LATER = (HI, {"role": "assistant", "content": "yes"}, HI, {"role": "system", "content": "now"})


def test_system_when_it_speaks_later_and_the_model_takes_that_then_at_its_place() -> None:
    made = chat(*LATER, HI, traits=NEWEST)
    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user", "system", "user"]
    assert made.lossy == ()


@pytest.mark.parametrize("traits", [Traits(), BUDGET, NEW], ids=lambda traits: traits.model)
def test_system_when_the_model_does_not_take_it_later_then_the_user_says_it_there_and_it_is_named(traits: Traits) -> None:
    made = chat(*LATER, HI, traits=traits)
    assert "system" not in made.body
    assert [part["text"] for part in made.body["messages"][2]["content"]] == ["hi", "now", "hi"]
    assert made.lossy == ("messages[].role",)


def test_system_when_it_speaks_between_a_call_and_its_result_then_after_that() -> None:
    body = chat(HI, calling(call("a")), {"role": "system", "content": "now"}, result("a"), traits=NEWEST).body
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user", "system"]


# Media


def test_media_when_they_are_data_or_addresses_then_they_are_sources() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://i.example/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "JVBERi0="}},
        {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}},
    ]
    content = chat({"role": "user", "content": parts}).body["messages"][0]["content"]
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    assert [part["source"] for part in content] == [
        {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
        {"type": "url", "url": "https://i.example/a.png"},
        pdf,
        pdf,
        {"type": "text", "media_type": "text/plain", "data": "a,b"},
    ]
    assert content[2]["title"] == "a.pdf"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,AA"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,%"}},
        {"type": "image_url", "image_url": {"url": "ftp://x"}},
    ],
    ids=lambda part: str(part)[:40],
)
def test_part_when_it_cannot_be_taken_then_it_is_refused_with_its_place(part: Json) -> None:
    with pytest.raises(Unsupported) as error:
        chat({"role": "user", "content": [{"type": "text", "text": "a"}, part]})
    assert error.value.param == "messages[0].content[1]"


# Tools


def test_tools_when_sent_then_choice_and_parallel_calls_have_their_words() -> None:
    def choice(**more: Any) -> Any:
        return chat(tools=[TOOL], **more).body.get("tool_choice")

    assert choice() is None
    assert choice(tool_choice="required") == {"type": "any"}
    assert choice(tool_choice="none", parallel_tool_calls=False) == {"type": "none"}
    assert choice(tool_choice={"type": "function", "function": {"name": "f"}}) == {"type": "tool", "name": "f"}
    assert choice(parallel_tool_calls=False) == {"type": "auto", "disable_parallel_tool_use": True}
    assert choice(parallel_tool_calls=True) is None
    assert "tool_choice" not in chat(parallel_tool_calls=False).body, "only with tools"


def test_tools_when_other_wires_have_more_then_they_are_functions_and_calls_come_back() -> None:
    tools = [
        {"type": "custom", "name": "patch", "description": "Patches."},
        {
            "type": "namespace",
            "name": "fs",
            "description": "Files.",
            "tools": [{"type": "function", "name": "ls", "parameters": None}],
        },
        {"type": "web_search"},
        {"type": "local_shell"},
    ]
    made = responses({"type": "message", "role": "user", "content": "x"}, tools=tools)
    assert [tool["name"] for tool in made.body["tools"]] == ["patch", "fs__ls", "web_search"]
    assert made.body["tools"][2] == {"type": "web_search_20250305", "name": "web_search"}
    assert made.body["tools"][1]["input_schema"] == {"type": "object", "properties": {}}
    assert made.lossy == ("tools[3] (local_shell)",)
    assert {name: (ref.name, ref.namespace, ref.kind) for name, ref in made.sent.refs.items()} == {
        "patch": ("patch", None, "custom"),
        "fs__ls": ("ls", "fs", "function"),
    }


def test_tools_when_only_some_are_allowed_then_the_others_are_not_sent() -> None:
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
    }
    other = {"type": "function", "function": {"name": "g"}}
    made = chat(tools=[TOOL, other], tool_choice=allowed)
    assert [tool["name"] for tool in made.body["tools"]] == ["g"]
    assert made.body["tool_choice"] == {"type": "any"}
    assert not made.sent.may_call("f")


def test_tools_when_there_are_none_but_calls_before_then_those_stand_there_and_may_not_be_called() -> None:
    body = chat(HI, calling(call("a"), call("b", name="g")), result("a"), result("b")).body
    assert [tool["name"] for tool in body["tools"]] == ["f", "g"]
    assert body["tool_choice"] == {"type": "none"}


def test_strict_when_the_model_is_too_old_then_it_is_named() -> None:
    strict = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    assert chat(tools=[strict], traits=NEW).body["tools"][0]["strict"] is True
    made = chat(tools=[strict], traits=OLD)
    assert "strict" not in made.body["tools"][0]
    assert made.lossy == ("tools[].function.strict",)


def test_schema_of_a_tool_when_it_is_geminis_subset_then_it_is_plain() -> None:
    subset = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True, "enum": ["A"]}}, "required": ["type"]}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": subset}]}]
    body = sent({"contents": [{"role": "user", "parts": [{"text": "x"}]}], "tools": tools}, wire=GEMINI).body
    assert body["tools"][0]["input_schema"] == {
        "type": "object",
        "properties": {"type": {"type": ["string", "null"], "enum": ["A", None]}},
        "required": ["type"],
    }
