"""Is a request part of its client's trace, and do upstreams become part of it? W3C Trace Context, read strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.collector import Collector, values
from tests.integration.opentelemetry.conftest import StartTold
from tests.live import LiveGateway, body

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
INVALID = {
    "no value": "",
    "words": "hello",
    "upper case": GOOD.upper(),
    "short trace": f"00-{TRACE[1:]}-{SPAN}-01",
    "no trace": f"00-{'0' * 32}-{SPAN}-01",
    "no span": f"00-{TRACE}-{'0' * 16}-01",
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "more than version 00 has": f"{GOOD}-extra",
    "no flags": f"00-{TRACE}-{SPAN}",
    "flags of one digit": f"00-{TRACE}-{SPAN}-1",
    "underscores": GOOD.replace("-", "_"),
    "not hexadecimal": f"00-{TRACE[:-1]}g-{SPAN}-01",
    "more without a dash": f"01-{TRACE}-{SPAN}-01more",
    "very long": f"01-{TRACE}-{SPAN}-01-{'a' * 9000}",
}
STATES = {
    "one": "vendor=value",
    "two": "a=1,b=2",
    "with spaces": "a=1, b=2",
    "tenant": "fw529a3039@dt=FfffffffYQB",
}
BAD_STATES = {
    "no value": "a",
    "empty value": "a=",
    "upper case key": "A=1",
    "twice": "a=1,a=2",
    "an equals sign in it": "a=b=c",
    "too many": ",".join(f"k{number}=v" for number in range(33)),
}


def ask(gateway: LiveGateway, *headers: tuple[str, str]) -> tuple[str, dict[str, str]]:
    """The request's id, and the headers that the upstream saw."""
    answer = gateway.http.post("/v1/chat/completions", json=body("chaos/echo"), headers=[*gateway.headers().items(), *headers])
    seen: dict[str, Any] = json.loads(answer.json()["choices"][0]["message"]["content"])
    return answer.headers["x-request-id"], dict(seen["headers"])


def parts(traceparent: str) -> tuple[str, str, str, str]:
    version, trace, span, flags = traceparent.split("-")
    return version, trace, span, flags


def test_trace_when_the_client_has_none_then_one_begins_and_the_upstream_is_in_it(traced: LiveGateway, told: Collector) -> None:
    request_id, sent = ask(traced)
    span, _ = told.spans_of(request_id)
    assert parts(sent["traceparent"]) == ("00", span.trace_id.hex(), span.span_id.hex(), "01")
    assert span.parent_span_id == b""
    assert not span.flags & 0x200
    assert "tracestate" not in sent


def test_trace_when_the_client_has_one_then_it_goes_on(traced: LiveGateway, told: Collector) -> None:
    request_id, sent = ask(traced, ("traceparent", GOOD), ("tracestate", "vendor=value"))
    span, (child,) = told.spans_of(request_id)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert child.trace_id == span.trace_id
    assert span.flags & 0x300 == 0x300, "the parent is remote"
    assert parts(sent["traceparent"]) == ("00", TRACE, span.span_id.hex(), "01")
    assert sent["tracestate"] == "vendor=value"


def test_trace_when_its_version_is_newer_then_what_is_known_of_it_counts(traced: LiveGateway, told: Collector) -> None:
    request_id, sent = ask(traced, ("traceparent", f"cc-{TRACE}-{SPAN}-03-what-the-future-will-be-like"))
    span, _ = told.spans_of(request_id)
    assert span.trace_id.hex() == TRACE
    assert parts(sent["traceparent"])[0::3] == ("00", "03")


@pytest.mark.parametrize("kind", INVALID)
def test_trace_when_the_header_is_invalid_then_a_new_one_begins(traced: LiveGateway, told: Collector, kind: str) -> None:
    request_id, sent = ask(traced, ("traceparent", INVALID[kind]), ("tracestate", "vendor=value"))
    span, _ = told.spans_of(request_id)
    assert span.trace_id.hex() != TRACE
    assert span.parent_span_id == b""
    assert parts(sent["traceparent"])[1:3] == (span.trace_id.hex(), span.span_id.hex())
    assert "tracestate" not in sent


def test_trace_when_the_header_comes_twice_then_a_new_one_begins(traced: LiveGateway, told: Collector) -> None:
    request_id, _ = ask(traced, ("traceparent", GOOD), ("traceparent", GOOD))
    assert told.spans_of(request_id)[0].trace_id.hex() != TRACE


@pytest.mark.parametrize("kind", STATES)
def test_state_when_it_is_one_then_it_goes_on(traced: LiveGateway, told: Collector, kind: str) -> None:
    _, sent = ask(traced, ("traceparent", GOOD), ("tracestate", STATES[kind]))
    assert sent["tracestate"] == STATES[kind]


@pytest.mark.parametrize("kind", BAD_STATES)
def test_state_when_it_is_none_then_the_trace_goes_on_without_it(traced: LiveGateway, told: Collector, kind: str) -> None:
    request_id, sent = ask(traced, ("traceparent", GOOD), ("tracestate", BAD_STATES[kind]))
    assert told.spans_of(request_id)[0].trace_id.hex() == TRACE
    assert "tracestate" not in sent


def test_sampling_when_nothing_is_kept_then_upstreams_hear_it_and_parents_decide(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_HOOKS='[{"hook": "tracer", "options": {"ratio": 0}}]')
    dropped, sent = ask(gateway)
    assert parts(sent["traceparent"])[3] == "00"
    kept, sent = ask(gateway, ("traceparent", GOOD))
    assert parts(sent["traceparent"])[3] == "01"
    told.spans_of(kept)
    unkept, sent = ask(gateway, ("traceparent", f"00-{TRACE}-{SPAN}-00"))
    assert parts(sent["traceparent"])[1::2] == (TRACE, "00")
    told.spans_of(ask(gateway, ("traceparent", GOOD))[0])
    ids = {values(span.attributes).get("signalbox.request.id") for span in told.spans()}
    assert not {dropped, unkept} & ids


def test_sampling_when_half_is_kept_then_about_half_is(start_told: StartTold, told: Collector) -> None:
    gateway = start_told(GATEWAY_HOOKS='[{"hook": "tracer", "options": {"ratio": 0.5, "follow_parent": false}}]')
    flags = [parts(ask(gateway, ("traceparent", f"00-{TRACE}-{SPAN}-00"))[1]["traceparent"])[3] for _ in range(3)]
    assert len(set(flags)) == 1, "the trace decides, for all who ask"
    kept = sum(parts(ask(gateway)[1]["traceparent"])[3] == "01" for _ in range(60))
    assert 10 < kept < 50
