"""What of a request or an answer does an encoder not carry, in the words of whoever wrote it?

An encoder says which fields of which types it writes (`Carried`); all else that a value says is lost, and is named. So a field
that is new to the canonical form is lost in every wire until that wire's encoder says otherwise, and none is lost in silence.
Names are of two kinds: `input[].content[].detail` for a field, wherever it stands, and `input[3] (web_search_call)` for the one
thing that was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

import msgspec

from providers.canonical.blocks import HostedResult, Opaque, Told
from providers.canonical.extra import Extra, Need, Place, Value, exact, pattern
from providers.canonical.request import Words
from providers.canonical.settings import Settings
from providers.canonical.tools import Offered, OpaqueTool
from providers.types import Wire

BOOKKEEPING = frozenset({"place", "called", "extra", "wire", "words", "id", "status", "need", "subset"})
"""Fields that say nothing to the model, or that are looked at apart."""
NEUTRAL: Mapping[str, Any] = MappingProxyType(
    {
        "Sampling.choices": 1,
        "Sampling.presence_penalty": 0,
        "Sampling.frequency_penalty": 0,
        "Sampling.logit_bias": {},
        "Sampling.logprobs": False,
        "Sampling.top_logprobs": 0,
        "Limits.stop": (),
        "Output.modalities": ("text",),
        "Request.tools": (),
        "Request.store": False,
        "Request.metadata": {},
        "Delivery.stream": False,
        "Delivery.obfuscation": False,
    }
)
"""Values with which a field says no more than without it, in every wire."""
WHOLE = (Told, Offered)
"""What is named as one thing where an encoder has no word for it."""
OF_ONE_WIRE = (Opaque, OpaqueTool, HostedResult)


class _Lost(NamedTuple):
    """A field that is not carried."""

    name: str
    default: Any
    neutral: Any
    keys: tuple[str, ...]
    """Under which the words have it: that of the type, and those of the types above it."""


class _Plan(NamedTuple):
    """What there is to look at in the values of a type: most fields of most types are carried, and hold no values."""

    lost: tuple[_Lost, ...]
    within: tuple[tuple[str, Any], ...]
    """Carried fields that hold values, which may have something that is not carried, with their defaults, which have not."""
    thing: bool
    """Whether it is carried or lost as one thing."""


class Carried:
    """Which fields an encoder writes, by type; types that are missing are not written at all."""

    def __init__(self, table: Mapping[type[Value], Iterable[str]]) -> None:
        self._table = {kind: frozenset(names) for kind, names in table.items()}
        self._plans: dict[type[Value], _Plan] = {}

    def plan(self, kind: type[Value]) -> _Plan:
        """Made once for each type, when it first comes."""
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = self._planned(kind)
        return plan

    def _planned(self, kind: type[Value]) -> _Plan:
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        carried = self._table.get(kind, frozenset())
        if unknown := carried - fields.keys():
            raise ValueError(f"{kind.__name__} has no field {min(unknown)!r}")
        return _Plan(
            lost=tuple(_lost(kind, field) for name, field in fields.items() if name not in carried | BOOKKEEPING),
            within=tuple(
                (name, field.default) for name, field in fields.items() if name in carried and _holds_values(field.type)
            ),
            thing=issubclass(kind, OF_ONE_WIRE) or (issubclass(kind, WHOLE) and kind not in self._table),
        )


def _lost(kind: type[Value], field: msgspec.structs.FieldInfo) -> _Lost:
    keys = _keys(kind, field.name)
    default = None if field.default is msgspec.NODEFAULT else field.default
    return _Lost(field.name, default, NEUTRAL.get(keys[0]), keys)


def _keys(kind: type[Value], name: str) -> tuple[str, ...]:
    return tuple(f"{above.__name__}.{name}" for above in kind.__mro__ if issubclass(above, Value))


def _holds_values(annotation: Any) -> bool:
    """Whether a field of that type may hold canonical values, alone or several."""
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, Value)
    return any(map(_holds_values, get_args(annotation)))


def every(kind: type[Value], *, but: Iterable[str] = ()) -> frozenset[str]:
    """All fields of a type, for a table of what is carried."""
    return frozenset(field.name for field in msgspec.structs.fields(kind)) - BOOKKEEPING - frozenset(but)


class Losses:
    """The losses of one encoding. `needs` are those that must not be: the encoder refuses the first.

    `wire` is the encoder's own, `words` are the request's or the answer's.
    """

    def __init__(self, wire: Wire, words: Words, carried: Carried) -> None:
        self.needs: list[Need] = []
        self._names: dict[str, None] = {}
        self._wire = wire
        self._words = words
        self._carried = carried

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def look(self, value: Value, above: Place = ()) -> None:
        """Names whatever of a value, and of those in it, is not carried. `above` is the place of what it stands in, if it has
        none of its own."""
        plan = self._carried.plan(type(value))
        if plan.thing:
            self._thing(value)
            return
        place: Place = getattr(value, "place", ()) or above
        for field in plan.lost:
            said = getattr(value, field.name)
            if said is None or said == field.default or said == field.neutral:
                continue
            if isinstance(said, Settings):
                self.look(said, place)
            else:
                self._named(field.keys, place)
        for name, default in plan.within:
            said = getattr(value, name)
            if said and said is not default:
                self._within(said, place)
        extra = getattr(value, "extra", None)
        if extra is not None:
            self.beyond(extra, place)

    def _within(self, said: Any, place: Place) -> None:
        for one in said if isinstance(said, tuple) else (said,):
            if isinstance(one, Value):
                self.look(one, place)

    def _thing(self, value: Value) -> None:
        """What only its own wire carries, or the encoder has no word for."""
        if isinstance(value, OF_ONE_WIRE) and value.wire is self._wire:
            return
        need = value.need if isinstance(value, Opaque | OpaqueTool) else None
        if need is not None:
            self.needs.append(need)
        elif isinstance(value, WHOLE):
            self.whole(value)

    def beyond(self, extra: Extra, place: Place = ()) -> None:
        """Names what another wire's extra says; what is needed of it goes to `needs`."""
        if extra.wire is not self._wire and (extra.lost or extra.needs):
            self._names |= dict.fromkeys(_joined(place, name) for name in extra.lost)
            self.needs += extra.needs

    def field(self, value: Value, name: str) -> None:
        """Names a field that is carried otherwise, but not in this value, or not as it was said."""
        self._named(_keys(type(value), name), getattr(value, "place", ()))

    def whole(self, value: Told | Offered) -> None:
        """Names the one block or tool that is left out."""
        self._names[f"{exact(value.place)} ({value.called})"] = None

    def _named(self, keys: tuple[str, ...], place: Place) -> None:
        word = next((self._words[key] for key in keys if key in self._words), None)
        self._names[_joined(place, word if word is not None else keys[0].partition(".")[2])] = None


def _joined(place: Place, name: str) -> str:
    return f"{pattern(place)}.{name}" if place else name
