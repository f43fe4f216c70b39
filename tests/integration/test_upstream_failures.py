"""What does the client see when an upstream fails before its first byte, and does the next route take over?"""

from __future__ import annotations

import time
from itertools import groupby
from typing import Any

import pytest

from tests.live import LiveGateway, error_of, words

PASSED_THROUGH = {
    "status-400": (400, "invalid_value"),
    "status-413": (413, "request_too_large"),
    "status-422": (422, "unprocessable"),
}
FALLS_OVER = {
    "status-401": (502, "upstream_auth_failed"),
    "status-403": (502, "upstream_auth_failed"),
    "status-404": (502, "upstream_model_not_found"),
    "status-429": (429, "upstream_rate_limited"),
    "status-429-quota": (429, "upstream_quota_exceeded"),
    "status-429-html": (429, "upstream_rate_limited"),
    "status-500": (502, "upstream_server_error"),
    "status-502": (502, "upstream_server_error"),
    "status-520": (502, "upstream_server_error"),
    "status-502-html": (502, "upstream_server_error"),
    "status-503": (503, "upstream_overloaded"),
    "status-529": (503, "upstream_overloaded"),
    "status-503-html": (503, "upstream_overloaded"),
    "status-504": (504, "upstream_timeout"),
    "redirect": (502, "upstream_redirect_refused"),
    "reset-before-head": (502, "upstream_reset"),
    "close-before-head": (502, "upstream_reset"),
    "not-http": (502, "upstream_protocol_error"),
    "header-flood-500": (502, "upstream_protocol_error"),
    "header-huge-100": (502, "upstream_protocol_error"),
    "head-endless": (502, "upstream_protocol_error"),
    "informational-flood": (502, "upstream_protocol_error"),
    "cl-te": (502, "upstream_protocol_error"),
}
HANGS = {"hang": (504, "ttft_timeout"), "head-then-hang": (504, None)}
WHOLE_ONLY = {
    "html-200": (502, "upstream_invalid_response"),
    "truncated-json": (502, "upstream_invalid_response"),
    "empty-body": (502, "upstream_invalid_response"),
    "json-list": (502, "upstream_invalid_response"),
    "json-string": (502, "upstream_invalid_response"),
    "json-null": (502, "upstream_invalid_response"),
    "json-object": (502, "upstream_invalid_response"),
    "json-error": (503, "upstream_overloaded"),
    "gzip": (502, None),
    "length-long": (502, None),
    "half-then-hang": (504, None),
    "huge-json-65": (502, "upstream_response_too_large"),
}
STREAM_ONLY = {
    "stream-empty": (502, "upstream_empty_stream"),
    "stream-done-only": (502, "upstream_empty_stream"),
    "stream-error-first": (503, "upstream_overloaded"),
    "stream-error-first-429": (429, "upstream_rate_limited"),
    "stream-error-first-500": (502, "upstream_server_error"),
    "stream-cut-after-0": (502, None),
    "stream-end-after-0": (502, "upstream_empty_stream"),
    "stream-reset-after-0": (502, None),
    "stream-stall-after-0": (504, "ttft_timeout"),
    "stream-pings-only": (504, "ttft_timeout"),
    "html-200": (502, None),
    "empty-body": (502, None),
}
TYPES = {
    429: {"rate_limit_error", "insufficient_quota"},
    502: {"upstream_error"},
    503: {"overloaded_error"},
    504: {"upstream_timeout"},
}
RETRY_AFTER = {"3": {3}, "ms-2000": {2}, "date": {4, 5}, "-1": {1}, "0": {1}, "1000000000": {60}, "soon": {1}}
FIRST_BYTE_S = 0.4
TOTAL_S = 0.8
EVERYTHING = {**FALLS_OVER, **HANGS, **WHOLE_ONLY, **STREAM_ONLY}


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    limits: dict[str, Any] = {"first_byte_timeout_s": FIRST_BYTE_S, "total_timeout_s": TOTAL_S}
    hanging = {*HANGS, "half-then-hang", "stream-stall-after-0", "stream-pings-only"}
    others = (
        "ok",
        "stale-reuse",
        "two-bodies",
        "length-short",
        "status-400-leak",
        "status-423-leak",
        "error-list",
        "stream-error-first-400",
    )
    limited = [f"status-429-retry-after-{value}" for value in RETRY_AFTER]
    shared_gateway.define(*PASSED_THROUGH, *(EVERYTHING.keys() - hanging), *others, *limited)
    shared_gateway.define(*hanging, **limits)
    pairs = {
        f"{prefix}/{name}": [{"upstream_model": name}, {"upstream_model": "ok"}]
        for name in [*EVERYTHING, *PASSED_THROUGH]
        for prefix in ("then-ok", "streamed")  # a target that was limited is left alone for a while, so each test has its own
    }
    shared_gateway.define_models(pairs)
    shared_gateway.define_models({name: pair for name, pair in pairs.items() if pair[0]["upstream_model"] in hanging}, **limits)
    shared_gateway.define_models(
        {
            "dead": [{"upstream_model": "ok", "provider": "dead"}],
            "limited": [{"upstream_model": "status-429-retry-after-50"}, {"upstream_model": "status-429-retry-after-7"}],
        }
    )


def targets_asked(gateway: LiveGateway) -> list[str]:
    """The upstream models in the order in which they were asked; a request sent again on a fresh connection counts once."""
    return [name for name, _ in groupby(seen["model"] for seen in gateway.chaos.log())]


