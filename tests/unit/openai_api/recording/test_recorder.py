"""Does every record reach its sink, or the disk, whatever the sink does, and does no sink hold up another?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from openai_api.recording import in_thread, lanes, recorder
from openai_api.recording.batches import Batch
from openai_api.recording.events import Record
from tests.fakes.chaos.process import eventually
from tests.unit.openai_api.recording.shelf import Kept, Shelf, names_in

STOP_WITHIN_S = 2.5
"""1 second in peace."""


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
