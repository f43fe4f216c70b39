"""The history of a row: its versions by the audit log, each with its difference, and a way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from models_catalog.admin.pages.audit import table_of
from models_catalog.admin.problems import CatalogAdmin
from models_catalog.changes.undo import CannotUndo, entries_of, undo_since
from models_catalog.models import AuditEntry

SHOWN = 200
"""Entries of which versions are shown."""


@dataclass(slots=True)
class VersionOf:
    """What one save has changed. `number` is the last entry of it."""

    number: int
    entry: AuditEntry
    rows: list[tuple[AuditEntry, SafeString | str]] = field(default_factory=list)


def versions(entries: list[AuditEntry]) -> list[VersionOf]:
    """The latest first: entries of one version of the catalog, by one actor, are one."""
    found = []
    for _, group in groupby(entries, lambda entry: (entry.revision, entry.actor)):
        ones = list(group)
        rows = [(one, table_of(one.changed) if one.changed else "") for one in reversed(ones)]
        found.append(VersionOf(ones[0].number, ones[0], rows))
    return found


class VersionedAdmin(CatalogAdmin):
    """A page whose history shows versions, and goes back to one by a click."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        faults: list[str] = []
        if request.method == "POST":
            if not self._may_go_back(request, row):
                raise PermissionDenied
            try:
                kept = undo_since(row, _number(request))
            except CannotUndo as error:
                faults = [str(error)]
            else:
                self.log_change(request, row, "Reverted to an earlier version.")
                self.message_user(request, f"{row} is again what it was. {'; '.join(kept)}", messages.SUCCESS)
                return HttpResponseRedirect(request.path)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": row, "title": f"Versions of {row}"}
        shown = versions(list(entries_of(row)[:SHOWN]))
        context |= {"versions": shown, "faults": faults, "may_go_back": self._may_go_back(request, row), **(extra_context or {})}
        return TemplateResponse(request, "models_catalog/versions.html", context)

    def _may_go_back(self, request: HttpRequest, row: Any) -> bool:
        """What belongs to the row may come and go with it."""
        kinds = {tuple(kind.split(".")) for kind in entries_of(row).values_list("kind", flat=True).distinct().order_by()}
        own = tuple(self.opts.label_lower.split("."))
        others = [f"{app}.{verb}_{name}" for app, name in kinds - {own} for verb in ("add", "change", "delete")]
        return bool(self.has_change_permission(request, row)) and request.user.has_perms(others)


def _number(request: HttpRequest) -> int:
    text = request.POST.get("number", "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0
