"""When is a batch safe, and what becomes of one that comes again, or that waited on disk?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from openai_api.recording.batches import Batch, frame_of
from openai_api.recording.events import Record
from tests.fakes.chaos.process import eventually
from tests.unit.openai_api.recording.shelf import RUN, Kept, Shelf

Keep = Callable[..., Kept]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    return lambda *shelves: Kept(tmp_path, *shelves)


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
