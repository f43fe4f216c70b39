"""What do tests of budgets need? Keys with budgets, and what the ledger has of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body

NANO = 1_000_000_000
WRITTEN_WITHIN = 10.0


class Spender:
    """A client with a key of its own, made with these `arguments`, and a budget of it that is made of `values`; none without."""

    def __init__(self, gateway: LiveGateway, *arguments: str, **values: Any) -> None:
        self.gateway = gateway
        made = gateway.create_key(f"spender-{uuid4().hex[:8]}", *arguments)
        self.id, self.key = made["id"], made["key"]
        self.budget = add_budget(gateway, client_key_id=self.id, **values) if values else ""
        gateway.wait_visible(key=self.key)

    def chat(self, model: str, *, most: int = 20, **fields: Any) -> httpx.Response:
        return self.post("/v1/chat/completions", body(model, max_tokens=most, **fields))

    def post(self, path: str, asked: Mapping[str, Any]) -> httpx.Response:
        return self.gateway.http.post(path, json=asked, headers=self.gateway.headers(self.key))

    def standing(self, requests: int = 1) -> tuple[int, int]:
        """Spent and held, as the ledger adds up, once that many requests have ended there."""
        return settled(self.gateway, self.budget, requests)


def add_budget(gateway: LiveGateway, **values: Any) -> str:
    """A new budget's id, once it is served."""
    made = str(gateway.operator.create("models_catalog.Budget", **{"period": "total", **values}))
    (row,) = gateway.operator.rows("CatalogVersion", {})
    gateway.wait_version(row["version"])
    return made


def sums(gateway: LiveGateway, **where: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """What the entries of the ledger add up to, by counter and period: spent and held."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in gateway.operator.rows("openai_api.LedgerEntry", where):
        found[row["counter"], row["period"]][row["kind"] in ("hold", "release")] += row["amount"]
    return {key: (spent, held) for key, (spent, held) in found.items()}


def counters(gateway: LiveGateway, **where: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """What the table of counters says."""
    rows = gateway.operator.rows("openai_api.BudgetCounter", where)
    return {(row["counter"], row["period"]): (row["spent"], row["held"]) for row in rows}


def settled(gateway: LiveGateway, budget: str, requests: int = 1) -> tuple[int, int]:
    """Spent and held of all counters of a budget, once so many requests have ended, nothing is held, and both tables agree."""

    def quiet() -> bool:
        ended = gateway.operator.rows("openai_api.LedgerEntry", {"budget": budget, "kind": "release"})
        found = counters(gateway, budget=budget)
        return len(ended) >= requests and found == sums(gateway, budget=budget) and not any(held for _, held in found.values())

    eventually(quiet, WRITTEN_WITHIN, 0.1)
    found = counters(gateway, budget=budget)
    assert found == sums(gateway, budget=budget)
    return sum(spent for spent, _ in found.values()), sum(held for _, held in found.values())


def error(answer: httpx.Response) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.json()["error"]
    return found
