"""Does a Responses request become the chat request that means the same, and is the rest named or refused?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.errors import CallerError
from tests.unit.providers.convert.composed import to_chat

PNG = "data:image/png;base64,AA=="
IMAGE = {"type": "input_image", "image_url": PNG, "detail": "low"}


def messages(items: Any, **fields: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = to_chat({"input": items, **fields}).body["messages"]
    return made


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def called(number: int, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def function_call(number: int, **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}", **fields}


def output(number: int, value: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": value}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("hi", [user("hi")]),
        ([{"role": "user", "content": "hi"}], [user("hi")]),
        ([{"type": "message", "role": "developer", "content": "be"}, {"role": "user", "content": "a"}],
         [{"role": "system", "content": "be"}, user("a")]),
        ([{"role": "user", "content": [{"type": "input_text", "text": "a"}]}], [user("a")]),
        ([{"role": "user", "content": [{"type": "input_text", "text": "a"}, IMAGE]}],
         [user([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}])]),
        ([{"role": "user", "content": [{"type": "input_file", "file_data": "AA==", "filename": "a.pdf"}]}],
         [user([{"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}}])]),
        ([{"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]}],
         [{"role": "assistant", "content": "ab"}]),
        ([{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}],
         [{"role": "assistant", "content": "", "refusal": "no"}]),
    ],
)  # fmt: skip
def test_message_when_converted_then_it_says_the_same(items: Any, expected: list[dict[str, Any]]) -> None:
    assert messages(items) == expected


def test_instructions_when_given_then_first() -> None:
    assert messages("hi", instructions="be kind") == [{"role": "system", "content": "be kind"}, user("hi")]


def test_calls_when_of_one_turn_then_one_message_with_what_was_said_before() -> None:
    items = [
        user("go"),
        {"role": "assistant", "content": "ok"},
        function_call(1),
        function_call(2),
        output(1, "a"),
        output(2, "b"),
    ]
    assert messages(items) == [
        user("go"),
        {"role": "assistant", "content": "ok", "tool_calls": [called(1), called(2)]},
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {"role": "tool", "tool_call_id": "c2", "content": "b"},
    ]


def test_calls_when_of_two_turns_then_two_messages() -> None:
    made = messages([function_call(1), output(1, "a"), function_call(2), output(2, "b")])
    assert [message["role"] for message in made] == ["assistant", "tool", "assistant", "tool"]


def test_outputs_when_they_hold_images_then_these_follow_all_outputs_of_the_turn() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": PNG}]
    made = messages([function_call(1), function_call(2), output(1, parts), output(2, "b"), user("and?")])
    assert [message["role"] for message in made] == ["assistant", "tool", "tool", "user", "user"]
    assert made[1]["content"] == "a"
    assert made[3]["content"] == [{"type": "image_url", "image_url": {"url": PNG}}]


@pytest.mark.parametrize("wanted", [True, False])
def test_reasoning_when_the_upstream_wants_it_back_then_in_the_next_message_of_the_assistant(wanted: bool) -> None:
    items = [
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
        function_call(1),
        output(1, ""),
    ]
    made = to_chat({"input": items}, returns_reasoning=wanted).body["messages"]
    assert made[0].get("reasoning_content") == ("hm" if wanted else None)


def test_custom_call_when_converted_then_a_function_with_one_argument() -> None:
    items = [{"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a"b'},
             {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"}]  # fmt: skip
    assert messages(items)[0]["tool_calls"] == [called(1, "patch", '{"input":"a\\"b"}')]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("max_output_tokens", 20, {"max_completion_tokens": 20}),
        ("temperature", 0, {"temperature": 0}),
        ("top_p", 0.5, {"top_p": 0.5}),
        ("reasoning", {"effort": "low", "summary": "auto"}, {"reasoning_effort": "low"}),
        ("text", {"format": {"type": "text"}}, {}),
        ("text", {"format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        ("text", {"format": {"type": "json_schema", "name": "n", "schema": {"a": 1}, "strict": True}},
         {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True}}}),
        ("top_logprobs", 3, {"logprobs": True, "top_logprobs": 3}),
        ("include", ["message.output_text.logprobs"], {"logprobs": True, "top_logprobs": 0}),
        ("stream", True, {"stream": True}),
        ("stream", False, {}),
        ("parallel_tool_calls", True, {}),
        ("tools", [], {}),
        ("tool_choice", "auto", {}),
        ("store", True, {"store": True}),
        ("store", False, {}),
        ("metadata", {"a": "b"}, {"metadata": {"a": "b"}}),
        ("service_tier", "flex", {"service_tier": "flex"}),
        ("safety_identifier", "s", {"safety_identifier": "s"}),
        ("prompt_cache_key", "k", {"prompt_cache_key": "k"}),
        ("prompt_cache_retention", "24h", {"prompt_cache_retention": "24h"}),
        ("prompt_cache_options", {"mode": "explicit", "ttl": None}, {"prompt_cache_options": {"mode": "explicit"}}),
        ("moderation", {"model": "m"}, {"moderation": {"model": "m"}}),
        ("user", "u", {"user": "u"}),
        ("text", {"verbosity": "low"}, {"verbosity": "low"}),
        ("truncation", "disabled", {}),
        ("include", ["reasoning.encrypted_content"], {}),
        ("stream_options", {"include_obfuscation": False}, {}),
    ],
)  # fmt: skip
def test_field_when_converted_then_it_has_chats_name(field: str, value: Any, expected: dict[str, Any]) -> None:
    converted = to_chat({"input": "hi", field: value})
    assert {name: said for name, said in converted.body.items() if name != "messages"} == expected
    assert converted.lossy == ()


@pytest.mark.parametrize(
    ("fields", "lossy"),
    [
        ({"unknown": 1}, ("unknown",)),
        ({"unknown": None}, ()),
        ({"text": {"tone": "low", "verbosity": None}}, ("text.tone",)),
        ({"truncation": "auto"}, ("truncation",)),
        ({"max_tool_calls": 3}, ("max_tool_calls",)),
        ({"include": ["message.output_text.logprobs", "x"]}, ("include (x)",)),
        ({"reasoning": {"context": "all_turns", "mode": "standard"}}, ("reasoning.context",)),
        ({"prompt_cache_options": {"mode": "explicit", "comparison_response_id": "r"}},
         ("prompt_cache_options.comparison_response_id",)),
        ({"stream_options": {"include_obfuscation": True}}, ("stream_options.include_obfuscation",)),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, ("tools[0] (web_search)", "tool_choice")),
        ({"tools": [{"type": "function", "name": "f", "output_schema": {}, "async": False, "defer_loading": True}]},
         ("tools[].defer_loading", "tools[].output_schema")),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": "a", "x": 1, "y": None}]}]},
         ("input[].content[].x",)),
        ({"input": [{"role": "user", "content": "a", "x": 1, "id": "m", "phase": "p"}]}, ("input[].x",)),
        ({"input": [{"role": "developer", "content": [IMAGE, {"type": "input_text", "text": "a"}]}]},
         ("input[0].content[0] (input_image)",)),
        ({"tools": [{"type": "web_search"}]}, ("tools[0] (web_search)",)),
        ({"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "web_search"}}, ("tool_choice",)),
        ({"input": [{"type": "web_search_call", "id": "w"}, {"role": "user", "content": "a"}]}, ("input[0] (web_search_call)",)),
    ],
)  # fmt: skip
def test_field_when_chat_has_no_word_for_it_then_named(fields: dict[str, Any], lossy: tuple[str, ...]) -> None:
    assert to_chat({"input": "hi", **fields}).lossy == lossy


FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
NESTED = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}}


def test_tools_when_functions_then_nested_with_strict() -> None:
    body = to_chat(
        {"input": "a", "tools": [FUNCTION], "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": False}
    ).body
    assert body["tools"] == [NESTED]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["parallel_tool_calls"] is False


def test_tools_when_only_some_are_allowed_then_only_these_are_sent() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}
    body = to_chat({"input": "a", "tools": [FUNCTION, {**FUNCTION, "name": "g"}], "tool_choice": choice}).body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == "required"


def test_custom_tool_when_it_has_a_grammar_then_the_model_is_told() -> None:
    tool = {"type": "custom", "name": "p", "description": "Patches.", "format": {"type": "grammar", "definition": "start: x"}}
    (made,) = to_chat({"input": "a", "tools": [tool]}).body["tools"]
    assert "start: x" in made["function"]["description"]
    assert made["function"]["parameters"]["required"] == ["input"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input[0]"),
        ({"input": [{"type": "telepathy"}]}, "input[0]"),
        ({"input": [{"content": "a"}]}, "input[0]"),
        ({"input": [{"role": "king", "content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_video"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [output(1, "a")]}, "input[0]"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"conversation": "c"}, "conversation"),
        ({"tools": [1]}, "tools[0]"),
    ],
)
def test_request_when_it_cannot_be_converted_then_400_names_the_place(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(CallerError) as raised:
        to_chat({"input": "a", **fields})
    assert (raised.value.upstream_status, raised.value.param) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": 7}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{"type": "namespace", "name": "a", "tools": 7}]}, "tools[0].tools"),
        ({"text": "x"}, "text"),
        ({"text": {"format": 7}}, "text.format"),
        ({"reasoning": []}, "reasoning"),
        ({"include": "x"}, "include"),
        ({"instructions": [{"role": "user", "content": [{"type": "input_text", "text": 7}]}]}, "instructions[0].content[0]"),
        ({"input": [{"role": "user", "content": "a"}, {"type": "reasoning", "summary": 7}]}, "input[1]"),
        ({"input": [{"type": "function_call_output", "call_id": {}, "output": "a"}]}, "input[0]"),
    ],
)
def test_request_when_a_value_has_another_type_is_400(fields: dict[str, Any], param: str | None) -> None:
    with pytest.raises(CallerError) as refused:
        to_chat({"input": "hi", **fields})
    assert (refused.value.upstream_status, refused.value.param) == (400, param)


def test_text_when_between_a_call_and_its_result_stands_elsewhere() -> None:
    def message(role: str, text: str) -> dict[str, Any]:
        return {"type": "message", "role": role, "content": text}

    called = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    items = [
        message("assistant", "a"),
        called,
        message("assistant", "b"),
        message("user", "hurry"),
        result,
        message("user", "and?"),
    ]
    made = to_chat({"input": items}).body["messages"]
    assert [(one["role"], one["content"]) for one in made] == [
        ("assistant", "a\nb"), ("tool", "1"), ("user", "hurry"), ("user", "and?"),
    ]  # fmt: skip
    assert [call["id"] for call in made[0]["tool_calls"]] == ["c"]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"tool_choice": "foo", "tools": [FUNCTION]}, "tool_choice", "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "missing_required_parameter"),
        ({"text": {"format": {"type": "json_schema", "name": ""}}}, "text.format.name", "missing_required_parameter"),
        (
            {
                "tools": [FUNCTION],
                "tool_choice": {"type": "allowed_tools", "mode": "x", "tools": [{"type": "function", "name": "f"}]},
            },
            "tool_choice.mode",
            "invalid_value",
        ),
        (
            {
                "tools": [FUNCTION],
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "x"}]},
            },
            "tool_choice.tools",
            "invalid_value",
        ),
        (
            {
                "tools": [
                    {"type": "function", "name": "n__f"},
                    {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
                ]
            },
            "tools[1].name",
            "invalid_value",
        ),
    ],
)
def test_request_when_it_names_what_is_not_there_is_400(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(CallerError) as refused:
        to_chat({"input": "hi", **fields})
    assert (refused.value.upstream_status, refused.value.param, refused.value.upstream_code) == (400, param, code)


def test_turn_when_its_results_are_pending_is_one_message_before_them() -> None:
    def called(number: int) -> dict[str, Any]:
        return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}

    def result(number: int) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": f"c{number}", "output": str(number)}

    said: dict[str, Any] = {"type": "message", "role": "assistant", "content": "b"}
    forms = [
        [called(1), called(2), result(1), said, result(2)],
        [called(1), said, called(2), result(1), result(2)],
        [called(1), called(2), said, {**said, "content": ""}, result(2), result(1)],
    ]
    for items in forms:
        made = to_chat({"input": items}).body["messages"]
        assert [one["role"] for one in made] == ["assistant", "tool", "tool"]
        assert (made[0]["content"], len(made[0]["tool_calls"])) == ("b", 2)
    third = to_chat({"input": [called(1), called(2), result(1), called(3), result(2), result(3)]}).body["messages"]
    assert [one["role"] for one in third] == ["assistant", "tool", "tool", "tool"]
