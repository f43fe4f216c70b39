"""Do Anthropic's paths work with upstreams of other formats: tools, thoughts, streams, errors, counts?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.messages import HELLO, THOUGHT, message, read
from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_messages import COUNT, PATH, VERSION, body, error_of
from tests.integration.test_recording import rows
from tests.integration.test_responses import CALL, NATIVE, chat, chunks, native_events
from tests.live import LiveGateway
from tests.live import error_of as openai_error_of

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
TOOL: Any = {"name": "f", "input_schema": {"type": "object"}}
MODELS = ("converted/chat", "converted/responses")
every_model = pytest.mark.parametrize("model", MODELS)
every_form = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai_compatible", base, {MODELS[0]: ("up-chat", ["chat"])}, name="converted chat")
        shared_gateway.define_at("openai_responses", base, {MODELS[1]: ("up-native", ["chat"])}, name="converted responses")
        able = ["chat", "responses"]
        models = {"converted/messages": ("claude-opus-4-6", able), "converted/newer": ("claude-opus-4-7", able)}
        shared_gateway.define_at("anthropic", upstream.base, models, name="converted messages")
        yield upstream


def ask(gateway: LiveGateway, model: str, path: str = PATH, **fields: Any) -> httpx.Response:
    return gateway.http.post(path, json=body(model, **fields), headers={**VERSION, "anthropic-beta": "a,b"})


def answer_with(upstream: Vendor, *, stream: bool) -> None:
    """Both upstreams say Hello."""
    whole = chat({"content": "Hello.", "reasoning_content": "Hm."})
    streamed = events(*chunks({"reasoning_content": "Hm."}, {"content": "Hel"}, {"content": "lo."}), done=True)
    upstream.answers[CHAT] = lambda seen: streamed if stream else said(whole)
    upstream.answers[RESPONSES] = lambda seen: events(*native_events(), names=True) if stream else said(NATIVE)


def message_of(answer: httpx.Response, *, stream: bool) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = read(answer.text) if stream else answer.json()
    assert (found["type"], found["role"]) == ("message", "assistant")
    assert found["id"].startswith("msg_")
    return found


@every_form
@every_model
def test_message_when_the_upstream_has_another_format_then_anthropics_all_the_same(
    model: str, stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer_with(upstream, stream=stream)
    answer = ask(gateway, model, stream=stream, system="Be brief.")
    found = message_of(answer, stream=stream)
    assert found["model"] == model
    assert [block["text"] for block in found["content"] if block["type"] == "text"] == ["Hello."]
    thoughts = [block["thinking"] for block in found["content"] if block["type"] == "thinking"]
    assert thoughts == (["Hm."] if model == MODELS[0] else [])
    assert (found["stop_reason"], found["stop_sequence"]) == ("end_turn", None)
    (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
    counted = (row["input_tokens"], row["output_tokens"])
    assert counted == ((3, 4) if model == MODELS[0] else (5, 2))
    usage = found["usage"]
    assert usage["input_tokens"] + (usage.get("cache_read_input_tokens") or 0) == counted[0]
    assert usage["output_tokens"] == counted[1]
    assert not [name for name in upstream.last.headers if name.startswith("anthropic-")]
    assert upstream.last.headers["authorization"].startswith("Bearer ")


@every_form
def test_tools_when_several_are_called_then_their_results_are_one_message_there_and_several_here(
    stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    calls = [{**CALL, "id": f"call_{number}"} for number in (1, 2)]
    deltas = [{"tool_calls": [{"index": number, **one}]} for number, one in enumerate(calls)]
    streamed = events(*chunks(*deltas, finish="tool_calls"), done=True)
    upstream.answers[CHAT] = lambda seen: streamed if stream else said(chat({"content": None, "tool_calls": calls}, "tool_calls"))
    found = message_of(ask(gateway, MODELS[0], stream=stream, tools=[TOOL]), stream=stream)
    assert found["stop_reason"] == "tool_use"
    assert [(block["type"], block["id"], block["name"], block["input"]) for block in found["content"]] == [
        ("tool_use", "call_1", "f", {"a": 1}),
        ("tool_use", "call_2", "f", {"a": 1}),
    ]
    answer_with(upstream, stream=stream)
    results = [{"type": "tool_result", "tool_use_id": f"call_{number}", "content": str(number)} for number in (1, 2)]
    talk = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": found["content"]},
        {"role": "user", "content": [*results, {"type": "text", "text": "Well?"}]},
    ]
    message_of(ask(gateway, MODELS[0], stream=stream, tools=[TOOL], messages=talk), stream=stream)
    roles = [(message["role"], message.get("tool_call_id")) for message in upstream.last.json["messages"]]
    assert roles == [("user", None), ("assistant", None), ("tool", "call_1"), ("tool", "call_2"), ("user", None)]


def test_arguments_when_they_are_no_json_then_the_call_is_not_lost(gateway: LiveGateway, upstream: Vendor) -> None:
    bad = {**CALL, "function": {"name": "f", "arguments": '{"a":'}}
    upstream.answers[CHAT] = lambda seen: said(chat({"content": None, "tool_calls": [bad]}, "tool_calls"))
    found = message_of(ask(gateway, MODELS[0], tools=[TOOL]), stream=False)
    (block,) = found["content"]
    assert (block["type"], block["name"], isinstance(block["input"], dict)) == ("tool_use", "f", True)


@every_model
def test_safeguards_when_the_upstream_cannot_keep_to_them_then_400_names_them(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    status, name, text = error_of(ask(gateway, model, safeguards=[{"type": "x"}]))
    assert (status, name, "safeguards" in text) == (400, "invalid_request_error", True)


@every_model
def test_field_when_the_upstream_has_no_word_for_it_then_it_is_named_or_refused(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer_with(upstream, stream=False)
    fields: dict[str, Any] = {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}, "top_k": 5}
    answer = ask(gateway, model, **fields)
    assert {"context_management", "top_k"} <= set(answer.headers["x-gateway-lossy"].split(", "))
    strict = gateway.http.post(PATH, json=body(model, **fields), headers={"x-gateway-strict": "1"})
    assert error_of(strict)[0] == 400


@every_form
@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"message": "The input is odd.", "type": "invalid_request_error", "code": "x"}, (400, "invalid_request_error")),
        (401, {"message": "No.", "code": "invalid_api_key"}, (502, "api_error")),
        (429, {"message": "Slow.", "type": "rate_limit_error"}, (429, "rate_limit_error")),
        (503, {"message": "Busy."}, (503, "overloaded_error")),
    ],
)
def test_failure_when_an_upstream_of_another_format_tells_it_then_as_anthropic_has_it(
    status: int, error: dict[str, Any], expected: tuple[int, str], stream: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[CHAT] = lambda seen: said({"error": error}, status)
    found = error_of(ask(gateway, MODELS[0], stream=stream))
    assert found[:2] == expected
    assert (error["message"] in found[2]) is (status == 400)


def test_stream_when_the_upstream_is_cut_off_then_an_error_event_and_no_end(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[CHAT] = lambda seen: events(*chunks({"content": "Hel"}, finish=None)[:1])
    answer = ask(gateway, MODELS[0], stream=True)
    *_, last = answer.text.removesuffix("\n\n").split("\n\n")
    assert last.startswith('event: error\ndata: {"type":"error"')
    assert "message_stop" not in answer.text


@every_model
def test_tokens_when_the_upstream_does_not_count_then_they_are_estimated(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = ask(gateway, model, COUNT, tools=[TOOL])
    assert (answer.status_code, answer.headers["x-gateway-estimated"]) == (200, "1")
    assert 10 < answer.json()["input_tokens"] < 200


def test_chat_and_responses_when_the_upstream_is_anthropic_then_its_answers_and_its_words(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[PATH] = lambda seen: said(message(THOUGHT, HELLO))
    answer = gateway.chat("converted/messages", max_completion_tokens=50)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello."
    sent = upstream.last
    assert (sent.headers["anthropic-version"], sent.json["model"], sent.json["max_tokens"]) == (
        "2023-06-01",
        "claude-opus-4-6",
        50,
    )
    made = gateway.http.post("/v1/responses", json={"model": "converted/messages", "input": "Hi."})
    assert made.json()["output"][-1]["content"][0]["text"] == "Hello."
    upstream.answers[PATH] = lambda seen: said(
        {"type": "error", "error": {"type": "invalid_request_error", "message": "Odd."}}, 400
    )
    refused = gateway.chat("converted/messages")
    assert (refused.status_code, openai_error_of(refused)["message"]) == (400, "Odd.")


@pytest.mark.parametrize(("model", "takes"), [("converted/messages", True), ("converted/newer", False)])
def test_temperature_when_the_model_refuses_it_then_it_is_left_out_and_named(
    model: str, takes: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[PATH] = lambda seen: said(message(HELLO))
    answer = gateway.chat(model, temperature=0.5)
    assert (answer.status_code, "temperature" in upstream.last.json) == (200, takes)
    assert answer.headers.get("x-gateway-lossy") == (None if takes else "temperature")


def test_input_tokens_when_the_upstream_is_anthropic_then_it_counts_them(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[COUNT] = lambda seen: said({"input_tokens": 7})
    answer = gateway.http.post("/v1/responses/input_tokens", json={"model": "converted/messages", "input": "Hi."})
    assert (answer.json()["input_tokens"], "x-gateway-estimated" in answer.headers) == (7, False)
    assert set(upstream.last.json) == {"model", "messages"}
