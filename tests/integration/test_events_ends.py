"""Does a session end once when nothing happens any more, and harm neither a restart nor a full disk anybody?"""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.event_rows import WITHIN_S, folder_of, lines_of, names_of, rows_of, session_of
from tests.live import LiveGateway, environment
from tests.live_fixtures import StartGateway
from tests.live_operator import ROOT

IDLE_S = 3.0
START = ["session.start", "llm.call.start", "llm.call.finish"]
Json = dict[str, Any]


@pytest.fixture(scope="module", params=["thread", "process"])
def of_module(request: pytest.FixtureRequest, start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(
        GATEWAY_EVENTS="database,jsonl", GATEWAY_SESSION_IDLE_S=str(IDLE_S), GATEWAY_RECORDER=request.param, GATEWAY_DRAIN_S="1"
    )
    gateway.define("ok")
    return gateway


def ask(gateway: LiveGateway, session: str) -> None:
    asked = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
    answer = gateway.http.post("/v1/chat/completions", json=asked, headers={"x-gateway-session-id": session})
    assert answer.status_code == 200


def names(gateway: LiveGateway, session: str) -> list[str]:
    return names_of(rows_of(gateway, session))


def has(gateway: LiveGateway, session: str, wanted: list[str]) -> None:
    assert eventually(lambda: names(gateway, session) == wanted, WITHIN_S, 0.1), names(gateway, session)
    assert eventually(lambda: [line["name"] for line in lines_of(gateway, session)] == wanted, WITHIN_S, 0.1)


def test_session_when_idle_then_it_ends_once_and_a_request_starts_it_again(of_module: LiveGateway, chaos: Chaos) -> None:
    session = f"s-{uuid.uuid4()}"
    ask(of_module, session)
    has(of_module, session, [*START, "session.end"])
    row = session_of(of_module, session)
    assert row is not None
    assert row["ended_at"] is not None
    end = rows_of(of_module, session)[-1]["attributes"]
    assert (end["session.end.reason"], end["session.calls"], end["session.errors"]) == ("idle", 1, 0)
    assert end["session.idle_ms"] >= IDLE_S * 1000
    ask(of_module, session)
    has(of_module, session, [*START, "session.end", *START])
    assert rows_of(of_module, session)[4]["attributes"]["session.resumed"] is True
    has(of_module, session, [*START, "session.end", *START, "session.end"])
    of_module.check()


def test_session_when_the_server_is_started_anew_then_it_goes_on_and_ends_once(of_module: LiveGateway, chaos: Chaos) -> None:
    session, left = f"s-{uuid.uuid4()}", f"left-{uuid.uuid4()}"
    of_module.restart(GATEWAY_SESSION_IDLE_S="600")  # however long it takes to start
    ask(of_module, session)
    ask(of_module, left)
    has(of_module, left, START)  # an exchange that no recorder has heard of when the server ends is gone
    of_module.restart()
    ask(of_module, session)
    has(of_module, session, [*START, *START[1:]])
    of_module.restart(GATEWAY_SESSION_IDLE_S=str(IDLE_S))
    has(of_module, left, [*START, "session.end"])
    has(of_module, session, [*START, *START[1:], "session.end"])
    state = folder_of(of_module) / "sessions.state"
    assert state.stat().st_mode & 0o777 == 0o600
    of_module.check()


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"\x82\xa4live\x93\x01\x02\x03\xa5ended\x90"])
def test_memory_when_it_is_damaged_then_the_server_starts_all_the_same(
    damage: bytes, of_module: LiveGateway, chaos: Chaos
) -> None:
    session = f"s-{uuid.uuid4()}"
    assert of_module.stop() == 0
    (folder_of(of_module) / "sessions.state").write_bytes(damage)
    of_module.start()
    of_module._wait_ready()
    ask(of_module, session)
    has(of_module, session, [*START, "session.end"])
    of_module.check()


def test_file_when_the_disk_takes_nothing_then_requests_do_not_notice(start_gateway: StartGateway, chaos: Chaos) -> None:
    gateway = start_gateway(GATEWAY_EVENTS="jsonl,database")
    gateway.define("ok")
    blocked = folder_of(gateway) / "events.jsonl"
    blocked.parent.mkdir(mode=0o700, exist_ok=True)
    blocked.symlink_to("/dev/full")
    first, second = f"s-{uuid.uuid4()}", f"s-{uuid.uuid4()}"
    for _ in range(5):
        ask(gateway, first)
    assert eventually(lambda: len(rows_of(gateway, first)) == 11, WITHIN_S, 0.1)
    gateway.check("session events cannot be written to their file")
    assert gateway.log_text().count("session events cannot be written to their file") == 1
    blocked.unlink()
    ask(gateway, second)
    assert eventually(lambda: [line["name"] for line in lines_of(gateway, second)] == START, WITHIN_S, 0.1)
    gateway.check()


@pytest.mark.parametrize("given", ["databse", "database,off", "all"])
def test_setting_when_it_names_no_sink_then_the_server_does_not_start(given: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment(tmp_path, GATEWAY_EVENTS=given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode != 0
    assert "GATEWAY_EVENTS must be off, or some of database, jsonl, otlp, null" in ran.stderr
