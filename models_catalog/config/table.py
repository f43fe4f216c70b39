"""How is one table of a configuration file read? Value by value; each mistake is kept with its place, none stops the reading.

A table remembers the names that were asked for, so that `close` can name the unknown ones and the nearest known name.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from models_catalog.config.findings import Findings

BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MILLION = 1_000_000
PRICE_STEP = Decimal("0.000001")
PRICE_LIMIT = Decimal(10) ** 8
KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "a table"}


def step(place: str, name: str) -> str:
    """The place of a member: `models."gpt-4"`."""
    shown = name if BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    return f"{place}.{shown}" if place else shown


def kind(value: object) -> str:
    """What a value is, in words; never the value, which may be a secret."""
    return KINDS.get(type(value), f"a {type(value).__name__}")


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """A hint at the known name that resembles `name` most, "" when none is alike enough (1.0 is equal)."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=likeness)
    return f"; did you mean {close[0]!r}?" if close else ""


class Table:
    """A table (mapping) of the file. A value of the wrong type is an error, and then reads as its default. Prices in it are for
    `per` tokens."""

    def __init__(self, values: Mapping[str, object], place: str, findings: Findings) -> None:
        self._values = {name: value for name, value in values.items() if value is not None}
        self._asked: set[str] = set()
        self.place = place
        self.findings = findings
        self.per = 1

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def at(self, name: str) -> str:
        """The place of a member."""
        return step(self.place, name)

    def error(self, name: str, message: str) -> None:
        self.findings.error(self.at(name), message)

    def raw(self, name: str) -> object:
        """The value as it is, None when absent."""
        self._asked.add(name)
        return self._values.get(name)

    def text(self, name: str, default: str = "") -> str:
        value = self._textual(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self.error(name, f"must be a string, not {kind(value)}")
            return default
        return self._stored(name, value, default)

    def required_text(self, name: str) -> str:
        """A text that must be there and must not be empty; "" after an error."""
        if name not in self:
            self._asked.add(name)
            self.findings.fail(self.place, f"{name} is missing")
            return ""
        value = self._textual(name)
        if not isinstance(value, str):
            self.findings.fail(self.at(name), f"must be a string, not {kind(value)}")
            return ""
        if not value.strip():
            self.findings.fail(self.at(name), "must not be empty")
        return self._stored(name, value, "")

    def flag(self, name: str, default: bool) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.error(name, f"must be true or false, not {kind(value)}")
            return default
        return value

    def count(self, name: str, default: int, least: int = 0, most: int = 10**9) -> int:
        value = self._numeric(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.error(name, f"must be an integer, not {kind(value)}")
            return default
        if value < least:
            self.error(name, f"must not be less than {least}")
            return default
        if value > most:
            self.error(name, f"must not be more than {most}")
            return default
        return value

    def number(self, name: str, *, positive: bool = False) -> float | None:
        """A finite number, at least 0, or above 0; None when absent."""
        value = self._numeric(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.error(name, f"must be a number, not {kind(value)}")
        elif not math.isfinite(value) or value < 0 or (positive and value == 0):
            self.error(name, f"must be a finite number {'above' if positive else 'of at least'} 0")
        else:
            return float(value)
        return None

    def price(self, name: str, per: int | None = None) -> Decimal | None:
        """A price in US dollars for a million tokens, as exact as it is stored, where the file has one for `per` tokens, or for
        as many as the whole table says; None when absent or after an error."""
        cost = self.number(name)
        if cost is None:
            return None
        price = Decimal(repr(cost)) * MILLION / (per or self.per)
        if price >= PRICE_LIMIT:
            self.error(name, "the price is too high")
            return None
        return price.quantize(PRICE_STEP)

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of texts without repeats; None when absent or after an error. A foreign file may have a text for a list of
        one, and repeats."""
        value = self.raw(name)
        foreign = self.findings.foreign
        if foreign and isinstance(value, str):
            value = [value]
        if value is None:
            return None
        if not isinstance(value, list):
            self.error(name, f"must be a list of strings, not {kind(value)}")
            return None
        bad = [item for item in value if not isinstance(item, str)]
        if bad:
            self.error(name, f"must contain only strings, not {kind(bad[0])}")
            if not foreign:
                return None
        given = [item for item in value if isinstance(item, str)]
        for repeated in sorted({item for item in given if given.count(item) > 1 and not foreign}):
            self.error(name, f"duplicate {repeated!r}")
        return tuple(dict.fromkeys(given)) if foreign else tuple(given)

    def table(self, name: str) -> Table | None:
        """The table of that name; None when absent or after an error."""
        value = self.raw(name)
        return None if value is None else self.as_table(value, self.at(name))

    def tables(self, name: str) -> list[tuple[str, Table]]:
        """The named tables inside a table: `[models."x"]`, `[models."y"]`."""
        outer = self.table(name)
        return [] if outer is None else outer.members()

    def members(self) -> list[tuple[str, Table]]:
        """All members, each of which must be a table."""
        found = []
        for name in self._values:
            if not name.strip():
                self.error(name, "the name must not be empty")
            elif (inner := self.table(name)) is not None:
                found.append((self._stored(name, name, ""), inner))
        return found

    def as_table(self, value: object, place: str) -> Table | None:
        """A value as a table at that place; an error and None if it is none."""
        if not isinstance(value, dict):
            self.findings.error(place, f"must be a table, not {kind(value)}")
        elif any(not isinstance(key, str) for key in value):
            self.findings.error(place, "keys must be strings")
        else:
            return Table(value, place, self.findings)
        return None

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object: a table, or a text that holds JSON (which has null, and TOML has not). {} when absent."""
        value = self.raw(name)
        if isinstance(value, str):
            value = self._parsed(name, value)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.error(name, f"must be a table or a string with a JSON object, not {kind(value)}")
            return {}
        found: dict[str, Any] = value
        return found if self.is_json(found, self.at(name)) else {}

    def is_json(self, value: object, place: str) -> bool:
        """Whether the value can be stored as JSON; the errors name the members that cannot."""
        if isinstance(value, dict):
            sound = [self._json_member(key, item, place) for key, item in value.items()]
            return all(sound)
        if isinstance(value, list):
            sound = [self.is_json(item, f"{place}[{index}]") for index, item in enumerate(value)]
            return all(sound)
        if isinstance(value, str) and "\0" in value:
            self.findings.error(place, "contains the character U+0000")
        elif isinstance(value, float) and not math.isfinite(value):
            self.findings.error(place, "is not a finite number")
        elif value is not None and not isinstance(value, (str, bool, int, float)):
            self.findings.error(place, f"is {kind(value)}, which cannot be stored as JSON")
        else:
            return True
        return False

    def _json_member(self, name: object, value: object, place: str) -> bool:
        if not isinstance(name, str) or "\0" in name:
            self.findings.error(place, "keys must be strings")
            return False
        return self.is_json(value, step(place, name))

    def ignore(self, names: Iterable[str], reason: str) -> None:
        """Members that are known but not imported: a warning for each."""
        for name in names:
            if self.raw(name) is not None:
                self.findings.ignore(self.at(name), reason)

    def skip(self, *names: str) -> None:
        """Members that are accepted without a word."""
        self._asked.update(names)

    def close(self) -> None:
        """Makes every member that was not asked for an error."""
        for name in self.rest():
            self.error(name, f"unknown name{nearest(name, self._asked)}")

    def rest(self) -> list[str]:
        """The members that were not asked for."""
        return [name for name in self._values if name not in self._asked]

    def _textual(self, name: str) -> object:
        """The value; in a foreign file an integer stands for its digits, where the quotes were forgotten."""
        value = self.raw(name)
        digits = self.findings.foreign and isinstance(value, int) and not isinstance(value, bool)
        return str(value) if digits else value

    def _numeric(self, name: str) -> object:
        """The value; in a foreign file a text that holds a number is one."""
        value = self.raw(name)
        if not self.findings.foreign or not isinstance(value, str):
            return value
        for number in (int, float):
            try:
                return number(value)
            except ValueError:
                continue
        return value

    def _parsed(self, name: str, text: str) -> object:
        try:
            return json.loads(text)
        except ValueError:
            self.error(name, "the string must be a JSON object")
            return None

    def _stored(self, name: str, value: str, default: str) -> str:
        if "\0" in value:
            self.error(name, "contains the character U+0000")
            return default
        return value
