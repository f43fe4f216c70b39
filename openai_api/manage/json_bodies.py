"""How are bodies read and written? As JSON and nothing else, strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

DEEPEST = 40
ENCODER = msgspec.json.Encoder()


class JSONBody(BaseParser):
    """A body of JSON: no NaN, no name twice, no NUL, nothing too deep."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            value = json.loads(stream.read(), object_pairs_hook=_object, parse_constant=_no_constant)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {_shown(error)}.") from None
        _check(value, 0)
        return value


def _shown(error: ValueError) -> str:
    return str(error) if isinstance(error, (json.JSONDecodeError, _Odd)) else "a text or a number that cannot be read"


class _Odd(ValueError):
    """JSON that is understood in different ways by different readers."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise _Odd(f"{repeated[:60]!r} stands in it twice")
    return found


def _no_constant(name: str) -> None:
    raise _Odd(f"{name} is no number of JSON")


def _check(value: Any, depth: int) -> None:
    """Raises `ParseError` for what no database keeps: NUL, and halves of characters."""
    if depth > DEEPEST:
        raise ParseError(f"The body is nested more than {DEEPEST} deep.")
    if isinstance(value, str):
        if "\0" in value or not _whole(value):
            raise ParseError("The body has a text with NUL or with half a character in it.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class JSONAnswer(BaseRenderer):
    """An answer as JSON."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else ENCODER.encode(data)


class OnlyJSON(BaseContentNegotiation):
    """Whatever is asked for, JSON is given."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if kind in ("", "application/json", "application/merge-patch+json") else None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
