"""The page of providers: an upstream account, its key, and what is added to every request."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from models_catalog import addresses
from models_catalog.admin import health, html, key_source, ui
from models_catalog.admin.drafting import DraftingAdmin
from models_catalog.admin.fields import KEPT, SecretHeadersField
from models_catalog.admin.filling import FillingAdmin
from models_catalog.admin.further_credentials import ShareInline
from models_catalog.admin.problems import page_of
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.testing import NOTHING, run_tests, told
from models_catalog.admin.trying import TestBox, TestedWhenSaved, TryingAdmin, remember
from models_catalog.admin.versions import VersionedAdmin
from models_catalog.models import Credential, ModelDefinition, Provider
from models_catalog.route_checks.plan import plan
from models_catalog.route_checks.run import FAILED
from models_catalog.route_state import traffic
from models_catalog.secrets import encryption
from models_catalog.validation import provider_type_choices
from providers.registry import ALLOWED_FIELDS, ProviderType, UnknownProviderType, provider_type, provider_types
from providers.types import Secret

OF_ACCOUNT = ("name", "type", "enabled", "api_base", "credential")


def hint(known: ProviderType) -> str:
    """What the form says beneath the type."""
    options = [f"{name} (required)" if name in known.required_options else name for name in known.options]
    parts = {
        "Needs no key.": not known.needs_key,
        f"Its key is usually in {known.key_variable}.": known.key_variable,
        f"Options: {', '.join(options)}.": options,
        f"Clients may set fields that choose another model upstream only if the option {ALLOWED_FIELDS} lists them.": True,
    }
    return " ".join(text for text, applies in parts.items() if applies)


def type_label(name: str) -> str:
    try:
        return provider_type(name).label
    except UnknownProviderType:
        return f"{name} (unknown)"


class ProviderForm(ui.ModelForm):
    """A new provider may bring its key: it becomes a stored credential with the provider's name.

    The values of headers are secrets: `***` stands for each, and keeps it.
    """

    new_credential: Credential | None = None
    api_key = forms.CharField(
        label="or paste its key",
        required=False,
        max_length=32_768,
        widget=ui.SecretInput(),
        help_text="Stored encrypted, as a new credential with the name of the provider. It is never shown again.",
    )
    test_now = TestBox()
    extra_headers = SecretHeadersField(
        required=False,
        widget=ui.JSONEditor(),
        help_text=f'Headers for every request: {{"name": "value"}}. Stored encrypted, never shown again: {KEPT} keeps a value.',
    )

    class Meta:
        model = Provider
        fields = (*OF_ACCOUNT, "credential_weight", "extra_headers", "extra_body", "options")
        help_texts = {
            "type": format_html('<span id="{}"></span>', "provider-type-hint"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields.get("type")
        if isinstance(kind, forms.ChoiceField):
            kind.choices = [("", "Choose a type"), *provider_type_choices()]
        if "extra_headers" in self.fields:
            self.initial["extra_headers"] = dict.fromkeys(header_names(self.instance), KEPT)

    @sensitive_variables("given", "stored")
    def clean_extra_headers(self) -> Any:
        """What is stored stays as it is where nothing was changed, also if it does not decrypt."""
        given = self.cleaned_data["extra_headers"]
        if "extra_headers" not in self.changed_data:
            return self.instance.extra_headers
        if given and (fault := key_source.storing_fault()):
            raise ValidationError(fault)
        stored = self.instance.headers() if header_names(self.instance) else {}
        unknown = [name for name, value in given.items() if value == KEPT and name not in stored]
        if unknown:
            raise ValidationError(f"Enter the value of {', '.join(unknown)}: none is stored under this name.")
        return {
            name: stored[name] if value == KEPT else Secret(value) if isinstance(value, str) else value
            for name, value in given.items()
        }

    def tidy_address(self, data: dict[str, Any]) -> None:
        """What an address holds besides the base becomes options; those that were typed just now count before it."""
        options = data.get("options") or {}
        found = addresses.tidied(data.get("type", ""), data.get("api_base", ""), {})
        newer = {**found["options"], **options} if "options" in self.changed_data else {**options, **found["options"]}
        data.update(api_base=found["api_base"], options=newer)

    @sensitive_variables("data", "given")
    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        self.tidy_address(data)
        given = data.pop("api_key", "")
        if given and data.get("credential"):
            self.add_error("api_key", "Choose a credential or paste a key, not both.")
        elif given and Credential.objects.filter(name=data.get("name")).exists():
            self.add_error("api_key", "A credential with the name of this provider already exists: select it above.")
        elif given and (fault := key_source.storing_fault()):
            self.add_error("api_key", fault)
        elif given:
            self.new_credential = Credential(name=data.get("name", ""))
            self.new_credential.set_secret(Secret(given))
        return data


def header_names(row: Provider) -> list[str]:
    """The names of the headers that are set; none when they do not decrypt, which the row's problems tell."""
    try:
        return list(row.headers())
    except encryption.EncryptionError:
        return []


def health_column() -> Callable[[Provider], SafeString]:
    """The column of the list that says how each fares. What was served is asked once for the whole list."""
    served = cache(traffic)

    @admin.display(description="Health")
    def fares(row: Provider) -> SafeString:
        return health.of_provider(row, served())

    return fares


