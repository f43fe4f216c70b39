"""Is a counter the sum of its entries, however often and in whatever order they are written?"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest
from django.db.models import Sum

from models_catalog.models import Budget, Tenant
from openai_api.database import ledger
from openai_api.limits.journal import Entry, Hold, Kind
from openai_api.models import BudgetAlert, BudgetCounter, JobRow, LedgerEntry, OpenHold

pytestmark = pytest.mark.django_db
NOW = time.time()
BUDGET = "6b1ce6a4-5b3c-4a4e-9f8e-0d5d5a0c2f11"


def hold(number: int, amount: int = 10, *, counter: str = "c", deadline: float = NOW + 60) -> Hold:
    return Hold(f"h{number}.0", BUDGET, counter, "2026-11", "usd", f"r{number}", amount, deadline)


def sums() -> dict[str, tuple[int, int]]:
    """By counter, what the entries add up to: spent and held."""
    found: dict[str, tuple[int, int]] = {}
    for row in LedgerEntry.objects.order_by().values("counter", "kind").annotate(total=Sum("amount")):
        spent, held = found.get(row["counter"], (0, 0))
        spends = row["kind"] in ("settle", "adjust")
        found[row["counter"]] = (spent + row["total"], held) if spends else (spent, held + row["total"])
    return found


def counters() -> dict[str, tuple[int, int]]:
    return {row.counter: (row.spent, row.held) for row in BudgetCounter.objects.all()}


def test_counters_when_entries_come_twice_and_in_any_order_are_the_sum_of_the_table() -> None:
    entries: list[Entry] = []
    for number in range(60):
        one = hold(number, counter=f"c{number % 3}")
        entries += [one.held(NOW), *one.ended(number % 7, NOW)]
    shuffled = random.Random(7).sample([*entries, *entries], 2 * len(entries))
    for start in range(0, len(shuffled), 50):
        ledger.write(shuffled[start : start + 50])
    assert counters() == sums()
    assert counters() == {f"c{rest}": (sum(number % 7 for number in range(rest, 60, 3)), 0) for rest in range(3)}
    assert LedgerEntry.objects.count() == len({entry.id for entry in entries})
    assert not OpenHold.objects.exists()


def test_standings_when_written_say_what_the_table_has_and_rise_in_version() -> None:
    one = hold(1)
    (first,) = ledger.write([one.held(NOW)])
    (second,) = ledger.write(one.ended(4, NOW))
    (again,) = ledger.write(one.ended(4, NOW))
    assert (first.spent, first.held, second.spent, second.held) == (0, 10, 4, 0)
    assert second.version == first.version + 1
    assert again == second
    assert ledger.read([("c", "2026-11"), ("nobody's", "2026-11")]) == [second]


def test_hold_when_its_deadline_has_passed_is_released_once_and_a_late_settle_still_counts() -> None:
    late, running = hold(1, deadline=NOW - 1), hold(2)
    ledger.write([late.held(NOW), running.held(NOW)])
    assert ledger.release_overdue(NOW) == 1
    assert ledger.release_overdue(NOW) == 0
    assert counters() == {"c": (0, 10)}
    ledger.write(late.ended(3, NOW))
    assert counters() == sums() == {"c": (3, 10)}


def test_adjustments_when_looked_for_are_those_of_late() -> None:
    old = Entry("a1", NOW - 100, Kind.ADJUST, BUDGET, "c", "2026-11", "usd", "", -5, reason="a refund")
    ledger.write([old, Entry("a2", NOW, Kind.ADJUST, BUDGET, "d", "total", "usd", "", 5)])
    assert ledger.adjusted_since(NOW - 10) == {"a2": ("d", "total")}
    assert counters() == sums() == {"c": (-5, 0), "d": (5, 0)}


def test_alerts_when_a_percent_is_reached_are_raised_once_with_a_job_for_each_way() -> None:
    budget = Budget.objects.create(
        tenant=Tenant.objects.create(name="t"),
        amount="0.000001",
        alerts=[50, 100],
        alert_url="https://x.test/",
        alert_email="a@x.test",
    )

    def spend(number: int, used: int) -> None:
        one = Hold(f"h{number}.0", str(budget.pk), str(budget.pk), "2026-11", "usd", "r", 1, NOW)
        ledger.write([one.held(NOW), *one.ended(used, NOW)])

    told = []
    for number, used in enumerate((499, 1, 100, 400, 1000)):
        spend(number, used)
        told.append(sorted(BudgetAlert.objects.values_list("percent", "spent")))
    assert told == [[], [(50, 500)], [(50, 500)], [(50, 500), (100, 1000)], [(50, 500), (100, 1000)]]
    assert JobRow.objects.filter(kind="budget_alert", state="queued", expires_at__gt=datetime.now(UTC)).count() == 4
