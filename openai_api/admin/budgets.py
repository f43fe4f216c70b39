"""How does an operator see budgets? With what is spent and held of them, and the ledger, to which an adjustment can be added."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from models_catalog.admin import html, ui
from models_catalog.admin.problems import page_of, rows_shown
from models_catalog.admin.rule_forms import RuleAdmin, RuleForm
from models_catalog.admin.rule_inlines import show_used_with
from models_catalog.models import Budget
from openai_api.admin.lists import EstimatingPaginator, ExactSearch
from openai_api.database.budget_figures import Figure, figures_of, largest_of, money
from openai_api.database.ledger_adjustments import CannotAdjust, adjust
from openai_api.models import LedgerEntry

SHOWN = 50
"""Counters of one budget that its page shows: those of the latest periods."""


class BudgetForm(RuleForm):
    alert_url = forms.URLField(
        label="Webhook",
        max_length=500,
        required=False,
        assume_scheme="https",
        widget=ui.TextInput(),
        help_text="Alerts are posted there, as JSON.",
    )

    class Meta:
        model = Budget
        fields = (
            "client_key",
            "person",
            "project",
            "tenant",
            "model",
            "each",
            "unit",
            "amount",
            "period",
            "hard",
            "unknown_price",
            "enabled",
            "alerts",
            "alert_url",
            "alert_email",
        )


class AdjustForm(ui.DialogForm):
    """By how much what is spent rises, or falls where the number is negative."""

    amount = forms.DecimalField(
        max_digits=18, decimal_places=9, widget=ui.TextInput(), help_text="US dollars or tokens; negative: less is spent."
    )
    reason = forms.CharField(max_length=150, widget=ui.TextInput())
    counter = forms.CharField(
        max_length=80,
        required=False,
        widget=ui.TextInput(),
        help_text="Of a budget that counts each key or person: the counter, as the page shows it.",
    )


@admin.register(Budget)
class BudgetAdmin(RuleAdmin):
    form = BudgetForm
    empty_icon = "savings"
    empty_text = "A budget bounds what a key, person, project, tenant or model may spend in a day, a week, a month or for good."
    list_display = ("subject", "amount_", "used", "hard", "enabled")
    list_filter = ("unit", "period", "hard", "enabled")
    search_fields = ("client_key__name", "person__name", "project__name", "tenant__name", "model__name")
    search_help_text = "Name of the key, person, project, tenant or model"
    autocomplete_fields = ("client_key", "person", "project", "tenant", "model")
    readonly_fields = ("used", "counters", "ledger")
    actions_detail = ("adjust_one",)
    fieldsets = (
        ("Of", {"fields": ("client_key", "person", "project", "tenant", "model", "each")}),
        (None, {"fields": ("amount", "unit", "period", "hard", "unknown_price", "enabled")}),
        ("Alerts", {"fields": ("alerts", "alert_url", "alert_email")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Budget | None = None) -> Any:
        return self.fieldsets if obj is None else (*self.fieldsets, ("State", {"fields": self.readonly_fields}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        rows: QuerySet[Budget] = super().get_queryset(request)
        return rows.select_related("client_key", "person", "project__tenant", "tenant", "model")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """What is used is asked for once for the whole list."""
        known = cache(lambda: largest_of(rows_shown(request)))

        @admin.display(description="Used")
        def used(row: Budget) -> SafeString:
            figure = known().get(str(row.pk))
            return bar(figure) if figure else html.muted("nothing yet")

        return [used if name == "used" else name for name in super().get_list_display(request)]

    @admin.display(description="Of")
    def subject(self, row: Budget) -> SafeString:
        name, _ = row.scope
        each = html.muted(f" each {row.each}") if row.each else ""
        return format_html("{} {}{}", html.tag(name.replace("_", " ")), getattr(row, name), each)

    @admin.display(description="Amount", ordering="amount")
    def amount_(self, row: Budget) -> str:
        return str(row)

    @admin.display(description="Used")
    def used(self, row: Budget) -> SafeString:
        return used_of(row)

    @admin.display(description="Counters")
    def counters(self, row: Budget) -> SafeString:
        rows = ((figure.period, figure.counter, bar(figure)) for figure in figures_of(row)[:SHOWN])
        cells = format_html_join("", "<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>", rows)
        head = mark_safe("<tr><th>Period</th><th>Counter</th><th>Used</th></tr>")
        return format_html("<table>{}{}</table>", head, cells) if cells else html.muted("nothing yet")

    @admin.display(description="Ledger")
    def ledger(self, row: Budget) -> SafeString:
        url = reverse("admin:openai_api_ledgerentry_changelist")
        return format_html('<a href="{}?budget={}">All entries</a>', url, row.pk)

    @ui.dialog(
        title="Adjust",
        text="Adds an entry to the ledger. What was written before stays as it is.",
        submit="Adjust",
        icon="edit_note",
        permission="adjust",
        form=AdjustForm,
    )
    def adjust_one(self, request: HttpRequest, form: AdjustForm, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        given = form.cleaned_data
        try:
            entry = adjust(row, given["amount"], f"{given['reason']} ({request.user})", given["counter"])
        except CannotAdjust as error:
            self.message_user(request, str(error), "error")
        else:
            self.log_change(request, row, f"Adjusted by {given['amount']}: {given['reason']}")
            self.message_user(request, f"Adjusted by {money(entry.amount, entry.unit)}.")
        return ui.go_to(page_of(row))

    def has_adjust_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_change_permission(request, self.get_object(request, object_id) if object_id else None))


def used_of(row: Budget) -> SafeString:
    """The counter that has used most in the present period."""
    figures = figures_of(row, now_only=True)
    return bar(max(figures, key=lambda figure: figure.spent + figure.held)) if figures else html.muted("nothing yet")


show_used_with("ledger", used_of)


def bar(figure: Figure) -> SafeString:
    """How much is used, in words and as a bar."""
    percent = min(100, round(100 * (figure.spent + figure.held) / figure.amount)) if figure.amount else 100
    held = f", {money(figure.held, figure.unit)} held" if figure.held else ""
    until = f", until {figure.end:%Y-%m-%d %H:%M} UTC" if figure.end else ""
    words = f"{money(figure.spent, figure.unit)} of {money(figure.amount, figure.unit)}{held}{until}"
    text = '<span class="sb-use"><progress max="100" value="{}" aria-label="{}"></progress> {} %</span><span>{}</span>'
    return format_html(text, percent, words, percent, words)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ExactSearch):
    """The ledger, newest first. Nobody changes it here: adjustments are made on the page of a budget."""

    list_display = ("at", "kind", "amount_", "counter", "period", "request_id", "reason")
    list_filter = ("kind", ("at", admin.DateFieldListFilter))
    search_fields = ("id", "request_id", "budget", "counter")
    search_help_text = "Id of the entry, the request, the budget or the counter, exactly as written."
    ordering = ("-at", "-id")
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_max_show_all = 0

    @admin.display(description="amount", ordering="amount")
    def amount_(self, row: LedgerEntry) -> str:
        return money(row.amount, row.unit)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "budget" or super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
