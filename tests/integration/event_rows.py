"""What did the sinks write of a session? Its rows in PostgreSQL, and its lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway

Json = dict[str, Any]
WITHIN_S = 15.0
"""Two seconds in peace."""


def session_of(gateway: LiveGateway, session: str, client: str | None = None) -> Json | None:
    where = {"session_id": session} | ({"client_name": client} if client else {})
    rows = gateway.operator.rows("openai_api.SessionRow", where)
    return rows[0] if rows else None


def rows_of(gateway: LiveGateway, session: str) -> list[Json]:
    """The events of a session in the order of their numbers, which are those from 1."""
    rows = gateway.operator.rows("openai_api.SessionEventRow", {"session__session_id": session})
    rows.sort(key=lambda row: int(row["number"]))
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    return [{**row, "attributes": json.loads(row["attributes"])} for row in rows]


def names_of(rows: list[Json]) -> list[str]:
    return [row["name"] for row in rows]


def events_of(gateway: LiveGateway, session: str, count: int) -> list[Json]:
    """The events of a session once there are so many."""
    assert eventually(lambda: len(rows_of(gateway, session)) >= count, WITHIN_S, 0.1), names_of(rows_of(gateway, session))
    rows = rows_of(gateway, session)
    assert len(rows) == count, names_of(rows)
    return rows


def folder_of(gateway: LiveGateway) -> Path:
    return gateway.log_path.parent / "events"


def lines_of(gateway: LiveGateway, session: str) -> list[Json]:
    """The lines of a session in the files of events."""
    paths = [*sorted(folder_of(gateway).glob("events-*.jsonl")), folder_of(gateway) / "events.jsonl"]
    lines = [json.loads(line) for path in paths if path.exists() for line in path.read_text().splitlines()]
    return [line for line in lines if line["session_id"] == session]
