"""Which requests are in flight, and how is one stopped? Each worker reads every second what is asked of it, and answers in a row.

While nobody looks a worker reads one empty table, in a thread; nothing is done for each request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from openai_api.context import Inbound, ProcessState
from openai_api.errors import StoreUnavailable
from openai_api.models import RunningAsk, RunningTold

LOOK_S = 1.0
FRESH = timedelta(seconds=10)
"""How long a question is answered, and an answer shown."""
KEPT = timedelta(minutes=5)
MOST = 500
"""Requests that a worker tells of, the longest running first."""
Run = Callable[[Callable[[], Any]], Awaitable[Any]]


class Running(msgspec.Struct):
    """A request in flight. `started` is in seconds since the epoch; the provider is the one that is asked now."""

    request_id: str
    started: float
    path: str
    model: str = ""
    provider: str = ""
    tries: int = 0
    stream: bool = False
    status: int = 0
    client_id: str = ""
    client_name: str = ""
    tenant: str = ""
    project: str = ""
    person: str = ""
    app: str = ""
    session: str = ""
    stopping: bool = False
    background: bool = False

    @property
    def started_text(self) -> str:
        """So that it comes back as it is."""
        return repr(self.started)


DECODER = msgspec.json.Decoder(list[Running])


def running_of(inbound: Inbound, *, background: bool = False) -> Running:
    """What is told of a request."""
    record = inbound.record
    last = record.attempts[-1] if record.attempts else None
    return Running(
        inbound.request_id,
        record.started,
        record.path[:200],
        record.model or "",
        last.provider if last else "",
        len(record.attempts),
        record.stream,
        record.status,
        record.client_id or "",
        record.client_name or "",
        record.tenant,
        record.project,
        record.person,
        record.app,
        record.session,
        inbound.ends_with is not None,
        background,
    )


def running_in(state: ProcessState) -> list[Running]:
    """Those of a worker in the order in which they began, for a key or in the background; `MOST` at most."""
    found = [running_of(inbound) for inbound in list(state.active.values())[:MOST] if inbound.record.client_id]
    found += [running_of(inbound, background=True) for inbound in list(state.works.values())[:MOST]]
    return sorted(found, key=lambda one: one.started)[:MOST]


async def tell_running(state: ProcessState, worker: str, run: Run) -> None:
    """Answers what is asked, until it is cancelled. `run` does work with the database in a thread."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            asked = await run(_asked)
            for request_id, started in asked:
                if request_id and started is not None:
                    state.stop(request_id, started)
            if any(not request_id for request_id, _ in asked):
                told = running_in(state)
                await run(lambda told=told: _tell(worker, told))  # type: ignore[misc]
        except StoreUnavailable:
            continue


def _asked() -> list[tuple[str, float | None]]:
    return list(RunningAsk.objects.filter(at__gte=datetime.now(UTC) - FRESH).values_list("request_id", "started")[:MOST])


def _tell(worker: str, told: list[Running]) -> None:
    text = msgspec.json.encode(told).decode().replace("\\u0000", "")
    RunningTold.objects.update_or_create(worker=worker, defaults={"at": datetime.now(UTC), "requests": text})


def look() -> None:
    """Asks all workers to tell of their requests for the next seconds."""
    now = datetime.now(UTC)
    if not RunningAsk.objects.filter(request_id="", at__gte=now - FRESH / 2).exists():
        RunningAsk.objects.filter(at__lt=now - KEPT).delete()
        RunningTold.objects.filter(at__lt=now - KEPT).delete()
        RunningAsk.objects.create(at=now)


def ask_to_stop(request_id: str, started: float) -> None:
    """Asks whichever worker has the request to stop it."""
    RunningAsk.objects.create(at=datetime.now(UTC), request_id=request_id, started=started)


def told(tenants: Collection[str] | None = None) -> list[Running]:
    """What the workers have told lately, the longest running first; with `tenants`, of theirs only."""
    rows = RunningTold.objects.filter(at__gte=datetime.now(UTC) - FRESH).values_list("requests", flat=True)
    return sorted(_within(rows, tenants), key=lambda one: one.started)


def _within(rows: Iterable[str], tenants: Collection[str] | None) -> Iterable[Running]:
    for text in rows:
        yield from (one for one in DECODER.decode(text) if tenants is None or one.tenant in tenants)
