"""Does every record reach its sink, or the disk, whatever the sink does, and does no sink hold up another?"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from openai_api.recording import recorder
from openai_api.recording.events import Record
from openai_api.recording.recorder import BatchRecorder, Takes
from tests.fakes.chaos.process import eventually

STOP_WITHIN_S = 2.5
"""1 second in peace."""


class Shelf:
    """A sink that can be blocked, and remembers what it got."""

    def __init__(self, *, spills: bool = True, pause_s: float = 0.0) -> None:
        self.lost = 0
        self.takes: Takes | None = None
        self.written: list[str] = []
        self.spilled: list[str] = []
        self.idle = 0
        self.closed = False
        self.blocked = threading.Event()
        self._spills = spills
        self._pause_s = pause_s
        self._open = threading.Event()
        self._open.set()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        self._open.clear()
        yield
        self._open.set()

    def write(self, records: Sequence[Record]) -> None:
        self.idle += not records
        if records:
            time.sleep(self._pause_s)
        if not self._open.is_set():
            self.blocked.set()
        self._open.wait()
        self.written += [record.request_id for record in records]

    def spill(self, records: Sequence[Record]) -> bool:
        if self._spills:
            self.spilled += [record.request_id for record in records]
        return self._spills

    def close(self) -> None:
        self.closed = True


def record_all(to: BatchRecorder, count: int, start: int = 0) -> list[str]:
    names = [f"r{number}" for number in range(start, start + count)]
    for name in names:
        to.record(Record(name, "POST", "/"))
    return names


async def until(condition: object, within_s: float = 5.0) -> bool:
    return await asyncio.to_thread(eventually, condition, within_s)


async def test_records_when_stopped_are_all_written_once_in_order() -> None:
    shelf = Shelf()
    kept = BatchRecorder([shelf])
    kept.start()
    names = record_all(kept, 1200)
    await kept.stop()
    assert shelf.written == names
    assert (shelf.spilled, kept.dropped, shelf.closed) == ([], 0, True)


async def test_records_that_a_sink_does_not_take_are_given_to_the_others_alone() -> None:
    picky, other = Shelf(), Shelf()
    picky.takes = lambda record: record.status >= 400
    kept = BatchRecorder([picky, other])
    kept.start()
    for number, status in enumerate((200, 404, 200, 502)):
        kept.record(Record(str(number), "GET", "/", status=status))
    await kept.stop()
    assert (picky.written, other.written) == (["1", "3"], ["0", "1", "2", "3"])


async def test_records_when_they_come_faster_than_a_batch_a_flush_are_not_held_back() -> None:
    shelf = Shelf()
    kept = BatchRecorder([shelf])
    kept.start()
    record_all(kept, 10 * recorder.BATCH)
    assert await until(lambda: len(shelf.written) == 10 * recorder.BATCH, 4 * recorder.FLUSH_S)
    await kept.stop()


async def test_sink_when_stuck_then_its_records_go_aside_and_other_sinks_go_on() -> None:
    stuck, fine = Shelf(), Shelf()
    kept = BatchRecorder([stuck, fine])
    kept.start()
    with stuck.stuck():
        first = record_all(kept, 3)
        assert await until(stuck.blocked.is_set)
        later = record_all(kept, 5, start=3)
        assert await until(lambda: len(stuck.spilled) == 8)
        assert await until(lambda: fine.written == first + later)
        assert sorted(stuck.spilled) == sorted(first + later)
        await asyncio.sleep(recorder.PATIENCE_S)
        assert len(stuck.spilled) == 8, "what is being written goes aside once"
    await kept.stop()
    assert set(stuck.written) <= set(first)
    assert kept.dropped == 0


async def test_recorder_when_stopped_with_a_stuck_sink_then_it_ends_in_time_and_loses_nothing() -> None:
    stuck = Shelf()
    kept = BatchRecorder([stuck, Shelf()])
    kept.start()
    with stuck.stuck():
        names = record_all(kept, 700)
        assert await until(stuck.blocked.is_set)
        started = time.monotonic()
        await kept.stop()
        assert time.monotonic() - started < STOP_WITHIN_S
        assert sorted(stuck.spilled) == sorted(names)


async def test_recorder_when_stopped_with_a_slow_sink_then_it_ends_in_time_and_loses_nothing() -> None:
    slow = Shelf(pause_s=0.6)
    kept = BatchRecorder([slow])
    kept.start()
    names = record_all(kept, 10 * recorder.BATCH)
    started = time.monotonic()
    await kept.stop()
    assert time.monotonic() - started < STOP_WITHIN_S
    assert set(slow.written) | set(slow.spilled) == set(names)


async def test_queue_when_crowded_then_it_is_put_aside_before_it_is_full() -> None:
    slow = Shelf(pause_s=0.3)
    kept = BatchRecorder([slow])
    kept.start()
    names = record_all(kept, recorder.CROWDED + 2000)
    assert await until(lambda: bool(slow.spilled))
    await kept.stop()
    assert set(slow.written) | set(slow.spilled) == set(names)
    assert kept.dropped == 0


async def test_sink_when_it_cannot_put_aside_then_records_wait_until_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "CAPACITY", 100)
    stuck = Shelf(spills=False)
    kept = BatchRecorder([stuck])
    kept.start()
    with stuck.stuck():
        record_all(kept, 1)
        assert await until(stuck.blocked.is_set)
        record_all(kept, 150, start=1)
        await asyncio.sleep(2 * recorder.PATIENCE_S)
        assert kept.dropped == 50
    await kept.stop()
    assert len(stuck.written) == 101


async def test_sink_when_it_fails_then_the_loss_is_counted_and_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Shelf):
        def write(self, records: Sequence[Record]) -> None:
            if any(record.request_id == "r0" for record in records):
                raise RuntimeError("once")
            super().write(records)

    failing = Failing()
    kept = BatchRecorder([failing])
    kept.start()
    record_all(kept, 1)
    assert await until(lambda: kept.dropped == 1)
    record_all(kept, 1, start=1)
    await kept.stop()
    assert failing.written == ["r1"]
    assert "records could not be written" in caplog.text


async def test_sink_when_nothing_comes_then_it_is_called_for_what_is_due() -> None:
    shelf = Shelf()
    kept = BatchRecorder([shelf])
    kept.start()
    assert await until(lambda: shelf.idle > 0, 3 * recorder.IDLE_S)
    await kept.stop()
    assert shelf.written == []


async def test_recorder_when_abandoned_then_everything_is_aside() -> None:
    stuck = Shelf()
    kept = BatchRecorder([stuck])
    kept.start()
    with stuck.stuck():
        names = record_all(kept, 20)
        assert await until(stuck.blocked.is_set)
        names += record_all(kept, 20, start=20)
        kept.abandon()
        kept.abandon()
        assert sorted(stuck.spilled) == sorted(names)
    await kept.stop()
