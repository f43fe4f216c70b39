"""Which rule meets a text, and which rules are there at all? The options of an operator, compiled and tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
import regex

from openai_api.interceptors.expressions import LONGEST, InvalidExpression, expression, opening, tried
from openai_api.interceptors.guard.patterns import SETS, Check
from openai_api.interceptors.guard.places import Part

MOST_RULES = 100
SEARCH_S = 0.1
"""Seconds that one search may take, in the event loop."""
LONG_SEARCH_S = 2.0
"""The same for long texts, in a thread."""
TOGETHER = 80
"""Characters up to which all patterns are searched together. In longer texts each by itself is found a hundred times as fast, by
its literal parts."""
CONCURRENT = 64 * 1024
"""Characters from which a search lets other threads run."""


class Action(StrEnum):
    DENY = "deny"
    REDACT = "redact"
    LOG = "log"


class Where(StrEnum):
    REQUEST = "request"
    ANSWER = "answer"
    BOTH = "both"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is looked for, and what becomes of it. It has a `pattern` or a `set`."""

    name: Annotated[str, msgspec.Meta(description="How records and messages call the rule.", max_length=64)] = ""
    action: Annotated[Action, msgspec.Meta(description="deny, redact, or log: only noted.")] = Action.REDACT
    pattern: Annotated[str, msgspec.Meta(description="A regular expression.", max_length=LONGEST)] = ""
    set: Annotated[str, msgspec.Meta(description="The name of a built-in set of patterns.")] = ""
    ignore_case: Annotated[bool, msgspec.Meta(description="Whether the pattern ignores case.")] = False
    where: Annotated[Where, msgspec.Meta(description="request, answer or both.")] = Where.BOTH
    roles: Annotated[tuple[str, ...], msgspec.Meta(description="Only texts of these: system, user, assistant, tool.")] = ()
    parts: Annotated[tuple[Part, ...], msgspec.Meta(description="Only these: text, reasoning, calls, results.")] = ()
    replacement: Annotated[
        Annotated[str, msgspec.Meta(max_length=1000)] | None,
        msgspec.Meta(description="In place of that of the guard."),
    ] = None


ROLES = frozenset({"system", "user", "assistant", "tool"})


class InvalidRule(ValueError):
    """A rule cannot be used; the message names it."""


class Compiled(NamedTuple):
    """One pattern of a rule."""

    rule: Rule
    pattern: regex.Pattern[str]
    check: Check | None
    replacement: str

    @property
    def name(self) -> str:
        return self.rule.name


class Found(NamedTuple):
    """A match, from `start` to `end`."""

    start: int
    end: int
    by: Compiled


@lru_cache(maxsize=64)
def compiled(rules: tuple[Rule, ...], replacement: str) -> tuple[Compiled, ...]:
    """All patterns, in the order of the rules. Raises `InvalidRule`."""
    if len(rules) > MOST_RULES:
        raise InvalidRule(f"rules: {len(rules)}, of {MOST_RULES} at most")
    return tuple(one for number, rule in enumerate(rules) for one in _compiled(_named(rule, number), replacement))


def _named(rule: Rule, number: int) -> Rule:
    return rule if rule.name else msgspec.structs.replace(rule, name=rule.set or f"rule-{number + 1}")


def _compiled(rule: Rule, usual: str) -> Iterable[Compiled]:
    if bool(rule.pattern) == bool(rule.set):
        raise InvalidRule(f"rule {rule.name!r}: give a pattern or a set, and not both")
    if strange := [role for role in rule.roles if role not in ROLES]:
        raise InvalidRule(f"rule {rule.name!r}: the role {strange[0]!r:.60} is none of {', '.join(sorted(ROLES))}")
    if rule.set and rule.set not in SETS:
        raise InvalidRule(f"rule {rule.name!r}: the set {rule.set!r:.60} is none of {', '.join(sorted(SETS))}")
    replacement = (usual if rule.replacement is None else rule.replacement).replace("{name}", rule.name)
    for known in SETS[rule.set] if rule.set else ():
        yield Compiled(rule, expression(known.pattern), known.check, replacement)
    if rule.pattern:
        try:
            pattern = tried(expression(rule.pattern, ignore_case=rule.ignore_case))
        except InvalidExpression as error:
            raise InvalidRule(f"rule {rule.name!r}: {error}") from error
        yield Compiled(rule, pattern, None, replacement)


