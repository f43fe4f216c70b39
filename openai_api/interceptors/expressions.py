"""Which regular expressions may an operator give? Those that are read, find something in what they find, and are not slow.

Syntax: that of the package `regex`, version 1. Its searches have time limits, and it can say where a text may be the beginning of
a match (docs/decisions/032).
"""

from __future__ import annotations

from time import perf_counter

import regex

LONGEST = 2000
"""Characters of an expression."""
TRIAL_S = 0.3
TRIAL_CHARACTERS = 2000

NEVER = "\U0010ffff\U0010fffe"
"""Two characters that no text has: an expression that ends in them never matches, but runs off the end of a text wherever it
might go on there."""


class InvalidExpression(ValueError):
    """An expression that is not used; the message says why."""


def expression(text: str, *, ignore_case: bool = False) -> regex.Pattern[str]:
    """The expression, in a group of its own. Raises `InvalidExpression`."""
    try:
        regex.compile(text, regex.V1)  # one that closes the group around it is none
        return regex.compile(f"(?i:{text})" if ignore_case else f"(?:{text})", regex.V1)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidExpression(f"not a regular expression: {error}") from error


def opening(pattern: str) -> regex.Pattern[str]:
    """What finds, with `partial=True`, where the beginning of a match stands that goes on to the end of a text."""
    return regex.compile(f"{pattern}{NEVER}", regex.V1)


def tried(pattern: regex.Pattern[str]) -> regex.Pattern[str]:
    """The pattern, if it is fast on texts that slow down many, and finds nothing in none of them. Raises `InvalidExpression`.

    This finds usual faults, not all: searches are limited in time, too.
    """
    opened = opening(pattern.pattern)
    letters = dict.fromkeys(letter for letter in pattern.pattern if letter.isalnum())
    started = perf_counter()
    for unit in ("", *list(letters)[:12], " ", "-", "a1", "a ", ".", "\n"):
        text = unit * (TRIAL_CHARACTERS // max(len(unit), 1)) + ("!" if unit else "")
        try:
            match = pattern.search(text, timeout=TRIAL_S)
            opened.search(text, partial=True, timeout=TRIAL_S)
        except TimeoutError as error:
            raise InvalidExpression(f"takes too long on a text of {TRIAL_CHARACTERS} characters") from error
        if match is not None and match.end() == match.start():
            raise InvalidExpression("matches the empty text")
    if perf_counter() - started > 10 * TRIAL_S:
        raise InvalidExpression("takes too long")
    return pattern
