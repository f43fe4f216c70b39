"""Which whole answer do the lines of a stream add up to? For servers that stream although nobody asked for it.

Format: Ollama of August 2026, `api/types.go`, `ChatResponse` and `GenerateResponse`: texts go on, lists grow, and the last line
has the rest.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.halves import decoded, told_fields
from providers.bytes.ndjson import LineSplitter, data_of
from providers.bytes.patch import InvalidJson
from providers.bytes.pieced_text import PiecedText
from providers.errors import InvalidResponse, StreamTruncated
from providers.wire.ollama.errors import error_of

GROWING = ("content", "thinking", "response", "tool_calls", "images", "logprobs")
"""Fields of which each line has a piece."""
_is_one = msgspec.json.Decoder(msgspec.Raw).decode


def as_whole(body: bytes) -> bytes:
    """A whole answer: what the lines say, if they are several. Raises the error that a line tells, `StreamTruncated`, or
    `InvalidResponse`."""
    if body.count(b"\n") < 2 or _one_value(body):
        return body
    splitter = LineSplitter()
    whole: dict[str, Any] = {}
    for line in (*splitter.feed(body), splitter.rest()):
        data = data_of(line)
        if data is not None:
            _add(whole, _line(data))
    if whole.get("done") is not True:
        raise StreamTruncated("a stream, which was not asked for, has no end")
    return msgspec.json.encode(whole, enc_hook=str)


def _one_value(body: bytes) -> bool:
    """Whether it is one JSON text, written over several lines."""
    try:
        _is_one(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _line(data: bytes) -> dict[str, Any]:
    try:
        failure = error_of(told_fields(data))
        value = decoded(data)
    except (InvalidJson, ValueError) as error:
        raise InvalidResponse("a line is not JSON") from error
    if failure is not None:
        raise failure
    return dict(value)


def _add(whole: dict[str, Any], line: dict[str, Any]) -> None:
    for name, value in line.items():
        known = whole.get(name)
        if name == "message" and isinstance(value, dict):
            whole[name] = known if isinstance(known, dict) else {}
            _add(whole[name], value)
        elif name in GROWING and isinstance(value, str):
            whole[name] = known if isinstance(known, PiecedText) else PiecedText()
            whole[name].add(value)
        elif name in GROWING and isinstance(value, list) and isinstance(known, list):
            known.extend(value)
        else:
            whole[name] = value
