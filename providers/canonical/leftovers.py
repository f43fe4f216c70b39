"""What is left of a JSON object when the canonical fields have been taken out, and how does it come back?

`Extra.fields` has it under "rest", and beside it how something was spelled that can be spelled in two ways. A null says nothing
and is no canonical value, so it stays in the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from providers.canonical.extra import Extra, Json, Need
from providers.types import Wire

NUMBER = (int, float)
GATEWAYS_OWN = "tensorzero::"
"""How the gateway's own fields begin, which are no upstream's business."""
NOTHING: Json = {}


def taken(rest: Json, name: str, *kinds: type) -> Any:
    """The field, taken out, if it has exactly one of these types (true is no number); else None, and it stays."""
    value = rest.get(name)
    if type(value) in kinds:
        del rest[name]
        return value
    return None


def left(rest: Json, *, of: str = "", silent: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of what says something, with `of` in front."""
    return tuple(
        f"{of}{name}"
        for name, value in rest.items()
        if value is not None and not name.startswith(GATEWAYS_OWN) and name not in silent
    )


def is_same(made: Any, given: Any) -> bool:
    """Whether both are the same JSON: false is no 0 there, although it is in Python."""
    if isinstance(made, dict) and isinstance(given, dict):
        return made.keys() == given.keys() and all(is_same(made[name], given[name]) for name in made)
    return type(made) is type(given) and bool(made == given)


class Leftovers(NamedTuple):
    """Makes and reads the `Extra`s of one wire."""

    wire: Wire

    def extra_of(
        self, rest: Json, lost: tuple[str, ...] = (), needs: Iterable[Need] = (), spelled: Json = NOTHING
    ) -> Extra | None:
        """None where there is nothing to keep."""
        needs = tuple(needs)
        if not rest and not spelled and not needs:
            return None
        return Extra(self.wire, {"rest": rest, **spelled}, lost, needs)

    def rest_of(self, extra: Extra | None) -> Json:
        """What was left, if this wire has left it."""
        return self.spelled(extra, "rest") or NOTHING

    def spelled(self, extra: Extra | None, name: str) -> Any:
        """How something was spelled in this wire, None if it was not said."""
        return extra.fields.get(name) if extra is not None and extra.wire is self.wire else None
