"""Which limits, budgets, tenants, projects, people and access groups are there? One object is one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import ProtectedError, QuerySet

from models_catalog.models import AccessGroup, Budget, ClientKey, Limit, ModelDefinition, Person, Project, Tenant
from openai_api.manage.access import Caller
from openai_api.manage.fields import Id, List, Text, Texts, amount, body, field_of, moment
from openai_api.manage.problems import Problem, invalid, of_validation
from openai_api.manage.resources.base import Data, Resource, equal, flag, in_use
from openai_api.manage.resources.references import (
    allowed,
    find_named,
    find_one,
    find_owned,
    id_of,
    names,
    owned_name,
    set_models,
)

SUBJECTS = {
    "client_key": "The id of a key.",
    "person": "TENANT/NAME, or its id.",
    "project": "TENANT/NAME, or its id.",
    "tenant": "The name of a tenant.",
    "model": "The name of a model.",
}
"""Of which a rule has exactly one."""
PLAIN_OF_PERSON = ("name", "email", "enabled", "may_make_keys", "most_keys")


class RowResource(Resource):
    """Objects that are rows: `plain` are the columns that are members as they are."""

    model: ClassVar[Any]
    plain: ClassVar[tuple[str, ...]]

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return caller.visible(self.model.objects.all())

    def shown(self, rows: Sequence[Any]) -> list[Data]:
        return [{"id": id_of(row), **{name: getattr(row, name) for name in self.plain}, **self.more(row)} for row in rows]

    def more(self, row: Any) -> Data:
        """The members that are no plain columns."""
        return {}

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        """Puts the members that are no plain columns into the row; the rows of its many-to-many fields."""
        return {}

    def write(self, caller: Caller, row: Any | None, name: str, data: Data) -> Any:
        found = self.model() if row is None else row
        for column in self.plain:
            setattr(found, column, data[column])
        many = self.fill(caller, found, data)
        try:
            found.full_clean(exclude=many)
        except ValidationError as error:
            raise _clash(error) from None
        found.save()
        for field, rows in many.items():
            getattr(found, field).set(rows)
        if not caller.visible(self.model.objects.filter(pk=found.pk)).exists():
            raise invalid({"": ["It would belong to another tenant than the token."]})
        return found.name if self.named else found.pk

    def remove(self, row: Any) -> None:
        try:
            row.delete()
        except ProtectedError as error:
            kinds = sorted({str(one._meta.verbose_name_plural) for one in error.protected_objects})
            raise in_use(f"The {self.kind} still has {' and '.join(kinds)}. Delete those first.", kinds=kinds) from None


def _clash(error: ValidationError) -> Problem:
    """What is there already is a conflict, all else a bad value."""
    found = [one for name, errors in error.error_dict.items() for one in errors if one.code in ("unique", "unique_together")]
    clash = [one for one in error.error_dict.get(NON_FIELD_ERRORS, ()) if one.code == "unique"]
    if found or clash:
        return Problem(409, "exists", " ".join(message for one in (*found, *clash) for message in one.messages))
    return of_validation(error)


class Rules(RowResource):
    """Limits and budgets."""

    filters = {
        "enabled": ("`true` or `false`", flag("enabled")),
        "client_key": ("the id of a key", lambda rows, text: rows.filter(client_key=_id(text))),
        "tenant": ("the name of a tenant", equal("tenant__name")),
        "model": ("the name of a model", equal("model__name")),
    }

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return super().rows(caller).select_related("person__tenant", "project__tenant", "tenant", "model")

    def more(self, row: Any) -> Data:
        return {
            "client_key": None if row.client_key_id is None else str(row.client_key_id),
            "person": owned_name(row.person),
            "project": owned_name(row.project),
            "tenant": row.tenant.name if row.tenant else None,
            "model": row.model.name if row.model else None,
        }

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        row.client_key = _key(caller, data["client_key"])
        row.person = find_owned(caller, Person, "person", data["person"])
        row.project = find_owned(caller, Project, "project", data["project"])
        row.tenant = find_one(caller.visible(Tenant.objects.all()), "tenant", "tenant", data["tenant"])
        row.model = find_one(ModelDefinition.objects.all(), "model", "model", data["model"])
        return {}


def _id(text: str) -> Any:
    return Id().to_internal_value(text)


def _key(caller: Caller, pk: Any) -> ClientKey | None:
    if pk is None:
        return None
    row: ClientKey | None = caller.visible(ClientKey.objects.filter(pk=pk)).first()
    if row is None:
        raise invalid({"client_key": ["There is no such key."]})
    return row


def _subjects() -> dict[str, Any]:
    made = {"client_key": Id}
    return {
        name: made.get(name, Text)(required=False, default=None, allow_null=True, help_text=text)
        for name, text in SUBJECTS.items()
    }


class Limits(Rules):
    path, kind, component = "limits", "limit", "Limit"
    model = Limit
    plain = ("each", "enabled", "counted", "amount", "per", "algorithm", "burst")
    serializer = body("Limit", {"id": field_of(Limit, "id"), **_subjects(), **{name: field_of(Limit, name) for name in plain}})


class Budgets(Rules):
    path, kind, component = "budgets", "budget", "Budget"
    model = Budget
    plain = ("each", "enabled", "unit", "period", "hard", "unknown_price", "alerts", "alert_url", "alert_email")
    serializer = body(
        "Budget",
        {
            "id": field_of(Budget, "id"),
            **_subjects(),
            "amount": field_of(Budget, "amount"),
            **{name: field_of(Budget, name, List if name == "alerts" else None) for name in plain},
        },
    )

    def more(self, row: Any) -> Data:
        return {**super().more(row), "amount": amount(row.amount)}

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        row.amount = data["amount"]
        return super().fill(caller, row, data)


class Tenants(RowResource):
    path, kind, component, named = "tenants", "tenant", "Tenant", True
    model = Tenant
    plain = ("name", "enabled")
    filters = {"enabled": ("`true` or `false`", flag("enabled")), "search": ("a part of its name", equal("name__icontains"))}
    serializer = body(
        "Tenant",
        {
            "id": field_of(Tenant, "id"),
            **{name: field_of(Tenant, name) for name in plain},
            "created_at": field_of(Tenant, "created_at", read_only=True),
        },
    )

    def more(self, row: Any) -> Data:
        return {"created_at": moment(row.created_at)}


class AccessGroups(RowResource):
    path, kind, component, named = "access-groups", "access group", "AccessGroup", True
    model = AccessGroup
    plain = ("name",)
    filters = {"search": ("a part of its name", equal("name__icontains"))}
    serializer = body(
        "AccessGroup",
        {
            "id": Text(read_only=True),
            "name": field_of(AccessGroup, "name"),
            "models": Texts(required=False, default=list, help_text="Names of models."),
        },
    )

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return super().rows(caller).prefetch_related("models")

    def more(self, row: Any) -> Data:
        return {"models": names(row.models.all())}

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        return {"models": find_named(ModelDefinition.objects.all(), "model", "models", data["models"])}


OF_TENANT = {
    "enabled": ("`true` or `false`", flag("enabled")),
    "tenant": ("the name of its tenant", equal("tenant__name")),
    "name": ("its name", equal("name")),
}


class Projects(RowResource):
    path, kind, component = "projects", "project", "Project"
    model = Project
    plain = ("name", "enabled", "aliases")
    filters = OF_TENANT
    serializer = body(
        "Project",
        {
            "id": field_of(Project, "id"),
            "tenant": Text(help_text="The name of its tenant."),
            **{name: field_of(Project, name) for name in plain},
            "models": Texts(required=False, default=None, allow_null=True, help_text="What its keys may use; null: all models."),
            "access_groups": Texts(required=False, default=list, help_text="Groups of models that its keys may use."),
            "created_at": field_of(Project, "created_at", read_only=True),
        },
    )

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return super().rows(caller).select_related("tenant").prefetch_related("allowed_models", "access_groups")

    def more(self, row: Any) -> Data:
        return {
            "tenant": row.tenant.name,
            "models": allowed(row),
            "access_groups": names(row.access_groups.all()),
            "created_at": moment(row.created_at),
        }

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        row.tenant = find_one(caller.visible(Tenant.objects.all()), "tenant", "tenant", data["tenant"])
        groups = find_named(AccessGroup.objects.all(), "access group", "access_groups", data["access_groups"])
        return {"allowed_models": set_models(row, data["models"]), "access_groups": groups}


class People(RowResource):
    path, kind, component = "people", "person", "Person"
    model = Person
    plain = PLAIN_OF_PERSON
    filters = {**OF_TENANT, "email": ("the address", equal("email"))}
    serializer = body(
        "Person",
        {
            "id": field_of(Person, "id"),
            "tenant": Text(help_text="The name of the tenant."),
            **{name: field_of(Person, name) for name in PLAIN_OF_PERSON},
            "projects": Texts(required=False, default=list, help_text="TENANT/NAME or ids: for what the person may make keys."),
            "created_at": field_of(Person, "created_at", read_only=True),
        },
    )

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return super().rows(caller).select_related("tenant").prefetch_related("projects__tenant")

    def more(self, row: Any) -> Data:
        projects = sorted(str(owned_name(project)) for project in row.projects.all())
        return {"tenant": row.tenant.name, "projects": projects, "created_at": moment(row.created_at)}

    def fill(self, caller: Caller, row: Any, data: Data) -> dict[str, list[Any]]:
        row.tenant = find_one(caller.visible(Tenant.objects.all()), "tenant", "tenant", data["tenant"])
        projects = [find_owned(caller, Project, "project", text) for text in data["projects"]]
        if any(project.tenant_id != row.tenant.pk for project in projects):
            raise invalid({"projects": ["The projects must belong to the tenant of the person."]})
        return {"projects": projects}
