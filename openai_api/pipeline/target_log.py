"""What is the operator told of targets? A line when one is left alone or answers again, not one for each request.

Every failed try is a line of level DEBUG. The words of the provider are in it, scrubbed, unless it refused the request: then
they may repeat what the client wrote.
"""

from __future__ import annotations

import logging

from providers.errors import (
    AddressRefused,
    CallerError,
    CredentialError,
    ModelNotFound,
    ProviderError,
    QuotaExceeded,
    TlsFailed,
)
from providers.types import Target

log = logging.getLogger("gateway.targets")
ALARMING = (AddressRefused, CredentialError, ModelNotFound, QuotaExceeded, TlsFailed)
"""Failures that do not pass by themselves: someone must mend the key, the account, the name, the certificate or the address."""


def failed(target: Target, error: ProviderError) -> None:
    """A try has failed."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("a try failed", extra=_about(target, error))


def alarming(target: Target, error: ProviderError) -> None:
    """The target has failed in a way that it did not fail in since it last answered."""
    log.warning("a provider must be looked after", extra=_about(target, error))


def cooled(target: Target, error: ProviderError, seconds: float) -> None:
    """The target's circuit is open from now on."""
    log.warning("a target is left alone after its failures", extra={**_about(target, error), "seconds": round(seconds)})


def limited(target: Target, error: ProviderError, seconds: float) -> None:
    """The target asked to be left alone."""
    log.info("a target is left alone as it asked", extra={**_about(target, error), "seconds": round(seconds, 1)})


def answers_again(target: Target) -> None:
    """The target's circuit is closed again."""
    log.info("a target answers again", extra=_named(target))


def _named(target: Target) -> dict[str, object]:
    return {"target": target.id, "provider": target.provider, "upstream_model": target.upstream_model}


def _about(target: Target, error: ProviderError) -> dict[str, object]:
    detail = "" if isinstance(error, CallerError) else error.detail[:300]
    return {**_named(target), "code": error.code, "status": error.upstream_status, "detail": detail}
