"""Is the slope of a memory curve found, with an interval that holds it?"""

from __future__ import annotations

import random

import pytest

from bench.trend import trend


def test_trend_when_points_lie_on_a_line_then_the_line_is_found() -> None:
    found = trend([0, 1, 2, 3], [5, 7, 9, 11])
    assert found.slope == pytest.approx(2)
    assert found.start == pytest.approx(5)
    assert found.margin == pytest.approx(0, abs=1e-9)


def test_trend_when_points_scatter_then_the_interval_holds_the_true_slope_19_times_in_20() -> None:
    chance = random.Random(1)
    held = 0
    for _ in range(400):
        found = trend(range(20), [0.3 * x + chance.gauss(0, 1) for x in range(20)])
        held += abs(found.slope - 0.3) <= found.margin
    assert 0.92 <= held / 400 <= 0.99


def test_trend_when_neighbours_are_alike_then_the_interval_is_wider() -> None:
    chance = random.Random(2)
    noise = [chance.gauss(0, 1) for _ in range(60)]
    alike = [sum(noise[max(0, place - 9) : place + 1]) for place in range(60)]
    mixed = alike[:]
    chance.shuffle(mixed)
    assert trend(range(60), alike).margin > 1.5 * trend(range(60), mixed).margin
