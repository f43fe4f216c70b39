"""Does every record reach its sink or the disk, whatever the sink does, and when is a batch safe?"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from openai_api.recording import in_thread, lanes, recorder
from openai_api.recording.batches import Batch, frame_of
from openai_api.recording.events import Record
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.metrics import Counts, Tally
from openai_api.recording.recorder import Recorder
from openai_api.recording.spool import FRAMES, Spool
from tests.fakes.chaos.process import eventually

STOP_WITHIN_S = 2.5
"""1 second in peace."""
RUN = "run"


class Shelf:
    """A sink that can be blocked, and remembers what it got."""

    def __init__(self, *, spills: bool = True, pause_s: float = 0.0) -> None:
        self.lost = self.held = 0
        self.takes: Callable[[Record], bool] | None = None
        self.written: list[str] = []
        self.spilled: list[str] = []
        self.idle = 0
        self.closed = False
        self.blocked = threading.Event()
        self.spills = spills
        self._pause_s = pause_s
        self._open = threading.Event()
        self._open.set()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        self._open.clear()
        yield
        self._open.set()

    def write(self, batches: Sequence[Batch]) -> None:
        self.idle += not batches
        if batches:
            time.sleep(self._pause_s)
        if not self._open.is_set():
            self.blocked.set()
        self._open.wait()
        self.written += names_in(batches)

    def spill(self, batches: Sequence[Batch]) -> bool:
        if self.spills:
            self.spilled += names_in(batches)
        return self.spills

    def close(self) -> None:
        self.closed = True


def names_in(batches: Sequence[Batch]) -> list[str]:
    return [record.request_id for batch in batches for record in batch.records]


class Kept:
    """A recorder of `rows` and `others` in a thread; `counts` are its sums, `backlog` what waits for it on disk."""

    def __init__(self, folder: Path, rows: Shelf, *others: Shelf) -> None:
        self.counts = Counts()
        self.backlog = Spool(folder, FRAMES)
        self.recorder = Recorder(RUN, self.counts, rows, others, Spool(folder, FRAMES))
        self.thread = ThreadRecorder(RUN, self.recorder)

    def record_all(self, count: int, start: int = 0) -> list[str]:
        names = [f"r{number}" for number in range(start, start + count)]
        for name in names:
            self.thread.record(Record(name, "POST", "/"))
        return names

    def counted(self, name: str) -> float:
        total = Tally()
        self.counts.add_to(total)
        return sum(amount for (known, _), amount in total.counters.items() if known == name)

    def dropped(self) -> float:
        return self.thread.dropped + self.counted("records_dropped_total")


Keep = Callable[..., Kept]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    return lambda *shelves: Kept(tmp_path, *shelves)


def written(shelf: Shelf, count: int) -> bool:
    return len(shelf.written) == count


async def until(condition: object, within_s: float = 5.0) -> bool:
    return await asyncio.to_thread(eventually, condition, within_s)


async def test_records_when_stopped_are_all_written_once_in_order(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    kept.thread.start()
    names = kept.record_all(1200)
    await kept.thread.stop()
    assert shelf.written == names
    assert (shelf.spilled, kept.dropped(), shelf.closed) == ([], 0, True)
    assert kept.counted("requests_total") == 1200


async def test_records_that_a_sink_does_not_take_are_given_to_the_others_alone(keep: Keep) -> None:
    picky, other = Shelf(), Shelf()
    picky.takes = lambda record: record.status >= 400
    kept = keep(other, picky)
    kept.thread.start()
    for number, status in enumerate((200, 404, 200, 502)):
        kept.thread.record(Record(str(number), "GET", "/", status=status))
    await kept.thread.stop()
    assert (picky.written, other.written) == (["1", "3"], ["0", "1", "2", "3"])


async def test_records_when_they_come_faster_than_a_write_a_turn_are_not_held_back(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    kept.thread.start()
    kept.record_all(10 * lanes.WRITE)
    assert await until(lambda: len(shelf.written) == 10 * lanes.WRITE, 4 * recorder.TURN_S)
    await kept.thread.stop()


async def test_sink_when_stuck_then_its_records_are_spilled_and_other_sinks_go_on(keep: Keep) -> None:
    stuck, fine = Shelf(), Shelf()
    kept = keep(stuck, fine)
    kept.thread.start()
    with stuck.stuck():
        first = kept.record_all(3)
        assert await until(stuck.blocked.is_set)
        later = kept.record_all(5, start=3)
        assert await until(lambda: len(stuck.spilled) == 8)
        assert await until(lambda: fine.written == first + later)
        assert sorted(stuck.spilled) == sorted(first + later)
        assert kept.thread.status().state == "stuck"
        await asyncio.sleep(lanes.PATIENCE_S)
        assert len(stuck.spilled) == 8, "what is being written is spilled once"
    await kept.thread.stop()
    assert set(stuck.written) <= set(first)
    assert kept.dropped() == 0


async def test_log_when_stuck_for_long_then_its_lines_are_dropped_and_counted(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "CAPACITY", 100)
    rows, log = Shelf(), Shelf(spills=False)
    kept = keep(rows, log)
    kept.thread.start()
    with log.stuck():
        names = kept.record_all(1)
        assert await until(log.blocked.is_set)
        for start in (1, 51, 101, 151):
            names += kept.record_all(50, start)
            assert await until(partial(written, rows, len(names)))
        assert await until(lambda: kept.dropped() == 100)
    await kept.thread.stop()
    assert log.written == names[:101]


async def test_log_when_stuck_then_rows_go_on(keep: Keep) -> None:
    rows, log = Shelf(), Shelf(spills=False)
    kept = keep(rows, log)
    kept.thread.start()
    with log.stuck():
        names = kept.record_all(3)
        assert await until(log.blocked.is_set)
        names += kept.record_all(5, start=3)
        assert await until(lambda: rows.written == names)
        assert kept.thread.status().state == "ok"
    await kept.thread.stop()
    assert log.written == names


async def test_recorder_when_stopped_with_a_stuck_sink_then_it_ends_in_time_and_loses_nothing(keep: Keep) -> None:
    stuck = Shelf()
    kept = keep(stuck, Shelf())
    kept.thread.start()
    with stuck.stuck():
        names = kept.record_all(700)
        assert await until(stuck.blocked.is_set)
        started = time.monotonic()
        await kept.thread.stop()
        assert time.monotonic() - started < STOP_WITHIN_S
        assert sorted(stuck.spilled) == sorted(names)


async def test_recorder_when_stopped_with_a_slow_sink_then_it_ends_in_time_and_loses_nothing(keep: Keep) -> None:
    slow = Shelf(pause_s=0.6)
    kept = keep(slow)
    kept.thread.start()
    names = kept.record_all(10 * lanes.WRITE)
    started = time.monotonic()
    await kept.thread.stop()
    assert time.monotonic() - started < STOP_WITHIN_S
    assert set(slow.written) | set(slow.spilled) == set(names)


async def test_queue_when_crowded_then_it_is_spilled_before_it_is_full(keep: Keep) -> None:
    slow = Shelf(pause_s=0.3)
    kept = keep(slow)
    kept.thread.start()
    names = kept.record_all(lanes.CROWDED + 2000)
    assert await until(lambda: bool(slow.spilled))
    await kept.thread.stop()
    assert set(slow.written) | set(slow.spilled) == set(names)
    assert kept.dropped() == 0


async def test_sink_when_it_cannot_spill_then_records_wait_until_the_queue_is_full(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lanes, recorder, in_thread):
        monkeypatch.setattr(module, "CAPACITY", 100)
    stuck = Shelf(spills=False)
    kept = keep(stuck)
    kept.thread.start()
    with stuck.stuck():
        kept.record_all(1)
        assert await until(stuck.blocked.is_set)
        kept.record_all(150, start=1)
        await asyncio.sleep(2 * lanes.PATIENCE_S)
        assert kept.dropped() == 50
        kept.record_all(150, start=151)
        await asyncio.sleep(2 * recorder.TURN_S)
        assert kept.dropped() == 100, "what is crowded is given nothing more"
    await kept.thread.stop()
    assert len(stuck.written) == 201


async def test_sink_when_it_fails_then_the_loss_is_counted_and_it_goes_on(keep: Keep, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Shelf):
        def write(self, batches: Sequence[Batch]) -> None:
            if "r0" in names_in(batches):
                raise RuntimeError("once")
            super().write(batches)

    failing = Failing()
    kept = keep(failing)
    kept.thread.start()
    kept.record_all(1)
    assert await until(lambda: kept.dropped() == 1)
    kept.record_all(1, start=1)
    await kept.thread.stop()
    assert failing.written == ["r1"]
    assert "records could not be written" in caplog.text


async def test_sink_when_nothing_comes_then_it_is_called_for_what_is_due(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    kept.thread.start()
    assert await until(lambda: shelf.idle > 0, 3 * lanes.IDLE_S)
    await kept.thread.stop()
    assert shelf.written == []


async def test_recorder_when_abandoned_then_everything_is_spilled(keep: Keep) -> None:
    stuck = Shelf()
    kept = keep(stuck)
    kept.thread.start()
    with stuck.stuck():
        names = kept.record_all(20)
        assert await until(stuck.blocked.is_set)
        names += kept.record_all(20, start=20)
        kept.thread.abandon()
        kept.thread.abandon()
        assert sorted(stuck.spilled) == sorted(names)
    await kept.thread.stop()


def batch(number: int, *names: str, run: str = RUN, worker: str = "0123456789") -> Batch:
    return Batch(run, worker, 1, number, [Record(name, "POST", "/") for name in names])


class Safe:
    """Gives batches to a recorder that turns when it is told to, and knows which of them are safe."""

    def __init__(self, kept: Kept) -> None:
        self.numbers: list[int] = []
        self._kept = kept
        kept.recorder.start()

    def take(self, batch: Batch) -> None:
        self._kept.recorder.take(batch, lambda: self.numbers.append(batch.number))

    def become(self, numbers: list[int]) -> bool:
        """Whether these are safe in the end."""

        def turned() -> bool:
            self._kept.recorder.turn()
            return sorted(self.numbers) == numbers

        return eventually(turned, 3, 0.05)


def test_batch_when_written_is_safe_and_not_before(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    safe = Safe(kept)
    with shelf.stuck():
        safe.take(batch(0, "a"))
        kept.recorder.turn()
        assert shelf.blocked.wait(2)
        kept.recorder.turn()
        assert safe.numbers == []
    assert safe.become([0])
    kept.recorder.stop()


def test_batch_when_spilled_is_safe(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    safe = Safe(kept)
    with shelf.stuck():
        safe.take(batch(0, "a"))
        kept.recorder.turn()
        assert shelf.blocked.wait(2)
        safe.take(batch(1, "b"))
        assert safe.become([0, 1])
        assert shelf.spilled == ["a", "b"]
    kept.recorder.stop()


def test_batch_when_the_sink_holds_it_in_memory_is_not_safe_until_it_is_written(keep: Keep) -> None:
    shelf = Shelf()
    kept = keep(shelf)
    safe = Safe(kept)
    shelf.held = 1
    safe.take(batch(0, "a"))
    kept.recorder.turn()
    assert eventually(lambda: shelf.written == ["a"], 2)
    kept.recorder.turn()
    assert safe.numbers == []
    shelf.held = 0
    assert safe.become([0]), "with the next write, if only of nothing"
    kept.recorder.stop()


def test_batch_when_it_comes_twice_is_safe_twice_and_counted_and_logged_once(keep: Keep) -> None:
    rows, log = Shelf(), Shelf()
    kept = keep(rows, log)
    safe = Safe(kept)
    safe.take(batch(0, "a", "b"))
    assert safe.become([0])
    safe.take(batch(0, "a", "b"))
    assert safe.become([0, 0])
    kept.recorder.stop()
    assert (rows.written, log.written) == (["a", "b"] * 2, ["a", "b"])
    assert kept.counted("requests_total") == 2


def test_backlog_when_there_is_one_is_spilled_and_counted_once_if_it_is_of_this_server(keep: Keep) -> None:
    rows, log = Shelf(), Shelf()
    kept = keep(rows, log)
    kept.backlog.append(
        [frame_of(batch(0, "a")), frame_of(batch(1, "b")), frame_of(batch(0, "old", run="before", worker="9876543210"))]
    )
    kept.backlog.append([frame_of(batch(1, "b"))])
    kept.backlog.close()
    kept.recorder.start()
    kept.recorder.turn()
    assert not kept.backlog.waiting()
    kept.recorder.stop()
    assert (rows.spilled, log.written) == (["a", "b", "old", "b"], ["a", "b"])
    assert kept.counted("requests_total") == 2


def test_backlog_when_there_is_no_room_for_its_rows_stays(keep: Keep) -> None:
    rows = Shelf(spills=False)
    kept = keep(rows)
    kept.backlog.append([frame_of(batch(0, "a"))])
    kept.backlog.close()
    kept.recorder.start()
    kept.recorder.turn()
    assert kept.backlog.waiting()
    rows.spills = True
    kept.recorder.stop()
    assert rows.spilled == ["a"]
    assert kept.counted("requests_total") == 1


def test_backlog_when_a_part_cannot_be_read_is_counted_as_lost_and_the_rest_is_taken(keep: Keep) -> None:
    rows = Shelf()
    kept = keep(rows)
    kept.backlog.append([b"\0\0\0\1\xc1", frame_of(batch(0, "a"))])
    kept.backlog.close()
    kept.recorder.start()
    kept.recorder.turn()
    kept.recorder.stop()
    assert rows.spilled == ["a"]
    assert kept.dropped() == 1
