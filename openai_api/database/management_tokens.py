"""How does a token of the management API look, how is one made, and which one has been presented?

The form is that of client keys: `sk-mgmt-`, 8 characters by which it is told from others, 43 random ones and a checksum.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from models_catalog import keys
from models_catalog.models import ManagementToken, Tenant
from openai_api.database.token_scopes import OF_TENANTS, check_scopes, rights_for, spelled_out

PREFIX = "sk-mgmt-"
LENGTH = len(PREFIX) + keys.PUBLIC_ID_LENGTH + keys.SECRET_LENGTH + keys.CHECKSUM_LENGTH
USED_EVERY = timedelta(minutes=1)


def create_token(
    name: str, scopes: list[str], *, tenant: Tenant | None = None, expires_at: datetime | None = None, created_by: Any = None
) -> tuple[ManagementToken, str]:
    """Stores a fresh token and returns it with its row: the only time it is known. Raises `ValidationError` by field."""
    check(scopes, tenant)
    chosen = list(dict.fromkeys(scopes))
    row = ManagementToken(name=name, scopes=chosen, tenant=tenant, expires_at=expires_at, created_by=created_by)
    token = fresh(row)
    row.clean_fields()
    row.save()
    return row, token


def fresh(row: ManagementToken) -> str:
    """A token that has never been, which the row is of from now on. It is not saved."""
    row.public_id = _random(keys.PUBLIC_ID_LENGTH)
    body = PREFIX + row.public_id + _random(keys.SECRET_LENGTH)
    token = body + keys.checksum(body)
    row.token_hash, row.last_four = keys.hash_key(token), token[-4:]
    return token


def _random(length: int) -> str:
    return "".join(secrets.choice(keys.ALPHABET) for _ in range(length))


def check(scopes: list[str], tenant: Tenant | None) -> None:
    """Known scopes, and for a token of one tenant such as belong to tenants. Raises `ValidationError` by field."""
    try:
        check_scopes(scopes)
    except ValidationError as error:
        raise ValidationError({"scopes": error.messages}) from None
    if tenant is not None and not any(within_tenant(scope) for scope in spelled_out(scopes)):
        raise ValidationError({"scopes": ["None of these scopes can be used by a token of one tenant."]})


def within_tenant(scope: str) -> bool:
    """Whether a token of one tenant can have it: what belongs to tenants, and reading the models."""
    resource, _, verb = scope.partition(":")
    return scope == "models:read" or (resource in OF_TENANTS and (resource != "tenants" or verb == "read"))


def find_token(presented: str) -> ManagementToken | None:
    """The token in force that this is, None for anything else. Its last use is noted, once a minute at most."""
    if len(presented) != LENGTH or not presented.startswith(PREFIX):
        return None
    row = ManagementToken.objects.select_related("tenant", "created_by").filter(token_hash=keys.hash_key(presented)).first()
    now = timezone.now()
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    if (row.tenant is not None and not row.tenant.enabled) or (row.created_by is not None and not row.created_by.is_active):
        return None
    if row.last_used_at is None or row.last_used_at < now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
        ManagementToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)
    return row


def scopes_of(row: ManagementToken) -> frozenset[str]:
    """What the token may do, without stars: no more than the account that has made it may do now."""
    found = spelled_out(row.scopes)
    if row.created_by is not None:
        owner = row.created_by
        found = frozenset(scope for scope in found if owner.has_perms(rights_for([scope])))
    return found if row.tenant_id is None else frozenset(filter(within_tenant, found))


def revoke_token(row: ManagementToken) -> None:
    """Refuses the token from now on, for good; a second time changes nothing."""
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
