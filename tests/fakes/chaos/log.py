"""What did the upstream see? One record for each request, and how it ended."""

from __future__ import annotations

import base64
import hashlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.chaos.http import Request

KEPT_RECORDS = 20_000
KEPT_BODY_BYTES = 64 * 1024


@dataclass(slots=True)
class Record:
    """`state` is `open`, `finished` (the script ran to its end) or `client_closed`; `ms` is how long that took."""

    id: int
    request: Request
    model: str
    behaviour: str
    state: str = "open"
    ms: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def close(self, state: str) -> None:
        self.state = state
        self.ms = round((time.monotonic() - self.started) * 1000, 3)

    def shown(self, *, body: bool) -> dict[str, Any]:
        """As JSON; `started` is on the monotonic clock, which all processes of a machine share."""
        seen = {
            "id": self.id,
            "method": self.request.method,
            "target": self.request.target,
            "model": self.model,
            "behaviour": self.behaviour,
            "headers": [list(pair) for pair in self.request.headers],
            "body_bytes": len(self.request.body),
            "body_sha256": hashlib.sha256(self.request.body).hexdigest(),
            "state": self.state,
            "ms": self.ms,
            "started": self.started,
        }
        if body:
            seen["body_base64"] = base64.b64encode(self.request.body[:KEPT_BODY_BYTES]).decode()
        return seen


class Log:
    """The last requests, oldest first, numbered from 1."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT_RECORDS)
        self._last_id = 0

    def open(self, request: Request, model: str, behaviour: str) -> Record:
        self._last_id += 1
        record = Record(self._last_id, request, model, behaviour)
        self._records.append(record)
        return record

    def clear(self) -> None:
        self._records.clear()

    def shown(self, *, model: str | None, body: bool) -> list[dict[str, Any]]:
        return [record.shown(body=body) for record in self._records if model is None or record.model == model]
