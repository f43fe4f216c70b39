"""Does a chat request become the Responses request that means the same, and is the rest named or refused?"""

from __future__ import annotations

from typing import Any

import openresponses_types.types as spec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import CallerError
from tests.unit.providers.convert.composed import Converted, to_chat, to_responses

PNG = "data:image/png;base64,AA=="
HI = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CUSTOM_CALL = {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "a\nb"}}
FUNCTION = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}}
FLAT = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
GRAMMAR = {"definition": "start: x", "syntax": "lark"}
CUSTOM = {"type": "custom", "custom": {"name": "patch", "format": {"type": "grammar", "grammar": GRAMMAR}}}


def converted(*messages: Any, **fields: Any) -> Converted:
    return to_responses({"model": "m", "messages": list(messages or (HI,)), **fields})


def items(*messages: Any) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = converted(*messages).body["input"]
    return made


def item(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def assistant(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, **fields}


def function_call(call_id: str = "c1", arguments: str = '{"a":1}') -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments}


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Messages


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (HI, "hi"),
        ({"role": "system", "content": "be"}, "be"),
        ({"role": "developer", "content": "be"}, "be"),
        ({"role": "system", "content": [{"type": "text", "text": "be"}]}, [{"type": "input_text", "text": "be"}]),
        ({"role": "user", "content": [{"type": "text", "text": "a"}]}, [{"type": "input_text", "text": "a"}]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]},
         [{"type": "input_image", "image_url": PNG, "detail": "low"}]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
         [{"type": "input_image", "image_url": PNG, "detail": "auto"}]),
        ({"role": "user", "content": [{"type": "image_url", "image_url": PNG}]},
         [{"type": "input_image", "image_url": PNG, "detail": "auto"}]),
        ({"role": "user", "content": [{"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}}]},
         [{"type": "input_file", "file_data": "AA==", "filename": "a.pdf"}]),
        ({"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
         [{"type": "input_file", "file_id": "file-1"}]),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]},
         [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]),
        (assistant(content="a"), "a"),
        (assistant(content=[{"type": "text", "text": "a"}]), [output_text("a")]),
        (assistant(content=[{"type": "refusal", "refusal": "no"}]), [{"type": "refusal", "refusal": "no"}]),
        (assistant(refusal="no"), [{"type": "refusal", "refusal": "no"}]),
        (assistant(content="a", refusal="no"), [output_text("a"), {"type": "refusal", "refusal": "no"}]),
        (assistant(content="a", reasoning_content="hm", reasoning="hm", annotations=[{"type": "url_citation"}]), "a"),
    ],
)  # fmt: skip
def test_message_when_converted_then_it_says_the_same(message: dict[str, Any], content: Any) -> None:
    made = converted(message)
    assert made.body["input"] == [item(message["role"], content)]
    assert made.lossy == ()


def test_calls_when_made_then_items_after_what_was_said_and_results_of_their_kind() -> None:
    seen = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": PNG}}]
    made = items(
        HI,
        assistant(content="ok", tool_calls=[CALL, CUSTOM_CALL]),
        result("c1", "one"),
        result("c2", seen),
    )
    assert made == [
        item("user", "hi"),
        item("assistant", "ok"),
        function_call(),
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "a\nb"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2",
         "output": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PNG, "detail": "auto"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "text"), [("", "{}"), (None, "{}"), ({"a": 1}, '{"a":1}'), ('{"a": 1}', '{"a": 1}')])
