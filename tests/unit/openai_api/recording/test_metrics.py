"""Are sums kept where other workers find them, also while they are asked for, without a disk, and after their worker's death?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from openai_api.recording.events import Attempt, Record
from openai_api.recording.exposition import METRICS, PREFIX, exposition
from openai_api.recording.metrics import Labels, MetricsSink, Tally
from providers.types import Usage

DEAD = 2**22 + 1
"""No process has this id."""


def record(**fields: object) -> Record:
    made = Record("r", "POST", "/v1/chat/completions", route="/v1/chat/completions", model="m", status=200)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def requests(tally: Tally) -> float:
    return sum(amount for (name, _), amount in tally.counters.items() if name == "requests_total")


def test_sums_when_asked_for_while_they_are_counted_are_never_torn(tmp_path: Path) -> None:
    sinks = [MetricsSink(tmp_path, list) for _ in range(2)]

    def count(sink: MetricsSink) -> None:
        for _ in range(200):
            sink.write([record()])
            sink.lagged(0.001)
            sink.total()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, sinks * 4))
    for sink in sinks:
        sink.close()
    assert [requests(sink.total()) for sink in sinks] == [1600, 1600]


def test_sums_of_a_dead_worker_are_kept_and_its_gauges_are_not(tmp_path: Path) -> None:
    def gauges() -> Iterator[tuple[str, Labels, float]]:
        yield "workers", (), 1

    dead, living = MetricsSink(tmp_path, gauges), MetricsSink(tmp_path, gauges)
    dead.write([record(), record()])
    dead.close()
    (file,) = (path for path in tmp_path.glob("*.json") if json.loads(path.read_bytes())["counters"])
    file.rename(file.with_name(f"{DEAD}-0.json"))
    living.write([record()])
    total = living.total()
    assert requests(total) == 3
    assert total.gauges["workers", ()] == 1


def test_sums_when_the_disk_takes_nothing_are_told_all_the_same(tmp_path: Path) -> None:
    sink = MetricsSink(tmp_path / "gone", list)
    sink.write([record()])
    assert requests(sink.total()) == 1


def test_lag_when_reported_is_counted_without_a_write(tmp_path: Path) -> None:
    sink = MetricsSink(None, list)
    for _ in range(3):
        sink.lagged(0.002)
    histogram = sink.total().histograms["loop_lag_seconds", ()]
    assert sum(histogram.counts) == 3


def test_page_when_everything_was_counted_shows_every_metric() -> None:
    tries = [Attempt("t", "p", "u", outcome="upstream_reset"), Attempt("t", "p", "u", outcome="ok")]
    counted = ("requests_total", "attempts_total", "tokens_total", "cost_usd_total", "build_info")
    names = [name for name in METRICS if name not in counted and not name.endswith("_seconds")]
    sink = MetricsSink(None, lambda: [(name, ("x",) * len(METRICS[name][1]), 1.0) for name in names])
    sink.write([record(attempts=tries, usage=Usage(input_tokens=1, output_tokens=2), stream=True, first_byte_s=0.1)])
    sink.lagged(0.001)
    page = exposition(sink.total(), "1.2.3").decode()
    for name in METRICS:
        assert any(line.startswith(PREFIX + name) for line in page.splitlines() if not line.startswith("#")), name


def test_sum_of_a_worker_when_it_has_died_is_kept_and_none_goes_down(tmp_path: Path) -> None:
    dead, living = (MetricsSink(tmp_path, lambda: [("pool_opened_total", (), 5.0), ("workers", (), 1.0)]) for _ in range(2))
    dead.close()
    (file,) = tmp_path.glob("*.json")
    file.rename(file.with_name(f"{DEAD}-0.json"))
    total = living.total()
    assert total.counters["pool_opened_total", ()] == 10
    assert total.gauges["workers", ()] == 1
