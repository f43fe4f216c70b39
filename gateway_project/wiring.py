"""Which parts make up the gateway? The composition root: settings in, one `Running` gateway out."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from time import monotonic
from typing import Protocol

from django.conf import settings

from models_catalog.live import LiveCatalog
from models_catalog.subscribe import CatalogRefresher
from openai_api.context import Gateway, Limits, ProcessState
from openai_api.recording.access_log import AccessLog
from openai_api.recording.recorder import BatchRecorder
from providers.breaker import Breakers
from providers.transport import Transport
from providers.transport.slim import SlimTransport


class ClosingTransport(Transport, Protocol):
    """A transport and its end."""

    async def aclose(self) -> None: ...


class Running:
    """The gateway of this process and what must be started and stopped around it, in an event loop."""

    def __init__(self) -> None:
        live = LiveCatalog()
        self._transport = build_transport()
        self._recorder = BatchRecorder([AccessLog(as_json=settings.LOG_FORMAT == "json")] if settings.GATEWAY_ACCESS_LOG else [])
        self._refresher = CatalogRefresher(live)
        self._lock = asyncio.Lock()
        self.started = False
        self.gateway = Gateway(
            catalog=live,
            transport=self._transport,
            breakers=Breakers(),
            recorder=self._recorder,
            state=ProcessState(version=version("signalbox-gateway"), started=monotonic()),
            limits=Limits(settings.GATEWAY_MAX_BODY_BYTES, settings.GATEWAY_BODY_TIMEOUT_S),
            authentication=settings.GATEWAY_AUTHENTICATION,
        )

    async def start(self) -> None:
        """Loads the first catalog and follows it from then on. Does nothing when started already."""
        async with self._lock:
            if self.started:
                return
            await self._refresher.start()
            self._recorder.start()
            self.started = True

    async def stop(self) -> None:
        """Ends everything that `start` began; what was recorded is written first."""
        self.gateway.state.draining = True
        await self._refresher.stop()
        await self._transport.aclose()
        await self._recorder.stop()
        self.started = False


def build_transport() -> ClosingTransport:
    """The transport that `GATEWAY_TRANSPORT` names; httpx is imported only when it is asked for."""
    if settings.GATEWAY_TRANSPORT == "httpx":
        from providers.transport.httpx_transport import HttpxTransport

        return HttpxTransport()
    return SlimTransport()
