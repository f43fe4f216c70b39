"""How does a worker end? Readiness fails at the signal, streams run on until the drain time, the rest ends in-band."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import structlog
import uvicorn
from django.conf import settings

from gateway_project import log_stream
from openai_api.context import Gateway

log = structlog.stdlib.get_logger("gateway.server")
GC_THRESHOLDS = (20_000, 20, 50)
SWITCH_S = 0.0002
"""How long the event loop may have to wait for a thread that records or compiles; Python's own is 5 ms."""
LAST_WORDS_S = 1.0
"""What may be needed after the drain time to end streams in-band."""
HANGING_S = 0.9
"""What may be needed after that to write what was recorded, or to keep it on disk."""


class Ends(Protocol):
    """What a server runs, as far as its end goes."""

    @property
    def gateway(self) -> Gateway: ...

    def end_all(self) -> None:
        """Ends every request in flight."""
        ...

    def abandon(self) -> None:
        """Keeps what was recorded, for a process that cannot end properly. For any thread."""
        ...


def the_gateway() -> Ends:
    """What `serve` runs."""
    from gateway_project.asgi import running

    return running


class DrainingServer(uvicorn.Server):
    """uvicorn's server with our way to end. A second signal ends everything at once."""

    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, config: uvicorn.Config, running: Callable[[], Ends] = the_gateway) -> None:
        super().__init__(config)
        self._running = running

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        log_stream.detach()
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays; looking at it again and again costs a tenth of a request
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again, self.should_exit = self.should_exit, True
        if not again:
            self._captured_signals.append(sig)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_now if again else self._drain)

    def _drain(self) -> None:
        self._running().gateway.state.drain()
        self._later(settings.GATEWAY_DRAIN_S, self._end_now)
        exit_after(settings.GATEWAY_DRAIN_S + LAST_WORDS_S + HANGING_S, self._running)

    def _end_now(self) -> None:
        self._running().end_all()
        self._later(LAST_WORDS_S, self._hang_up)
        exit_after(LAST_WORDS_S + HANGING_S, self._running)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, action)


def exit_after(seconds: float, running: Callable[[], Ends] = the_gateway) -> None:
    """Ends the process then if it has not ended by itself: a thread may hang in a database, or the event loop in a defect."""
    timer = threading.Timer(seconds, _exit, (running,))
    timer.daemon = True
    timer.start()


def _exit(running: Callable[[], Ends]) -> None:
    log.warning("shutdown timed out: the process exits without waiting")
    running().abandon()
    log_stream.drain(0.1)
    os._exit(0)
