"""Which of an import's entries are applied? Those that are chosen, with the new ones that they cannot do without.

An entry is an object that the import would add, change or remove: a credential, provider, model (with its routes), client key or
hook. A name stands for every entry of that name, `provider:NAME` for the one of that kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models_catalog.changes.diff import Change, changes
from models_catalog.changes.state import CatalogState, key_names
from models_catalog.config.findings import Finding
from models_catalog.config.table import nearest

KINDS: Mapping[str, str] = {
    "credential": "credentials",
    "provider": "providers",
    "model": "models",
    "client key": "keys",
    "hook": "hooks",
}
"""The kinds of entries, each with the part of a state that holds it."""
Key = tuple[str, str]
"""The kind of an entry and its name in the state, which is the digest of a client key."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that would change, with a line for each row of it. `name` is what people call it."""

    key: Key
    name: str
    changes: tuple[Change, ...]

    @property
    def kind(self) -> str:
        return self.key[0]

    @property
    def id(self) -> str:
        """How it is chosen."""
        return f"{self.kind.replace(' ', '-')}:{self.name}"

    @property
    def sign(self) -> str:
        """Of the object itself, not of what belongs to it."""
        return next((change.sign for change in self.changes if change.kind == self.kind), "~")


@dataclass(frozen=True, slots=True)
class Choice:
    """`only` are the names of entries that are applied, None for all but those that are to be `skipped`."""

    only: Collection[str] | None = None
    skipped: Collection[str] = ()


ALL = Choice()


class CannotChoose(Exception):
    """The choice cannot be applied; `findings` say why."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = findings


@dataclass(slots=True)
class Chosen:
    """The catalog with the chosen entries in it. `followed` are entries that the chosen ones need, each with what needs it."""

    after: CatalogState
    entries: list[Entry] = field(default_factory=list)
    followed: list[tuple[Entry, str]] = field(default_factory=list)


def entries_between(before: CatalogState, after: CatalogState) -> list[Entry]:
    """All that would change, in the order of the catalog's layers."""
    names = key_names({**before.keys, **after.keys})
    found = []
    for kind, part in KINDS.items():
        old, new = getattr(before, part), getattr(after, part)
        for name in [*new, *(name for name in old if name not in new)]:
            if old.get(name) == new.get(name):
                continue
            lines = changes(_only(before, part, name), _only(after, part, name))
            if lines:
                found.append(Entry((kind, name), names.get(name, name) if kind == "client key" else name, tuple(lines)))
    return found


def _only(state: CatalogState, part: str, name: str) -> CatalogState:
    """A catalog of one object; a hook's keys are there to be named."""
    rows = getattr(state, part)
    return CatalogState(**{part: {name: rows[name]} if name in rows else {}})


def choose(before: CatalogState, after: CatalogState, choice: Choice) -> Chosen:
    """The catalog `before` with those entries of `after` in it that are chosen. Raises `CannotChoose`."""
    entries = entries_between(before, after)
    if choice == ALL:
        return Chosen(after, entries)
    by_key = {entry.key: entry for entry in entries}
    _check_names(entries, choice)
    skipped = {entry.key for entry in entries if _named(entry, choice.skipped)}
    wanted = {entry.key for entry in entries if choice.only is None or _named(entry, choice.only)} - skipped
    chosen = Chosen(before.copy())
    waiting = [entry for entry in entries if entry.key in wanted]
    while waiting:
        entry = waiting.pop(0)
        _put(chosen.after, after, entry.key)
        for key, what in _needs(after, entry.key):
            needed = by_key.get(key)
            if key in wanted or needed is None or key[1] in getattr(before, KINDS[key[0]]) or needed.sign != "+":
                continue
            if key in skipped:
                raise CannotChoose([Finding(entry.id, f"needs the {what} {needed.name!r}, which is left out")])
            wanted.add(key)
            waiting.append(needed)
            chosen.followed.append((needed, entry.id))
    chosen.entries = [entry for entry in entries if entry.key in wanted]
    if faults := list(_missing(chosen.after, by_key)):
        raise CannotChoose(faults)
    return chosen


def _named(entry: Entry, names: Collection[str]) -> bool:
    return entry.id in names or entry.name in names


def _check_names(entries: list[Entry], choice: Choice) -> None:
    """Raises `CannotChoose` for names of nothing that would change."""
    known = {word for entry in entries for word in (entry.id, entry.name)}
    wrong = [name for name in [*(choice.only or ()), *choice.skipped] if name not in known]
    if wrong:
        raise CannotChoose(
            [Finding("", f"there is no change of {name[:200]!r} to choose{nearest(name, known)}") for name in wrong[:20]]
        )


def _put(state: CatalogState, after: CatalogState, key: Key) -> None:
    """Makes one object what it is in the other state."""
    old, new = getattr(state, KINDS[key[0]]), getattr(after, KINDS[key[0]])
    if key[1] in new:
        old[key[1]] = new[key[1]]
    else:
        old.pop(key[1], None)


def _needs(state: CatalogState, key: Key) -> Iterator[tuple[Key, str]]:
    """What an object refers to, with its kind in words; nothing for one that is removed."""
    kind, name = key
    row: Any = getattr(state, KINDS[kind]).get(name)
    if row is None:
        return
    if kind == "provider":
        yield from ((("credential", one), "credential") for one in sorted(row.credentials))
    elif kind == "model":
        yield from ((("provider", route.provider), "provider") for route in row.routes)
        yield from ((("model", one), "fallback model") for one in row.fallbacks)
    elif kind == "client key":
        yield from ((("model", one), "model") for one in sorted(row.models or ()))
    elif kind == "hook":
        yield from ((("client key", one), "client key") for one in sorted(row.keys or ()))


def _missing(state: CatalogState, by_key: Mapping[Key, Entry]) -> Iterator[Finding]:
    """What objects refer to although it is removed."""
    for kind, part in KINDS.items():
        for name in getattr(state, part):
            for (of, other), what in _needs(state, (kind, name)):
                gone = by_key.get((of, other))
                if gone is not None and other not in getattr(state, KINDS[of]):
                    text = f"needs the {what} {gone.name!r}, which would be removed: leave that as it is, too"
                    yield Finding(f"{kind} {name if kind != 'client key' else state.keys[name].name}", text)
