"""The page of credentials: a secret goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from models_catalog.admin import key_source, ui
from models_catalog.admin.key_uploads import ProviderKeyUpload
from models_catalog.admin.trying import TestedWhenSaved, remember
from models_catalog.models import Credential, Provider
from providers.types import Secret

Source = Credential.Source
WITHOUT_LOCATION = (Source.STORED, Source.NONE)


class CredentialForm(ui.ModelForm):
    """An empty secret keeps the stored one; another source than "stored" removes it."""

    new_secret = forms.CharField(label="Secret", required=False, max_length=32_768, widget=ui.SecretInput())
    test_with: forms.ModelChoiceField[Provider] = forms.ModelChoiceField(
        label="Test when saving, at",
        queryset=Provider.objects.order_by("name"),
        required=False,
        empty_label="no provider: it is not tested",
        widget=ui.Select(),
        help_text="One small call to that provider with this credential, once it is saved. The provider stays as it is.",
    )

    class Meta:
        model = Credential
        fields = ("name", "source", "location")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secret = self.fields.get("new_secret")
        if secret is None:
            return
        secret.help_text = "Encrypted before it is stored. It is never shown again, only its last four characters."
        if self.instance.secret:
            secret.widget.attrs["placeholder"] = "Leave empty to keep the stored secret"

    @sensitive_variables("data", "given")
    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        given = data.pop("new_secret", "")
        if data.get("source") in WITHOUT_LOCATION:
            data["location"] = ""
        if data.get("source") != Source.STORED:
            self.instance.secret = ""
            self.instance.last_four = ""
        elif given and (fault := key_source.storing_fault()):
            self.add_error("new_secret", fault)
        elif given:
            self.instance.set_secret(Secret(given))
        elif not self.instance.secret and "new_secret" not in self.errors:
            self.add_error("new_secret", "Enter the secret, or choose another source.")
        return data

    def _get_validation_exclusions(self) -> set[str]:
        """The row says of a missing secret that its source is wrong; the form has said it better."""
        exclude: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclude | {"source"} if "new_secret" in self.errors else exclude


@admin.register(Credential)
class CredentialAdmin(TestedWhenSaved, ProviderKeyUpload):
    form = CredentialForm
    empty_icon = "passkey"
    empty_text = "A credential is a key of a provider: pasted and stored encrypted, or found in a variable or file."
    list_display = ("name", "key", "used_by", "updated_at")
    ordering = ("name",)
    list_filter = ("source",)
    search_fields = ("name", "location")
    search_help_text = "Name or place"
    readonly_fields = ("key", "created_at", "updated_at")
    conditional_fields = {
        "location": "typeof source === 'undefined' || !['', 'stored', 'none'].includes(source)",
        "new_secret": "typeof source === 'undefined' || source === 'stored'",
    }

    @method_decorator(sensitive_post_parameters("new_secret"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Credential | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("name", "source", "location", "new_secret", *self.tests(request))})]
        may_change = self.has_change_permission(request, obj)
        secret = ("new_secret", *self.tests(request)) if may_change else ()
        return [
            (None, {"fields": ("name", "source", "location", *secret)}),
            ("State", {"fields": ("key", "created_at", "updated_at")}),
        ]

    def tests(self, request: HttpRequest) -> tuple[str, ...]:
        """Who may change providers may have them called."""
        return ("test_with",) if request.user.has_perm("models_catalog.change_provider") else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if (provider := form.cleaned_data.get("test_with")) is not None:
            remember(request, provider, form.instance)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        rows: QuerySet[Credential] = super().get_queryset(request)
        return rows.annotate(provider_count=Count("providers"))

    @admin.display(description="Key")
    def key(self, row: Credential) -> SafeString:
        return key_source.of_credential(row).html()

    @admin.display(description="Providers", ordering="provider_count")
    def used_by(self, row: Credential) -> int:
        return int(getattr(row, "provider_count", 0))