@admin.register(Provider)
class ProviderAdmin(DraftingAdmin, TestedWhenSaved, TryingAdmin, FillingAdmin, VersionedAdmin, SwitchableAdmin):
    form = ProviderForm
    empty_icon = "dns"
    empty_text = "A provider is an upstream account: OpenAI, Azure, your own server. The type Dummy works without an account."
    list_display = ("name", "kind", "state", "key", "route_count")
    inlines = (ShareInline,)
    actions_detail = ("fill_models", "test_one", "test_credentials")
    ordering = ("name",)
    list_filter = ("enabled", "type")
    list_select_related = ("credential",)
    search_fields = ("name", "type", "api_base")
    search_help_text = "Name, type or address"
    readonly_fields = ("key", "headers_set", "fares")
    change_form_after_template = "models_catalog/provider_types.html"

    @method_decorator(sensitive_post_parameters("api_key", "extra_headers"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def may_paste(self, request: HttpRequest, obj: Provider | None) -> bool:
        return obj is None and request.user.has_perm("models_catalog.add_credential")

    def get_form(self, request: HttpRequest, obj: Provider | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if not self.may_paste(request, obj):
            del form.base_fields["api_key"]
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        after_credential = ("api_key",) if self.may_paste(request, obj) else ("key",) if obj else ()
        state = ("fares",) if obj else ()
        test = ("test_now",) if obj is None or self.has_change_permission(request, obj) else ()
        headers = "extra_headers" if obj is None or self.has_change_permission(request, obj) else "headers_set"
        return (
            (
                None,
                {"fields": (*OF_ACCOUNT, *after_credential, "credential_weight", *test, *state)},
            ),
            ("Added to every request", {"fields": (headers, "extra_body", "options")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        rows: QuerySet[Provider] = super().get_queryset(request)
        return rows.annotate(routes_served=Count("routes")).prefetch_related("routes__checks", "routes__model")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        *shown, problems = super().get_list_display(request)
        return [*shown, health_column(), problems]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        types = {known.name: {"api_base": known.api_base, "hint": hint(known)} for known in provider_types()}
        response: HttpResponse = super().render_change_form(request, {**context, "provider_types": types}, *args, **kwargs)
        return response

    def save_model(self, request: HttpRequest, obj: Provider, form: ProviderForm, change: bool) -> None:
        if form.new_credential is not None:
            form.new_credential.save()
            self.log_addition(request, form.new_credential, f"Pasted at the provider {obj.name}.")
            obj.credential = form.new_credential
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A key that is not there is told at once: the overview tells it until it is there."""
        super().save_related(request, form, formsets, change)
        obj = form.instance
        if form.cleaned_data.get("test_now") and self.has_test_permission(request):
            remember(request, obj, obj.credential)
        if not obj.enabled:
            return
        further = list(obj.more_credentials.filter(enabled=True).select_related("credential"))
        if obj.credential is not None or not further:
            self.tell_fault(request, f"{obj.name} has no key that can be used.", key_source.of_provider(obj).fault)
        for row in further:
            self.tell_fault(request, f"The further credential {row} has no key.", key_source.of_credential(row.credential).fault)

    def tell_fault(self, request: HttpRequest, what: str, fault: str) -> None:
        if fault:
            self.message_user(request, f"{what} {fault}", messages.WARNING)

    # Testing

    @ui.dialog(
        title="Test now",
        text="Makes the smallest real call for each capability of each of its routes, without images.",
        submit="Test now",
        icon="network_check",
        permission="test",
        form=ui.DialogForm,
    )
    def test_one(self, request: HttpRequest, form: ui.DialogForm, object_id: str) -> HttpResponse:
        row = get_object_or_404(Provider, pk=object_id)
        self.test(request, row)
        return ui.go_to(page_of(row))

    def test(self, request: HttpRequest, row: Provider) -> None:
        """Makes the calls of its routes, stores how they ended and tells it in a sentence."""
        models = ModelDefinition.objects.filter(routes__provider=row).distinct().prefetch_related("routes__provider")
        results = run_tests([one for one in plan(models) if one.route.provider_id == row.pk])
        bad = not results or any(result.outcome == FAILED for result in results)
        text = told(results) if results else f"{NOTHING} Only models that have a route to it can be called."
        self.message_user(request, text, messages.WARNING if bad else messages.SUCCESS)

    # Lists

    @admin.display(description="Type", ordering="type")
    def kind(self, row: Provider) -> str:
        return type_label(row.type)

    @admin.display(description="State", ordering="enabled")
    def state(self, row: Provider) -> SafeString:
        return html.switch(row.enabled)

    @admin.display(description="Key")
    def key(self, row: Provider) -> SafeString:
        return key_source.of_provider(row).html()

    @admin.display(description="In this worker")
    def fares(self, row: Provider) -> SafeString:
        return health.of_credential(row, "")

    @admin.display(description="Extra headers")
    def headers_set(self, row: Provider) -> SafeString:
        return html.tags(f"{name}: set" for name in header_names(row)) if row.extra_headers else html.muted("none")

    @admin.display(description="Routes", ordering="routes_served")
    def route_count(self, row: Provider) -> int:
        return int(getattr(row, "routes_served", 0))
