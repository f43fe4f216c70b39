"""The tables of what was served."""

from __future__ import annotations

from openai_api.models.repeats import RepeatPieceRow, RepeatRow
from openai_api.models.responses import JobEventsRow, JobRow, StoredResponseRow
from openai_api.models.running import RunningAsk, RunningTold
from openai_api.models.sessions import SessionEventRow, SessionLabelRow, SessionRow
from openai_api.models.spending import BudgetAlert, BudgetCounter, LedgerEntry, LimitCounterRow, OpenHold
from openai_api.models.usage import UsageRecord, UsageRollUp, UsageTag

__all__ = [
    "BudgetAlert",
    "BudgetCounter",
    "JobEventsRow",
    "JobRow",
    "LedgerEntry",
    "LimitCounterRow",
    "OpenHold",
    "RepeatPieceRow",
    "RepeatRow",
    "RunningAsk",
    "RunningTold",
    "SessionEventRow",
    "SessionLabelRow",
    "SessionRow",
    "StoredResponseRow",
    "UsageRecord",
    "UsageRollUp",
    "UsageTag",
]
