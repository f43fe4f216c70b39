"""Who hears that the catalog has changed? This process at once, the others by a hint; the version in the database is the truth.

`mark_changed` raises the version inside the transaction of a write. It does so before the rows are written, so that all
writers queue at the version row and cannot deadlock on the others.

The row has two numbers. `version` rises with every write. `client_keys` rises with it where nothing but client keys is written,
so the difference of the two is the version of all the rest: while it stays, nothing that routes requests has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

import redis
import structlog
from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import F
from redis.backoff import NoBackoff
from redis.retry import Retry

from models_catalog.cache_names import NO_PURGES

CHANNEL = "gateway_catalog"
VERSION_ROW = 1
REDIS_TIMEOUT_S = 0.5

log = structlog.stdlib.get_logger(__name__)


class Part(Enum):
    """What a write changes. Whoever loads the routing loads the client keys as well: their models may have new names."""

    ROUTING = "routing"
    CLIENT_KEYS = "client keys"


class Version(NamedTuple):
    """The version of the catalog, how much of it is due to client keys, and how often what is cached has been purged."""

    number: int = 0
    client_keys: int = 0
    purges: Mapping[str, int] = NO_PURGES

    @property
    def routing(self) -> int:
        """The version of all that is not a client key."""
        return self.number - self.client_keys


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
    """Runs after the commit of a transaction that changed the catalog."""
    for callback in tuple(_refresh_callbacks):
        callback()
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql" and settings.REDIS_URL:
        _redis_hints(settings.REDIS_URL).send()


def _announce_routing() -> None:
    _announce()


def _announce_client_keys() -> None:
    _announce()


_ANNOUNCE = {Part.ROUTING: _announce_routing, Part.CLIENT_KEYS: _announce_client_keys}
"""What waits for the commit. That it waits says that the part's version is raised already in this transaction."""


def mark_changed(using: str = DEFAULT_DB_ALIAS, part: Part = Part.ROUTING) -> None:
    """Raises the version of the catalog in the running transaction, once for each part; call it before the write itself."""
    connection = connections[using]
    # A rolled back savepoint takes its callback away, and with it the mark: the next write raises the version again.
    marks = {entry[1] for entry in connection.run_on_commit}
    if _announce_routing in marks or _ANNOUNCE[part] in marks:
        return
    with transaction.atomic(using=using):
        _raise_version(using, part)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        transaction.on_commit(_ANNOUNCE[part], using=using, robust=True)


def row_written(using: str, **kwargs: object) -> None:
    """Receives the signals of single rows that route requests."""
    mark_changed(using)


def client_key_written(using: str, **kwargs: object) -> None:
    """Receives the signals of client keys, and of the models that they may use."""
    mark_changed(using, Part.CLIENT_KEYS)


def _raise_version(using: str, part: Part) -> None:
    raised = {"version": F("version") + 1}
    if part is Part.CLIENT_KEYS:
        raised["client_keys"] = F("client_keys") + 1
    rows = _version_model().objects.using(using)
    if not rows.filter(pk=VERSION_ROW).update(**raised):
        rows.bulk_create([_version_model()(pk=VERSION_ROW)], ignore_conflicts=True)
        rows.filter(pk=VERSION_ROW).update(**raised)


def current_version(using: str = DEFAULT_DB_ALIAS) -> int:
    """The number in the database; 0 while nothing was ever written."""
    return current_versions(using).number


def current_versions(using: str = DEFAULT_DB_ALIAS) -> Version:
    """The version in the database, in one query."""
    rows = _version_model().objects.using(using).filter(pk=VERSION_ROW)
    return Version(*(rows.values_list("version", "client_keys", "purges").first() or ()))


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
                log.info("catalog hints sent again")
            self._failing = False


_redis_hints = lru_cache(maxsize=1)(_RedisHints)
