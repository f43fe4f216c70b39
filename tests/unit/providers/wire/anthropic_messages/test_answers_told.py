"""What is a client of Messages answered, whatever wire the answer came by?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.convert.codecs import codecs
from providers.errors import InvalidResponse
from providers.wire.anthropic_messages import codec
from tests.unit.providers.wire.anthropic_messages.asking import CHAT, DIRECT, GEMINI, RESPONSES, WHOLE_USAGE, Json, asked, told

USAGE = {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}


def completion(message: Json, finish: str = "stop", **more: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "u", "choices": [choice], **more}


def test_answer_when_it_is_a_text_then_the_message_has_every_field() -> None:
    assert told(completion({"content": "hi"}, usage=USAGE)).body == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hi", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            **WHOLE_USAGE,
            "input_tokens": 30,
            "output_tokens": 9,
        },
    }


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("x_other", "max_tokens")],
)
def test_reason_when_it_is_chats_then_it_has_a_word(finish: str, reason: str) -> None:
    assert told(completion({"content": "hi"}, finish)).body["stop_reason"] == reason


def call(arguments: str, **more: Any) -> Json:
    return {
        "content": None,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}, **more}],
    }


def test_answer_when_it_calls_then_it_stops_for_that_whatever_was_said_and_cut_calls_are_cut() -> None:
    assert told(completion(call("{}"), "stop")).body["stop_reason"] == "tool_use"
    assert told(completion(call('{"a'), "length")).body["stop_reason"] == "max_tokens"


@pytest.mark.parametrize(("arguments", "given"), [("", {}), ('{"a":1}', {"a": 1}), ("{", {"input": "{"}), ("7", {"input": "7"})])
def test_arguments_when_they_are_whatever_then_the_input_is_an_object(arguments: str, given: Json) -> None:
    assert told(completion(call(arguments))).body["content"] == [
        {"type": "tool_use", "id": "a", "name": "f", "caller": DIRECT, "input": given}
    ]


def test_call_when_it_has_no_id_then_it_gets_one() -> None:
    body = completion(call("{}"))
    del body["choices"][0]["message"]["tool_calls"][0]["id"]
    assert told(body).body["content"][0]["id"] == "toolu_0"


def test_refusal_when_told_then_it_is_a_text_and_the_reason() -> None:
    body = told(completion({"content": None, "refusal": "I can't."})).body
    assert body["content"] == [{"type": "text", "text": "I can't.", "citations": None}]
    assert (body["stop_reason"], body["stop_details"]["type"]) == ("refusal", "refusal")


def test_usage_when_some_was_cached_then_it_is_counted_once() -> None:
    details = {
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    usage = told(completion({"content": "hi"}, usage={**USAGE, **details})).body["usage"]
    assert usage == {
        **WHOLE_USAGE,
        "input_tokens": 20,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 8,
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 3},
    }


def test_usage_when_of_messages_then_other_wires_count_it_once() -> None:
    usage = {"input_tokens": 20, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 8, "output_tokens": 9}
    body = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "u",
        "content": [],
        "stop_reason": "end_turn",
        "usage": usage,
    }
    made = codecs()[CHAT].encode_answer(codec.decode_answer(body), asked()).body["usage"]
    assert (made["prompt_tokens"], made["completion_tokens"], made["total_tokens"]) == (30, 9, 39)
    assert made["prompt_tokens_details"] == {"cached_tokens": 8, "cache_write_tokens": 2}


def test_usage_when_nobody_tells_it_then_there_is_one_of_nothing() -> None:
    assert told(completion({"content": "hi"})).body["usage"] == WHOLE_USAGE


def test_citation_when_of_the_web_then_it_is_one_and_its_index_is_marked() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://x", "title": "X", "start_index": 0, "end_index": 2}}
    made = told(completion({"content": "hi", "annotations": [cited]}))
    assert made.body["content"][0]["citations"] == [
        {
            "type": "web_search_result_location",
            "cited_text": "",
            "url": "https://x",
            "title": "X",
            "encrypted_index": "signalbox.openai_chat.",
        }
    ]


def test_answer_when_of_gemini_then_its_signature_stands_before_the_call() -> None:
    parts = [{"text": "hm", "thought": True}, {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]
    body = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    content = told(body, GEMINI).body["content"]
    assert [block["type"] for block in content] == ["thinking", "redacted_thinking", "tool_use"]
    assert content[0] == {"type": "thinking", "thinking": "hm", "signature": "signalbox.gemini."}
    assert content[1] == {"type": "redacted_thinking", "data": "signalbox.gemini.c2ln"}


def test_answer_when_of_responses_then_sealed_thoughts_are_redacted_ones() -> None:
    output = [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "c2VhbA=="},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hi"}],
        },
    ]
    content = told({"id": "r", "status": "completed", "model": "u", "output": output}, RESPONSES).body["content"]
    assert content == [
        {"type": "thinking", "thinking": "hm", "signature": "signalbox.openai_responses."},
        {"type": "redacted_thinking", "data": "signalbox.openai_responses.c2VhbA=="},
        {"type": "text", "text": "hi", "citations": None},
    ]


@pytest.mark.parametrize(
    "reason", ["refusal", "model_context_window_exceeded", "pause_turn", "stop_sequence", "max_tokens", "tool_use"]
)
def test_reason_when_it_is_of_messages_then_chat_has_a_word(reason: str) -> None:
    body: Json = {
        "type": "message",
        "content": [],
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    expected = {
        "refusal": "content_filter",
        "model_context_window_exceeded": "length",
        "max_tokens": "length",
        "tool_use": "tool_calls",
    }.get(reason, "stop")
    made = codecs()[CHAT].encode_answer(codec.decode_answer(body), asked()).body
    assert made["choices"][0]["finish_reason"] == expected


@pytest.mark.parametrize("content", [None, "hi", [7], [{"type": "text"}], [{"type": "tool_use", "input": {}}]], ids=str)
def test_message_when_it_cannot_be_read_then_it_is_the_upstreams_fault(content: Any) -> None:
    with pytest.raises(InvalidResponse):
        codec.decode_answer({"type": "message", "content": content})


def test_message_when_it_is_an_error_then_it_is_a_failure() -> None:
    answer = codec.decode_answer({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    assert answer.failure is not None
    assert codec.failure_of(answer.failure).code == "upstream_overloaded"
