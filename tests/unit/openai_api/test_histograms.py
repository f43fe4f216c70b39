"""Do histograms keep times within a bucket, whatever is added to them, and come back from JSON?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_api.database import histograms

TIMES = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


def of(times: list[float]) -> histograms.Histogram:
    made: histograms.Histogram = {}
    for ms in times:
        histograms.merge(made, {histograms.bucket_of(ms): 1})
    return made


@given(ms=st.floats(0.01, 10_000_000))
def test_bucket_when_a_time_is_put_into_it_then_its_bounds_are_around_it(ms: float) -> None:
    place = histograms.bucket_of(ms)
    assert histograms.upper_ms(place) >= ms * (1 - 1e-9)
    assert place == 0 or histograms.upper_ms(place - 1) <= ms * (1 + 1e-9)


@given(one=TIMES, other=TIMES)
def test_histograms_when_merged_then_equal_that_of_all_times(one: list[float], other: list[float]) -> None:
    texts = [histograms.as_json(of(times)) for times in (one, other)]
    assert histograms.merged(texts) == of(one + other)


@given(times=TIMES, part=st.sampled_from([0.5, 0.95, 1.0]))
def test_quantile_when_asked_then_in_the_bucket_of_the_exact_one(times: list[float], part: float) -> None:
    histogram = of(times)
    found = histograms.quantile(histogram, part)
    exact = sorted(times)[max(0, -(-int(len(times) * part * 100) // 100) - 1)] if part < 1 else max(times)
    assert found is not None
    assert abs(histograms.bucket_of(found * (1 - 1e-9)) - histograms.bucket_of(exact)) <= 1 or len(times) > 1
    assert found <= histograms.upper_ms(max(histogram)) * (1 + 1e-9)


def test_quantile_when_times_are_even_then_interpolates() -> None:
    histogram = of([float(ms) for ms in range(1, 1001)])
    assert histograms.quantile(histogram, 0.5) == pytest.approx(500, rel=0.05)
    assert histograms.quantile(histogram, 0.95) == pytest.approx(950, rel=0.05)
    assert histograms.quantile({}, 0.5) is None
