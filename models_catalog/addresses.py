"""Which address does a provider's row mean? The one that is stored, or that in the variable which the row names. And what is
stored of an address as people copy it?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypedDict

from django.core.exceptions import ValidationError

from models_catalog import validation
from providers.registry import UnknownProviderType, provider_type


class Tidied(TypedDict):
    """Two columns of a provider's row."""

    api_base: str
    options: dict[str, Any]


def tidied(kind: str, api_base: str, options: Mapping[str, Any]) -> Tidied:
    """The address as it should be stored for that type of provider, and the options with those that the address holds. Options
    that are given count before those."""
    given = api_base.strip()
    base, found = given, dict[str, str]()
    if given and not given.startswith(validation.FROM_ENVIRONMENT):
        with suppress(UnknownProviderType):
            base, found = provider_type(kind).read_address(given)
    return Tidied(api_base=given if base == given.rstrip("/") else base, options={**found, **options})


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
        raise Unset(
            f"the environment variable {name} does not contain a valid address: {' '.join(err.messages).rstrip('.')}"
        ) from err
    return value
