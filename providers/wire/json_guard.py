"""Is a JSON text harmless? Refuses what parsers read differently or choke on, at the speed of C where it is harmless."""

from __future__ import annotations

import math
import re

MAX_DEPTH = 100
MAX_KEYS = 10_000
_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))


class UnsafeJson(ValueError):
    """The text is refused; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_text(body: bytes) -> None:
    """Raises `UnsafeJson` for a text that is not UTF-8, or is too deep, or holds a number no float can hold."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsafeJson("invalid_encoding", "The request body is not valid UTF-8.") from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and depth_exceeds(body, MAX_DEPTH):
        raise UnsafeJson("invalid_json", f"The request body is nested more than {MAX_DEPTH} levels deep.")
    alike = body.translate(_ALIKE)
    if (b"0e000" in alike or b"0e+000" in alike) and holds_infinity(body):
        raise UnsafeJson("invalid_json", "The request body holds a number that is out of range.")


def depth_exceeds(body: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than `limit`; the text may be broken otherwise."""
    structure = _without_escapes(body).translate(_ONE_KIND, _NOT_STRUCTURE).replace(b'""', b"")
    brackets = _without_strings(structure)
    for _ in range(limit):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return len(brackets) > limit
        brackets = shorter
    return bool(brackets)


def holds_infinity(body: bytes) -> bool:
    """Whether a number of the text is too large for a float."""
    numbers = _NUMBER.findall(_without_strings(_without_escapes(body)))
    return any(math.isinf(float(number)) for number in numbers)


def _without_escapes(body: bytes) -> bytes:
    return body.replace(rb"\\", b"").replace(rb"\"", b"")


def _without_strings(unescaped: bytes) -> bytes:
    return b"".join(unescaped.split(b'"')[::2])
