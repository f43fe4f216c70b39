"""Are tokens counted and conversations compacted with upstreams that can, that cannot, and that have chat only?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openresponses_types.types as spec
import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_response_context import serve_history
from tests.integration.test_responses import CALL, NATIVE, UPSTREAM_ID, chat
from tests.live import LiveGateway, error_of

COUNT, COMPACT = "/v1/responses/input_tokens", "/v1/responses/compact"
COUNTED = {"object": "response.input_tokens", "input_tokens": 11, "unknown": 1}
USAGE = {"input_tokens": 139, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 438,
         "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 577}  # fmt: skip
USERS = {"id": "msg_000", "type": "message", "status": "completed", "role": "user", "content": [
    {"type": "input_text", "text": "Create a page."}]}  # fmt: skip
FOREIGN = {"id": "cmp_001", "type": "compaction", "encrypted_content": "gAAAAABpM0Yj-foreign"}
COMPACTED = {
    "id": "resp_001",
    "object": "response.compaction",
    "created_at": 1764967971,
    "output": [USERS, FOREIGN],
    "usage": USAGE,
    "unknown": [1],
}
"""OpenAI's own example, with a field that nobody knows."""
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "My cat is called Tom."},
    {"role": "assistant", "content": "A fine name."},
    {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
    {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    {"role": "user", "content": [{"type": "input_text", "text": "Go on."}]},
]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"a/native": ("up-native", ["responses"])}, name="actions native")
        shared_gateway.define_at("deepseek", base, {"a/chat": ("up-chat", ["chat", "responses"])}, name="actions chat")
        yield upstream


@pytest.fixture(autouse=True)
def _fresh(upstream: Vendor) -> None:
    upstream.answers.clear()
    upstream.seen.clear()


def ask(gateway: LiveGateway, path: str, model: str, **fields: Any) -> httpx.Response:
    return gateway.http.post(path, json={"model": model, "input": "hi", **fields})


def row_of(gateway: LiveGateway, answer: httpx.Response) -> dict[str, Any]:
    gateway.check_rows()
    (row,) = gateway.operator.rows("openai_api.UsageRecord", {"request_id": answer.headers["x-request-id"]})
    return row


# Tokens


