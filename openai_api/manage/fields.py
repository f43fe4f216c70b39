"""Of which types are the members of objects? Made from the catalog's columns; none takes a text for a number.

Fields check types only. What a value may be, the rules of the catalog say, as they do for files and forms.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from django.db import models
from drf_spectacular.drainage import get_override, set_override
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.settings import api_settings

from models_catalog.config.table import nearest
from models_catalog.models.columns import CAPABILITIES, NAMES, Column, columns_of
from openai_api.manage.bounds import AMOUNT, Bounds, bounds_of, faults

MOST_MEMBERS = 10_000
KINDS = {bool: "a flag", int: "a number", float: "a number", str: "a text", list: "a list", dict: "an object", type(None): "null"}


def kind(value: object) -> str:
    """What a value of JSON is called."""
    return KINDS.get(type(value), "something else")


class Strict(serializers.Field):  # type: ignore[type-arg]
    """A field of one type of JSON. `bounds` are checked here; what is `told` in the document, the catalog's rules check."""

    said = "a value"
    takes: tuple[type, ...] = ()

    def __init__(self, *, bounds: Bounds | None = None, told: Bounds | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.bounds = bounds or {}
        if found := {**(told or {}), **self.bounds}:
            if "enum" in found and self.allow_null:
                found["enum"] = [*found["enum"], None]
            set_override(self, "field", {**get_override(type(self), "field"), **found})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        found = super().run_validation(data)
        if found is not None and (wrong := faults(found, self.bounds)):
            raise serializers.ValidationError(wrong)
        return found

    def to_internal_value(self, data: Any) -> Any:
        if type(data) not in self.takes:
            raise serializers.ValidationError(f"Enter {self.said}, not {kind(data)}.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field({"type": "boolean"})
class Flag(Strict):
    said, takes = "true or false", (bool,)


@extend_schema_field({"type": "string"})
class Text(Strict):
    said, takes = "a text", (str,)


@extend_schema_field({"type": "integer"})
class Count(Strict):
    said, takes = "a whole number", (int, float)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if isinstance(found, float):
            if not isfinite(found) or found != int(found):
                raise serializers.ValidationError("Enter a whole number.")
            return int(found)
        return found


@extend_schema_field({"type": "number"})
class Number(Strict):
    said, takes = "a number", (int, float)

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = float(super().to_internal_value(data))
        except OverflowError:
            raise serializers.ValidationError("The number is too large.") from None
        if not isfinite(found):
            raise serializers.ValidationError("The number is too large.")
        return found


@extend_schema_field({"type": ["number", "string"], "pattern": AMOUNT})
class Amount(Strict):
    """A text where a number would lose digits; both are taken."""

    said, takes = "a number", (int, float, str)

    def to_internal_value(self, data: Any) -> Any:
        given = super().to_internal_value(data)
        if isinstance(given, str) and not re.fullmatch(AMOUNT, given, re.ASCII):
            raise serializers.ValidationError("Enter a number.")
        try:
            found = Decimal(given if isinstance(given, str) else repr(given))
        except InvalidOperation:
            raise serializers.ValidationError("Enter a number.") from None
        if not found.is_finite() or abs(found) >= 10**20:
            raise serializers.ValidationError("The number is too large.")
        return found


def amount(value: Decimal | None) -> float | int | str | None:
    """An amount as JSON, without loss."""
    if value is None:
        return None
    if value == int(value) and abs(value) < 2**53:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else f"{value.normalize():f}"


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(Strict):
    said, takes = "a time like 2027-01-01T12:00:00Z", (str,)

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = datetime.fromisoformat(super().to_internal_value(data))
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError(f"Enter {self.said}.") from None


def moment(value: datetime | None) -> str | None:
    """A moment as JSON, in UTC."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class Texts(Strict):
    said, takes = "a list of texts", (list,)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if odd := [one for one in found if not isinstance(one, str)]:
            raise serializers.ValidationError(f"Enter a list of texts, without {kind(odd[0])}.")
        if len(found) > MOST_MEMBERS:
            raise serializers.ValidationError(f"At most {MOST_MEMBERS} texts.")
        return found


@extend_schema_field({"type": "array", "items": {"type": "integer"}})
class Numbers(Strict):
    said, takes = "a list of whole numbers", (list,)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if odd := [one for one in found if type(one) is not int]:
            raise serializers.ValidationError(f"Enter a list of whole numbers, without {kind(odd[0])}.")
        return found


@extend_schema_field({"type": "array", "items": {}})
class List(Strict):
    said, takes = "a list", (list,)


@extend_schema_field({"type": "object", "additionalProperties": True})
class Object(Strict):
    said, takes = "an object", (dict,)


@extend_schema_field({"type": "object", "additionalProperties": {"type": ["string", "null"]}})
class Headers(Object):
    """Header names and values. Values are secret: they are given as null, and null leaves the stored one as it is."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if odd := [name for name, value in found.items() if value is not None and not isinstance(value, str)]:
            raise serializers.ValidationError(f"The value of {odd[0]} must be a text, or null for the stored one.")
        return found


@extend_schema_field({"type": "string", "format": "uuid"})
class Id(Strict):
    said, takes = "an id", (str,)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return uuid.UUID(super().to_internal_value(data))
        except ValueError:
            raise serializers.ValidationError("Enter an id, which is a UUID.") from None


class Body(serializers.Serializer):  # type: ignore[type-arg]
    """An object whose members are all known. Members that can only be read are not looked at when they are sent."""

    closed = True
    """Whether the document says that there are no other members."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({api_settings.NON_FIELD_ERRORS_KEY: [f"Enter an object, not {kind(data)}."]})
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            known = [name for name, field in self.fields.items() if not field.read_only]
            hints = {name: nearest(name, known) or f"; known are {', '.join(known)}" for name in unknown[:20]}
            raise serializers.ValidationError({name[:60]: [f"Unknown field{hint}."] for name, hint in hints.items()})
        return super().to_internal_value(data)


BY_DJANGO: Mapping[type[models.Field[Any, Any]], type[Strict]] = {
    models.BooleanField: Flag,
    models.CharField: Text,
    models.TextField: Text,
    models.EmailField: Text,
    models.URLField: Text,
    models.PositiveIntegerField: Count,
    models.PositiveSmallIntegerField: Count,
    models.PositiveBigIntegerField: Count,
    models.BigIntegerField: Count,
    models.BigAutoField: Count,
    models.FloatField: Number,
    models.DecimalField: Amount,
    models.DateTimeField: Moment,
    models.JSONField: Object,
    models.UUIDField: Id,
}


def field_of(model: type[models.Model], name: str, made: type[Strict] | None = None, **options: Any) -> Strict:
    """The field for a column of a row. It may be left out where the column has a default; then it has that."""
    column: Any = model._meta.get_field(name)
    if made is None:
        made = List if isinstance(column, models.JSONField) and column.default is list else BY_DJANGO[type(column)]
    if not column.editable and "read_only" not in options:
        options["read_only"] = True
    if not options.get("read_only") and (column.has_default() or column.null or column.blank):
        options.setdefault("default", column.get_default)
        options.setdefault("required", False)
    options.setdefault("allow_null", column.null)
    options.setdefault("help_text", column.help_text)
    told = dict(bounds_of(model, column))
    if "default" in options and (usual := column.get_default()) is not None:
        told["default"] = usual
    return made(told=told, **options)


def column_fields(model: type[models.Model]) -> dict[str, Strict]:
    """A field for each column that files can say."""
    return {column.name: field_of(model, column.name, _made(column)) for column in columns_of(model)}


def _made(column: Column) -> type[Strict] | None:
    if column.kind.masked:
        return Headers
    return Texts if column.kind in (CAPABILITIES, NAMES) else None


def body(name: str, fields: Mapping[str, Any], doc: str = "", *, closed: bool = True) -> type[Body]:
    """A serializer of these fields; `name` is that of the component in the OpenAPI document."""
    return type(f"{name}Serializer", (Body,), {**fields, "closed": closed, "__doc__": doc or " ", "__module__": __name__})


def several(of: Any, **options: Any) -> Any:
    """A list of such objects, which may be left out."""
    return of(many=True, required=False, default=list, max_length=MOST_MEMBERS // 10, **options)
