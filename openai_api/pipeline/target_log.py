"""What is the operator told of targets? A line when its circuit opens or closes, not one for each request.

Every failed attempt is a line of level DEBUG. The words of the provider are in it, scrubbed, unless it refused the request: then
they may repeat what the client wrote.
"""

from __future__ import annotations

import logging
from time import time

from providers.breaker import LastFailure
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
"""Failures that do not pass by themselves: an operator must fix the key, account, name, certificate or address."""


def failed(target: Target, error: ProviderError) -> None:
    """An attempt has failed."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("attempt failed", extra=_about(target, error))


def alarming(target: Target, error: ProviderError) -> None:
    """The target has failed in a way that it did not fail in since it last answered."""
    log.warning("provider needs attention", extra=_about(target, error))


def cooled(target: Target, error: ProviderError, seconds: float) -> None:
    """The target's circuit is open from now on."""
    log.warning("circuit opened after failures", extra={**_about(target, error), "seconds": round(seconds)})


def limited(target: Target, error: ProviderError, seconds: float) -> None:
    """The target has said for how long it takes no requests."""
    log.info("circuit opened by a rate limit", extra={**_about(target, error), "seconds": round(seconds, 1)})


def last_failure(error: ProviderError) -> LastFailure:
    """What is remembered of it for the pages of the admin."""
    return LastFailure(time(), error.code, error.upstream_status, _detail(error))


def answers_again(target: Target) -> None:
    """The target's circuit is closed again."""
    log.info("circuit closed", extra=_named(target))


def _named(target: Target) -> dict[str, object]:
    return {"target": target.id, "provider": target.provider, "upstream_model": target.upstream_model}


def _about(target: Target, error: ProviderError) -> dict[str, object]:
    return {**_named(target), "code": error.code, "status": error.upstream_status, "detail": _detail(error)}


def _detail(error: ProviderError) -> str:
    return "" if isinstance(error, CallerError) else error.detail[:300]
