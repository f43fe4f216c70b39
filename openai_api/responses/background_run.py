"""What becomes of the answer to a request in the background? Numbered events and a final response."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

import msgspec

from openai_api.context import Inbound
from openai_api.errors import ApiError, Headers
from openai_api.jobs.job import Ending, State, Why
from openai_api.jobs.run import Run
from openai_api.recording.events import Record
from openai_api.responses.background_job import Asked
from openai_api.responses.store import ResponseWrites
from providers.bytes import sse
from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of, patch
from providers.bytes.sse import Frames
from providers.offload import offload
from providers.types import Target
from providers.wire.openai.framing import DONE
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.response_object import error_object
from providers.wire.openai_responses.told_output import ended

TURN_FRAMES = 64
"""Events that are taken in before others have their turn."""
PATH = "/v1/responses"
RUN = "/v1/responses (background)"
"""What the work is called in the list of requests, under the id of the response; who asked for it has a row of its own."""
STATES = {"failed": State.FAILED, "cancelled": State.CANCELLED}
"""Statuses of responses whose jobs are not simply done."""


class BackgroundRun:
    """One try at a response."""

    def __init__(self, run: Run, asked: Asked) -> None:
        self.run = run
        self.asked = asked
        record = Record(run.job.id, "POST", RUN, route=PATH, stream=asked.stream)
        record.session, record.agent, record.tenant, record.tags = asked.session, asked.agent, asked.tenant, asked.tags
        self.inbound = Inbound(run.job.id, "POST", PATH, "", {}, b"", record, RunOutlet(self))
        self._final: bytes | None = None
        if asked.stream:
            self._say("response.created", asked.response)
            self._say("response.queued", asked.response)
            run.publish()

    async def keep(self, target: Target, body: bytes) -> None:
        """Takes the whole of the response, before its last event."""
        self._final = self._named(body)

    async def ending(self, writes: ResponseWrites) -> Ending:
        """How the response has ended."""
        body = self._final or await self._failing(error_object("server_error", "The response ended without a final event."))
        status = msgspec.json.decode(body).get("status") or "completed"
        return Ending(STATES.get(status, State.DONE), write=writes.ended(self.run.job.id, status, body))

    def record(self) -> Record:
        """What happened."""
        record, why = self.inbound.record, self.run.why
        if why is not None:
            record.error = "handed_over" if why is Why.HANDED_OVER else "cancelled"
        record.client_aborted = record.client_aborted or why in (Why.CANCELLED, Why.LOST)
        record.total_s = perf_counter() - record.clock
        return record

    async def take(self, frames: Frames) -> None:
        """Takes in events, if it was asked for as a stream. They are not heard yet."""
        if not self.asked.stream:
            return
        for number, frame in enumerate(frames, 1):
            self._take(frame)
            if not number % TURN_FRAMES:
                await asyncio.sleep(0)

    async def fail(self, error: ApiError) -> None:
        """It cannot be made. The further fields of the error are kept, too."""
        said = {**error_object(error.code or "server_error", error.message), **error.more}
        self._final = await self._failing(said)
        if self.asked.stream:
            self._say("response.failed", msgspec.Raw(self._final))

    async def _failing(self, error: dict[str, Any]) -> bytes:
        """The response as it fails, with what its events have told."""
        frames = tuple(self.run.frames)
        changes: dict[str, bytes | None] = {"error": msgspec.json.encode(error)}
        return await offload(sum(map(len, frames)), ended, bytes(self.asked.response), "failed", frames, changes)

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
        created = b"%d" % self.run.job.created_at
        return patch(fields_of(response), {"background": b"true", "created_at": created})

    def _say(self, kind: str, response: msgspec.Raw) -> None:
        self.run.add(frame_of({"type": kind, "sequence_number": self.run.number, "response": response}))

    def _add(self, kind: str, fields: Fields, changes: dict[str, bytes | None]) -> None:
        data = patch(fields, {**changes, "sequence_number": b"%d" % self.run.number})
        self.run.add(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))


class RunOutlet:
    """An `Outlet` that gives what the journey says to its client to the run. Its last events are heard when the end is stored."""

    def __init__(self, made: BackgroundRun) -> None:
        self.finished = False
        self._made = made

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.finished = True  # the run has kept it

    async def error(self, error: ApiError, headers: Headers) -> None:
        self.finished = True
        await self._made.fail(error)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        await self.events(first)

    async def events(self, frames: Frames) -> None:
        await self._made.take(frames)
        self._made.run.publish()

    async def end(self, frames: Frames) -> None:
        self.finished = True
        await self._made.take(frames)

    def close(self) -> None:
        pass
