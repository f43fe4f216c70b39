"""Which hooks does the catalog add to those of the settings? Built where they run, when they change: a bad one costs itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway_project.hooks import configured, observing_of
from models_catalog import hook_types
from models_catalog.snapshot import CatalogSnapshot, HookEntry
from openai_api.hooks.chain import HookBook
from openai_api.hooks.specs import BuiltHook, HookSpec, HookSpecError, build, checked, free_name, observes, serves
from openai_api.observing.observation import Observation
from openai_api.observing.observing import Observing

log = logging.getLogger("gateway.hooks")
BUILD_S = 5.0
"""How long a hook may take to be made."""
Hand = Callable[[int, Sequence[HookSpec]], None]
"""Gives hooks to where records are kept, with the version of the catalog that they are from."""


def spec_of(entry: HookEntry) -> HookSpec:
    return HookSpec(
        hook=entry.type,
        name=entry.name,
        options=dict(entry.options),
        models=entry.models,
        keys=tuple(sorted(entry.keys or ())),
        fail_open=entry.fail_open,
        time_limit_s=entry.time_limit_s,
    )


class BuiltRows:
    """Hooks of rows as far as they are `wanted` here. What is built for a row stays as long as the row does not change. `faults`
    are those of rows that cannot be built, by their names."""

    def __init__(self, wanted: Callable[[object], bool]) -> None:
        self._wanted = wanted
        self._built: dict[str, tuple[HookSpec, BuiltHook | None]] = {}
        self.faults: dict[str, str] = {}

    def build(self, specs: Iterable[HookSpec], taken: Iterable[str]) -> list[BuiltHook]:
        """In their order; `taken` are the names of other hooks."""
        names = set(taken)
        before, self._built, self.faults = self._built, {}, {}
        for spec in specs:
            old = before.get(spec.name)
            if old is not None and old[0] == spec:
                self._built[spec.name] = old
                continue
            try:
                self._built[spec.name] = spec, self._made(spec, free_name(spec.name, names))
            except HookSpecError as error:
                self.faults[spec.name] = str(error)
                log.error("a hook of the catalog cannot be made: it is left out", extra={"hook": spec.name, "error": str(error)})
        return [built for _, built in self._built.values() if built is not None]

    def _made(self, spec: HookSpec, name: str) -> BuiltHook | None:
        """None if it has nothing to do here. Raises `HookSpecError`, also for one that takes too long."""
        made = checked(spec).made
        if isinstance(made, type) and not self._wanted(made):
            return None
        built = _in_time(spec, name)
        return built if self._wanted(built.hook) else None


def _in_time(spec: HookSpec, name: str) -> BuiltHook:
    made: list[BuiltHook | HookSpecError] = []

    def work() -> None:
        try:
            made.append(build(spec, name))
        except HookSpecError as error:
            made.append(error)

    thread = threading.Thread(target=work, name="hook-build", daemon=True)
    thread.start()
    thread.join(BUILD_S)
    if not made:
        raise HookSpecError(f"hook {spec.hook!r} cannot be made: it takes more than {BUILD_S:g} seconds")
    if isinstance(made[0], HookSpecError):
        raise made[0]
    return made[0]


class Observers:
    """The observers of the settings, which an `Observation` has from the start, and after them those of rows."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        self._fixed = observation.observers
        self._rows = BuiltRows(observes)

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong with those of rows, by their names."""
        return self._rows.faults

    def replace(self, specs: Iterable[HookSpec]) -> None:
        """Puts these in the place of those of rows."""
        built = self._rows.build(specs, (watcher.name for watcher in self._fixed))
        self._observation.replace([*self._fixed, *built])


class RowHooks:
    """The hooks of the catalog in a worker. `take` is told of each snapshot before it is in force."""

    def __init__(self, book: HookBook, observing: Observing, hand: Hand) -> None:
        self._book = book
        self._observing = observing
        self._hand = hand
        self._fixed = book.hooks
        self._rows = BuiltRows(serves)
        self._entries: tuple[HookEntry, ...] | None = None
        self.specs: tuple[HookSpec, ...] = ()
        hook_types.tell_faults("worker", lambda: self._rows.faults)

    def take(self, snapshot: CatalogSnapshot) -> None:
        if snapshot.hooks == self._entries or (self._entries is None and not snapshot.hooks):
            return
        self._entries = snapshot.hooks
        self.specs = specs = tuple(map(spec_of, snapshot.hooks))
        serving = self._rows.build(specs, (built.name for built in self._fixed))
        self._book.replace([*self._fixed, *serving])
        self._observing.replace(observing_of([*configured(), *specs]))
        self._hand(snapshot.version, specs)
