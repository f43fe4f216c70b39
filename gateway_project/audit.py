"""Who is at work in a request of Django, and who signs in? The session's account, and the address that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gateway_project.client_address import client_address
from models_catalog.audit.actor import Actor, Source, acting
from models_catalog.audit.chain import Told, append
from models_catalog.models import AuditEntry

NOBODY = "(nobody)"
USER = "auth.user"


def middleware(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Says who acts while a request is answered. The session is asked only when something is changed."""

    def answer(request: HttpRequest) -> HttpResponse:
        with acting(lambda: actor_of(request)):
            return get_response(request)

    return answer


def actor_of(request: HttpRequest) -> Actor:
    """The session's account, or the bearer of a token of the management API, who has a `source` of his own."""
    user: Any = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    name, number = (user.get_username(), str(user.pk)) if known else (NOBODY, "")
    return Actor(name, getattr(user, "source", Source.ADMIN), number, _address(request))


def _address(request: HttpRequest | None) -> str:
    found = client_address(request.META, settings.GATEWAY_TRUSTED_PROXIES) if request is not None else None
    return "" if found is None else str(found)


def connect() -> None:
    """From now on sign-ins are entries of the audit log. To be called after django-axes listens, which says who is locked."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit-signed-in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit-signed-out")
    user_login_failed.connect(_failed, dispatch_uid="audit-failed")


def _signed_in(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    _append("signed_in", user.get_username(), request, str(user.pk))


def _signed_out(sender: object, request: HttpRequest | None, user: Any, **kwargs: object) -> None:
    if user is not None:
        _append("signed_out", user.get_username(), request, str(user.pk))


def _failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: object) -> None:
    """While a lock lasts, tries are told of once: nobody fills the log by trying."""
    if request is None:
        return
    name = str(credentials.get("username") or "")[:150]
    if not vars(request).get("axes_locked_out"):
        _append("failed", name, request)
        return
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    if not AuditEntry.objects.filter(action="locked", name=name, address=_address(request), at__gt=since).exists():
        _append("locked", name, request)


def tell_failed(request: HttpRequest, user: Any) -> None:
    """A sign-in of an account that is known by another way than its password, and is not let in."""
    _append("failed", user.get_username(), request, str(user.pk))


def _append(action: str, name: str, request: HttpRequest | None, pk: str = "") -> None:
    who = Actor(name or NOBODY, Source.ADMIN, pk, _address(request))
    append([Told(action, USER, pk, name)], actor=who, alone=True)
