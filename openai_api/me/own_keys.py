"""Which keys has a person, and what may be done with them? Made within what the operator allows, and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from models_catalog import keys
from models_catalog.models import Budget, ClientKey, Limit, Person, Project
from providers.types import Secret

MOST_SHOWN = 200


class NotAllowed(Exception):
    """The operator does not allow it; the text says what."""


def keys_of(person: Person) -> QuerySet[ClientKey]:
    """Newest first; with their projects."""
    return person.client_keys.select_related("project").order_by("-created_at")


def in_force(rows: QuerySet[ClientKey]) -> QuerySet[ClientKey]:
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return rows.filter(valid, enabled=True, revoked_at=None)


def projects_of(person: Person) -> QuerySet[Project]:
    """Those for which the person may make keys."""
    return person.projects.filter(enabled=True, tenant=person.tenant)


def why_not(person: Person) -> str:
    """Why the person can make no key just now; "" if one can be made."""
    if not person.may_make_keys:
        return "Your operator makes your keys."
    if not projects_of(person).exists():
        return "You have no project for which you may make keys."
    if in_force(keys_of(person)).count() >= person.most_keys:
        return f"You have as many keys as you may: {person.most_keys}. Revoke one to make another."
    return ""


@sensitive_variables("key")
def make_key(
    person: Person, user: Any, key_id: UUID, name: str, project: Project, expires_at: datetime | None
) -> tuple[ClientKey, Secret]:
    """A new key of the person's. Raises `NotAllowed`; of many at the same time no more are made than may be."""
    with transaction.atomic():
        person = Person.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=person.pk)
        if reason := why_not(person):
            raise NotAllowed(reason)
        if not projects_of(person).filter(pk=project.pk).exists():
            raise NotAllowed("You may not make keys for this project.")
        key, public_id = keys.generate()
        row = ClientKey(pk=key_id, name=name, public_id=public_id, key_hash=keys.hash_key(key), last_four=key[-4:])
        row.project, row.person, row.expires_at = project, person, expires_at
        row.clean_fields()
        row.save(force_insert=True)
        note(user, row, "Made at /me.", new=True)
    return row, Secret(key)


@sensitive_variables("key")
def replace_key(person: Person, user: Any, row: ClientKey, key_id: UUID, grace: timedelta) -> tuple[ClientKey, Secret]:
    """A key with all settings of another one of the person's, which works until the grace is over. Raises `NotAllowed`: while
    replaced keys still work, the person may have one key more than otherwise."""
    with transaction.atomic():
        person = Person.objects.select_for_update(of=("self",)).get(pk=person.pk)
        if not person.may_make_keys:
            raise NotAllowed("Your operator makes your keys.")
        if in_force(keys_of(person)).count() > person.most_keys:
            raise NotAllowed("A key that you have replaced still works. Revoke it first, or wait until it ends.")
        row.refresh_from_db()
        try:
            made, key = keys.rotate_client_key(row, grace, pk=key_id)
        except ValidationError as error:
            raise NotAllowed(" ".join(error.messages)) from None
        note(user, made, f"Made at /me, in place of the key that ends in {row.last_four}.", new=True)
        note(user, row, "Replaced at /me.")
    return made, Secret(key)


def revoke(user: Any, row: ClientKey) -> None:
    if row.revoked_at is None:
        with transaction.atomic():
            keys.revoke_client_key(row)
            note(user, row, "Revoked at /me.")


def note(user: Any, row: ClientKey, text: str, *, new: bool = False) -> None:
    """In the history of the key."""
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(ClientKey),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=ADDITION if new else CHANGE,
        change_message=text,
    )


def rules_of(person: Person, rows: Sequence[ClientKey]) -> tuple[list[Limit], list[Budget]]:
    """What bounds the person's keys, whoever it is said of. Keys that have replaced each other count as the first of them."""
    firsts = {row.lineage or row.pk for row in rows}
    projects = {row.project_id for row in rows if row.project_id}
    whose = Q(client_key__in=firsts) | Q(person=person) | Q(project__in=projects) | Q(tenant=person.tenant_id)
    related = ("client_key", "project")
    limits = Limit.objects.filter(whose, enabled=True).select_related(*related)
    budgets = Budget.objects.filter(whose, enabled=True).select_related(*related)
    return list(limits[:MOST_SHOWN]), list(budgets[:MOST_SHOWN])