def test_count_when_the_upstream_counts_is_its_own(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[COUNT] = lambda seen: said(COUNTED)
    answer = ask(gateway, COUNT, "a/native", instructions="be kind", unknown=[1.50])
    assert (answer.status_code, answer.json()) == (200, COUNTED)
    assert "x-gateway-estimated" not in answer.headers
    assert upstream.last.json == {"model": "up-native", "input": "hi", "instructions": "be kind", "unknown": [1.50]}
    row = row_of(gateway, answer)
    assert (row["model"], row["provider"], row["input_tokens"]) == ("a/native", "actions native", None)


def test_count_when_it_continues_names_the_upstreams_response(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers |= {"/v1/responses": lambda seen: said(NATIVE), COUNT: lambda seen: said(COUNTED)}
    first = gateway.http.post("/v1/responses", json={"model": "a/native", "input": "hi"}).json()["id"]
    assert ask(gateway, COUNT, "a/native", previous_response_id=first).json() == COUNTED
    assert upstream.last.json["previous_response_id"] == UPSTREAM_ID


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("model", ["a/native", "a/chat"])
def test_count_when_nobody_counts_is_estimated(model: str, status: int, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[COUNT] = lambda seen: said({"detail": "Not Found"}, status)
    short = ask(gateway, COUNT, model)
    long = ask(gateway, COUNT, model, input="hi" * 2000)
    picture = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 40000}
    shown = ask(gateway, COUNT, model, input=[{"role": "user", "content": [picture]}])
    assert all(answer.headers["x-gateway-estimated"] == "1" for answer in (short, long, shown))
    tokens = [answer.json()["input_tokens"] for answer in (short, long, shown)]
    assert 0 < tokens[0] < 30
    assert 1000 <= tokens[1] < 1030
    assert tokens[2] < 60
    assert set(short.json()) == {"object", "input_tokens"}
    assert all(seen.path == COUNT for seen in upstream.seen)


def test_count_when_the_upstream_has_what_went_before_but_no_count_takes_it_in(gateway: LiveGateway, upstream: Vendor) -> None:
    serve_history(upstream, [{"id": "msg_0", "type": "message", "role": "user", "content": "x" * 4000}])
    first = gateway.http.post("/v1/responses", json={"model": "a/native", "input": "hi"}).json()["id"]
    answer = ask(gateway, COUNT, "a/native", previous_response_id=first)
    assert answer.json()["input_tokens"] > 1000


def test_count_when_the_model_is_unknown_upstream_is_502_and_no_estimate(gateway: LiveGateway, upstream: Vendor) -> None:
    error = {"message": "no such model", "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    upstream.answers[COUNT] = lambda seen: said({"error": error}, 404)
    answer = ask(gateway, COUNT, "a/native")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_model_not_found")


def test_count_when_of_a_conversation_needs_no_model(gateway: LiveGateway, upstream: Vendor) -> None:
    gateway.define_at("openai", f"{upstream.base}/v1", {"gpt-4-responses": ("up", ["responses"])}, name="actions default")
    upstream.answers[COUNT] = lambda seen: said(COUNTED)
    answer = gateway.http.post(COUNT, json={"conversation": "conv_1"})
    assert answer.json() == COUNTED
    assert upstream.last.json == {"conversation": "conv_1"}


# Compaction


def test_compaction_when_the_upstream_makes_it_is_its_own(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[COMPACT] = lambda seen: said(COMPACTED)
    answer = ask(gateway, COMPACT, "a/native", input=[*TALK, FOREIGN], instructions="be kind")
    assert (answer.status_code, answer.json()) == (200, COMPACTED)
    assert upstream.last.json == {"model": "up-native", "input": [*TALK, FOREIGN], "instructions": "be kind"}
    row = row_of(gateway, answer)
    assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (139, 438, False)


def compacted(gateway: LiveGateway, upstream: Vendor, **fields: Any) -> httpx.Response:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "The cat is Tom."}))
    return ask(gateway, COMPACT, "a/chat", **{"input": TALK, **fields})


def test_compaction_when_converted_is_the_users_words_and_a_sealed_summary(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = compacted(gateway, upstream, instructions="be kind", unknown=1)
    found = answer.json()
    spec.CompactResource.model_validate(found)
    *users, item = found["output"]
    assert [part["text"] for message in users for part in message["content"]] == ["My cat is called Tom.", "Go on."]
    assert set(item) == {"id", "type", "encrypted_content"}
    assert "Tom" not in item["encrypted_content"]
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (3, 4)
    assert answer.headers["x-gateway-lossy"] == "unknown"
    sent = upstream.last.json
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "user", "user"]
    assert (sent["model"], "stream" in sent, "tools" in sent) == ("up-chat", False, False)
    row = row_of(gateway, answer)
    assert (row["input_tokens"], row["output_tokens"], row["tries"]) == (3, 4, 1)


@pytest.mark.parametrize("model", ["a/chat", "a/native"])
def test_compaction_of_ours_when_sent_back_is_read_by_any_upstream(model: str, gateway: LiveGateway, upstream: Vendor) -> None:
    window = compacted(gateway, upstream).json()["output"]
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    now = {"role": "user", "content": "What is my cat called?"}
    answer = ask(gateway, "/v1/responses", model, input=[*window, now])
    assert answer.status_code == 200, answer.text
    sent = upstream.last.json
    messages = sent["messages"] if model == "a/chat" else sent["input"]
    texts = [text if isinstance(text := message["content"], str) else text[0]["text"] for message in messages]
    assert texts[:2] == ["My cat is called Tom.", "Go on."]
    assert texts[2].startswith("Summary of the conversation so far")
    assert texts[2].endswith("The cat is Tom.")
    assert texts[3] == "What is my cat called?"
    assert "encrypted_content" not in upstream.last.body.decode()
    if model == "a/chat":
        again = ask(gateway, "/v1/responses", model, input="And?", previous_response_id=answer.json()["id"])
        assert again.status_code == 200
        assert "The cat is Tom." in upstream.last.body.decode()


def test_compaction_of_ours_when_sent_in_the_background_is_read(gateway: LiveGateway, upstream: Vendor) -> None:
    window = compacted(gateway, upstream).json()["output"]
    made = ask(gateway, "/v1/responses", "a/chat", input=window, background=True).json()
    place = f"/v1/responses/{made['id']}"
    assert eventually(lambda: gateway.http.get(place).json()["status"] == "completed", 5, 0.05)
    assert "The cat is Tom." in upstream.last.body.decode()


def test_compaction_when_compacted_again_is_in_the_new_summary_alone(gateway: LiveGateway, upstream: Vendor) -> None:
    window = compacted(gateway, upstream).json()["output"]
    again = compacted(gateway, upstream, input=window).json()["output"]
    assert [item["type"] for item in again] == ["message", "message", "compaction"]
    assert "The cat is Tom." in upstream.last.body.decode()


def test_compaction_when_it_continues_a_response_holds_what_was_said_there(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    first = ask(gateway, "/v1/responses", "a/chat", input="My name is Ann.").json()["id"]
    users = compacted(gateway, upstream, input="Bye.", previous_response_id=first).json()["output"][:-1]
    assert [message["content"][0]["text"] for message in users] == ["My name is Ann.", "Bye."]


def test_compaction_when_the_upstream_has_responses_but_no_compaction_is_made_of_one(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    answer = ask(gateway, COMPACT, "a/native", input=TALK, tools=[{"type": "function", "name": "f"}])
    found = answer.json()
    spec.CompactResource.model_validate(found)
    assert [item["type"] for item in found["output"]] == ["message", "message", "compaction"]
    assert found["usage"]["total_tokens"] == 7
    sent = upstream.last.json
    assert (sent["model"], sent["store"], sent["tool_choice"], len(sent["input"])) == ("up-native", False, "none", len(TALK) + 1)
    assert [seen.path for seen in upstream.seen] == [COMPACT, "/v1/responses"]


def test_compaction_when_nobody_told_its_tokens_says_that_they_are_a_guess(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}) | {"usage": None})
    answer = ask(gateway, COMPACT, "a/chat")
    assert answer.json()["usage"]["input_tokens"] > 100
    assert answer.headers["x-gateway-estimated"] == "1"
    assert row_of(gateway, answer)["input_tokens"] is None


def test_compaction_when_the_model_says_nothing_is_502(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": None, "tool_calls": [CALL]}, "tool_calls"))
    answer = ask(gateway, COMPACT, "a/chat")
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


# Bad input


@pytest.mark.parametrize("path", [COUNT, COMPACT])
@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": ""}, 400, "model"),
        ({"model": "a/unknown"}, 404, "model"),
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, 400, "previous_response_id"),
        ({"previous_response_id": "resp_unknown"}, 400, "previous_response_id"),
        ({"previous_response_id": "../files"}, 400, "previous_response_id"),
        ({"conversation": "conv_1"}, 400, "conversation"),
        ({"input": 7}, 400, "input"),
        ({"input": [7]}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": [{"type": "telepathy"}]}, 400, "input[0]"),
        ({"input": [{"type": "reasoning", "summary": 7}]}, 400, "input[0]"),
        ({"tools": 7}, 400, "tools"),
        ({"input": [TALK[0], FOREIGN]}, 400, "input[1]"),
        ({"input": [{"type": "compaction", "encrypted_content": 7}]}, 400, "input[0]"),
    ],
)
def test_request_when_bad_is_refused_and_nothing_is_asked(
    path: str, fields: dict[str, Any], status: int, param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = ask(gateway, path, **{"model": "a/chat", **fields})
    assert answer.status_code == status, answer.text
    assert (error_of(answer)["param"] or "").partition("[")[0] == param.partition("[")[0]
    assert upstream.seen == []


@pytest.mark.parametrize("path", ["/v1/responses", COUNT, COMPACT])
@pytest.mark.parametrize("model", ["a/chat", "a/native"])
@pytest.mark.parametrize("spoiled", ["another key's", "changed", "cut", "empty"])
def test_compaction_when_it_cannot_be_opened_is_400_with_its_place(
    spoiled: str, model: str, path: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    content = compacted(gateway, upstream).json()["output"][-1]["encrypted_content"]
    upstream.seen.clear()
    headers = gateway.headers()
    if spoiled == "another key's":
        key = gateway.create_key(f"other {path} {model}")["key"]
        gateway.wait_visible(model, key=key)
        headers = gateway.headers(key)
    changed = {
        "changed": content[:-6] + ("AAAAAA" if content[-6:] != "AAAAAA" else "BBBBBB"),
        "cut": content[:-3],
        "empty": content[:12],
    }
    item = {"type": "compaction", "encrypted_content": changed.get(spoiled, content)}
    body = {"model": model, "input": [{"role": "user", "content": "a"}, item]}
    answer = httpx.post(gateway.base_url + path, json=body, headers=headers, trust_env=False)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input[1]")
    assert upstream.seen == []
