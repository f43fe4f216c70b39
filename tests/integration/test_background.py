"""Are responses made in the background, whoever leaves, and do they end when a worker is told to end, or is killed?"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import openresponses_types.types as spec
import psycopg
import pytest
from openai import OpenAI

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.integration.test_responses import NATIVE, chat, chunks, native_events
from tests.integration.test_workers import workers
from tests.live import LiveGateway, environment, error_of, migrate
from tests.live import events as events_of
from tests.live_fixtures import StartGateway

CHAT = "/v1/chat/completions"
WORDS = ["Hel", "lo ", "wor", "ld."]
ENDED_WITHIN_S = 5.0
LOST_WITHIN_S = 20.0
"""A lease of 10 s and a sweep of 2 s, and time to start a server."""


def define(gateway: LiveGateway, upstream: Vendor) -> None:
    base = f"{upstream.base}/v1"
    gateway.define_at("deepseek", base, {"b/chat": ("up-chat", ["chat", "responses"])}, name="chat only, slowly")
    gateway.define_at("groq", base, {"b/forgetful": ("up-forgetful", ["responses"])}, name="forgetful, slowly")


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def slowly(*deltas: str, pause: float = 0.0, cut: bool = False) -> Said:
    """A chat stream of these texts."""
    values = chunks({"role": "assistant"}, *({"content": text} for text in deltas))
    return Said(
        content_type="text/event-stream",
        chunks=[b"data: " + json.dumps(value).encode() + b"\n\n" for value in values] + [b"data: [DONE]\n\n"],
        pause=pause,
        cut=cut,
    )


def late(value: Any, seconds: float) -> Any:
    def answer(seen: Seen) -> Said:
        time.sleep(seconds)
        return said(value)

    return answer


def queue(gateway: LiveGateway, model: str = "b/chat", **fields: Any) -> dict[str, Any]:
    answer = gateway.http.post("/v1/responses", json={"model": model, "input": "hi", "background": True, **fields})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def state(gateway: LiveGateway, response_id: str) -> dict[str, Any]:
    answer = gateway.http.get(f"/v1/responses/{response_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(gateway: LiveGateway, response_id: str, within: float = ENDED_WITHIN_S) -> dict[str, Any]:
    """The response once it has ended."""
    assert eventually(lambda: state(gateway, response_id)["status"] not in ("queued", "in_progress"), within, 0.05)
    return state(gateway, response_id)


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


def stream_again(gateway: LiveGateway, response_id: str, **query: str) -> list[Any]:
    answer = gateway.http.get(f"/v1/responses/{response_id}", params={"stream": "true", **query})
    assert answer.status_code == 200, answer.text
    return events_of(answer)


def test_response_in_the_background_is_queued_then_made_then_completed(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers[CHAT] = late(chat({"content": "Hello."}), 1.5)
    made = client.responses.create(model="b/chat", input="hi", background=True, metadata={"a": "b"})
    spec.ResponseResource.model_validate(made.to_dict())
    assert (made.status, made.background) == ("queued", True)
    assert eventually(lambda: client.responses.retrieve(made.id).status == "in_progress", 1.4, 0.02)
    assert eventually(lambda: client.responses.retrieve(made.id).status == "completed", ENDED_WITHIN_S, 0.05)
    found = client.responses.retrieve(made.id)
    spec.ResponseResource.model_validate(found.to_dict())
    assert (found.output_text, found.background, found.id, found.created_at) == ("Hello.", True, made.id, made.created_at)
    assert found.metadata == {"a": "b"}
    assert found.usage is not None
    assert found.usage.total_tokens == 7
    assert "background" not in upstream.last.json
    second = client.responses.create(model="b/chat", input="again", previous_response_id=made.id)
    assert [message["content"] for message in upstream.last.json["messages"]] == ["hi", "Hello.", "again"]
    assert second.previous_response_id == made.id


def test_forgetful_upstream_when_asked_in_the_background_does_not_hear_of_it(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    found = ended(gateway, queue(gateway, "b/forgetful")["id"])
    assert (found["status"], found["background"], text_of(found)) == ("completed", True, "Hello.")
    assert "background" not in upstream.last.json
    assert found["unknown"] == {"kept": [1.50]}


@pytest.mark.parametrize("model", ["b/chat", "b/forgetful"])
def test_stream_in_the_background_is_one_series_of_events_also_when_resumed(
    model: str, client: OpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS, pause=0.05)
    upstream.answers["/v1/responses"] = lambda seen: native_stream(pause=0.05)
    seen: list[Any] = []
    with client.responses.create(model=model, input="hi", background=True, stream=True) as stream:
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    made = seen[0].response.id
    rest = list(client.responses.retrieve(made, stream=True, starting_after=seen[-1].sequence_number))
    told = [event.to_dict() for event in [*seen, *rest]]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    kinds = [event["type"] for event in told]
    assert kinds[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert all(event["response"]["background"] is True for event in told if "response" in event)
    assert {event["response"]["id"] for event in told if "response" in event} == {made}
    again = stream_again(gateway, made)
    assert again == [*told, "[DONE]"]
    assert told[-1]["response"] == state(gateway, made)


def native_stream(pause: float) -> Said:
    frames = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in native_events()]
    return Said(content_type="text/event-stream", chunks=frames, pause=pause)


def test_response_when_its_client_has_left_is_made_all_the_same_and_counted_once(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS, pause=0.1)
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": True}
    with gateway.http.stream("POST", "/v1/responses", json=fields) as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data:"))
        made = json.loads(line[5:])["response"]["id"]
    found = ended(gateway, made)
    assert (found["status"], text_of(found)) == ("completed", "Hello world.")
    assert eventually(lambda: rows_of(gateway, made) != [], 3, 0.05)
    (row,) = rows_of(gateway, made)
    assert (row["status"], row["path"], row["input_tokens"], row["output_tokens"]) == (200, "/v1/responses (background)", 3, 4)
    assert (row["client_name"], row["model"], row["provider"]) == ("tests", "b/chat", "chat only, slowly")


def rows_of(gateway: LiveGateway, response_id: str) -> list[dict[str, Any]]:
    return gateway.operator.rows("openai_api.UsageRecord", {"request_id": response_id})


@pytest.mark.parametrize("stream", [False, True])
def test_response_when_cancelled_closes_the_upstream_and_stays_so(stream: bool, gateway: LiveGateway, upstream: Vendor) -> None:
    broken = upstream.broken
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 200, pause=0.05)
    if stream:
        with gateway.http.stream(
            "POST", "/v1/responses", json={"model": "b/chat", "input": "hi", "background": True, "stream": True}
        ) as answer:
            line = next(line for line in answer.iter_lines() if line.startswith("data:"))
        made = json.loads(line[5:])["response"]["id"]
    else:
        upstream.answers[CHAT] = lambda seen: Said(content_type="application/json", chunks=[b" "] * 200, pause=0.05)
        made = queue(gateway)["id"]
    assert eventually(lambda: state(gateway, made)["status"] == "in_progress", 2, 0.05)
    for _ in range(2):
        answer = gateway.http.post(f"/v1/responses/{made}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert eventually(lambda: upstream.broken > broken, 2, 0.02)
    assert state(gateway, made)["status"] == "cancelled"
    spec.ResponseResource.model_validate(state(gateway, made))
    if stream:
        assert stream_again(gateway, made)[-1] == "[DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_response_when_its_upstream_fails_says_why(stream: bool, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: said({"error": {"message": "No such thing.", "code": "odd"}}, 400)
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": stream}
    answer = gateway.http.post("/v1/responses", json=fields)
    made = events_of(answer)[0]["response"]["id"] if stream else answer.json()["id"]
    found = ended(gateway, made)
    spec.ResponseResource.model_validate(found)
    assert (found["status"], found["error"]) == ("failed", {"code": "odd", "message": "No such thing."})
    if stream:
        *_, last, done = stream_again(gateway, made)
        assert (last["type"], last["response"], done) == ("response.failed", found, "[DONE]")


def test_stream_when_cut_upstream_ends_as_failed(gateway: LiveGateway, upstream: Vendor) -> None:
    def cut(seen: Seen) -> Said:
        whole = slowly(*WORDS)
        assert whole.chunks
        return Said(content_type="text/event-stream", chunks=whole.chunks[:3], cut=True)

    upstream.answers[CHAT] = cut
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": True}
    *told, last, done = events_of(gateway.http.post("/v1/responses", json=fields))
    assert (last["type"], last["response"]["status"], done) == ("response.failed", "failed", "[DONE]")
    assert state(gateway, told[0]["response"]["id"]) == last["response"]


def test_response_when_deleted_in_the_making_is_gone(gateway: LiveGateway, upstream: Vendor) -> None:
    broken = upstream.broken
    upstream.answers[CHAT] = lambda seen: Said(content_type="application/json", chunks=[b" "] * 200, pause=0.05)
    made = queue(gateway)["id"]
    assert gateway.http.delete(f"/v1/responses/{made}").json()["deleted"] is True
    assert eventually(lambda: upstream.broken > broken, 2, 0.02)
    assert gateway.http.get(f"/v1/responses/{made}").status_code == 404


# Bad input


def test_response_in_the_making_is_nobody_elses_and_nothing_to_go_on_from(gateway: LiveGateway, upstream: Vendor) -> None:
    key = gateway.create_key("another, in the background")["key"]
    gateway.wait_visible("b/chat", key=key)
    upstream.answers[CHAT] = late(chat({"content": "Hello."}), 1.0)
    made = queue(gateway)["id"]
    with httpx.Client(base_url=gateway.base_url, headers=gateway.headers(key), trust_env=False) as other:
        for method, path in [("GET", ""), ("GET", "?stream=true"), ("POST", "/cancel"), ("DELETE", "")]:
            answer = other.request(method, f"/v1/responses/{made}{path}")
            assert (answer.status_code, error_of(answer)["code"]) == (404, "response_not_found")
    fields = {"model": "b/chat", "input": "on", "previous_response_id": made}
    answer = gateway.http.post("/v1/responses", json=fields)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "previous_response_id")
    assert ended(gateway, made)["status"] == "completed"


@pytest.mark.parametrize(
    ("query", "param"),
    [({"starting_after": "x"}, "starting_after"), ({"starting_after": "-2"}, "starting_after"), ({}, "stream")],
)
def test_stream_when_asked_for_wrongly_is_400(query: dict[str, str], param: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS) if seen.json.get("stream") else said(chat({"content": "Hello."}))
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": param == "starting_after"}
    answer = gateway.http.post("/v1/responses", json=fields)
    made = events_of(answer)[0]["response"]["id"] if fields["stream"] else answer.json()["id"]
    answer = gateway.http.get(f"/v1/responses/{made}", params={"stream": "true", **query})
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)
    ended(gateway, made)


@pytest.mark.parametrize("fields", [{"tools": 7}, {"input": 7}, {"text": "x"}, {"store": False}])
def test_request_in_the_background_when_bad_is_400(fields: dict[str, Any], gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/responses", json={"model": "b/chat", "input": "hi", "background": True, **fields})
    assert answer.status_code == 400, answer.text


# Restarts


@pytest.fixture(scope="module")
def postgres_settings(postgres_url: str, worker_id: str) -> Iterator[dict[str, str]]:
    """A fresh database, dropped afterwards."""
    name = f"signalbox_background_{worker_id}_{time.time_ns()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield {"DATABASE_URL": urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))}
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def two_workers(
    request: pytest.FixtureRequest, shared_chaos: Chaos, start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveGateway, Vendor]]:
    """A gateway of two workers and its upstream."""
    with vendor({}) as upstream:
        if request.param == "sqlite":
            gateway = start_gateway(workers=2, GATEWAY_DRAIN_S="0.5")
            define(gateway, upstream)
            yield gateway, upstream
            return
        directory = tmp_path_factory.mktemp("background")
        variables = {**request.getfixturevalue("postgres_settings"), "GATEWAY_DRAIN_S": "0.5"}
        migrate(environment(directory, **variables))
        with LiveGateway(directory, shared_chaos, workers=2, **variables) as gateway:
            define(gateway, upstream)
            yield gateway, upstream


in_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker processes in /proc")


@in_proc
def test_response_when_its_worker_is_killed_has_failed_and_when_the_server_ends_is_made_anew(
    two_workers: tuple[LiveGateway, Vendor],
) -> None:
    gateway, upstream = two_workers
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 400, pause=0.1)
    made = begin_stream(gateway)
    for pid in workers(gateway):
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: _served(gateway), 10, 0.1)
    found = ended(gateway, made, LOST_WITHIN_S)
    assert (found["status"], found["error"]["message"]) == ("failed", "The worker process that generated this response was lost.")
    told = stream_again(gateway, made)
    assert [event["type"] for event in told[-2:-1]] == ["response.failed"]
    assert all(two["sequence_number"] == one["sequence_number"] + 1 for one, two in pairwise(told[:-1]))
    gateway.check(expected="worker died: starting another")

    made = begin_stream(gateway)
    gateway.restart()
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS)
    found = ended(gateway, made, LOST_WITHIN_S)
    assert (found["status"], text_of(found)) == ("completed", "Hello world.")
    told = stream_again(gateway, made)[:-1]
    assert told[0]["type"] == "response.created"
    assert told[0]["sequence_number"] > 2
    assert "".join(event.get("delta", "") for event in told) == "Hello world."


def begin_stream(gateway: LiveGateway) -> str:
    """A response that has begun, and whose client has left."""
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": True}
    with gateway.http.stream("POST", "/v1/responses", json=fields) as answer:
        lines = (json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:"))
        made: str = next(lines)["response"]["id"]
        next(event for event in lines if event["type"] == "response.output_text.delta")
    return made


def _served(gateway: LiveGateway) -> bool:
    try:
        return httpx.get(f"{gateway.base_url}/readyz", trust_env=False, timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def test_response_when_it_has_expired_is_gone_and_its_rows_soon_are(two_workers: tuple[LiveGateway, Vendor]) -> None:
    gateway, upstream = two_workers
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS)
    made = begin_stream(gateway)
    ended(gateway, made)
    past = {"expires_at": "2001-01-01T00:00:00Z"}
    assert gateway.operator.update("openai_api.StoredResponseRow", {"pk": made}, past) == 1
    assert gateway.http.get(f"/v1/responses/{made}").status_code == 404
    fields = {"model": "b/chat", "input": "on", "previous_response_id": made}
    assert gateway.http.post("/v1/responses", json=fields).status_code == 400
    gateway.restart()
    left = {f"openai_api.{name}": {"pk": made} for name in ("StoredResponseRow", "JobRow")}
    left["openai_api.JobEventsRow"] = {"job_id": made}
    assert eventually(lambda: all(gateway.operator.rows(*row) == [] for row in left.items()), 6, 0.1)


def test_response_when_another_worker_makes_it_is_followed_and_cancelled_from_here(
    two_workers: tuple[LiveGateway, Vendor],
) -> None:
    gateway, upstream = two_workers
    upstream.answers[CHAT] = lambda seen: slowly(*WORDS, pause=0.2)
    whole = [_followed_anew(gateway, begin_stream(gateway)) for _ in range(4)]  # whichever worker answers
    assert {text for _, text in whole} == {"Hello world."}
    broken = upstream.broken
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 400, pause=0.05)
    for _ in range(4):
        made = begin_stream(gateway)
        answer = httpx.post(
            f"{gateway.base_url}/v1/responses/{made}/cancel", headers=gateway.headers(), trust_env=False, timeout=5
        )
        assert answer.json()["status"] == "cancelled"
    assert eventually(lambda: upstream.broken == broken + 4, 3, 0.05)


def _followed_anew(gateway: LiveGateway, made: str) -> tuple[list[int], str]:
    """The numbers and the text of a stream that is asked for over a connection of its own."""
    url = f"{gateway.base_url}/v1/responses/{made}"
    answer = httpx.get(url, params={"stream": "true"}, headers=gateway.headers(), trust_env=False, timeout=10)
    told = [event for event in events_of(answer) if event != "[DONE]"]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    return [event["sequence_number"] for event in told], "".join(event.get("delta", "") for event in told)
