"""Is a body JSON that a line of JSON can hold? Strangers may nest one so deeply that what holds it can be read by nobody."""

from __future__ import annotations

from typing import Any

import msgspec

DEEPER = 16
"""How much deeper than in its body a value may stand."""
_OPENED, _CLOSED = b"[" * DEEPER, b"]" * DEEPER


class NotJson(ValueError):
    """It is not one JSON value in UTF-8, or is nested too deeply, or has a number that nobody can read."""


def json_value(body: bytes) -> Any:
    """The value. Raises `NotJson`."""
    try:
        value = msgspec.json.decode(b"".join((_OPENED, body, _CLOSED)))
        for _ in range(DEEPER):
            (value,) = value
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise NotJson from error
    return value


def is_json(body: bytes) -> bool:
    try:
        json_value(body)
    except NotJson:
        return False
    return True
