"""The page of limits, of whatever subject; those of a client key or a model stand on its own page, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.rule_forms import RuleAdmin, RuleForm
from models_catalog.admin.use import MOST, told
from models_catalog.models import Limit
from models_catalog.rule_use import Counted, Use, use_of

SUBJECTS = ("client_key", "person", "project", "tenant", "model")
SAID = ("counted", "amount", "per", "algorithm", "burst")


class LimitForm(RuleForm):
    class Meta:
        model = Limit
        fields = (*SUBJECTS, "each", *SAID, "enabled")


class InlineLimitForm(ui.ModelForm):
    class Meta:
        model = Limit
        fields = ("each", *SAID, "enabled")


class LimitInline(ui.TabularInline):
    """The limits of the row of a page, each with what is used of it."""

    model = Limit
    form = InlineLimitForm
    formset = ui.InlineFormSet
    verbose_name_plural = "Limits"
    readonly_fields = ("used",)
    known: Mapping[str, Use] | None = None
    """By the limits, once they were asked for; an inline is made for each request."""

    @admin.display(description="Used")
    def used(self, row: Limit) -> SafeString:
        """All limits of the page are asked for at once, with the first of them."""
        amount: Any = row.amount  # a new row has none yet
        if amount is None or not row.enabled or row.each:
            return html.muted("each apart" if row.each else "")
        if self.known is None:
            column, pk = row.scope
            rows = Limit.objects.filter(**{column: pk, "enabled": True, "each": ""})[:MOST]
            self.known = use_of([Counted(one, str(one.pk)) for one in rows])
        return told(self.known.get(str(row.pk)))


@admin.register(Limit)
class LimitAdmin(RuleAdmin):
    form = LimitForm
    empty_icon = "speed"
    empty_text = "A limit says how fast a key, person, project, tenant or model may ask: requests, tokens, or requests at once."
    list_display = ("subject", "what", "algorithm", "enabled")
    list_filter = ("counted", "per", "algorithm", "enabled")
    search_fields = ("client_key__name", "person__name", "project__name", "tenant__name", "model__name")
    search_help_text = "Name of the key, person, project, tenant or model"
    autocomplete_fields = SUBJECTS
    conditional_fields = {
        "per": "counted !== 'concurrent'",
        "algorithm": "counted !== 'concurrent'",
        "burst": "counted !== 'concurrent' && algorithm === 'token_bucket'",
    }
    fieldsets = (
        ("Of", {"fields": (*SUBJECTS, "each")}),
        (None, {"fields": (*SAID, "enabled")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Limit]:
        rows: QuerySet[Limit] = super().get_queryset(request)
        return rows.select_related(*SUBJECTS, "project__tenant")

    @admin.display(description="Of")
    def subject(self, row: Limit) -> SafeString:
        name, _ = row.scope
        each = html.muted(f" each {row.each}") if row.each else ""
        return format_html("{} {}{}", html.tag(name.replace("_", " ")), getattr(row, name), each)

    @admin.display(description="Limit", ordering="amount")
    def what(self, row: Limit) -> str:
        return str(row)
