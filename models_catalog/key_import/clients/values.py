"""How is one value of a row read, from JSON or from a cell of a table? Errors say what is expected and never what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

MOST_COUNT = 2**53
MOST_MONEY = Decimal(10) ** 11
FLAGS = MappingProxyType(
    {**dict.fromkeys(("true", "t", "yes", "on", "1"), True), **dict.fromkeys(("false", "f", "no", "off", "0"), False)}
)
PERIODS = MappingProxyType(
    {
        **dict.fromkeys(("day", "daily", "1d", "24h"), "day"),
        **dict.fromkeys(("week", "weekly", "7d", "1w"), "week"),
        **dict.fromkeys(("month", "monthly", "30d", "31d", "1mo"), "month"),
        **dict.fromkeys(("total", "never"), "total"),
    }
)
"""Spellings of periods, LiteLLM's among them."""
ALL_MODELS = frozenset({"all-proxy-models", "all-team-models", "*"})
"""LiteLLM's names for all models: of the proxy, and of the key's team, whose project bounds them here."""
NO_MODELS = "no-default-models"


class BadField(ValueError):
    """A row cannot be read; the text names the field and what it must be."""


def is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {}) or (isinstance(value, str) and value.strip() in ("", "null", "[]", "{}"))


def text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    raise ValueError("must be a text")


def texts(value: Any) -> tuple[str, ...]:
    """A list, or a cell with one: as JSON, as PostgreSQL writes it (`{a,b}`), or separated by commas or semicolons."""
    found = value
    if isinstance(value, str):
        cell = value.strip()
        if cell.startswith("["):
            found = _json(cell)
        else:
            inner = cell[1:-1] if cell.startswith("{") and cell.endswith("}") else cell
            found = [part.strip().strip('"') for part in inner.replace(";", ",").split(",")]
    if not _are_texts(found):
        raise ValueError("must be a list of texts")
    return tuple(dict.fromkeys(one.strip() for one in found if one.strip()))


def pairs(value: Any) -> dict[str, str]:
    """An object of texts, or a cell with one."""
    found = _json(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for pair in found.items() for one in pair):
        raise ValueError("must be a JSON object of texts")
    return dict(found)


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in FLAGS:
        return FLAGS[value.strip().lower()]
    raise ValueError("must be true or false")


def count(value: Any) -> int:
    number = _number(value)
    if number != int(number) or not 1 <= number <= MOST_COUNT:
        raise ValueError("must be a whole number of at least 1")
    return int(number)


def money(value: Any) -> Decimal:
    """US dollars, to a millionth."""
    number = _number(value)
    if not Decimal("0.000001") <= number < MOST_MONEY:
        raise ValueError("must be a number of US dollars above 0")
    return number.quantize(Decimal("0.000001"))


def seconds(value: Any) -> float:
    return float(_number(value))


def period(value: Any) -> str:
    known = value.strip().lower() if isinstance(value, str) else ""
    if known not in PERIODS:
        raise ValueError(f"must be one of {', '.join(PERIODS)}")
    return PERIODS[known]


def moment(value: Any) -> datetime:
    """An ISO time, in UTC where it does not say otherwise."""
    try:
        found = datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise ValueError("must be a date, or a time as in 2027-01-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def allowed(names: Iterable[str]) -> tuple[str, ...] | None:
    """The models that a key may use, None for all."""
    known = tuple(names)
    if ALL_MODELS & set(known):
        return None
    return tuple(name for name in known if name != NO_MODELS)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value).strip()) if not isinstance(value, bool) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise ValueError("must be a number")
    return found


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None
