"""Which rows do tests of sums write? Requests of one moment, told apart by what a test says of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from openai_api.recording.rows import UsageRow

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def row(at: datetime = NOON, **told: Any) -> UsageRow:
    """A request that was answered; `told` replaces what is said of it."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "started_at": at.timestamp(),
        "request_id": "r",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "client_id": "11111111-1111-1111-1111-111111111111",
        "client_name": "billing bot",
        "model": "fast",
        "served_model": "fast",
        "provider": "openai",
        "upstream_model": "gpt",
        "attempts": "[]",
        "tries": 1,
        "error": None,
        "stream": False,
        "client_aborted": False,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 5,
        "reasoning_tokens": 0,
        "estimated": False,
        "cost_usd": 0.000123456,
        "first_byte_ms": 200.0,
        "upstream_ms": 190.0,
        "gateway_ms": 2.0,
        "total_ms": 1000.0,
    }
    return UsageRow(**values | told)
