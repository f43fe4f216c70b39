"""How are roll-ups read and written? All that a batch touches in one statement each, one writer after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from models_catalog.bounds import NANO
from openai_api.database.histograms import Histogram, as_json, from_json, merge
from openai_api.models import UsageRollUp

LOCK = 0x5369676E616C
"""PostgreSQL's advisory lock. All writers write the roll-up of the same minute, so that one lock costs them nothing that the row
would not, and no two can wait for each other."""
COUNTS = ("requests", "errors", "cache_hits", "input_tokens", "output_tokens", "cached_tokens", "uncosted")
HISTOGRAMS = ("total_ms", "first_byte_ms", "gateway_ms")
KEY = ("span", "dimension", "at", "tenant", "name")
VALUES = (*COUNTS, "cost_usd", *HISTOGRAMS)


class Key(NamedTuple):
    """Which roll-up: `at` in seconds since the epoch."""

    span: int
    dimension: str
    at: int
    tenant: str
    name: str


@dataclass(slots=True)
class Amounts:
    """What a roll-up holds; `nano` are billionths of a US dollar."""

    requests: int = 0
    errors: int = 0
    cache_hits: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    uncosted: int = 0
    nano: int = 0
    total_ms: Histogram = field(default_factory=dict)
    first_byte_ms: Histogram = field(default_factory=dict)
    gateway_ms: Histogram = field(default_factory=dict)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Amounts:
        """Without times, of the numbers in the order of `COUNTS`, and `nano`."""
        requests, errors, hits, tokens_in, tokens_out, cached, uncosted, nano = numbers
        return cls(requests, errors, hits, tokens_in, tokens_out, cached, uncosted, nano)

    def copy(self) -> Amounts:
        made = Amounts.of(NUMBERS(self))
        if self.total_ms:
            made.total_ms, made.first_byte_ms, made.gateway_ms = map(dict, TIMES(self))
        return made

    def negative(self) -> Amounts:
        amounts = Amounts.of(-number for number in NUMBERS(self))
        for name in HISTOGRAMS:
            setattr(amounts, name, {place: -count for place, count in getattr(self, name).items()})
        return amounts

    def add(self, other: Amounts) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.cache_hits += other.cache_hits
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cached_tokens += other.cached_tokens
        self.uncosted += other.uncosted
        self.nano += other.nano
        merge(self.total_ms, other.total_ms)
        merge(self.first_byte_ms, other.first_byte_ms)
        merge(self.gateway_ms, other.gateway_ms)


NUMBERS = attrgetter(*COUNTS, "nano")
TIMES = attrgetter(*HISTOGRAMS)
TAKE_LOCK = f"SELECT pg_advisory_xact_lock({LOCK})"


def lock(cursor: Any) -> None:
    """Lets no other writer write roll-ups until the transaction ends. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        cursor.execute(TAKE_LOCK)


def store(cursor: Any, told: Mapping[Key, Amounts]) -> None:
    """Adds amounts to what is stored. Counts are added by the database; histograms are read, merged here and written whole, under
    the lock. Changes `told`: its histograms become those that are stored."""
    sql, asked = reading(told)
    if asked:
        cursor.execute(sql, asked)
        merge_times(told, cursor.fetchall())
    write(cursor, told)


def reading(told: Mapping[Key, Amounts]) -> tuple[str, list[str]]:
    """The statement that reads the histograms that amounts are added to, and its parameters; none where nothing is to be read."""
    asked = [(place, key[0], key[1], _at(key[2]), key[3], key[4]) for place, key in enumerate(told) if told[key].total_ms]
    return _read(), [msgspec.json.encode(asked).decode()] if asked else []


def merge_times(told: Mapping[Key, Amounts], found: Iterable[Sequence[Any]]) -> None:
    """Adds the histograms that were read."""
    amounts = list(told.values())
    for place, *texts in found:
        for histogram, text in zip(TIMES(amounts[place]), texts, strict=True):
            merge(histogram, from_json(text))


def write(cursor: Any, told: Mapping[Key, Amounts]) -> None:
    """All rows in the order of their keys, under the lock, with histograms that are whole."""
    rows = [(key[0], key[1], _at(key[2]), key[3], key[4], *_values(told[key])) for key in sorted(told)]
    cursor.execute(_write(), [msgspec.json.encode(rows).decode()])


@lru_cache(maxsize=1024)
def _at(seconds: int) -> str:
    """A time as SQLite stores it; PostgreSQL is told that it is UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _values(amounts: Amounts) -> tuple[Any, ...]:
    *counts, nano = NUMBERS(amounts)
    cost = f"{'-' if nano < 0 else ''}{abs(nano) // NANO}.{abs(nano) % NANO:09}"
    return *counts, cost, *map(as_json, TIMES(amounts))


@cache
def _types() -> dict[str, str]:
    types = {str(column.column): str(column.db_type(connection)) for column in UsageRollUp._meta.concrete_fields}
    return types | {"at": "timestamp"}


def _table() -> str:
    return connection.ops.quote_name(UsageRollUp._meta.db_table)


@cache
def _read() -> str:
    """Keys come as one JSON list of lists; each is looked up by the index, however small the table is thought to be."""
    shown = ", ".join(f"kept.{name}" for name in HISTOGRAMS)
    if connection.vendor == "postgresql":
        fields = ", ".join(_cast(name, place) for place, name in enumerate(KEY, 1))
        same = f"({', '.join(f'kept.{name}' for name in KEY)}) = ({fields})"
        one = f"SELECT {shown} FROM {_table()} AS kept WHERE {same} LIMIT 1"  # noqa: S608 - names only
        return f"SELECT (told.value->>0)::int, kept.* FROM json_array_elements(%s::json) AS told, LATERAL ({one}) AS kept"  # noqa: S608
    same = " AND ".join(f"kept.{name} = json_extract(told.value, '$[{place}]')" for place, name in enumerate(KEY, 1))
    told = "SELECT json_extract(told.value, '$[0]')"
    return f"{told}, {shown} FROM json_each(%s) AS told CROSS JOIN {_table()} AS kept WHERE {same}"


@cache
def _write() -> str:
    columns = (*KEY, *VALUES)
    if connection.vendor == "postgresql":
        values, source = [_cast(name, place) for place, name in enumerate(columns)], "json_array_elements(%s::json)"
    else:
        values, source = [f"json_extract(told.value, '$[{place}]')" for place in range(len(columns))], "json_each(%s)"
    table = _table()
    sums = [f"{name} = {table}.{name} + EXCLUDED.{name}" for name in (*COUNTS, "cost_usd")]
    new = ", ".join([*sums, *(f"{name} = EXCLUDED.{name}" for name in HISTOGRAMS)])
    chosen = f"SELECT {', '.join(values)} FROM {source} AS told WHERE true"  # noqa: S608 - names only
    return f"INSERT INTO {table} ({', '.join(columns)}) {chosen} ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {new}"


def _cast(name: str, place: int) -> str:
    """A member of a JSON list as the type of that column; times are told in UTC."""
    value = f"(told.value->>{place})::{_types()[name]}"
    return f"({value} AT TIME ZONE 'UTC')" if name == "at" else value
