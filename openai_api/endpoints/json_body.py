"""Is a request body a JSON object of the right shape? Every refusal says which field is at fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import msgspec

from openai_api.errors import ApiError, invalid
from providers.bytes.broken_text import lone_surrogate, place_of
from providers.bytes.json_guard import MAX_VALUES, UnsafeJson, check_text
from providers.bytes.patch import DuplicateKey, Fields, InvalidJson, fields_of
from providers.bytes.token_lists import LONG, is_tokens
from providers.wire.openai.field_names import REFUSED, misspelt

S = TypeVar("S")
T = TypeVar("T")
L = TypeVar("L")

ELSEWHERE = {"messages": "/v1/chat/completions", "input": "/v1/responses", "prompt": "/v1/completions"}
"""The field that tells what a text request is made of, and whose it is."""
OPTIONS = "stream_options"
USUAL_OPTIONS = frozenset({b'{"include_usage":true}', b'{"include_usage": true}', b"null"})
PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")


def json_object(body: bytes, max_values: int = MAX_VALUES) -> Fields:
    """The fields of the body. Raises 400 `invalid_encoding`, `invalid_unicode`, `invalid_json`, `too_many_values`,
    `duplicate_key`, `ambiguous_field` or `field_not_allowed`."""
    try:
        check_text(body, max_values=max_values)
        fields = fields_of(body)
    except UnsafeJson as error:
        raise invalid(error.code, error.message, _place(body, error.offset)) from error
    except DuplicateKey as error:
        raise invalid("duplicate_key", f"The request body is ambiguous: {error}.") from error
    except InvalidJson as error:
        raise _invalid_json(body, error) from error
    if not REFUSED.isdisjoint(fields.spans):
        name = min(REFUSED.intersection(fields.spans))
        raise invalid("field_not_allowed", f"A request may not set {name!r}.", name)
    _check_names(fields.spans)
    if OPTIONS in fields.spans and (raw := fields.raw(OPTIONS) or b"") not in USUAL_OPTIONS and raw.startswith(b"{"):
        _check_options(raw)
    return fields


def check_place(fields: Fields, wanted: str) -> None:
    """Raises 400 `missing_required_parameter`, which names the right path, for a body without `wanted` that is one of another
    path's: clients are told one address, and some choose the format by the model's name."""
    if wanted in fields.spans:
        return
    for name, path in ELSEWHERE.items():
        if name in fields.spans:
            text = f"The field {wanted!r} is required. The request has {name!r} instead; send it to POST {path}."
            raise invalid("missing_required_parameter", text, wanted)


def _invalid_json(body: bytes, error: InvalidJson) -> ApiError:
    at = lone_surrogate(body)
    if at is None:
        return invalid("invalid_json", f"The request body is not a JSON object: {error}.")
    place = _place(body, at)
    where = f"The string in {place!r}" if place else "A string of the request body"
    half = body[at : at + 6].decode("ascii")
    message = f"{where} contains {half} at byte {at}: half of a surrogate pair, which is not a character."
    return invalid("invalid_unicode", message, place)


def _place(body: bytes, offset: int | None) -> str | None:
    return None if offset is None else place_of(body, offset)


def check_spelling(names: Iterable[str], within: str = "", more: Collection[str] = ()) -> None:
    """Raises 400 `ambiguous_field` for a name that an upstream could take for that of a field which the gateway knows, or for
    one of `more`."""
    if found := misspelt(names, more):
        name, spelt = within + found[0], within + found[1]
        text = f"The field {name!r} differs from {spelt!r} only in spelling. Send {spelt!r}, or use another name."
        raise invalid("ambiguous_field", text, name)


def _check_names(names: Iterable[str], within: str = "") -> None:
    """As `check_spelling`; names in lower case, as nearly all are, are not looked at one by one."""
    together = "".join(names)
    if not (together.isascii() and together.islower()):
        check_spelling(names, within)


def _check_options(raw: bytes) -> None:
    try:
        _check_names(fields_of(raw).spans, f"{OPTIONS}.")
    except DuplicateKey as error:
        raise invalid("duplicate_key", f"The field {OPTIONS!r} is ambiguous: {error}.", OPTIONS) from error


def typed(decode: Callable[[S], T], body: S) -> T:
    """The fields that the gateway reads. Raises 400 `missing_required_parameter` or `invalid_type`, which name the field."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from error


def typed_of_tokens(decode: Callable[[bytes], T], decode_long: Callable[[bytes], L], fields: Fields, name: str) -> T | L:
    """As `typed`, for a request whose field `name` may hold many millions of tokens: `decode_long` does not look at it."""
    _, start, stop = fields.spans.get(name, (0, 0, 0))
    if stop - start <= LONG or fields.body[start : start + 1] != b"[" or b'"' in (raw := fields.raw(name) or b""):
        return typed(decode, fields.body)
    if not is_tokens(raw):
        raise invalid("invalid_type", f"The items of {name!r} must all be strings, tokens or lists of tokens.", name)
    return typed(decode_long, fields.body)


def _refusal(text: str) -> ApiError:
    place = PLACE.search(text)
    param = place["place"] if place else None
    if missing := MISSING.search(text):
        name = f"{param}.{missing['name']}" if param else missing["name"]
        return invalid("missing_required_parameter", f"The field {name!r} is required.", name)
    what = PLACE.sub("", text)
    return invalid("invalid_type", f"{what} in {param!r}." if param else f"{what}.", param)
