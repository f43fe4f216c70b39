"""How is a model tested from the admin? By an action on chosen models, or by a button that asks whether images may be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from models_catalog.admin import ui
from models_catalog.admin.problems import page_of
from models_catalog.admin.switching import SwitchableAdmin
from models_catalog.models import ModelDefinition
from models_catalog.route_checks.plan import Planned, plan
from models_catalog.route_checks.run import FAILED, OK, Result, run_in_thread
from models_catalog.route_checks.store import store

NOTHING = "Nothing was called: disabled routes and wildcards are not tested, and images are generated only on request."


class ImagesForm(ui.DialogForm):
    images = forms.BooleanField(label="Also generate images, which costs money.", required=False, widget=ui.Checkbox())


class TestableAdmin(SwitchableAdmin):
    """Tests need the right to change models: they spend the operator's money. They leave no line in the history."""

    @admin.action(description="Test now, without images", permissions=["change"])
    def test_selected(self, request: HttpRequest, rows: QuerySet[ModelDefinition]) -> None:
        self.test(request, plan(rows.prefetch_related("routes__provider")))

    @ui.dialog(
        title="Test now",
        text="Makes the smallest real call for each capability of each enabled route. This may take two minutes.",
        submit="Test now",
        icon="network_check",
        permission="test",
        form=ImagesForm,
    )
    def test_one(self, request: HttpRequest, form: ImagesForm, object_id: str) -> HttpResponse:
        row = get_object_or_404(ModelDefinition.objects.prefetch_related("routes__provider"), pk=object_id)
        self.test(request, plan([row], images=form.cleaned_data["images"]))
        return ui.go_to(page_of(row))

    def has_test_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_change_permission(request))

    def test(self, request: HttpRequest, planned: Sequence[Planned]) -> None:
        """Makes the calls, stores how they ended and tells it in a sentence."""
        results = run_tests(planned)
        failed = any(result.outcome == FAILED for result in results)
        self.message_user(request, told(results), messages.WARNING if failed or not results else messages.SUCCESS)


def run_tests(planned: Sequence[Planned]) -> list[Result]:
    """Makes the calls, and stores how they ended."""
    tested_at = timezone.now()
    results = run_in_thread(planned)
    store(results, tested_at)
    return results


def told(results: Sequence[Result]) -> str:
    """What came of all calls; what went wrong stands beside the routes."""
    if not results:
        return NOTHING
    good, bad = ([result for result in results if result.outcome == outcome] for outcome in (OK, FAILED))
    skipped = len(results) - len(good) - len(bad)
    parts = [f"{len(good)} of {len(results)} calls succeeded"]
    parts += [f"{len(bad)} failed"] if bad else []
    parts += [f"{skipped} were skipped"] if skipped else []
    return f"{', '.join(parts)}."
