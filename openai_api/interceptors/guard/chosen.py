"""Which patterns are for a text? It depends on the way it goes, on whose it is, and on what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from openai_api.interceptors.guard.growing import Edit, Growing, GrowingJson, GrowingText, edited
from openai_api.interceptors.guard.pieces import Piece
from openai_api.interceptors.guard.places import Form, Part
from openai_api.interceptors.guard.rules import Action, Compiled, Patterns, Rule, Where, joined

FORMS: dict[Form, type[GrowingText | GrowingJson]] = {Form.PLAIN: GrowingText, Form.JSON: GrowingJson, Form.VALUE: GrowingJson}


class Chosen(NamedTuple):
    """Those that act, and those that only note, where there are any."""

    acting: Patterns | None
    noting: Patterns | None


class Choice:
    """The patterns of one guard. Made once; what was chosen is remembered."""

    def __init__(self, patterns: Sequence[Compiled]) -> None:
        self._patterns = tuple(patterns)
        self._known: dict[tuple[Where, str, Part], Chosen] = {}
        joined(self._patterns)  # raises for what cannot stand together

    def of(self, where: Where, role: str, part: Part) -> Chosen:
        """The patterns for a text of that role. Roles are few: what a client calls otherwise has none but those for all."""
        role = role if role in ("system", "user", "assistant", "tool") else ""
        place = (where, role, part)
        chosen = self._known.get(place)
        if chosen is None:
            fitting = [one for one in self._patterns if _fits(one.rule, where, role, part)]
            acting = joined(one for one in fitting if one.rule.action is not Action.LOG)
            chosen = self._known[place] = Chosen(acting, joined(one for one in fitting if one.rule.action is Action.LOG))
        return chosen


def _fits(rule: Rule, where: Where, role: str, part: Part) -> bool:
    return rule.where in (where, Where.BOTH) and (not rule.roles or role in rule.roles) and (not rule.parts or part in rule.parts)


def look(choice: Choice, where: Where, piece: Piece) -> tuple[str | None, list[Edit]]:
    """A whole text: what it becomes, None if it stays, and all that was found. Raises `TimeoutError`."""
    chosen = choice.of(where, piece.role, piece.row.part)
    text = piece.text if chosen != (None, None) else ""
    noted = _edits(chosen.noting, piece, text)
    edits = _edits(chosen.acting, piece, text)
    return edited(text, edits) if edits else None, [*noted, *edits]


def _edits(patterns: Patterns | None, piece: Piece, text: str) -> list[Edit]:
    if patterns is None or not text:
        return []
    growing: Growing = FORMS[piece.row.form](patterns, 0)
    growing.feed(text)
    growing.end()
    return growing.edits
