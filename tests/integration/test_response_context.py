"""Can a conversation that lies at one upstream be continued with another provider's model?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.integration.test_responses import NATIVE, UPSTREAM_ID, chat
from tests.live import LiveGateway, error_of


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"c/native": ("up-native", ["responses"])}, name="context native")
        shared_gateway.define_at("openai", base, {"c/other": ("up-other", ["responses"])}, name="context other")
        shared_gateway.define_at("deepseek", base, {"c/chat": ("up-chat", ["chat", "responses"])}, name="context chat")
        yield upstream


@pytest.fixture(autouse=True)
def _fresh(upstream: Vendor) -> None:
    upstream.answers.clear()
    upstream.seen.clear()


def serve_history(upstream: Vendor, items: list[dict[str, Any]], page: int = 100) -> None:
    """The response with these items before it, some at a time."""

    def listed(seen: Seen) -> Said:
        query = dict(httpx.QueryParams(seen.path.partition("?")[2]))
        assert (query["order"], query["limit"]) == ("asc", "100")
        start = next((place + 1 for place, item in enumerate(items) if item["id"] == query.get("after")), 0)
        data = items[start : start + page]
        return said({"object": "list", "data": data, "last_id": data[-1]["id"], "has_more": start + page < len(items)})

    upstream.answers |= {
        "/v1/responses": lambda seen: said(NATIVE),
        f"/v1/responses/{UPSTREAM_ID}": lambda seen: said(NATIVE),
        f"/v1/responses/{UPSTREAM_ID}/input_items": listed,
    }


LISTED: list[dict[str, Any]] = [
    {"id": "msg_1", "type": "message", "status": "completed", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
    {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "x"},
    {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "f", "arguments": "{}"},
    {"id": "fco_1", "type": "function_call_output", "status": "completed", "call_id": "call_1", "output": "1"},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {}},
]


def continued(gateway: LiveGateway, model: str, **fields: Any) -> httpx.Response:
    first = gateway.http.post("/v1/responses", json={"model": "c/native", "input": "hi"}).json()["id"]
    return gateway.http.post("/v1/responses", json={"model": model, "input": "and?", "previous_response_id": first, **fields})


@pytest.mark.parametrize("page", [1, 2, 100])
def test_context_when_continued_elsewhere_is_carried_over(page: int, gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, LISTED, page)
    answer = continued(gateway, "c/other")
    assert answer.status_code == 200, answer.text
    sent = upstream.last.json
    assert (sent["model"], "previous_response_id" in sent) == ("up-other", False)
    assert [item.get("type") for item in sent["input"]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]
    assert not any("id" in item or "status" in item for item in sent["input"])
    assert sent["input"][3]["content"][0]["text"] == "Hello."
    assert len(upstream.seen) == 3 + -(-len(LISTED) // page)
    assert answer.headers["x-gateway-attempts"] == "1"
    assert answer.json()["previous_response_id"] != UPSTREAM_ID


def test_context_when_continued_by_chat_is_carried_over_and_kept(gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, LISTED)
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "So."}))
    answer = continued(gateway, "c/chat").json()
    expected = [("user", "a"), ("assistant", None), ("tool", "1"), ("assistant", "Hello."), ("user", "and?")]
    assert [(message["role"], message["content"]) for message in upstream.last.json["messages"]] == expected
    again = gateway.http.post("/v1/responses", json={"model": "c/chat", "input": "hi", "previous_response_id": answer["id"]})
    assert again.status_code == 200
    assert len(upstream.last.json["messages"]) == len(expected) + 2


def test_context_when_the_upstream_has_lost_it_is_404(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    answer = continued(gateway, "c/other")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "previous_response_not_found")


def test_context_when_its_upstream_fails_is_that_failure(gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, LISTED)
    upstream.answers[f"/v1/responses/{UPSTREAM_ID}"] = lambda seen: said({"error": {"message": "down"}}, 500)
    answer = continued(gateway, "c/chat")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_server_error")
    assert not [seen for seen in upstream.seen if seen.path == "/v1/chat/completions"]


def test_context_when_it_never_ends_is_400_and_the_asking_does(gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, LISTED)
    endless = {"object": "list", "data": LISTED, "last_id": "x", "has_more": True}
    upstream.answers[f"/v1/responses/{UPSTREAM_ID}/input_items"] = lambda seen: said(endless)
    answer = continued(gateway, "c/other")
    assert (answer.status_code, error_of(answer)["param"]) == (400, "previous_response_id")
    assert len(upstream.seen) == 2 + 50


def test_context_when_at_a_model_that_the_key_may_not_use_is_404(gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, LISTED)
    made = gateway.create_key("one model", "--models", "c/other")
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": True})
    gateway.wait_visible("c/native", key=made["key"])
    headers = gateway.headers(made["key"])
    body = {"model": "c/native", "input": "hi"}
    first = httpx.post(f"{gateway.base_url}/v1/responses", json=body, headers=headers, trust_env=False).json()["id"]
    gateway.operator.update("ClientKey", {"pk": made["id"]}, {"all_models": False})
    assert eventually(lambda: gateway.listed(made["key"]) == {"c/other"}, 5, 0.05)
    body = {"model": "c/other", "input": "hi", "previous_response_id": first}
    answer = httpx.post(f"{gateway.base_url}/v1/responses", json=body, headers=headers, trust_env=False)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "previous_response_not_found")
    assert len(upstream.seen) == 1


def test_context_when_the_upstream_lists_only_its_last_turn_is_carried_over_whole(gateway: LiveGateway, upstream: Vendor) -> None:
    def turn(number: int, previous: str | None) -> dict[str, Any]:
        part = {"type": "output_text", "text": f"answer {number}", "annotations": []}
        item = {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        return {**NATIVE, "id": f"resp_{number}", "output": [item], "previous_response_id": previous}

    turns = [turn(number, f"resp_{number - 1}" if number else None) for number in range(3)]
    for number, response in enumerate(turns):
        content = [{"type": "input_text", "text": f"question {number}"}]
        asked = {"id": f"in_{number}", "type": "message", "role": "user", "content": content}
        upstream.answers[f"/v1/responses/resp_{number}"] = partial(_told, response)
        page = {"object": "list", "data": [asked], "has_more": False}
        upstream.answers[f"/v1/responses/resp_{number}/input_items"] = partial(_told, page)
    upstream.answers["/v1/responses"] = lambda seen: said(turns[2])
    answer = continued(gateway, "c/other")
    assert answer.status_code == 200, answer.text
    sent = [item["content"] for item in upstream.last.json["input"]]
    assert [content if isinstance(content, str) else content[0]["text"] for content in sent] == [
        "question 0", "answer 0", "question 1", "answer 1", "question 2", "answer 2", "and?",
    ]  # fmt: skip
    del upstream.answers["/v1/responses/resp_0"]
    assert continued(gateway, "c/other").status_code == 200
    assert len(upstream.last.json["input"]) == 5


def _told(value: dict[str, Any], seen: Seen) -> Said:
    return said(value)
