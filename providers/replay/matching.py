"""When does a request equal a recorded one? When its JSON says the same, but for texts that were credentials."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec

from providers.types import Wire

MARKS = ("[REDACTED_API_KEY]", "[REDACTED_AWS_KEY]", "[REDACTED]")
"""What stands in a recording in place of a credential."""
MODEL = "model"
ANY = "\0"
_encode = msgspec.json.Encoder(order="deterministic").encode


def value_of(data: bytes) -> Any:
    """The JSON value of a body without its model, which is looked at apart; its text if it is no JSON."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return data.decode("utf-8", "replace")
    return {name: item for name, item in value.items() if name != MODEL} if isinstance(value, dict) else value


def key_of(wire: Wire, model: str, streamed: bool, value: Any) -> bytes:
    """The same for requests that say the same. `value` is None where only the rest counts."""
    return sha256(_encode([wire, model, streamed, value])).digest()


def same(recorded: Any, asked: Any) -> bool:
    """Whether they are equal, if any text may stand for a mark of what was a credential."""
    return next(differences(recorded, asked, ""), None) is None


def differences(recorded: Any, asked: Any, where: str) -> Iterator[str]:
    """The places in which a request differs from a recorded one: `messages[2].content`. No value is told."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for name in sorted({*recorded, *asked}):
            place = f"{where}.{name}" if where else name
            if name in recorded and name in asked:
                yield from differences(recorded[name], asked[name], place)
            else:
                yield place
    elif isinstance(recorded, list) and isinstance(asked, list):
        for number, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            yield from differences(one, other, f"{where}[{number}]")
        if len(recorded) != len(asked):
            yield f"{where}[{min(len(recorded), len(asked))}]"
    elif recorded != asked and not (isinstance(recorded, str) and isinstance(asked, str) and _stands_for(recorded, asked)):
        yield where or "the body"


def _stands_for(recorded: str, asked: str) -> bool:
    """Whether the recorded text, with something in place of each mark, is the one that is asked."""
    for mark in MARKS:
        recorded = recorded.replace(mark, ANY)
    first, *rest = recorded.split(ANY)
    if not rest or not asked.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for part in middle:
        found = asked.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(asked) - at >= len(last) and asked.endswith(last)
