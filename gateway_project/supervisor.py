"""Who looks after several workers? A parent that replaces a worker that died and passes the signals to end on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway_project.server import DrainingServer

log = structlog.stdlib.get_logger("gateway.supervisor")
SHORT_LIFE_S = 5.0
PAUSE_S = 0.5
"""A worker that lived less than `SHORT_LIFE_S` is replaced after this pause, others at once."""


class Supervisor:
    """Keeps `config.workers` processes that serve the same listening socket."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._workers: dict[BaseProcess, float] = {}
        self._signals, self._told = multiprocessing.Pipe(duplex=False)
        self._ending = False

    def run(self) -> bool:
        """Serves until a signal; False if a worker could not start, which ends all."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        for _ in range(self._config.workers):
            self._start()
        started = True
        while self._workers:
            ready = wait([self._signals, *(worker.sentinel for worker in self._workers)])
            if self._signals in ready:
                self._signals.recv_bytes()
                self._end()
            for worker in [known for known in self._workers if known.sentinel in ready]:
                started &= self._ended(worker)
        return started

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """A signal may come while a worker is being started, so it is only noted; `run` acts on it."""
        self._told.send_bytes(b"\0")

    def _start(self) -> None:
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(self._config, self._listener))
        worker.start()
        self._workers[worker] = time.monotonic()

    def _ended(self, worker: BaseProcess) -> bool:
        born = self._workers.pop(worker)
        worker.join()
        if self._ending:
            return True
        if worker.exitcode == STARTUP_FAILURE:
            self._end()
            return False
        log.error("worker died: starting another", worker=worker.pid, exitcode=worker.exitcode)
        short = time.monotonic() - born < SHORT_LIFE_S
        if not self._signals.poll(PAUSE_S if short else 0):  # whoever is told to end replaces nobody
            self._start()
        return True

    def _end(self) -> None:
        self._ending = True
        self._listener.close()  # as long as one process listens, new connections wait instead of being refused
        for worker in self._workers:
            worker.terminate()


class WorkerServer(DrainingServer):
    """One of several: Ctrl-C, which reaches all processes of a terminal, is left to the supervisor."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)


def work(config: uvicorn.Config, listener: socket.socket) -> None:
    """One worker, in its own process. It ends when the supervisor is gone."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, name="follow-parent", daemon=True).start()
    config.configure_logging()  # what the parent said of uvicorn's loggers does not come along
    WorkerServer(config).run(sockets=[listener])


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