class Patterns:
    """Some patterns, searched together."""

    def __init__(self, patterns: Sequence[Compiled]) -> None:
        self._patterns = patterns
        any_of = f"(?|{'|'.join(one.pattern.pattern for one in patterns)})"
        try:
            self._all, self._open = regex.compile(any_of, regex.V1), opening(any_of)
        except regex.error as error:
            raise InvalidRule(
                f"the patterns of {', '.join(one.name for one in patterns)} cannot stand together: {error}"
            ) from error
        self._each_open = [opening(one.pattern.pattern) for one in patterns]
        self._limit = SEARCH_S if any(one.rule.pattern for one in patterns) else None

    def matches(self, text: str, start: int) -> Finder:
        """Finds the matches from `start` on."""
        return Finder(self._patterns, self._all if len(text) - start <= TOGETHER else None, text, start, self._limit)

    def open_at(self, text: str, start: int) -> int:
        """Where the first beginning of a match stands that goes on to the end of the text; its length if there is none. Raises
        `TimeoutError`."""
        limit, opened = self._limit, len(text)
        for searched in (self._open,) if opened - start <= TOGETHER else self._each_open:
            match = (
                searched.search(text, start, partial=True, timeout=limit) if limit else searched.search(text, start, partial=True)
            )
            opened = opened if match is None else min(opened, match.start())
        return opened


Candidate = tuple[Compiled, "regex.Match[str] | None"]


class Finder:
    """The matches in one text. In a short one the patterns are searched together, in a long one each by itself, which the literal
    parts of most make fast."""

    def __init__(
        self, patterns: Sequence[Compiled], together: regex.Pattern[str] | None, text: str, start: int, limit: float | None
    ) -> None:
        self._patterns = patterns
        self._together = together
        self._text = text
        self._limit = LONG_SEARCH_S if limit and len(text) > CONCURRENT else limit
        self._next = None if together is not None else [self._searched(one, start) for one in patterns]

    def first(self, start: int) -> Found | None:
        """The match that begins first at `start` or later, of several the one whose rule stands first. Each call asks for a later
        place. Raises `TimeoutError`."""
        while True:
            begun, matches = self._together_from(start) if self._next is None else self._apart_from(self._next, start)
            if not matches:
                return None
            for one, match in matches:
                if match is not None and match.end() > begun and (one.check is None or one.check(match[0])):
                    return Found(begun, match.end(), one)
            start = begun + 1

    def _together_from(self, start: int) -> tuple[int, list[Candidate]]:
        """The first place where one of the patterns matches, and what each of them finds there."""
        assert self._together is not None  # noqa: S101 - else they are searched apart
        limit, text = self._limit, self._text
        found = self._together.search(text, start, timeout=limit) if limit else self._together.search(text, start)
        if found is None:
            return 0, []
        begun = found.start()
        return begun, [(one, one.pattern.match(text, begun, timeout=limit)) for one in self._patterns]

    def _apart_from(self, following: list[regex.Match[str] | None], start: int) -> tuple[int, list[Candidate]]:
        first = len(self._text)
        for number, match in enumerate(following):
            if match is not None and match.start() < start:
                match = following[number] = self._searched(self._patterns[number], start)
            if match is not None and match.start() < first:
                first = match.start()
        found = zip(self._patterns, following, strict=True)
        return first, [(one, match) for one, match in found if match is not None and match.start() == first]

    def _searched(self, one: Compiled, start: int) -> regex.Match[str] | None:
        return one.pattern.search(self._text, start, timeout=self._limit, concurrent=len(self._text) > CONCURRENT)


@lru_cache(maxsize=256)
def _joined(patterns: tuple[Compiled, ...]) -> Patterns:
    return Patterns(patterns)


def joined(patterns: Iterable[Compiled]) -> Patterns | None:
    """The patterns together; None of none."""
    chosen = tuple(patterns)
    return _joined(chosen) if chosen else None
