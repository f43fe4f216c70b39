"""How do a worker's records get to the recorder process? In batches over a socket; kept until they are acknowledged.

While the recorder is away or takes nothing, they go to disk, from where it takes them later.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from openai_api.recording.batches import BATCH, NUMBER, UNENCODABLE, Batch, encodable, frame_of, told_frame, worker_name
from openai_api.recording.events import Record
from openai_api.recording.lanes import CAPACITY, CROWDED, PATIENCE_S
from openai_api.recording.spool import Spool, SpoolFull
from openai_api.recording.status import RecorderStatus, State

log = logging.getLogger("gateway.recording")
SEND_S = 0.05
"""How long a record waits for others to be sent with: what a worker that is killed loses."""
CHECK_S = 0.25
MOST_UNTOLD = 32 * 1024 * 1024
"""Bytes of transcripts that may wait for the recorder."""
TOLD_AT_ONCE = 256 * 1024
TELL_S = 5.0
"""How long the recorder may give no sign before the log says so: it is started again within a second."""


class Sent(NamedTuple):
    """A batch that is not acknowledged: its frame, its records, and when it was made."""

    frame: bytes
    records: int
    at: float


class Link(asyncio.Protocol):
    """The worker's end of the socket at `path`. `record` is called in the event loop; `dropped` counts records for which
    neither memory nor disk had room."""

    def __init__(self, run: str, path: Path, backlog: Spool[bytes]) -> None:
        self.dropped = self.untold = 0
        self._run = run
        self._path = path
        self._backlog = backlog
        self._worker = worker_name()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._waiting = 0
        self._number = 0
        self._fresh: list[Record] = []
        self._transcripts: list[bytes] = []
        self._transcript_bytes = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._unacknowledged: dict[int, Sent] = {}
        self._unsent: deque[int] = deque()
        self._received = bytearray()
        self._heard = 0.0
        self._good = 0.0
        self._told = self._full = False
        self._through = asyncio.Event()
        """Set when nothing is left to wait for: all is acknowledged, or there is no recorder."""

    def record(self, record: Record) -> None:
        if self._waiting >= CAPACITY:
            self.dropped += 1
            return
        self._waiting += 1
        self._fresh.append(record)
        if len(self._fresh) == BATCH:
            self._send()
        elif len(self._fresh) == 1 and self._loop is not None:
            self._loop.call_later(SEND_S, self._send)

    def tell(self, transcript: Any) -> None:
        """Hands on what happened in an exchange, for observers; it goes with the next records. `untold` counts those for which
        the socket has no room: they are kept nowhere."""
        waiting = self._transcript_bytes + (self._transport.get_write_buffer_size() if self._transport is not None else 0)
        if waiting > MOST_UNTOLD:
            self.untold += 1
            return
        try:
            frame = told_frame(self._encode(transcript))
        except UNENCODABLE:
            self.untold += 1
            return
        self._transcripts.append(frame)
        self._transcript_bytes += len(frame)
        if self._transcript_bytes > TOLD_AT_ONCE:
            self._tell()

    def status(self) -> RecorderStatus:
        return RecorderStatus("process", self._state(), self._waiting, self.dropped)

    def start(self) -> None:
        """Begins to send; needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._good = self._loop.time()
        self._task = self._loop.create_task(self._watch(), name="recorder-link")
        self._send()

    async def stop(self) -> None:
        """Ends, after all that was recorded has been taken by the recorder or is on disk."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._send()
        if self._transport is None:
            await self._connect()
        self._through.clear()
        if self._unacknowledged and self._transport is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._through.wait()
        await asyncio.to_thread(self.abandon)
        if self._transport is not None:
            self._transport.close()

    def abandon(self) -> None:
        """Puts on disk what the recorder has not acknowledged. Blocks; may be called by any thread."""
        frames = [sent.frame for sent in list(self._unacknowledged.values())]
        if self._fresh:
            frames.append(self._sent(list(self._fresh)).frame)
        self._spooled(frames)
        self._backlog.close()

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._paused = cast(asyncio.Transport, transport), False
        self._received.clear()
        self._unsent = deque(self._unacknowledged)
        self._tell()
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._unsent = deque(self._unacknowledged)
        self._through.set()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pump()

    def data_received(self, data: bytes) -> None:
        """Numbers of batches that are safe."""
        self._received += data
        whole = len(self._received) // NUMBER.size * NUMBER.size
        for (number,) in NUMBER.iter_unpack(self._received[:whole]):
            self._settle(number)
        del self._received[:whole]
        self._heard = self._now()
        if not self._unacknowledged:
            self._through.set()

    def _tell(self) -> None:
        """Sends transcripts, if there is a recorder."""
        if self._transport is not None and self._transcripts:
            told, self._transcripts, self._transcript_bytes = self._transcripts, [], 0
            self._transport.write(b"".join(told))

    def _pump(self) -> None:
        while self._unsent and self._transport is not None and not self._paused:
            if (sent := self._unacknowledged.get(self._unsent.popleft())) is not None:
                self._transport.write(sent.frame)

    async def _connect(self) -> None:
        made = False
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.get_running_loop().create_unix_connection(lambda: self, str(self._path))
            made = True
        except OSError:
            pass  # of which a time-out is one
        finally:
            if not made and self._transport is not None:  # given up after it was made: it is closed, and nobody tells
                self.connection_lost(None)

    # What is on the way

    def _send(self) -> None:
        self._tell()
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        sent = self._sent(fresh)
        self._waiting -= len(fresh) - sent.records
        if sent.records:
            self._unacknowledged[self._number] = sent
            self._unsent.append(self._number)
            self._number += 1
            self._pump()

    def _sent(self, records: list[Record]) -> Sent:
        """The records as the next batch, but for those that have no encoding."""
        try:
            return Sent(self._frame(records), len(records), self._now())
        except UNENCODABLE as error:
            good = [record for record in records if encodable(record)]
            self.dropped += len(records) - len(good)
            log.error("records cannot be encoded: they are lost", exc_info=error)
            return Sent(self._frame(good), len(good), self._now())

    def _frame(self, records: list[Record]) -> bytes:
        return frame_of(Batch(self._run, self._worker, os.getpid(), self._number, records))

    def _settle(self, number: int) -> None:
        if (sent := self._unacknowledged.pop(number, None)) is not None:
            self._waiting -= sent.records

    def _now(self) -> float:
        return 0.0 if self._loop is None else self._loop.time()

    # What if the recorder is in trouble

    def _state(self) -> State:
        if self._transport is None:
            return "away"
        oldest = next(iter(self._unacknowledged.values()), None)
        late = oldest is not None and self._now() - max(oldest.at, self._heard) > PATIENCE_S
        return "stuck" if late else "ok"

    async def _watch(self) -> None:
        while True:
            if self._transport is not None and self._transport.is_closing():
                self.connection_lost(None)  # it was made at the last moment, and given up: nobody else says so
            if self._transport is None:
                await self._connect()
            self._judge()
            if self._unsent and (self._now() - self._good > PATIENCE_S or self._waiting > CROWDED):
                await self._relieve()
            await asyncio.sleep(CHECK_S)

    def _judge(self) -> None:
        """Tells when the recorder has been in trouble for a while, and when it works again."""
        state = self._state()
        if state == "ok":
            self._good = self._now()
            self._backlog.close()  # the recorder may take what waits there
            if self._told:
                self._told = False
                log.info("recorder recovered")
        elif self._now() - self._good > TELL_S and not self._told:
            self._told = True
            log.warning("recorder does not respond: records are spooled to disk", extra={"recorder": state})

    async def _relieve(self) -> None:
        """Puts on disk what has not been sent, so that it outlives this process."""
        numbers = list(self._unsent)
        frames = [self._unacknowledged[number].frame for number in numbers if number in self._unacknowledged]
        if await asyncio.to_thread(self._spooled, frames):
            for number in numbers:
                self._settle(number)

    def _spooled(self, frames: list[bytes]) -> bool:
        try:
            if frames:
                self._backlog.append(frames)
        except (SpoolFull, OSError) as failure:
            if not self._full:
                self._full = True
                log.error("no disk space for records: they are kept in memory", extra={"error": type(failure).__name__})
            return False
        self._full = False
        return True
