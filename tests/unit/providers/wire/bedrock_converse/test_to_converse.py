"""What is an upstream of Converse asked, when the client speaks another wire?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.blocks import ToolCall
from providers.canonical.codec import Encoded, Traits
from providers.canonical.tools import CallKind
from providers.convert.codecs import codecs
from providers.errors import Unsupported
from providers.types import Wire
from providers.wire.bedrock_converse import codec
from providers.wire.bedrock_converse.codec.requests.encode import is_claude

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
CLAUDE, NOVA, LLAMA = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0", "meta.llama3-70b-instruct-v1:0"
FUNCTION: Json = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SPEC: Json = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}


def asked(body: Json, wire: Wire = Wire.OPENAI_CHAT, model: str = "") -> Encoded:
    return codec.encode_request(codecs()[wire].decode_request(body), Traits(model=model))


def chat(*messages: Json, model: str = "", **more: Any) -> Encoded:
    return asked({"model": "m", "messages": list(messages), **more}, model=model)


def message(*messages: Json, model: str = CLAUDE, **more: Any) -> Encoded:
    return asked({"model": "m", "max_tokens": 9, "messages": list(messages), **more}, Wire.ANTHROPIC_MESSAGES, model)


def called(*ids: str, name: str = "f", arguments: str = "{}") -> Json:
    calls = [{"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str, content: Any = "done") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Messages


def test_neighbours_when_of_one_role_then_one_message() -> None:
    made = chat(HI, HI, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, HI)
    assert [(one["role"], len(one["content"])) for one in made.body["messages"]] == [("user", 2), ("assistant", 2), ("user", 1)]


def test_results_when_something_was_said_between_them_then_they_come_first() -> None:
    made = chat(HI, called("a", "b"), result("a"), {"role": "user", "content": "wait"}, result("b"), tools=[FUNCTION])
    kinds = [next(iter(block)) for block in made.body["messages"][-1]["content"]]
    assert kinds == ["toolResult", "toolResult", "text"]


def test_texts_when_nothing_can_be_seen_in_them_then_left_out() -> None:
    made = chat(
        HI,
        {"role": "assistant", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": "x"}]},
    )
    assert made.body["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "x"}]}]


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "x"}], [{"role": "user", "content": ""}]])
def test_conversation_when_nothing_is_said_then_refused(messages: list[Json]) -> None:
    with pytest.raises(Unsupported) as caught:
        chat(*messages)
    assert caught.value.param == "messages"


def test_system_when_in_the_midst_then_said_at_its_place() -> None:
    made = chat(
        {"role": "system", "content": "a"}, HI, {"role": "assistant", "content": "b"}, {"role": "system", "content": "c"}, HI
    )
    assert made.body["system"] == [{"text": "a"}]
    assert made.body["messages"][-1]["content"] == [{"text": "c"}, {"text": "hi"}]


@pytest.mark.parametrize("call_id", ["x" * 65, "a/b", "é", "a b"])
def test_call_when_its_id_is_not_allowed_then_another_one_for_call_and_result(call_id: str) -> None:
    made = chat(HI, called(call_id), result(call_id), tools=[FUNCTION])
    (call,), (answer,) = (one["content"] for one in made.body["messages"][1:])
    assert call["toolUse"]["toolUseId"] == answer["toolResult"]["toolUseId"]
    assert codec_id(call["toolUse"]["toolUseId"])


def codec_id(text: str) -> bool:
    return 0 < len(text) <= 64 and all(letter.isascii() and (letter.isalnum() or letter in "_.:-") for letter in text)


@pytest.mark.parametrize(
    ("arguments", "expected", "lossy"),
    [
        ("", {}, ()),
        (" ", {}, ()),
        ('{"a":[1.5,null]}', {"a": [1.5, None]}, ()),
        ('{"a":', {"arguments": '{"a":'}, ("messages[].tool_calls[].function.arguments",)),
        ("[1]", {"arguments": [1]}, ("messages[].tool_calls[].function.arguments",)),
    ],
)
def test_arguments_when_no_object_then_told_within_one(arguments: str, expected: Json, lossy: tuple[str, ...]) -> None:
    made = chat(HI, called("a", arguments=arguments), result("a"), tools=[FUNCTION])
    assert made.body["messages"][1]["content"][0]["toolUse"]["input"] == expected
    assert len(made.lossy) == len(lossy)


def test_result_when_an_error_then_its_status() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    failed = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "gone"}
    made = message(HI, {"role": "assistant", "content": [use]}, {"role": "user", "content": [failed]})
    assert made.body["messages"][-1]["content"] == [
        {"toolResult": {"toolUseId": "a", "content": [{"text": "gone"}], "status": "error"}}
    ]


# What is looked at


@pytest.mark.parametrize("url", ["https://a.example/1.png", "data:image/bmp;base64,AA==", "data:text/plain,x", "gs://b/1.png"])
def test_picture_when_converse_cannot_have_it_then_refused_with_its_place(url: str) -> None:
    with pytest.raises(Unsupported) as caught:
        chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})
    assert caught.value.param == "messages[0].content[0]"


@pytest.mark.parametrize(("url", "form"), [("data:image/jpg;base64,AA==", "jpeg"), ("data:IMAGE/PNG;base64,AA==", "png")])
def test_picture_when_in_the_request_then_its_bytes(url: str, form: str) -> None:
    made = chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})
    assert made.body["messages"][0]["content"] == [{"image": {"format": form, "source": {"bytes": "AA=="}}}]


def test_documents_when_their_names_are_not_allowed_or_the_same_then_others() -> None:
    pdf = "data:application/pdf;base64,AA=="
    files = [{"type": "file", "file": {"file_data": pdf, "filename": name}} for name in ("a/b_é.pdf", "a b.pdf", "a.b.pdf", "*")]
    made = chat({"role": "user", "content": files})
    assert [block["document"]["name"] for block in made.body["messages"][0]["content"]] == [
        "a b pdf", "a b pdf 2", "a b pdf 3", "document"
    ]  # fmt: skip


def test_document_when_made_of_text_then_told_as_such() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    made = message(
        {"role": "user", "content": [{"type": "document", "source": source, "title": "T", "citations": {"enabled": True}}]}
    )
    assert made.body["messages"][0]["content"] == [
        {"document": {"format": "txt", "name": "T", "citations": {"enabled": True}, "source": {"text": "x"}}}
    ]


# Thoughts


@pytest.mark.parametrize(
    ("signature", "model", "kept"),
    [
        ("c2ln", CLAUDE, "c2ln"),
        ("signalbox.bedrock_converse.c2ln", CLAUDE, "c2ln"),
        ("signalbox.bedrock_converse.c2ln", NOVA, "c2ln"),
        ("c2ln", NOVA, None),
        ("signalbox.gemini.c2ln", CLAUDE, None),
    ],
)
def test_thoughts_when_signed_then_sent_to_those_who_can_read_it_and_else_named(
    signature: str, model: str, kept: str | None
) -> None:
    thought = {"type": "thinking", "thinking": "", "signature": signature}
    made = message(HI, {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]}, HI, model=model)
    content = made.body["messages"][1]["content"]
    expected = [{"reasoningContent": {"reasoningText": {"text": "", "signature": kept}}}] if kept else []
    assert content == [*expected, {"text": "a"}]
    assert made.lossy == (() if kept else ("messages[1].content[0] (thinking)",))


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        ({"type": "enabled", "budget_tokens": 2000}, {"type": "enabled", "budget_tokens": 2000}),
        ({"type": "adaptive", "display": "omitted"}, {"type": "adaptive", "display": "omitted"}),
        ({"type": "adaptive", "display": "summarized"}, {"type": "adaptive", "display": "summarized"}),
        ({"type": "disabled"}, {"type": "disabled"}),
    ],
)
def test_thinking_when_asked_of_claude_then_as_its_own_field(thinking: Json, expected: Json) -> None:
    made = message(HI, thinking=thinking, temperature=0.5)
    assert made.body["additionalModelRequestFields"] == {"thinking": expected}
    thinks = expected["type"] != "disabled"
    assert ("temperature" in made.body["inferenceConfig"]) is not thinks
    assert made.lossy == (("temperature",) if thinks else ())


def test_thinking_when_asked_of_another_model_then_named() -> None:
    made = message(HI, thinking={"type": "enabled", "budget_tokens": 2000}, top_k=5, model=NOVA)
    assert "additionalModelRequestFields" not in made.body
    assert set(made.lossy) == {"thinking.type", "thinking.budget_tokens", "top_k"}


@pytest.mark.parametrize(
    ("budget", "thinking"),
    [(0, {"type": "disabled"}), (-1, {"type": "adaptive"}), (5000, {"type": "enabled", "budget_tokens": 5000})],
)
def test_budget_when_of_gemini_then_what_it_means(budget: int, thinking: Json) -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    made = asked({"contents": contents, "generationConfig": {"thinkingConfig": {"thinkingBudget": budget}}}, Wire.GEMINI, CLAUDE)
    assert made.body["additionalModelRequestFields"]["thinking"] == thinking


@pytest.mark.parametrize(("effort", "expected"), [("high", {"effort": "high"}), ("minimal", {"effort": "low"}), ("none", None)])
def test_effort_when_told_then_in_the_output(effort: str, expected: Json | None) -> None:
    assert chat(HI, reasoning_effort=effort, model=NOVA).body.get("outputConfig") == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CLAUDE, True),
        (NOVA, False),
        (LLAMA, False),
        ("us.meta.llama4-scout-17b-instruct-v1:0", False),
        ("arn:aws:bedrock:us-east-1::foundation-model/mistral.mistral-large-2402-v1:0", False),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2", True),
        ("openai.gpt-oss-120b-1:0", False),
        ("", True),
    ],
)
def test_model_when_named_then_its_maker_is_known(model: str, expected: bool) -> None:
    assert is_claude(model) is expected


# The cache

MARKED: Json = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
POINT: Json = {"cachePoint": {"type": "default", "ttl": "1h"}}


@pytest.mark.parametrize(("model", "caches"), [(CLAUDE, True), (NOVA, True), (LLAMA, False)])
def test_marks_when_the_model_has_a_cache_then_points_and_else_named(model: str, caches: bool) -> None:
    tool = {"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    made = message(
        {"role": "user", "content": [MARKED, {"type": "text", "text": "x"}]}, system=[MARKED], tools=[tool], model=model
    )
    more = [POINT] if caches else []
    assert made.body["system"] == [{"text": "long"}, *more]
    assert made.body["messages"][0]["content"] == [{"text": "long"}, *more, {"text": "x"}]
    assert made.body["toolConfig"]["tools"] == [SPEC, *more]
    assert bool(made.lossy) is not caches


def test_mark_when_within_a_result_then_a_point_behind_it() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    marked = {"type": "tool_result", "tool_use_id": "a", "content": [MARKED]}
    made = message(HI, {"role": "assistant", "content": [use]}, {"role": "user", "content": [marked]})
    assert made.body["messages"][-1]["content"] == [{"toolResult": {"toolUseId": "a", "content": [{"text": "long"}]}}, POINT]


# Tools


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, {"tools": [SPEC]}),
        ("auto", {"tools": [SPEC], "toolChoice": {"auto": {}}}),
        ("required", {"tools": [SPEC], "toolChoice": {"any": {}}}),
        ({"type": "function", "function": {"name": "f"}}, {"tools": [SPEC], "toolChoice": {"tool": {"name": "f"}}}),
        ("none", None),
    ],
)
def test_choice_when_told_then_as_converse_has_it(choice: Any, expected: Json | None) -> None:
    made = chat(HI, tools=[FUNCTION], **({} if choice is None else {"tool_choice": choice}))
    assert made.body.get("toolConfig") == expected


def test_choice_when_none_but_there_were_calls_then_tools_stay_and_calls_are_left_out_of_the_answer() -> None:
    made = chat(HI, called("a"), result("a"), tools=[FUNCTION], tool_choice="none")
    assert made.body["toolConfig"] == {"tools": [SPEC]}
    assert not made.sent.may_call("f")


def test_tools_when_there_are_none_but_there_were_calls_then_told_of() -> None:
    made = chat(HI, called("a", "b"), result("a"), result("b"))
    ((name, spec),) = [(one["toolSpec"]["name"], one["toolSpec"]["inputSchema"]) for one in made.body["toolConfig"]["tools"]]
    assert (name, spec) == ("f", {"json": {"type": "object", "properties": {}}})
    assert "toolChoice" not in made.body["toolConfig"]


@pytest.mark.parametrize("name", ["mcp.server/tool", "x" * 70, "é"])
def test_tool_when_its_name_is_not_allowed_then_another_that_comes_back_as_it_was(name: str) -> None:
    tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    made = chat(
        HI, called("a", name=name), result("a"), tools=[tool], tool_choice={"type": "function", "function": {"name": name}}
    )
    sent = made.body["toolConfig"]["tools"][0]["toolSpec"]["name"]
    assert sent != name
    assert len(sent) <= 64
    assert made.body["toolConfig"]["toolChoice"] == {"tool": {"name": sent}}
    assert made.body["messages"][1]["content"][0]["toolUse"]["name"] == sent
    block = {"toolUse": {"toolUseId": "t1", "name": sent, "input": {}}}
    body = {"output": {"message": {"role": "assistant", "content": [block]}}, "stopReason": "tool_use"}
    (call,) = codec.decode_answer(body, made.sent).choices[0].turns[0].blocks
    assert isinstance(call, ToolCall)
    assert call.name == name


def test_custom_tool_when_called_in_pieces_then_its_input_is_told_whole() -> None:
    made = chat(HI, tools=[{"type": "custom", "custom": {"name": "patch"}}])
    decoder = codec.stream_decoder(made.sent)
    start = {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t1", "name": "patch"}}}}
    pieces = [
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}}} for text in ('{"in', 'put":"a"}')
    ]
    frames: list[Json] = [start, *pieces, {"contentBlockStop": {"contentBlockIndex": 0}}]
    told = [event for frame in frames for event in decoder.feed(frame) if hasattr(event, "block") and event.block is not None]
    begun, text, _ = told
    assert begun.value.kind is CallKind.CUSTOM  # type: ignore[union-attr]
    assert text.text == "a"  # type: ignore[union-attr]


# Settings


def test_settings_when_told_then_where_converse_has_them() -> None:
    schema = {"name": "n", "schema": {"type": "object"}}
    made = chat(HI, max_completion_tokens=5, stop=["a", " "], top_p=0.5, metadata={"a": "b"}, service_tier="flex",
                response_format={"type": "json_schema", "json_schema": schema}, parallel_tool_calls=True)  # fmt: skip
    assert made.body["inferenceConfig"] == {"maxTokens": 5, "topP": 0.5, "stopSequences": ["a"]}
    assert made.body["requestMetadata"] == {"a": "b"}
    assert made.body["serviceTier"] == {"type": "flex"}
    assert made.body["outputConfig"]["textFormat"]["structure"]["jsonSchema"] == {"schema": '{"type":"object"}', "name": "n"}
    assert set(made.lossy) == {"stop", "parallel_tool_calls"}


@pytest.mark.parametrize("tier", ["auto", "scale"])
def test_tier_when_bedrock_has_none_like_it_then_left_out(tier: str) -> None:
    made = chat(HI, service_tier=tier)
    assert "serviceTier" not in made.body
    assert made.lossy == (() if tier == "auto" else ("service_tier",))


def test_format_when_any_json_then_named() -> None:
    assert chat(HI, response_format={"type": "json_object"}).lossy == ("response_format",)
