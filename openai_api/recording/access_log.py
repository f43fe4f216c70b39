"""How does a request look in the log? One JSON or text line, without bodies and without keys."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from openai_api.recording.events import Record

WHOLE = 4096
QUIET = frozenset(
    {"/livez", "/readyz", "/health", "/health/liveness", "/health/liveliness", "/health/readiness", "/status", "/metrics"}
)


class AccessLog:
    """Writes one line a request to a file descriptor; health checks that went well are left out.

    It writes past Python's buffers: a pipe that nobody reads would block the end of the process in them.
    """

    def __init__(self, *, as_json: bool, file: int | None = None) -> None:
        self._line = json_line if as_json else text_line
        self._file = sys.stdout.fileno() if file is None else file
        self.lost = 0

    def write(self, records: Sequence[Record]) -> None:
        lines = [self._line(facts(record)) for record in records if record.status >= 400 or not _quiet(record.path)]
        for part in _parts(line.encode() + b"\n" for line in lines):
            left = memoryview(part)
            while left:
                left = left[os.write(self._file, left) :]

    def spill(self, records: Sequence[Record]) -> bool:
        """Lines of a log that blocks wait in the queue; when it is full they are lost, rather than requests."""
        return False

    def close(self) -> None:
        """The descriptor belongs to the process."""


def _parts(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in parts of at most `WHOLE` bytes, which a pipe keeps together when several workers write to it."""
    part = b""
    for line in lines:
        if part and len(part) + len(line) > WHOLE:
            yield part
            part = b""
        part += line
    if part:
        yield part


def _quiet(path: str) -> bool:
    return path in QUIET or path.startswith("/health/")


def facts(record: Record) -> dict[str, Any]:
    """What is told of a request; absent where there is nothing to tell. Times in milliseconds."""
    usage = record.usage
    told: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.started, UTC).isoformat(timespec="milliseconds"),
        "event": "request",
        "request_id": record.request_id,
        "method": record.method,
        "path": record.path[:200],
        "status": 499 if record.client_aborted else record.status,
        "error": record.error,
        "key": record.client_name,
        "key_id": record.client_id,
        "model": record.model,
        "stream": record.stream or None,
        "attempts": [f"{attempt.provider}/{attempt.upstream_model}={attempt.outcome}" for attempt in record.attempts],
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "first_byte_ms": None if record.first_byte_s is None else round(record.first_byte_s * 1000, 1),
        "total_ms": round(record.total_s * 1000, 1),
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def json_line(told: dict[str, Any]) -> str:
    return msgspec.json.encode(told).decode()


def text_line(told: dict[str, Any]) -> str:
    """`time METHOD path status total_ms name=value …`."""
    shown = dict(told)
    head = " ".join(_shown(shown.pop(name)) for name in ("timestamp", "method", "path", "status"))
    rest = " ".join(f"{name}={_shown(value)}" for name, value in shown.items() if name != "event")
    return f"{head} {rest}"


def _shown(value: Any) -> str:
    text = ",".join(value) if isinstance(value, list) else str(value)
    return json.dumps(text) if not text.isprintable() or " " in text else text
