"""How are `reasoning` and `text` read and written: how much is thought, and in which form is the answer?

Format: OpenAI's OpenAPI document of November 2026, `/responses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.extra import Extra, Json, Place, exact
from providers.canonical.leftovers import left, taken
from providers.canonical.settings import Format, Output, Thinking
from providers.errors import Unsupported
from providers.wire.openai_responses.codec.words import WIRE, own

FORMATS: Mapping[str, str] = MappingProxyType({"text": "text", "json_object": "json", "json_schema": "schema"})
KINDS: Mapping[str, str] = MappingProxyType({kind: name for name, kind in FORMATS.items()})
SCHEMA: Mapping[str, type] = MappingProxyType({"name": str, "schema": dict, "strict": bool, "description": str})
SAYING_NOTHING: Mapping[str, Any] = MappingProxyType(
    {"reasoning.context": "auto", "reasoning.generate_summary": None, "prompt_cache_options.prewarm": False}
)
"""Values that count without the field."""


def refused(message: str, param: str | None, code: str = "invalid_value") -> Unsupported:
    """The request cannot be read."""
    return Unsupported(400, message, code=code, param=param)


def inner(rest: Json, name: str) -> Extra:
    """What is left of a field with fields of its own, which was there."""
    lost = tuple(place for place in left(rest, of=f"{name}.") if not _nothing(place, rest[place.partition(".")[2]]))
    return Extra(WIRE, {"rest": rest, "there": True}, lost)


def _nothing(place: str, value: Any) -> bool:
    return place == "reasoning.generate_summary" or (place in SAYING_NOTHING and SAYING_NOTHING[place] == value)


def thinking_of(reasoning: Json) -> Thinking:
    """The field `reasoning`."""
    rest = dict(reasoning)
    effort, mode = taken(rest, "effort", str), taken(rest, "mode", str)
    older = rest.get("summary") is None and rest.get("generate_summary") is not None
    shown = taken(rest, "generate_summary" if older else "summary", str)
    extra = inner(rest, "reasoning")
    if older and shown is not None:
        extra = Extra(WIRE, {**extra.fields, "older": True}, extra.lost)
    return Thinking(mode=mode, effort=effort, shown=shown, extra=extra)


def reasoning_json(thinking: Thinking) -> Json:
    """The field `reasoning`; empty if nothing is said in it."""
    shown = "generate_summary" if own.spelled(thinking.extra, "older") else "summary"
    said = {"effort": thinking.effort, "mode": thinking.mode, shown: thinking.shown}
    return {name: value for name, value in said.items() if value is not None} | own.rest_of(thinking.extra)


def output_of(text: Json, place: Place) -> Output:
    """The field `text`. Raises 400 for a format that cannot be asked for."""
    rest = dict(text)
    form = format_of(rest, (*place, "format"))
    return Output(format=form, verbosity=taken(rest, "verbosity", str), extra=inner(rest, "text"))


def format_of(text: Json, place: Place) -> Format | None:
    """The format, taken out of `text`."""
    given = text.get("format")
    if given is None:
        return None
    where = exact(place)
    if not isinstance(given, dict):
        raise refused("The format must be an object.", where, "invalid_type")
    kind = given.get("type")
    if kind == "json_schema" and not (isinstance(given.get("name"), str) and given["name"]):
        raise refused("A format of JSON schema needs a name.", f"{where}.name", "missing_required_parameter")
    if kind is not None and type(kind) is not str:
        return None
    del text["format"]
    rest = {name: value for name, value in given.items() if name != "type" or not kind}
    schema: Json = {name: taken(rest, name, of) for name, of in SCHEMA.items()} if kind == "json_schema" else {}
    untyped = {} if kind else {"untyped": True}
    extra = own.extra_of(rest, left(rest, of="text.format."), spelled=untyped)
    return Format(kind=FORMATS.get(kind or "text", kind or "text"), **schema, extra=extra)


def format_json(form: Format) -> Json:
    """The format, with the fields that are said."""
    made: Json = {} if own.spelled(form.extra, "untyped") else {"type": KINDS.get(form.kind, form.kind)}
    if form.kind == "schema":
        made |= {name: value for name in SCHEMA if (value := getattr(form, name)) is not None}
    return made | own.rest_of(form.extra)


def text_json(output: Output) -> Json:
    """The field `text`; empty if nothing is said in it."""
    made: Json = {} if output.format is None else {"format": format_json(output.format)}
    if output.verbosity is not None:
        made["verbosity"] = output.verbosity
    return made | own.rest_of(output.extra)
