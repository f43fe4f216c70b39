"""Which texts are in a body, and how is one of them changed with all else kept? The tables of `places.py`, made into trees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from openai_api.interceptors.guard.places import (
    ANSWERS,
    ASSISTANT,
    CHOICES,
    ENDS,
    EVENTS,
    LEAKS,
    NUMBERED,
    OF_PARTS,
    REQUESTS,
    ROLES,
    TOOL,
    USER,
    Form,
    Part,
    Row,
)
from providers.types import Wire

Place = tuple[int, ...]
EVERYTHING: Place = ()
NOTHING: list[Place] = []


class Piece(NamedTuple):
    """One text, `holder[key]`. `top` is the field of the body that it stands in; `place` and `row.grows` tell which text of a
    stream it is part of."""

    holder: Any
    key: Any
    row: Row
    role: str
    place: Place
    top: str

    @property
    def text(self) -> str:
        """The text; of a value its JSON."""
        value = self.holder[self.key]
        return msgspec.json.encode(value).decode() if self.row.form is Form.VALUE else value

    def put(self, text: str) -> None:
        self.holder[self.key] = msgspec.json.decode(text) if self.row.form is Form.VALUE else text


class _Node:
    """A step of paths."""

    __slots__ = ("each", "fields", "leaves", "numbered")

    def __init__(self) -> None:
        self.fields: dict[str, _Node] = {}
        self.each: _Node | None = None
        self.numbered = False
        self.leaves: list[_Leaf] = []


class _Leaf(NamedTuple):
    """The end of a path. `beside` is a field that must stand beside the text with the value `wanted`, "" for none. `role` says
    whose the text is, "" if that stands about it."""

    beside: str
    wanted: Any
    row: Row
    role: str
    is_value: bool


def _tree(rows: Iterable[Row]) -> _Node:
    root = _Node()
    for row in rows:
        path, _, wanted = row.path.partition("?")
        name, _, value = wanted.partition("=")
        node = root
        for step in path.split("."):
            node = _stepped(node, step)
        role = OF_PARTS.get(row.part) or row.role
        node.leaves.append(_Leaf(name, True if value == "true" else value, row, role, row.form is Form.VALUE))
        node.leaves.sort(key=lambda leaf: not leaf.beside)
    return root


def _stepped(node: _Node, step: str) -> _Node:
    name, _, lists = step.partition("[")
    node = node.fields.setdefault(name, _Node())
    if lists:
        node.each = node.each or _Node()
        node.numbered = node.numbered or lists == "#]"
        node = node.each
    return node


def _trees(tables: Mapping[Wire, Iterable[Row]]) -> Mapping[Wire, _Node]:
    return {wire: _tree(rows) for wire, rows in tables.items()}


_REQUESTS, _ANSWERS, _EVENTS = _trees(REQUESTS), _trees(ANSWERS), _trees(EVENTS)
_LEAKS = {wire: _tree(Row(path) for path in paths) for wire, paths in LEAKS.items()}


def in_request(wire: Wire, body: Mapping[str, Any]) -> list[Piece]:
    """The texts of a request, those that are not empty, in the order of its fields."""
    return _found(_REQUESTS.get(wire), body, USER, ())


def in_answer(wire: Wire, body: Mapping[str, Any]) -> list[Piece]:
    """The texts of a whole answer."""
    return _found(_ANSWERS.get(wire), body, ASSISTANT, ())


def in_event(wire: Wire, body: Mapping[str, Any]) -> list[Piece]:
    """The texts of an event of a stream."""
    tree = _EVENTS.get(wire)
    if tree is None:
        return []
    numbers = NUMBERED.get(wire)
    place = () if numbers is None else tuple([_number(body.get(name), 0) for name in numbers])
    return _found(tree, body, ASSISTANT, place)


def ended_by(wire: Wire, body: Mapping[str, Any]) -> list[Place]:
    """The places whose texts end with an event; `EVERYTHING` for all."""
    if (choices := CHOICES.get(wire)) is not None:
        values = body.get(choices[0])
        if not isinstance(values, list):
            return []
        finish = choices[1]
        if len(values) == 1 and isinstance(values[0], dict) and not values[0].get(finish):
            return NOTHING  # as most events are
        return [(_place_of(value, at),) for at, value in enumerate(values) if isinstance(value, dict) and value.get(finish)]
    if wire is Wire.OLLAMA:
        return [EVERYTHING] if body.get("done") else []
    kind = body.get("type")
    return [EVERYTHING] if isinstance(kind, str) and kind.endswith(ENDS.get(wire, ())) else []


def empty_leaks(wire: Wire, body: dict[str, Any]) -> set[str]:
    """Empties what tells the texts of the body once more; the top-level fields that have changed."""
    changed: set[str] = set()
    tree = _LEAKS.get(wire)
    if tree is not None:
        _empty(tree, body, LEAKS[wire], changed, "")
    return changed


def _empty(node: _Node, body: Any, empties: Mapping[str, object], changed: set[str], top: str) -> None:
    for name, below in node.fields.items():
        if not isinstance(body, dict) or body.get(name) is None:
            continue
        for leaf in below.leaves:
            body[name] = empties[leaf.row.path]
            changed.add(top or name)
        _empty(below, body[name], empties, changed, top or name)
        for value in body[name] if below.each is not None and isinstance(body[name], list) else ():
            _empty(below.each or below, value, empties, changed, top or name)


def _found(tree: _Node | None, body: Mapping[str, Any], role: str, place: Place) -> list[Piece]:
    found: list[Piece] = []
    if tree is not None:
        fields = tree.fields
        for name in body:
            if (node := fields.get(name)) is not None:
                _look(node, body, name, role, place, name, found)
    return found


def _look(node: _Node, holder: Any, key: Any, role: str, place: Place, top: str, found: list[Piece]) -> None:
    value = holder[key]
    if node.leaves and value:
        _take(node, holder, key, value, role, place, top, found)
    if type(value) is dict:
        fields = node.fields
        if not fields:
            return
        if (said := value.get("role")) is not None and isinstance(said, str):
            role = ROLES.get(said, said)
        for name in value:
            if (below := fields.get(name)) is not None:
                _look(below, value, name, role, place, top, found)
    elif node.each is not None and type(value) is list:
        for at, one in enumerate(value):
            _look(node.each, value, at, role, (*place, _place_of(one, at)) if node.numbered else place, top, found)


def _take(node: _Node, holder: Any, key: Any, value: Any, role: str, place: Place, top: str, found: list[Piece]) -> None:
    for leaf in node.leaves:
        if leaf.beside and (type(holder) is not dict or holder.get(leaf.beside) != leaf.wanted):
            continue
        whose = leaf.role or role
        if leaf.is_value or type(value) is str:
            row = leaf.row if whose != TOOL or leaf.row.part is not Part.TEXT else leaf.row._replace(part=Part.RESULTS)
            found.append(Piece(holder, key, row, whose, place, top))
        elif type(value) is list:
            found += [Piece(value, at, leaf.row, whose, place, top) for at, one in enumerate(value) if type(one) is str and one]
        return


def _place_of(value: Any, at: int) -> int:
    return _number(value.get("index"), at) if isinstance(value, dict) else at


def _number(value: Any, usual: int) -> int:
    return value if isinstance(value, int) else usual
