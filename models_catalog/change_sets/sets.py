"""What is done with change sets? Drafted, edited, approved, scheduled, applied, rolled back: each in one transaction.

Nothing here knows HTTP, and nobody's rights are checked: pages and API do that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from models_catalog.audit.actor import Actor, Source, acting, current_actor
from models_catalog.change_sets.objects import (
    CannotChange,
    Edit,
    Name,
    conflicts,
    edited,
    edits_between,
    planned,
    text_of,
)
from models_catalog.changes.apply import apply as write_state
from models_catalog.changes.diff import Change, changes
from models_catalog.changes.state import CatalogState, load
from models_catalog.models import CatalogVersion, ChangeItem, ChangeSet
from models_catalog.publish import current_version

State = ChangeSet.State
log = structlog.stdlib.get_logger("gateway.change_sets")


class Refused(Exception):
    """It cannot be done with the change set as it is; the text says why."""


class Conflict(Refused):
    """Objects have changed since the draft was made. `objects` are they."""

    def __init__(self, objects: Sequence[Name]) -> None:
        names = ", ".join(f"{kind} {name}" for kind, name in objects)
        super().__init__(f"Changed since the draft was made: {names}. Look at the difference, and rebase or discard it.")
        self.objects = objects


def draft(
    title: str, note: str = "", *, text: str = "", removed: Iterable[Name] = (), prune: bool = False, name: str = ""
) -> ChangeSet:
    """A new change set, with what a document would change, if one is given; `name` is that of its file, which may be another
    program's. Raises `CannotChange`."""
    with transaction.atomic():
        row = ChangeSet.objects.create(title=title, note=note, author=current_actor().name, edited_by=[current_actor().name])
        if text or removed:
            now = load()
            _store(row, edits_between(now, planned(now, text, removed, prune=prune, name=name)))
    return row


def edits_of(row: ChangeSet) -> list[Edit]:
    return [Edit(item.kind, item.name, item.before, item.after) for item in row.items.all()]


def edit(change_set: Any, text: str = "", *, removed: Iterable[Name] = (), left_out: Iterable[Name] = ()) -> ChangeSet:
    """Changes an open draft: objects of the document become as it says, others are removed, and edits of others left out again.
    An approval is lost with that. Raises `CannotChange`, `Refused`."""
    with transaction.atomic():
        row = _locked(change_set, State.DRAFT, State.APPROVED)
        now, out = load(), set(left_out)
        known = [one for one in edits_of(row) if one.key not in out]
        new = edits_between(now, planned(edited(now, known), text, removed))
        bases = {one.key: one.before for one in known}
        _store(row, [Edit(one.kind, one.name, bases.get(one.key, one.before), one.after) for one in new])
        row.state, row.approved_by = State.DRAFT, ""
        row.edited_by = sorted({*row.edited_by, current_actor().name})
        row.save()
    return row


def rebase(change_set: Any) -> ChangeSet:
    """Takes what the catalog has now as the base of the draft, which stays as it is. Raises `CannotChange`, `Refused`."""
    with transaction.atomic():
        row = _locked(change_set, State.DRAFT, State.APPROVED, State.SCHEDULED)
        now = load()
        _store(row, edits_between(now, edited(now, edits_of(row))))
        row.state, row.approved_by, row.apply_at, row.fault = State.DRAFT, "", None, ""
        row.save()
    return row


def difference(row: ChangeSet) -> list[Change]:
    """What applying it now would change, row by row. Raises `CannotChange`."""
    now = load()
    return changes(now, edited(now, edits_of(row)))


def conflicts_of(row: ChangeSet) -> list[Edit]:
    """The edits whose objects have changed meanwhile, with what they are now."""
    return conflicts(load(), edits_of(row)) if row.is_open else []


def needs_approval() -> bool:
    return bool(settings.GATEWAY_CHANGES_NEED_APPROVAL)


def approve(change_set: Any) -> ChangeSet:
    """Says that it may be applied; by somebody who has not edited it. Raises `Refused`."""
    with transaction.atomic():
        row, who = _locked(change_set, State.DRAFT), current_actor().name
        if who in row.edited_by:
            raise Refused("Whoever has edited a change set cannot approve it: ask a second person.")
        if not row.items.exists():
            raise Refused("There is nothing in it to approve.")
        row.state, row.approved_by = State.APPROVED, who
        row.save()
    return row


