"""Which hooks and observers do the settings ask for? Built where they run: in the workers, and where records are kept."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from gateway_project.events import build_fold, event_sinks
from gateway_project.opentelemetry import configure_otlp
from openai_api.hooks.specs import BuiltHook, HookSpec, HookSpecError, build_all, checked, observes, serves, specs_of
from openai_api.observing.observation import Observation
from openai_api.observing.observing import Observing

log = logging.getLogger("gateway.hooks")
HINT = "docs/hooks.md says what GATEWAY_HOOKS may hold."


def configured() -> list[HookSpec]:
    """The hooks that `GATEWAY_HOOKS` names. Raises `ImproperlyConfigured`."""
    configure_otlp()
    try:
        return specs_of(settings.GATEWAY_HOOKS)
    except HookSpecError as error:
        raise ImproperlyConfigured(f"GATEWAY_HOOKS: {error}") from None


def request_hooks() -> list[BuiltHook]:
    """Those that run in the data path. Raises `ImproperlyConfigured`: a gateway without one of them would let through what it is
    to stop."""
    try:
        return build_all(configured(), serves)
    except HookSpecError as error:
        raise ImproperlyConfigured(f"GATEWAY_HOOKS: {error}") from None


def observers() -> list[BuiltHook]:
    """Those that look at exchanges after their end. One that cannot be made is logged and left out."""
    built: list[BuiltHook] = []
    for spec in configured():
        try:
            built += build_all([spec], observes)
        except HookSpecError as error:
            log.error("an observer cannot be made: it is left out", extra={"error": str(error)})
    return built


def observing() -> Observing:
    """Whose exchanges somebody looks at by the settings."""
    return observing_of(configured())


def observing_of(hooks: Iterable[HookSpec]) -> Observing:
    """Whose exchanges these look at."""
    specs = [spec for spec in hooks if spec.enabled and _observes(spec)]
    everybody = bool(settings.GATEWAY_EVENTS) or any(not spec.keys for spec in specs)
    keys = frozenset(key for spec in specs for key in spec.keys)
    return Observing(everybody, keys, settings.GATEWAY_TRANSCRIPT_BYTES)


def observation() -> Observation:
    """What shows exchanges to the observers, where records are kept."""
    return Observation(observers(), build_fold(), event_sinks())


def check_hooks(**options: Any) -> list[CheckMessage]:
    """E001: a hook of `GATEWAY_HOOKS` cannot be made."""
    try:
        specs = configured()
    except ImproperlyConfigured as error:
        return [Error(str(error), hint=HINT, id="gateway.E001")]
    return [
        Error(f"GATEWAY_HOOKS: {fault}.", hint=HINT, id="gateway.E001")
        for spec in specs
        if spec.enabled and (fault := _fault(spec)) is not None
    ]


def _fault(spec: HookSpec) -> str | None:
    try:
        checked(spec)
    except HookSpecError as error:
        return str(error)
    return None


def _observes(spec: HookSpec) -> bool:
    try:
        made = checked(spec).made
    except HookSpecError:
        return False
    return not isinstance(made, type) or observes(made)
