"""Do Anthropic's models at AWS Bedrock get exactly what a client of the Messages API says, and does it get their events?"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers.bytes.event_stream import event_frame
from tests.fakes.bedrock import KEY_ID, SECRET, frames, guarded, refused, streamed
from tests.fakes.vendor import Said, Vendor, said, vendor
from tests.integration.test_vendor_bedrock import path
from tests.live import LiveGateway, error_of, words

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 0, "output_tokens": 5}
MESSAGE = {
    "id": "msg_bdrk_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "thinking", "thinking": "", "signature": "c2ln"}, {"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
    "x_unknown": 1.50,
}
EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
)
HI = [{"role": "user", "content": "hi"}]
ASKED = {"model": "rock/claude", "max_tokens": 9, "messages": HI, "x_request": {"a": [1.50]}}


def chunk(event: dict[str, Any]) -> bytes:
    """A frame with an event of the Messages API."""
    return event_frame("chunk", json.dumps({"bytes": b64encode(json.dumps(event).encode()).decode(), "p": "abc"}).encode())


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        models = {"rock/claude": (CLAUDE, ["chat", "responses"])}
        key, options = f"{KEY_ID}:{SECRET}", {"region": "eu-central-1"}
        shared_gateway.define_at("bedrock", upstream.base, models, name="bedrock-claude", api_key=key, options=options)
        yield upstream


@pytest.fixture(autouse=True)
def answers(upstream: Vendor) -> None:
    upstream.seen.clear()
    upstream.answers.clear()
    answer(upstream, said(MESSAGE))
    stream(upstream, *map(chunk, EVENTS))


def answer(upstream: Vendor, told: Said, operation: str = "invoke") -> None:
    upstream.answers[path(CLAUDE, operation)] = guarded(lambda seen: told)


def stream(upstream: Vendor, *chunks: bytes, **more: Any) -> None:
    answer(upstream, streamed(chunks, **more), "invoke-with-response-stream")


def ask(gateway: LiveGateway, asked: Any = ASKED, at: str = "/v1/messages", **headers: str) -> httpx.Response:
    headers = {"anthropic-version": "2023-06-01"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.http.post(at, json=asked, headers=headers)


def told(response: httpx.Response) -> list[dict[str, Any]]:
    """The events, each of which must have its type as its name."""
    found = [line.split("\n") for line in response.text.split("\n\n") if line]
    made = [json.loads(lines[1].removeprefix("data: ")) for lines in found]
    assert [lines[0] for lines in found] == [f"event: {event['type']}" for event in made]
    return made


def test_message_when_asked_then_sent_as_it_came_but_for_what_stands_in_the_path(gateway: LiveGateway, upstream: Vendor) -> None:
    answered = ask(gateway)
    assert answered.status_code == 200, answered.text
    assert answered.json() == {**MESSAGE, "model": "rock/claude"}
    sent = {name: value for name, value in ASKED.items() if name != "model"}
    assert upstream.last.json == {**sent, "anthropic_version": "bedrock-2023-05-31"}
    assert upstream.last.path == path(CLAUDE, "invoke")
    assert not [name for name in upstream.last.headers if name.startswith("anthropic")]


def test_betas_when_asked_for_then_those_that_bedrock_knows_stand_in_the_body(gateway: LiveGateway, upstream: Vendor) -> None:
    betas = "context-1m-2025-08-07, claude-code-20250219,advanced-tool-use-2025-11-20"
    answered = ask(gateway, anthropic_beta=betas)
    assert upstream.last.json["anthropic_beta"] == ["context-1m-2025-08-07", "tool-search-tool-2025-10-19"]
    assert answered.headers["x-gateway-lossy"] == "anthropic-beta: claude-code-20250219"


def test_stream_when_asked_then_its_events_are_anthropics(gateway: LiveGateway, upstream: Vendor) -> None:
    last = {**EVENTS[-1], "amazon-bedrock-invocationMetrics": {"inputTokenCount": 10, "outputTokenCount": 5}}
    whole = b"".join(map(chunk, (*EVENTS[:-1], last)))
    stream(upstream, *(whole[at : at + 41] for at in range(0, len(whole), 41)))
    answered = ask(gateway, {**ASKED, "stream": True})
    assert answered.headers["content-type"].startswith("text/event-stream")
    begun = {**EVENTS[0], "message": {**EVENTS[0]["message"], "model": "rock/claude"}}
    assert told(answered) == [begun, *EVENTS[1:]]
    assert "stream" not in upstream.last.json
    assert upstream.last.path == path(CLAUDE, "invoke-with-response-stream")


def test_chat_when_asked_then_answered_through_the_messages_api(gateway: LiveGateway, upstream: Vendor) -> None:
    answered = gateway.chat("rock/claude", stream=True)
    assert words(answered) == "Hi."
    assert upstream.last.json["anthropic_version"] == "bedrock-2023-05-31"
    whole = gateway.chat("rock/claude")
    assert whole.json()["choices"][0]["message"]["content"] == "Hi."
    assert whole.json()["usage"]["prompt_tokens"] == 70


@pytest.mark.parametrize(
    ("chunks", "kind"),
    [
        ([*map(chunk, EVENTS[:3]), *frames({"modelStreamErrorException": {"message": "It broke."}})], "api_error"),
        ([*map(chunk, EVENTS[:3]), *frames({"throttlingException": {"message": "Slow."}})], "rate_limit_error"),
        ([*map(chunk, EVENTS[:3]), chunk(EVENTS[3])[:-1] + b"\0"], "api_error"),
        ([*map(chunk, EVENTS[:3]), chunk(EVENTS[3])[:-9]], "api_error"),
        ([*map(chunk, EVENTS[:3])], "api_error"),
        ([*map(chunk, EVENTS[:3]), event_frame("chunk", b'{"bytes":"e30="}')], "api_error"),
        ([*map(chunk, EVENTS[:3]), event_frame("chunk", b'{"bytes":"?"}')], "api_error"),
        ([*map(chunk, EVENTS[:3]), event_frame("chunk", b"{")], "api_error"),
    ],
    ids=["model error", "throttled", "crc", "cut within", "cut between", "no type", "no base64", "no JSON"],
)
def test_stream_when_it_breaks_then_what_was_said_and_an_error_in_it(
    chunks: list[bytes], kind: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    stream(upstream, *chunks, pause=0.01)
    *said_before, last = told(ask(gateway, {**ASKED, "stream": True}))
    assert [event["type"] for event in said_before] == [event["type"] for event in EVENTS[:3]]
    assert (last["type"], last["error"]["type"]) == ("error", kind)


def test_event_when_bedrock_has_a_new_kind_then_passed_over(gateway: LiveGateway, upstream: Vendor) -> None:
    stream(upstream, *map(chunk, EVENTS[:2]), event_frame("hologram", b"{}"), *map(chunk, EVENTS[2:]))
    assert len(told(ask(gateway, {**ASKED, "stream": True}))) == len(EVENTS)


def test_request_when_refused_then_the_words_of_the_model_as_they_are(gateway: LiveGateway, upstream: Vendor) -> None:
    words_of_it = "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`."
    for operation, streams in (("invoke", False), ("invoke-with-response-stream", True)):
        answer(upstream, refused("ValidationException", words_of_it, 400), operation)
        answered = ask(gateway, {**ASKED, "stream": streams})
        assert answered.status_code == 400
        assert answered.json()["error"] == {"type": "invalid_request_error", "message": words_of_it}
        assert error_of(gateway.chat("rock/claude", stream=streams))["message"] == words_of_it


def test_tokens_when_counted_then_the_body_of_an_invocation_is(gateway: LiveGateway, upstream: Vendor) -> None:
    answer(upstream, said({"inputTokens": 42}), "count-tokens")
    answered = ask(gateway, {"model": "rock/claude", "messages": HI}, "/v1/messages/count_tokens")
    assert answered.json() == {"input_tokens": 42}
    counted = json.loads(b64decode(upstream.last.json["input"]["invokeModel"]["body"]))
    assert counted == {"messages": HI, "max_tokens": 1, "anthropic_version": "bedrock-2023-05-31"}
