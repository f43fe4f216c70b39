"""Do thousands of items in one converted answer or request cost others their turn?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.fakes.vendor import Answer, Said, Vendor, said, vendor
from tests.integration.test_large_bodies import others
from tests.integration.test_responses import chat, chunks
from tests.live import LiveGateway
from tests.live import events as events_of
from tests.socket_client import dial
from tests.unit.providers.wire.test_chat_to_responses import rebuilt

pytestmark = pytest.mark.alone  # it measures time

MANY = 8_000
OTHERS_WITHIN_S = 0.3
Json = dict[str, Any]
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base, able = f"{upstream.base}/v1", ["chat", "responses"]
        shared_gateway.define("ok")
        shared_gateway.define_at("deepseek", base, {"long/chat": ("up", able)}, name="long chat")
        shared_gateway.define_at("openai_responses", base, {"long/responses": ("up", able)}, name="long responses")
        yield upstream


def at_once(values: Iterable[Json]) -> Answer:
    """A stream that comes as fast as it can be read."""
    frames = [b"data: %b\n\n" % json.dumps(value).encode() for value in values]
    stream = Said(content_type="text/event-stream", chunks=[b"".join(frames) + b"data: [DONE]\n\n"])
    return lambda seen: stream


def call(number: int, **function: str) -> Json:
    return {"tool_calls": [{"index": number, "id": f"call_{number}", "type": "function", "function": function}]}


def in_pieces(count: int) -> Iterator[Json]:
    """One call, whose name and id are said with every piece of its arguments."""
    yield call(0, name="f", arguments='{"text":"')
    yield from (call(0, name="f", arguments="words, ") for _ in range(count))
    yield call(0, name="f", arguments='"}')


STREAMS: dict[str, list[Json]] = {
    "calls": [piece for at in range(MANY) for piece in (call(at, name="f", arguments="{"), call(at, arguments="}"))],
    "calls in one chunk": [{"tool_calls": [call(at, name="f", arguments="{}")["tool_calls"][0] for at in range(MANY)]}],
    "text and reasoning in turn": [{("content", "reasoning_content")[at % 2]: f"{at} "} for at in range(MANY)],
    "text and refusals in turn": [{("content", "refusal")[at % 2]: f"{at} "} for at in range(MANY)],
    "a call in many pieces": list(in_pieces(3 * MANY)),
    "a long text": [{"content": "a word and another " * 5}] * (3 * MANY),
}


@pytest.mark.parametrize("name", STREAMS)
def test_converted_response_when_it_has_thousands_of_pieces_holds_up_nobody(
    name: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[CHAT] = at_once(chunks(*STREAMS[name]))
    with others(gateway, own=True) as waits:
        answer = gateway.http.post(RESPONSES, json={"model": "long/chat", "input": "hi", "stream": True, "store": False})
    told = events_of(answer)[:-1]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert told[-1]["type"] == "response.completed"
    assert rebuilt(told) == told[-1]["response"]["output"]
    assert max(waits) < OTHERS_WITHIN_S


def test_converted_turn_over_a_websocket_when_it_has_thousands_of_calls_holds_up_nobody(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[CHAT] = at_once(chunks(*STREAMS["calls in one chunk"]))
    with dial(gateway) as socket, others(gateway, own=True) as waits:
        response = socket.response("long/chat", store=False)
    assert len(response["output"]) == MANY
    assert max(waits) < OTHERS_WITHIN_S


def responses_events(items: list[Json]) -> list[Json]:
    told: list[Json] = []
    for at, item in enumerate(items):
        told.append({"type": "response.output_item.added", "output_index": at, "item": item})
        told.append({"type": "response.output_item.done", "output_index": at, "item": item})
    response = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "up", "output": items}
    return [*told, {"type": "response.completed", "response": response}]


def function_call(at: int) -> Json:
    return {"type": "function_call", "id": f"fc_{at}", "call_id": f"call_{at}", "name": "f", "arguments": f'{{"at":{at}}}'}


THOUGHT = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": f"{at}"} for at in range(MANY)]}


@pytest.mark.parametrize(
    ("output", "field"), [([function_call(at) for at in range(MANY)], "tool_calls"), ([THOUGHT], "reasoning_content")]
)
def test_converted_chat_when_it_has_thousands_of_items_holds_up_nobody(
    output: list[Json], field: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[RESPONSES] = at_once(responses_events(output))
    with others(gateway, own=True) as waits:
        answer = gateway.chat("long/responses", stream=True)
    deltas = [choice["delta"] for chunk in events_of(answer)[:-1] for choice in chunk["choices"]]
    assert sum(field in delta for delta in deltas) >= MANY
    assert max(waits) < OTHERS_WITHIN_S


def conversation() -> list[Json]:
    """One call whose result comes last; all others between, with their results, words and thoughts."""
    items: list[Json] = [function_call(MANY)]
    for at in range(MANY):
        thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a thought " * 20}]}
        spoken = {"role": "assistant", "content": "some words " * 20}
        items += [thought, spoken, function_call(at), {"type": "function_call_output", "call_id": f"call_{at}", "output": "1"}]
    return [
        *items,
        {"type": "function_call_output", "call_id": f"call_{MANY}", "output": "1"},
        {"role": "user", "content": "go on"},
    ]


def test_request_when_it_has_thousands_of_calls_is_converted_and_holds_up_nobody(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: said(chat({"content": "done"}))
    with others(gateway, own=True) as waits:
        answer = gateway.http.post(RESPONSES, json={"model": "long/chat", "input": conversation(), "store": False})
    assert answer.status_code == 200, answer.text
    messages = upstream.last.json["messages"]
    assert len(messages[0]["tool_calls"]) == MANY + 1
    assert messages[0]["content"].count("some words") == messages[0]["reasoning_content"].count("a thought") == 20 * MANY
    assert max(waits) < OTHERS_WITHIN_S
