"""What may a form of a limit or a budget say? Those of a model bound all tenants, so an account that a tenant names sets none."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest

from models_catalog.admin import ui
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.admin.tenancy import reach_of

SHARED = "Models belong to no tenant, so this would bound all tenants. Set it for a key, person, project or tenant of yours."
ON_MODELS = "Limits and budgets of a model bound all tenants. Only accounts that no tenant names among its operators set them."


class RuleForm(ui.ModelForm):
    """`is_bound_to_tenants`: it is filled in by an account that some tenants name among their operators."""

    is_bound_to_tenants: ClassVar[bool] = False

    def clean(self) -> dict[str, Any] | None:
        given: dict[str, Any] | None = super().clean()
        if self.is_bound_to_tenants and self.cleaned_data.get("model") is not None:
            self.add_error("model", SHARED)
        return given


class RuleAdmin(SwitchableAdmin):
    """The page of limits, or of budgets."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        made: Any = super().get_form(request, obj, change=change, **kwargs)
        made.is_bound_to_tenants = reach_of(request) is not None  # a class of its own for each request
        return made
