"""Which failure does an upstream of OpenAI's formats tell in a good answer or a stream, and which error of the gateway is that?

The canonical failure keeps what was said as it came: `failure_words.py` reads much that has no field of its own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.patch import fields_of
from providers.canonical.answer import Failure
from providers.canonical.extra import Extra, Json
from providers.errors import ProviderError
from providers.types import Wire
from providers.wire.openai.error_object import told_in
from providers.wire.openai.errors import failure_in_band
from providers.wire.openai.good_answer import ERROR_NAMES, SAYING, STOPPED, error_in

ERROR, OBJECT = "error", "object"
"""What `extra` holds: an error, or the object that is one or has one in it."""


def failure_told(error: Any, wire: Wire) -> Failure:
    """The failure that an error stands for, in any of its spellings."""
    return _told(error, Extra(wire, {ERROR: error}))


def failure_in(value: Json, wire: Wire) -> Failure | None:
    """The failure that a chunk, an event or an answer is, or carries beside nothing; None for any other, which costs little."""
    if _is_good(value) or error_in(fields_of(msgspec.json.encode(value))) is None:
        return None
    return _told(value, Extra(wire, {OBJECT: value}))


def failure_of(failure: Failure) -> ProviderError:
    """Which error of the gateway it is."""
    said = failure.extra.fields if failure.extra else {}
    if OBJECT in said:
        return error_in(fields_of(msgspec.json.encode(said[OBJECT]))) or failure_in_band(said[OBJECT])
    if ERROR in said:
        return failure_in_band(said[ERROR])
    fields = {name: getattr(failure, name) for name in ("message", "type", "code", "param", "status")}
    return failure_in_band({name: value for name, value in fields.items() if value is not None})


def _told(error: Any, extra: Extra) -> Failure:
    told = told_in(error)
    return Failure(message=told.message, type=told.type, code=told.code, param=told.param, status=told.status, extra=extra)


def _is_good(value: Json) -> bool:
    """Whether nothing in an object can be an error: so it is with all chunks but a few."""
    if not (ERROR_NAMES.isdisjoint(value) and SAYING.isdisjoint(value)):
        return False
    if value.get("object") == ERROR or value.get("type") == ERROR:
        return False
    choices = value.get("choices")
    return not isinstance(choices, list) or not any(map(_has_failed, choices))


def _has_failed(choice: Any) -> bool:
    if not isinstance(choice, dict):
        return False
    reason = choice.get("finish_reason")
    return ERROR in choice or (isinstance(reason, str) and reason in STOPPED)
