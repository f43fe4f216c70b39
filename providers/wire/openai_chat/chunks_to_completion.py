"""Which whole completion do the chunks of a stream add up to? For upstreams that stream although nobody asked for it.

Formats: OpenAI's OpenAPI document of August 2026, `/chat/completions` and `/completions`. As OpenAI's own clients add deltas up:
texts go on, lists grow, entries with an `index` and objects are merged, whatever their names are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from providers.errors import InvalidResponse, StreamTruncated
from providers.wire.openai.whole_stream import chunks_in

Json = dict[str, Any]
ONCE = frozenset({"id", "type", "role", "name", "finish_reason", "format", "signature"})
"""Texts that are told whole, though perhaps again with every piece."""
MISFITS = (AttributeError, KeyError, TypeError)
"""What comes of a value that has not the type that the format gives it."""


class _Text(list[str]):
    """A text in pieces, joined once: adding each to the last would copy all of it every time."""


class _List(list[Any]):
    """A list that grows; `places` finds its entries that have an index."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[Any, Json] = {}


def chat_of(body: bytes) -> bytes:
    """The chat completion. Raises the error that an event tells, `StreamTruncated`, or `InvalidResponse`."""
    return _whole(body, "chat.completion", _with_message)


def text_of(body: bytes) -> bytes:
    """The older completion. Raises as `chat_of`."""
    return _whole(body, "text_completion", lambda choice: choice)


def _whole(body: bytes, kind: str, told: Callable[[Json], Json]) -> bytes:
    try:
        whole, choices = _added_up(body)
        return msgspec.json.encode({**whole, "object": kind, "choices": [told(choice) for choice in choices]})
    except MISFITS as error:
        raise InvalidResponse("a chunk cannot be read") from error


def _with_message(choice: Json) -> Json:
    message = choice.pop("delta", None) or {}
    calls = message.get("tool_calls") or ()
    for call in calls:
        call.pop("index", None)
    return {**choice, "message": {"role": "assistant", "content": None if calls else "", **message}}


def _added_up(body: bytes) -> tuple[Json, list[Json]]:
    """The fields of the answer, and its choices."""
    whole: Json = {}
    choices = _List()
    done = False
    for chunk in chunks_in(body):
        if chunk is None:
            done = True
            break
        _grow(choices, [{"index": 0, **choice} for choice in chunk.get("choices") or ()])
        whole |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
    ended = all(choice.get("finish_reason") for choice in choices)
    if not choices or not (done or ended):
        raise StreamTruncated("a stream, which was not asked for, has no end")
    return whole, _plain(sorted(choices, key=lambda choice: choice["index"]))


def _add(into: Json, piece: Json) -> None:
    for name, value in piece.items():
        known = into.get(name)
        if value is None or (known and name in ONCE and value == ""):
            into.setdefault(name, value)
        elif isinstance(value, str) and name not in ONCE:
            into[name] = known if isinstance(known, _Text) else _Text()
            into[name].append(value)
        elif isinstance(value, dict):
            into[name] = known if isinstance(known, dict) else {}
            _add(into[name], value)
        elif isinstance(value, list):
            into[name] = known if isinstance(known, _List) else _List()
            _grow(into[name], value)
        else:
            into[name] = value


def _grow(into: _List, more: list[Any]) -> None:
    for value in more:
        if not isinstance(value, dict):
            into.append(value)
            continue
        known = into.places.get(value["index"]) if "index" in value else None
        if known is None:
            known = {}
            into.append(known)
            if "index" in value:
                into.places[value["index"]] = known
        _add(known, value)


def _plain(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
