"""Does a client see what an upstream's error means, rather than its status, and does the next route answer where it can?

An upstream that answers as the model's name says stands first, one that answers well is second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.fakes.vendor import events as events_of
from tests.live import ROWS_WITHIN, LiveGateway, error_of, events, words

CHAT = "/v1/chat/completions"
APART = 0.05
"""Seconds between events which must not come at once: what fails with its first event may still fall over."""
ERROR = {"type": "invalid_request_error", "param": None, "code": None}
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up"}
SAFETY = "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"
NEXT: Mapping[str, Said] = {
    "rate-limit-413": said({"error": {"message": "Request too large", "type": "tokens", "code": "rate_limit_exceeded"}}, 413),
    "cancelled-499": said([{"error": {"code": 499, "message": "Cancelled.", "status": "CANCELLED"}}], 499),
    "key-400": said([{"error": {"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}}], 400),
    "suspended-412": said({"error": {**ERROR, "message": "Account acme-1 is suspended, possibly."}}, 412),
    "balance-400": said({"error": {**ERROR, "message": "Your credit balance is too low to access the API."}}, 400),
    "routing-400": said({"error": {**ERROR, "message": "Temporary routing error (400)."}}, 400),
    "html-524": Said(b"<html>524</html>", 524, "text/html"),
    "model-404": said({"error": {**ERROR, "message": "The model `m` does not exist", "code": "model_not_found"}}, 404),
    "path-404": said({"detail": "Not Found"}, 404),
    "deployment-404": said({"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}, 404),
    "choices-null": said({"id": "x", "choices": None, "error": {"message": "busy", "code": 503}}),
    "choices-empty": said({"id": "x", "choices": []}),
    "finish-error": said({"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502}}]}),
    "error-200": said({"error": {"message": "Rate limit exceeded", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}),
    "detail-200": said({"detail": "Not authenticated", "status_code": 401}),
    "list-200": said([{"error": {"code": 503, "message": "busy"}}]),
}
"""What the second route answers in place of."""
CLIENTS: Mapping[str, tuple[Said, int, str | None]] = {
    "safety-403": (said({"code": "permission-denied", "error": SAFETY}, 403), 400, "content_policy_violation"),
    "moderation-403": (
        said({"error": {"code": 403, "message": "Flagged.", "metadata": {"reasons": ["hate"], "flagged_input": "hi"}}}, 403),
        400,
        "content_policy_violation",
    ),
    "filter-200": (said({"error": {"message": "Filtered.", "code": "content_filter", "status": 400}}), 400, "content_filter"),
    "context-200": (said({"error": {"message": "Too long.", "code": "context_length_exceeded"}}), 400, "context_length_exceeded"),
    "file-404": (said({"error": {**ERROR, "message": "No such File object: file-1", "param": "file_id"}}, 404), 404, None),
}
"""What is the client's own."""
STREAMED: Mapping[str, tuple[list[dict[str, Any]], int, str]] = {
    "mistral": (
        [{"object": "error", "message": "Service tier capacity exceeded.", "type": "x", "param": None, "code": "3505"}],
        503,
        "upstream_overloaded",
    ),
    "vllm": ([{"object": "error", "message": "Too long.", "type": "BadRequestError", "code": 400}], 400, "400"),
    "typed": ([{"type": "error", "code": "rate_limit_exceeded", "message": "Slow."}], 429, "upstream_rate_limited"),
    "detail": ([{"detail": "broken"}], 502, "upstream_server_error"),
    "nested": ([{"error": {"error": {"message": "no", "code": 401}}}], 502, "upstream_auth_failed"),
    "text": ([{"error": "plain words"}], 502, "upstream_server_error"),
    "number": ([{"message": "slow", "code": "429"}], 429, "upstream_rate_limited"),
    "finish": ([{**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}], 502, "upstream_server_error"),
}


