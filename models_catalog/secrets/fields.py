"""How does a secret travel between a row and the database? As ciphertext; only a new `Secret` is encrypted, when saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.expressions import BaseExpression
from django.views.decorators.debug import sensitive_variables

from models_catalog.secrets import encryption
from providers.types import Secret


class EncryptedText:
    """An encrypted value as it is stored, opaque to whoever handles it. It is false when nothing is stored."""

    __slots__ = ("stored",)

    def __init__(self, stored: str) -> None:
        self.stored = stored

    def __repr__(self) -> str:
        return "***" if self.stored else ""

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.stored)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EncryptedText) and other.stored == self.stored

    def __hash__(self) -> int:
        return hash(self.stored)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A text that is stored encrypted and bound to its table, row and column.

    It reads as `EncryptedText`. Assign a `Secret` and save the row to encrypt a new value, or "" to remove it; an
    `EncryptedText` is written back as it was. Any other value is an error, so that no plain text is stored by mistake.
    """

    description = "Text, stored encrypted"
    _pyi_private_set_type: Any  # for mypy: EncryptedText, Secret or ""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> EncryptedText:
        return EncryptedText(value or "")

    def to_python(self, value: object) -> EncryptedText | Secret:
        """Serialized rows (fixtures) hold the stored form."""
        if isinstance(value, (EncryptedText, Secret)):
            return value
        if not value:
            return EncryptedText("")
        if isinstance(value, str) and encryption.is_stored_form(value):
            return EncryptedText(value)
        raise ValidationError("This is not an encrypted value.", code="invalid")

    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        value = getattr(model_instance, self.attname)
        if isinstance(value, Secret):
            value = EncryptedText(encryption.key_ring().encrypt(value, self.aad(model_instance)) if value else "")
            setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value: object) -> object:
        if isinstance(value, EncryptedText):
            return value.stored
        if value is None or value == "" or isinstance(value, BaseExpression):
            return value
        raise TypeError(f"{self.model.__name__}.{self.name} takes a Secret, which is encrypted when its row is saved")

    def value_to_string(self, obj: models.Model) -> str:
        """For serializers: the stored form."""
        return str(self.get_prep_value(self.value_from_object(obj)))

    def aad(self, row: models.Model) -> bytes:
        """What binds a value to its place: `table|primary key|column|v1`."""
        if row.pk is None:
            raise ValueError(f"{row._meta.label} needs its primary key before {self.name} can be encrypted")
        return f"{row._meta.db_table}|{row._meta.pk.to_python(row.pk)}|{self.column}|v1".encode()

    def decrypt(self, row: models.Model) -> Secret:
        """The secret of a row, "" when none is stored. Raises `EncryptionError`."""
        value = getattr(row, self.attname)
        if isinstance(value, Secret):
            return value
        return encryption.key_ring().decrypt(value.stored, self.aad(row)) if value else Secret("")


class EncryptedHeadersField(EncryptedTextField):
    """Header names and values, stored as one encrypted JSON object: `{}` stores nothing.

    Assign a dictionary, whose values are texts or `Secret`, and save the row. It reads as `EncryptedText`; `headers_of` decrypts.
    """

    description = "Headers, stored encrypted"

    def to_python(self, value: object) -> Any:
        return value if isinstance(value, dict) else super().to_python(value)

    @sensitive_variables("value")
    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        value = getattr(model_instance, self.attname)
        if isinstance(value, dict):
            setattr(model_instance, self.attname, Secret(json.dumps(plain_headers(value))) if value else "")
        return super().pre_save(model_instance, add)


def headers_of(row: models.Model, name: str) -> dict[str, Secret]:
    """The headers in that field of a row. Raises `EncryptionError`."""
    value = getattr(row, name)
    if not isinstance(value, dict):
        value = json.loads(encrypted_field(type(row), name).decrypt(row).reveal() or "{}")
    return {header: Secret(text) for header, text in plain_headers(value).items()}


def plain_headers(headers: Mapping[Any, Any]) -> dict[Any, Any]:
    """With the values that were secrets."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}


def encrypted_field(model: type[models.Model], name: str) -> EncryptedTextField:
    """The encrypted field of that name."""
    return next(field for field in encrypted_fields(model) if field.name == name)


def encrypted_fields(model: type[models.Model]) -> list[EncryptedTextField]:
    """The encrypted fields of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]
