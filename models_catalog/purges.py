"""How are cached answers forgotten? What is purged is counted in the row of the version, in the same transaction.

The counts are part of the keys of cached answers, so that nothing of before is found as soon as a worker has loaded the version;
workers then drop what they hold in memory. A purge costs the same however many answers there are: what lies in Redis expires, and
is only looked for by who must have it deleted at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import redis
import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction

from models_catalog.cache_names import ALL, PREFIX, pattern
from models_catalog.models import CatalogVersion
from models_catalog.publish import VERSION_ROW, Part, mark_changed

log = structlog.stdlib.get_logger(__name__)
MOST_NAMES = 1000
"""Names whose purges are counted; with more of them, all is purged, and the counts begin anew."""
REDIS_S = 5.0
AT_ONCE = 500


def purge(names: Iterable[str], using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Forgets the answers of these names (`cache_names`) in all workers, and returns each name once. What Redis holds of them is
    not found any more; it stays there until it expires, or is deleted by `erase`."""
    chosen = list(dict.fromkeys(names))
    with transaction.atomic(using=using):
        mark_changed(using, Part.CLIENT_KEYS)
        row = CatalogVersion.objects.using(using).select_for_update().get(pk=VERSION_ROW)
        counts = {**row.purges, **{name: row.purges.get(name, 0) + 1 for name in chosen}}
        if len(counts) > MOST_NAMES:
            counts = {ALL: counts.get(ALL, 0) + 1}
        CatalogVersion.objects.using(using).filter(pk=VERSION_ROW).update(purges=counts)
    return chosen


def erase(names: Iterable[str]) -> int | None:
    """Deletes the answers of these names in Redis, for which it looks at every key there; how many there were, None if Redis does
    not answer."""
    if not settings.REDIS_URL:
        return 0
    deleted = 0
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=REDIS_S, socket_timeout=REDIS_S) as client:
            for name in names:
                found: list[bytes] = []
                for key in client.scan_iter(match=pattern(name), count=AT_ONCE):
                    found.append(key)
                    if len(found) >= AT_ONCE:
                        deleted += int(client.unlink(*found))
                        found.clear()
                deleted += int(client.unlink(*found)) if found else 0
    except (redis.RedisError, OSError) as error:
        log.warning("cached answers are not deleted: redis is away", error=type(error).__name__, prefix=PREFIX)
        return None
    return deleted