def answer(seen: Seen) -> Said:
    """What the model's name says. A stream is as told, after its first event if the name begins with `late-`."""
    asked = seen.json
    name = asked["model"]
    if name in NEXT or name in CLIENTS:
        return NEXT[name] if name in NEXT else CLIENTS[name][0]
    late, kind = name.startswith("late-"), name.removeprefix("late-")
    first = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}] if late else []
    data = [*first, *STREAMED[kind][0]]
    chunks = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in data]
    return Said(content_type="text/event-stream", chunks=[*chunks, b"data: [DONE]\n\n"], pause=APART if late else 0)


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({CHAT: answer}) as running:
        shared_gateway.define_at("openai_compatible", f"{running.base}/v1", {"told": ("choices-null", ["chat"])}, name="told")
        names = [*NEXT, *CLIENTS, *STREAMED, *(f"late-{name}" for name in STREAMED)]
        first = {name: {"provider": "told", "upstream_model": name} for name in names}
        shared_gateway.define_models({f"alone/{name}": [first[name]] for name in names})
        for prefix in ("then-ok", "streamed"):
            shared_gateway.define_models({f"{prefix}/{name}": [first[name], {"upstream_model": "ok"}] for name in names})
        yield running


@pytest.fixture
def asked(upstream: Vendor) -> Vendor:
    upstream.seen.clear()
    return upstream


@pytest.mark.parametrize("name", NEXT)
def test_failure_when_told_with_another_status_is_answered_by_the_next_route(
    gateway: LiveGateway, asked: Vendor, name: str
) -> None:
    response = gateway.chat(f"then-ok/{name}")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2"), response.text
    assert response.json()["choices"][0]["message"]["content"] == "Hello from chaos."


@pytest.mark.parametrize("name", NEXT)
def test_failure_when_a_stream_was_asked_for_is_answered_by_the_next_route(
    gateway: LiveGateway, asked: Vendor, name: str
) -> None:
    response = gateway.chat(f"streamed/{name}", stream=True)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2"), response.text
    assert words(response) == "Hello from chaos."


@pytest.mark.parametrize(("name", "status"), [("error-200", 429), ("list-200", 503), ("detail-200", 502), ("choices-null", 503)])
def test_stream_when_answered_with_an_error_in_json_has_its_status(
    gateway: LiveGateway, asked: Vendor, name: str, status: int
) -> None:
    assert gateway.chat(f"alone/{name}", stream=True).status_code == status


@pytest.mark.parametrize("name", [name for name in NEXT if name.endswith("404")])
def test_model_when_the_upstream_has_none_is_502_and_told_once(gateway: LiveGateway, asked: Vendor, name: str) -> None:
    start = gateway.log_path.stat().st_size
    for _ in range(7):
        response = gateway.chat(f"alone/{name}")
        assert (response.status_code, error_of(response)["code"]) == (502, "upstream_model_not_found")
        assert response.headers["x-should-retry"] == "false"
    assert len(asked.seen) == 7  # it is never left alone
    told = [json.loads(line) for line in gateway.settled_log(start).splitlines() if "provider needs attention" in line]
    assert [(line["code"], line["upstream_model"], line["status"]) for line in told] == [("upstream_model_not_found", name, 404)]


@pytest.mark.parametrize("name", CLIENTS)
def test_refusal_when_it_is_the_clients_is_told_and_asked_once(gateway: LiveGateway, asked: Vendor, name: str) -> None:
    start = gateway.log_path.stat().st_size
    _, status, code = CLIENTS[name]
    for number in range(7):
        response = gateway.chat(f"then-ok/{name}")
        error = response.json()["error"]
        assert (response.status_code, error["code"], response.headers["x-gateway-attempts"]) == (status, code, "1")
        assert error["message"]
        assert len(asked.seen) == number + 1
    told = gateway.settled_log(start)
    assert "provider needs attention" not in told
    assert "circuit opened" not in told


