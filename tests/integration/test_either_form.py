"""What comes of an answer in the other form than the one that was asked for: whole for a stream, or a stream for a whole?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_responses import NATIVE, native_events
from tests.live import LiveGateway, error_of
from tests.live import events as events_of

CHAT, TEXT, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
CALLS = [
    {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": '{"a":1}'}, "vendors": True}
    for name in "fg"
]
MESSAGE = {"role": "assistant", "content": "whole", "refusal": None, "reasoning_content": "hm", "tool_calls": CALLS, "own": [1]}
WHOLE: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "up",
    "system_fingerprint": "fp",
    "vendors": {"kept": 1.5},
    "choices": [
        {"index": 0, "message": MESSAGE, "logprobs": None, "finish_reason": "tool_calls"},
        {"index": 1, "message": {"role": "assistant", "content": None, "refusal": "No."}, "finish_reason": "stop"},
    ],
    "usage": USAGE,
}
PLAIN = {**WHOLE, "choices": [{"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}]}
OLDER = {**WHOLE, "object": "text_completion", "choices": [{"index": 0, "text": "whole", "finish_reason": "stop"}]}
LIMITED = {"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
THEN_OK = 9
"""Models with a second route: a target that fails often is left alone, so each test has its own."""
BOM = b"\xef\xbb\xbf"
ITEMS: list[dict[str, Any]] = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "status": "completed"},
    *NATIVE["output"],
    {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}', "status": "completed"},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"e/native": ("up", ["responses", "chat", "completion"])}, name="either native")
        only = {"e/chat": ("up", ["chat", "completion", "responses"])}
        shared_gateway.define_at("openai_compatible", base, only, name="either chat")
        routes = [{"provider": "either chat", "upstream_model": "up"}, {"upstream_model": "ok"}]
        shared_gateway.define_models({f"e/then ok {number}": routes for number in range(THEN_OK)})
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def answering(upstream: Vendor, answer: Said) -> None:
    upstream.answers = dict.fromkeys((CHAT, TEXT, RESPONSES), lambda seen: answer)


def ask(gateway: LiveGateway, path: str = CHAT, model: str = "e/chat", **fields: Any) -> httpx.Response:
    said_in: dict[str, dict[str, Any]] = {
        CHAT: {"messages": [{"role": "user", "content": "hi"}]},
        TEXT: {"prompt": "hi"},
        RESPONSES: {"input": "hi"},
    }
    return gateway.http.post(path, json={"model": model, **said_in[path], **fields})


# Whole for a stream


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain; charset=utf-8"])
@pytest.mark.parametrize("lead", [b"", BOM, b"\n\n \r\n"])
def test_completion_when_a_stream_was_asked_for_is_told_as_one(
    gateway: LiveGateway, upstream: Vendor, kind: str, lead: bytes
) -> None:
    answering(upstream, Said(lead + json.dumps(WHOLE).encode(), content_type=kind))
    response = ask(gateway, stream=True, stream_options={"include_usage": True})
    *chunks, usage, done = events_of(response)
    assert response.headers["content-type"].startswith("text/event-stream")
    head = {"id": "c1", "created": 1, "model": "e/chat", "system_fingerprint": "fp", "vendors": {"kept": 1.5}}
    head["object"] = "chat.completion.chunk"
    numbered = [{"index": place, **call} for place, call in enumerate(CALLS)]
    assert [chunk["choices"][0] for chunk in chunks] == [
        {"index": 0, "delta": {**MESSAGE, "tool_calls": numbered}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "tool_calls"},
        {"index": 1, "delta": WHOLE["choices"][1]["message"], "finish_reason": None},
        {"index": 1, "delta": {}, "finish_reason": "stop"},
    ]
    assert [{name: chunk[name] for name in chunk if name != "choices"} for chunk in chunks] == [head] * 4
    assert (usage, done) == ({**head, "choices": [], "usage": USAGE}, "[DONE]")


def test_completion_when_a_stream_was_asked_for_is_read_by_the_sdk(client: OpenAI, upstream: Vendor) -> None:
    answering(upstream, said(WHOLE))
    with client.chat.completions.stream(model="e/chat", messages=[{"role": "user", "content": "hi"}]) as stream:
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert (message.content, final.choices[0].finish_reason) == ("whole", "tool_calls")
    assert [call.function.arguments for call in message.tool_calls or ()] == ['{"a":1}'] * 2
    assert final.choices[1].message.refusal == "No."
    assert final.usage is None


def test_older_completion_when_a_stream_was_asked_for_is_told_as_one(gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, said(OLDER))
    chunk, done = events_of(ask(gateway, TEXT, stream=True))
    assert (chunk["choices"], chunk["object"], done) == (OLDER["choices"], "text_completion", "[DONE]")


def test_response_when_a_stream_was_asked_for_is_told_as_one(client: OpenAI, upstream: Vendor) -> None:
    answering(upstream, said({**NATIVE, "output": ITEMS}))
    with client.responses.stream(model="e/native", input="hi") as stream:
        told = [event.type for event in stream]
        final = stream.get_final_response()
    assert told[:2] == ["response.created", "response.in_progress"]
    assert told[-1] == "response.completed"
    assert [kind for kind in told if kind.endswith(".delta")] == [
        "response.reasoning_summary_text.delta",
        "response.output_text.delta",
        "response.function_call_arguments.delta",
    ]
    assert (final.output_text, final.model) == ("Hello.", "e/native")
    assert final.id != NATIVE["id"]
    assert [item.type for item in final.output] == [item["type"] for item in ITEMS]


def test_completion_when_a_converted_stream_was_asked_for_is_told_as_one(client: OpenAI, upstream: Vendor) -> None:
    answering(upstream, said(PLAIN))
    with client.responses.stream(model="e/chat", input="hi") as stream:
        final = stream.get_final_response()
    assert (final.output_text, final.usage and final.usage.output_tokens) == ("whole", 4)


def test_error_when_a_stream_was_asked_for_is_what_it_says(gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, said(LIMITED))
    for path, model in ((CHAT, "e/chat"), (TEXT, "e/chat"), (RESPONSES, "e/chat"), (RESPONSES, "e/native")):
        response = ask(gateway, path, model, stream=True)
        assert (response.status_code, error_of(response)["code"]) == (429, "upstream_rate_limited")


@pytest.mark.parametrize(
    ("number", "answer"), [*enumerate([b'{"id":"c1"}', b'{"choices":[]}', b'{"choices":[1]}', b'{"choices":', b"[1]"])]
)
def test_answer_when_it_is_no_completion_falls_over(gateway: LiveGateway, upstream: Vendor, number: int, answer: bytes) -> None:
    answering(upstream, Said(answer))
    response = ask(gateway, model=f"e/then ok {number}", stream=True)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2")


# A stream for a whole


def pieces(*choices: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"id": "c1", "object": "chat.completion.chunk", "model": "up", **more, "choices": [choice]} for choice in choices]


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


STREAM = [
    *pieces(
        delta(role="assistant", content="", reasoning="h"),
        delta(1, role="assistant", content="ot"),
        delta(reasoning="m", content=None),
        delta(content="hel"),
        delta(1, content="her"),
        delta(content="lo"),
        delta(tool_calls=[{"index": 0, "id": "call_f", "type": "function", "function": {"name": "f", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
        delta(annotations=[{"type": "url_citation", "url_citation": {"url": "u"}}]),
        {**delta(), "logprobs": {"content": [{"token": "hel", "logprob": -0.5}], "refusal": None}},
        {**delta(), "logprobs": {"content": [{"token": "lo", "logprob": -1.5}], "refusal": None}},
        delta(finish="tool_calls"),
        delta(1, finish="stop"),
        created=1,
    ),
    {"id": "c1", "model": "up", "choices": [], "usage": USAGE},
]


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("lead", [b"", BOM, b": hi\n\n", b"\n\n", b"event: x\n"])
def test_stream_when_a_completion_was_asked_for_is_added_up(
    gateway: LiveGateway, upstream: Vendor, kind: str, lead: bytes
) -> None:
    body = lead + b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in STREAM) + b"data: [DONE]\n\n"
    answering(upstream, Said(body, content_type=kind))
    response = ask(gateway)
    assert response.headers["content-type"] == "application/json"
    call = {"id": "call_f", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {"role": "assistant", "content": "hello", "reasoning": "hm", "tool_calls": [call]}
    message["annotations"] = [{"type": "url_citation", "url_citation": {"url": "u"}}]
    logprobs = {"content": [{"token": "hel", "logprob": -0.5}, {"token": "lo", "logprob": -1.5}], "refusal": None}
    other = {"index": 1, "message": {"role": "assistant", "content": "other"}, "finish_reason": "stop"}
    assert response.json() == {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "e/chat",
        "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "tool_calls"}, other],
        "usage": USAGE,
    }


def test_stream_when_a_response_or_an_older_completion_was_asked_for_is_added_up(gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, events(*native_events(), names=True))
    response = ask(gateway, RESPONSES, "e/native").json()
    assert (response["output"], response["status"], response["model"]) == (NATIVE["output"], "completed", "e/native")
    answering(upstream, events(*STREAM, done=True))
    converted = ask(gateway, RESPONSES, "e/chat").json()
    assert [item["type"] for item in converted["output"]] == ["reasoning", "message", "function_call"]
    texts = [{**OLDER, "choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in ("who", "le")]
    answering(upstream, events(*texts, done=True))
    assert ask(gateway, TEXT).json()["choices"] == [{"index": 0, "text": "whole", "finish_reason": None}]


def test_response_when_its_items_stand_in_events_alone_has_them(gateway: LiveGateway, upstream: Vendor) -> None:
    (item,) = NATIVE["output"]
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    last = {"type": "response.completed", "response": {**NATIVE, "output": []}}
    answering(upstream, events(done, last, names=True))
    assert ask(gateway, RESPONSES, "e/native").json()["output"] == [item]


@pytest.mark.parametrize(
    ("number", "stream"),
    [*enumerate([STREAM[:5], [*STREAM[:5], {"error": {"message": "Broken.", "code": 500}}], [{"x": 1}], STREAM[:-2]], 5)],
)
def test_stream_when_it_does_not_add_up_to_a_completion_falls_over(
    gateway: LiveGateway, upstream: Vendor, number: int, stream: list[dict[str, Any]]
) -> None:
    answering(upstream, events(*stream))
    response = ask(gateway, model=f"e/then ok {number}")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2")


def test_stream_when_very_long_is_added_up_in_time_in_proportion(gateway: LiveGateway, upstream: Vendor) -> None:
    def content(seen: Seen) -> Said:
        return events(*pieces(*[delta(content="0123456789")] * 40_000, delta(finish="stop")))

    upstream.answers = {CHAT: content}
    assert ask(gateway).json()["choices"][0]["message"]["content"] == "0123456789" * 40_000