def discard(change_set: Any) -> ChangeSet:
    """Closes an open change set. Raises `Refused`."""
    with transaction.atomic():
        row = _locked(change_set, State.DRAFT, State.APPROVED, State.SCHEDULED)
        row.state, row.apply_at = State.DISCARDED, None
        row.save()
    return row


def schedule(change_set: Any, at: datetime) -> ChangeSet:
    """Applies it at a time, up to two minutes later. Raises `Refused`, `CannotChange`, `Conflict`."""
    with transaction.atomic():
        row = _locked(change_set, State.DRAFT, State.APPROVED)
        if at <= timezone.now():
            raise Refused("The time is over already.")
        _planned(row)
        row.state, row.apply_at, row.applied_by, row.fault = State.SCHEDULED, at, current_actor().name, ""
        row.save()
    return row


def apply(change_set: Any) -> ChangeSet:
    """Makes the catalog what it says, in one transaction. Raises `Refused`, `CannotChange`, `Conflict`."""
    with transaction.atomic():
        row = _locked(change_set, State.DRAFT, State.APPROVED, State.SCHEDULED)
        before, after = _planned(row)
        write_state(before, after)
        _close(row, State.APPLIED)
    return row


def roll_back(change_set: Any) -> ChangeSet:
    """Makes its objects again what they were. Raises `Refused`, `CannotChange`, `Conflict`."""
    with transaction.atomic():
        row = _locked(change_set, State.APPLIED)
        before = load()
        back = [Edit(item.kind, item.name, item.applied, item.before) for item in row.items.all()]
        if changed := conflicts(before, back):
            raise Conflict([one.key for one in changed])
        write_state(before, edited(before, back))
        row.state = State.ROLLED_BACK
        row.save()
    return row


def apply_due() -> int:
    """Applies what is due; the number of change sets. One that cannot be applied is a draft again, and says why."""
    due = list(ChangeSet.objects.filter(state=State.SCHEDULED, apply_at__lte=timezone.now()).values_list("pk", "applied_by"))
    for pk, who in due:
        with acting(Actor(who, Source.SYSTEM)):
            try:
                apply(pk)
            except (Refused, CannotChange) as error:
                log.warning("change set not applied", change_set=str(pk), error=str(error))
                waiting = ChangeSet.objects.filter(pk=pk, state=State.SCHEDULED)
                waiting.update(state=State.DRAFT, approved_by="", apply_at=None, fault=str(error))
    return len(due)


def _locked(change_set: Any, *states: str) -> ChangeSet:
    """The row, held against others, with the version of the catalog: both stand still. Raises `Refused`."""
    CatalogVersion.objects.select_for_update().first()
    row = ChangeSet.objects.select_for_update().filter(pk=getattr(change_set, "pk", change_set)).first()
    if row is None:
        raise Refused("There is no such change set any more.")
    if row.state not in states:
        raise Refused(f"The change set is {row.get_state_display().lower()}.")
    return row


def _planned(row: ChangeSet) -> tuple[CatalogState, CatalogState]:
    """The catalog as it is and as it will be. Raises `Refused`, `CannotChange`, `Conflict`."""
    edits = edits_of(row)
    if not edits:
        raise Refused("There is nothing in it to apply.")
    if needs_approval() and not row.approved_by:
        raise Refused("It needs to be approved by a second person first.")
    before = load()
    if changed := conflicts(before, edits):
        raise Conflict([one.key for one in changed])
    return before, edited(before, edits)


def _store(row: ChangeSet, edits: Iterable[Edit]) -> None:
    row.items.all().delete()
    ChangeItem.objects.bulk_create(
        ChangeItem(change_set=row, kind=one.kind, name=one.name, before=one.before, after=one.after) for one in edits
    )


def _close(row: ChangeSet, state: str) -> None:
    now = load()
    items = list(row.items.all())
    for item in items:
        item.applied = text_of(now, item.kind, item.name)
    ChangeItem.objects.bulk_update(items, ["applied"])
    row.state, row.applied_at, row.revision, row.apply_at, row.fault = state, timezone.now(), current_version(), None, ""
    row.applied_by = row.applied_by or current_actor().name
    row.save()
