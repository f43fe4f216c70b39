"""How do the tables look before there are jobs? Orders for a database that was migrated back, in a process of its environment.

`python -m tests.services.old_responses NAME ARGUMENT...` does one and writes its result as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "0005_request_search"


def done(env: Mapping[str, str], name: str, *arguments: object) -> Any:
    """Does one, and says what it found."""
    command = [sys.executable, "-m", __name__, name, *map(str, arguments)]
    written = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True).stdout
    return json.loads(written.splitlines()[-1])


def _tables() -> tuple[Any, Any]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    apps = MigrationExecutor(connection).loader.project_state([("openai_api", BEFORE)]).apps
    return apps.get_model("openai_api", "StoredResponseRow").objects, apps.get_model("openai_api", "ResponseEventsRow").objects


def listed() -> dict[str, Any]:
    """What is known of each response: status, worker, whether it has a beat, the fields of its request, and its events."""
    responses, events = _tables()
    found = {}
    for row in responses.all():
        asked = row.request and sorted(json.loads(zlib.decompress(row.request)))
        numbers = [[part.first, part.last] for part in events.filter(response_id=row.pk).order_by("first")]
        found[row.pk] = [row.status, row.worker, row.beat_at is not None, row.next_number, row.streamed, asked, numbers]
    return found


def run(response_id: str, worker: str, silent_s: str, like: str) -> int:
    """Lets a worker run the response, which has told the first three events of another, and was heard of so long ago."""
    responses, events = _tables()
    parts = [zlib.decompress(part.frames) for part in events.filter(response_id=like).order_by("first")]
    packed = zlib.compress(b"".join(frame + b"\n\n" for frame in b"".join(parts).split(b"\n\n")[:3]))
    events.create(response_id=response_id, first=0, last=2, frames=packed)
    beat_at = datetime.now(UTC) - timedelta(seconds=float(silent_s))
    values = {"status": "in_progress", "worker": worker, "beat_at": beat_at, "next_number": 0}
    return int(responses.filter(pk=response_id).update(**values))


def expire(response_id: str) -> int:
    responses, _ = _tables()
    return int(responses.filter(pk=response_id).update(expires_at=datetime.now(UTC) - timedelta(days=1)))


ORDERS: dict[str, Callable[..., Any]] = {"listed": listed, "run": run, "expire": expire}


def main() -> None:
    import django

    django.setup()
    sys.stdout.write(json.dumps(ORDERS[sys.argv[1]](*sys.argv[2:])) + "\n")


if __name__ == "__main__":
    main()
