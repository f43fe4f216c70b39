"""Does anything stay behind when thousands of clients leave in the middle of their requests?"""

from __future__ import annotations

import shutil

import pytest

from bench import churn

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="the load generator needs a C compiler")
CANCELS = 5000


def test_requests_when_thousands_are_cancelled_then_nothing_is_left_and_the_next_succeed() -> None:
    with churn.measured(pinned=False) as (target, upstream, folder, cpu):
        found = churn.churn(target, upstream, folder, CANCELS, cpu)
    assert found.faults() == []
    assert found.cancelled >= CANCELS
    assert found.records_dropped == 0
