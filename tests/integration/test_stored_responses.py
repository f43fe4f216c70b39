"""What can be done with a response there is: asked for again, streamed again, cancelled, deleted?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openresponses_types.types as spec
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, ask, at, chat, define, native_events
from tests.live import LiveGateway, error_of
from tests.live import events as events_of


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def text_of(item: Any) -> str:
    return str(item.content[0].text)


def test_native_response_when_asked_for_again_is_the_upstreams(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers[at("")] = lambda seen: said({**NATIVE, "previous_response_id": UPSTREAM_ID})
    made = client.responses.create(model="r/native", input="hi")
    wanted: Any = ["message.output_text.logprobs", "reasoning.encrypted_content"]
    found = client.responses.retrieve(made.id, include=wanted)
    assert (found.id, found.previous_response_id, found.model) == (made.id, made.id, "r/native")
    assert (upstream.last.method, upstream.last.path.partition("?")[0]) == ("GET", at(""))
    assert all(name in upstream.last.path for name in wanted)
    upstream.answers[at("/cancel")] = lambda seen: said({**NATIVE, "status": "cancelled"})
    assert client.responses.cancel(made.id).status == "cancelled"
    upstream.answers[at("/input_items")] = lambda seen: said({"object": "list", "data": [], "has_more": False})
    assert client.responses.input_items.list(made.id, limit=5, order="asc").data == []
    assert upstream.last.path == at("/input_items?limit=5&order=asc")
    upstream.answers[at("")] = lambda seen: said({"id": UPSTREAM_ID, "object": "response", "deleted": True})
    answer = gateway.http.delete(f"/v1/responses/{made.id}")
    assert answer.json() == {"id": made.id, "object": "response", "deleted": True}
    assert upstream.last.method == "DELETE"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 200), (b"{}", 200), (b"", 204), (b"{}", 202), (b"null", 200), (b'{"status":"ok"}', 200), (b"OK", 200)],
)
def test_native_response_when_deleted_without_a_word_is_told_as_deleted(
    gateway: LiveGateway, upstream: Vendor, body: bytes, status: int
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    made = ask(gateway, "r/native").json()["id"]
    upstream.answers[at("")] = lambda seen: Said(body, status, "application/json")
    for _ in range(6):  # a failure each time would open the circuit
        assert gateway.http.delete(f"/v1/responses/{made}").json() == {"id": made, "object": "response", "deleted": True}
    assert ask(gateway, "r/native").status_code == 200


def test_native_response_when_its_deletion_fails_is_not_told_as_deleted(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    made = ask(gateway, "r/native").json()["id"]
    upstream.answers[at("")] = lambda seen: said({"error": {"message": "Not now.", "type": "invalid_request_error"}}, 200)
    assert error_of(gateway.http.delete(f"/v1/responses/{made}"))["message"] == "Not now."
    upstream.answers[at("")] = lambda seen: said({"id": UPSTREAM_ID, "object": "response", "deleted": False})
    assert gateway.http.delete(f"/v1/responses/{made}").json()["deleted"] is False


def test_native_stream_when_resumed_and_cut_ends_with_a_whole_failed_response(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said({**NATIVE, "status": "queued", "output": []})
    made = ask(gateway, "r/native", background=True).json()["id"]
    upstream.answers[at("")] = lambda seen: events(native_events()[2], names=True)
    *_, last, done = events_of(gateway.http.get(f"/v1/responses/{made}?stream=true&starting_after=1"))
    assert (last["type"], last["response"]["id"], last["response"]["model"], done) == (
        "response.failed",
        made,
        "r/native",
        "[DONE]",
    )
    spec.ResponseFailedStreamingEvent.model_validate(last)


def test_native_stream_when_accumulated_by_the_sdk_is_the_response(client: OpenAI, upstream: Vendor) -> None:
    added = {"type": "response.output_item.added", "output_index": 0, "item": {**NATIVE["output"][0], "content": []}}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    created, begun, delta, _, completed = native_events()
    told = [created, begun, added, {"type": "response.content_part.added", **place, "part": part}, delta, completed]
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(told)]
    upstream.answers["/v1/responses"] = lambda seen: events(*numbered, names=True)
    with client.responses.stream(model="r/native", input="hi") as stream:
        kinds = [event.type for event in stream]
        found = stream.get_final_response()
    assert kinds[-1] == "response.completed"
    assert (found.output_text, found.model, found.status) == ("Hello.", "r/native", "completed")
    assert found.id != UPSTREAM_ID


def test_native_stream_when_resumed_is_relayed(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said({**NATIVE, "status": "queued", "output": []})
    made = client.responses.create(model="r/native", input="hi", background=True)
    upstream.answers[at("")] = lambda seen: events(*native_events()[2:], names=True)
    told = list(client.responses.retrieve(made.id, stream=True, starting_after=1))
    assert [event.sequence_number for event in told] == [2, 3, 4]
    assert "starting_after=1" in upstream.last.path


def test_native_stream_when_resumed_and_left_closes_the_upstream(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said({**NATIVE, "status": "queued", "output": []})
    made = ask(gateway, "r/native", background=True).json()["id"]
    slow = [f"event: x\ndata: {json.dumps(event)}\n\n".encode() for event in [*native_events()[2:4], *[native_events()[2]] * 100]]
    upstream.answers[at("")] = lambda seen: Said(content_type="text/event-stream", chunks=slow, pause=0.05)
    headers, broken = {"x-request-id": "left-a-resumed-stream"}, upstream.broken
    with gateway.http.stream("GET", f"/v1/responses/{made}", params={"stream": "true"}, headers=headers) as answer:
        next(answer.iter_lines())
    assert eventually(lambda: upstream.broken == broken + 1, 1)
    (row,) = rows(gateway, "left-a-resumed-stream")
    assert (row["status"], row["client_aborted"]) == (499, True)


def test_converted_response_when_asked_for_again_is_the_same_until_it_is_deleted(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    made = client.responses.create(model="r/chat", input=[{"role": "user", "content": text} for text in "abc"])
    assert client.responses.retrieve(made.id) == made
    newest, oldest = (client.responses.input_items.list(made.id, order=order, limit=2) for order in ("desc", "asc"))
    assert [text_of(item) for item in newest] == ["c", "b", "a"]
    assert [text_of(item) for item in oldest.data] == ["a", "b"]
    client.responses.delete(made.id)
    for call in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(NotFoundError):
            call(made.id)
    with pytest.raises(BadRequestError):
        client.responses.create(model="r/chat", input="a", previous_response_id=made.id)


def test_converted_response_when_not_to_be_stored_is_not(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    made = client.responses.create(model="r/chat", input="a", store=False)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("response_id", ["resp_unknown", "..", "x" * 257, "a%2Fb", "é", "resp_1/../../files"])
def test_response_when_unknown_or_malformed_is_404_and_nothing_is_asked(
    method: str, response_id: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    answer = gateway.http.request(method, f"/v1/responses/{response_id}")
    assert answer.status_code == 404
    assert error_of(answer)["code"] in ("response_not_found", "not_found")
    assert len(upstream.seen) == asked
