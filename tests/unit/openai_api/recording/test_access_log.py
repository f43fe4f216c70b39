"""Does a line come whole, and one for each request, past Python's buffers?"""

from __future__ import annotations

import json
import os

from openai_api.recording.access_log import WHOLE, AccessLog, _parts
from openai_api.recording.events import Record


def record(name: str, *, path: str = "/v1/models", status: int = 200) -> Record:
    return Record(name, "GET", path, status=status)


def written(*records: Record, as_json: bool) -> list[str]:
    reading, writing = os.pipe()
    with os.fdopen(reading) as lines:
        AccessLog(as_json=as_json, file=writing).write(records)
        os.close(writing)
        return lines.read().splitlines()


def test_requests_when_written_are_one_line_each() -> None:
    lines = written(*(record(f"r{number}") for number in range(50)), as_json=True)
    assert [json.loads(line)["request_id"] for line in lines] == [f"r{number}" for number in range(50)]


def test_health_checks_when_they_went_well_are_left_out() -> None:
    lines = written(record("a", path="/livez"), record("b", path="/readyz", status=503), record("c"), as_json=False)
    assert [line.split()[2:4] for line in lines] == [["/readyz", "503"], ["/v1/models", "200"]]


def test_line_when_a_path_holds_line_ends_is_still_one() -> None:
    for as_json in (True, False):
        assert len(written(record("r", path="/v1/x\n2026 GET /forged 200"), as_json=as_json)) == 1


def test_parts_when_lines_are_many_hold_whole_lines_that_a_pipe_keeps_together() -> None:
    lines = [b"x" * length + b"\n" for length in (1000, 3000, 200, 5000, 10, 10)]
    parts = list(_parts(lines))
    assert b"".join(parts) == b"".join(lines)
    assert all(part.endswith(b"\n") for part in parts)
    assert [len(part) for part in parts if len(part) > WHOLE] == [5001]
