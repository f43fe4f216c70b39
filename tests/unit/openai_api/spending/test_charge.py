"""Is what an upstream has made in the background charged, once, whoever tells of it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from models_catalog.bounds import Bounds, BudgetRule, Period, Unit
from models_catalog.snapshot import CatalogSnapshot, Client
from models_catalog.tariffs import Prices, rates_of
from openai_api.limits.journal import Entry, Kind
from openai_api.recording.events import Record
from openai_api.spending.budgets import Budgets
from providers.capabilities import Capability
from providers.types import Usage


class Kept:
    """Takes entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def put(self, entries: Sequence[Entry]) -> None:
        self.entries += entries


def test_charge_when_two_workers_tell_of_the_same_response_has_the_same_ids() -> None:
    rules = (
        BudgetRule("b1", "key", "k", Unit.USD, 10**9, Period.TOTAL),
        BudgetRule("b2", "key", "k", Unit.TOKENS, 99, Period.DAY),
    )
    client = Client("k", "k", bounds=Bounds(budgets=rules))
    record = Record("resp_1", "POST", "/v1/responses", served_model="m", capability=Capability.RESPONSES, row_id="0" * 32)
    record.usage, record.prices = Usage(100, 20), Prices(rates_of({"input": 1000, "output": 1000}))
    told: list[Any] = []
    for _ in range(2):
        kept = Kept()
        Budgets(kept).charge(record, client, CatalogSnapshot())  # type: ignore[arg-type]
        told.append([(entry.id, entry.kind, entry.counter, entry.amount) for entry in kept.entries])
    assert told[0] == told[1]
    amounts = [(kind, counter, amount) for _, kind, counter, amount in told[0]]
    assert amounts == [(Kind.SETTLE, "b1", 120_000_000), (Kind.SETTLE, "b2:t", 120)]


@pytest.mark.parametrize(("model", "served", "charged"), [("gpt-5", "gpt-5", ["star"]), ("gpt-5", "other", ["other"])])
def test_charge_when_the_name_was_one_of_many_then_the_budget_of_the_model_that_served_counts(
    model: str, served: str, charged: list[str]
) -> None:
    bounds = {
        name: Bounds(budgets=(BudgetRule(rule, "model", name, Unit.USD, 10**9, Period.TOTAL),))
        for name, rule in (("gpt-*", "star"), ("other", "other"))
    }
    record = Record("resp_1", "POST", "/v1/responses", model=model, served_model=served, pattern="gpt-*", row_id="0" * 32)
    record.usage, record.prices = Usage(100, 20), Prices(rates_of({"input": 1000, "output": 1000}))
    kept = Kept()
    Budgets(kept).charge(record, Client("k", "k"), CatalogSnapshot(model_bounds=bounds))  # type: ignore[arg-type]
    assert [entry.counter for entry in kept.entries] == charged
