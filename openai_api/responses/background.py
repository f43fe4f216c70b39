"""How is a response made in the background? As a job of the kind "response", for routes whose upstream cannot do this.

A worker that shuts down hands over what it has not finished; what a killed one ran has failed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.context import ANONYMOUS, Gateway
from openai_api.errors import ApiError, InvalidKey, internal_error
from openai_api.jobs.job import Ending, Events, Job, State, Why
from openai_api.jobs.run import Run
from openai_api.jobs.runner import JobRunner
from openai_api.pipeline.exchange import exchange_of, generate, later_hooks
from openai_api.pipeline.respond import send_error
from openai_api.pipeline.run_hooks import on_error
from openai_api.recording.events import Record
from openai_api.responses.background_job import KIND, asked_of, call_of, new_job
from openai_api.responses.background_run import BackgroundRun
from openai_api.responses.store import ResponseWrites, StoredResponse
from openai_api.transcribe import collecting, tell
from providers.bytes.sse import Frames
from providers.convert.response_actions import create
from providers.offload import offload
from providers.types import Call
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.response_object import error_object
from providers.wire.openai_responses.told_output import ended

INTERRUPTED: dict[Why, tuple[State, str | None]] = {
    Why.CANCELLED: (State.CANCELLED, None),
    Why.LOST: (State.FAILED, "The worker process that generated this response was lost."),
    Why.HANDED_OVER: (State.FAILED, "The server restarted, and credentials sent with a request are not stored."),
    Why.BROKEN: (State.FAILED, "The response could not be generated."),
}
"""How a response ends that its run does not end, and with which error. The names of the two states are those of its status."""
log = logging.getLogger("gateway.responses")


def worker_name() -> str:
    """A name for this process that no other has."""
    return os.urandom(16).hex()


class Background:
    """Responses in the background, as a kind of jobs. One is begun once: its upstream may have done the work of a try that was
    lost, which would then be paid for twice."""

    name = KIND
    tries = 1

    def __init__(self, jobs: JobRunner, writes: ResponseWrites) -> None:
        self._jobs = jobs
        self._writes = writes
        self._gateway: Gateway
        self._cancelling: set[asyncio.Task[bool]] = set()
        jobs.register(self)

    def start(self, gateway: Gateway) -> None:
        """Makes responses by this gateway from now on."""
        self._gateway = gateway

    async def begin(self, call: Call, client: Client, record: Record) -> StoredResponse:
        """Queues the response and, if there is a place, begins to make it. Raises `StoreUnavailable` or 400."""
        response, job, bound = await offload(len(call.body), new_job, call, client, record)
        await self._jobs.begin(job, partial(self._make, call), bound=bound, write=self._writes.begun(response))
        return response

    def count(self) -> int:
        """How many responses this worker makes now."""
        return self._jobs.count(KIND)

    async def cancel(self, response_id: str, owner: str) -> bool:
        """Ends it if it has not ended, whichever worker makes it. False if there is none. Raises `StoreUnavailable`."""
        return await self._jobs.cancel(response_id, owner) is not None

    async def follow(self, response_id: str, after: int) -> AsyncIterator[tuple[int, Frames]]:
        """The frames of all events with numbers above `after`, as they come, with the last number. Raises `StoreUnavailable`."""
        async for events in self._jobs.follow(response_id, after):
            yield events.last, events.frames

    async def run(self, run: Run) -> Ending:
        """Makes a response whose request is known from the job alone."""
        return await self._make(None, run)

    async def _make(self, call: Call | None, run: Run) -> Ending:
        made = BackgroundRun(run, asked_of(run.job))
        said = collecting(self._gateway, made.inbound)
        works, task = self._gateway.state.works, asyncio.current_task()
        assert task is not None, "jobs run in tasks"  # noqa: S101
        works[task] = made.inbound
        try:
            await self._made(made, call, task)
            return await made.ending(self._writes)
        finally:
            del works[task]
            record = made.record()
            if said is not None:
                tell(self._gateway, made.inbound, said)
            self._gateway.recorder.record(record)

    async def _made(self, made: BackgroundRun, call: Call | None, task: asyncio.Task[Any]) -> None:
        """Until its end, or until an operator stops it: then it has failed."""
        try:
            await _journey(self._gateway, made, call, partial(self._revoked, made.run.job))
        except asyncio.CancelledError:
            ending = made.inbound.ends_with
            if ending is None or made.run.why is not None:
                raise
            await send_error(made.inbound, await on_error(self._gateway, made.inbound, ending))
        if made.inbound.ends_with is not None and task.cancelling():
            task.uncancel()  # what is left to do is to write the end

    def _revoked(self, job: Job) -> None:
        """Cancels a response whose key has ended."""
        task = asyncio.get_running_loop().create_task(self.cancel(job.id, job.owner), name="response-revoked")
        self._cancelling.add(task)
        task.add_done_callback(self._cancelled)

    def _cancelled(self, task: asyncio.Task[bool]) -> None:
        self._cancelling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a response whose key has ended could not be cancelled", exc_info=error)

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        """The response with what its events have told. The event is heard where it was asked for as a stream."""
        state, message = INTERRUPTED[why]
        changes: dict[str, bytes | None] = {}
        if message is not None:
            changes["error"] = msgspec.json.encode(error_object("server_error", message))
        body = ended(bytes(asked_of(job).response), state, events.frames, changes)
        event = {"type": f"response.{state}", "sequence_number": events.last + 1, "response": msgspec.Raw(body)}
        frames = (frame_of(event),) if job.streamed else ()
        return Ending(state, frames, self._writes.ended(job.id, state, body))


async def _journey(gateway: Gateway, made: BackgroundRun, first: Call | None, revoked: Callable[[], object]) -> None:
    """From what is asked to the last byte of the answer, or to the error that ends it. `revoked` is called if the key that asked
    ends, and its answers with it."""
    inbound, job = made.inbound, made.run.job
    catalog = inbound.catalog = gateway.catalog.current
    try:
        client = _client(gateway, catalog, job.owner)
        inbound.record.client_id, inbound.record.client_name = client.id, client.name
        inbound.record.project, inbound.record.person = client.owner.project, client.owner.person
        inbound.caller = client
        call = call_of(job, made.asked, first).with_response(open_summary=partial(gateway.summaries.open, client.id))
        exchange = exchange_of(gateway, inbound, call, ask=create, keep=made.keep)
        inbound.record.capability = None  # the body is no measure of what is made: tokens that nobody counted are not estimated
        exchange.hooks = later_hooks(exchange)
        inbound.body = call.body
        with gateway.revocations.watching(gateway.catalog, client, revoked) if client.ends_streams else nullcontext():
            await generate(exchange)
    except ApiError as error:
        await send_error(inbound, await on_error(gateway, inbound, error))
    except Exception as error:
        log.error("a background response failed", exc_info=error, extra={"request_id": inbound.request_id})
        await send_error(inbound, await on_error(gateway, inbound, internal_error(inbound.request_id)))


def _client(gateway: Gateway, catalog: CatalogSnapshot, owner: str) -> Client:
    """The key that asked. Raises `InvalidKey` if it has been revoked, or has expired, since."""
    if owner == ANONYMOUS.id and not gateway.authentication:
        return ANONYMOUS
    client = catalog.client(owner)
    if client is not None and (client.expires_at is None or client.expires_at > time.time()):
        return client
    raise InvalidKey(given=True)
