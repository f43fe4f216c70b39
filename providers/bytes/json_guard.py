"""Is a JSON text harmless? Refuses what parsers read differently or choke on, at the speed of C where it is harmless."""

from __future__ import annotations

import math
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from itertools import accumulate

MAX_DEPTH = 100
MAX_KEYS = 10_000
MAX_VALUES = 1_000_000
"""Values of a text, and its texts and containers. Each may become an object of Python of up to 240 bytes."""
MANY_KEYS_BYTES = 5 * MAX_KEYS
"""Bytes that an object of `MAX_KEYS` takes at least."""
SLICE_BYTES = 256 * 1024
"""Longer texts are looked at in slices: after each the event loop, in another thread, may take its turn."""
MAX_NUMBER_BYTES = 1024 * 1024
_ALIKE = bytes.maketrans(b"123456789+E", b"0000000000e")
"""A sign counts as a digit: what is looked for only says that a number may be too large."""
_NUMBER = re.compile(rb"(?<![0-9])[0-9]++(?:\.[0-9]++)?[eE]\+?[0-9]++")
"""Possessive, and never begun within a number: its time must not grow with the square of the digits."""
_STEPS = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")
"""Brackets as what they add to the depth, in signed bytes."""
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{}:"))
_BACKSLASHES = re.compile(rb"\\*")
_IN_NUMBERS = b"0123456789.eE+-"
_INNERMOST = re.compile(rb"\[\]|\{:*\}")


class UnsafeJson(ValueError):
    """The text is refused; `code` says why in one word, and `offset` at which byte, if it is one."""

    def __init__(self, code: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset


def check_text(body: bytes, slice_bytes: int = SLICE_BYTES, max_values: int = MAX_VALUES) -> None:
    """Raises `UnsafeJson` for a text that is not UTF-8, or is too deep, or has an object of too many fields or too many values
    in all, or holds a number no float can hold. A text of more than `slice_bytes` is looked at in slices."""
    if len(body) > slice_bytes:
        structure = _checked_slices(body, slice_bytes, max_values)
        many_keys = structure.count(b":") > MAX_KEYS
    else:
        _check_encoding(body)
        many_keys = len(body) > MANY_KEYS_BYTES and body.count(b":") > MAX_KEYS
        brackets = len(body) - len(body.replace(b"[", b"").replace(b"{", b""))  # few: faster than to count them
        structure = structure_of(body) if many_keys or brackets > MAX_DEPTH else b""
        if _may_hold_infinity(body) and holds_infinity(body):
            raise _out_of_range()
    if structure and depth_exceeds(structure, MAX_DEPTH):
        raise UnsafeJson("invalid_json", f"The request body is nested more than {MAX_DEPTH} levels deep.")
    if many_keys and keys_exceed(structure, MAX_KEYS):
        raise UnsafeJson("invalid_json", f"An object of the request body has more than {MAX_KEYS} fields.")


def _checked_slices(body: bytes, slice_bytes: int, max_values: int) -> bytes:
    """The structure of a long text, whose encoding and numbers are looked at on the way."""
    decoder = getincrementaldecoder("utf-8")()
    structure: list[bytes] = []
    in_string, number = False, b""
    values = larger = 0
    for start, end in _slices(body, slice_bytes):
        part, kept = body[start:end], len(decoder.getstate()[0])
        try:
            decoder.decode(part, end == len(body))
        except UnicodeDecodeError as error:
            raise _not_utf8(error, start - kept) from error
        between = _without_escapes(part).split(b'"')
        outside = number + b'"'.join(between[in_string::2])
        in_string ^= len(between) % 2 == 0
        found = outside[len(number) :].translate(None, _NOT_STRUCTURE)
        structure.append(found)
        values += outside.count(b",")
        larger += len(between) // 2 + found.count(b"[") + found.count(b"{")
        if values + larger > MAX_VALUES and (values > max_values or larger > MAX_VALUES):
            raise UnsafeJson("too_many_values", f"The request body holds more than {min(max_values, MAX_VALUES):,} values.")
        number = b"" if in_string else _end_of_number(outside)
        if len(number) > MAX_NUMBER_BYTES or (_may_hold_infinity(outside) and _infinity_in(outside)):
            raise _out_of_range()
    return b"".join(structure)


def _end_of_number(outside: bytes) -> bytes:
    """What may go on in the next slice."""
    return outside[len(outside.rstrip(_IN_NUMBERS)) :]


def _slices(body: bytes, slice_bytes: int) -> Iterator[tuple[int, int]]:
    """Where the slices of a text begin and end: never between a backslash and what it escapes."""
    start = 0
    while start < len(body):
        end = start + slice_bytes
        if body[end - 1 : end] == b"\\":
            run = _BACKSLASHES.match(body, end)
            end = (run.end() if run else end) + 1
        yield start, min(end, len(body))
        start = end


def _check_encoding(body: bytes) -> None:
    try:
        body.isascii() or body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(error, 0) from error


def _not_utf8(error: UnicodeDecodeError, start: int) -> UnsafeJson:
    offset = start + error.start
    bad = error.object[error.start]
    return UnsafeJson("invalid_encoding", f"The request body is not valid UTF-8: 0x{bad:02x} at byte {offset}.", offset)


def _out_of_range() -> UnsafeJson:
    return UnsafeJson("invalid_json", "The request body holds a number that is out of range.")


def _may_hold_infinity(body: bytes) -> bool:
    return b"0e000" in body.translate(_ALIKE)


def structure_of(body: bytes) -> bytes:
    """The brackets and colons of a text that stand in no string; the text may be broken."""
    return _without_strings(_without_escapes(body)).translate(None, _NOT_STRUCTURE)


def keys_exceed(structure: bytes, limit: int, slice_bytes: int = SLICE_BYTES) -> bool:
    """Whether an object, in a structure that is not too deep, has more than `limit` fields, of the same name or not."""
    many = b":" * (limit + 1)
    starts = range(0, len(structure), slice_bytes)
    rest = b"".join(_reduced(structure[start : start + slice_bytes], many) for start in starts)
    return many in _reduced(rest, many)


def _reduced(structure: bytes, many: bytes) -> bytes:
    """The structure without what is complete in it, innermost first, so that the colons around it come together; `many` of
    them stay."""
    while many not in structure:
        outer = _INNERMOST.sub(b"", structure)
        if len(outer) == len(structure):
            break
        structure = outer
    return structure


def depth_exceeds(structure: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than `limit`."""
    depth = 0
    for start in range(0, len(structure), SLICE_BYTES):
        steps = memoryview(structure[start : start + SLICE_BYTES].translate(_STEPS, b":")).cast("b")
        depths = list(accumulate(steps, initial=depth))
        if max(depths) > limit:
            return True
        depth = depths[-1]
    return False


def holds_infinity(body: bytes) -> bool:
    """Whether a number of the text is too large for a float."""
    return _infinity_in(_without_strings(_without_escapes(body)))


def _infinity_in(outside: bytes) -> bool:
    return any(math.isinf(float(number)) for number in _NUMBER.findall(outside))


def _without_escapes(body: bytes) -> bytes:
    return body.replace(rb"\\", b"").replace(rb"\"", b"")


def _without_strings(unescaped: bytes) -> bytes:
    return b"".join(unescaped.split(b'"')[::2])
