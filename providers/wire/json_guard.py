"""Is a JSON text harmless? Refuses what parsers read differently or choke on, at the speed of C where it is harmless."""

from __future__ import annotations

import math
import re

MAX_DEPTH = 100
MAX_KEYS = 10_000
MUCH = 1024 * 1024
"""Bytes from which the strings, most of it, are left out before anything else is looked at."""
MANY_KEYS_BYTES = 5 * MAX_KEYS
"""Bytes that an object of `MAX_KEYS` takes at least."""
SLICE_BYTES, OVERLAP_BYTES = 1024 * 1024, 5
_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}:"'))
_INNERMOST = re.compile(rb"\[\]|\{:*\}")


class UnsafeJson(ValueError):
    """The text is refused; `code` says why in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_text(body: bytes) -> None:
    """Raises `UnsafeJson` for a text that is not UTF-8, or is too deep, or has an object of too many fields, or holds
    a number no float can hold."""
    try:
        body.isascii() or body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsafeJson("invalid_encoding", "The request body is not valid UTF-8.") from error
    many_keys = len(body) > MANY_KEYS_BYTES and body.count(b":") > MAX_KEYS
    if many_keys or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        structure = structure_of(body)
        if depth_exceeds(structure, MAX_DEPTH):
            raise UnsafeJson("invalid_json", f"The request body is nested more than {MAX_DEPTH} levels deep.")
        if many_keys and keys_exceed(structure, MAX_KEYS):
            raise UnsafeJson("invalid_json", f"An object of the request body has more than {MAX_KEYS} fields.")
    if _may_hold_infinity(body) and holds_infinity(body):
        raise UnsafeJson("invalid_json", "The request body holds a number that is out of range.")


def _may_hold_infinity(body: bytes) -> bool:
    """In slices, between which other threads may run."""
    for start in range(0, len(body), SLICE_BYTES):
        alike = body[start : start + SLICE_BYTES + OVERLAP_BYTES].translate(_ALIKE)
        if b"0e000" in alike or b"0e+000" in alike:
            return True
    return False


def structure_of(body: bytes) -> bytes:
    """The brackets and colons of a text that stand in no string; the text may be broken."""
    return _without_strings(_without_escapes(body).translate(None, _NOT_STRUCTURE).replace(b'""', b""))


def keys_exceed(structure: bytes, limit: int) -> bool:
    """Whether an object, in a structure that is not too deep, has more than `limit` fields, of the same name or not."""
    many = b":" * (limit + 1)
    while many not in structure:
        outer = _INNERMOST.sub(b"", structure)  # the colons around it come together
        if len(outer) == len(structure):
            return False
        structure = outer
    return True


def depth_exceeds(structure: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than `limit`."""
    brackets = structure.translate(_ONE_KIND, b":")
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
