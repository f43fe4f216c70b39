"""Which parts make up the gateway? The composition root: settings in, one `Running` gateway out."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from time import monotonic

from django.conf import settings

from gateway_project import budgets
from gateway_project.answer_time import bound_answers
from gateway_project.handed_hooks import HandedHooks
from gateway_project.hook_rows import Hand, Observers, RowHooks
from gateway_project.hooks import configured, observing, request_hooks
from gateway_project.limiting import limiting
from gateway_project.publication_thread import PublicationThread
from gateway_project.recording import RUN_DIR, SOCKET, backlog, build_recorder, shown
from models_catalog.change_sets.sets import apply_due
from models_catalog.hook_types import tell_faults
from models_catalog.live import LiveCatalog, forget_live, tell_live
from models_catalog.route_state import tell_circuits, tell_full
from models_catalog.secrets.derived_keys import derived_keys
from models_catalog.snapshot import CatalogSnapshot
from models_catalog.subscribe import CatalogRefresher
from openai_api.cache.cache import Cache
from openai_api.cache.memory import Memory
from openai_api.cache.redis_store import RedisStore
from openai_api.context import Gateway, Limits, ProcessState
from openai_api.database.key_usage import DatabaseFigures, DatabaseUsage
from openai_api.database.limit_counters import purge_counters
from openai_api.database.running_requests import tell_running
from openai_api.database.stored_jobs import DatabaseJobs
from openai_api.database.stored_repeats import DatabaseRepeats, purge_repeats
from openai_api.database.stored_responses import DatabaseResponses, purge_responses
from openai_api.database.threads import DatabaseThreads
from openai_api.database.webhook_outbox import forget
from openai_api.explain import here
from openai_api.hooks.chain import HookBook
from openai_api.hooks.specs import HookSpecError, checked
from openai_api.hooks.watchdog import Watchdog
from openai_api.interceptors.webhook.options import Options as WebhookOptions
from openai_api.interceptors.webhook.outbox import KIND
from openai_api.jobs.runner import JobRunner
from openai_api.jobs.webhooks import Webhooks
from openai_api.limits.guesses import Guesses
from openai_api.recording.in_thread import ThreadRecorder
from openai_api.recording.link import Link
from openai_api.recording.loop_lag import watch_loop
from openai_api.recording.metrics import Counts, Labels, WorkerMetrics
from openai_api.repeats.repeats import Repeats
from openai_api.responses.background import Background, worker_name
from openai_api.responses.ids import ResponseIds
from openai_api.responses.summaries import Summaries
from openai_api.sessions.sessions import Mode, Sessions
from openai_api.sessions.shared import RedisSessions
from openai_api.sharing.route_limits import RouteLimits
from openai_api.sharing.sharing import Sharing
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


def sessions() -> Sessions | None:
    """How requests are put together by the settings; None where they are not."""
    if settings.GATEWAY_SESSIONS == "off":
        return None
    shared = RedisSessions(settings.REDIS_URL) if settings.REDIS_URL else None
    return Sessions(Mode(settings.GATEWAY_SESSIONS), shared=shared)


def cache() -> Cache | None:
    """What answers again by the settings; None where nothing does."""
    if settings.GATEWAY_CACHE == "off":
        return None
    redis = settings.GATEWAY_CACHE == "redis" or (settings.GATEWAY_CACHE == "auto" and settings.REDIS_URL)
    store = RedisStore(settings.REDIS_URL) if redis else Memory(settings.GATEWAY_CACHE_MEMORY_BYTES)
    return Cache(store, derived_keys("cache")[0], settings.GATEWAY_CACHE_MAX_AGE_S, settings.GATEWAY_CACHE_ANSWER_BYTES)


def repeats(threads: DatabaseThreads) -> Repeats:
    """What knows requests with an `Idempotency-Key` again."""
    return Repeats(DatabaseRepeats(threads), derived_keys("repeats")[0], settings.GATEWAY_IDEMPOTENCY_BYTES)


class Running:
    """The gateway of this process and what must be started and stopped around it, in an event loop."""

    def __init__(self) -> None:
        self._breakers = breakers = Breakers()
        live = LiveCatalog(self._swapping)
        self._transport = build_transport(
            settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, settings.GATEWAY_PRIVATE_UPSTREAMS, settings.NO_PROXY
        )
        self._refresher = CatalogRefresher(live)
        book, observed = HookBook(request_hooks()), observing()
        self._recorder, self._metrics, hand = self._recording()
        self._hooks = RowHooks(book, observed, hand)
        self._threads = DatabaseThreads()
        self._usage_threads = DatabaseThreads("usage")
        days = settings.GATEWAY_RESPONSES_DAYS
        self._limiting = limiting(self._threads)
        in_passing = [purge_repeats, purge_responses, purge_counters, apply_due]
        self._jobs = JobRunner(DatabaseJobs(self._threads, days, worker_name(), in_passing))
        responses = DatabaseResponses(self._threads, days)
        self._background = Background(self._jobs, responses)
        self._register_jobs()
        self._watchdog = Watchdog()
        self._sessions = sessions()
        self._cache, self._repeats = cache(), repeats(self._threads)
        self._sharing = Sharing(breakers, RouteLimits(self._limiting.store))
        tell_full("worker", self._sharing.limits.full)
        tell_circuits("worker", breakers.states, breakers.last_failures)
        self._publication = PublicationThread() if settings.GATEWAY_REDIS_PUBLICATION and RUN_DIR not in os.environ else None
        self._lock = asyncio.Lock()
        self._loop_watch: asyncio.Task[None] | None = None
        self._kept_up: list[asyncio.Task[None]] = []
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
            sharing=self._sharing,
            metrics_token=Secret(settings.GATEWAY_METRICS_TOKEN) if settings.GATEWAY_METRICS_TOKEN else None,
            authentication=settings.GATEWAY_AUTHENTICATION,
            serves_data=settings.GATEWAY_ROLE != "control",
            hooks=book,
            observing=observed,
            sessions=self._sessions,
            trusted_proxies=tuple(settings.GATEWAY_TRUSTED_PROXIES),
            usage=DatabaseUsage(self._usage_threads),
            figures=DatabaseFigures(self._usage_threads, self._limiting.left),
            cache=self._cache,
            repeats=self._repeats,
            admissions=(self._limiting.bounded,),
            charge=self._limiting.charge,
            gates=(self._limiting.gate, self._limiting.budget_gate),
        )

    def _register_jobs(self) -> None:
        self._jobs.register(Webhooks(self._transport, self._webhooks, forget))
        self._jobs.register(budgets.alerts(self._transport, self._threads))
        self._jobs.register(budgets.request_mails(self._threads))

    async def start(self) -> None:
        """Loads the first catalog and follows it from then on. Does nothing when started already."""
        async with self._lock:
            if self.started:
                return
            bound_answers()
            await self._refresher.start()
            tell_live(self.gateway.catalog)
            self._recorder.start()
            self.gateway.hooks.on_change(partial(self._look_soon, asyncio.get_running_loop()))
            self._watch_hooks()
            self.gateway.catalog.in_force = partial(self._look_at_keys, asyncio.get_running_loop())
            if self.gateway.serves_data:
                self._limiting.start()
                self._background.start(self.gateway)
                self._jobs.start(self._ready_for_jobs)
                told = tell_running(self.gateway.state, worker_name(), self._usage_threads.run)
                self._kept_up.append(asyncio.create_task(told, name="running-requests"))
            if self._publication is not None:
                self._publication.start()
            self._loop_watch = asyncio.create_task(watch_loop(self._metrics.lagged), name="loop-watch")
            self._kept_up.append(asyncio.create_task(self._metrics.keep_stored(), name="metrics-kept"))
            here.tell(self.gateway, asyncio.get_running_loop())
            self.started = True

    async def stop(self) -> None:
        """Ends everything that `start` began; what was recorded is written first."""
        self.gateway.state.draining = True
        forget_live(self.gateway.catalog)
        here.forget(self.gateway)
        tasks = [*self._kept_up, *([] if self._loop_watch is None else [self._loop_watch])]
        self._kept_up = []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._jobs.stop()
        if self._publication is not None:
            await asyncio.to_thread(self._publication.stop)
        self._watchdog.stop()
        await asyncio.gather(self._refresher.stop(), self._recorder.stop(), return_exceptions=True)
        await asyncio.to_thread(self._metrics.store)
        if self._sessions is not None:
            await self._sessions.stop()
        if self._cache is not None:
            await self._cache.stop()
        await self._repeats.stop()
        await self._limiting.stop()
        await self._transport.aclose()
        await asyncio.gather(self._threads.close(), self._usage_threads.close())
        self.started = False

    def end_all(self) -> None:
        """Ends every request in flight, and gives back what is made in the background."""
        self._jobs.hand_over()
        self.gateway.state.end_all()

    def abandon(self) -> None:
        """Keeps what was recorded, for a process that cannot end properly. For any thread."""
        self._recorder.abandon()

    def _swapping(self, snapshot: CatalogSnapshot) -> None:
        """What a newer catalog changes besides itself."""
        self._breakers.keep(circuits := snapshot.circuits())
        self._sharing.keep(circuits, snapshot.routes())
        self._hooks.take(snapshot)

    def _look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # it has ended
            loop.call_soon_threadsafe(self._watch_hooks)

    def _look_at_keys(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # it has ended
            self.gateway.revocations.look_soon(loop)

    def _watch_hooks(self) -> None:
        if self.gateway.hooks.chain is not None:
            self._watchdog.start()

    def _webhooks(self) -> Iterator[WebhookOptions]:
        """The webhooks of this moment."""
        for spec in (*configured(), *self._hooks.specs):
            if spec.hook == KIND:
                with suppress(HookSpecError):
                    yield checked(spec).options

    def _ready_for_jobs(self) -> bool:
        return self.gateway.catalog.loaded and not self.gateway.state.draining

    def _recording(self) -> tuple[ThreadRecorder | Link, WorkerMetrics, Hand]:
        """The way to the recorder process if `serve` has started one, else a recorder in this process; and how either gets the
        catalog's hooks."""
        named = os.environ.get(RUN_DIR)
        run_dir = Path(named) if named else None
        if run_dir is not None and settings.GATEWAY_RECORDER == "process":
            handed = HandedHooks(run_dir)
            tell_faults("recorder", handed.faults)
            return Link(run_dir.name, run_dir / SOCKET, backlog()), WorkerMetrics(run_dir, self._gauges), handed.hand
        run, counts, observation = run_dir.name if run_dir else token_hex(8), Counts(), shown()
        observers = Observers(observation)
        tell_faults("recorder", lambda: observers.faults)
        recorder = ThreadRecorder(run, build_recorder(run, counts, observation))
        return recorder, WorkerMetrics(run_dir, self._gauges, counts), lambda version, specs: observers.replace(specs)

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
        yield "transcripts_dropped_total", (), self._recorder.untold
        for hook, failures in self.gateway.hooks.failures().items():
            yield "hook_failures_total", (hook,), failures
        if self._sessions is not None:
            remembered, failures = self._sessions.counters()
            yield "sessions", (), remembered
            yield "sessions_redis_failures_total", (), failures
        if self._cache is not None:
            yield from ((name, (), value) for name, value in self._cache.counters())
        yield from self._limiting.gauges()
        yield "pool_connections", ("active",), sum(pool.active for pool in pools)
        yield "pool_connections", ("idle",), sum(pool.idle for pool in pools)
        yield "pool_opened_total", (), sum(pool.opened for pool in pools)
        yield "pool_stale_retries_total", (), sum(pool.stale_retries for pool in pools)
        for labels, count in self._open_circuits().items():
            yield "breaker_open", labels, count
        yield from self._of_routes()

    def _of_routes(self) -> Iterator[tuple[str, Labels, float]]:
        """What is counted of routes that share or have limits."""
        routes = self.gateway.catalog.current.routes()
        full = self._sharing.limits.full()
        for route, counts in self._sharing.counts().items():
            if route in routes:
                entry, target = routes[route]
                labels = entry.name, target.provider, target.upstream_model
                yield "route_requests_total", labels, counts.tried
                yield "route_passed_over_total", labels, counts.passed_over
                yield "route_running", labels, counts.running
                yield "route_full", labels, float(route in full)

    def _open_circuits(self) -> Counter[Labels]:
        """Targets that have failed lately, by their names, and how many routes of these names are left alone."""
        targets = self.gateway.catalog.current.targets()
        found: Counter[Labels] = Counter()
        for circuit, state in self.gateway.breakers.states().items():
            if (target := targets.get(circuit)) is not None:
                found[target.model, target.provider, target.upstream_model] += state.state != "closed"
        return found
