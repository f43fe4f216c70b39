"""Do events get into their file, whole and in order, and does a disk that takes nothing harm nobody?"""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from openai_api.hooks import EventName, SessionEvent
from openai_api.observing.sinks.jsonl import FILE, JsonlSink
from openai_api.observing.sinks.null import NullSink
from tests.live_operator import ROOT

FULL = """
import resource, signal, sys, logging
from pathlib import Path
from tests.unit.openai_api.observing.test_jsonl import event, JsonlSink
logging.basicConfig(format="%(message)s")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sink = JsonlSink(Path(sys.argv[1]))
for number in range(40):
    sink.take_events([event(number)])
print(sink.lost)
"""
"""Writes until the file may not grow."""


def event(number: int = 0, **attributes: Any) -> SessionEvent:
    given = {"number": number, **attributes}
    return SessionEvent(
        name=EventName.CALL_START, at=1_790_000_000.25, session_id="s", trace_id="t" * 32, span_id="s" * 16, attributes=given
    )


def lines(folder: Path) -> list[dict[str, Any]]:
    files = [*sorted(folder.glob("events-*.jsonl")), folder / FILE]
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_jsonl_when_events_come_then_each_is_a_line_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "events"
    JsonlSink(folder).take_events([event(0), event(1, text="Zürich\n")])
    first, second = lines(folder)
    assert (first["name"], first["session_id"], first["level"], first["schema_version"]) == ("llm.call.start", "s", "INFO", "1.0")
    assert first["timestamp"] == "2026-09-21T14:13:20.250000+00:00"
    assert second["attributes"] == {"number": 1, "text": "Zürich\n"}
    assert set(first) == {
        *("schema_version", "timestamp", "trace_id", "span_id", "name"),
        *("level", "agent_id", "session_id", "attributes"),
    }
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_jsonl_when_the_file_is_large_then_it_is_put_aside_and_deleted_after_its_days(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path, days=1, most_bytes=1000)
    for number in range(20):
        sink.take_events([event(number)])
    assert [line["attributes"]["number"] for line in lines(tmp_path)] == list(range(20))
    aside = sorted(tmp_path.glob("events-*.jsonl"))
    assert len(aside) >= 4
    assert all(path.stat().st_size <= 1000 for path in [*aside, tmp_path / FILE])
    long_ago = time.time() - 86400 * 2
    os.utime(aside[0], (long_ago, long_ago))
    sink.tick()
    assert sorted(tmp_path.glob("events-*.jsonl")) == aside[1:]


def test_jsonl_when_several_write_then_no_line_is_broken(tmp_path: Path) -> None:
    def write(first: int) -> None:
        sink = JsonlSink(tmp_path, most_bytes=20_000)
        for number in range(first, first + 200):
            sink.take_events([event(number)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [line["attributes"]["number"] for line in lines(tmp_path)]
    assert sorted(numbers) == list(range(800))
    for first in range(0, 800, 200):
        own = [number for number in numbers if first <= number < first + 200]
        assert own == sorted(own)


def test_jsonl_when_the_disk_is_full_then_whole_lines_stay_and_the_rest_is_counted(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    kept = lines(tmp_path)
    assert 2 <= len(kept) < 40
    assert [line["attributes"]["number"] for line in kept] == list(range(len(kept)))
    assert int(ran.stdout) == 40 - len(kept)
    assert ran.stderr.count("cannot be written") == 1


def test_jsonl_when_there_is_no_folder_to_write_to_then_nothing_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / FILE).symlink_to("/dev/full")
    sink = JsonlSink(tmp_path / "events", days=1)
    with caplog.at_level(logging.INFO):
        sink.take_events([event(), event()])
        sink.take_events([event()])
        sink.tick()
        assert sink.lost == 3
        (tmp_path / "events" / FILE).unlink()
        sink.take_events([event(7)])
        sink.close()
    assert sink.lost == 3
    assert [line["attributes"]["number"] for line in lines(tmp_path / "events")] == [7]
    assert len(caplog.records) == 2


def test_jsonl_when_a_value_cannot_be_written_then_the_others_are(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path)
    sink.take_events([event(1, half="\ud83d", large=2**70, odd=object())])
    assert [line["attributes"]["number"] for line in lines(tmp_path)] == [1]
    assert "odd" not in lines(tmp_path)[0]["attributes"]


def test_null_when_events_come_then_they_are_counted() -> None:
    sink = NullSink()
    sink.take_events([event(), event()])
    sink.tick()
    sink.close()
    assert sink.taken == 2
