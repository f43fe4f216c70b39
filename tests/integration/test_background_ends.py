"""How do responses in the background end that are refused, cancelled, or lose what they need?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import openresponses_types.types as spec
import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_background import CHAT, begin_stream, define, ended, queue, slowly, state, stream_again, text_of
from tests.integration.test_recording import rows
from tests.integration.test_responses import chat
from tests.live import LiveGateway, error_of
from tests.live_fixtures import StartGateway

TYPES = {"mcp": {"type": "mcp", "server_label": "x"}, "search": {"type": "web_search"}}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        define(shared_gateway, upstream)
        yield upstream


# Cancelled


def test_stream_when_cancelled_keeps_what_was_told_and_says_so_at_its_end(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 200, pause=0.02)
    made = begin_stream(gateway)
    assert eventually(lambda: len(stream_heard(gateway, made)) > 20, 5, 0.1)
    answer = gateway.http.post(f"/v1/responses/{made}/cancel").json()
    spec.ResponseResource.model_validate(answer)
    assert (answer["status"], answer["output"][0]["status"]) == ("cancelled", "incomplete")
    assert set(text_of(answer)) == {"x"}
    assert answer == state(gateway, made)
    *told, last, done = stream_again(gateway, made)
    assert (last["type"], last["response"], done) == ("response.cancelled", answer, "[DONE]")
    assert all(two["sequence_number"] == one["sequence_number"] + 1 for one, two in pairwise([*told, last]))
    assert "".join(event.get("delta", "") for event in told) == text_of(answer)
    (row,) = rows(gateway, made)
    assert (row["status"], row["client_aborted"]) == (499, True)


def stream_heard(gateway: LiveGateway, response_id: str) -> list[bytes]:
    """What is kept of its events."""
    found = gateway.operator.rows("openai_api.JobEventsRow", {"job_id": response_id})
    return [row["frames"] for row in found for _ in range(row["last"] - row["first"] + 1)]


def test_stream_when_cancelled_while_it_is_heard_ends_for_who_listens(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: slowly(*["x"] * 200, pause=0.02)
    fields = {"model": "b/chat", "input": "hi", "background": True, "stream": True}
    kinds: list[str] = []
    made = ""
    with gateway.http.stream("POST", "/v1/responses", json=fields) as answer:
        for line in answer.iter_lines():
            if line.startswith("event:"):
                kinds.append(line[6:].strip())
            if line.startswith("data:") and len(kinds) == 1:
                made = line.split('"id":"resp_', 1)[1].split('"', 1)[0]
            if len(kinds) == 10:
                gateway.http.post(f"/v1/responses/resp_{made}/cancel")
    assert kinds[-1] == "response.cancelled"


# Refused at once


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "headers", "param"),
    [
        ({"input": [{"type": "computer_use"}]}, {}, "input[0]"),
        ({"conversation": "conv_1"}, {}, "conversation"),
        ({"tools": [TYPES["search"]]}, {"x-gateway-strict": "1"}, "tools[0] (web_search)"),
    ],
)
def test_request_when_no_target_can_make_it_is_400_at_once(
    stream: bool, fields: dict[str, Any], headers: dict[str, str], param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    body = {"model": "b/chat", "input": "hi", "background": True, "stream": stream, **fields}
    answer = gateway.http.post("/v1/responses", json=body, headers=headers)
    assert (answer.status_code, error_of(answer)["param"]) == (400, param)
    assert len(upstream.seen) == asked


def test_request_when_it_cannot_be_made_names_the_place_in_the_request_as_it_was_sent(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[CHAT] = lambda seen: said(chat({"content": "Hello."}))
    first = gateway.http.post("/v1/responses", json={"model": "b/chat", "input": "hi"}).json()["id"]
    body = {"model": "b/chat", "input": [{"role": "nobody"}], "background": True, "previous_response_id": first}
    answer = gateway.http.post("/v1/responses", json=body)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input[0].role")


def test_request_when_something_is_left_out_is_told_so_at_once(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: said(chat({"content": "Hello."}))
    body = {"model": "b/chat", "input": "hi", "background": True, "tools": [TYPES["search"]]}
    answer = gateway.http.post("/v1/responses", json=body)
    assert (answer.status_code, answer.headers["x-gateway-lossy"]) == (200, "tools[0] (web_search)")
    assert ended(gateway, answer.json()["id"])["status"] == "completed"
    assert "x-gateway-lossy" not in gateway.http.post("/v1/responses", json={**body, "tools": []}).headers


# Without what the request brought


def test_response_when_its_credentials_came_with_it_fails_at_a_restart(start_gateway: StartGateway) -> None:
    gateway = start_gateway(GATEWAY_DRAIN_S="0.3")
    with vendor({CHAT: lambda seen: slowly(*["x"] * 400, pause=0.05)}) as upstream:
        brought = {"name": "brought", "type": "deepseek", "api_base": f"{upstream.base}/v1", "dynamic": "mine"}
        gateway.operator.define([brought], [])
        gateway.define_models({"b/chat": [{"upstream_model": "up", "provider": "brought"}]}, capabilities=["chat", "responses"])
        secrets: Any = {"tensorzero::credentials": {"mine": "sk-brought-canary-5d1e"}}
        made = queue(gateway, **secrets)["id"]
        assert eventually(lambda: len(upstream.seen) == 1, 5)
        gateway.restart()
        found = ended(gateway, made)
    assert found["status"] == "failed"
    assert "credentials" in found["error"]["message"]
    assert len(upstream.seen) == 1
    assert "sk-brought-canary" not in gateway.settled_log()
