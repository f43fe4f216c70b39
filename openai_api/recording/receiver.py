"""How does the recorder process get batches? Over a socket from each worker, which it looks at a few times a second."""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable
from contextlib import suppress

from openai_api.recording.batches import NUMBER, Broken, batch_of, told_in, whole_frames
from openai_api.recording.recorder import TURN_S, Recorder

log = logging.getLogger("gateway.recording")
CHUNK = 256 * 1024
MUCH = 64 * 1024
"""Bytes in a turn after which the next one comes sooner: the sender may wait for room in the socket."""
SOON_S = 0.02


class Peer:
    """A worker at the other end of a socket."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link
        self._received = bytearray()
        self._safe = bytearray()
        self.gone = False

    def receive(self, recorder: Recorder) -> int:
        """Gives the recorder what has come; the number of bytes."""
        count = 0
        try:
            while not recorder.crowded:
                data = self._link.recv(CHUNK)
                count += len(data)
                self.gone = not data
                if self.gone:
                    break
                self._take(data, recorder)
        except BlockingIOError:
            pass
        except OSError:  # it was killed; what it had sent came before
            self.gone = True
        except Broken:
            log.error("unreadable data from a worker: connection closed")
            self.gone = True
        return count

    def acknowledge(self) -> None:
        """Tells the worker which batches are safe."""
        with suppress(OSError):  # it has gone, or will read later
            while self._safe:
                del self._safe[: self._link.send(self._safe)]

    def close(self) -> None:
        self._link.close()

    def _take(self, data: bytes, recorder: Recorder) -> None:
        self._received += data
        for frame in whole_frames(self._received):
            if (told := told_in(frame)) is not None:
                recorder.onlookers.put_encoded(told)
                continue
            batch = batch_of(frame)
            recorder.take(batch, self._done(batch.number))

    def _done(self, number: int) -> Callable[[], None]:
        def done() -> None:
            self._safe += NUMBER.pack(number)

        return done


class Receiver:
    """Serves the workers that connect to `listener`, until `lifeline` says that the server has ended."""

    def __init__(self, listener: socket.socket, recorder: Recorder) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._recorder = recorder
        self._peers: list[Peer] = []

    def run(self, lifeline: int) -> None:
        """Returns when the other end of `lifeline` is closed, no worker is left, and all is written or spilled."""
        self._recorder.start()
        ending, pause = False, 0.0
        while not ending or self._peers:
            ended, _, _ = select.select([] if ending else [lifeline], [], [], pause)
            ending = ending or bool(ended)
            pause = SOON_S if self.turn() > MUCH else TURN_S
        self._recorder.stop()

    def turn(self) -> int:
        """Takes what has come, and tells what is safe; the number of bytes."""
        self._accept()
        received = sum(peer.receive(self._recorder) for peer in self._peers)
        self._recorder.turn()
        for peer in self._peers:
            peer.acknowledge()
            if peer.gone:
                peer.close()
        self._peers = [peer for peer in self._peers if not peer.gone]
        return received

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                link, _ = self._listener.accept()
                self._peers.append(Peer(link))
