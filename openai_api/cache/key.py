"""By what is an answer found again? An HMAC over whose request it is, which model and upstream, and what would be asked.

The order of members of JSON objects and the space between them do not matter; everything else does.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from models_catalog.cache_names import ALL, mark, of_key, of_model, of_tenant
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from providers.types import Call, Target

VERSION = 1
"""Raised when entries of before are no longer good."""
PASSING = (b"x-request-id", b"traceparent", b"tracestate")
"""Headers that go upstream and change nothing about the answer."""
NEVER = (None, None, None)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.encode


@lru_cache(maxsize=4096)
def marks(tenant_id: str, lineage: str, model: str) -> str:
    """What keys begin with, so that purges find them: short hashes of the tenant, the client key and the model."""
    return "".join(f"{mark(name)}:" for name in (tenant_id, lineage, model))


class Unkeyed(Exception):
    """The body holds a value that has no canonical form."""


def request_key(secret: bytes, call: Call, client: Client, catalog: CatalogSnapshot) -> bytes:
    """What a request is, whoever would answer it: 32 bytes. What is kept of the client, or of its tenant, has other keys after
    each purge. Raises `Unkeyed`."""
    try:
        body = _encode(_decode(call.body), order="sorted")
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise Unkeyed from error
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in call.headers if name not in PASSING]
    owner = client.owner
    whose = (VERSION, owner.tenant_id, owner.tenant, client.lineage)
    names = (ALL, of_tenant(owner.tenant_id), of_key(client.lineage))
    purged = [catalog.purges.get(name) for name in names] if catalog.purges else NEVER
    what = (call.wire, call.capability, call.model, call.stream, call.include_usage, call.strict)
    told = (*whose, *purged, *what, headers, len(body))
    return hmac.digest(secret, _encode(told) + body, "sha256")


def target_key(secret: bytes, request: bytes, leg: ModelEntry, target: Target, catalog: CatalogSnapshot) -> bytes:
    """What a request is when that target of the model answers it: 32 bytes."""
    more: Mapping[str, bytes] = target.adapter.config.extra_body
    extra = sorted((name, value.decode()) for name, value in more.items()) if more else None
    purged = catalog.purges.get(of_model(leg.pattern or leg.name)) if catalog.purges else None
    told = (leg.name, target.provider, target.upstream_model, extra, purged)
    return hmac.digest(secret, request + _encode(told), "sha256")
