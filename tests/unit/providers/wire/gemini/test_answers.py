"""What does an answer of Gemini's say, and how is one of another wire told in its format?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.canonical.answer import Answer, StopReason
from providers.canonical.blocks import Citation, HostedCall, HostedResult, Reasoning, Text, ToolCall
from providers.canonical.signature import Signature
from providers.convert.codecs import codecs
from providers.errors import CredentialError, InvalidResponse, ProviderError
from providers.types import Wire
from providers.wire.gemini import codec
from tests.contract.goldens import Golden, asked_in, goldens, rich

Json = dict[str, Any]
CALL: Json = {"functionCall": {"name": "f", "args": {"a": 1}}}


def read(*parts: Json, reason: str | None = "STOP", **more: Any) -> Answer:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    if reason is not None:
        candidate["finishReason"] = reason
    return codec.decode_answer({"candidates": [candidate], "modelVersion": "m", "responseId": "r1"})


def chat(answer: Answer) -> Json:
    return codecs()[Wire.OPENAI_CHAT].encode_answer(answer, asked_in(Wire.OPENAI_CHAT)).body


def golden(name: str) -> Json:
    found = next(one for one in goldens(Wire.GEMINI) if one.path.name == name)
    assert isinstance(found, Golden)
    return dict(found.value())


# Why it stops

REASONS = [
    ("STOP", StopReason.END, "stop"),
    ("MAX_TOKENS", StopReason.LENGTH, "length"),
    *((word, StopReason.FILTER, "content_filter") for word in (
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE",
        "IMAGE_RECITATION", "IMAGE_OTHER", "MODEL_ARMOR",
    )),
    *((word, StopReason.MALFORMED, "stop") for word in (
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    )),
    ("CONTINUATION", StopReason.PAUSE, "stop"),
    ("LANGUAGE", StopReason.OTHER, "length"),
    ("NEVER_HEARD", StopReason.OTHER, "length"),
]  # fmt: skip


@pytest.mark.parametrize(("word", "reason", "told"), REASONS, ids=[word for word, _, _ in REASONS])
def test_reason_when_read_then_canonical_with_its_own_word(word: str, reason: StopReason, told: str) -> None:
    answer = read({"text": "a"}, reason=word)
    stop = answer.choices[0].stop
    assert stop is not None
    assert (stop.reason, stop.called) == (reason, word)
    assert chat(answer)["choices"][0]["finish_reason"] == told


def test_reason_when_anything_was_called_then_for_its_calls() -> None:
    stop = read({"text": "a"}, CALL, {"text": "b"}).choices[0].stop
    assert stop is not None
    assert (stop.reason, stop.called) == (StopReason.CALLS, "STOP")
    cut = read(CALL, reason="MAX_TOKENS").choices[0]
    assert cut.stop is not None
    assert cut.stop.reason is StopReason.LENGTH
    assert cut.turns[0].status == "incomplete"


@pytest.mark.parametrize("reason", [None, "", "FINISH_REASON_UNSPECIFIED"])
def test_reason_when_not_told_then_none(reason: str | None) -> None:
    assert read({"text": "a"}, reason=reason).choices[0].stop is None


def test_prompt_when_blocked_then_filtered_with_the_reason() -> None:
    answer = codec.decode_answer(golden("blocked.answer.json"))
    stop = answer.choices[0].stop
    assert stop is not None
    assert (stop.reason, stop.called, stop.detail) == (StopReason.FILTER, "PROHIBITED_CONTENT", "No.")
    assert chat(answer)["choices"][0]["finish_reason"] == "content_filter"
    assert chat(answer)["usage"]["prompt_tokens"] == 4


def test_candidates_when_several_then_a_choice_each() -> None:
    made = chat(codec.decode_answer(golden("two.answer.json")))["choices"]
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in made] == [
        (0, "A", "stop"),
        (1, "B", "length"),
    ]


# What it says


def test_calls_when_they_have_no_ids_then_each_has_its_own_in_every_answer() -> None:
    ids = [block.call_id for block in read(CALL, CALL).choices[0].turns[0].blocks if isinstance(block, ToolCall)]
    other = codec.decode_answer({"candidates": [{"content": {"parts": [CALL]}}], "responseId": "r2"})
    ids += [block.call_id for block in other.choices[0].turns[0].blocks if isinstance(block, ToolCall)]
    bare = codec.decode_answer({"candidates": [{"content": {"parts": [CALL, CALL]}}]})
    ids += [block.call_id for block in bare.choices[0].turns[0].blocks if isinstance(block, ToolCall)]
    assert len(set(ids)) == 5
    assert all(one is not None and len(one) <= 40 for one in ids)


def test_calls_when_two_have_one_id_then_the_second_gets_another() -> None:
    call = {"functionCall": {"id": "c1", "name": "f", "args": {}}}
    ids = [block.call_id for block in read(call, call).choices[0].turns[0].blocks if isinstance(block, ToolCall)]
    assert ids[0] == "c1"
    assert ids[1] != "c1"


@pytest.mark.parametrize("call", [{"name": "f"}, {"name": "f", "args": None}, {"name": "f", "args": {}}])
def test_call_when_it_has_no_arguments_then_others_hear_an_empty_object(call: Json) -> None:
    made = chat(read({"functionCall": call}))["choices"][0]["message"]
    assert made["tool_calls"][0]["function"]["arguments"] == "{}"
    assert made["content"] is None


def test_signature_when_a_call_has_one_then_it_is_sealed_thoughts_too() -> None:
    thoughts, call = read({**CALL, "thoughtSignature": "c2ln"}).choices[0].turns[0].blocks
    assert isinstance(thoughts, Reasoning)
    assert isinstance(call, ToolCall)
    assert thoughts.sealed == call.signature == Signature("c2ln", Wire.GEMINI)


def test_hosted_tools_when_they_have_run_then_a_call_and_its_result() -> None:
    code = {"executableCode": {"id": "e", "language": "PYTHON", "code": "1"}}
    result = {"codeExecutionResult": {"id": "e", "outcome": "OUTCOME_FAILED", "output": "no"}}
    call, back = read(code, result).choices[0].turns[0].blocks
    assert isinstance(call, HostedCall)
    assert isinstance(back, HostedResult)
    assert (call.name, call.call_id) == ("code_execution", "e")
    assert (back.name, back.call_id, back.is_error) == ("code_execution", "e", True)


def test_citations_when_told_in_bytes_then_they_count_characters_of_their_text() -> None:
    answer = read(
        {"text": "Yés. "},
        {"text": "Ünd."},
        citationMetadata={"citationSources": [{"endIndex": 4, "uri": "https://a"}]},
        groundingMetadata={
            "groundingChunks": [{"web": {"uri": "https://b", "title": "B"}}],
            "groundingSupports": [{"segment": {"startIndex": 6, "endIndex": 10, "text": "Ünd"}, "groundingChunkIndices": [0, 9]}],
        },
    )
    first, second = (block.citations for block in answer.choices[0].turns[0].blocks if isinstance(block, Text))
    assert [(one.url, one.text_start, one.text_end) for one in first] == [("https://a", 0, 3)]
    assert second == (Citation(called="groundingMetadata", url="https://b", title="B", quote="Ünd", text_start=0, text_end=3),)


@pytest.mark.parametrize(
    "body",
    [
        {"candidates": {}},
        {"candidates": [1]},
        {"candidates": [{"content": "a"}]},
        {"candidates": [{"content": {"parts": 1}}]},
        {"candidates": [{"finishReason": 1}]},
        {"candidates": [{"index": "a"}]},
    ],
)
def test_answer_when_it_cannot_be_read_then_invalid_response(body: Json) -> None:
    with pytest.raises(InvalidResponse):
        codec.decode_answer(body)


def test_answer_when_it_is_an_error_then_its_failure_says_what_it_means() -> None:
    error = {
        "error": {
            "code": 400,
            "message": "API key not valid.",
            "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID"}],
        }
    }
    answer = codec.decode_answer(error)
    assert answer.failure is not None
    failure: ProviderError = codec.failure_of(answer.failure)
    assert isinstance(failure, CredentialError)


# Told to clients of Gemini's format


def told(wire: Wire, body: Json) -> Json:
    return codec.encode_answer(codecs()[wire].decode_answer(body), asked_in(Wire.GEMINI)).body


@pytest.mark.parametrize(
    ("reason", "made"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("tool_calls", "STOP"), ("content_filter", "SAFETY"), ("odd", "OTHER")],
)
def test_reason_when_of_another_wire_then_in_geminis_word(reason: str, made: str) -> None:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": reason}]}
    assert told(Wire.OPENAI_CHAT, body)["candidates"] == [
        {"content": {"parts": [{"text": "a"}], "role": "model"}, "finishReason": made, "index": 0}
    ]


def test_usage_when_of_another_wire_then_thoughts_stand_beside() -> None:
    usage = told(Wire.OPENAI_CHAT, rich(Wire.OPENAI_CHAT, "answer"))["usageMetadata"]
    assert usage["promptTokenCount"] == 24
    assert usage["candidatesTokenCount"] + usage["thoughtsTokenCount"] == 9
    assert usage["totalTokenCount"] == 33
    again = codec.decode_answer({"candidates": [], "usageMetadata": usage})
    assert again.used is not None
    used = again.used.tokens
    assert (used.input_tokens, used.output_tokens, used.cached_tokens, used.reasoning_tokens) == (24, 9, 8, 3)


@pytest.mark.parametrize("arguments", ["not json", "[1]", '{"a":', ""])
def test_arguments_when_the_model_wrote_no_object_then_clients_still_have_one(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    part = told(Wire.OPENAI_CHAT, body)["candidates"][0]["content"]["parts"][0]
    assert isinstance(part["functionCall"]["args"], dict)
