"""Which hooks can a row of the catalog be? The interceptors that come along, and what installed packages offer; no other code."""

from __future__ import annotations

import inspect
import re
from typing import Any

from models_catalog.hook_types import HookType
from openai_api.hooks.specs import HookSpecError, class_of, offered_by_packages, phases_of
from openai_api.interceptors.registry import INTERCEPTORS

SENTENCE = re.compile(r"(.+?[.!?])(\s|$)", re.DOTALL)
OWN = "built in"


def hook_types() -> dict[str, HookType]:
    """By name; the gateway's own before one of a package that has the same name."""
    packages = {point.name: point.dist.name if point.dist else "package" for point in offered_by_packages()}
    origins = {**packages, **dict.fromkeys(INTERCEPTORS, OWN)}
    return {name: _type(name, origin) for name, origin in sorted(origins.items())}


def _type(name: str, origin: str) -> HookType:
    try:
        made = class_of(name)
    except HookSpecError as error:
        return HookType(name, origin=origin, fault=str(error))
    whole = isinstance(made, type) and "authenticate" in phases_of(made)
    return HookType(name, summary_of(made), getattr(made, "Options", None), origin, for_all=whole)


def summary_of(made: Any) -> str:
    """The first sentence of what the class says of itself."""
    text = " ".join((inspect.getdoc(made) or "").split("\n\n")[0].split())
    found = SENTENCE.match(text)
    return found[1] if found else text
