"""What does a request of Gemini's ask, and what do upstreams of other wires hear of it?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.canonical.blocks import Audio, Document, Image, Opaque, Reasoning, SourceKind, Text, ToolCall, ToolResult, Video
from providers.canonical.request import Request
from providers.canonical.settings import Thinking
from providers.canonical.signature import Signature
from providers.canonical.tools import ChoiceMode, FunctionTool
from providers.convert.codecs import codecs
from providers.types import Wire
from providers.wire.gemini import codec
from providers.wire.gemini.codec.requests.own import may_be_foreign
from providers.wire.gemini.codec.schemas import plain_schema
from providers.wire.gemini.codec.signatures import signed

Json = dict[str, Any]
HI: Json = {"role": "user", "parts": [{"text": "hi"}]}


def read(*contents: Json, **more: Any) -> Request:
    return codec.decode_request({"contents": list(contents) or [HI], **more})


def chat(*contents: Json, **more: Any) -> Json:
    return codecs()[Wire.OPENAI_CHAT].encode_request(read(*contents, **more)).body


def block(part: Json) -> Any:
    return read({"role": "user", "parts": [part]}).turns[0].blocks[0]


# Spelling


def test_request_when_in_snake_case_with_single_values_then_read_as_in_camel_case() -> None:
    snake = codec.decode_request(
        {
            "system_instruction": {"parts": {"text": "Be brief."}},
            "contents": {"parts": {"text": "hi"}},
            "generation_config": {"max_output_tokens": 8, "top_k": 40.0, "thinking_config": {"thinking_level": "low"}},
            "tools": {"function_declarations": {"name": "f", "parameters_json_schema": {"type": "object"}}},
            "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        }
    )
    camel = codec.decode_request(
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 8, "topK": 40, "thinkingConfig": {"thinkingLevel": "LOW"}},
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        }
    )
    for name in ("system", "turns", "tools", "choice", "limits", "sampling", "thinking"):
        assert getattr(snake, name) == getattr(camel, name), name
    assert snake.extra is not None
    assert snake.extra.lost == ()


def test_field_when_spelled_in_both_ways_then_one_counts_and_the_other_is_named() -> None:
    request = read(generationConfig={"topP": 0.5, "top_p": 0.9})
    assert request.sampling.top_p == 0.5
    assert request.extra is not None
    assert request.extra.lost == ("generationConfig.top_p",)


# Parts


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": "AA"}}, Image),
        ({"inlineData": {"mimeType": "audio/mpeg", "data": "AA"}}, Audio),
        ({"inlineData": {"mimeType": "video/mp4", "data": "AA"}}, Video),
        ({"inlineData": {"mimeType": "application/pdf", "data": "AA"}}, Document),
        ({"fileData": {"fileUri": "https://www.youtube.com/watch?v=a"}}, Video),
        ({"text": "a"}, Text),
        ({"text": "a", "thought": True}, Reasoning),
        ({"text": 1}, Opaque),
        ({"inlineData": {"mimeType": "image/png"}}, Opaque),
        ({"functionCall": {"args": {}}}, Opaque),
        ({"mystery": {}}, Opaque),
    ],
)
def test_part_when_read_then_a_block_of_its_kind(part: Json, kind: type) -> None:
    assert type(block(part)) is kind


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("gs://b/a.png", SourceKind.STORAGE),
        ("https://a.example/a.png", SourceKind.URL),
        ("https://generativelanguage.googleapis.com/v1beta/files/a", SourceKind.FILE),
        ("files/a", SourceKind.FILE),
    ],
)
def test_file_when_it_is_somewhere_then_it_is_said_who_can_read_it(uri: str, kind: SourceKind) -> None:
    assert block({"fileData": {"fileUri": uri, "mimeType": "image/png"}}).source.kind is kind


def test_signature_when_it_is_the_word_to_skip_then_it_is_none() -> None:
    call = block({"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"})
    assert isinstance(call, ToolCall)
    assert call.signature is None
    signed = block({"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"})
    assert signed.signature == Signature("c2ln", Wire.GEMINI)


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "a"}, "a", None),
        ({"output": [1]}, "[1]", None),
        ({"result": "a"}, "a", None),
        ({"result": {"a": 1}}, '{"result":{"a":1}}', None),
        ({"error": "no"}, "no", True),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}', None),
    ],
)
def test_result_when_read_then_what_it_says(response: Json, text: str, is_error: bool | None) -> None:
    result = block({"functionResponse": {"name": "f", "response": response}})
    assert isinstance(result, ToolResult)
    assert [one.text for one in result.content if isinstance(one, Text)] == [text]
    assert result.is_error is is_error


def test_calls_when_they_have_no_ids_then_each_has_one_and_its_result_the_same() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    back = {"functionResponse": {"name": "f", "response": {"output": "1"}}}
    other = {"functionResponse": {"name": "g", "response": {"output": "2"}}}
    request = read(
        HI,
        {"role": "model", "parts": [call, {"functionCall": {"name": "g"}}, call]},
        {"role": "function", "parts": [other, back, back]},
        {"role": "model", "parts": [call]},
        {"role": "user", "parts": [back]},
    )
    blocks = [one for turn in request.turns for one in turn.blocks]
    calls = [one.call_id for one in blocks if isinstance(one, ToolCall)]
    results = [one.call_id for one in blocks if isinstance(one, ToolResult)]
    assert len(set(calls)) == 4
    assert results == [calls[1], calls[0], calls[2], calls[3]]


# Settings


@pytest.mark.parametrize(
    ("config", "thinking"),
    [
        ({"thinkingBudget": 0}, Thinking(effort="none")),
        ({"thinkingBudget": -1}, Thinking(mode="adaptive")),
        ({"thinkingBudget": 512, "includeThoughts": True}, Thinking(budget=512, shown="text")),
        ({"thinkingLevel": "XHIGH", "includeThoughts": False}, Thinking(effort="xhigh", shown="none")),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, Thinking()),
    ],
)
def test_thinking_when_read_then_its_budget_or_effort(config: Json, thinking: Thinking) -> None:
    assert read(generationConfig={"thinkingConfig": config}).thinking == thinking


def test_schema_when_of_the_subset_then_others_hear_plain_json_schema() -> None:
    subset = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x"]},
            "b": {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "1", "maxItems": "3"},
            "c": {"anyOf": [{"type": "INTEGER"}, {"type": "TYPE_UNSPECIFIED"}], "nullable": True},
            "type": {"type": "BOOLEAN"},
        },
        "required": ["a"],
        "propertyOrdering": ["a", "b", "c", "type"],
    }
    plain = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", None]},
            "b": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3},
            "c": {"anyOf": [{"type": "integer"}, {}, {"type": "null"}]},
            "type": {"type": "boolean"},
        },
        "required": ["a"],
    }
    assert plain_schema(subset) == plain
    made = read(
        tools=[{"functionDeclarations": [{"name": "f", "parameters": subset}]}],
        generationConfig={"responseMimeType": "application/json", "responseSchema": subset},
    )
    assert isinstance(made.tools, tuple)
    assert isinstance(made.tools[0], FunctionTool)
    assert made.tools[0].parameters == plain
    assert made.output.format is not None
    assert made.output.format.schema == plain


def test_format_when_only_gemini_has_it_then_named() -> None:
    request = read(generationConfig={"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}})
    assert request.output.format is None
    assert request.extra is not None
    assert set(request.extra.lost) == {"generationConfig.responseMimeType", "generationConfig.responseSchema"}


@pytest.mark.parametrize(
    ("mode", "names", "expected"),
    [
        ("AUTO", None, ChoiceMode.AUTO),
        ("NONE", None, ChoiceMode.NONE),
        ("ANY", None, ChoiceMode.REQUIRED),
        ("VALIDATED", ["f"], ChoiceMode.VALIDATED),
        ("MODE_UNSPECIFIED", None, ChoiceMode.AUTO),
    ],
)
def test_choice_when_read_then_its_mode(mode: str, names: list[str] | None, expected: ChoiceMode) -> None:
    choice = read(toolConfig={"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}}).choice
    assert choice is not None
    assert choice.mode is expected
    assert choice.forced is None
    assert [ref.name for ref in choice.allowed or ()] == (names or [])


def test_choice_when_one_must_be_called_then_it_is_forced() -> None:
    body = chat(
        tools=[{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["g"]}},
    )
    assert body["tool_choice"] == {"type": "function", "function": {"name": "g"}}


# In its own format


def test_request_when_it_has_what_another_vendor_has_signed_then_that_is_left_out_and_named() -> None:
    foreign = signed(Signature("QQ==", Wire.ANTHROPIC_MESSAGES))
    call = {"functionCall": {"name": "f", "id": "c"}}
    body = {
        "contents": [
            HI,
            {"role": "model", "parts": [{"text": "hm", "thought": True, "thoughtSignature": foreign}]},
            {"role": "model", "parts": [{"text": "a", "thought_signature": foreign}, {**call, "thoughtSignature": foreign}]},
            {"role": "model", "parts": [{"text": "b", "thoughtSignature": "c2ln"}]},
        ],
        "x": 1,
    }
    assert may_be_foreign(json.dumps(body).encode())
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ("contents[].parts[].thoughtSignature",)
    assert made.body == {
        "contents": [
            HI,
            {"role": "model", "parts": [{"text": "a"}, {**call, "thoughtSignature": "skip_thought_signature_validator"}]},
            {"role": "model", "parts": [{"text": "b", "thoughtSignature": "c2ln"}]},
        ],
        "x": 1,
    }
    assert not may_be_foreign(json.dumps(made.body).encode())
