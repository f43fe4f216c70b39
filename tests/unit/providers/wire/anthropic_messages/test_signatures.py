"""Do signatures of thoughts come back to who made them, through every client's wire, and to nobody else?"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.convert.codecs import codecs
from providers.convert.signed import without_foreign
from providers.types import Call, Wire
from providers.wire.anthropic_messages import codec
from tests.unit.providers.wire.anthropic_messages.asking import (
    CHAT,
    GEMINI,
    HI,
    MESSAGES,
    RESPONSES,
    Json,
    asked,
    blocks_in,
    sent,
    streamed,
    told,
)

THOUGHTS: list[Json] = [
    {"type": "thinking", "thinking": "", "signature": "c2ln"},
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "c2VhbA=="},
]
CALL: Json = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}


def message(*content: Json) -> Json:
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "u",
        "content": content,
        "stop_reason": "tool_use",
        "usage": usage,
    }


def answered(wire: Wire, *content: Json) -> Json:
    """What a client of a wire is answered; one of Responses has asked for thoughts that it can send back."""
    asks: Json = {"model": "m", "input": "hi", "include": ["reasoning.encrypted_content"]}
    request = codecs()[wire].decode_request(asks) if wire is RESPONSES else asked().request
    answer = codec.decode_answer({**message(), "content": list(content)})
    made: Json = codecs()[wire].encode_answer(answer, msgspec.structs.replace(asked(), request=request)).body
    return made


@pytest.mark.parametrize("thought", THOUGHTS, ids=lambda thought: json.dumps(thought)[:50])
def test_thought_when_a_client_of_chat_sends_it_back_then_it_is_as_it_was(thought: Json) -> None:
    said = answered(CHAT, thought, CALL)["choices"][0]["message"]
    made = sent({"model": "m", "messages": [HI, said, {"role": "tool", "tool_call_id": "t1", "content": "ok"}]})
    assert made.body["messages"][1]["content"] == [thought, CALL]
    assert made.lossy == ()


@pytest.mark.parametrize("thought", THOUGHTS, ids=lambda thought: json.dumps(thought)[:50])
def test_thought_when_a_client_of_responses_sends_it_back_then_it_is_as_it_was(thought: Json) -> None:
    output = answered(RESPONSES, thought, CALL)["output"]
    result = {"type": "function_call_output", "call_id": "t1", "output": "ok"}
    made = sent({"model": "m", "input": [{"role": "user", "content": "hi"}, *output, result]}, wire=RESPONSES)
    assert made.body["messages"][1]["content"] == [thought, CALL]
    assert made.lossy == ()


def test_signature_when_it_is_of_gemini_then_gemini_gets_it_back_on_the_call() -> None:
    parts = [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]
    content = told({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}, GEMINI).body[
        "content"
    ]
    result = {"type": "tool_result", "tool_use_id": content[-1]["id"], "content": "ok"}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [HI, {"role": "assistant", "content": content}, {"role": "user", "content": [result]}],
    }
    made = codecs()[GEMINI].encode_request(codec.decode_request(body))
    call = next(part for part in made.body["contents"][1]["parts"] if "functionCall" in part)
    assert call["thoughtSignature"] == "c2ln"


def test_thoughts_when_others_have_signed_or_sealed_them_then_they_are_left_out_and_named() -> None:
    said = {"role": "assistant", "content": "hi", "reasoning_content": "hm"}
    details = [{"type": "reasoning.text", "text": "hm", "signature": "signalbox.gemini.c2ln"}]
    made = sent({"model": "m", "messages": [HI, {**said, "reasoning_details": details}, HI]})
    assert made.body["messages"][1] == {"role": "assistant", "content": "hi"}
    assert made.lossy == ("messages[1].reasoning_content (reasoning_content)",)
    assert sent({"model": "m", "messages": [HI, said, HI]}).lossy == made.lossy, "nobody has signed these"


FOREIGN: list[Json] = [
    {"type": "thinking", "thinking": "hm", "signature": "signalbox.openai_chat."},
    {"type": "thinking", "thinking": "", "signature": "signalbox.gemini.c2ln"},
    {"type": "redacted_thinking", "data": "signalbox.openai_responses.c2VhbA=="},
]


def request(*content: Json) -> Any:
    return {"model": "m", "max_tokens": 9, "messages": [HI, {"role": "assistant", "content": list(content)}, HI], "x": 1}


def test_request_when_it_has_what_others_have_signed_then_its_own_wire_does_not_send_that() -> None:
    made = codec.encode_request(codec.decode_request(request(*FOREIGN, THOUGHTS[0], {"type": "text", "text": "a"})))
    assert made.body == request(THOUGHTS[0], {"type": "text", "text": "a"})
    assert made.lossy == tuple(f"messages[1].content[{number}] ({one['type']})" for number, one in enumerate(FOREIGN))


def passed_on(body: Any) -> tuple[Any, tuple[str, ...]]:
    """What an upstream of Messages gets of the body, and what is named as left out."""
    text = msgspec.json.encode(body)
    call = Call(capability=Capability.CHAT, wire=MESSAGES, model="m", body=text, fields=fields_of(text), request_id="r")
    made, lossy = without_foreign(call)
    return msgspec.json.decode(made.body), lossy


def test_body_when_it_has_what_others_have_signed_then_that_is_left_out() -> None:
    cited = {
        "type": "web_search_result_location",
        "url": "u",
        "cited_text": "",
        "title": None,
        "encrypted_index": "signalbox.gemini.",
    }
    made, lossy = passed_on(request(*FOREIGN, {"type": "text", "text": "a", "citations": [cited], "x": 1}))
    assert made == request({"type": "text", "text": "a", "x": 1})
    assert len(lossy) == len(FOREIGN)


def test_message_when_all_of_it_is_of_others_then_it_is_left_out() -> None:
    assert passed_on(request(*FOREIGN))[0]["messages"] == [HI, HI]


def test_body_when_it_has_nothing_of_others_then_it_stays() -> None:
    assert passed_on(request(*THOUGHTS)) == (request(*THOUGHTS), ())
    said = request({"type": "text", "text": "a signalbox.gemini. in a text"})
    assert passed_on(said) == (said, ())
    assert MESSAGES is Wire.ANTHROPIC_MESSAGES


# Of an upstream of Responses


def test_thoughts_when_responses_streams_them_sealed_then_they_are_redacted_ones() -> None:
    item = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "c2VhbA=="}
    frames: list[Json] = [
        {"type": "response.created", "response": {"id": "r", "model": "u"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs", "summary": []}},
        {"type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 0, "delta": "hm"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "r", "model": "u", "status": "completed", "output": [item]}},
    ]
    assert blocks_in(streamed(frames, RESPONSES)) == [
        {"type": "thinking", "thinking": "hm", "signature": "signalbox.openai_responses."},
        {"type": "redacted_thinking", "data": "signalbox.openai_responses.c2VhbA=="},
    ]


@pytest.mark.parametrize(
    ("thinking", "reasoning", "include"),
    [
        ({"type": "adaptive", "display": "summarized"}, {"summary": "auto"}, ["reasoning.encrypted_content"]),
        ({"type": "adaptive", "display": "omitted"}, None, ["reasoning.encrypted_content"]),
        ({"type": "disabled"}, None, None),
        (None, None, None),
    ],
)
def test_thinking_when_asked_for_then_responses_is_asked_for_a_form_that_can_be_sent_back(
    thinking: Json | None, reasoning: Json | None, include: list[str] | None
) -> None:
    body = {"model": "m", "max_tokens": 99, "messages": [HI]} | ({} if thinking is None else {"thinking": thinking})
    made = codecs()[RESPONSES].encode_request(codec.decode_request(body)).body
    assert (made.get("reasoning"), made.get("include")) == (reasoning, include)


def test_thoughts_when_responses_has_sealed_them_then_it_gets_them_back() -> None:
    content = [{"type": "redacted_thinking", "data": "signalbox.openai_responses.c2VhbA=="}, {"type": "text", "text": "a"}]
    made = codecs()[RESPONSES].encode_request(codec.decode_request(request(*content))).body
    assert made["input"][1] == {"type": "reasoning", "summary": [], "encrypted_content": "c2VhbA=="}
