"""How is an alert of a budget delivered? As a job for each way: posted to a webhook, or sent by mail, again until it is taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from openai_api.errors import StoreUnavailable
from openai_api.interceptors.webhook.signature import key_of, signed
from openai_api.jobs.job import Again, Ending, Events, Job, Outcome, State, Why
from openai_api.jobs.run import Run
from providers.errors import ProviderError
from providers.transport import Head, Origin, Transport, UpstreamRequest
from providers.types import Secret, Timeouts

KIND = "budget_alert"
TRIES = 8
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 600.0
TIMEOUTS = Timeouts(5.0, 10.0, 10.0, 10.0)
TAKEN = range(200, 300)
AGENT = "signalbox-webhooks"
log = logging.getLogger("gateway.budgets")


class Channel(StrEnum):
    WEBHOOK = "webhook"
    MAIL = "mail"


class Notice(msgspec.Struct):
    """An alert. `to` is an address of the web or of a person. `spent` and `amount` are US dollars or tokens, as `unit` says, `at`
    is in seconds since the epoch; `stops` says that requests are refused once all is spent."""

    to: str
    id: str
    at: float
    budget: str
    scope: str
    subject: str
    name: str
    counter: str
    period: str
    percent: int
    unit: str
    spent: float
    amount: float
    stops: bool

    def body(self) -> bytes:
        """What is posted."""
        told = {name: getattr(self, name) for name in self.__struct_fields__ if name != "to"}
        return msgspec.json.encode({"type": "budget.alert", **told})

    def title(self) -> str:
        return f"Budget of {self.scope.replace('_', ' ')} {self.name}: {self.percent} % used"

    def text(self) -> str:
        """What a mail says."""
        used = f"{_amount(self.spent, self.unit)} of {_amount(self.amount, self.unit)} are spent"
        after = "Requests are refused once all is spent." if self.stops else "Requests go on when all is spent."
        return f"{self.title()}.\n\n{used} (period: {self.period}). {after}\n\nBudget: {self.budget}\nCounter: {self.counter}\n"


Find = Callable[[int, str], Awaitable[Notice | None]]
"""The alert of that id for that channel; None if nobody is to be told. Raises `StoreUnavailable`."""
Mail = Callable[[Notice], Awaitable[None]]
"""Sends a mail. Raises `OSError` when no server takes it."""


class BudgetAlerts:
    """The kind of jobs that tells of budgets. Messages are signed where there is a `secret`."""

    name = KIND
    tries = TRIES

    def __init__(self, transport: Transport, find: Find, mail: Mail, secret: Secret | None = None) -> None:
        self._transport = transport
        self._find = find
        self._mail = mail
        self._secret = secret

    async def run(self, run: Run) -> Outcome:
        alert, channel = msgspec.msgpack.decode(run.job.payload, type=tuple[int, str])
        try:
            notice = await self._find(alert, channel)
        except StoreUnavailable:
            return Again(FIRST_PAUSE_S)
        if notice is None or not notice.to:
            return Ending(State.DONE)
        fault = await (self._mailed(notice) if channel == Channel.MAIL else self._posted(notice))
        if not fault:
            return Ending(State.DONE)
        tries = run.job.failures + 1
        if tries >= TRIES:
            log.error("budget alert given up", extra={"alert": notice.id, "channel": channel, "tries": tries, "reason": fault})
            return Ending(State.FAILED)
        return Again(min(FIRST_PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S))

    def interrupted(self, job: Job, events: Events, why: Why) -> Ending:
        return Ending(State.CANCELLED if why is Why.CANCELLED else State.FAILED)

    async def _posted(self, notice: Notice) -> str:
        """Why the webhook has not taken it; "" if it has."""
        try:
            reply = await self._transport.fetch(request_of(notice, self._secret, int(time.time())))
        except ProviderError as error:
            return error.code
        return "" if reply.status in TAKEN else f"status {reply.status}"

    async def _mailed(self, notice: Notice) -> str:
        try:
            await self._mail(notice)
        except OSError as error:  # what smtplib raises is one, too
            return type(error).__name__
        return ""


def request_of(notice: Notice, secret: Secret | None, now: int) -> UpstreamRequest:
    """One try."""
    parts = urlsplit(notice.to)
    origin = Origin(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = Head("POST", origin, path, (("content-type", "application/json"), ("user-agent", AGENT), ("accept", "*/*")))
    body = notice.body()
    signature = signed(key_of(secret), notice.id, now, body) if secret else ((b"webhook-id", notice.id.encode()),)
    return UpstreamRequest(head, body, TIMEOUTS, signature)


def _amount(amount: float, unit: str) -> str:
    return f"{amount:.2f} USD" if unit == "usd" else f"{amount:.0f} tokens"
