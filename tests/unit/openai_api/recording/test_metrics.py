"""Are sums kept where other workers find them, also while they are asked for, without a disk, and after their worker's death?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random

from openai_api.recording.batches import Batch
from openai_api.recording.events import Attempt, Record
from openai_api.recording.exposition import METRICS, PREFIX, exposition
from openai_api.recording.metrics import WORKERS, Counts, Labels, Seen, Tally, WorkerMetrics
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


numbers = count()


def batch(*records: Record, worker: str = "0123456789", number: int | None = None) -> Batch:
    return Batch("run", worker, 1, next(numbers) if number is None else number, list(records))


def test_sums_when_asked_for_while_they_are_counted_are_never_torn(tmp_path: Path) -> None:
    counts = [Counts() for _ in range(2)]
    workers = [WorkerMetrics(tmp_path, list, counted) for counted in counts]

    def work(place: int) -> None:
        for _ in range(200):
            counts[place % 2].count(batch(record()))
            workers[place % 2].lagged(0.001)
            workers[place % 2].total()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for worker in workers:
        worker.store()
    assert [requests(worker.total()) for worker in workers] == [1600, 1600]


def test_sums_of_a_dead_worker_are_kept_and_its_gauges_are_not(tmp_path: Path) -> None:
    def gauges() -> Iterator[tuple[str, Labels, float]]:
        yield "workers", (), 1

    counts = [Counts() for _ in range(2)]
    dead, living = (WorkerMetrics(tmp_path, gauges, counted) for counted in counts)
    counts[0].count(batch(record(), record()))
    dead.store()
    (file,) = (path for path in tmp_path.glob("*.json") if json.loads(path.read_bytes())["counters"])
    file.rename(file.with_name(f"{DEAD}-0.json"))
    counts[1].count(batch(record()))
    total = living.total()
    assert requests(total) == 3
    assert total.gauges["workers", ()] == 1


def test_sums_when_the_disk_takes_nothing_are_told_all_the_same(tmp_path: Path) -> None:
    counts = Counts(tmp_path / "gone" / "recorder.json")
    counts.count(batch(record()))
    counts.store()
    assert requests(WorkerMetrics(tmp_path / "gone", list, counts).total()) == 1


def test_lag_when_reported_is_counted_without_a_record(tmp_path: Path) -> None:
    worker = WorkerMetrics(None, list)
    for _ in range(3):
        worker.lagged(0.002)
    histogram = worker.total().histograms["loop_lag_seconds", ()]
    assert sum(histogram.counts) == 3


def test_page_when_everything_was_counted_shows_every_metric() -> None:
    tries = [Attempt("t", "p", "u", outcome="upstream_reset"), Attempt("t", "p", "u", outcome="ok")]
    counted = ("requests_total", "attempts_total", "tokens_total", "cost_usd_total", "build_info")
    names = [name for name in METRICS if name not in counted and not name.endswith("_seconds")]
    counts = Counts()
    worker = WorkerMetrics(None, lambda: [(name, ("x",) * len(METRICS[name][1]), 1.0) for name in names], counts)
    counts.count(batch(record(attempts=tries, usage=Usage(input_tokens=1, output_tokens=2), stream=True, first_byte_s=0.1)))
    worker.lagged(0.001)
    page = exposition(worker.total(), "1.2.3").decode()
    for name in METRICS:
        assert any(line.startswith(PREFIX + name) for line in page.splitlines() if not line.startswith("#")), name


def test_sum_of_a_worker_when_it_has_died_is_kept_and_none_goes_down(tmp_path: Path) -> None:
    dead, living = (WorkerMetrics(tmp_path, lambda: [("pool_opened_total", (), 5.0), ("workers", (), 1.0)]) for _ in range(2))
    dead.store()
    (file,) = tmp_path.glob("*.json")
    file.rename(file.with_name(f"{DEAD}-0.json"))
    total = living.total()
    assert total.counters["pool_opened_total", ()] == 10
    assert total.gauges["workers", ()] == 1


def test_sums_of_the_recorder_when_it_is_another_process_are_added_to_what_a_worker_tells(tmp_path: Path) -> None:
    counts = Counts(tmp_path / "recorder.json")
    counts.count(batch(record()))
    counts.lose(2)
    counts.store()
    total = WorkerMetrics(tmp_path, lambda: [("records_dropped_total", (), 3.0)]).total()
    assert requests(total) == 1
    assert total.counters["records_dropped_total", ()] == 5


def test_batch_when_it_comes_twice_is_counted_once_also_by_the_next_recorder(tmp_path: Path) -> None:
    file = tmp_path / "recorder.json"
    counts = Counts(file)
    assert counts.count(batch(record(), record(), number=0))
    assert not counts.count(batch(record(), record(), number=0))
    counts.store()
    counts.count(batch(record(), number=1))  # this recorder is killed before it leaves that
    after = Counts(file)
    assert [after.count(batch(record(), number=number)) for number in (0, 1, 1)] == [False, True, False]
    assert after.count(batch(record(), number=1, worker="9876543210"))
    total = Tally()
    after.add_to(total)
    assert requests(total) == 4


def test_numbers_when_seen_in_any_order_are_each_new_once_and_end_as_one_range() -> None:
    for seed in range(50):
        order = [*range(40), *range(40)]
        Random(seed).shuffle(order)
        seen, known = Seen(), set[int]()
        for number in order:
            assert seen.add("w", number) == (number not in known)
            known.add(number)
        assert seen.ranges == {"w": [(0, 40)]}


def test_numbers_of_workers_when_there_were_very_many_are_those_of_the_latest() -> None:
    seen = Seen()
    for number in range(WORKERS + 5):
        seen.add(str(number), 0)
    assert len(seen.ranges) == WORKERS
    assert not seen.add(str(WORKERS), 0)