def test_arguments_when_of_any_form_then_a_text(arguments: Any, text: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    assert items(assistant(tool_calls=[call])) == [function_call(arguments=text)]


@pytest.mark.parametrize("content", [None, "", []])
def test_result_when_empty_then_an_empty_text(content: Any) -> None:
    assert items(assistant(tool_calls=[CALL]), result("c1", content))[1]["output"] == ""


@pytest.mark.parametrize("content", [None, "", []])
def test_answer_when_empty_then_no_item(content: Any) -> None:
    assert items(HI, assistant(content=content)) == [item("user", "hi")]


# Fields

SCHEMA = {"name": "n", "schema": {"type": "object"}, "description": "d"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        *[({name: value}, {name: value}) for name, value in {
            "temperature": 0, "top_p": 0.5, "user": "u", "metadata": {"a": "b"}, "safety_identifier": "s",
            "prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"mode": "explicit"},
            "service_tier": "flex", "moderation": {"model": "omni-moderation-latest"}, "stream": True,
        }.items()],
        ({"temperature": None, "stream": None, "tools": None, "stop": None, "n": None, "unknown": None}, {}),
        ({"stream": False}, {}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"stream": True, "stream_options": {"include_obfuscation": False}},
         {"stream": True, "stream_options": {"include_obfuscation": False}}),
        ({"n": 1}, {}),
        ({"max_completion_tokens": 20}, {"max_output_tokens": 20}),
        ({"max_tokens": 20}, {"max_output_tokens": 20}),
        ({"max_tokens": 20, "max_completion_tokens": 30}, {"max_output_tokens": 30}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"response_format": {"type": "text"}}, {"text": {"format": {"type": "text"}}}),
        ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
        ({"response_format": {"type": "json_schema", "json_schema": {**SCHEMA, "strict": True}}, "verbosity": "high"},
         {"text": {"format": {"type": "json_schema", **SCHEMA, "strict": True}, "verbosity": "high"}}),
        ({"response_format": {"type": "json_schema", "json_schema": {**SCHEMA, "strict": None}}},
         {"text": {"format": {"type": "json_schema", **SCHEMA, "strict": False}}}),
        ({"logprobs": True}, {"include": ["message.output_text.logprobs"], "top_logprobs": 0}),
        ({"logprobs": True, "top_logprobs": 3}, {"include": ["message.output_text.logprobs"], "top_logprobs": 3}),
        ({"logprobs": False}, {}),
        ({"store": True}, {"store": True}),
        ({"store": False}, {}),
        ({"store": None}, {}),
        ({"presence_penalty": 0, "frequency_penalty": 0.0, "modalities": ["text"], "stop": [], "logit_bias": {}}, {}),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}),
        ({"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
         {"tools": [FLAT], "tool_choice": "required", "parallel_tool_calls": False}),
        ({"tensorzero::credentials": {"a": "b"}}, {}),
        ({"web_search_options": {}}, {"tools": [{"type": "web_search"}]}),
        ({"web_search_options": {"search_context_size": "low", "user_location": {
            "type": "approximate", "approximate": {"city": "Bern", "country": "CH", "region": None}}}},
         {"tools": [{"type": "web_search", "search_context_size": "low",
                     "user_location": {"type": "approximate", "city": "Bern", "country": "CH"}}]}),
        ({"tools": [{**FUNCTION, "cache_control": None}]}, {"tools": [FLAT]}),
    ],
)  # fmt: skip
def test_field_when_converted_then_it_has_the_other_name(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    made = converted(**fields)
    assert made.body == {"input": [item("user", "hi")], "store": False, **expected}
    assert made.lossy == ()


@pytest.mark.parametrize(
    ("fields", "lossy"),
    [
        ({"stop": ["x"]}, ("stop",)),
        ({"seed": 0}, ("seed",)),
        ({"logit_bias": {"1": 2}}, ("logit_bias",)),
        ({"presence_penalty": 1, "frequency_penalty": 0.5}, ("presence_penalty", "frequency_penalty")),
        ({"prediction": {"type": "content"}}, ("prediction",)),
        ({"stream_options": {"include_usage": True, "x": 1}}, ("stream_options.x",)),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG, "x": 1, "y": None}}]}]},
         ("messages[].content[].image_url.x",)),
        ({"messages": [assistant(tool_calls=[{**CALL, "extra_content": {"a": 1}}]), result("c1", "1")]},
         ("messages[].tool_calls[].extra_content",)),
        ({"audio": {"voice": "a"}}, ("audio.voice",)),
        ({"unknown": 1}, ("unknown",)),
        ({"max_completion_tokens": 15}, ("max_completion_tokens",)),
        ({"max_tokens": 1}, ("max_tokens",)),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, ("tools[0] (web_search)", "tool_choice")),
        ({"tools": [{**FUNCTION, "cache_control": {}}]}, ("tools[].cache_control",)),
        ({"tools": [{"type": "function", "function": {"name": "f", "x": 1}}]}, ("tools[].function.x",)),
        ({"messages": [{**HI, "name": "a"}, {**HI, "name": "b"}]}, ("messages[].name",)),
        ({"messages": [assistant(content="a", audio={"id": "x"})]}, ("messages[].audio",)),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": {}}]}]}, ("messages[].content[].x",)),
    ],
)  # fmt: skip
def test_field_when_responses_has_no_word_for_it_then_named_once(fields: dict[str, Any], lossy: tuple[str, ...]) -> None:
    made = to_responses({"messages": [HI], **fields})
    assert made.lossy == lossy
    assert made.body.keys() <= {"input", "store", "max_output_tokens", "tools"}


