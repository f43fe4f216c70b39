"""Are rows that wait on disk kept whole, replayed by one at a time, and never more than there is room for?"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from openai_api.recording import spool as module
from openai_api.recording.batches import Batch, frame_of
from openai_api.recording.events import Record
from openai_api.recording.rows import UsageRow, row_of
from openai_api.recording.spool import FRAMES, ROWS, Replayed, Spool, SpoolFull
from providers.ids import unique

LONG = 60.0


def rows(count: int, start: int = 0) -> list[UsageRow]:
    return [row_of(Record(f"r{number}", "POST", "/"), unique()) for number in range(start, start + count)]


class Taken:
    """Where rows go."""

    def __init__(self) -> None:
        self.rows: list[UsageRow] = []

    def __call__(self, batch: Sequence[UsageRow]) -> None:
        self.rows += batch


def test_rows_when_replayed_come_as_they_were_and_wait_no_more(tmp_path: Path) -> None:
    spool, taken, kept = Spool(tmp_path / "spool", ROWS), Taken(), rows(2500)
    for start in range(0, 2500, 500):
        spool.append(kept[start : start + 500])
    assert spool.waiting()
    assert spool.size() > 0
    assert spool.replay(taken, LONG) == Replayed(2500, 0)
    assert taken.rows == kept
    assert not spool.waiting()
    assert list(tmp_path.glob("spool/*")) == []


def test_rows_when_taking_fails_are_kept_in_the_same_file(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path, ROWS), Taken()

    def fail(batch: Sequence[UsageRow]) -> None:
        raise ConnectionError

    for number in range(5):
        spool.append(rows(1, number))
        with pytest.raises(ConnectionError):
            spool.replay(fail, LONG)
    assert len(list(tmp_path.iterdir())) == 1
    assert spool.replay(taken, LONG).taken == 5


def test_file_when_held_by_another_is_left_alone(tmp_path: Path) -> None:
    mine, theirs, taken = Spool(tmp_path, ROWS), Spool(tmp_path, ROWS), Taken()
    theirs.append(rows(2))
    assert mine.replay(taken, LONG) == Replayed(0, 0)
    theirs.close()
    assert mine.replay(taken, LONG) == Replayed(2, 0)
    theirs.append(rows(1))
    assert theirs.replay(taken, LONG) == Replayed(1, 0)


def test_file_when_two_replay_at_once_is_taken_without_loss(tmp_path: Path) -> None:
    owner = Spool(tmp_path, ROWS)
    kept = rows(200)
    stop = threading.Event()
    taken = [Taken(), Taken()]

    def replay(into: Taken) -> None:
        spool = Spool(tmp_path, ROWS)
        while not stop.is_set():
            spool.replay(into, LONG)

    threads = [threading.Thread(target=replay, args=(into,)) for into in taken]
    for thread in threads:
        thread.start()
    for row in kept:
        owner.append([row])
        owner.close()
    stop.set()
    for thread in threads:
        thread.join()
    owner.replay(taken[0], LONG)
    assert {row.id for into in taken for row in into.rows} == {row.id for row in kept}


def test_line_when_cut_off_by_a_crash_is_counted_and_the_others_are_taken(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path, ROWS), Taken()
    spool.append(rows(3))
    spool.close()
    (file,) = tmp_path.iterdir()
    with file.open("ab") as end:
        end.write(b'{"id": "0123')
    assert spool.replay(taken, LONG) == Replayed(3, 1)


def test_append_when_the_disk_is_full_then_no_part_of_a_row_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, taken, real = Spool(tmp_path, ROWS), Taken(), os.write
    spool.append(rows(1))

    def half_then_full(file: int, data: memoryview) -> int:
        if len(data) < 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(OSError, match="No space"):
        spool.append(rows(3, 1))
    monkeypatch.setattr(os, "write", real)
    spool.append(rows(1, 4))
    assert spool.replay(taken, LONG) == Replayed(2, 0)
    assert [row.request_id for row in taken.rows] == ["r0", "r4"]


def test_append_when_there_is_no_room_then_it_says_so_and_keeps_what_waits(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path, ROWS, max_bytes=2000), Taken()
    spool.append(rows(2))
    with pytest.raises(SpoolFull):
        spool.append(rows(10))
    assert spool.replay(taken, LONG).taken == 2


def test_files_when_full_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 2000)
    spool, taken = Spool(tmp_path, ROWS), Taken()
    for number in range(20):
        spool.append(rows(1, number))
    assert len(list(tmp_path.iterdir())) > 3
    assert spool.replay(taken, 0).taken < 20, "no further file after the time"
    spool.replay(taken, LONG)
    assert len(taken.rows) == 20


def test_file_when_it_cannot_be_opened_does_not_hold_up_the_others(tmp_path: Path) -> None:
    spool, taken = Spool(tmp_path, ROWS), Taken()
    (tmp_path / "0-unreadable.jsonl").mkdir()
    spool.append(rows(2))
    assert spool.replay(taken, LONG) == Replayed(2, 0)


def test_frames_when_replayed_come_as_they_were_and_one_that_was_cut_off_is_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, FRAMES)
    frames = [frame_of(Batch("run", "0123456789", 1, number, [Record("r", "GET", "/")])) for number in range(3)]
    spool.append(frames[:2])
    spool.append(frames[2:])
    spool.close()
    (file,) = tmp_path.iterdir()
    with file.open("ab") as end:
        end.write(frames[0][:-1])
    taken: list[bytes] = []
    assert spool.replay(taken.extend, LONG) == Replayed(3, 1)
    assert taken == frames


def test_frames_when_the_file_holds_something_else_are_counted_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "1-x.frames").write_bytes(b"\xff" * 100)
    taken: list[bytes] = []
    assert Spool(tmp_path, FRAMES).replay(taken.extend, LONG) == Replayed(0, 1)


def test_forms_when_they_share_a_folder_do_not_see_each_other(tmp_path: Path) -> None:
    Spool(tmp_path, ROWS).append(rows(1))
    frames = Spool(tmp_path, FRAMES)
    assert not frames.waiting()
    assert frames.size() == 0
