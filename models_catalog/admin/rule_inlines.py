"""Which limits and budgets stand on the page of a key, person, project, tenant or model? Its own, with what is used.

What is used is counted elsewhere: whoever counts it tells here how to show it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.pages.limits import SAID, LimitInline
from models_catalog.models import Budget
from models_catalog.models.rules import SCOPES

Bar = Callable[[Budget], SafeString]
_bars: dict[str, Bar] = {}
BUDGET = ("amount", "unit", "period", "hard", "enabled")


def show_used_with(source: str, bar: Bar) -> None:
    """From now on this shows what is used of a budget; of several the one that told last."""
    _bars[source] = bar


class InlineBudgetForm(ui.ModelForm):
    class Meta:
        model = Budget
        fields = ("each", *BUDGET)
        widgets = {"amount": ui.Number(attrs={"class": "sb-narrow", "step": "any"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.initial.get("amount")
        if amount is not None:  # 10, not 10.000000
            self.initial["amount"] = f"{amount.normalize():f}"


class BudgetInline(ui.TabularInline):
    """The budgets of the row of a page; alerts are set on the budget's own page."""

    model = Budget
    form = InlineBudgetForm
    formset = ui.InlineFormSet
    verbose_name_plural = "Budgets"
    readonly_fields = ("used",)
    show_change_link = True

    @admin.display(description="Used")
    def used(self, row: Budget) -> SafeString:
        amount: Any = row.amount  # a new row has none yet
        shown = [] if amount is None else [bar(row) for bar in _bars.values()]
        return shown[-1] if shown else html.muted("nothing yet")


def _inlines(subject: str) -> tuple[type[ui.TabularInline], ...]:
    """Of a key all is its own; of the others a rule may count each key or person apart."""
    each = () if subject == "client_key" else ("each",)
    name = subject.title().replace("_", "")
    limits: dict[str, Any] = {"fk_name": subject, "fields": (*each, *SAID, "enabled", "used")}
    budgets: dict[str, Any] = {"fk_name": subject, "fields": (*each, *BUDGET, "used")}
    return type(f"{name}Limits", (LimitInline,), limits), type(f"{name}Budgets", (BudgetInline,), budgets)


INLINES: Mapping[str, tuple[type[ui.TabularInline], ...]] = MappingProxyType({subject: _inlines(subject) for subject in SCOPES})
"""By the subject that a page is of."""
