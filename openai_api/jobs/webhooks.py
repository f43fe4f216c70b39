"""How is a webhook message delivered? As a job: it is posted, again with growing pauses until it is taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from openai_api.interceptors.webhook.options import MOST_TRIES, Options
from openai_api.interceptors.webhook.outbox import KIND, payload_of, webhook_of
from openai_api.interceptors.webhook.signature import key_of, signed
from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Why, Write
from openai_api.jobs.run import Run
from providers.errors import ProviderError
from providers.transport import Head, Origin, Transport, UpstreamReply, UpstreamRequest
from providers.types import Timeouts

log = logging.getLogger("gateway.webhooks")
GONE = 410
"""The receiver wants no more messages, says the specification."""
TAKEN = range(200, 300)
CONNECT_S = 5.0
ORPHANED_TRIES, ORPHANED_S = 10, 60.0
AGENT = "signalbox-webhooks"


class Webhooks:
    """The kind of jobs that delivers messages. `configured` are the webhooks of this moment: addresses and secrets are in no
    job. `forget` is what becomes of the job of a message that was taken."""

    name = KIND
    tries = MOST_TRIES

    def __init__(self, transport: Transport, configured: Callable[[], Iterable[Options]], forget: Callable[[str], Write]) -> None:
        self._transport = transport
        self._configured = configured
        self._forget = forget

    async def run(self, run: Run) -> Outcome:
        payload = payload_of(run.job.payload)
        options = webhook_of(payload, self._configured())
        if options is None:
            return self._orphaned(run.job)
        fault, after_s = await self._posted(options, run.job.id, payload.body)
        if not fault:
            return Ending(State.DONE, write=self._forget(run.job.id))
        tries = run.job.failures + 1
        if tries >= options.max_tries or after_s is None:
            told = {"webhook_id": run.job.id, "tries": tries, "reason": fault}
            log.error("webhook message given up: its receiver does not take it", extra=told)
            return Ending(State.FAILED)
        return Again(max(after_s, pause(options, tries)))

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        if why is not Why.CANCELLED:
            log.error("webhook message given up", extra={"webhook_id": job.id, "reason": str(why)})
        return Ending(State.CANCELLED if why is Why.CANCELLED else State.FAILED)

    def _orphaned(self, job: Job) -> Outcome:
        """Of a message whose hook is not there: it may be edited just now."""
        if job.failures + 1 < ORPHANED_TRIES:
            return Again(ORPHANED_S)
        log.warning("webhook message given up: no hook has its address any more", extra={"webhook_id": job.id})
        return Ending(State.FAILED)

    async def _posted(self, options: Options, message_id: str, body: bytes) -> tuple[str, float | None]:
        """Why the message was not taken, "" if it was, and the seconds to wait at least; None: it is not to be sent again."""
        try:
            reply = await self._transport.fetch(request_of(options, message_id, body, int(time.time())))
        except ProviderError as error:
            return error.code, 0.0
        if reply.status in TAKEN:
            return "", 0.0
        wait = None if reply.status == GONE else min(asked_pause(reply), options.longest_pause)
        return f"status {reply.status}", wait


def request_of(options: Options, message_id: str, body: bytes, now: int) -> UpstreamRequest:
    """One try."""
    parts = urlsplit(options.url)
    origin = Origin(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = {"content-type": "application/json", "user-agent": AGENT, "accept": "*/*"}
    given = {name.lower(): value.reveal() for name, value in options.headers.items()}
    timeouts = Timeouts(min(options.timeout, CONNECT_S), options.timeout, options.timeout, options.timeout)
    head = Head("POST", origin, path, tuple({**own, **given}.items()))
    return UpstreamRequest(head, body, timeouts, signed(key_of(options.secret), message_id, now, body))


def pause(options: Options, tries: int) -> float:
    """Seconds before the next try, after so many."""
    return float(min(options.first_pause * 2 ** (tries - 1), options.longest_pause))


def asked_pause(reply: UpstreamReply) -> float:
    """What the receiver asks for in `Retry-After`, in seconds."""
    asked = reply.header(b"retry-after") or b""
    return float(asked) if asked.isdigit() and len(asked) < 7 else 0.0
