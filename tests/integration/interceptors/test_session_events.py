"""Do the interceptors that take session events get those of every conversation, from a running gateway?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.interceptors.traffic import KINDS, SEEN_WITHIN_S, define, hooks, lines, modes
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

KEY = "sk-proj-canary0123456789abcdefGHIJ"
ACCESS_KEY = "access-key-canary"
CONVERSATIONS = [kind for kind in KINDS if kind != "embeddings"]
CALL = {"llm.call.start", "llm.call.finish"}


@pytest.fixture(scope="module")
def collector() -> Iterator[Vendor]:
    with vendor({"/v1/telemetry": lambda seen: said({})}) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("events") / "made"


@pytest.fixture(scope="module")
def telling(start_gateway: StartGateway, folder: Path, collector: Vendor) -> LiveGateway:
    configured = [
        {"hook": "event_recorder", "options": {"output_dir": str(folder)}},
        {"hook": "cylestio_trace", "options": {"api_url": collector.base}},
    ]
    gateway = start_gateway(GATEWAY_HOOKS=hooks(*configured), CYLESTIO_ACCESS_KEY=ACCESS_KEY)
    define(gateway)
    return gateway


def once_told(read: Any) -> list[dict[str, Any]]:
    """The events, once a call has begun and ended."""

    def found() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = read()
        return events if {event["name"] for event in events} >= CALL else []

    assert eventually(lambda: bool(found()), SEEN_WITHIN_S, 0.1), read()
    return found()


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_conversation_when_it_has_a_session_then_its_events_are_in_its_file_and_at_the_collector(
    kind: str, telling: LiveGateway, folder: Path, collector: Vendor
) -> None:
    session = f"test-{kind.replace(' ', '-')}"
    telling.http.headers["x-gateway-session-id"] = session
    answer = KINDS[kind](telling, f"note {KEY}")
    del telling.http.headers["x-gateway-session-id"]
    assert answer.status_code == 200, answer.text
    path = folder / f"session_{session}.jsonl"
    recorded = once_told(lambda: [line for line in lines(path) if "name" in line] if path.exists() else [])
    assert [event["name"] for event in recorded][:2] == ["session.start", "llm.call.start"]
    assert {event["session_id"] for event in recorded} == {session}
    sent = once_told(lambda: [one.json for one in list(collector.seen) if one.json["session_id"] == session])
    assert [event["name"] for event in sent] == [event["name"] for event in recorded]
    assert {one.headers["authorization"] for one in collector.seen} == {f"Bearer {ACCESS_KEY}"}
    assert KEY not in path.read_text()
    assert not [one for one in collector.seen if KEY.encode() in one.body]
    assert modes(folder) == {"0o700", "0o600"}
    assert ACCESS_KEY not in telling.log_text()
