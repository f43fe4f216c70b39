"""Do responses over a WebSocket tell what they tell over HTTP, turn after turn, with every kind of upstream?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import openresponses_types.types as spec
import pytest

from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, chunks, native_events
from tests.live import LiveGateway
from tests.live import events as events_of
from tests.socket_client import Socket, dial

MODELS = ["ws/native", "ws/chat", "ws/forgetful"]
MINTED = re.compile(r"\b(resp|msg|rs|fc|item)_[0-9a-f]{48}(?:[io][0-9a-f]+)?\b|\"(created_at|completed_at)\": \d+")
PIECES = [{"role": "assistant", "content": ""}, {"reasoning_content": "hm"}, {"content": "Hel"}, {"content": "lo."}]
KINDS = {
    "".join(part.capitalize() for part in re.split(r"[._]", name)): name
    for name in ("response.created", "response.in_progress", "response.completed", "response.output_item.added",
                 "response.output_item.done", "response.content_part.added", "response.content_part.done",
                 "response.output_text.delta", "response.output_text.done")
}  # fmt: skip


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"ws/native": ("up-native", ["responses"])}, name="ws native")
        shared_gateway.define_at("groq", base, {"ws/forgetful": ("up-forgetful", ["responses"])}, name="ws forgetful")
        shared_gateway.define_at("deepseek", base, {"ws/chat": ("up-chat", ["chat", "responses"])}, name="ws chat")
        yield upstream


@pytest.fixture(autouse=True)
def answers(upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True, done=True)
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*chunks(*PIECES), done=True)


@pytest.fixture
def socket(gateway: LiveGateway, upstream: Vendor) -> Iterator[Socket]:
    with dial(gateway) as socket:
        yield socket


def anonymous(told: list[Any]) -> list[Any]:
    """The events without what is different each time."""
    known: dict[str, str] = {}
    text = MINTED.sub(
        lambda found: known.setdefault(found[0], f"{found[1]}_{len(known)}") if found[1] else '"at": 0', json.dumps(told)
    )
    return list(json.loads(text))


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def test_turn_when_asked_for_tells_what_the_stream_over_http_tells(socket: Socket, gateway: LiveGateway) -> None:
    for model in MODELS:
        over_http = gateway.http.post("/v1/responses", json={"model": model, "input": "hi", "stream": True})
        *expected, done = events_of(over_http)
        assert done == "[DONE]"
        assert anonymous(socket.turn(model)) == anonymous(expected)


def test_events_of_a_converted_turn_when_validated_keep_the_specification(socket: Socket) -> None:
    told = socket.turn("ws/chat")
    assert {event["type"] for event in told} >= set(KINDS.values())
    for name, kind in KINDS.items():
        model = getattr(spec, f"{name}StreamingEvent")
        for event in told:
            if event["type"] == kind:
                model.model_validate(event)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    spec.ResponseResource.model_validate(told[-1]["response"])
    assert text_of(told[-1]["response"]) == "Hello."


@pytest.mark.parametrize("model", MODELS)
def test_turns_when_one_follows_the_other_have_each_its_own_row(
    model: str, socket: Socket, gateway: LiveGateway, upstream: Vendor
) -> None:
    ids = []
    for _ in range(2):
        socket.response(model)
        ids.append(upstream.last.headers["x-request-id"])
    assert len(set(ids)) == 2
    for request_id in ids:
        (row,) = rows(gateway, request_id)
        assert (row["method"], row["path"], row["status"], row["model"]) == ("POST", "/v1/responses", 200, model)
        assert (row["stream"], row["client_name"]) == (True, "tests")
        assert (row["input_tokens"], row["output_tokens"]) == ((3, 4) if model == "ws/chat" else (5, 2))
        assert (row["error"], row["client_aborted"]) == (None, False)


def test_request_when_it_has_what_is_the_sockets_reaches_the_upstream_without_it(socket: Socket, upstream: Vendor) -> None:
    fields = {"stream": False, "stream_options": {"include_obfuscation": False}, "background": False, "generate": True}
    socket.response("ws/native", **fields, stream_id="a.b-C_1", unknown=[1.50])
    assert upstream.last.json == {"model": "up-native", "input": "hi", "stream": True, "unknown": [1.5]}


def test_stream_id_when_given_is_in_every_event_of_its_turn_and_in_no_other(socket: Socket) -> None:
    for model in MODELS:
        assert {event.get("stream_id") for event in socket.turn(model, stream_id="lane-1")} == {"lane-1"}
        assert all("stream_id" not in event for event in socket.turn(model))
    socket.ask("no such model", stream_id="lane-2")
    error = socket.event()
    assert (error["type"], error["stream_id"]) == ("error", "lane-2")


def test_turns_when_asked_for_at_once_are_answered_in_their_order(socket: Socket, upstream: Vendor) -> None:
    asked = len(upstream.seen)
    for number in range(6):
        socket.ask(MODELS[number % 3], stream_id=str(number), metadata={"number": str(number)})
    told = [socket.events() for _ in range(6)]
    assert [{event["stream_id"] for event in turn} for turn in told] == [{str(number)} for number in range(6)]
    assert len(upstream.seen) == asked + 6


# What is continued


def said_to(upstream: Vendor) -> list[tuple[str, str]]:
    """Who said what in the context that the upstream was given."""
    asked = upstream.last.json
    items = asked.get("input") or asked["messages"]
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    texts = [(item["role"], item["content"]) for item in items]
    return [(role, text if isinstance(text, str) else text[0]["text"]) for role, text in texts]


@pytest.mark.parametrize("model", MODELS)
def test_unstored_response_when_continued_on_its_connection_is_remembered(model: str, socket: Socket, upstream: Vendor) -> None:
    first = socket.response(model, input="one", store=False)
    second = socket.response(model, input="two", store=False, previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert said_to(upstream) == [("user", "one"), ("assistant", "Hello."), ("user", "two")]
    assert "previous_response_id" not in upstream.last.json
    socket.response(model, input=[{"role": "user", "content": "three"}], store=False, previous_response_id=second["id"])
    assert [text for _, text in said_to(upstream)] == ["one", "Hello.", "two", "Hello.", "three"]


def test_stored_response_when_continued_goes_on_at_its_upstream_even_behind_an_unstored_one(
    socket: Socket, upstream: Vendor
) -> None:
    first = socket.response("ws/native", input="one")
    upstream.answers["/v1/responses"] = lambda seen: events(*renamed("resp_second"), names=True)
    second = socket.response("ws/native", input="two", store=False, previous_response_id=first["id"])
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID
    socket.response("ws/native", input="three", store=False, previous_response_id=second["id"])
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID
    assert said_to(upstream) == [("user", "two"), ("assistant", "Hello."), ("user", "three")]


def renamed(upstream_id: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(json.dumps(native_events()).replace(UPSTREAM_ID, upstream_id))
    return told


def test_reasoning_when_its_upstream_could_not_read_it_again_is_left_out(socket: Socket, upstream: Vendor) -> None:
    lost = {"id": "rs_1", "type": "reasoning", "summary": []}
    kept = {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "x"}
    last = native_events()[-1]
    last["response"] = {**NATIVE, "output": [lost, kept, *NATIVE["output"]]}
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events()[:-1], last, names=True)
    first = socket.response("ws/native", store=False)
    assert [item["id"] for item in first["output"]] == ["rs_1", "rs_2", "msg_1"]
    socket.response("ws/native", store=False, previous_response_id=first["id"])
    assert [item.get("id") for item in upstream.last.json["input"]] == [None, "rs_2", "msg_1", None]


@pytest.mark.parametrize("model", ["ws/chat", "ws/forgetful"])
def test_unstored_response_when_another_connection_or_http_continues_it_is_not_found(
    model: str, socket: Socket, gateway: LiveGateway
) -> None:
    first = socket.response(model, store=False)["id"]
    with dial(gateway) as other:
        other.ask(model, previous_response_id=first)
        status, error = other.error()
    assert (status, error["code"], error["param"]) == (400, "previous_response_not_found", "previous_response_id")
    answer = gateway.http.post("/v1/responses", json={"model": model, "input": "hi", "previous_response_id": first})
    assert answer.status_code == 400


def test_stored_response_when_continued_over_http_is_found(socket: Socket, gateway: LiveGateway, upstream: Vendor) -> None:
    first = socket.response("ws/chat", input="one")["id"]
    answer = gateway.http.post(
        "/v1/responses", json={"model": "ws/chat", "input": "two", "previous_response_id": first, "stream": True}
    )
    assert events_of(answer)[-2]["type"] == "response.completed"
    assert said_to(upstream) == [("user", "one"), ("assistant", "Hello."), ("user", "two")]


@pytest.mark.parametrize("model", ["ws/chat", "ws/forgetful"])
def test_remembered_response_when_its_continuation_fails_is_forgotten(model: str, socket: Socket, upstream: Vendor) -> None:
    first = socket.response(model, store=False)["id"]
    good = dict(upstream.answers)
    for path in good:
        upstream.answers[path] = lambda seen: said(
            {"error": {"message": "no", "type": "invalid_request_error", "code": None}}, 400
        )
    socket.ask(model, store=False, previous_response_id=first)
    assert socket.error()[0] == 400
    upstream.answers.update(good)
    socket.ask(model, store=False, previous_response_id=first)
    status, error = socket.error()
    assert (status, error["code"]) == (400, "previous_response_not_found")


def test_remembered_response_when_another_turn_fails_stays(socket: Socket) -> None:
    first = socket.response("ws/chat", store=False)["id"]
    socket.ask("no such model")
    assert socket.error()[0] == 404
    socket.response("ws/chat", store=False, previous_response_id=first)


def test_remembered_responses_when_of_several_streams_are_the_last_of_each(socket: Socket, upstream: Vendor) -> None:
    ids = {lane: socket.response("ws/chat", input=lane, store=False, stream_id=lane)["id"] for lane in ("a", "b")}
    for lane, previous in ids.items():
        socket.response("ws/chat", store=False, previous_response_id=previous, stream_id=lane)
        assert said_to(upstream)[0] == ("user", lane)
    socket.ask("ws/chat", previous_response_id=ids["a"])
    assert socket.error()[0] == 400


@pytest.mark.parametrize("model", MODELS)
def test_warm_up_when_continued_puts_its_items_first_and_asks_no_upstream(
    model: str, socket: Socket, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    created, completed = socket.turn(model, input="one", generate=False, instructions="be kind", stream_id="a")
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert (created["sequence_number"], completed["sequence_number"], completed["stream_id"]) == (0, 1, "a")
    for event, status in ((created, "in_progress"), (completed, "completed")):
        spec.ResponseResource.model_validate(event["response"])
        assert (event["response"]["status"], event["response"]["output"], event["response"]["model"]) == (status, [], model)
    assert len(upstream.seen) == asked
    warm = completed["response"]["id"]
    again = socket.response(model, input="two", generate=False, previous_response_id=warm)["id"]
    assert socket.response(model, input="three", previous_response_id=again)["previous_response_id"] == again
    assert said_to(upstream) == [("user", "one"), ("user", "two"), ("user", "three")]


def test_remembered_response_when_a_kept_continuation_fails_in_its_stream_is_forgotten(socket: Socket, upstream: Vendor) -> None:
    first = socket.response("ws/native", store=False)["id"]
    good = upstream.answers["/v1/responses"]
    failed = {**NATIVE, "status": "failed", "error": {"code": "server_error", "message": "no"}}
    told = [*native_events()[:3], {"type": "response.failed", "sequence_number": 3, "response": failed}]
    upstream.answers["/v1/responses"] = lambda seen: events(*told, names=True, done=True)
    assert socket.turn("ws/native", previous_response_id=first)[-1]["type"] == "response.failed"
    assert "previous_response_id" not in upstream.last.json
    upstream.answers["/v1/responses"] = good
    socket.response("ws/native", store=False, previous_response_id=first)
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID  # which has to say whether it knows that


def test_message_when_it_would_steer_a_response_is_told_that_this_cannot_be(socket: Socket) -> None:
    socket.say({"type": "response.steer", "input": "faster"})
    assert socket.error()[1]["code"] == "steer_not_supported"
    assert socket.response("ws/chat")["status"] == "completed"


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"tools": 7}, "tools"), ({"truncation": "never"}, "truncation"), ({"tool_choice": "foo"}, "tool_choice")],
)
def test_warm_up_when_a_field_is_wrong_is_400_that_names_it(fields: dict[str, Any], param: str, socket: Socket) -> None:
    socket.ask("ws/chat", generate=False, **fields)
    status, error = socket.error()
    assert (status, error["param"]) == (400, param)
