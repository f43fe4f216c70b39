"""Do files take what several processes write, keep what a full disk leaves, and stay their owner's?"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openai_api.observing.files import Disk, NumberedFiles, RotatedFile

PROCESSES, APPENDS = 4, 60


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_rotated_file_when_it_is_full_then_it_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "made" / "log.jsonl"
    file = RotatedFile(path, 20, 2)
    for number in range(10):
        file.append(b"line %d!!\n" % number)
    found = {child.name: child.read_bytes() for child in path.parent.iterdir()}
    assert found == {
        "log.jsonl": b"line 8!!\nline 9!!\n",
        "log.jsonl.1": b"line 6!!\nline 7!!\n",
        "log.jsonl.2": b"line 4!!\nline 5!!\n",
    }
    assert mode(path.parent) == 0o700
    assert {mode(child) for child in path.parent.iterdir()} == {0o600}


def test_rotated_file_when_a_line_is_longer_than_it_may_be_then_it_stands_alone(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "log", 10, 0)
    file.append(b"short\n")
    file.append(b"x" * 100 + b"\n")
    file.append(b"short\n")
    assert (tmp_path / "log").read_bytes() == b"short\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_numbered_files_when_started_again_then_the_last_one_is_continued(tmp_path: Path) -> None:
    for number in range(5):
        NumberedFiles(tmp_path, "recording", 4).append(b"%d\n%d\n" % (number, number), 2)
    found = {child.name: child.read_bytes() for child in tmp_path.iterdir()}
    assert found == {
        "recording_001.jsonl": b"0\n0\n1\n1\n",
        "recording_002.jsonl": b"2\n2\n3\n3\n",
        "recording_003.jsonl": b"4\n4\n",
    }


def test_numbered_files_when_a_crash_has_cut_a_line_then_the_next_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "recording_001.jsonl").write_bytes(b'{"a": 1}\n{"b')
    NumberedFiles(tmp_path, "recording", 10).append(b"{}\n{}\n", 2)
    assert (tmp_path / "recording_001.jsonl").read_bytes() == b'{"a": 1}\n{"b\n{}\n{}\n'


def test_numbered_files_when_there_are_a_thousand_then_the_next_one_has_four_digits(tmp_path: Path) -> None:
    for name in ("recording_999.jsonl", "recording_x.jsonl", "recording_00.jsonl.bak"):
        (tmp_path / name).write_bytes(b"1\n2\n")
    NumberedFiles(tmp_path, "recording", 2).append(b"3\n4\n", 2)
    assert (tmp_path / "recording_1000.jsonl").read_bytes() == b"3\n4\n"


def _append(folder: str, name: int) -> None:
    numbered, rotated = NumberedFiles(Path(folder), "recording", 10), RotatedFile(Path(folder) / "log", 2000, 1000)
    for number in range(APPENDS):
        line = b"%d %d\n" % (name, number)
        numbered.append(line * 2, 2)
        rotated.append(line)


def test_files_when_several_processes_write_then_each_line_is_there_once_and_pairs_stand_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append, args=(str(tmp_path), name)) for name in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    wanted = sorted(b"%d %d" % (name, number) for name in range(PROCESSES) for number in range(APPENDS))
    pairs = []
    files = sorted(tmp_path.glob("recording_*.jsonl"))
    for path in files:
        lines = path.read_bytes().splitlines()
        assert lines[::2] == lines[1::2]
        pairs += lines[::2]
    assert sorted(pairs) == wanted
    assert {len(path.read_bytes().splitlines()) for path in files} == {10}
    assert sorted(line for path in tmp_path.glob("log*") for line in path.read_bytes().splitlines()) == wanted


def test_file_when_it_is_a_link_then_it_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"kept\n")
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        RotatedFile(tmp_path / "log", 100, 1).append(b"line\n")
    assert (tmp_path / "elsewhere").read_bytes() == b"kept\n"


def test_disk_when_it_is_full_then_whole_lines_are_dropped_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk, file = Disk("test"), RotatedFile(tmp_path / "log", 10_000, 1)
    line = b"x" * 39 + b"\n"
    with caplog.at_level(logging.INFO, "gateway.observing"):
        with disk_full_at(100):
            assert [disk.attempt(1, lambda: file.append(line)) for _ in range(4)] == [True, True, False, False]
        assert (tmp_path / "log").read_bytes() == line * 2
        assert disk.attempt(1, lambda: file.append(line))
    assert (tmp_path / "log").read_bytes() == line * 3
    assert disk.dropped == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert vars(caplog.records[1])["dropped"] == 2


@pytest.mark.parametrize("place", ["file/log", "/dev/full/log", "/proc/nowhere/log"])
def test_disk_when_the_folder_cannot_be_made_then_nothing_is_raised(
    place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    disk, file = Disk("test"), RotatedFile(tmp_path / place, 100, 1)
    for _ in range(3):
        assert not disk.attempt(1, lambda: file.append(b"line\n"))
    assert disk.dropped == 3
    assert len(caplog.records) == 1


def test_numbered_files_when_the_disk_is_full_then_the_same_file_goes_on_when_there_is_room(tmp_path: Path) -> None:
    files = NumberedFiles(tmp_path, "recording", 10)
    files.append(b"1\n1\n", 2)
    with disk_full_at(6), pytest.raises(OSError, match="large"):
        files.append(b"222\n222\n", 2)
    files.append(b"3\n3\n", 2)
    assert (tmp_path / "recording_001.jsonl").read_bytes() == b"1\n1\n3\n3\n"


def test_folder_when_it_is_taken_away_then_it_is_made_again(tmp_path: Path) -> None:
    files = NumberedFiles(tmp_path / "made", "recording", 4)
    files.append(b"1\n1\n", 2)
    (tmp_path / "made" / "recording_001.jsonl").unlink()
    (tmp_path / "made").rmdir()
    files.append(b"2\n2\n", 2)
    assert (tmp_path / "made" / "recording_001.jsonl").read_bytes() == b"2\n2\n"
