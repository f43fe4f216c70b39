"""How does a stream reach the client: unchanged when it is healthy, and with a true end when it is not?"""

from __future__ import annotations

import time

import pytest

from tests.live import LiveGateway, error_in, events, words
from tests.stopwatch import Stopwatch

FRAMINGS = [
    "stream-ok-5",
    "stream-burst-100",
    "stream-crlf",
    "stream-cr",
    "stream-nospace",
    "stream-named",
    "stream-commented",
    "stream-bom",
    "stream-no-last-blank",
    "stream-bytes-1",
    "stream-crlf-split",
    "stream-utf8-split",
    "stream-utf8-invalid",
    "stream-until-close",
    "stream-length",
    "stream-tool-calls",
    "stream-reasoning",
    "stream-usage-null",
    "stream-usage-on-finish",
    "stream-pings-then-ok-3",
]
BREAKS = {
    "stream-cut-after-3": ("word0 word1 ", "upstream_stream_truncated"),
    "stream-cut-after-1": ("", "upstream_stream_truncated"),
    "stream-end-after-3": ("word0 word1 ", "upstream_stream_truncated"),
    "stream-reset-after-3": ("word0 word1 ", "upstream_stream_truncated"),
    "stream-stall-after-3": ("word0 word1 ", "upstream_idle_timeout"),
    "stream-pings-after-3": ("word0 word1 ", "upstream_idle_timeout"),
    "stream-error-after-3": ("word0 word1 ", "upstream_server_error"),
    "stream-endless-line": ("", "upstream_invalid_response"),
}
IDLE_S = 0.4


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    healthy = ["ok", "stream-multiline", "stream-no-done", "stream-no-usage", "stream-bad-json-after-3", "stream-done-then-more"]
    shared_gateway.define(*FRAMINGS, *healthy, "stream-done-never-closes", "stream-paced-20ms-20", idle_timeout_s=5)
    shared_gateway.define("stream-huge-event-8", "stream-huge-event-65")
    shared_gateway.define(*BREAKS, "stream-paced-50ms-100", idle_timeout_s=IDLE_S, total_timeout_s=1.0)
    pairs = {f"never/{name}": [{"upstream_model": name}, {"upstream_model": "ok"}] for name in BREAKS}
    shared_gateway.define_models(pairs, idle_timeout_s=IDLE_S)


def renamed(data: bytes, upstream: str, public: str) -> bytes:
    return data.replace(f'"model":"{upstream}"'.encode(), f'"model":"{public}"'.encode())


@pytest.mark.parametrize("behaviour", FRAMINGS)
def test_stream_when_healthy_is_relayed_byte_for_byte_but_for_the_model(gateway: LiveGateway, behaviour: str) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    direct = gateway.chaos_answer(behaviour, **options)
    response = gateway.chat(f"chaos/{behaviour}", **options)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert behaviour.encode() in direct.content
    expected = renamed(direct.content, behaviour, f"chaos/{behaviour}")
    assert response.content.rstrip() == expected.rstrip()
    assert response.content.endswith((b"\n\n", b"\r\n\r\n", b"\r\r", b"\r\n\r"))


def test_stream_when_an_event_has_many_lines_keeps_its_meaning(gateway: LiveGateway) -> None:
    direct = gateway.chaos_answer("stream-multiline", stream=True)
    response = gateway.chat("chaos/stream-multiline", stream=True)
    *chunks, done = events(direct)
    assert events(response) == [*({**chunk, "model": "chaos/stream-multiline"} for chunk in chunks), done]
    assert words(response) == "Hello from chaos."


@pytest.mark.parametrize("behaviour", BREAKS)
def test_stream_when_it_breaks_ends_with_an_error_event_and_done(gateway: LiveGateway, behaviour: str) -> None:
    text, code = BREAKS[behaviour]
    started = time.monotonic()
    response = gateway.chat(f"never/{behaviour}", stream=True)
    took = time.monotonic() - started
    *content, error, done = events(response)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "1")
    assert (error_in(error)["code"], done) == (code, "[DONE]")
    assert words(response) == text
    assert all("choices" in chunk for chunk in content)
    assert took < (IDLE_S if code == "upstream_idle_timeout" else 0) + 1.0
    assert [seen["model"] for seen in gateway.chaos.log()] == [behaviour]


