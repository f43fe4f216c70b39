"""The pages of change sets: drafted object by object or from a file, looked at as a difference, checked, approved, applied."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from models_catalog.admin import html, ui
from models_catalog.admin.tenancy import reach_of
from models_catalog.change_sets import sets
from models_catalog.change_sets.objects import KINDS, CannotChange, Edit, Name, names_of, text_of
from models_catalog.changes.state import load
from models_catalog.config.gateway.write import write_gateway
from models_catalog.consistent_read import consistent_read
from models_catalog.models import ChangeSet
from openai_api.database.change_check import LATEST, Report, check

State = ChangeSet.State
COLOURS = {State.APPROVED: "good", State.APPLIED: "good", State.SCHEDULED: "warn", State.ROLLED_BACK: "warn"}
MOST_BYTES = 4 * 1024 * 1024
VERBS = ("add", "change", "delete")
ROWS = {"model": "modeldefinition", "provider": "provider", "hook": "hook"}
NEW_MODEL = """\
[models.NAME]
routing = ["PROVIDER"]
endpoints = ["chat"]

[models.NAME.providers.PROVIDER]
provider = "PROVIDER"
model_name = "UPSTREAM MODEL"
"""


class DraftForm(forms.Form):
    title = forms.CharField(max_length=200, widget=ui.TextInput())
    note = forms.CharField(max_length=4000, required=False, widget=ui.Lines(), help_text="Why; for whoever approves it.")
    file = forms.FileField(required=False, help_text="Signalbox's or TensorZero's TOML, or LiteLLM's YAML, at most 4 MiB.")
    prune = forms.BooleanField(
        required=False, widget=ui.Checkbox(), label="Remove the rest", help_text="Also what the file does not have."
    )

    def clean_file(self) -> tuple[str, str]:
        """The name and the text of the file."""
        file = self.cleaned_data.get("file")
        if file is None:
            return "", ""
        if file.size > MOST_BYTES:
            raise forms.ValidationError("The file is too large: at most 4 MiB.", code="size")
        try:
            return str(file.name), str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not UTF-8 text.", code="text") from None


@admin.register(ChangeSet)
class ChangeSetAdmin(ui.ModelAdmin):
    empty_icon = "difference"
    empty_text = "A change set is a draft of changes to models, providers and hooks: look at it, check it, apply it at once."
    list_display = ("title", "status", "author", "objects_in_it", "created_at", "applied_at")
    list_filter = ("state",)
    search_fields = ("title", "author")
    search_help_text = "Title or author"
    actions = ()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The catalog is everybody's, so whoever sees some tenants only sees no drafts of it."""
        return reach_of(request) is None and bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return reach_of(request) is None and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return reach_of(request) is None and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeSet]:
        rows: QuerySet[ChangeSet] = super().get_queryset(request)
        return rows.annotate(counted=Count("items"))

    @admin.display(description="State", ordering="state")
    def status(self, row: ChangeSet) -> SafeString:
        return html.tag(row.get_state_display(), COLOURS.get(State(row.state), ""))

    @admin.display(description="Objects", ordering="counted")
    def objects_in_it(self, row: ChangeSet) -> int:
        return int(getattr(row, "counted", 0))

    # Pages

    def get_urls(self) -> list[URLPattern]:
        own = path("export/", self.admin_site.admin_view(self.export_view), name="models_catalog_changeset_export")
        return [own, *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The catalog as a file, as `export_config` writes it."""
        rights = [f"models_catalog.view_{row}" for row in ROWS.values()]
        if reach_of(request) is not None or not request.user.has_perms(rights):
            raise PermissionDenied
        with consistent_read():
            text = write_gateway(load(published=False))
        named = f'attachment; filename="signalbox-{timezone.now():%Y-%m-%d}.toml"'
        headers = {"Content-Disposition": named, "Cache-Control": "no-store"}
        return HttpResponse(text, content_type="application/toml; charset=utf-8", headers=headers)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = DraftForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            name, text = data["file"]
            try:
                row = sets.draft(data["title"], data["note"], text=text, prune=data["prune"] and bool(text), name=name)
            except CannotChange as error:
                for finding in error.findings:
                    form.add_error("file", str(finding))
            else:
                return HttpResponseRedirect(_page(row))
        return self._answer(request, "openai_api/change_set_new.html", {"form": form, "title": "New change set"})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context: dict[str, Any] = {}
        if request.method == "POST":
            done = self._do(request, row, context)
            if done is not None:
                return done
        context = {**self._context(request, row), **context}
        return self._answer(request, "openai_api/change_set.html", context)

    def _answer(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, {**shared, **context})

    def _do(self, request: HttpRequest, row: ChangeSet, context: dict[str, Any]) -> HttpResponse | None:
        """What a button asks for; None shows the page again, with the faults."""
        name = request.POST.get("do", "")
        if name not in DONE or not self.may(request, row, name):
            raise PermissionDenied
        done, message = DONE[name]
        try:
            told = done(row, request)
        except CannotChange as error:
            context["faults"] = [str(finding) for finding in error.findings]
        except (sets.Refused, BadTime) as error:
            context["faults"] = [str(error)]
        else:
            if isinstance(told, Report):
                context["report"] = told
                return None
            self.message_user(request, message, messages.SUCCESS)
            return HttpResponseRedirect(_page(row))
        context["text"] = request.POST.get("text", "")[:MOST_BYTES]
        return None

    def may(self, request: HttpRequest, row: ChangeSet, name: str) -> bool:
        """Whether the account may do it: apply only what it might change on the pages of its objects."""
        user = request.user
        if name == "check":
            return True
        if name == "approve":
            return user.has_perm("models_catalog.approve_changeset")
        if name in ("apply", "schedule", "roll_back"):
            kinds = {item.kind for item in row.items.all()}
            return user.has_perms(
                [f"models_catalog.{verb}_{ROWS[kind]}" for kind in kinds for verb in ("add", "change", "delete")]
            )
        return self.has_change_permission(request, row)

    def _context(self, request: HttpRequest, row: ChangeSet) -> dict[str, Any]:
        now = load()
        try:
            faults, lines = [], sets.difference(row) if row.is_open else []
        except CannotChange as error:
            faults, lines = [str(finding) for finding in error.findings], []
        chosen = _name_of(request.GET.get("object", ""))
        edits = sets.edits_of(row)
        known = {edit.key: edit.after for edit in edits}
        names = sorted(names_of(now) | known.keys(), key=lambda key: (KINDS.index(key[0]), key[1]))
        text = known.get(chosen, text_of(now, *chosen)) if chosen in names and chosen else NEW_MODEL if chosen else ""
        return {
            "title": row.title,
            "row": row,
            "state": self.status(row),
            "changes": lines,
            "faults": faults,
            "edits": [(edit, _lines(edit)) for edit in edits],
            "conflicts": [(edit, _lines(edit)) for edit in sets.conflicts_of(row)],
            "names": [(f"{kind}/{name}", f"{kind} {name}", (kind, name) == chosen) for kind, name in names],
            "chosen": chosen,
            "is_new": bool(chosen) and chosen not in names,
            "text": text,
            "latest": LATEST,
            "needs_approval": sets.needs_approval(),
            "can": {name: self.may(request, row, name) and _fits(row, name) for name in DONE},
        }


def _fits(row: ChangeSet, name: str) -> bool:
    """Whether the button makes sense in the state that the change set is in."""
    if name == "roll_back":
        return row.state == State.APPLIED
    if name == "approve":
        return row.state == State.DRAFT and sets.needs_approval()
    if name in ("apply", "schedule") and sets.needs_approval() and not row.approved_by:
        return False
    if name in ("edit", "remove", "leave_out", "schedule"):
        return row.state in (State.DRAFT, State.APPROVED)
    return row.is_open


def _name_of(text: str) -> Name | None:
    kind, _, name = text.partition("/")
    return (kind, name) if kind in KINDS and name else None


def _chosen(request: HttpRequest) -> list[Name]:
    found = [_name_of(text) for text in request.POST.getlist("object")]
    return [name for name in found if name is not None]


class BadTime(ValueError):
    """That is no time."""


def _time(request: HttpRequest) -> datetime:
    try:
        found = datetime.fromisoformat(request.POST.get("at", ""))
    except ValueError:
        raise BadTime("Enter when it shall be applied, in UTC.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


DONE: Mapping[str, tuple[Callable[[ChangeSet, HttpRequest], Any], str]] = {
    "edit": (lambda row, request: sets.edit(row, request.POST.get("text", "")[:MOST_BYTES]), "Added to the draft."),
    "remove": (lambda row, request: sets.edit(row, removed=_chosen(request)), "The draft removes it."),
    "leave_out": (lambda row, request: sets.edit(row, left_out=_chosen(request)), "Left out of the draft."),
    "check": (lambda row, request: check(row), ""),
    "approve": (lambda row, request: sets.approve(row), "Approved."),
    "apply": (lambda row, request: sets.apply(row), "Applied."),
    "schedule": (lambda row, request: sets.schedule(row, _time(request)), "Scheduled."),
    "rebase": (lambda row, request: sets.rebase(row), "Rebased on the catalog as it is now."),
    "discard": (lambda row, request: sets.discard(row), "Discarded."),
    "roll_back": (lambda row, request: sets.roll_back(row), "Rolled back."),
}


def _page(row: ChangeSet) -> str:
    return reverse("admin:models_catalog_changeset_change", args=[row.pk])


def _lines(edit: Edit) -> list[tuple[str, str]]:
    """The lines of an object's text that change, each with its class, and some around them."""
    found = difflib.unified_diff(edit.before.splitlines(), edit.after.splitlines(), lineterm="", n=2)
    classes = {"+": "sb-added", "-": "sb-removed", "@": "sb-muted"}
    return [(classes.get(line[:1], ""), line) for line in list(found)[2:]]
