"""What has the caller's key used, and what is left to it? `GET /v1/me/usage`, for the key's own figures and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from models_catalog.bounds import NANO, BudgetRule, LimitRule, Unit
from openai_api.context import Gateway, Inbound
from openai_api.errors import RETRY_SOON, ApiError, StoreUnavailable
from openai_api.limits.figures import PERIODS, Left, Spent, Usage
from openai_api.pipeline.respond import send_json

UNCACHED = ((b"cache-control", b"no-store"),)
ENCODER = msgspec.json.Encoder(decimal_format="number")


async def usage(gateway: Gateway, inbound: Inbound) -> None:
    """`{"object", "key", "owner", "periods", "models", "limits", "budgets"}`. Raises 503 `usage_unavailable`."""
    client = inbound.caller
    try:
        used, limits, budgets = await asyncio.gather(
            gateway.usage.of_client(client), gateway.figures.limits(client), gateway.figures.budgets(client)
        )
    except StoreUnavailable as error:
        message = "The usage figures are temporarily unavailable."
        raise ApiError(503, "usage_unavailable", message, kind="overloaded_error", headers=RETRY_SOON) from error
    body = {
        "object": "usage",
        "key": {"id": client.id, "name": client.name, "expires_at": _moment(client.expires_at)},
        "owner": {name: getattr(client.owner, name) or None for name in ("tenant", "project", "person")},
        "periods": {period: {"since": _moment(used.since[period]), **_fields(used.total(period))} for period in PERIODS},
        "models": list(_models(used)),
        "limits": [_limit(rule, limits.get(rule.id)) for rule in client.bounds.limits],
        "budgets": [_budget(rule, budgets.get(rule.id)) for rule in client.bounds.budgets],
    }
    await send_json(inbound, ENCODER.encode(body), headers=UNCACHED)


def _models(used: Usage) -> Iterator[dict[str, Any]]:
    """Each model, with its longest period."""
    longest = max(PERIODS, key=lambda period: PERIODS[period])
    return ({"model": line.model, "period": longest, **_fields(line.used[longest])} for line in used.models)


def _fields(used: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(used)


def _limit(rule: LimitRule, left: Left | None) -> dict[str, Any]:
    return {
        "scope": rule.scope,
        "counted": rule.counted.value,
        "limit": rule.amount,
        "per_s": rule.window_s or None,
        "each": rule.each.value or None,
        "remaining": None if left is None else left.remaining,
        "reset_s": None if left is None or left.reset_s is None else round(left.reset_s, 3),
    }


def _budget(rule: BudgetRule, spent: Spent | None) -> dict[str, Any]:
    figures: Mapping[str, Any] = {"spent": None, "held": None, "left": None, "resets_at": None}
    if spent is not None:
        left = max(0, rule.amount - spent.spent - spent.held)
        figures = {
            "spent": _amount(rule, spent.spent),
            "held": _amount(rule, spent.held),
            "left": _amount(rule, left),
            "resets_at": _moment(spent.resets_at),
        }
    return {
        "scope": rule.scope,
        "unit": rule.unit.value,
        "amount": _amount(rule, rule.amount),
        "period": rule.period.value,
        "each": rule.each.value or None,
        "stops": rule.hard,
        **figures,
    }


def _amount(rule: BudgetRule, number: int) -> Decimal | int:
    """US dollars, or tokens."""
    return Decimal(number) / NANO if rule.unit is Unit.USD else number


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
