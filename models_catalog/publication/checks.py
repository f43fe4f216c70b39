"""What does `manage.py check` say of the publication in Redis?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from models_catalog.checks import rows_wanted
from models_catalog.key_import.private_key import configured_private_key
from models_catalog.key_import.rows import PrivateKeyError
from models_catalog.publication.reader import lacking


def check_publication(**kwargs: Any) -> list[CheckMessage]:
    """What is wrong with the publication, if there is one: `manage.py check` alone asks Redis. E017: it has no address."""
    if not settings.GATEWAY_REDIS_PUBLICATION:
        return []
    if not settings.GATEWAY_REDIS_PUBLICATION_URL:
        return [Error("GATEWAY_REDIS_PUBLICATION is on, but there is no REDIS_URL (or TENSORZERO_REDIS_URL).", id="catalog.E017")]
    return list(_messages()) if rows_wanted() else []


def _messages() -> Iterator[CheckMessage]:
    """W008: changes are not told of. W009: Redis cannot be asked. E016: the RSA private key cannot be used."""
    try:
        lacks = lacking(settings.GATEWAY_REDIS_PUBLICATION_URL)
    except (redis.RedisError, OSError) as error:
        yield CheckWarning(f"The Redis of the publication cannot be asked: {type(error).__name__}.", id="catalog.W009")
    else:
        if lacks:
            message = f"Redis does not tell of every change of what is published: notify-keyspace-events lacks {lacks}."
            hint = (
                "redis-cli CONFIG SET notify-keyspace-events Kg$hx (and in redis.conf). Until then a change is seen at the next "
                f"comparison, every {settings.GATEWAY_REDIS_PUBLICATION_S:g} seconds (GATEWAY_REDIS_PUBLICATION_S)."
            )
            yield CheckWarning(message, hint=hint, id="catalog.W008")
    if settings.GATEWAY_RSA_PRIVATE_KEY or settings.GATEWAY_RSA_PRIVATE_KEY_PATH:
        try:
            configured_private_key()
        except PrivateKeyError as error:
            yield Error(f"Published keys cannot be decrypted: {error}.", id="catalog.E016")
