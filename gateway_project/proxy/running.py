"""Which parts make up a proxy? The gateway's, with a catalog of one row in memory, and nothing that needs a database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import monotonic

from django.conf import settings

from gateway_project.answer_time import bound_answers
from gateway_project.hooks import observers, observing, request_hooks
from gateway_project.proxy.catalog import catalog_of, entry_of
from gateway_project.proxy.nothing_kept import NoBackground, NoResponses, NoRows
from gateway_project.recording import other_sinks
from gateway_project.wiring import limits, sessions
from models_catalog.live import LiveCatalog
from openai_api.context import Gateway, ProcessState
from openai_api.hooks import EventSink
from openai_api.hooks.chain import HookBook
from openai_api.hooks.watchdog import Watchdog
from openai_api.limits.guesses import Guesses
from openai_api.limits.memory import MemoryStore
from openai_api.observing.fold import Bodies, Fold
from openai_api.observing.observation import Observation
from openai_api.proxy.upstream import Upstream
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.loop_lag import watch_loop
from openai_api.recording.metrics import Counts, Labels, WorkerMetrics
from openai_api.recording.recorder import Recorder
from openai_api.recording.spool import FRAMES, Spool
from openai_api.responses.ids import ResponseIds
from openai_api.responses.summaries import Summaries
from openai_api.sharing.route_limits import RouteLimits
from openai_api.sharing.sharing import Sharing
from providers.breaker import Breakers
from providers.transport.build import build_transport
from providers.types import Secret


class ProxyRunning:
    """The proxy of this process, and what must be started and stopped around it, in an event loop."""

    def __init__(self, upstream: Upstream) -> None:
        reachable = [*settings.GATEWAY_PRIVATE_UPSTREAMS, upstream.origin.host]  # who starts a proxy has said where it leads
        self._transport = build_transport(
            settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, reachable, settings.NO_PROXY
        )
        counts = Counts()
        self._recorder = ThreadRecorder(run := token_hex(8), _recorder(run, counts))
        self._metrics = WorkerMetrics(None, self._gauges, counts)
        self._watchdog = Watchdog()
        self._loop_watch: asyncio.Task[None] | None = None
        self.entry = entry_of(upstream)
        catalog = LiveCatalog()
        catalog.swap(catalog_of(self.entry))
        keys = (os.urandom(32),)
        breakers = Breakers()
        self.gateway = Gateway(
            catalog=catalog,
            transport=self._transport,
            breakers=breakers,
            recorder=self._recorder,
            state=ProcessState(version=version("signalbox-gateway"), started=monotonic()),
            guesses=Guesses(0),
            limits=limits(),
            metrics=self._metrics,
            response_ids=ResponseIds(keys),
            summaries=Summaries(keys),
            responses=NoResponses(),
            background=NoBackground(),
            sharing=Sharing(breakers, RouteLimits(MemoryStore())),
            metrics_token=Secret(settings.GATEWAY_METRICS_TOKEN) if settings.GATEWAY_METRICS_TOKEN else None,
            authentication=False,
            hooks=HookBook(request_hooks()),
            observing=observing(),
            sessions=sessions(),
        )

    async def start(self) -> None:
        """Begins to record."""
        bound_answers()
        self._recorder.start()
        if self.gateway.hooks.chain is not None:
            self._watchdog.start()
        self._loop_watch = asyncio.create_task(watch_loop(self._metrics.lagged), name="loop-watch")

    async def stop(self) -> None:
        """Ends everything that `start` began, after the observers have seen what happened."""
        self.gateway.state.draining = True
        if self._loop_watch is not None:
            self._loop_watch.cancel()
            await asyncio.gather(self._loop_watch, return_exceptions=True)
        self._watchdog.stop()
        await self._recorder.stop()
        if self.gateway.sessions is not None:
            await self.gateway.sessions.stop()
        await self._transport.aclose()

    def end_all(self) -> None:
        """Ends every request in flight."""
        self.gateway.state.end_all()

    def abandon(self) -> None:
        """There is nothing to be kept. For any thread."""

    def _gauges(self) -> Iterator[tuple[str, Labels, float]]:
        """What the proxy knows of the present."""
        pools = list(self._transport.counters().values())
        yield "workers", (), 1
        yield "requests_in_flight", (), len(self.gateway.state.active)
        yield "records_dropped_total", (), self._recorder.dropped
        yield "transcripts_dropped_total", (), self._recorder.untold
        for hook, failures in self.gateway.hooks.failures().items():
            yield "hook_failures_total", (hook,), failures
        yield "pool_connections", ("active",), sum(pool.active for pool in pools)
        yield "pool_connections", ("idle",), sum(pool.idle for pool in pools)
        yield "pool_opened_total", (), sum(pool.opened for pool in pools)


def _recorder(run: str, counts: Counts) -> Recorder:
    """A recorder whose rows nobody keeps. No batch of another server waits for it: its folder does not exist."""
    with TemporaryDirectory(prefix="signalbox-proxy-") as folder:
        nowhere = Path(folder) / "spool"
    return Recorder(run, counts, NoRows(), list(other_sinks()), Spool(nowhere, FRAMES), _observation())


def _observation() -> Observation:
    """What shows exchanges to the interceptors. What is remembered of sessions ends with the process."""
    seeing = observers()
    wanted = any(isinstance(built.hook, EventSink) for built in seeing)
    return Observation(seeing, Fold(Bodies.ALL, settings.GATEWAY_SESSION_IDLE_S) if wanted else None)
