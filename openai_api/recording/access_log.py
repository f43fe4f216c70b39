"""How does a request look in the log? One line in the form of all other lines, without bodies and without keys."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from time import monotonic
from typing import Any

import msgspec

from openai_api.recording.batches import Batch
from openai_api.recording.events import Record

LOGGER = "gateway.access"
WHOLE = 4096
STRANGERS = 20
"""Lines in a second about requests without a known key, of which anybody can send any number."""
QUIET = frozenset(
    {"/livez", "/readyz", "/health", "/health/liveness", "/health/liveliness", "/health/readiness", "/status", "/metrics"}
)


class Shown(StrEnum):
    """Which requests have a line: those that failed or were refused, or all."""

    ERRORS = "errors"
    ALL = "on"


class AccessLog:
    """Writes one line a request to a file descriptor; health checks that went well are left out.

    It writes past Python's buffers: a pipe that nobody reads would block the end of the process in them.
    """

    def __init__(self, *, as_json: bool, shown: Shown = Shown.ALL, file: int | None = None) -> None:
        self._line = json_line if as_json else text_line
        self._all = shown is Shown.ALL
        self._file = sys.stdout.fileno() if file is None else file
        self._second = 0
        self._strangers = self._hidden = 0
        self.lost = self.held = 0

    def write(self, batches: Sequence[Batch]) -> None:
        lines = [self._line(told) for told in self._told(batches)]
        for part in _parts(line.encode() + b"\n" for line in lines):
            left = memoryview(part)
            while left:
                left = left[os.write(self._file, left) :]

    def spill(self, batches: Sequence[Batch]) -> bool:
        """Lines of a log that blocks wait in the queue; when it is full they are lost, rather than requests."""
        return False

    def close(self) -> None:
        """The descriptor belongs to the process."""

    def _told(self, batches: Sequence[Batch]) -> Iterator[dict[str, Any]]:
        second = int(monotonic())
        if second != self._second:
            self._second, self._strangers = second, 0
            if self._hidden:
                yield {
                    **_head("warning", "requests without a known key not shown", datetime.now(UTC), os.getpid()),
                    "requests": self._hidden,
                }
                self._hidden = 0
        for pid, record in ((batch.pid, record) for batch in batches for record in filter(self.takes, batch.records)):
            if record.client_id is None and record.status >= 400:
                self._strangers += 1
                if self._strangers > STRANGERS:
                    self._hidden += 1
                    continue
            yield facts(record, pid)

    def takes(self, record: Record) -> bool:
        """Whether the request has a line."""
        if record.status >= 400 or record.error is not None:
            return True
        return self._all and not _quiet(record.path)


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


def _head(level: str, message: str, when: datetime, pid: int) -> dict[str, Any]:
    """What every line of the log begins with."""
    timestamp = when.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"timestamp": timestamp, "level": level, "logger": LOGGER, "message": message, "pid": pid}


def facts(record: Record, pid: int) -> dict[str, Any]:
    """What is told of a request that the process `pid` has served; absent where there is nothing to tell. Times in milliseconds,
    `timestamp` when it began."""
    usage = record.usage
    status = 499 if record.client_aborted else record.status
    failed = status >= 400 or record.error is not None
    told: dict[str, Any] = {
        **_head("warning" if failed else "info", "request", datetime.fromtimestamp(record.started, UTC), pid),
        "method": record.method[:20],
        "path": record.path[:200],
        "status": status,
        "error": record.error,
        "request_id": record.request_id,
        "key": record.client_name,
        "key_id": record.client_id,
        "model": record.model,
        "stream": record.stream or None,
        "session": record.session or None,
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
    """`time [level] message [logger] name=value …`, as the console renderer of the other lines has it."""
    rest = " ".join(f"{name}={_shown(value)}" for name, value in told.items() if name not in _PLACED)
    return f"{told['timestamp']} [{told['level']:<9}] {told['message']} [{told['logger']}] {rest}"


_PLACED = frozenset({"timestamp", "level", "logger", "message"})


def _shown(value: Any) -> str:
    text = ",".join(value) if isinstance(value, list) else str(value)
    return json.dumps(text) if not text.isprintable() or " " in text else text
