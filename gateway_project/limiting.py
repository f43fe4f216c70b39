"""Where does this worker count limits? As GATEWAY_LIMITS says: in memory, in Redis, or in the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from django.conf import settings

from gateway_project.budgets import books, budgets
from models_catalog.snapshot import Client
from openai_api.context import Charge
from openai_api.database import ledger
from openai_api.database.limit_counters import DatabaseStore
from openai_api.database.threads import DatabaseThreads
from openai_api.limits.bounded import Bounded
from openai_api.limits.figures import Left
from openai_api.limits.gate import FallbackLimits
from openai_api.limits.journal import Entry
from openai_api.limits.lines import Lines
from openai_api.limits.memory import MemoryStore
from openai_api.limits.redis_store import RedisStore
from openai_api.limits.rules import LimitRules
from openai_api.recording.metrics import Labels
from openai_api.spending.books import Books
from openai_api.spending.gate import FallbackBudgets
from openai_api.spending.pages import RedisPages

CountingStore = MemoryStore | RedisStore | DatabaseStore


def place() -> str:
    """ "memory", "redis" or "database". With `auto`: Redis where there is one, as there may be several servers; else the memory
    of the only worker; else the database."""
    if settings.GATEWAY_LIMITS != "auto":
        return str(settings.GATEWAY_LIMITS)
    if settings.REDIS_URL:
        return "redis"
    return "memory" if settings.WEB_CONCURRENCY == 1 else "database"


class Limiting(NamedTuple):
    """What holds requests to their limits."""

    store: CountingStore
    rules: LimitRules
    bounded: Bounded
    gate: FallbackLimits
    books: Books
    budget_gate: FallbackBudgets
    ledger: DatabaseThreads
    charge: Charge

    def start(self) -> None:
        """The ledger is kept from now on."""
        self.books.start(self.store, RedisPages(settings.REDIS_URL) if isinstance(self.store, RedisStore) else None)

    async def stop(self) -> None:
        await self.store.stop()
        await self.books.stop()
        await self.ledger.close()

    async def left(self, client: Client) -> Mapping[str, Left]:
        """What is left of a client's limits, by their ids."""
        return await self.rules.left(self.store, client)

    def gauges(self) -> Iterator[tuple[str, Labels, float]]:
        """What metrics tell of it."""
        for (scope, counted), refused in self.rules.refusals.items():
            yield "limits_refused_total", (scope, counted), refused
        for scope, refused in self.books.refusals.items():
            yield "budget_refusals_total", (scope,), refused
        yield "ledger_lost_total", (), self.books.lost
        yield "limits_waiting", (), self.bounded.lines.waiting
        if not isinstance(self.store, MemoryStore):
            yield "limits_local", (), self.store.local
            yield "limits_store_failures_total", (), self.store.failures


def limiting(threads: DatabaseThreads) -> Limiting:
    """By the settings: limits and budgets, which a request is held to in one step."""
    writes = DatabaseThreads("ledger")
    kept = books(writes)
    store = store_of(threads, kept)
    rules, spending = LimitRules(), budgets(kept)
    bounded = Bounded(store, (rules, spending), Lines())
    return Limiting(
        store, rules, bounded, FallbackLimits(bounded, rules), kept, FallbackBudgets(bounded, spending), writes, spending.charge
    )


def store_of(threads: DatabaseThreads, kept: Books) -> CountingStore:
    """The store by the settings. What it does not write down itself, `kept` does."""
    where = place()
    if where == "redis":
        return RedisStore(settings.REDIS_URL, settings.WEB_CONCURRENCY, kept.put)
    if where == "memory":
        return MemoryStore(journal=kept.put)
    return DatabaseStore(threads, settings.WEB_CONCURRENCY, kept.put, _write)


def _write(notes: Sequence[Entry]) -> None:
    ledger.write(notes)
