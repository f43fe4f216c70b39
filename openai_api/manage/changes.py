"""How do programs draft changes of the catalog, and apply them together or not at all? As the admin's pages do it.

Approving is for people: a program that could make a second token would approve what it has drafted itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from rest_framework.response import Response

from models_catalog.change_sets import sets
from models_catalog.change_sets.objects import KINDS, CannotChange
from models_catalog.models import ChangeSet
from openai_api.manage.fields import Flag, Moment, Text, body, field_of, moment, several
from openai_api.manage.lists import decoded, encoded, limit_of, parameters_of
from openai_api.manage.problems import Problem, invalid, not_found, of_validation
from openai_api.manage.resources.base import lock
from openai_api.manage.views import View

CHANGES = MappingProxyType(
    {
        "state": ", ".join(ChangeSet.State.values),
        "limit": "how many at most",
        "cursor": "`next` of the page before",
    }
)
TEXT = "TOML in the gateway's own format: what shall be. Objects that it does not name stay."
NAME = body("ObjectName", {"kind": Text(help_text=f"One of {', '.join(KINDS)}."), "name": Text()})
EDIT = body(
    "ChangeSetEdit",
    {
        "text": Text(required=False, default="", help_text=TEXT),
        "removed": several(NAME, help_text="Objects that shall not be any more."),
        "left_out": several(NAME, help_text="Objects that the draft says nothing of any more."),
    },
)
DRAFT = body(
    "ChangeSetDraft",
    {
        "title": field_of(ChangeSet, "title"),
        "note": field_of(ChangeSet, "note"),
        "text": Text(required=False, default="", help_text=TEXT),
        "removed": several(NAME, help_text="Objects that shall not be any more."),
        "prune": Flag(required=False, default=False, help_text="Whether what the text does not name is removed, too."),
    },
)
SCHEDULE = body("ChangeSetSchedule", {"at": Moment(help_text="When it is applied, up to two minutes later.")})
PLAIN = ("title", "note", "state", "author", "approved_by", "applied_by", "revision", "fault")


def _schedule(row: ChangeSet, data: dict[str, Any]) -> ChangeSet:
    at: datetime = data["at"]
    return sets.schedule(row, at)


def _edit(row: ChangeSet, data: dict[str, Any]) -> ChangeSet:
    return sets.edit(row, data["text"], removed=_names(data["removed"]), left_out=_names(data["left_out"]))


Doing = Callable[[ChangeSet, dict[str, Any]], ChangeSet]
ACTIONS: dict[str, tuple[Any, Doing]] = {
    "edit": (EDIT, _edit),
    "rebase": (None, lambda row, data: sets.rebase(row)),
    "schedule": (SCHEDULE, _schedule),
    "apply": (None, lambda row, data: sets.apply(row)),
    "roll-back": (None, lambda row, data: sets.roll_back(row)),
    "discard": (None, lambda row, data: sets.discard(row)),
}
"""What is done to a change set: the body that it takes, None for none, and how."""


def _names(objects: list[dict[str, str]]) -> list[tuple[str, str]]:
    if odd := [one["kind"] for one in objects if one["kind"] not in KINDS]:
        raise invalid({"removed": [f"Unknown kind {odd[0][:60]!r}; known are {', '.join(KINDS)}."]})
    return [(one["kind"], one["name"]) for one in objects]


class OfChanges(View):
    """A view of change sets."""

    scope = "changes"

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(_problem(exc))

    def found(self, address: str) -> ChangeSet:
        try:
            row = ChangeSet.objects.filter(pk=uuid.UUID(address)).first()
        except ValueError:
            row = None
        if row is None:
            raise not_found("change set", address)
        return row


def _problem(error: Exception) -> Exception:
    if isinstance(error, sets.Conflict):
        objects = [{"kind": kind, "name": name} for kind, name in error.objects]
        return Problem(409, "conflict", str(error), objects=objects)
    if isinstance(error, sets.Refused):
        return Problem(409, "refused", str(error))
    if isinstance(error, CannotChange):
        fields: dict[str, list[str]] = {}
        for finding in error.findings:
            fields.setdefault(finding.place or "text", []).append(finding.message)
        return invalid(fields)
    return error


class Changes(OfChanges):
    """Change sets, newest first."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: Any) -> Response:
        told = parameters_of(request.query_params, CHANGES)
        rows, limit = ChangeSet.objects.order_by("-created_at", "-pk"), limit_of(told)
        if "state" in told:
            if told["state"] not in ChangeSet.State.values:
                raise invalid({"state": [f"Enter one of {CHANGES['state']}."]})
            rows = rows.filter(state=told["state"])
        if "cursor" in told:
            rows = rows.filter(_after(told["cursor"]))
        found = list(rows[: limit + 1])
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else encoded([last.created_at.isoformat(), str(last.pk)])
        return Response({"data": [_head(row) for row in found[:limit]], "next": following})

    def post(self, request: Any) -> Response:
        parameters_of(request.query_params, ())
        told = DRAFT(data=request.data)
        told.is_valid(raise_exception=True)
        data = told.validated_data
        try:
            ChangeSet(title=data["title"], note=data["note"]).clean_fields(exclude=["author"])
        except ValidationError as error:
            raise of_validation(error) from None
        row = sets.draft(data["title"], data["note"], text=data["text"], removed=_names(data["removed"]), prune=data["prune"])
        return Response(shown(row), status=201, headers={"Location": f"/manage/v1/changes/{row.pk}"})


def _after(text: str) -> Q:
    try:
        moment_, pk = decoded(text)
        at = datetime.fromisoformat(moment_)
        return Q(created_at__lt=at) | Q(created_at=at, pk__lt=uuid.UUID(pk))
    except (ValueError, TypeError, AttributeError):
        raise invalid({"cursor": ["This is not the `next` of a page."]}) from None


class Change(OfChanges):
    """One change set, with what it says of each object, and what applying it now would change."""

    http_method_names = ["get", "head"]

    def get(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        return Response(shown(self.found(address)))


class ChangeAction(OfChanges):
    """Something that is done to a change set."""

    http_method_names = ["post"]
    taken: ClassVar[Any] = None
    does: ClassVar[Doing]

    def post(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        told = (self.taken or body("Nothing", {}))(data=request.data or {})
        told.is_valid(raise_exception=True)
        with transaction.atomic():
            lock()
            row = type(self).does(self.found(address), told.validated_data)
        return Response(shown(row))


def _head(row: ChangeSet) -> dict[str, Any]:
    times = {name: moment(getattr(row, name)) for name in ("created_at", "apply_at", "applied_at")}
    return {"id": str(row.pk), **{name: getattr(row, name) for name in PLAIN}, **times}


def shown(row: ChangeSet) -> dict[str, Any]:
    """A change set with its objects, as texts of the file format, which hold no secrets."""
    items = [{"kind": one.kind, "name": one.name, "before": one.before, "after": one.after} for one in row.items.all()]
    found = {**_head(row), "objects": items, "difference": [], "problems": []}
    if row.is_open and items:
        try:
            found["difference"] = [str(change) for change in sets.difference(row)]
            found["problems"] = [
                f"{edit.kind} {edit.name} has changed since the draft was made" for edit in sets.conflicts_of(row)
            ]
        except CannotChange as error:
            found["problems"] = [str(finding) for finding in error.findings]
    return found