def test_limit_when_below_the_least_then_the_least() -> None:
    assert converted(max_tokens=1).body["max_output_tokens"] == 16


# Tools


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (FUNCTION, FLAT),
        ({"type": "function", "function": {"name": "f"}},
         {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}),
        (CUSTOM, {"type": "custom", "name": "patch", "format": {"type": "grammar", **GRAMMAR}}),
        ({"type": "custom", "custom": {"name": "p", "description": "d", "format": {"type": "text"}}},
         {"type": "custom", "name": "p", "description": "d"}),
        ({"type": "custom", "custom": {"name": "p"}}, {"type": "custom", "name": "p"}),
    ],
)  # fmt: skip
def test_tool_when_converted_then_flat(tool: dict[str, Any], expected: dict[str, Any]) -> None:
    made = converted(tools=[tool])
    assert made.body["tools"] == [expected]
    assert made.lossy == ()


NAMED_FUNCTION = {"type": "function", "function": {"name": "f"}}
NAMED_CUSTOM = {"type": "custom", "custom": {"name": "patch"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        (NAMED_FUNCTION, {"type": "function", "name": "f"}),
        (NAMED_CUSTOM, {"type": "custom", "name": "patch"}),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED_FUNCTION, NAMED_CUSTOM]}},
         {"type": "allowed_tools", "mode": "required",
          "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "patch"}]}),
    ],
)  # fmt: skip
def test_choice_when_converted_then_flat(choice: Any, expected: Any) -> None:
    assert converted(tools=[FUNCTION, CUSTOM], tool_choice=choice).body["tool_choice"] == expected


# What cannot be


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"n": 0}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [assistant()]}, "messages"),
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "name": "f", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
        ({"messages": [assistant(content=[{"type": "image_url"}])]}, "messages[0].content[0]"),
        ({"messages": [result("c1", "a")]}, "messages[0].tool_call_id"),
        ({"messages": [result(7, "a")]}, "messages[0].tool_call_id"),  # type: ignore[arg-type]
        ({"messages": [assistant(tool_calls=[1])]}, "messages[0].tool_calls[0]"),
        ({"messages": [assistant(tool_calls=[{**CALL, "id": ""}])]}, "messages[0].tool_calls[0]"),
        ({"messages": [assistant(tool_calls=[{"id": "c", "type": "custom"}])]}, "messages[0].tool_calls[0]"),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "telepathy"}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": 7}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function"}}, "tool_choice.function.name"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": ["f"]}}},
         "tool_choice.allowed_tools.tools[0]"),
        ({"tools": 7}, "tools"),
        ({"messages": [assistant(tool_calls=7)]}, "messages[0].tool_calls"),
        ({"stream": True, "stream_options": "x"}, "stream_options"),
    ],
)  # fmt: skip
def test_request_when_it_cannot_be_converted_then_400_names_the_place(fields: dict[str, Any], param: str | None) -> None:
    with pytest.raises(CallerError) as raised:
        to_responses({"messages": [HI], **fields})
    assert (raised.value.upstream_status, raised.value.param) == (400, param)


