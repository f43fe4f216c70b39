"""Which address does a provider's row mean? The one that is stored, or that in the variable which the row names."""

from __future__ import annotations

import os

from django.core.exceptions import ValidationError

from models_catalog import validation


class Unset(Exception):
    """The variable holds no address. The text does not repeat its value, which may be anything."""


def resolve(stored: str) -> str:
    """The address. Raises `Unset`."""
    if not stored.startswith(validation.FROM_ENVIRONMENT):
        return stored
    name = stored.removeprefix(validation.FROM_ENVIRONMENT)
    value = os.environ.get(name, "").strip()
    if not value:
        raise Unset(f"the environment variable {name} is not set")
    try:
        validation.check_url(value)
    except ValidationError as err:
        raise Unset(f"the environment variable {name} holds no address: {' '.join(err.messages).rstrip('.')}") from err
    return value
