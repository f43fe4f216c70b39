"""Do events get to a collector of Cylestio's format, in their order, and what if it is slow, away or of another opinion?"""

from __future__ import annotations

import json
import logging
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from openai_api.hooks import EventName
from openai_api.interceptors import cylestio_trace
from openai_api.interceptors.cylestio_trace import CylestioTrace
from providers.types import Secret
from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.unit.openai_api.interceptors.made_up import event

KEY = "access-key-canary"
TELEMETRY = "/v1/telemetry"
EXCHANGE = "/v1/auth/accesskey/exchange"


def token(expires_in_s: float) -> str:
    claims = urlsafe_b64encode(json.dumps({"exp": time.time() + expires_in_s}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{claims}.signature"


@contextmanager
def sending(base: str, **options: Any) -> Iterator[CylestioTrace]:
    sender = CylestioTrace(CylestioTrace.Options(api_url=base, access_key=Secret(KEY), **options))
    try:
        yield sender
    finally:
        sender.close()


@contextmanager
def collector(answer: Callable[[Seen], Said]) -> Iterator[Vendor]:
    with vendor({TELEMETRY: answer}) as upstream:
        yield upstream


def sent(upstream: Vendor, count: int) -> list[Seen]:
    """The messages of events, once there are so many."""
    assert eventually(lambda: len(upstream.seen) >= count, 10, 0.02), upstream.seen
    return [seen for seen in upstream.seen if seen.path == TELEMETRY]


def test_events_when_sent_then_each_is_a_message_in_the_order_of_its_session() -> None:
    with collector(lambda seen: said({}, 201)) as upstream, sending(upstream.base) as sender:
        names = [*EventName] * 4
        sender.take_events([event(name, attributes={"llm.model": "m"}) for name in names])
        seen = sent(upstream, len(names))
        assert [one.json["name"] for one in seen] == [str(name) for name in names]
        first = seen[0].json
        assert {"schema_version", "timestamp", "trace_id", "span_id", "level", "agent_id", "session_id"} < set(first)
        assert first["attributes"]["llm.model"] == "m"
        assert {"os.type", "os.version", "env.python.version", "env.machine.type", "host.name"} < set(first["attributes"])
        assert seen[0].headers["authorization"] == f"Bearer {KEY}"
        assert seen[0].headers["content-type"] == "application/json"


def test_key_when_there_is_an_exchange_then_its_token_is_sent_until_it_expires() -> None:
    tokens = [token(31.5), token(3600)]
    given = iter(tokens)
    with collector(lambda seen: said({})) as upstream:
        upstream.answers[EXCHANGE] = lambda seen: said({"sessionJwt": next(given), "keyId": "k"})
        with sending(upstream.base, auth_url=f"{upstream.base}{EXCHANGE}", project_id="P2x") as sender:
            sender.take_events([event()])
            sent(upstream, 2)
            time.sleep(1.6)
            sender.take_events([event()])
            found = sent(upstream, 4)
            assert [one.headers["authorization"] for one in found] == [f"Bearer {one}" for one in tokens]
            (first, _) = [seen for seen in upstream.seen if seen.path == EXCHANGE]
            assert first.headers["authorization"] == f"Bearer P2x:{KEY}"


def test_token_when_it_is_refused_then_another_one_is_got() -> None:
    given = iter([token(3600), token(7200)])
    refusals = iter([401])
    with collector(lambda seen: said({}, next(refusals, 200))) as upstream:
        upstream.answers[EXCHANGE] = lambda seen: said({"sessionJwt": next(given)})
        with sending(upstream.base, auth_url=f"{upstream.base}{EXCHANGE}") as sender:
            sender.take_events([event()])
            first, second = sent(upstream, 4)
            assert first.headers["authorization"] != second.headers["authorization"]
            assert sender.dropped == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_collector_when_it_is_troubled_then_the_event_is_sent_three_times(
    status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cylestio_trace, "LONGEST_PAUSE_S", 0.05)
    with collector(lambda seen: said({}, status)) as upstream, sending(upstream.base) as sender:
        sender.take_events([event(), event()])
        assert eventually(lambda: sender.dropped == 2, 10, 0.02)
        assert len(upstream.seen) == 6
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
    assert KEY not in caplog.text


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500])
def test_collector_when_it_refuses_then_the_event_is_lost_and_the_next_one_goes_on(status: int) -> None:
    answers = iter([status])
    with collector(lambda seen: said({}, next(answers, 200))) as upstream, sending(upstream.base) as sender:
        sender.take_events([event(), event()])
        assert len(sent(upstream, 2)) == 2
        assert eventually(lambda: sender.dropped == 1, 5, 0.02)


def test_collector_when_it_is_away_then_nothing_is_raised_and_the_end_comes_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}"
    start = time.perf_counter()
    with sending(base, timeout=0.5) as sender:
        sender.take_events([event()] * 50)
        assert time.perf_counter() - start < 1
    assert time.perf_counter() - start < 6


def test_queue_when_it_is_full_then_events_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cylestio_trace, "MOST_EVENTS", 20)
    with collector(lambda seen: Said(chunks=[b"{}"], pause=0.5)) as upstream, sending(upstream.base) as sender:
        for _ in range(10):
            sender.take_events([event()] * 10)
        assert sender.dropped >= 60


def test_credentials_when_an_event_has_some_then_they_are_not_sent() -> None:
    with collector(lambda seen: said({})) as upstream, sending(upstream.base) as sender:
        sender.take_events([event(attributes={"llm.response.content": "sk-proj-canary0123456789abcdefGHIJ"})])
        assert sent(upstream, 1)[0].json["attributes"]["llm.response.content"] == "[REDACTED_API_KEY]"


@pytest.mark.parametrize("answer", [said({}), said({"sessionJwt": ""}), Said(b"no json"), said({"error": 1}, 403)])
def test_exchange_when_it_gives_no_token_then_events_are_lost_and_the_key_is_not_told(
    answer: Said, caplog: pytest.LogCaptureFixture
) -> None:
    with collector(lambda seen: said({})) as upstream:
        upstream.answers[EXCHANGE] = lambda seen: answer
        with sending(upstream.base, auth_url=f"{upstream.base}{EXCHANGE}") as sender:
            sender.take_events([event()])
            assert eventually(lambda: sender.dropped == 1, 10, 0.02)
        assert [seen.path for seen in upstream.seen] == [EXCHANGE]
    assert KEY not in caplog.text
