"""Do Anthropic's paths give its clients what Anthropic itself would, with an upstream of the same format?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from tests.fakes.messages import HELLO, THOUGHT, USAGE, call, failed, message, read, stream, told
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.live import LiveGateway

PATH, COUNT = "/v1/messages", "/v1/messages/count_tokens"
VERSION = {"anthropic-version": "2023-06-01"}
BETAS = "claude-code-20250219,advanced-tool-use-2025-11-20,x-nobody-knows"
UPSTREAM_LIMITS = {"anthropic-ratelimit-requests-remaining": "1", "anthropic-organization-id": "org"}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        able = ("claude-up", ["chat"])
        for kind, path, more in (
            ("anthropic", "", {}),
            ("azure_anthropic", "/anthropic", {}),
            ("bedrock_mantle", "/mantle", {}),
            ("vertex_anthropic", "/vertex", {"options": {"project": "p", "location": "eu"}}),
        ):
            models = {f"messages/{kind}": able}
            shared_gateway.define_at(kind, f"{upstream.base}{path}", models, name=f"messages {kind}", **more)
        beta = {"extra_headers": {"Anthropic-Beta": "context-1m-2025-08-07", "x-own": "1", "anthropic-version": "2026-10-21"}}
        shared_gateway.define_at("anthropic", upstream.base, {"messages/beta": able}, name="messages beta", **beta)
        dated = {"options": {"api_version": "2026-10-21"}}
        shared_gateway.define_at("anthropic", upstream.base, {"messages/dated": able}, name="messages dated", **dated)
        yield upstream


def body(model: str = "messages/anthropic", **fields: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Hi."}], **fields}


def ask(gateway: LiveGateway, path: str = PATH, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return gateway.http.post(path, json=body(**fields), headers={**VERSION, **(headers or {})})


def error_of(answer: httpx.Response) -> tuple[int, str, str]:
    """The status, the type and the message of an error, which must be as Anthropic has it."""
    value = answer.json()
    assert list(value) == ["type", "error", "request_id"]
    assert (value["type"], value["request_id"]) == ("error", answer.headers["request-id"])
    assert answer.headers["content-length"] == str(len(answer.content))
    return answer.status_code, value["error"]["type"], value["error"]["message"]


def _same(answer: Said, seen: Seen) -> Said:
    return answer


def test_message_when_the_upstream_has_the_format_then_only_the_model_differs(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[PATH] = lambda seen: Said(json.dumps(message(THOUGHT, HELLO)).encode(), headers=UPSTREAM_LIMITS)
    unknown = {"x_unknown": {"a": [1.5]}, "context_management": {"edits": []}, "metadata": {"user_id": '{"device_id":"d"}'}}
    answer = ask(gateway, f"{PATH}?beta=true", {"anthropic-beta": BETAS, "x-app": "cli"}, max_tokens=0, **unknown)
    assert answer.json() == message(THOUGHT, HELLO, model="messages/anthropic")
    sent = upstream.last
    assert sent.json == body("claude-up", max_tokens=0, **unknown)
    assert (sent.path, sent.headers["anthropic-beta"], sent.headers["anthropic-version"]) == (PATH, BETAS, "2023-06-01")
    assert "authorization" not in sent.headers
    assert "x-app" not in sent.headers
    assert not [name for name in answer.headers if name.startswith("anthropic-")]
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert "x-gateway-lossy" not in answer.headers
    (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
    counted = [row[name] for name in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")]
    assert counted == [10, 3, 7, 4]


def test_stream_when_the_upstream_has_the_format_then_all_its_events_come(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[PATH] = lambda seen: stream(THOUGHT, HELLO, call(1, a=1))
    answer = ask(gateway, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    expected = events(*told(THOUGHT, HELLO, call(1, a=1), model="messages/anthropic"), names=True)
    assert answer.text.replace(" ", "") == b"".join(expected.chunks or ()).decode().replace(" ", "")
    (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"]) == (10, USAGE["output_tokens"], 3)


@pytest.mark.parametrize(
    ("model", "headers", "version", "sampled"),
    [
        ("messages/anthropic", {}, "2023-06-01", True),
        ("messages/dated", {}, "2026-10-21", False),
        ("messages/dated", VERSION, "2023-06-01", True),
        ("messages/anthropic", {"anthropic-version": "2026-10-21"}, "2026-10-21", True),
    ],
)
def test_version_when_the_client_names_none_then_the_operators_and_without_what_it_refuses(
    model: str, headers: dict[str, str], version: str, sampled: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[PATH] = lambda seen: said(message(HELLO))
    answer = gateway.http.post(PATH, json=body(model, temperature=1.0), headers=headers)
    assert answer.status_code == 200
    assert upstream.last.headers["anthropic-version"] == version
    assert ("temperature" in upstream.last.json) is sampled
    assert answer.headers.get("x-gateway-lossy") == (None if sampled else "temperature")


@pytest.mark.parametrize(
    ("kind", "path", "sent", "left_out"),
    [
        ("azure_anthropic", "/anthropic/v1/messages", "advanced-tool-use-2025-11-20", [0, 2]),
        ("bedrock_mantle", "/mantle/v1/messages", "claude-code-20250219,tool-search-tool-2025-10-19", [2]),
        (
            "vertex_anthropic",
            "/vertex/v1/projects/p/locations/eu/publishers/anthropic/models/claude-up:rawPredict",
            "tool-search-tool-2025-10-19",
            [0, 2],
        ),
    ],
)
def test_betas_when_the_host_lacks_some_then_these_are_left_out_and_named(
    kind: str, path: str, sent: str, left_out: list[int], gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[path] = lambda seen: said(message(HELLO))
    answer = ask(gateway, headers={"anthropic-beta": BETAS}, model=f"messages/{kind}")
    assert answer.json() == message(HELLO, model=f"messages/{kind}")
    assert upstream.last.headers["anthropic-beta"] == sent
    names = ", ".join(f"anthropic-beta: {BETAS.split(',')[place]}" for place in left_out)
    assert answer.headers["x-gateway-lossy"] == names
    strict = {"anthropic-beta": BETAS, "x-gateway-strict": "1"}
    status, name, text = error_of(ask(gateway, headers=strict, model=f"messages/{kind}"))
    assert (status, name) == (400, "invalid_request_error")
    assert BETAS.split(",")[left_out[0]] in text


def test_vertex_when_it_streams_then_at_its_own_path_with_the_version_in_the_body(gateway: LiveGateway, upstream: Vendor) -> None:
    path = "/vertex/v1/projects/p/locations/eu/publishers/anthropic/models/claude-up:streamRawPredict"
    upstream.answers[path] = lambda seen: stream(HELLO)
    answer = ask(gateway, model="messages/vertex_anthropic", stream=True)
    assert answer.text.endswith('event: message_stop\ndata: {"type": "message_stop"}\n\n')
    assert "model" not in upstream.last.json
    assert (upstream.last.json["anthropic_version"], upstream.last.json["stream"]) == ("vertex-2023-10-16", True)


def test_field_when_it_chooses_another_model_then_it_is_the_operators(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[PATH] = lambda seen: said(message(HELLO))
    answer = ask(gateway, fallbacks=[{"model": "claude-dear"}])
    assert (answer.headers["x-gateway-lossy"], "fallbacks" in upstream.last.json) == ("fallbacks", False)


LONG = "prompt is too long: 250000 tokens > 200000 maximum. " * 20


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "messages.1: `tool_use` ids were found without `tool_result` blocks", (400, "invalid_request_error")),
        (400, LONG, (400, "invalid_request_error")),
        (413, "Request exceeds the maximum size", (413, "request_too_large")),
    ],
)
def test_refusal_when_the_upstream_says_it_then_in_its_own_words(
    status: int, text: str, expected: tuple[int, str], stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[PATH] = lambda seen: failed(status, text)
    assert error_of(ask(gateway, stream=stream)) == (*expected, text)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (401, "invalid x-api-key", (502, "api_error")),
        (403, "no", (502, "api_error")),
        (404, "model: claude-up", (502, "api_error")),
        (429, "slow down", (429, "rate_limit_error")),
        (500, "oh", (502, "api_error")),
        (529, "Overloaded", (503, "overloaded_error")),
    ],
)
def test_failure_when_it_is_the_upstreams_then_its_type_is_that_of_the_status(
    status: int, text: str, expected: tuple[int, str], stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    limits = {"retry-after": "7", "anthropic-ratelimit-tokens-remaining": "0"}
    upstream.answers[PATH] = lambda seen: failed(status, text, **limits)
    answer = ask(gateway, stream=stream)
    assert error_of(answer)[:2] == expected
    assert not [name for name in answer.headers if name.startswith("anthropic-")]
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)


def test_stream_when_the_upstream_fails_in_its_midst_then_an_error_event_ends_it(gateway: LiveGateway, upstream: Vendor) -> None:
    begun = told(HELLO)[:4]
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_up"}
    for made in ([*begun, error], begun):
        answer = replace(events(*made, names=True), pause=0.05)
        upstream.answers[PATH] = partial(_same, answer)
        found = ask(gateway, stream=True)
        *_, last = found.text.removesuffix("\n\n").split("\n\n")
        name, data = last.split("\n")
        ended = json.loads(data.removeprefix("data: "))
        assert (found.status_code, name, ended["type"]) == (200, "event: error", "error")
        assert ended["error"]["type"] == ("overloaded_error" if made[-1] is error else "api_error")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"model": ""}, "model"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_request_when_a_field_is_wrong_then_400_names_it(
    fields: dict[str, Any], named: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    status, name, text = error_of(ask(gateway, **fields))
    assert (status, name) == (400, "invalid_request_error")
    assert f"'{named}'" in text
    missing = {name: value for name, value in body().items() if name != named}
    if named in body():
        status, name, text = error_of(gateway.http.post(PATH, json=missing))
        assert (status, f"'{named}'" in text) == (400, True)


def test_key_and_model_when_they_are_unknown_then_401_and_404_as_anthropic_has_them(gateway: LiveGateway) -> None:
    for headers in ({"x-api-key": "sk-nobody"}, {"authorization": "Bearer sk-nobody"}):
        answer = httpx.post(f"{gateway.base_url}{PATH}", json=body(), headers=headers, trust_env=False)
        assert error_of(answer)[:2] == (401, "authentication_error")
        assert answer.headers["x-should-retry"] == "false"
    answer = httpx.post(f"{gateway.base_url}{PATH}", json=body("nobody"), headers={"x-api-key": gateway.key}, trust_env=False)
    assert error_of(answer)[:2] == (404, "not_found_error")


def test_path_when_nobody_serves_it_then_404_as_anthropic_has_it(gateway: LiveGateway) -> None:
    assert error_of(gateway.http.post("/v1/messages/batches", json={}))[:2] == (404, "not_found_error")
    assert error_of(gateway.http.get(PATH))[:2] == (405, "invalid_request_error")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("anthropic", COUNT),
        ("azure_anthropic", f"/anthropic{COUNT}"),
        ("bedrock_mantle", f"/mantle{COUNT}"),
        ("vertex_anthropic", "/vertex/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:rawPredict"),
    ],
)
def test_tokens_when_the_upstream_counts_then_its_number(kind: str, path: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[path] = lambda seen: said({"input_tokens": 2095})
    fields = {name: value for name, value in body(f"messages/{kind}").items() if name != "max_tokens"}
    answer = gateway.http.post(COUNT, json=fields, headers=VERSION)
    assert answer.json() == {"input_tokens": 2095}
    assert "x-gateway-estimated" not in answer.headers
    assert upstream.last.json["model"] == "claude-up"
    assert upstream.last.json["messages"] == fields["messages"]


def test_tokens_when_the_upstream_lacks_the_path_then_they_are_estimated(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[COUNT] = lambda seen: said({"detail": "Not Found"}, 405)
    answer = ask(gateway, COUNT)
    assert (answer.status_code, answer.headers["x-gateway-estimated"]) == (200, "1")
    assert 10 < answer.json()["input_tokens"] < 100
    upstream.answers[COUNT] = lambda seen: failed(400, "messages: no")
    assert error_of(ask(gateway, COUNT)) == (400, "invalid_request_error", "messages: no")


def test_models_when_anthropics_client_lists_them_then_in_its_shape_and_in_pages(gateway: LiveGateway, upstream: Vendor) -> None:
    def page(**query: Any) -> Any:
        answer = gateway.http.get("/v1/models", params=query, headers=VERSION)
        assert answer.headers["request-id"]
        return answer.json()

    every = page(limit=1000)
    names = [model["id"] for model in every["data"]]
    assert set(names) >= {"messages/anthropic", "messages/dated"}
    assert (every["has_more"], every["first_id"], every["last_id"]) == (False, names[0], names[-1])
    card = next(model for model in every["data"] if model["id"] == "messages/anthropic")
    assert (card["type"], card["display_name"], card["lifecycle"]) == ("model", "messages/anthropic", "active")
    assert card["created_at"].endswith("Z")
    two = page(limit=2, after_id=names[0])
    assert ([model["id"] for model in two["data"]], two["has_more"]) == (names[1:3], True)
    back = page(limit=2, before_id=names[3])
    assert ([model["id"] for model in back["data"]], back["has_more"]) == (names[1:3], True)
    assert page(**{"lifecycle[]": "retired"}) == {"data": [], "has_more": False, "first_id": None, "last_id": None}
    one = gateway.http.get("/v1/models/messages/anthropic", headers=VERSION)
    assert one.json() == card
    assert gateway.http.get("/v1/models").json()["object"] == "list"
    for wrong in ({"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"after_id": "a", "before_id": "b"}):
        assert error_of(gateway.http.get("/v1/models", params=wrong, headers=VERSION))[:2] == (400, "invalid_request_error")
    assert error_of(gateway.http.get("/v1/models/nobody", headers=VERSION))[:2] == (404, "not_found_error")


def test_betas_when_they_come_in_two_headers_then_both_go_on(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[PATH] = lambda seen: said(message(HELLO))
    headers = [*VERSION.items(), ("anthropic-beta", "a"), ("anthropic-beta", "b,c"), ("x-api-key", gateway.key)]
    answer = httpx.post(f"{gateway.base_url}{PATH}", json=body(), headers=headers, trust_env=False)
    assert answer.status_code == 200
    assert upstream.last.headers["anthropic-beta"].replace(" ", "") == "a,b,c"


def test_answer_when_it_has_the_other_form_then_the_one_that_was_asked_for(gateway: LiveGateway, upstream: Vendor) -> None:
    whole = message(THOUGHT, HELLO, call(1, a=1), model="messages/anthropic")
    upstream.answers[PATH] = lambda seen: said(message(THOUGHT, HELLO, call(1, a=1)))
    assert read(ask(gateway, stream=True).text) == whole
    upstream.answers[PATH] = lambda seen: stream(THOUGHT, HELLO, call(1, a=1))
    assert ask(gateway).json() == whole
    upstream.answers[PATH] = lambda seen: Said(failed(529, "Overloaded").body)
    for streamed in (False, True):
        assert error_of(ask(gateway, stream=streamed))[:2] == (503, "overloaded_error")


@pytest.mark.parametrize(
    ("headers", "version", "betas"),
    [
        ({}, "2026-10-21", "context-1m-2025-08-07"),
        ({**VERSION, "anthropic-beta": "a, context-1m-2025-08-07"}, "2023-06-01", "context-1m-2025-08-07,a"),
    ],
)
def test_betas_when_the_operator_sets_some_then_they_are_sent_beside_the_clients(
    headers: dict[str, str], version: str, betas: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[PATH] = lambda seen: said(message(HELLO))
    assert gateway.http.post(PATH, json=body("messages/beta"), headers=headers).status_code == 200
    sent = upstream.last.headers
    assert (sent["anthropic-version"], sent["anthropic-beta"], sent["x-own"]) == (version, betas, "1")
