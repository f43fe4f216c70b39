"""Does a worker keep what the recorder has not acknowledged, in memory up to a bound and then on disk, and send it again?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from openai_api.recording import link as module
from openai_api.recording.batches import BATCH, NUMBER, Batch, batch_of, whole_frames
from openai_api.recording.events import Record
from openai_api.recording.lanes import PATIENCE_S
from openai_api.recording.link import Link
from openai_api.recording.spool import FRAMES, Spool
from tests.fakes.chaos.process import eventually

WITHIN_S = 3.0


class Ear:
    """A recorder that hears what is sent, and acknowledges it when it is told to."""

    def __init__(self, path: Path) -> None:
        self.heard: list[Batch] = []
        self._received = bytearray()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.setblocking(False)
        self._peers: list[socket.socket] = []

    def listen(self) -> None:
        try:
            peer, _ = self._listener.accept()
            peer.setblocking(False)
            self._peers.append(peer)
        except BlockingIOError:
            pass
        for peer in self._peers:
            try:
                while data := peer.recv(1 << 20):
                    self._received += data
            except BlockingIOError:
                pass
        self.heard += [batch_of(frame) for frame in whole_frames(self._received)]

    def names(self) -> list[str]:
        self.listen()
        return [record.request_id for batch in self.heard for record in batch.records]

    def acknowledge(self, *numbers: int) -> None:
        self._peers[-1].send(b"".join(map(NUMBER.pack, numbers)))

    def hang_up(self) -> None:
        for peer in self._peers:
            peer.close()
        self._peers.clear()

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


@pytest.fixture
def ear(path: Path) -> Iterator[Ear]:
    made = Ear(path)
    yield made
    made.close()


@pytest.fixture
def backlog(tmp_path: Path) -> Spool[bytes]:
    return Spool(tmp_path / "spool", FRAMES)


@pytest.fixture
def link(path: Path, tmp_path: Path) -> Link:
    return Link("run", path, Spool(tmp_path / "spool", FRAMES))


def record_all(link: Link, count: int, start: int = 0) -> list[str]:
    names = [f"r{number}" for number in range(start, start + count)]
    for name in names:
        link.record(Record(name, "POST", "/" + 400 * "x"))
    return names


def on_disk(backlog: Spool[bytes]) -> list[str]:
    """What waits on disk, which is taken off it."""
    frames: list[bytes] = []
    backlog.replay(frames.extend, WITHIN_S)
    return [record.request_id for frame in frames for record in batch_of(frame).records]


async def until(condition: object, within_s: float = WITHIN_S) -> bool:
    return await asyncio.to_thread(eventually, condition, within_s)


async def test_records_when_acknowledged_are_kept_no_longer(link: Link, ear: Ear, backlog: Spool[bytes]) -> None:
    early = record_all(link, 1)
    link.start()
    names = early + record_all(link, 2 * BATCH + 50, 1)
    assert await until(lambda: ear.names() == names)
    assert [batch.number for batch in ear.heard] == list(range(len(ear.heard)))
    assert max(len(batch.records) for batch in ear.heard) <= BATCH
    assert link.status().waiting == len(names)
    ear.acknowledge(*(batch.number for batch in ear.heard))
    assert await until(lambda: link.status().waiting == 0)
    assert link.status().state == "ok"
    await link.stop()
    assert not backlog.waiting()


async def test_records_when_the_recorder_dies_are_sent_again_to_the_next_in_the_same_batches(link: Link, ear: Ear) -> None:
    link.start()
    names = record_all(link, BATCH + 1)
    assert await until(lambda: ear.names() == names)
    ear.acknowledge(0)
    assert await until(lambda: link.status().waiting == 1)
    (again,) = (batch for batch in ear.heard if batch.number)
    ear.hang_up()
    ear.heard.clear()
    assert await until(lambda: ear.names() == names[BATCH:])
    assert ear.heard == [again]
    ear.acknowledge(again.number)
    await link.stop()


async def test_records_when_the_recorder_dies_and_none_follows_go_to_disk_also_those_that_were_sent(
    link: Link, ear: Ear, backlog: Spool[bytes]
) -> None:
    link.start()
    names = record_all(link, 7)
    assert await until(lambda: ear.names() == names)
    ear.close()
    names += record_all(link, 3, 7)
    assert await until(lambda: link.status().waiting == 0)
    await link.stop()
    assert on_disk(backlog) == names


async def test_records_when_nobody_listens_go_to_disk_and_are_let_go_of_when_somebody_does(
    link: Link, path: Path, backlog: Spool[bytes]
) -> None:
    link.start()
    names = record_all(link, BATCH + 5)
    assert await until(lambda: link.status().waiting == 0)
    assert link.status().state == "away"
    assert on_disk(backlog) == [], "the file is held while more may follow"
    ear = Ear(path)
    assert await until(lambda: link.status().state == "ok")
    assert await until(lambda: on_disk(backlog) == names)
    await link.stop()
    ear.close()


async def test_records_when_the_recorder_takes_nothing_are_stuck_and_go_to_disk_beyond_what_the_socket_holds(
    link: Link, ear: Ear, backlog: Spool[bytes]
) -> None:
    link.start()
    assert await until(lambda: link.status().state == "ok")
    names = record_all(link, 5000)
    assert await until(lambda: link.status().state == "stuck")
    assert await until(lambda: link.status().waiting < 2500)
    sent = link.status().waiting
    assert await until(lambda: len(ear.names()) >= sent)
    heard = ear.names()
    await link.stop()
    assert set(heard) | set(on_disk(backlog)) == set(names)


async def test_records_when_there_is_no_room_at_all_are_dropped_and_counted(
    link: Link, backlog: Spool[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CAPACITY", 100)
    (tmp_path / "spool").write_text("no folder")
    link.start()
    names = record_all(link, 150)
    await asyncio.sleep(1.5)
    assert (link.status().waiting, link.dropped) == (100, 50)
    (tmp_path / "spool").unlink()
    await link.stop()
    assert on_disk(backlog) == names[:100]


async def test_link_when_stopped_without_an_answer_leaves_everything_on_disk_in_time(
    link: Link, ear: Ear, backlog: Spool[bytes]
) -> None:
    link.start()
    names = record_all(link, 30)
    assert await until(lambda: ear.names() == names)
    async with asyncio.timeout(2 * PATIENCE_S):
        await link.stop()
    assert on_disk(backlog) == names


def test_link_when_abandoned_leaves_everything_on_disk_whether_it_was_started_or_not(link: Link, backlog: Spool[bytes]) -> None:
    names = record_all(link, BATCH + 3)
    link.abandon()
    assert on_disk(backlog) == names


async def test_record_when_it_cannot_be_encoded_is_lost_and_counted_and_others_are_not(
    link: Link, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    link.start()
    link.record(Record("\ud800", "POST", "/"))
    link.record(Record("huge", "POST", "/", events=2**64))
    names = record_all(link, 3)
    assert await until(lambda: ear.names() == names)
    assert (link.dropped, link.status().waiting) == (2, 3)
    assert "cannot be encoded" in caplog.text
    await link.stop()
