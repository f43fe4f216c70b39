"""Which client keys are there? Made here and shown once in the answer that makes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from models_catalog import keys
from models_catalog.models import AccessGroup, ClientKey, Person, Project
from openai_api.manage.access import Caller
from openai_api.manage.fields import Number, Object, Text, Texts, body, field_of, moment
from openai_api.manage.problems import Problem, invalid, of_validation
from openai_api.manage.resources.base import Data, Resource, equal, flag
from openai_api.manage.resources.references import allowed, find_named, find_owned, id_of, names, owned_name, set_models

PLAIN = ("name", "enabled", "record_bodies", "aliases", "allowed_networks", "max_wait_s", "ends_streams", "expires_at")
OWNER = "TENANT/NAME, or its id; null: none."
KEY_FIELDS = {
    "id": field_of(ClientKey, "id"),
    **{
        name: field_of(ClientKey, name, Texts if name == "allowed_networks" else None)
        for name in ("name", "enabled", "record_bodies", "aliases", "allowed_networks", "max_wait_s", "ends_streams")
    },
    "expires_at": field_of(ClientKey, "expires_at"),
    "models": Texts(required=False, default=None, allow_null=True, help_text="What it may use; null: all models."),
    "access_groups": Texts(required=False, default=list, help_text="Groups of models that it may use beside `models`."),
    "project": Text(required=False, default=None, allow_null=True, help_text=OWNER),
    "person": Text(required=False, default=None, allow_null=True, help_text=OWNER),
    "public_id": field_of(ClientKey, "public_id"),
    "last_four": field_of(ClientKey, "last_four"),
    "origin": field_of(ClientKey, "origin"),
    "labels": field_of(ClientKey, "labels", Object),
    "created_at": field_of(ClientKey, "created_at", read_only=True),
    "last_used_at": field_of(ClientKey, "last_used_at"),
    "revoked_at": field_of(ClientKey, "revoked_at"),
}
KEY = body("Key", KEY_FIELDS)
MADE_KEY = body("MadeKey", {**KEY_FIELDS, "key": Text(read_only=True, help_text="The key: shown this one time.")})
MOST_HOURS = 24 * 366
ROTATION = body(
    "Rotation",
    {
        "grace_h": Number(
            required=False,
            default=24.0,
            bounds={"minimum": 0, "maximum": MOST_HOURS},
            help_text="Hours for which the old key is still accepted; 0: not at all.",
        )
    },
)


STATES = ("active", "disabled", "expired", "revoked")


def _of_status(rows: QuerySet[Any, Any], text: str) -> QuerySet[Any, Any]:
    revoked, expired = Q(revoked_at__isnull=False), Q(expires_at__lte=timezone.now())
    by_name = {
        "active": Q(enabled=True) & ~revoked & (Q(expires_at=None) | ~expired),
        "disabled": Q(enabled=False) & ~revoked,
        "expired": expired & ~revoked,
        "revoked": revoked,
    }
    if text not in STATES:
        raise ValidationError(f"Enter one of {', '.join(STATES)}.")
    return rows.filter(by_name[text])


def _of_owner(lookup: str) -> Any:
    def chosen(rows: QuerySet[Any, Any], text: str) -> QuerySet[Any, Any]:
        tenant, _, name = text.partition("/")
        return rows.filter(**{f"{lookup}__tenant__name": tenant, f"{lookup}__name": name})

    return chosen


class Keys(Resource):
    path, kind, component = "keys", "key", "Key"
    serializer, made = KEY, MADE_KEY
    volatile = frozenset({"last_used_at"})
    filters = {
        "enabled": ("`true` or `false`", flag("enabled")),
        "name": ("its name", equal("name")),
        "public_id": ("the 8 characters after `sk-gw-`", equal("public_id")),
        "status": ("what it is now", _of_status),
        "project": ("`TENANT/NAME`", _of_owner("project")),
        "person": ("`TENANT/NAME`", _of_owner("person")),
        "model": ("the name of a model that it is allowed by name", equal("allowed_models__name")),
    }
    chosen_from = {"status": STATES}

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        rows = ClientKey.objects.select_related("project__tenant", "person__tenant")
        return caller.visible(rows.prefetch_related("allowed_models", "access_groups"))

    def shown(self, rows: Sequence[ClientKey]) -> list[Data]:
        return [_shown(row) for row in rows]

    def write(self, caller: Caller, row: ClientKey | None, name: str, data: Data) -> Any:
        if row is None:
            return self.create(caller, data)[0]
        _check_editable(row)
        project, person = _owners(caller, data)
        for column in PLAIN:
            setattr(row, column, data[column])
        row.project, row.person = project, person
        models = set_models(row, data["models"])
        groups = find_named(AccessGroup.objects.all(), "access group", "access_groups", data["access_groups"])
        row.clean_fields()
        row.save()
        row.allowed_models.set(models)
        row.access_groups.set(groups)
        return row.pk

    def create(self, caller: Caller, data: Data) -> tuple[Any, Data]:
        project, person = _owners(caller, data)
        models = set_models(ClientKey(), data["models"])
        groups = find_named(AccessGroup.objects.all(), "access group", "access_groups", data["access_groups"])
        columns = {name: data[name] for name in PLAIN if name != "name"}
        if columns["expires_at"] is not None and columns["expires_at"] <= timezone.now():
            raise invalid({"expires_at": ["This time has passed."]})
        row, key = keys.create_client_key(
            data["name"],
            models=None if data["models"] is None else models,
            groups=groups,
            project=project,
            person=person,
            **columns,
        )
        return row.pk, {"key": key}

    def remove(self, row: ClientKey) -> None:
        row.delete()


def _check_editable(row: ClientKey) -> None:
    if row.origin:
        raise Problem(409, "published", "The key is published from outside: whoever publishes it changes it.")
    if row.revoked_at is not None:
        raise Problem(409, "revoked", "A revoked key stays as it is.")


def _owners(caller: Caller, data: Data) -> tuple[Project | None, Person | None]:
    project = find_owned(caller, Project, "project", data["project"])
    person = find_owned(caller, Person, "person", data["person"])
    if project and person and project.tenant_id != person.tenant_id:
        raise invalid({"person": ["The person and the project must belong to the same tenant."]})
    if caller.reach is not None and project is None:
        raise invalid({"project": ["Name the project: a key without one would be nobody's."]})
    return project, person


def _shown(row: ClientKey) -> Data:
    return {
        "id": id_of(row),
        **{name: getattr(row, name) for name in PLAIN},
        "expires_at": moment(row.expires_at),
        "models": allowed(row),
        "access_groups": names(row.access_groups.all()),
        "project": owned_name(row.project),
        "person": owned_name(row.person),
        "public_id": row.public_id,
        "last_four": row.last_four,
        "origin": row.origin,
        "labels": row.labels,
        "created_at": moment(row.created_at),
        "last_used_at": moment(row.last_used_at),
        "revoked_at": moment(row.revoked_at),
    }


def revoke(row: ClientKey, data: Data) -> tuple[Any, Data]:
    """Refuses the key for good."""
    keys.revoke_client_key(row)
    return row.pk, {}


def rotate(row: ClientKey, data: Data) -> tuple[Any, Data]:
    """A fresh key with all settings of this one. Raises `Problem`."""
    try:
        made, key = keys.rotate_client_key(row, timedelta(hours=data["grace_h"]))
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise Problem(409, "not_in_force", " ".join(error.messages)) from None
        raise of_validation(error) from None
    return made.pk, {"key": key}
