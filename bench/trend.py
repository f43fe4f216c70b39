"""Does something grow? A straight line through measurements, with the 95 % confidence interval of its slope."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import mean
from typing import NamedTuple

STUDENT = (
    (1, 12.71),
    (2, 4.30),
    (3, 3.18),
    (4, 2.78),
    (5, 2.57),
    (7, 2.36),
    (10, 2.23),
    (15, 2.13),
    (20, 2.09),
    (30, 2.04),
    (60, 2.00),
)
"""Degrees of freedom, and the 97.5 % quantile of Student's distribution up to them."""


class Trend(NamedTuple):
    """`slope` ± `margin` with 95 % confidence, and the line's value at 0."""

    slope: float
    margin: float
    start: float


def trend(xs: Sequence[float], ys: Sequence[float]) -> Trend:
    """Least squares, for three points or more.

    Neighbouring measurements of one process are alike, which makes the plain interval too narrow: it is widened by what
    the correlation of neighbouring residuals says of how many measurements are independent.
    """
    n, x, y = len(xs), mean(xs), mean(ys)
    spread = sum((one - x) ** 2 for one in xs)
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread
    start = y - slope * x
    residuals = [b - start - slope * a for a, b in zip(xs, ys, strict=True)]
    squares = sum(one * one for one in residuals)
    alike = sum(a * b for a, b in pairwise(residuals)) / squares if squares else 0.0
    alike = min(max(alike, 0.0), 0.95)
    free = max(n * (1 - alike) / (1 + alike) - 2, 1.0)
    return Trend(slope, _student(free) * sqrt(squares / free / spread), start)


def _student(free: float) -> float:
    return next((value for bound, value in STUDENT if free <= bound), 1.98)
