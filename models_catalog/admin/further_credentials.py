"""How are the further credentials of a provider edited? As rows of its page, each with its weight, and how it fares."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from models_catalog.admin import health, html, key_source, ui
from models_catalog.admin.trying import test_link
from models_catalog.models import Provider, ProviderCredential


class ShareForm(ui.ModelForm):
    class Meta:
        model = ProviderCredential
        fields = ("credential", "weight", "enabled")
        widgets = {"weight": ui.Number(attrs={"class": "sb-narrow", "step": "any"})}


class ShareFormSet(ui.InlineFormSet):
    def clean(self) -> None:
        """The provider's own credential is none of the further ones."""
        super().clean()
        for form in self.forms:
            chosen = getattr(form, "cleaned_data", {}).get("credential")
            deleted = getattr(form, "cleaned_data", {}).get("DELETE")
            if chosen is not None and not deleted and chosen.pk == self.instance.credential_id:
                form.add_error("credential", ValidationError("It is the provider's own already."))


class ShareInline(ui.TabularInline):
    """Part of the provider: who may change the provider may change them."""

    model = ProviderCredential
    form = ShareForm
    formset = ShareFormSet
    verbose_name = "further credential"
    verbose_name_plural = "Further credentials, which share the requests by weight"
    fields = ("credential", "weight", "enabled", "key", "fares", "test")
    readonly_fields = ("key", "fares", "test")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCredential]:
        rows: QuerySet[ProviderCredential] = super().get_queryset(request)
        return rows.select_related("credential", "provider").prefetch_related("provider__routes__model")

    @admin.display(description="Key")
    def key(self, row: ProviderCredential) -> SafeString:
        return key_source.of_credential(row.credential).html() if row.pk else html.muted("shown after saving")

    @admin.display(description="In this worker")
    def fares(self, row: ProviderCredential) -> SafeString:
        return health.of_credential(row.provider, str(row.pk)) if row.pk else html.muted("shown after saving")

    @admin.display(description="Test")
    def test(self, row: ProviderCredential) -> SafeString:
        return test_link(row.provider) if row.pk else html.muted("")

    def may(self, request: HttpRequest, verb: str) -> bool:
        return bool(request.user.has_perm(f"models_catalog.{verb}_provider"))

    def has_view_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return self.may(request, "view") or self.may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return self.may(request, "add" if obj is None else "change")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)