def test_event_when_it_is_a_whole_picture_arrives_whole(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-huge-event-8", stream=True)
    assert (len(words(response)), events(response)[-1]) == (8 * 1024 * 1024, "[DONE]")


def test_event_when_it_is_larger_than_any_answer_ends_the_stream_with_an_error_event(gateway: LiveGateway) -> None:
    *_, error, done = events(gateway.chat("chaos/stream-huge-event-65", stream=True))
    assert (error_in(error)["code"], done) == ("upstream_invalid_response", "[DONE]")


def test_stream_when_the_total_time_is_over_ends_with_an_error_event(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-paced-50ms-100", stream=True)
    *_, last, error, done = events(response)
    assert last["choices"][0]["delta"]["content"].startswith("word")
    assert (error_in(error)["code"], done) == ("total_timeout", "[DONE]")


def test_stream_when_only_done_is_missing_ends_well(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-no-done", stream=True)
    assert (words(response), events(response)[-1]) == ("Hello from chaos.", "[DONE]")
    assert '"error":' not in response.text


def test_stream_when_an_event_is_not_json_is_passed_on_and_goes_on(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-bad-json-after-3", stream=True)
    assert 'data: {"id": "chatcmpl-chaos", "choices": [{"delta"\n\n' in response.text
    assert response.text.endswith("data: [DONE]\n\n")


def test_stream_when_more_follows_done_ends_at_done(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-done-then-more", stream=True)
    assert (words(response), events(response)[-1]) == ("Hello from chaos.", "[DONE]")


def test_stream_when_the_upstream_never_ends_it_ends_at_done(gateway: LiveGateway) -> None:
    watch = Stopwatch(gateway)
    response = gateway.chat("chaos/stream-done-never-closes", stream=True)
    assert watch.read() < 0.5
    assert events(response)[-1] == "[DONE]"
    assert gateway.chaos.wait_state("client_closed", "stream-done-never-closes", within=1.0)["ms"] < 500


def test_stream_when_slow_arrives_event_by_event(gateway: LiveGateway) -> None:
    request = {"model": "chaos/stream-paced-20ms-20", "messages": [{}], "stream": True}
    watch = Stopwatch(gateway)
    with gateway.http.stream("POST", "/v1/chat/completions", json=request) as response:
        arrivals = [(watch.elapsed(), watch.starved()) for line in response.iter_lines() if line.startswith("data: {")]
    assert len(arrivals) == 22
    (first, starved), (second, later), *_, (last, _) = arrivals
    assert last - first > 0.3
    assert second - first - (later - starved) < 0.2


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, False),
        ({"stream_options": None}, False),
        ({"stream_options": {}}, False),
        ({"stream_options": {"include_usage": False}}, False),
        ({"stream_options": {"include_usage": True}}, True),
        ({"stream_options": {"include_usage": True, "include_obfuscation": False}}, True),
    ],
)
def test_usage_when_streamed_is_asked_upstream_always_and_given_when_asked(
    gateway: LiveGateway, options: dict[str, object], asked: bool
) -> None:
    response = gateway.chat("chaos/ok", stream=True, **options)
    chunks = [event for event in events(response) if event != "[DONE]"]
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")] == ([14] if asked else [])
    assert all(chunk["choices"] for chunk in chunks) is not asked
    assert words(response) == "Hello from chaos."


def test_usage_when_it_comes_with_the_last_choice_is_taken_out_unless_asked(gateway: LiveGateway) -> None:
    finish = events(gateway.chat("chaos/stream-usage-on-finish", stream=True))[-2]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert "usage" not in finish


def test_usage_when_the_upstream_sends_none_is_no_error(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-no-usage", stream=True, stream_options={"include_usage": True})
    assert (words(response), events(response)[-1]) == ("Hello from chaos.", "[DONE]")


@pytest.mark.parametrize(("behaviour", "stream"), [("ok", False), ("ok", True), ("stream-ok-5", True)])
def test_connection_when_an_answer_ended_well_is_used_again(gateway: LiveGateway, behaviour: str, stream: bool) -> None:
    gateway.chat(f"chaos/{behaviour}", stream=stream)
    before = gateway.chaos.connections()["accepted"]
    for _ in range(20):
        assert gateway.chaos.wait_idle()  # a client that is faster than the end of the last answer gets another connection
        gateway.chat(f"chaos/{behaviour}", stream=stream)
    assert gateway.chaos.connections()["accepted"] - before <= 1