@pytest.mark.parametrize("name", STREAMED)
def test_error_event_when_first_has_its_status_in_every_spelling(gateway: LiveGateway, asked: Vendor, name: str) -> None:
    _, status, code = STREAMED[name]
    response = gateway.chat(f"alone/{name}", stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("name", [name for name in STREAMED if name != "vllm"])
def test_error_event_when_first_falls_over(gateway: LiveGateway, asked: Vendor, name: str) -> None:
    response = gateway.chat(f"then-ok/{name}", stream=True)
    assert (response.status_code, words(response)) == (200, "Hello from chaos.")


@pytest.mark.parametrize("name", STREAMED)
def test_error_event_when_in_the_middle_is_told_and_ends_the_stream(gateway: LiveGateway, asked: Vendor, name: str) -> None:
    response = gateway.chat(f"then-ok/late-{name}", stream=True)
    *chunks, error, done = events(response)
    assert words(response) == "Hi"
    assert (len(chunks), error["error"]["code"], done) == (1, STREAMED[name][2], "[DONE]")


def test_error_event_when_the_requests_own_fault_never_cools_the_target(gateway: LiveGateway, asked: Vendor) -> None:
    for number in range(7):
        assert gateway.chat("then-ok/vllm", stream=True).status_code == 400
        assert len(asked.seen) == number + 1


ELSEWHERE: Mapping[str, tuple[str, dict[str, Any], str, list[Said]]] = {
    "embedding": (
        "embeddings",
        {"input": "a"},
        "embedding",
        [said({"data": None}), said({"data": []}), said({"data": [{"embedding": None}]}), said({"data": [{"embedding": []}]})],
    ),
    "moderation": ("moderations", {"input": "a"}, "moderation", [said({"results": None}), said({"results": []})]),
    "rerank": ("rerank", {"query": "q", "documents": ["a"]}, "rerank", [said({"results": None, "message": "x"})]),
    "image": (
        "images/generations",
        {"prompt": "a"},
        "image_generation",
        [said({"data": None}), said({"created": 1, "data": []}), said({"data": [{"url": None}]})],
    ),
    "speech": (
        "audio/speech",
        {"input": "a", "voice": "alloy"},
        "text_to_speech",
        [Said(content_type="audio/mpeg"), said({"error": "broken"}), Said(b'{"error":"broken"}', content_type="audio/mpeg")],
    ),
    "completion": ("completions", {"prompt": "a"}, "completion", [said({"choices": None}), said({"choices": [{"text": None}]})]),
    "response": (
        "responses",
        {"input": "a"},
        "responses",
        [
            said({"id": "resp_1", "object": "response", "status": "failed", "error": {"code": "server_error"}, "output": []}),
            said({"id": "resp_1", "object": "response", "status": "completed", "output": None}),
        ],
    ),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_answer_when_it_holds_nothing_is_no_success_anywhere(gateway: LiveGateway, name: str) -> None:
    path, fields, capability, answers = ELSEWHERE[name]
    left = iter(answers)
    with vendor({f"/v1/{path}": lambda seen: next(left)}) as upstream:
        gateway.define_at(
            "openai_compatible" if name != "response" else "openai",
            f"{upstream.base}/v1",
            {f"empty/{name}": ("m", [capability])},
            name=f"empty-{name}",
        )
        for _ in answers:
            response = gateway.http.post(f"/v1/{path}", json={"model": f"empty/{name}", **fields})
            assert (response.status_code, error_of(response)["type"]) == (502, "upstream_error"), response.text


def test_response_when_it_failed_for_the_requests_own_fault_is_the_clients(gateway: LiveGateway) -> None:
    error = {"code": "invalid_prompt", "message": "Not this."}
    failed = {"id": "resp_1", "object": "response", "status": "failed", "output": [], "error": error}
    with vendor({"/v1/responses": lambda seen: said(failed)}) as upstream:
        gateway.define_at("openai", f"{upstream.base}/v1", {"failed/m": ("m", ["responses"])}, name="failed")
        response = gateway.http.post("/v1/responses", json={"model": "failed/m", "input": "a"})
        assert (response.status_code, error_of(response)["message"], len(upstream.seen)) == (400, "Not this.", 1)


def test_answer_when_created_is_an_answer(gateway: LiveGateway) -> None:
    made = said({"id": "c", "model": "up", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}, 201)
    with vendor({CHAT: lambda seen: made}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"created/m": ("m", ["chat"])}, name="created")
        response = gateway.chat("created/m")
        assert (response.status_code, response.json()["choices"][0]["message"]["content"]) == (200, "Hi")


ODD_TEXT = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ["a"], "annotations": []}]}],
}


