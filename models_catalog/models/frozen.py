"""How are the values of rows kept outside of the database? Frozen: equal and hashable by what they hold.

Values that are JSON in the catalog are kept as canonical JSON texts (`freeze`), so that they can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from decimal import Decimal
from typing import Any


def freeze(value: object) -> str:
    """A JSON value as a text that is equal for equal values, whatever a database made of them; 1.0 is 1, true is not."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def thaw(text: str) -> Any:
    """The value of a frozen text."""
    return json.loads(text)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _number(value: int | float) -> int | float:
    """Small whole numbers as integers, large ones as floats where that is the same text: PostgreSQL gives 1e22 back as an
    integer, SQLite as it was."""
    if abs(value) < 2**53:
        return int(value) if value == int(value) else value
    if isinstance(value, float):
        return value
    try:
        same = float(value)
    except OverflowError:
        return value
    return same if Decimal(repr(same)) == value else value


class Settings(Mapping[str, Hashable]):
    """The frozen values of a row by the names of its columns. `repr` shows names only: a header may be a secret."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Hashable]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Hashable:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"<Settings {', '.join(self._values)}>"

    def text(self, name: str) -> str:
        """A value that is a text, or a frozen JSON value."""
        return str(self._values[name])

    def replaced(self, **values: Hashable) -> Settings:
        """The same with other values."""
        return Settings({**self._values, **values})