def check(gateway: LiveGateway, name: str, status: int, code: str | None, *, stream: bool) -> None:
    """One request to a model with that behaviour alone."""
    started = time.monotonic()
    response = gateway.chat(name, stream=stream)
    error = error_of(response)
    assert response.status_code == status
    assert code is None or error["code"] == code
    assert error["type"] in TYPES[status]
    assert response.headers["x-gateway-attempts"] == "1"
    assert status == 429 or response.headers["x-should-retry"] == "false"
    assert time.monotonic() - started < TOTAL_S + 1.5
    assert "canary" not in response.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", [*FALLS_OVER, *HANGS])
def test_failure_when_no_route_is_left_is_mapped(gateway: LiveGateway, behaviour: str, stream: bool) -> None:
    status, code = EVERYTHING[behaviour]
    check(gateway, f"chaos/{behaviour}", status, code, stream=stream)


@pytest.mark.parametrize("behaviour", WHOLE_ONLY)
def test_answer_when_it_cannot_be_understood_is_mapped(gateway: LiveGateway, behaviour: str) -> None:
    check(gateway, f"chaos/{behaviour}", *WHOLE_ONLY[behaviour], stream=False)


@pytest.mark.parametrize("behaviour", STREAM_ONLY)
def test_stream_when_it_fails_before_its_first_event_has_a_true_status(gateway: LiveGateway, behaviour: str) -> None:
    check(gateway, f"chaos/{behaviour}", *STREAM_ONLY[behaviour], stream=True)


@pytest.mark.parametrize("stream", [False, True])
def test_connection_when_refused_is_502(gateway: LiveGateway, stream: bool) -> None:
    check(gateway, "dead", 502, "upstream_connect_failed", stream=stream)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", PASSED_THROUGH)
def test_refusal_of_the_request_when_said_upstream_is_passed_on(gateway: LiveGateway, behaviour: str, stream: bool) -> None:
    response = gateway.chat(f"then-ok/{behaviour}", stream=stream)
    status, code = PASSED_THROUGH[behaviour]
    direct = gateway.chaos_answer(behaviour).json()["error"]
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert error_of(response) == direct
    assert response.headers["x-gateway-attempts"] == "1"


def test_refusal_when_in_a_list_is_unwrapped(gateway: LiveGateway) -> None:
    error = error_of(gateway.chat("chaos/error-list"), "status")
    assert (error["message"], error["code"], error["status"]) == ("Wrapped in a list.", "400", "INVALID_ARGUMENT")


def test_refusal_when_in_the_first_event_of_a_stream_is_passed_on(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/stream-error-first-400", stream=True)
    assert (response.status_code, error_of(response)["param"]) == (400, "temperature")


def test_refusal_when_it_repeats_our_key_is_scrubbed(gateway: LiveGateway) -> None:
    response = gateway.chat("chaos/status-423-leak")
    assert error_of(response)["message"].startswith("Incorrect API key provided: ")
    assert "canary" not in response.text
    response = gateway.chat("chaos/status-400-leak")  # as xAI answers to a bad key
    assert (response.status_code, error_of(response)["code"]) == (502, "upstream_auth_failed")
    assert "canary" not in response.text


@pytest.mark.parametrize("behaviour", [name for name in EVERYTHING if name not in STREAM_ONLY or name in WHOLE_ONLY])
def test_failure_when_another_route_is_left_is_not_seen(gateway: LiveGateway, behaviour: str) -> None:
    response = gateway.chat(f"then-ok/{behaviour}")
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2")
    assert response.json()["choices"][0]["message"]["content"] == "Hello from chaos."
    assert targets_asked(gateway) == [behaviour, "ok"]


@pytest.mark.parametrize("behaviour", [name for name in EVERYTHING if name not in WHOLE_ONLY or name in STREAM_ONLY])
def test_failure_when_streamed_and_another_route_is_left_is_not_seen(gateway: LiveGateway, behaviour: str) -> None:
    response = gateway.chat(f"streamed/{behaviour}", stream=True)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2")
    assert words(response) == "Hello from chaos."
    assert '"error":' not in response.text
    assert targets_asked(gateway) == [behaviour, "ok"]


def test_redirect_when_answered_is_not_followed(gateway: LiveGateway) -> None:
    gateway.chat("chaos/redirect")
    assert [seen["target"] for seen in gateway.chaos.log()] == ["/v1/chat/completions"]


@pytest.mark.parametrize("value", RETRY_AFTER)
def test_retry_after_when_said_upstream_reaches_the_client_clamped(gateway: LiveGateway, value: str) -> None:
    response = gateway.chat(f"chaos/status-429-retry-after-{value}")
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) in RETRY_AFTER[value]


def test_retry_after_when_several_routes_are_limited_is_the_earliest(gateway: LiveGateway) -> None:
    response = gateway.chat("limited")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.headers["x-gateway-attempts"] == "2"


@pytest.mark.parametrize("behaviour", ["two-bodies", "length-short"])
def test_bytes_when_sent_after_the_answer_reach_nobody(gateway: LiveGateway, behaviour: str) -> None:
    for _ in range(3):
        assert "SMUGGLED" not in gateway.chat(f"chaos/{behaviour}").text
        after = gateway.chat("chaos/ok")
        assert after.json()["choices"][0]["message"]["content"] == "Hello from chaos."
    assert gateway.chaos.wait_idle()


def test_connection_when_closed_while_idle_is_replaced_unseen(gateway: LiveGateway) -> None:
    for _ in range(4):
        response = gateway.chat("chaos/stale-reuse")
        assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "1")
