"""Which form fields does the admin need beyond Django's?"""

from __future__ import annotations

import json
from datetime import datetime, time
from ipaddress import ip_network
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

LAST_SECOND = time(23, 59, 59)


class JSONObjectField(forms.JSONField):
    """A JSON object, shown indented; an empty one is an empty field."""

    empty_values = [*forms.JSONField.empty_values, {}]

    def __init__(self, **kwargs: Any) -> None:
        """Without the hidden copy that Django adds for a default that is a function: the row is the initial value."""
        super().__init__(**{**kwargs, "show_hidden_initial": False})

    def prepare_value(self, value: Any) -> Any:
        if value in self.empty_values:
            return ""
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else super().prepare_value(value)

    def clean(self, value: Any) -> dict[str, Any]:
        found = super().clean(value) or {}
        if not isinstance(found, dict):
            raise ValidationError('This must be a JSON object, like {"name": "value"}.', code="invalid")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(initial or None, data))


class ExpiryField(forms.SplitDateTimeField):
    """A time in the zone that the page shows. A date without a time is the end of that day."""

    def compress(self, data_list: Any) -> datetime | None:
        if data_list and data_list[0] and data_list[1] in self.empty_values:
            data_list = [data_list[0], LAST_SECOND]
        return super().compress(data_list)


KEPT = "***"
"""Stands for a value that is not shown, and is sent back where it stays as it is."""


class SecretHeadersField(JSONObjectField):
    """Header names and values. No value is ever rendered, not even one that was just typed: `KEPT` stands in its place."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the form shows again after an error; what is no object at all is not repeated."""
        try:
            names = list(self.clean(data))
        except ValidationError:
            return initial
        return dict.fromkeys(names, KEPT)


class AliasesField(forms.CharField):
    """Names and what they mean, one `name = model` a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name} = {model}" for name, model in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        """Raises `ValidationError` with the number of the line."""
        if isinstance(value, dict):
            return value
        found: dict[str, str] = {}
        for number, line in enumerate((super().to_python(value) or "").splitlines(), start=1):
            if not line.strip():
                continue
            name, sign, model = (part.strip() for part in line.partition("="))
            if not (name and sign and model):
                raise ValidationError(f"Line {number}: enter a name, = and the model that it means.", code="invalid")
            if name in found:
                raise ValidationError(f"Line {number}: {name} stands there already.", code="invalid")
            found[name] = model
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.to_python(data))
        except ValidationError:
            return True


class NetworksField(forms.CharField):
    """Addresses and ranges, one a line. `10.0.0.1/8` is kept as 10.0.0.0/8."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Raises `ValidationError` with the number of the line."""
        if isinstance(value, list):
            return value
        found = []
        for number, line in enumerate((super().to_python(value) or "").splitlines(), start=1):
            if line.strip():
                try:
                    network = ip_network(line.strip(), strict=False)
                except ValueError:
                    text = f"Line {number}: enter an address or a range, like 10.0.0.7 or 10.0.0.0/8."
                    raise ValidationError(text, code="invalid") from None
                found.append(str(network.network_address) if network.num_addresses == 1 else str(network))
        return list(dict.fromkeys(found))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except ValidationError:
            return True
