"""By whom are found requests? The same newest ones as in their totals, added up by app, key or model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from django.core.exceptions import EmptyResultSet
from django.db import connection

from openai_api.database.request_search import COUNTED, Rows
from openai_api.recording.rows import CLIENT_CLOSED

MOST = 10
"""Names of a table."""
GROUPS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"app": ("app", "app"), "key": ("client_id", "client_name"), "model": ("model", "model")}
)
"""What is grouped by: the column that the filter of that name compares, and the one that is shown."""
SUMS = f"""COUNT(*), SUM(CASE WHEN (status >= 400 AND status <> {CLIENT_CLOSED}) OR error IS NOT NULL THEN 1 ELSE 0 END),
    COALESCE(SUM(input_tokens), 0), COALESCE(SUM(output_tokens), 0), SUM(cost_usd)"""


@dataclass(frozen=True, slots=True)
class Grouped:
    """The requests of one name. `value` is what the filter takes, "" where they have none; `cost_usd` is None without a price."""

    value: str
    label: str
    requests: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


def grouped(rows: Rows, by: str) -> list[Grouped]:
    """The names with most of the newest `COUNTED` of `found` rows. Raises `KeyError` for what is no group."""
    value, label = GROUPS[by]
    columns = dict.fromkeys((value, label, "status", "error", "input_tokens", "output_tokens", "cost_usd"))
    try:
        newest, parameters = rows.values(*columns)[:COUNTED].query.sql_with_params()
    except EmptyResultSet:  # no row can be meant
        return []
    shown = label if label == value else f"MAX({label})"
    asked = f"SELECT {value}, {shown}, {SUMS} FROM ({newest}) AS newest GROUP BY {value} ORDER BY 3 DESC, 1 LIMIT {MOST}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(asked, parameters)
        found = cursor.fetchall()
    return [_grouped(*one) for one in found]


def _grouped(
    value: str | None, label: str | None, requests: int, errors: int, tokens_in: int, tokens_out: int, cost: object
) -> Grouped:
    known = None if cost is None else Decimal(str(cost)).quantize(Decimal("1e-9"))
    return Grouped(value or "", label or value or "", requests, errors, int(tokens_in), int(tokens_out), known)
