"""What becomes of the answer to a request that nobody waits for? Numbered events and a final response, kept as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import perf_counter
from typing import Any

import msgspec

from openai_api.context import Inbound
from openai_api.errors import ApiError, Headers
from openai_api.jobs.store import Job, Jobs, Told
from openai_api.recording.events import Record
from openai_api.responses.store import StoreUnavailable
from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of, patch
from providers.bytes.sse import Frames
from providers.errors import NOTHING_MORE
from providers.offload import offload
from providers.types import Target
from providers.wire.openai_chat.request import DONE
from providers.wire.openai_responses.response_object import error_object
from providers.wire.openai_responses.told_output import ended

FLUSH_S = 0.25
"""How often new events are written."""
BEAT_S = 2.0
"""How often a worker says that it still makes a response."""
LAST_TRIES = 20
TURN_FRAMES = 64
"""Events that are taken in before others have their turn."""
PATH = "/v1/responses"
RUN = "/v1/responses (background)"
"""What the work is called in the list of requests, under the id of the response; who asked for it has a row of its own."""


class BackgroundRun:
    """One response while this worker makes it. `first` is the number of its first event here; `has_secrets` says that it can be
    made by nobody else, since its request brought credentials, which are not stored."""

    def __init__(self, job: Job, jobs: Jobs, *, has_secrets: bool = False) -> None:
        self.job = job
        self.has_secrets = has_secrets
        self.first = job.number
        self.handed_over = False
        self.dropped = False
        record = Record(job.response.id, "POST", RUN, route=PATH, stream=job.asked.stream)
        self.inbound = Inbound(job.response.id, "POST", PATH, "", {}, b"", record, RunOutlet(self))
        self._jobs = jobs
        self._frames: Frames = []
        self._heard = 0
        self._written = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._final: bytes | None = None
        if job.asked.stream:
            self._say("response.created", {"response": msgspec.Raw(job.response.body)})
            self._say("response.queued", {"response": msgspec.Raw(job.response.body)})
            self.publish()

    async def told(self, after: int) -> Told:
        """The events above that number; waits until there is one, or there will be none."""
        while True:
            last = self.first + self._heard - 1
            if last > after or self._ended:
                return Told(self._frames[max(0, after + 1 - self.first) : self._heard], max(last, after), self._ended)
            await self._changed.wait()

    async def keep(self, target: Target, body: bytes) -> None:
        """Takes the whole of the response, before its last event."""
        self._final = self._named(body)

    async def beat(self, lost: Callable[[], None]) -> None:
        """Writes what is new, and says that the worker lives, until it is cancelled; calls `lost` if the job is another's."""
        beaten = 0.0
        while True:
            if self._written < self._heard or perf_counter() - beaten >= BEAT_S:
                try:
                    new = self._frames[self._written : self._heard]
                    if not await self._jobs.beat(self.job.response.id, self.first + self._written, new):
                        lost()
                        return
                    self._written += len(new)
                    beaten = perf_counter()
                except StoreUnavailable:
                    pass  # said by the store; events wait in memory
            await asyncio.sleep(FLUSH_S)

    async def finish(self) -> None:
        """Writes how it ended, then lets that be heard. A database that is away is asked again for a while."""
        body = self._final or await self._ending("failed", error_object("server_error", "The response has no end."))
        status = msgspec.json.decode(body).get("status") or "completed"
        for tries_left in reversed(range(LAST_TRIES)):
            try:
                new, first = self._frames[self._written :], self.first + self._written
                await self._jobs.finish(self.job.response.id, first, new, status, body)
                self._written = len(self._frames)
                break
            except StoreUnavailable:
                if not tries_left:
                    raise
                await asyncio.sleep(1)
        self.publish()

    async def release(self) -> None:
        """Gives the job back."""
        with suppress(StoreUnavailable):  # then its lease runs out, and it has failed
            await self._jobs.release(self.job.response.id, self.first + len(self._frames))

    async def say_cancelled(self) -> None:
        """Tells those who listen here that it was cancelled; what is kept of that, another has written."""
        if self.job.asked.stream:
            del self._frames[self._heard :]  # another end, which nobody has heard
            body = await self._ending("cancelled")
            self._say("response.cancelled", {"response": msgspec.Raw(body)})
            self.publish()

    def end(self) -> None:
        """No more is to come from here."""
        self._ended = True
        self._changed.set()

    def record(self) -> Record:
        """What happened."""
        record = self.inbound.record
        record.client_aborted = record.client_aborted or self.dropped
        record.total_s = perf_counter() - record.clock
        return record

    async def take(self, frames: Frames) -> None:
        """Takes in events, if it was asked for as a stream. They are not heard yet."""
        if not self.job.asked.stream:
            return
        for number, frame in enumerate(frames, 1):
            self._take(frame)
            if not number % TURN_FRAMES:
                await asyncio.sleep(0)

    def publish(self) -> None:
        """Lets what there is be heard."""
        self._heard = len(self._frames)
        self._changed.set()
        self._changed = asyncio.Event()

    async def fail(self, code: str, message: str, more: Mapping[str, Any] = NOTHING_MORE) -> None:
        """It cannot be made; `more` are further fields of the error."""
        self._final = await self._ending("failed", {**error_object(code, message), **more})
        if self.job.asked.stream:
            self._say("response.failed", {"response": msgspec.Raw(self._final)})

    async def _ending(self, status: str, error: dict[str, Any] | None = None) -> bytes:
        """The response as it ends with that status, and with what its events have told."""
        changes: dict[str, bytes | None] = {"error": msgspec.json.encode(error)} if error else {}
        size = sum(map(len, self._frames))
        return await offload(size, ended, self.job.response.body, status, tuple(self._frames), changes)

    def _take(self, frame: bytes) -> None:
        data = (sse.data_of(frame) or b"").strip()
        if not data or data == DONE:
            return
        try:
            fields = told_fields(data.replace(b"\n", b""))
        except InvalidJson:
            return  # no client could make anything of it
        kind = msgspec.json.decode(fields.raw("type") or b'""')
        if kind in ("response.created", "response.queued"):
            return  # said at the beginning
        changes: dict[str, bytes | None] = {}
        if (response := fields.raw("response")) is not None:
            changes["response"] = self._named(response)
        self._add(kind, fields, changes)

    def _named(self, response: bytes) -> bytes:
        """A response as one in the background that was asked for when this one was."""
        created = b"%d" % self.job.response.created_at
        return patch(fields_of(response), {"background": b"true", "created_at": created})

    def _say(self, kind: str, values: dict[str, Any]) -> None:
        self._add(kind, fields_of(msgspec.json.encode({"type": kind, "sequence_number": 0, **values})), {})

    def _add(self, kind: str, fields: Fields, changes: dict[str, bytes | None]) -> None:
        number = b"%d" % (self.first + len(self._frames))
        data = patch(fields, {**changes, "sequence_number": number})
        self._frames.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))


class RunOutlet:
    """An `Outlet` that gives what the journey says to its client to the run. Its last events are heard when the end is stored."""

    def __init__(self, run: BackgroundRun) -> None:
        self.finished = False
        self._run = run

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.finished = True  # the run has kept it

    async def error(self, error: ApiError, headers: Headers) -> None:
        self.finished = True
        await self._run.fail(error.code or "server_error", error.message, error.more)

    async def begin(self, headers: Headers, sound: bytes) -> None:
        pass

    async def events(self, frames: Frames) -> None:
        await self._run.take(frames)
        self._run.publish()

    async def end(self, frames: Frames) -> None:
        self.finished = True
        await self._run.take(frames)

    def close(self) -> None:
        pass