@pytest.mark.parametrize("stream", [False, True])
def test_response_when_its_text_is_none_is_502_as_chat(gateway: LiveGateway, stream: bool) -> None:
    event = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": ["a"]}
    streamed = Said(content_type="text/event-stream", chunks=[b"data: " + json.dumps(event).encode() + b"\n\n"])
    with vendor({"/v1/responses": lambda seen: streamed if stream else said(ODD_TEXT)}) as upstream:
        gateway.define_at("openai_responses", f"{upstream.base}/v1", {"odd/m": ("m", ["chat"])}, name="odd")
        response = gateway.chat("odd/m", stream=stream)
        assert (response.status_code, error_of(response)["code"]) == (502, "upstream_invalid_response")


def test_judgement_when_it_cannot_be_read_is_502(gateway: LiveGateway) -> None:
    odd = said({"id": "m", "results": [{"categories": {"sexual": False}, "category_scores": ["x"]}]})
    with vendor({"/v1/moderations": lambda seen: odd}) as upstream:
        gateway.define_at("mistral", f"{upstream.base}/v1", {"judge/m": ("m", ["moderation"])}, name="judge")
        response = gateway.http.post("/v1/moderations", json={"model": "judge/m", "input": "a"})
        assert (response.status_code, error_of(response)["code"]) == (502, "upstream_invalid_response")


MORE = {
    "metadata": {"raw": '{"error":{"message":"Model supports at most 1 image."}}', "provider_name": "Crucible"},
    "failed_generation": "<f>",
}


@pytest.mark.parametrize("stream", [False, True])
def test_error_when_it_has_further_fields_keeps_them(gateway: LiveGateway, stream: bool) -> None:
    error = {"error": {"message": "Provider returned error", "code": 400, **MORE}}
    late = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}, error]
    chunks = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in late]
    streamed = Said(content_type="text/event-stream", chunks=chunks, pause=APART)
    with vendor({CHAT: lambda seen: streamed if stream else said(error, 400)}) as upstream:
        gateway.define_at("deepseek", f"{upstream.base}/v1", {"more/m": ("m", ["chat", "responses"])}, name="more")
        response = gateway.chat("more/m", stream=stream)
        told = events(response)[1]["error"] if stream else response.json()["error"]
        assert told == {
            "message": "Provider returned error",
            "type": "invalid_request_error",
            "param": None,
            "code": "400",
            **MORE,
        }
        made = gateway.http.post("/v1/responses", json={"model": "more/m", "input": "a", "stream": stream})
        told = (events(made)[-2]["response"] if stream else made.json())["error"]
        assert {name: told[name] for name in MORE} == MORE


def test_pause_when_told_in_words_reaches_the_client(gateway: LiveGateway) -> None:
    limited = said(
        {"error": {**ERROR, "message": "Rate limit reached. Please try again in 7.66s.", "code": "rate_limit_exceeded"}}, 429
    )
    with vendor({CHAT: lambda seen: limited}) as upstream:
        gateway.define_at("groq", f"{upstream.base}/v1", {"pause/m": ("m", ["chat"])}, name="pause")
        response = gateway.chat("pause/m")
        assert (response.status_code, response.headers["retry-after"]) == (429, "8")


def test_refused_prompt_when_asked_by_the_sdk_is_a_bad_request(gateway: LiveGateway, asked: Vendor) -> None:
    client = OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0)
    with client, pytest.raises(BadRequestError) as raised:
        client.chat.completions.create(model="then-ok/safety-403", messages=[{"role": "user", "content": "hi"}])
    assert raised.value.code == "content_policy_violation"


# Secrets


