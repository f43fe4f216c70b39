"""Which tokens has the management API? One is made here and shown once; none can do more than the one that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from models_catalog.models import ManagementToken, Tenant
from openai_api.admin import tokens  # registers whose tokens are whose
from openai_api.database.management_tokens import check, create_token, scopes_of
from openai_api.database.token_scopes import spelled_out
from openai_api.manage.access import Caller
from openai_api.manage.fields import Text, Texts, body, field_of, moment
from openai_api.manage.problems import Problem, invalid
from openai_api.manage.resources.base import Data, Resource, equal
from openai_api.manage.resources.references import find_one, id_of

__all__ = ["MADE_TOKEN", "Tokens", "tokens"]

STAMPS = ("expires_at", "created_at", "last_used_at", "revoked_at")
TOKEN_FIELDS = {
    "id": field_of(ManagementToken, "id"),
    "name": field_of(ManagementToken, "name"),
    "scopes": field_of(ManagementToken, "scopes", Texts),
    "tenant": Text(required=False, default=None, allow_null=True, help_text="The tenant to which it is bound; null: none."),
    "expires_at": field_of(ManagementToken, "expires_at"),
    "public_id": field_of(ManagementToken, "public_id"),
    "last_four": field_of(ManagementToken, "last_four"),
    "created_by": Text(read_only=True, allow_null=True, help_text="The account whose rights bound it; null: none."),
    **{name: field_of(ManagementToken, name, read_only=True) for name in STAMPS if name != "expires_at"},
}
TOKEN = body("Token", TOKEN_FIELDS)
MADE_TOKEN = body("MadeToken", {**TOKEN_FIELDS, "token": Text(read_only=True, help_text="The token: shown this one time.")})


class Tokens(Resource):
    path, kind, component = "tokens", "token", "Token"
    serializer, made = TOKEN, MADE_TOKEN
    volatile = frozenset({"last_used_at"})
    filters = {"name": ("its name", equal("name")), "tenant": ("the name of its tenant", equal("tenant__name"))}

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return caller.visible(ManagementToken.objects.select_related("tenant", "created_by"))

    def shown(self, rows: Sequence[ManagementToken]) -> list[Data]:
        return [_shown(row) for row in rows]

    def create(self, caller: Caller, data: Data) -> tuple[Any, Data]:
        tenant = _checked(caller, data)
        row, token = create_token(
            data["name"], data["scopes"], tenant=tenant, expires_at=data["expires_at"], created_by=caller.token.created_by
        )
        return row.pk, {"token": token}

    def write(self, caller: Caller, row: ManagementToken | None, name: str, data: Data) -> Any:
        if row is None:
            return self.create(caller, data)[0]
        held = {"name": row.name, "scopes": row.scopes, "tenant": row.tenant.name if row.tenant else None}
        wanted = {**held, "expires_at": row.expires_at}
        if wanted == {name: data[name] for name in wanted}:
            return row.pk
        _check_within(caller, row)
        row.tenant = _checked(caller, data)
        check(data["scopes"], row.tenant)
        row.name, row.scopes, row.expires_at = data["name"], list(dict.fromkeys(data["scopes"])), data["expires_at"]
        row.clean_fields()
        row.save()
        return row.pk

    def remove(self, row: ManagementToken) -> None:
        row.delete()


def _check_within(caller: Caller, row: ManagementToken) -> None:
    """Raises `Problem` for a token that can do more than the caller's."""
    if beyond := sorted(scopes_of(row) - caller.scopes):
        raise Problem(403, "forbidden", f"The token can do more than yours: {beyond[0]}.", scope=beyond[0])


def _checked(caller: Caller, data: Data) -> Tenant | None:
    """The tenant that the token is bound to. Raises `Problem` and `ValidationError`."""
    tenant: Tenant | None = find_one(caller.visible(Tenant.objects.all()), "tenant", "tenant", data["tenant"])
    if caller.reach is not None and tenant is None:
        raise invalid({"tenant": ["Name the tenant: your token is bound to one."]})
    check(data["scopes"], tenant)
    if beyond := sorted(spelled_out(data["scopes"]) - caller.scopes):
        raise invalid({"scopes": [f"Your token has not the scope {beyond[0]}."]})
    own, expires_at = caller.token.expires_at, data["expires_at"]
    if expires_at is not None and expires_at <= timezone.now():
        raise invalid({"expires_at": ["This time has passed."]})
    if own is not None and (expires_at is None or expires_at > own):
        raise invalid({"expires_at": [f"Your token ends at {moment(own)}: no token that it makes can end later."]})
    return tenant


def _shown(row: ManagementToken) -> Data:
    return {
        "id": id_of(row),
        "name": row.name,
        "scopes": row.scopes,
        "tenant": row.tenant.name if row.tenant else None,
        "public_id": row.public_id,
        "last_four": row.last_four,
        "created_by": row.created_by.get_username() if row.created_by else None,
        **{name: moment(getattr(row, name)) for name in STAMPS},
    }
