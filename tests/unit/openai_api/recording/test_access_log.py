"""Does a line come whole, and one for each request, past Python's buffers?"""

from __future__ import annotations

import json
import os
import re
from time import monotonic
from typing import Any

from openai_api.recording.access_log import STRANGERS, WHOLE, AccessLog, Shown, _parts
from openai_api.recording.batches import Batch
from openai_api.recording.events import Record


def record(name: str, *, path: str = "/v1/models", status: int = 200, **more: Any) -> Record:
    return Record(name, "GET", path, status=status, **more)


PID = 4711


def batch(*records: Record) -> Batch:
    return Batch("run", "0123456789", PID, 0, list(records))


def written(*records: Record, as_json: bool, shown: Shown = Shown.ALL) -> list[str]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines:
        AccessLog(as_json=as_json, shown=shown, file=writing).write([batch(*records)])
        os.close(writing)
        return lines.read().splitlines()


def test_requests_when_written_are_one_line_each() -> None:
    lines = written(*(record(f"r{number}") for number in range(50)), as_json=True)
    assert [json.loads(line)["request_id"] for line in lines] == [f"r{number}" for number in range(50)]


def test_health_checks_when_they_went_well_are_left_out() -> None:
    lines = written(record("a", path="/livez"), record("b", path="/readyz", status=503), record("c"), as_json=False)
    assert [re.findall(r"(?:path|status)=(\S+)", line) for line in lines] == [["/readyz", "503"], ["/v1/models", "200"]]


def test_requests_when_only_errors_are_shown_are_those_that_failed() -> None:
    records = (
        record("good"),
        record("refused", status=400),
        record("broken", error="upstream_reset"),
        record("left", client_aborted=True),
    )
    lines = written(*records, as_json=True, shown=Shown.ERRORS)
    assert [json.loads(line)["request_id"] for line in lines] == ["refused", "broken"]


def test_line_when_written_has_the_form_of_all_others() -> None:
    (line,) = written(record("r", status=401, error="invalid_api_key"), as_json=True)
    told = json.loads(line)
    assert list(told)[:5] == ["timestamp", "level", "logger", "message", "pid"]
    assert (told["level"], told["logger"], told["message"], told["pid"]) == ("warning", "gateway.access", "request", PID)
    (text,) = written(record("r", status=401), as_json=False)
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[warning  \] request \[gateway\.access\] pid=\d+ method=GET ", text)


def test_strangers_when_they_send_many_requests_have_few_lines_and_the_number_of_the_others() -> None:
    reading, writing = os.pipe()
    log = AccessLog(as_json=True, shown=Shown.ERRORS, file=writing)
    log.write([batch(*(record(str(number), status=401) for number in range(STRANGERS + 7)))])
    log.write([batch(record("known", status=401, client_id="c"))])
    deadline = monotonic() + 3
    while monotonic() < deadline and log._hidden:
        log.write([])
    os.close(writing)
    with os.fdopen(reading) as lines:
        told = [json.loads(line) for line in lines]
    assert sum(line["message"] == "request" and "key_id" not in line for line in told) == STRANGERS
    hidden = [line["requests"] for line in told if "requests" in line]
    assert sum(hidden) + sum(line["message"] == "request" for line in told) == STRANGERS + 8


def test_line_when_a_path_holds_line_ends_is_still_one() -> None:
    for as_json in (True, False):
        assert len(written(record("r", path="/v1/x\n2026 GET /forged 200"), as_json=as_json)) == 1


def test_parts_when_lines_are_many_hold_whole_lines_that_a_pipe_keeps_together() -> None:
    lines = [b"x" * length + b"\n" for length in (1000, 3000, 200, 5000, 10, 10)]
    parts = list(_parts(lines))
    assert b"".join(parts) == b"".join(lines)
    assert all(part.endswith(b"\n") for part in parts)
    assert [len(part) for part in parts if len(part) > WHOLE] == [5001]