def spelled(text: str) -> bytes:
    """The text as JSON may also write it."""
    return "".join(f"\\u{ord(letter):04x}" for letter in text).encode()


LEAKS: Mapping[str, tuple[int, bytes]] = {
    "4xx": (400, b'{"error":{"message":"m %b","type":"t-%b","param":"p %b","code":"c-%b","more":{"%b":["%b"]}}}'),
    "401": (401, b'{"error":{"message":"Incorrect API key provided: %b"}}'),
    "200": (200, b'{"error":{"message":"m %b","type":"invalid_request_error","param":"%b","code":"%b"}}'),
    "200, server": (200, b'{"error":{"message":"m %b","code":"%b","debug":{"sent":"%b"}}}'),
    "5xx": (500, b'{"error":{"message":"m %b"}}'),
}
HEX = "9f86d081884c7d659a2feaa0c55ad015"


@pytest.mark.parametrize("spelling", [str.encode, spelled, lambda key: json.dumps(json.dumps({"k": key}))[1:-1].encode()])
@pytest.mark.parametrize("leak", LEAKS)
def test_key_when_shown_by_the_upstream_reaches_nobody(gateway: LiveGateway, leak: str, spelling: Any) -> None:
    status, form = LEAKS[leak]
    content = form.replace(b"%b", spelling(HEX))
    event = b"data: " + content + b"\n\n"
    first = b"data: " + json.dumps({**CHUNK, "choices": [{"index": 0, "delta": {"content": HEX}}]}).encode() + b"\n\n"

    def leaking(seen: Seen) -> Said:
        if seen.json.get("stream") and status == 200:
            frames = [first, event] if seen.json["messages"] else [event]
            return Said(content_type="text/event-stream", chunks=frames, pause=APART)
        return Said(content, status)

    start = gateway.log_path.stat().st_size
    with vendor({CHAT: leaking}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"leak/m": ("m", ["chat"])}, name="leak", api_key=HEX)
        shown = [gateway.chat("leak/m").text, gateway.chat("leak/m", messages=[], stream=True).text]
        streamed = gateway.chat("leak/m", stream=True)
        found = {"request_id": streamed.headers["x-request-id"]}
        assert eventually(lambda: bool(gateway.operator.rows("openai_api.UsageRecord", found)), ROWS_WITHIN)
        record = gateway.operator.rows("openai_api.UsageRecord", found)
        test = gateway.operator.command
        with pytest.raises(Exception) as failed:  # noqa: PT011 - what it says is what counts
            test("test_model", "leak/m")
        shown += [str(failed.value), str(record), gateway.settled_log(start)]
    if status == 200:
        good, *rest = streamed.text.split("\n\n")
        assert json.loads(good.removeprefix("data: "))["choices"][0]["delta"]["content"] == HEX  # a good chunk is never altered
        shown += rest
    else:
        shown.append(streamed.text)
    assert "***" in shown[0] or leak in ("401", "5xx")
    for text in shown:
        assert HEX not in text
        assert HEX not in text.encode().decode("unicode_escape", "replace")


def test_key_when_a_response_fails_natively_reaches_nobody(gateway: LiveGateway) -> None:
    begun = {"type": "response.created", "response": {"id": "resp_1", "object": "response", "status": "in_progress"}}
    delta = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hi"}
    error = {"code": "server_error", "message": f"key {HEX}", "inner": {"sent": HEX}}
    ended = {"type": "response.failed", "response": {"id": "resp_1", "object": "response", "status": "failed", "error": error}}
    streamed = events_of(begun, delta, ended, names=True)
    with vendor({"/v1/responses": lambda seen: streamed}) as upstream:
        gateway.define_at("openai", f"{upstream.base}/v1", {"native/m": ("m", ["responses"])}, name="native", api_key=HEX)
        response = gateway.http.post("/v1/responses", json={"model": "native/m", "input": "a", "stream": True})
    last = events(response)[-2]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "key ***", "inner": {"sent": "***"}}
    assert HEX not in response.text