NAMES = st.sampled_from(["type", "role", "content", "function", "name", "tool_calls", "text", "image_url", "file", "id"])
FIELDS = st.sampled_from(["messages", "tools", "tool_choice", "response_format", "max_tokens", "stream_options", "stream", "n"])
LEAVES = st.none() | st.booleans() | st.integers(-2, 20) | st.sampled_from(["", "user", "text", "function", "c1"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)


@given(st.dictionaries(FIELDS, JSON))
def test_request_when_anything_at_all_then_converted_or_400(fields: dict[str, Any]) -> None:
    try:
        assert "input" in to_responses({"messages": [HI], **fields}).body
    except CallerError as error:
        status = error.upstream_status
        assert status == 400


# The specification

TEXTS = st.text(min_size=1, max_size=8)
PARTS = st.one_of(
    TEXTS.map(lambda text: {"type": "text", "text": text}),
    st.sampled_from(["low", "high", "auto"]).map(lambda d: {"type": "image_url", "image_url": {"url": PNG, "detail": d}}),
    TEXTS.map(lambda name: {"type": "file", "file": {"file_data": "AA==", "filename": name}}),
)
USERS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    TEXTS.map(lambda text: {"role": "user", "content": text}),
    st.lists(PARTS, min_size=2, max_size=3).map(lambda parts: {"role": "user", "content": parts}),
)


@st.composite
def turns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages that both formats can say, in the form that the way back gives them."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(TEXTS)}] if draw(st.booleans()) else []
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        messages.append(draw(USERS))
        calls: list[dict[str, Any]] = []
        for name in draw(st.lists(st.sampled_from(["f", "g"]), max_size=2)):
            number += 1
            calls.append({"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": draw(TEXTS)}})
        said = draw(TEXTS | st.none()) if calls else draw(TEXTS)
        messages.append({"role": "assistant", "content": said} | ({"tool_calls": calls} if calls else {}))
        messages += [result(call["id"], draw(TEXTS)) for call in calls]
    return messages


@given(turns())
def test_messages_when_converted_there_and_back_then_the_same_and_valid(messages: list[dict[str, Any]]) -> None:
    made = to_responses({"messages": messages})
    spec.CreateResponseBody.model_validate(made.body)
    assert to_chat(made.body).body["messages"] == messages
    assert made.lossy == ()


def test_request_when_it_holds_everything_then_the_specification_takes_it() -> None:
    request = {
        "messages": [HI, assistant(content="a", refusal="no", tool_calls=[CALL]), result("c1", [{"type": "text", "text": "x"}])],
        "tools": [FUNCTION],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED_FUNCTION]}},
        "response_format": {"type": "json_schema", "json_schema": {**SCHEMA, "strict": True}},
        "verbosity": "low", "max_completion_tokens": 16, "reasoning_effort": "high", "logprobs": True, "top_logprobs": 2,
        "parallel_tool_calls": True, "temperature": 0.1, "top_p": 0.9, "metadata": {"a": "b"}, "safety_identifier": "s",
        "prompt_cache_key": "k", "service_tier": "auto", "stream": True, "stream_options": {"include_obfuscation": True},
    }  # fmt: skip
    made = to_responses(request)
    valid = spec.CreateResponseBody.model_validate(made.body).model_dump(mode="json", exclude_unset=True, by_alias=True)
    assert valid.keys() == made.body.keys()
    assert made.lossy == ()


def test_request_when_converted_then_not_changed() -> None:
    request: dict[str, Any] = {"messages": [assistant(content="a", refusal="no", tool_calls=[CALL])], "tools": [FUNCTION]}
    before = repr(request)
    to_responses(request)
    assert repr(request) == before


def test_mark_when_it_is_anthropics_then_a_part_has_the_one_of_responses() -> None:
    content = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    made = to_responses({"messages": [{"role": "user", "content": content}]})
    assert made.body["input"][0]["content"] == [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    ]
    assert made.lossy == ()
