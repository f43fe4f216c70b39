"""Is a response that is made of chat as whole as the upstream's own, whatever the chat upstream says?"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import ask, chat, chunks
from tests.live import LiveGateway, error_of
from tests.live import events as events_of
from tests.unit.providers.wire.test_chat_to_responses import check, rebuilt


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        shared_gateway.define_at(
            "deepseek", f"{upstream.base}/v1", {"by/chat": ("up-chat", ["chat", "responses"])}, name="by chat"
        )
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize(
    "broken",
    [
        [],
        [{"error": {"message": "no more", "type": "server_error"}}],
        [{"choices": [{"index": 0, "delta": {}, "finish_reason": ["stop"]}]}],
    ],
    ids=["cut", "an error", "nonsense"],
)
def test_converted_stream_when_it_breaks_tells_and_keeps_all_that_it_said(
    broken: list[Any], gateway: LiveGateway, upstream: Vendor
) -> None:
    said = chunks({"reasoning_content": "hm"}, {"content": "Hel"}, {"content": "lo"}, finish=None)[:3]
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*said, *broken)
    *told, done = events_of(ask(gateway, "by/chat", stream=True))
    check(told)
    last = told[-1]
    assert (last["type"], last["response"]["status"], done) == ("response.failed", "failed", "[DONE]")
    assert rebuilt(told) == last["response"]["output"]
    assert last["response"]["output"][1]["content"][0]["text"] == "Hello"
    assert [item.get("status") for item in last["response"]["output"]] == [None, "incomplete"]
    assert gateway.http.get(f"/v1/responses/{last['response']['id']}").json() == last["response"]


@pytest.mark.parametrize(
    "answer",
    [{"choices": {"a": 1}}, {"choices": [{"message": "hi"}]}, {"choices": [{"message": {"tool_calls": [1]}}]}],
)
def test_converted_response_when_the_answer_is_nonsense_is_502(answer: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(answer)
    found = ask(gateway, "by/chat")
    assert (found.status_code, error_of(found)["code"]) == (502, "upstream_invalid_response")


@pytest.mark.parametrize("stream", [False, True])
def test_usage_when_the_upstream_tells_none_is_estimated_and_not_told(
    stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = {**chat({"content": "Hello."}), "usage": None}
    streamed = chunks({"content": "Hel"}, {"content": "lo"})[:-1]
    upstream.answers["/v1/chat/completions"] = lambda seen: events(*streamed, done=True) if stream else said(answer)
    found = ask(gateway, "by/chat", stream=stream)
    response = events_of(found)[-2]["response"] if stream else found.json()
    assert (response["status"], response["usage"]) == ("completed", None)
    (row,) = rows(gateway, request_id=found.headers["x-request-id"])
    assert (row["estimated"], row["input_tokens"] > 0, row["output_tokens"] > 0) == (True, True, True)


def test_reasoning_when_the_vendor_wants_it_back_goes_back_with_the_call(client: OpenAI, upstream: Vendor) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": None, "reasoning_content": "I must look.", "tool_calls": [call]}
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat(message, "tool_calls"))
    tool: Any = {"type": "function", "name": "f", "parameters": {}, "strict": False}
    first = client.responses.create(model="by/chat", input="hi", tools=[tool])
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Done."}))
    output: Any = {"type": "function_call_output", "call_id": "call_1", "output": "1"}
    client.responses.create(model="by/chat", input=[output], previous_response_id=first.id, tools=[tool])
    assert upstream.last.json["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "reasoning_content": "I must look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    ]


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("temperature", "hot", "temperature"),
        ("truncation", 5, "truncation"),
        ("tool_choice", 5, "tool_choice"),
        ("metadata", {"a": 1}, "metadata[...]"),
        ("tools", [{"type": "function"}], "tools[0].name"),
    ],
)
def test_converted_response_when_a_field_has_another_type_is_400_that_names_it(
    field: str, value: Any, param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    found = ask(gateway, "by/chat", **{field: value})
    assert (found.status_code, error_of(found)["param"]) == (400, param)


@pytest.mark.parametrize("done", [True, False])
def test_converted_stream_when_the_upstream_says_nothing_is_502_as_for_chat(
    done: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: events(done=done)
    answers = [ask(gateway, "by/chat", stream=True), gateway.chat("by/chat", stream=True)]
    assert [(answer.status_code, error_of(answer)["code"]) for answer in answers] == [(502, "upstream_empty_stream")] * 2


def test_usage_when_the_upstream_tells_what_it_cached_is_told(gateway: LiveGateway, upstream: Vendor) -> None:
    details = {"cached_tokens": 3, "cache_write_tokens": 2}
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": details}
    upstream.answers["/v1/chat/completions"] = lambda seen: said({**chat({"content": "a"}), "usage": usage})
    assert ask(gateway, "by/chat").json()["usage"]["input_tokens_details"] == details


def test_secrets_of_hosted_tools_are_neither_told_nor_kept(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "a"}))
    policy = {"type": "allowlist", "domain_secrets": [{"domain": "a.example", "value": "sk-nested-canary-1"}]}
    tools = [
        {"type": "shell", "environment": {"type": "container_auto", "network_policy": policy}},
        {"type": "mcp", "server_label": "x", "authorization": "sk-nested-canary-2"},
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"headers": {"type": "object"}}}},
    ]
    more = {"type": "mcp", "server_label": "y", "authorization": "sk-nested-canary-3"}
    brought = [{"type": "additional_tools", "role": "developer", "tools": [more]}]
    for background in (False, True):
        said_now = [*brought, {"role": "user", "content": "hi"}]
        answer = ask(gateway, "by/chat", tools=tools, background=background, input=said_now)
        assert answer.status_code == 200, answer.text
        assert "nested-canary" not in answer.text
        assert answer.json()["tools"][2]["parameters"]["properties"] == {"headers": {"type": "object"}}
        (row,) = gateway.operator.rows("openai_api.StoredResponseRow", {"pk": answer.json()["id"]})
        jobs = gateway.operator.rows("openai_api.JobRow", {"pk": answer.json()["id"]})
        assert len(jobs) == background
        columns = [row["items"], row["body"], *(job["payload"] for job in jobs)]
        kept = [zlib.decompress(ast.literal_eval(column)) for column in columns if column]
        assert kept
        assert b"nested-canary" not in b"".join(kept)
