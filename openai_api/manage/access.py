"""Who asks, and may he? A bearer of a token in force, as far as its scopes and its tenant go."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.authentication import BaseAuthentication

from models_catalog.admin.tenancy import SCOPES, Reach, reach_of_account
from models_catalog.audit.actor import Source
from models_catalog.models import ManagementToken
from openai_api.database.management_tokens import find_token, scopes_of, within_tenant
from openai_api.manage.problems import Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="management"'}
NO_TOKEN = "Send a management token in force: Authorization: Bearer sk-mgmt-…"  # noqa: S105 - no password


class Caller:
    """The bearer of a token, as far as the request goes."""

    is_authenticated = True
    source = Source.API
    pk = ""
    """No account: what he does is told of by the token's name."""

    def __init__(self, token: ManagementToken) -> None:
        self.token = token
        self.reach = _reach_of(token)
        self.scopes = frozenset(filter(within_tenant, scopes_of(token))) if self.reach is not None else scopes_of(token)

    def get_username(self) -> str:
        return f"{self.token.name[:180]} ({self.token.public_id})"

    def require(self, scope: str) -> None:
        """Raises `Problem` if the token has not the scope."""
        if scope in self.scopes:
            return
        bound = "" if self.reach is None else f" It is bound to the tenant {', '.join(map(repr, sorted(self.reach.names)))}."
        raise Problem(403, "forbidden", f"The token has not the scope {scope}.{bound}", scope=scope)

    def visible(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Those of the rows that are within the token's reach."""
        scope = SCOPES.get(rows.model)
        return rows if self.reach is None or scope is None else rows.filter(scope(self.reach))

    @property
    def tenants(self) -> frozenset[str] | None:
        """The names of the tenants within reach, None for everywhere."""
        return None if self.reach is None else self.reach.names


def _reach_of(token: ManagementToken) -> Reach | None:
    """How far the token reaches: no further than the account that has made it."""
    own = None if token.created_by is None else reach_of_account(token.created_by)
    if token.tenant is None:
        return own if own is None else Reach(None, own.tenants, own.names)
    if own is not None and token.tenant.pk not in own.tenants:
        return Reach(None, frozenset(), frozenset())
    return Reach(None, frozenset({token.tenant.pk}), frozenset({token.tenant.name}))


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer sk-mgmt-…`. Cookies are not looked at: a page of another site cannot use a session here."""

    def authenticate(self, request: Any) -> tuple[Any, Any]:
        kind, _, presented = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        token = find_token(presented.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise Problem(401, "unauthorized", NO_TOKEN, headers=CHALLENGE)
        return Caller(token), token
