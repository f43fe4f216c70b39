"""Are recordings shown to interceptors as they happened, without a network, whatever their files have been through?"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import pytest

from tests.integration.test_replay_provider import agents_turns, answered, asked, exchange, line
from tests.live_operator import ROOT
from tests.live_proxy import environment

WITHOUT_A_NETWORK = """
import os, runpy, sys
def audit(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError("a socket: " + event)
sys.addaudithook(audit)
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
CONFIG = """
interceptors:
  - type: event_recorder
    config: {output_dir: ./events}
  - type: message_logger
    config: {directory: ./messages}
  - type: http_recorder
    config: {output_dir: ./again}
"""


def replayed(folder: Path, *arguments: str) -> CompletedProcess[str]:
    """`manage.py replay` in a process in which nothing can connect."""
    command = [sys.executable, "-c", WITHOUT_A_NETWORK, str(ROOT / "manage.py"), "replay", *arguments]
    done = run(command, cwd=folder, env=environment(folder), text=True, capture_output=True, timeout=180, check=False)
    assert not (folder / "data").exists()
    return done


def recording(folder: Path, *lines: str) -> Path:
    made = folder / "recorded"
    made.mkdir()
    (made / "recording_001.jsonl").write_text("".join(lines))
    return made


def told(folder: Path) -> list[dict[str, Any]]:
    """The events that were recorded, without the heads of their files."""
    lines = [json.loads(text) for file in sorted((folder / "events").iterdir()) for text in file.read_text().splitlines()]
    return [found for found in lines if "name" in found]


def of_session(text: str, session: str) -> str:
    """The lines of an exchange with its session."""
    return "".join(json.dumps({**json.loads(one), "session_id": session}) + "\n" for one in text.splitlines())


@pytest.mark.parametrize("streamed", [False, True])
def test_conversation_when_replayed_then_its_events_in_their_order(streamed: bool, tmp_path: Path) -> None:
    turns = agents_turns("claude-x", streamed=streamed)
    exchanges = (exchange(sent, said, wire="anthropic_messages", path="/v1/messages") for sent, said in turns)
    recording(tmp_path, *(of_session(one, "s1") for one in exchanges))
    (tmp_path / "proxy.yaml").write_text(CONFIG)
    done = replayed(tmp_path, "recorded", "--config", "proxy.yaml")
    assert done.returncode == 0, done.stderr
    assert "Replayed 3 exchanges" in done.stderr
    names = [event["name"] for event in told(tmp_path)]
    call = ["llm.call.start", "llm.call.finish"]
    wanted = [
        "session.start",
        *call,
        "tool.execution",
        "tool.result",
        *call,
        "tool.execution",
        "tool.result",
        *call,
        "session.end",
    ]
    assert names == wanted
    assert {event["session_id"] for event in told(tmp_path)} == {"s1"}
    usage = [event["attributes"].get("llm.usage.output_tokens") for event in told(tmp_path) if event["name"] == "llm.call.finish"]
    assert usage == [7, 7, 7]
    assert not (tmp_path / "again").exists(), "a recording is not recorded"
    assert (tmp_path / "messages" / "message_log.jsonl").read_text().count("\n") == 6


def test_recording_when_damaged_then_the_rest_is_shown_and_the_lines_are_counted(tmp_path: Path) -> None:
    good = exchange(asked("m", "Hi."), answered("Hello."))
    lost = exchange(asked("m", "Anybody?"), answered("")).splitlines(keepends=True)[0]
    stray = exchange(asked("m", "x"), answered("y")).splitlines(keepends=True)[1]
    broken = '{"type":"response","request_id":"?","body":{"size":3,"type":"binary","content":"$$"}}\n'
    recording(tmp_path, "{\n", "\0\0\n", "[1]\n", '{"type":"odd"}\n', good, lost, stray, broken, '{"type":"requ')
    done = replayed(tmp_path, "recorded")
    assert done.returncode == 0, done.stderr
    assert "Replayed 2 exchanges" in done.stderr
    assert "1 without an answer, 5 damaged lines, 2 answers without a request" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout, "without a file they are printed"


def test_recording_of_the_origin_when_replayed_then_paired_by_time_and_session(tmp_path: Path) -> None:
    lines = []
    for number, (began, took) in enumerate([(100.0, 5000.0), (101.0, 1000.0)]):
        head = {"type": "request", "method": "POST", "path": "/v1/chat/completions", "headers": {}, "model": "m"}
        sent = {**head, "is_streaming": False, "session_id": f"s{number}", "start_time": began}
        got = {"type": "response", "status_code": 200, "headers": {"content-type": "application/json"}, "duration_ms": took}
        lines.append((began, line(asked("m", f"question {number}"), sent)))
        lines.append((began + took / 1000, line(answered(f"answer {number}"), {**got, "end_time": began + took / 1000})))
    recording(tmp_path, *(text for _, text in sorted(lines)))
    (tmp_path / "proxy.yaml").write_text(CONFIG)
    done = replayed(tmp_path, "recorded", "--config", "proxy.yaml")
    assert done.returncode == 0, done.stderr
    finished = {event["session_id"]: json.dumps(event) for event in told(tmp_path) if event["name"] == "llm.call.finish"}
    assert "answer 0" in finished["s0"]
    assert "answer 1" in finished["s1"]


def test_pace_when_asked_for_then_kept(tmp_path: Path) -> None:
    ended = [exchange(asked("m", str(number)), answered("a"), end_time=100.0 + number, duration_ms=0) for number in range(3)]
    lines = [
        text.replace('"type": "request",', f'"type": "request", "start_time": {100.0 + n},', 1) for n, text in enumerate(ended)
    ]
    recording(tmp_path, *lines)
    times = {}
    for arguments in ((), ("--speed", "1"), ("--delay", "0.2", "--speed", "0")):
        began = time.monotonic()
        done = replayed(tmp_path, "recorded", *arguments)
        assert done.returncode == 0, done.stderr
        times[arguments] = time.monotonic() - began
    assert times["--speed", "1"] > 2.0


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (("nowhere",), "no such file", 1),
        (("empty",), "recording_NNN", 1),
        (("empty", "--speed", "-1"), "0 or more", 2),
        (("recorded", "--config", "none.yaml"), "No such file", 1),
    ],
)
def test_replay_when_it_cannot_then_a_sentence(arguments: tuple[str, ...], said: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    recording(tmp_path, exchange(asked("m", "Hi."), answered("Hello.")))
    done = replayed(tmp_path, *arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
