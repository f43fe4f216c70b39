"""Who asks, and may he? A bearer of a token in force, as far as its scopes and its tenant go."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.authentication import BaseAuthentication

from models_catalog.admin.tenancy import SCOPES, Reach
from models_catalog.audit.actor import Source
from models_catalog.models import ManagementToken
from openai_api.database.management_tokens import find_token, scopes_of
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
        self.scopes = scopes_of(token)
        self.tenant = token.tenant

    def get_username(self) -> str:
        return f"{self.token.name[:180]} ({self.token.public_id})"

    def require(self, scope: str) -> None:
        """Raises `Problem` if the token has not the scope."""
        if scope in self.scopes:
            return
        bound = f" It is bound to the tenant {self.tenant.name!r}." if self.tenant else ""
        raise Problem(403, "forbidden", f"The token has not the scope {scope}.{bound}", scope=scope)

    def visible(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Those of the rows that belong to the token's tenant."""
        scope = SCOPES.get(rows.model)
        return rows if self.tenant is None or scope is None else rows.filter(self.condition(scope))

    def condition(self, scope: Any) -> Q:
        if self.tenant is None:
            return Q()
        found: Q = scope(Reach(None, frozenset({self.tenant.pk}), frozenset({self.tenant.name})))
        return found


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer sk-mgmt-…`. Cookies are not looked at: a page of another site cannot use a session here."""

    def authenticate(self, request: Any) -> tuple[Any, Any]:
        kind, _, presented = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        token = find_token(presented.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise Problem(401, "unauthorized", NO_TOKEN, headers=CHALLENGE)
        return Caller(token), token
