"""Who keeps budgets, and who tells of them? Built from the settings, with the parts that know the database."""

from __future__ import annotations

import asyncio
from functools import partial

from django.conf import settings
from django.core.mail import send_mail

from openai_api.database import budget_alerts, key_request_mail, ledger
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.budget_alerts import BudgetAlerts, Notice
from openai_api.jobs.key_requests import KeyRequestMails, Letter
from openai_api.spending.books import Books
from openai_api.spending.budgets import Budgets
from providers.transport import Transport
from providers.types import Secret


def books(threads: DatabaseThreads) -> Books:
    """Who writes the ledger of this worker."""
    return Books(threads, ledger, settings.GATEWAY_BUDGET_HOLD_S)


def budgets(kept: Books) -> Budgets:
    """The rules of budgets."""
    return Budgets(kept, refuses_unknown=settings.GATEWAY_UNKNOWN_PRICE == "refuse")


def alerts(transport: Transport, threads: DatabaseThreads) -> BudgetAlerts:
    """The kind of jobs that tells of budgets."""

    async def find(alert: int, channel: str) -> Notice | None:
        return await threads.run(partial(budget_alerts.notice, alert, channel))

    secret = Secret(settings.GATEWAY_ALERT_SECRET) if settings.GATEWAY_ALERT_SECRET else None
    return BudgetAlerts(transport, find, mail, secret)


def request_mails(threads: DatabaseThreads) -> KeyRequestMails:
    """The kind of jobs that tells of requests for more."""

    async def find(request: str) -> Letter | None:
        return await threads.run(partial(key_request_mail.letter, request))

    return KeyRequestMails(find, send)


async def mail(notice: Notice) -> None:
    """Sends a mail. Raises `OSError` when no server takes it."""
    await send(Letter([notice.to], notice.title(), notice.text()))


async def send(letter: Letter) -> None:
    """Raises `OSError` when no server takes it."""
    await asyncio.to_thread(send_mail, letter.title, letter.text, settings.DEFAULT_FROM_EMAIL, list(letter.to))
