"""Which parts make up the gateway? The composition root: settings in, one `Running` gateway out."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from time import monotonic

from django.conf import settings

from gateway_project.answer_time import bound_answers
from gateway_project.recording import RUN_DIR, SOCKET, backlog, build_recorder
from models_catalog.live import LiveCatalog
from models_catalog.secrets.derived_keys import derived_keys
from models_catalog.subscribe import CatalogRefresher
from openai_api.context import Gateway, Limits, ProcessState
from openai_api.database.stored_jobs import DatabaseJobs
from openai_api.database.stored_responses import DatabaseResponses, purge_responses
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.runner import JobRunner
from openai_api.limits.guesses import Guesses
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.link import Link
from openai_api.recording.loop_lag import watch_loop
from openai_api.recording.metrics import Counts, Labels, WorkerMetrics
from openai_api.responses.background import Background, worker_name
from openai_api.responses.ids import ResponseIds
from openai_api.responses.summaries import Summaries
from providers.breaker import Breakers
from providers.transport.build import build_transport
from providers.types import Secret


def limits(max_body_bytes: int | None = None) -> Limits:
    """What a request may cost by the settings, with another size of the body if one is given."""
    return Limits(
        max_body_bytes=max_body_bytes or settings.GATEWAY_MAX_BODY_BYTES,
        body_timeout_s=settings.GATEWAY_BODY_TIMEOUT_S,
        body_idle_s=settings.GATEWAY_BODY_IDLE_TIMEOUT_S,
        socket_s=settings.GATEWAY_WEBSOCKET_S,
    )


class Running:
    """The gateway of this process and what must be started and stopped around it, in an event loop."""

    def __init__(self) -> None:
        breakers = Breakers()
        live = LiveCatalog(lambda snapshot: breakers.keep(snapshot.circuits()))
        self._transport = build_transport(
            settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, settings.GATEWAY_PRIVATE_UPSTREAMS, settings.NO_PROXY
        )
        self._refresher = CatalogRefresher(live)
        self._recorder, self._metrics = self._recording()
        self._threads = DatabaseThreads()
        days = settings.GATEWAY_RESPONSES_DAYS
        self._jobs = JobRunner(DatabaseJobs(self._threads, days, worker_name(), [purge_responses]))
        responses = DatabaseResponses(self._threads, days)
        self._background = Background(self._jobs, responses)
        self._lock = asyncio.Lock()
        self._loop_watch: asyncio.Task[None] | None = None
        self._metrics_kept: asyncio.Task[None] | None = None
        self.started = False
        self.gateway = Gateway(
            catalog=live,
            transport=self._transport,
            breakers=breakers,
            recorder=self._recorder,
            state=ProcessState(version=version("signalbox-gateway"), started=monotonic()),
            guesses=Guesses(settings.GATEWAY_GUESSES_PER_MINUTE),
            limits=limits(),
            metrics=self._metrics,
            response_ids=ResponseIds(derived_keys("response ids")),
            summaries=Summaries(derived_keys("summaries")),
            responses=responses,
            background=self._background,
            metrics_token=Secret(settings.GATEWAY_METRICS_TOKEN) if settings.GATEWAY_METRICS_TOKEN else None,
            authentication=settings.GATEWAY_AUTHENTICATION,
            serves_data=settings.GATEWAY_ROLE != "control",
        )

    async def start(self) -> None:
        """Loads the first catalog and follows it from then on. Does nothing when started already."""
        async with self._lock:
            if self.started:
                return
            bound_answers()
            await self._refresher.start()
            self._recorder.start()
            if self.gateway.serves_data:
                self._background.start(self.gateway)
                self._jobs.start(self._ready_for_jobs)
            self._loop_watch = asyncio.create_task(watch_loop(self._metrics.lagged), name="loop-watch")
            self._metrics_kept = asyncio.create_task(self._metrics.keep_stored(), name="metrics-kept")
            self.started = True

    async def stop(self) -> None:
        """Ends everything that `start` began; what was recorded is written first."""
        self.gateway.state.draining = True
        tasks = [task for task in (self._loop_watch, self._metrics_kept) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._jobs.stop()
        await asyncio.gather(self._refresher.stop(), self._recorder.stop(), return_exceptions=True)
        await asyncio.to_thread(self._metrics.store)
        await self._transport.aclose()
        await self._threads.close()
        self.started = False

    def end_all(self) -> None:
        """Ends every request in flight, and gives back what is made in the background."""
        self._jobs.hand_over()
        self.gateway.state.end_all()

    def abandon(self) -> None:
        """Keeps what was recorded, for a process that cannot end properly. For any thread."""
        self._recorder.abandon()

    def _ready_for_jobs(self) -> bool:
        return self.gateway.catalog.loaded and not self.gateway.state.draining

    def _recording(self) -> tuple[ThreadRecorder | Link, WorkerMetrics]:
        """The way to the recorder process if `serve` has started one, else a recorder in this process."""
        named = os.environ.get(RUN_DIR)
        run_dir = Path(named) if named else None
        if run_dir is not None and settings.GATEWAY_RECORDER == "process":
            return Link(run_dir.name, run_dir / SOCKET, backlog()), WorkerMetrics(run_dir, self._gauges)
        run, counts = run_dir.name if run_dir else token_hex(8), Counts()
        return ThreadRecorder(run, build_recorder(run, counts)), WorkerMetrics(run_dir, self._gauges, counts)

    def _gauges(self) -> Iterator[tuple[str, Labels, float]]:
        """What only this worker knows of the present."""
        pools = list(self._transport.counters().values())
        yield "workers", (), 1
        yield "requests_in_flight", (), len(self.gateway.state.active)
        yield "websockets", (), len(self.gateway.state.sockets)
        yield "background_responses", (), self._background.count()
        if self._loop_watch is not None:
            yield "tasks", (), len(asyncio.all_tasks(self._loop_watch.get_loop()))
        yield "records_dropped_total", (), self._recorder.dropped
        yield "pool_connections", ("active",), sum(pool.active for pool in pools)
        yield "pool_connections", ("idle",), sum(pool.idle for pool in pools)
        yield "pool_opened_total", (), sum(pool.opened for pool in pools)
        yield "pool_stale_retries_total", (), sum(pool.stale_retries for pool in pools)
        for labels, count in self._open_circuits().items():
            yield "breaker_open", labels, count

    def _open_circuits(self) -> Counter[Labels]:
        """Targets that have failed lately, by their names, and how many routes of these names are left alone."""
        targets = self.gateway.catalog.current.targets()
        found: Counter[Labels] = Counter()
        for circuit, state in self.gateway.breakers.states().items():
            if (target := targets.get(circuit)) is not None:
                found[target.model, target.provider, target.upstream_model] += state.state != "closed"
        return found
