"""Is AWS Bedrock asked as it wants to be, with a signature that holds, and are its answers and failures told rightly?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.fakes.bedrock import (
    API_KEY,
    BEGIN,
    END,
    KEY_ID,
    OVER,
    SECRET,
    TOKEN,
    converse,
    frames,
    guarded,
    refused,
    streamed,
    text,
)
from tests.fakes.vendor import Said, Vendor, said, vendor
from tests.live import LiveGateway, error_of, events, words

ARN = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2c3"
NOVA, TITAN, COHERE, RANKER = (
    "eu.amazon.nova-pro-v1:0",
    "amazon.titan-embed-text-v2:0",
    "cohere.embed-v4:0",
    "cohere.rerank-v3-5:0",
)
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
TALKS = ["chat", "responses"]
PIXEL = "iVBORw0KGgo="


def path(model: str, operation: str = "converse") -> str:
    return f"/model/{quote(model, safe='')}/{operation}"


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        models = {
            "rock/arn": (ARN, TALKS),
            "rock/nova": (NOVA, TALKS),
            "rock/titan": (TITAN, ["embedding"]),
            "rock/cohere": (COHERE, ["embedding"]),
            "rock/ranker": (RANKER, ["rerank"]),
        }
        options = {"region": "eu-central-1"}
        keys = {
            "": f"{KEY_ID}:{SECRET}",
            "-short": json.dumps({"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN}),
            "-bearer": API_KEY,
            "-wrong": f"{KEY_ID}:{SECRET[:-1]}x",
        }
        for name, key in keys.items():
            known = models if not name else {f"rock/arn{name}": models["rock/arn"]}
            shared_gateway.define_at("bedrock", upstream.base, known, name=f"bedrock{name}", api_key=key, options=options)
        brought = {"name": "bedrock-theirs", "type": "bedrock", "api_base": upstream.base, "dynamic": "aws", "options": options}
        shared_gateway.operator.define([brought], [])
        shared_gateway.define_models({"rock/theirs": [{"provider": "bedrock-theirs", "upstream_model": ARN}]}, capabilities=TALKS)
        yield upstream


@pytest.fixture(autouse=True)
def answers(upstream: Vendor) -> None:
    upstream.seen.clear()
    upstream.answers.clear()
    answer(upstream, said(converse({"text": "Hi."})), model=ARN)


def answer(upstream: Vendor, told: Said, operation: str = "converse", model: str = ARN, **more: Any) -> None:
    upstream.answers[path(model, operation)] = guarded(lambda seen: told, **more)


def stream(upstream: Vendor, *chunks: bytes, **more: Any) -> None:
    answer(upstream, streamed(chunks, **more), "converse-stream")


# What it is asked


def test_chat_when_asked_then_signed_for_the_arn_and_told_in_its_form(gateway: LiveGateway, upstream: Vendor) -> None:
    calls = [
        {"id": "call 1/é", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}},
        {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": ""}},
    ]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ]},
        {"role": "assistant", "content": "Let me look.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call 1/é", "content": "A dot."},
        {"role": "tool", "tool_call_id": "call_2", "content": "Another."},
        {"role": "user", "content": "And now?"},
    ]  # fmt: skip
    fields = {"tools": [LOOK], "tool_choice": "required", "max_tokens": 9, "temperature": 0.5, "stop": "END", "seed": 1}
    answered = gateway.chat("rock/arn", messages=messages, **fields)
    assert answered.status_code == 200, answered.text
    assert answered.headers["x-gateway-lossy"] == "seed"
    sent = upstream.last.json
    first_id = sent["messages"][1]["content"][1]["toolUse"]["toolUseId"]
    assert first_id.startswith("call_1__")
    assert sent == {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [
                {"text": "What is this?"}, {"image": {"format": "png", "source": {"bytes": PIXEL}}},
            ]},
            {"role": "assistant", "content": [
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": first_id, "name": "look", "input": {"at": "it"}}},
                {"toolUse": {"toolUseId": "call_2", "name": "look", "input": {}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": first_id, "content": [{"text": "A dot."}]}},
                {"toolResult": {"toolUseId": "call_2", "content": [{"text": "Another."}]}},
                {"text": "And now?"},
            ]},
        ],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"any": {}},
        },
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "stopSequences": ["END"]},
    }  # fmt: skip


@pytest.mark.parametrize("model", ["rock/arn", "rock/arn-bearer", "rock/arn-short"])
def test_credential_when_in_any_form_then_it_proves_who_asks(model: str, gateway: LiveGateway, upstream: Vendor) -> None:
    answered = gateway.chat(model)
    assert answered.status_code == 200, answered.text
    assert answered.json()["choices"][0]["message"]["content"] == "Hi."
    usage = answered.json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (110, 5, 115)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 60


@pytest.mark.parametrize("key", [API_KEY, f"{KEY_ID}:{SECRET}", f"{KEY_ID}:{SECRET}:{TOKEN}"])
def test_credential_when_the_request_brings_it_then_it_is_used(key: str, gateway: LiveGateway, upstream: Vendor) -> None:
    answered = gateway.chat("rock/theirs", **{"tensorzero::credentials": {"aws": key}})
    assert answered.status_code == 200, answered.text


@pytest.mark.parametrize(
    ("brought", "code"),
    [
        ({}, "missing_credential"),
        ({"aws": "a:b:c:d"}, None),
        ({"aws": f"{KEY_ID}:wrong"}, "credential_refused"),
        ({"aws": f"{KEY_ID}:{SECRET}:old"}, "credential_refused"),
    ],
)
def test_credential_when_the_request_brings_a_bad_one_then_the_clients_fault(
    brought: dict[str, str], code: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    answered = gateway.chat("rock/theirs", **{"tensorzero::credentials": brought})
    assert (answered.status_code, error_of(answered)["code"]) == (400, code)


def test_secret_when_wrong_then_the_gateways_fault_and_nothing_that_aws_repeats_is_told(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    start = gateway.log_path.stat().st_size
    answered = gateway.chat("rock/arn-wrong")
    assert (answered.status_code, error_of(answered)["code"]) == (502, "upstream_auth_failed")
    gateway.wait_logged("InvalidSignatureException", start)
    assert not [word for word in (SECRET, TOKEN, "canonical") if word in gateway.log_text(start) + answered.text]


@pytest.mark.parametrize("minutes", [6, -6])
def test_clock_when_it_is_minutes_off_then_the_error_says_so(minutes: int, gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, said(converse({"text": "Hi."})), ahead=timedelta(minutes=minutes))
    answered = gateway.chat("rock/arn")
    assert (answered.status_code, error_of(answered)["code"]) == (502, "upstream_auth_failed")
    assert "check the clock of the gateway's machine" in error_of(answered)["message"]


def test_clock_when_it_is_four_minutes_off_then_no_matter(gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, said(converse({"text": "Hi."})), ahead=timedelta(minutes=4))
    assert gateway.chat("rock/arn").status_code == 200


def test_picture_when_at_an_address_of_the_web_then_refused_without_a_call(gateway: LiveGateway, upstream: Vendor) -> None:
    content = [{"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}]
    answered = gateway.chat("rock/arn", messages=[{"role": "user", "content": content}])
    assert (answered.status_code, error_of(answered)["param"]) == (400, "messages[0].content[0]")
    assert upstream.seen == []


# What it answers


def test_call_when_answered_then_told_as_one_of_chat(gateway: LiveGateway, upstream: Vendor) -> None:
    call = {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": "it"}}}
    answer(upstream, said(converse({"text": "Let me look."}, call, stop="tool_use")))
    (choice,) = gateway.chat("rock/arn", tools=[LOOK]).json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "Let me look.")
    (told,) = choice["message"]["tool_calls"]
    assert (told["id"], told["function"]) == ("tooluse_1", {"name": "look", "arguments": '{"at":"it"}'})


def test_stream_when_it_ends_well_then_its_text_calls_and_usage_are_told(gateway: LiveGateway, upstream: Vendor) -> None:
    begun = {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "tooluse_1", "name": "look"}}}}
    pieces = [
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": piece}}}} for piece in ('{"at":', '"it"}')
    ]
    stop = ({"contentBlockStop": {"contentBlockIndex": 1}}, {"messageStop": {"stopReason": "tool_use"}})
    whole = b"".join(frames(BEGIN, text("Let me "), text("look."), OVER, begun, *pieces, *stop, END[-1]))
    stream(upstream, *(whole[at : at + 37] for at in range(0, len(whole), 37)))
    answered = gateway.chat("rock/arn", stream=True, tools=[LOOK], stream_options={"include_usage": True})
    chunks = [chunk for chunk in events(answered) if chunk != "[DONE]"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Let me look."
    assert (calls[0]["id"], calls[0]["function"]["name"]) == ("tooluse_1", "look")
    assert "".join(call["function"].get("arguments", "") for call in calls) == '{"at":"it"}'
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "tool_calls"
    assert (chunks[-1]["usage"]["prompt_tokens"], chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"]) == (70, 60)
    assert upstream.last.path == path(ARN, "converse-stream")


def test_responses_when_asked_then_answered_from_converse(gateway: LiveGateway, upstream: Vendor) -> None:
    stream(upstream, b"".join(frames(BEGIN, text("Hi."), *END)))
    answered = gateway.http.post("/v1/responses", json={"model": "rock/arn", "input": "hi", "stream": True})
    last = [event for event in events(answered) if event != "[DONE]"][-1]
    assert last["type"] == "response.completed"
    assert last["response"]["output"][0]["content"][0]["text"] == "Hi."
    assert last["response"]["usage"]["input_tokens"] == 70


# How it fails


@pytest.mark.parametrize(
    ("kind", "status", "message", "expected", "code"),
    [
        ("ThrottlingException", 429, "Too many tokens, please wait before trying again.", 429, "upstream_rate_limited"),
        ("ServiceQuotaExceededException", 400, "Too many.", 429, "upstream_quota_exceeded"),
        ("ModelNotReadyException", 429, "It is being loaded.", 503, "upstream_overloaded"),
        ("ServiceUnavailableException", 503, "Later.", 503, "upstream_overloaded"),
        ("ModelTimeoutException", 408, "It took too long.", 504, "upstream_timeout"),
        ("ModelErrorException", 424, "It failed.", 502, "upstream_server_error"),
        ("InternalServerException", 500, "It broke.", 502, "upstream_server_error"),
        ("AccessDeniedException", 403, "You don't have access.", 502, "upstream_auth_failed"),
        ("ExpiredTokenException", 403, "The security token is expired", 502, "upstream_auth_failed"),
        ("UnrecognizedClientException", 403, "Invalid.", 502, "upstream_auth_failed"),
        ("ResourceNotFoundException", 404, "No such model.", 502, "upstream_model_not_found"),
        ("ValidationException", 400, "The provided model identifier is invalid.", 502, "upstream_model_not_found"),
        ("ValidationException", 400, "messages.0: Input should be an object", 400, None),
        ("ValidationException", 400, "Input is too long for requested model.", 400, "context_length_exceeded"),
    ],
)
def test_failure_when_told_then_what_it_means(
    kind: str, status: int, message: str, expected: int, code: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    for operation in ("converse", "converse-stream"):
        answer(upstream, refused(kind, message, status), operation)
        answered = gateway.chat("rock/arn", stream=operation == "converse-stream")
        assert (answered.status_code, error_of(answered)["code"]) == (expected, code), answered.text
        if expected == 400:
            assert error_of(answered)["message"] == message


def test_exception_when_the_stream_begins_with_it_then_a_status(gateway: LiveGateway, upstream: Vendor) -> None:
    stream(upstream, *frames(BEGIN, {"throttlingException": {"message": "Too many requests."}}))
    answered = gateway.chat("rock/arn", stream=True)
    assert (answered.status_code, error_of(answered)["code"]) == (429, "upstream_rate_limited")


def broken(*good: dict[str, Any], place: int = -1) -> list[bytes]:
    """Frames, the last of which has a wrong CRC."""
    *sound, last = frames(*good)
    spoilt = bytearray(last)
    spoilt[place] ^= 1
    return [*sound, bytes(spoilt)]


STREAM_ERROR = {"modelStreamErrorException": {"message": "It broke.", "originalStatusCode": 500}}
ODD = {"contentBlockDelta": {"contentBlockIndex": "x", "delta": {"text": "?"}}}


@pytest.mark.parametrize(
    ("chunks", "code"),
    [
        (frames(BEGIN, text("Hi"), STREAM_ERROR), "upstream_server_error"),
        (frames(BEGIN, text("Hi"), {"throttlingException": {"message": "Slow."}}), "upstream_rate_limited"),
        (frames(BEGIN, text("Hi"), {"validationException": {"message": "Odd."}}), None),
        (broken(BEGIN, text("Hi"), text(" there")), "upstream_invalid_response"),
        (broken(BEGIN, text("Hi"), text(" there"), place=8), "upstream_invalid_response"),
        ([b"".join(broken(BEGIN, text("Hi"), text(" there")))], "upstream_invalid_response"),
        ([b"".join(frames(BEGIN, text("Hi"), *END))[:-30]], "upstream_stream_truncated"),
        (frames(BEGIN, text("Hi"), OVER), "upstream_stream_truncated"),
        (frames(BEGIN, text("Hi"), ODD), "upstream_invalid_response"),
        ([*frames(BEGIN, text("Hi")), b"\0" * 40], "upstream_invalid_response"),
    ],
    ids=["model error", "throttled", "refused", "crc", "crc of the prelude", "crc in one piece", "cut within", "cut between",
         "odd index", "no frames"],
)  # fmt: skip
def test_stream_when_it_breaks_then_what_was_said_and_an_error_in_it(
    chunks: list[bytes], code: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    stream(upstream, *chunks, pause=0.02)
    answered = gateway.chat("rock/arn", stream=True)
    assert answered.status_code == 200
    assert words(answered) == "Hi"
    told = events(answered)
    assert told[-1] == "[DONE]"
    assert told[-2]["error"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"output":{}}', b'{"output":{"message":{"content":1}}}'])
def test_answer_when_it_cannot_be_read_then_502(body: bytes, gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, Said(body))
    answered = gateway.chat("rock/arn")
    assert (answered.status_code, error_of(answered)["code"]) == (502, "upstream_invalid_response")
