"""What becomes of a client that takes nothing of what is sent to it? Its connection is cut after `GATEWAY_STALL_TIMEOUT_S`."""

from __future__ import annotations

import asyncio

from django.conf import settings


class StallGuard(asyncio.Protocol):
    """The part of a protocol that sees to it, in front of one of uvicorn's."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_stall_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_progress()

    def resume_writing(self) -> None:
        self._stop_stall_timer()
        super().resume_writing()

    def _await_progress(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(settings.GATEWAY_STALL_TIMEOUT_S, self._check_progress, unsent)

    def _check_progress(self, unsent: int) -> None:
        if self.transport.get_write_buffer_size() < unsent:
            self._await_progress()
        else:
            self.transport.abort()

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
