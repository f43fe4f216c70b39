"""How is each option of a hook asked for? By a form field that goes by its type; what no field fits is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from django import forms
from msgspec import inspect

from models_catalog.admin import ui
from models_catalog.admin.fields import JSONObjectField, SecretHeadersField
from models_catalog.hook_types import FROM_ENVIRONMENT, Option, holds_secret, literals_in
from providers.types import Secret

LONGEST_TEXT = 32_768
KEPT_PLACEHOLDER = "Leave empty to keep the stored value"
SECRET_HELP = f"Stored encrypted, never shown again. {FROM_ENVIRONMENT}NAME takes the value of a variable of the server."
ABBREVIATIONS = frozenset({"api", "http", "id", "json", "llm", "otlp", "url"})
LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType, inspect.CollectionType)


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = ui.Lines

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return list(value)
        return [line for text in (super().to_python(value) or "").splitlines() if (line := text.strip())]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or ()) != self.to_python(data))


class JSONValueField(forms.JSONField):
    """Any JSON value, shown indented."""

    widget = ui.JSONEditor

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, forms.fields.InvalidJSONInput):
            return "" if value is None else value
        return (
            json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, (dict, list)) else super().prepare_value(value)
        )


class ChosenField(forms.TypedChoiceField):
    """One of the values that an option may have, whatever their type."""

    def __init__(self, values: tuple[Any, ...], *, empty: bool, **kwargs: Any) -> None:
        by_text = {str(value): value for value in values}
        choices = [*([("", "(none)")] if empty else []), *((text, text) for text in by_text)]
        super().__init__(choices=choices, coerce=by_text.__getitem__, empty_value=None, widget=ui.Select(), **kwargs)


Make = Callable[..., forms.Field]
"""Makes the field of a type of `msgspec.inspect`; the rest are arguments of the field."""


def _text(kind: Any, option: Option, **given: Any) -> forms.Field:
    return forms.CharField(max_length=kind.max_length or LONGEST_TEXT, strip=False, widget=ui.TextInput(), **given)


def _integer(kind: Any, option: Option, **given: Any) -> forms.Field:
    return forms.IntegerField(min_value=kind.ge, max_value=kind.le, widget=ui.Number(), **given)


def _number(kind: Any, option: Option, **given: Any) -> forms.Field:
    return forms.FloatField(min_value=kind.ge, max_value=kind.le, widget=ui.Number(attrs={"step": "any"}), **given)


def _switch(kind: Any, option: Option, **given: Any) -> forms.Field:
    return forms.BooleanField(widget=ui.Switch(), **{**given, "required": False})


def _choice(kind: Any, option: Option, **given: Any) -> forms.Field:
    return ChosenField(values_of(kind, option), empty=not given["required"], **given)


def _list(kind: Any, option: Option, **given: Any) -> forms.Field:
    item = plain_type(kind.item_type)
    if isinstance(item, inspect.StrType):
        return LinesField(**given)
    if isinstance(item, (inspect.LiteralType, inspect.EnumType)):
        choices = [(str(value), str(value)) for value in values_of(item, option)]
        return forms.MultipleChoiceField(choices=choices, widget=ui.Checkboxes(), **given)
    return JSONValueField(**given)


def _object(kind: Any, option: Option, **given: Any) -> forms.Field:
    if is_secret(getattr(kind, "value_type", None)):
        return SecretHeadersField(widget=ui.JSONEditor(), **given)
    return JSONObjectField(widget=ui.JSONEditor(), **given)


def _other(kind: Any, option: Option, **given: Any) -> forms.Field:
    return JSONValueField(**given)


FIELDS: Mapping[type[inspect.Type], Make] = MappingProxyType(
    {
        inspect.StrType: _text,
        inspect.IntType: _integer,
        inspect.FloatType: _number,
        inspect.BoolType: _switch,
        inspect.EnumType: _choice,
        inspect.LiteralType: _choice,
        inspect.DictType: _object,
        inspect.StructType: _object,
        **dict.fromkeys(LISTS, _list),
    }
)


def plain_type(kind: inspect.Type) -> inspect.Type:
    """Without descriptions, and without None beside one other type."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        return plain_type(others[0]) if len(others) == 1 else kind
    return kind


def values_of(kind: Any, option: Option) -> tuple[Any, ...]:
    """The values of an enumeration or of literals, in their order."""
    if isinstance(kind, inspect.EnumType):
        return tuple(one.value for one in kind.cls)
    return literals_in(option.kind) or tuple(kind.values)


def is_secret(kind: inspect.Type | None) -> bool:
    found = None if kind is None else plain_type(kind)
    return isinstance(found, inspect.CustomType) and found.cls is Secret


def may_be_none(option: Option) -> bool:
    kind = inspect.type_info(option.kind)
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return isinstance(kind, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in kind.types)


def field_of(option: Option, *, stored: bool) -> forms.Field:
    """The form field. `stored` says that the catalog has a value of a secret."""
    kind = plain_type(inspect.type_info(option.kind))
    given: dict[str, Any] = {"label": label_of(option.name), "required": option.required, "help_text": help_of(option)}
    if is_secret(kind):
        widget = ui.SecretInput(KEPT_PLACEHOLDER if stored else "")
        given["required"] = option.required and not stored
        return forms.CharField(max_length=LONGEST_TEXT, strip=False, widget=widget, **given)
    make: Make = FIELDS.get(type(kind), _other)
    return make(kind, option, **given)


def label_of(name: str) -> str:
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def help_of(option: Option) -> str:
    text = option.description.replace("`", "")
    if text and text[-1] not in ".!?":
        text += "."
    default = builtin(option.default)
    if holds_secret(option.kind):
        return f"{text} {SECRET_HELP}".strip()
    if option.required or default in (None, "", [], {}):
        return text
    return f"{text} Default: {shown(default)}.".strip()


def shown(value: Any) -> str:
    """A default, as people write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def builtin(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    return msgspec.to_builtins(value, enc_hook=lambda _: "")


def option_value(option: Option, cleaned: Any) -> Any:
    """What the form gives, as the option's value; `msgspec.UNSET` where the default is meant."""
    default = builtin(option.default)
    if cleaned in ("", None) and not isinstance(cleaned, bool):
        return msgspec.UNSET if option.required or default is None or not may_be_none(option) else None
    if not option.required and cleaned == default and type(cleaned) is type(default):
        return msgspec.UNSET
    return cleaned
