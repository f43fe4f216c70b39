"""How does an edit of a form become a draft? It is saved, what the catalog would be is looked at, and all of it is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from models_catalog.admin import ui
from models_catalog.admin.problems import CatalogAdmin, page_of
from models_catalog.admin.tenancy import reach_of
from models_catalog.admin.trying import SAVED
from models_catalog.change_sets import sets
from models_catalog.change_sets.objects import CannotChange, Edit, edits_between
from models_catalog.changes.state import load
from models_catalog.models import Budget, ChangeSet, Limit

BUTTON = "save_as_draft"
DRAFTING = "signalbox_drafting"
"""Where a request remembers that what it saves is a draft."""
RIGHT = "models_catalog.add_changeset"


class DraftingAdmin(CatalogAdmin):
    """A page of what change sets can change, with a button that drafts instead of saving. Whoever may change the catalog by
    drafts only has the form with that button alone."""

    actions_submit_line = (BUTTON,)

    @ui.action(description="Save as draft", permissions=["draft"])  # type: ignore[untyped-decorator]
    def save_as_draft(self, request: HttpRequest, obj: Model) -> None:
        """Done by `changeform_view`, which knows the form."""

    def has_draft_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return reach_of(request) is None and request.user.has_perm(RIGHT)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """What else can be done on the page is for those who may change the row itself."""
        return [] if vars(request).get(DRAFTING, False) else list(super().get_actions_detail(request, object_id))

    def _needs_draft(self, request: HttpRequest) -> bool:
        return super()._needs_draft(request) and not vars(request).get(DRAFTING, False)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        only_drafts = super()._needs_draft(request) and self.has_draft_permission(request)
        drafts = request.method == "POST" and self._button in request.POST and self.has_draft_permission(request)
        vars(request)[DRAFTING] = drafts or (only_drafts and request.method == "GET")
        if only_drafts:
            hidden = dict.fromkeys(("show_save", "show_save_and_continue", "show_save_and_add_another"), False)
            extra_context = {**(extra_context or {}), **hidden}
        extra_context = {**(extra_context or {}), "actions_submit_line": self.get_actions_submit_line(request, object_id)}
        if drafts:
            return self._drafted(request, object_id, form_url, extra_context)
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return response

    @property
    def _button(self) -> str:
        """What the button is called in the form."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{BUTTON}"

    def _drafted(
        self, request: HttpRequest, object_id: str | None, form_url: str, context: dict[str, Any] | None
    ) -> HttpResponse:
        with transaction.atomic():
            before, rules = load(), _rules()
            response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
            after, same = load(), rules == _rules()
            transaction.set_rollback(True)
        vars(request).pop(SAVED, None)
        vars(request)[DRAFTING] = False
        if response.status_code != 302:
            return response
        try:
            row = self._kept(edits_between(before, after), same=same, new=object_id is None)
        except CannotChange as error:
            for finding in error.findings:
                self.message_user(request, f"Not drafted. {finding}", messages.ERROR)
        except NotDrafted as error:
            self.message_user(request, f"Not drafted. {error}", messages.ERROR)
        else:
            self.message_user(request, "Drafted, and not applied: this is what it would change.", messages.SUCCESS)
            return HttpResponseRedirect(page_of(row))
        return HttpResponseRedirect(request.get_full_path())

    def _kept(self, edits: Sequence[Edit], *, same: bool, new: bool) -> ChangeSet:
        """The change set. Raises `NotDrafted`, `CannotChange`."""
        if not same:
            raise NotDrafted("Limits and budgets are no part of change sets: save them by themselves.")
        if any(not edit.after for edit in edits):
            raise NotDrafted("A draft cannot give another name: what refers to the old one would be lost.")
        if not edits:
            raise NotDrafted("Nothing would change, or only what is no part of change sets, like keys.")
        name = ", ".join(f"{edit.kind} {edit.name}" for edit in edits)
        return sets.draft(f"{'Add' if new else 'Change'} {name}"[:200], text="\n".join(edit.after for edit in edits))

    def message_user(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """What would be told of saving is not so."""
        if not vars(request).get(DRAFTING, False):
            super().message_user(request, *args, **kwargs)


class NotDrafted(Exception):
    """The edit cannot be a draft; the text says why."""


def _rules() -> list[Any]:
    """What stands on the page of a model and is not in change sets."""
    return [row for kind in (Limit, Budget) for row in kind._default_manager.filter(model__isnull=False).order_by("pk").values()]
