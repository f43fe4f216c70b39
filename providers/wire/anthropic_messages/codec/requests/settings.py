"""How are `thinking` and `output_config` read, and written as they were?

Format: Anthropic's reference of October 2026, `POST /v1/messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.canonical.extra import Extra, Json
from providers.canonical.leftovers import left, taken
from providers.canonical.settings import Format, Output, Thinking
from providers.wire.anthropic_messages.codec.words import WIRE, own

SHOWN: Mapping[str, str] = MappingProxyType({"omitted": "none", "summarized": "summarized"})
DISPLAYS: Mapping[str, str] = MappingProxyType({shown: display for display, shown in SHOWN.items()})
SCHEMA = "json_schema"


def thinking_of(thinking: Json | None, config: Json) -> Thinking:
    """The field `thinking`, and the effort, which is taken out of `output_config`. What is thought can always be sent back in
    this wire, so that who asks for thoughts asks for that."""
    effort = taken(config, "effort", str)
    if thinking is None:
        return Thinking(effort=effort, sealed=True if effort is not None else None)
    rest = dict(thinking)
    mode, budget = taken(rest, "type", str), taken(rest, "budget_tokens", int)
    shown = rest.get("display")
    if isinstance(shown, str) and shown in SHOWN:
        del rest["display"]
    extra = Extra(WIRE, {"rest": rest, "there": True}, left(rest, of="thinking."))
    known = SHOWN.get(shown) if isinstance(shown, str) else None
    sealed = True if mode not in (None, "disabled") or effort is not None else None
    return Thinking(mode=mode, effort=effort, budget=budget, shown=known, sealed=sealed, extra=extra)


def thinking_json(thinking: Thinking) -> Json | None:
    """The field `thinking`, as it was."""
    shown = None if thinking.shown is None else DISPLAYS.get(thinking.shown)
    said = {"type": thinking.mode, "budget_tokens": thinking.budget, "display": shown}
    made = {name: value for name, value in said.items() if value is not None} | own.rest_of(thinking.extra)
    return made if made or own.spelled(thinking.extra, "there") else None


def output_of(config: Json | None) -> Output:
    """What is left of `output_config` without the effort."""
    if config is None:
        return Output()
    form = format_of(config)
    return Output(format=form, extra=Extra(WIRE, {"rest": config, "there": True}, left(config, of="output_config.")))


def format_of(config: Json, name: str = "format") -> Format | None:
    """The format, taken out."""
    given = config.get(name)
    if not isinstance(given, dict) or given.get("type") != SCHEMA or type(given.get("schema")) is not dict:
        return None
    del config[name]
    rest = {key: value for key, value in given.items() if key not in ("type", "schema")}
    return Format(kind="schema", schema=given["schema"], extra=own.extra_of(rest, left(rest, of=f"output_config.{name}.")))


def format_json(form: Format) -> Json:
    """The format, as it was."""
    return {"type": SCHEMA, "schema": form.schema} | own.rest_of(form.extra)


def config_json(thinking: Thinking | None, output: Output | None, *, older: bool = False) -> Json | None:
    """The field `output_config`, as it was; None if nothing is said in it. `older`: the format stands beside it."""
    made: Json = {}
    if thinking is not None and thinking.effort is not None:
        made["effort"] = thinking.effort
    if output is not None and output.format is not None and not older:
        made["format"] = format_json(output.format)
    extra = output.extra if output is not None else None
    made |= own.rest_of(extra)
    return made if made or own.spelled(extra, "there") else None
