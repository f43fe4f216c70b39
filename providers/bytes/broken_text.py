"""Where in a JSON text is a character broken? For messages only: parsers refuse such a text, but do not say what is wrong."""

from __future__ import annotations

import re
from itertools import islice

ESCAPE = re.compile(
    rb"\\(?:u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""A surrogate pair, a half of one (which is no character: RFC 8259 8.2), or any other escape."""
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},:]', re.DOTALL)
MOST_ESCAPES = 1_000_000
MOST_BYTES = 1024 * 1024
"""Bytes of a text within which a fault is located; further on it would take too long."""
MAX_NAME = 100


def lone_surrogate(body: bytes) -> int | None:
    """Where an escape such as `\\ud83d` stands that is half of a pair; None if there is none."""
    escapes = islice(ESCAPE.finditer(body), MOST_ESCAPES)
    return next((escape.start() for escape in escapes if escape.lastgroup), None)


def place_of(body: bytes, offset: int) -> str | None:
    """The field in whose string the byte `offset` is, as in `messages[0].content`; None where it is in none."""
    if offset > MOST_BYTES:
        return None
    path: list[str | int] = []
    name = ""
    for token in TOKEN.finditer(body[:offset] + b'"'):
        mark = token[0]
        if mark[:1] == b'"':
            name = mark[1:-1].decode("utf-8", "replace")[:MAX_NAME]
        elif mark in b"{[":
            path.append("" if mark == b"{" else 0)
        elif path:
            _advance(path, mark, name)
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path if step != "").lstrip(".") or None


def _advance(path: list[str | int], mark: bytes, name: str) -> None:
    last = path.pop()
    if mark == b":":
        path.append(name)
    elif mark == b",":
        path.append(last + 1 if isinstance(last, int) else "")
