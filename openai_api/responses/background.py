"""How is a response made while nobody waits for it? In a task of the worker, which keeps its events as they come.

For routes whose upstream does not do this itself. Whoever asks hears the events from memory if the worker is this one,
else from the database. A worker that drains gives back what it has not finished; what a killed one held has failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.context import ANONYMOUS, Gateway
from openai_api.errors import ApiError, InvalidKey, internal_error, invalid
from openai_api.jobs.store import Asked, Job, Jobs, Told
from openai_api.pipeline.exchange import exchange_of, generate
from openai_api.pipeline.respond import send_error
from openai_api.responses.background_run import BackgroundRun
from openai_api.responses.keep_response import identified_items
from openai_api.responses.store import StoredResponse, StoreUnavailable
from providers.bytes.patch import fields_of, patch
from providers.bytes.sse import Frames
from providers.capabilities import Capability
from providers.convert.response_actions import create
from providers.offload import offload
from providers.types import Call, ResponseContext, Wire
from providers.wire.openai_responses.response_object import item_without_secrets, new_response, without_secrets

SWEEP_S = 2.0
"""How often a worker looks for jobs that nobody makes."""
POLL_S = 0.25
"""How often events that another worker makes are looked for."""
NOT_KEPT: Mapping[str, bytes | None] = MappingProxyType({"background": None, "tensorzero::credentials": None})
"""Fields that are left out of what is kept of a request."""
MAX_RUNS = 256
"""Responses that a worker makes at once; more of them wait."""
log = logging.getLogger("gateway.responses")


def worker_name() -> str:
    """A name for this process that no other has."""
    return os.urandom(16).hex()


class Background:
    """The responses that this worker makes in the background."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._runs: dict[str, BackgroundRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sweep: asyncio.Task[None] | None = None
        self._gateway: Gateway

    def start(self, gateway: Gateway) -> None:
        """Takes jobs from now on, those of this gateway and those that nobody makes."""
        self._gateway = gateway
        self._sweep = asyncio.create_task(self._take(), name="background-sweep")

    async def stop(self) -> None:
        """Waits until all runs have ended, or have been given back."""
        if self._sweep is not None:
            self._sweep.cancel()
            await asyncio.gather(self._sweep, return_exceptions=True)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def hand_over(self) -> None:
        """Gives every run back, for another worker to begin anew."""
        for response_id, run in self._runs.items():
            run.handed_over = True
            self._tasks[response_id].cancel()

    async def begin(self, call: Call, client: Client) -> StoredResponse:
        """Queues the response and, if there is a place, begins to make it. Raises `StoreUnavailable` or 400."""
        job = await offload(len(call.body), _new_job, call, client)
        place = len(self._runs) < MAX_RUNS
        await self._jobs.queue(job, taken=place)
        if place:
            self._run(job, call)
        return job.response

    def count(self) -> int:
        """How many responses this worker makes now."""
        return len(self._runs)

    async def cancel(self, response_id: str, owner: str) -> StoredResponse | None:
        """Ends it wherever it is made; what it is then."""
        found = await self._jobs.cancel(response_id, owner)
        if found is not None and found.status == "cancelled":  # else its end was written first
            self.drop(response_id)
        return found

    def drop(self, response_id: str) -> None:
        """Ends a run of this worker whose row is not its own any more."""
        if response_id in self._runs:
            self._runs[response_id].dropped = True
            self._tasks[response_id].cancel()

    async def follow(self, response_id: str, after: int) -> AsyncIterator[tuple[int, Frames]]:
        """The frames of all events with numbers above `after`, as they come, with the last number. Raises `StoreUnavailable`."""
        ended = False
        while not ended:
            told = await self._told(response_id, after)
            after, ended = told.last, told.ended
            if told.frames:
                yield after, told.frames
            elif not ended:
                await asyncio.sleep(POLL_S)

    async def _told(self, response_id: str, after: int) -> Told:
        run = self._runs.get(response_id)
        if run is not None and after + 1 >= run.first:
            return await run.told(after)
        return await self._jobs.events(response_id, after)

    async def _take(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            if self._gateway.state.draining or not self._gateway.catalog.loaded:
                continue
            try:
                for job in await self._jobs.take(MAX_RUNS - len(self._runs)):
                    self._run(job, None)
            except StoreUnavailable:
                continue
            except Exception:
                log.exception("jobs could not be taken")

    def _run(self, job: Job, call: Call | None) -> None:
        run = BackgroundRun(job, self._jobs, has_secrets=call is not None and _has_secrets(call))
        task = asyncio.create_task(self._made(run, call), name="background-response")
        self._runs[job.response.id], self._tasks[job.response.id] = run, task

    async def _made(self, run: BackgroundRun, call: Call | None) -> None:
        response_id = run.job.response.id
        beats = asyncio.create_task(run.beat(partial(self.drop, response_id)), name="background-beat")
        try:
            await _journey(self._gateway, run, call)
            beats.cancel()
            await run.finish()
        except asyncio.CancelledError:
            run.inbound.record.error = "handed_over" if run.handed_over else "cancelled"
            if run.handed_over and run.has_secrets:
                await run.fail("server_error", "The server was restarted, and the credentials of this request are not stored.")
                await run.finish()
            elif run.handed_over:
                await run.release()
            else:
                await run.say_cancelled()
        except Exception as error:
            log.error("a background response failed", exc_info=error, extra={"request_id": run.inbound.request_id})
        finally:
            beats.cancel()
            run.end()
            del self._runs[response_id], self._tasks[response_id]
            self._gateway.recorder.record(run.record())


async def _journey(gateway: Gateway, run: BackgroundRun, call: Call | None) -> None:
    """From what is asked to the last byte of the answer, or to the error that ends it."""
    inbound, job = run.inbound, run.job
    catalog = inbound.catalog = gateway.catalog.current
    try:
        client = _client(gateway, catalog, job.response.owner)
        inbound.record.client_id, inbound.record.client_name = client.id, client.name
        made = _call(job, call).with_response(open_summary=partial(gateway.summaries.open, client.id))
        inbound.caller = client
        exchange = exchange_of(gateway, inbound, made, ask=create, keep=run.keep)
        inbound.record.capability = None  # the body is no measure of what is made: tokens that nobody counted are not estimated
        await generate(exchange)
    except ApiError as error:
        await send_error(inbound, error)
    except Exception as error:
        log.error("a background response failed", exc_info=error, extra={"request_id": inbound.request_id})
        await send_error(inbound, internal_error(inbound.request_id))


def _new_job(call: Call, client: Client) -> Job:
    request: dict[str, Any] = msgspec.json.decode(call.body)
    created = time.time()
    try:
        response = new_response(request, call.response.id, int(created), call.model)
    except (TypeError, AttributeError, ValueError) as error:
        raise invalid("invalid_value", "A field of the request has not the type that it must have.") from error
    response |= {"status": "queued", "background": True, "previous_response_id": call.response.previous_id}
    body = patch(call.fields, {**NOT_KEPT, **_cleaned(request)})
    items = identified_items(call)
    stored = StoredResponse(
        call.response.id, client.id, call.model, items, msgspec.json.encode(response), created, "queued", call.stream
    )
    return Job(stored, Asked(msgspec.Raw(body), call.request_id, call.stream, call.strict, call.response.previous_id), 0)


def _has_secrets(call: Call) -> bool:
    """Whether a request has something that it cannot be made anew without, and that is not kept."""
    if call.credentials or b'"tools"' not in call.body:
        return bool(call.credentials)
    request: dict[str, Any] = msgspec.json.decode(call.body)
    return any(msgspec.json.encode(request[name]) != cleaned for name, cleaned in _cleaned(request).items())


def _cleaned(request: dict[str, Any]) -> dict[str, bytes]:
    """The fields of a request that bring tools, without what lets these in elsewhere."""
    made: dict[str, bytes] = {}
    if request.get("tools"):
        made["tools"] = msgspec.json.encode(without_secrets(request["tools"]))
    if isinstance(request.get("input"), list):
        made["input"] = msgspec.json.encode([item_without_secrets(item) for item in request["input"]])
    return made


def _call(job: Job, first: Call | None) -> Call:
    """The call of a job. What came with the request and is not kept, its secrets, is known only at the `first` try."""
    asked = job.asked
    body = patch(first.fields, NOT_KEPT) if first else bytes(asked.body)
    identified = (b"x-request-id", asked.request_id.encode("ascii"))
    return Call(
        capability=Capability.RESPONSES,
        wire=Wire.OPENAI_RESPONSES,
        model=job.response.model,
        body=body,
        fields=fields_of(body),
        request_id=asked.request_id,
        stream=asked.stream,
        strict=asked.strict,
        response=ResponseContext(id=job.response.id, previous_id=asked.previous_response_id),
        credentials=first.credentials if first else {},
        headers=first.headers if first else (identified,),
    )


def _client(gateway: Gateway, catalog: CatalogSnapshot, owner: str) -> Client:
    """The key that asked. Raises `InvalidKey` if it has been revoked, or has expired, since."""
    if owner == ANONYMOUS.id and not gateway.authentication:
        return ANONYMOUS
    for client in catalog.clients.values():
        if client.id == owner and (client.expires_at is None or client.expires_at > time.time()):
            return client
    raise InvalidKey(given=True)
