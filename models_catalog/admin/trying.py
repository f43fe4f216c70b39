"""How are the credentials of a provider tested? One by one, on a page of its own; or when they are saved, after that is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, key_source, ui
from models_catalog.admin.problems import CatalogAdmin
from models_catalog.models import Credential, Provider
from models_catalog.route_checks.credentials import Tried, try_credential

PAGE = "models_catalog_provider_credentials"
OWN, ALL = "own", "all"
SAVED = "signalbox_tried"
"""Where a request keeps what it shall test once all is saved."""


@dataclass(frozen=True, slots=True)
class Line:
    """A credential of a provider; `share` is "own" or the key of a further one."""

    share: str
    name: str
    key: SafeString
    enabled: bool
    credential: Credential | None
    tried: Tried | None = None


def lines_of(provider: Provider, wanted: str = "") -> list[Line]:
    """The provider's credentials, its own first. Those that are `wanted` are tested, one after the other."""
    further = list(provider.more_credentials.select_related("credential").order_by("pk"))
    found: list[tuple[str, str, Credential | None, bool]] = [
        (str(row.pk), row.credential.name, row.credential, row.enabled) for row in further
    ]
    if provider.credential is not None or not further:
        own = provider.credential
        found.insert(0, (OWN, own.name if own else "none", own, True))
    return [
        Line(
            share,
            name,
            key_source.of_credential(credential).html() if credential else key_source.of_provider(provider).html(),
            enabled,
            credential,
            try_credential(provider, credential) if wanted in (share, ALL) else None,
        )
        for share, name, credential, enabled in found
    ]


class TryingAdmin(CatalogAdmin):
    """The provider's side. Tests need the right to change providers: they spend the operator's money."""

    @ui.action(description="Test credentials", icon="key_vertical", permissions=["test"])  # type: ignore[untyped-decorator]
    def test_credentials(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"admin:{PAGE}", args=[object_id]))

    def has_test_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    def get_urls(self) -> list[URLPattern]:
        view = self.guarded(self.admin_site.admin_view(self.credentials_view))
        return [path("<path:object_id>/credentials/", view, name=PAGE), *super().get_urls()]

    def credentials_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        if not self.has_test_permission(request):
            raise PermissionDenied
        provider = self.get_object(request, object_id)
        if not isinstance(provider, Provider):
            raise Http404
        wanted = request.POST.get("share", "") if request.method == "POST" else ""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": provider,
            "title": f"Credentials of {provider}",
            "lines": lines_of(provider, wanted),
        }
        response = TemplateResponse(request, "models_catalog/test_credentials.html", context)
        response["Cache-Control"] = "no-store"
        return response


def test_link(provider: Provider) -> SafeString:
    """The way from a credential's row to its test."""
    url = reverse(f"admin:{PAGE}", args=[provider.pk])
    return format_html('<a class="sb-link" href="{}">Test</a>', url) if provider.pk else html.muted("")


class TestBox(forms.BooleanField):
    """A box that asks for a test when the row is saved."""

    def __init__(self) -> None:
        text = "One small call with its key, once it is saved. What comes of it is told above the page."
        super().__init__(label="Test when saving", required=False, widget=ui.Checkbox(), help_text=text)


def remember(request: HttpRequest, provider: Provider, credential: Credential | None) -> None:
    """Has them tested by `TestedWhenSaved`."""
    vars(request)[SAVED] = provider, credential


class TestedWhenSaved(CatalogAdmin):
    """A page of which a form may ask for a test. It is made after the transaction of the form: a call takes its time, and others
    must not wait for it."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        wanted: tuple[Provider, Credential | None] | None = vars(request).pop(SAVED, None)
        if wanted is not None and response.status_code == 302:
            tried = try_credential(*wanted)
            name = wanted[1].name if wanted[1] else "no credential"
            level = messages.SUCCESS if tried.good else messages.WARNING
            self.message_user(request, f"{wanted[0]} with {name}: {tried.told}", level)
        return response
