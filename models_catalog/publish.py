"""Who hears that the catalog has changed? This process at once, the others by a hint; the version in the database is the truth.

`mark_changed` raises the version inside the transaction of a write. It does so before the rows are written, so that all
writers queue at the version row and cannot deadlock on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import redis
import structlog
from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import F
from redis.backoff import NoBackoff
from redis.retry import Retry

CHANNEL = "gateway_catalog"
VERSION_ROW = 1
REDIS_TIMEOUT_S = 0.5

log = structlog.stdlib.get_logger(__name__)

RefreshCallback = Callable[[], object]
_refresh_callbacks: list[RefreshCallback] = []


def add_refresh_callback(callback: RefreshCallback) -> None:
    """From now on `callback` is called, in the writing thread, after every commit that changed the catalog."""
    _refresh_callbacks.append(callback)


def remove_refresh_callback(callback: RefreshCallback) -> None:
    """Undoes `add_refresh_callback`; unknown callbacks are ignored."""
    if callback in _refresh_callbacks:
        _refresh_callbacks.remove(callback)


def _announce() -> None:
    """Runs after the commit of a transaction that changed the catalog; that it waits there says that it did."""
    for callback in tuple(_refresh_callbacks):
        callback()
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql" and settings.REDIS_URL:
        _redis_hints(settings.REDIS_URL).send()


def mark_changed(using: str = DEFAULT_DB_ALIAS) -> None:
    """Raises the version of the catalog in the running transaction, once; call it before the write itself."""
    connection = connections[using]
    # A rolled back savepoint takes its callback away, and with it the mark: the next write raises the version again.
    if any(entry[1] is _announce for entry in connection.run_on_commit):
        return
    with transaction.atomic(using=using):
        _raise_version(using)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        transaction.on_commit(_announce, using=using, robust=True)


def _raise_version(using: str) -> None:
    rows = _version_model().objects.using(using)
    if not rows.filter(pk=VERSION_ROW).update(version=F("version") + 1):
        rows.bulk_create([_version_model()(pk=VERSION_ROW, version=0)], ignore_conflicts=True)
        rows.filter(pk=VERSION_ROW).update(version=F("version") + 1)


def current_version(using: str = DEFAULT_DB_ALIAS) -> int:
    """The version in the database; 0 while nothing was ever written."""
    version = _version_model().objects.using(using).filter(pk=VERSION_ROW).values_list("version", flat=True).first()
    return int(version or 0)


def _version_model() -> Any:
    return apps.get_model("models_catalog", "CatalogVersion")


class _RedisHints:
    """Publishes hints; an unreachable server costs a write half a second and is logged once until it is back."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._failing = False

    def send(self) -> None:
        try:
            self._client.publish(CHANNEL, "")
        except (redis.RedisError, OSError) as err:
            if not self._failing:
                log.warning("catalog hint not sent", error=type(err).__name__)
            self._failing = True
        else:
            if self._failing:
                log.info("catalog hints are sent again")
            self._failing = False


_redis_hints = lru_cache(maxsize=1)(_RedisHints)


def row_written(using: str, **kwargs: object) -> None:
    """Receives the signals of single rows."""
    mark_changed(using)
