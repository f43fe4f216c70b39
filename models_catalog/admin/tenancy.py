"""Whose rows does an account see? Those of the tenants that name it among their operators; one that no tenant names sees all.

Every list, page, action, choice, filter and search of the admin passes `visible`, by the bases in `ui`. What an account may do
with what it sees is said by its groups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Exists, F, Func, Model, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from models_catalog.models import AuditEntry, Budget, ClientKey, Hook, KeyRequest, Limit, Person, Project, Tenant

M = TypeVar("M", bound=Model)
REACH = "tenant_reach"
"""Where a request remembers it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The tenants that name the account `user`."""

    user: Any
    tenants: frozenset[UUID]
    names: frozenset[str]


Scope = Callable[[Reach], Q]
SCOPES: dict[type[Model], Scope] = {}
"""Which rows of a model are within reach. Models that are not named here belong to no tenant."""


def belongs(model: type[Model]) -> Callable[[Scope], Scope]:
    """Registers which rows of the model are within reach."""

    def register(scope: Scope) -> Scope:
        SCOPES[model] = scope
        return scope

    return register


def reach_of(request: HttpRequest) -> Reach | None:
    """How far the account of the request reaches; None for everywhere."""
    known = vars(request)
    if REACH not in known:
        known[REACH] = reach_of_account(request.user)
    found: Reach | None = known[REACH]
    return found


def reach_of_account(user: Any) -> Reach | None:
    """How far an account reaches; None for everywhere."""
    tenants = {} if user.is_superuser or not user.pk else dict(Tenant.objects.filter(operators=user.pk).values_list("pk", "name"))
    return Reach(user.pk, frozenset(tenants), frozenset(tenants.values())) if tenants else None


def visible(request: HttpRequest, rows: QuerySet[M]) -> QuerySet[M]:
    """Those of the rows that the account of the request may see, as far as its tenants go."""
    reach = reach_of(request)
    scope = SCOPES.get(rows.model)
    return rows if reach is None or scope is None else rows.filter(scope(reach))


def may_see(request: HttpRequest, row: Model) -> bool:
    """Whether a stored row is within reach."""
    return reach_of(request) is None or visible(request, type(row)._default_manager.filter(pk=row.pk)).exists()


class TextOfId(Func):
    """A primary key as other tables and the history write it: a UUID with its hyphens, which SQLite stores without."""

    output_field = CharField()
    template = "CAST(%(expressions)s AS VARCHAR(36))"
    HYPHENATED = " || '-' || ".join(
        f"SUBSTR(%(expressions)s, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        field = self.get_source_expressions()[0].output_field
        if field.get_internal_type() == "UUIDField":
            context["template"] = self.HYPHENATED
        return super().as_sql(compiler, connection, **context)


def ids_as_texts(rows: QuerySet[Any]) -> QuerySet[Any, Any]:
    """The ids of rows, for columns that hold them as texts."""
    texts: QuerySet[Any, Any] = rows.order_by().annotate(id_as_text=TextOfId(F("pk"))).values("id_as_text")
    return texts


def keys_within(reach: Reach) -> QuerySet[ClientKey]:
    return ClientKey.objects.filter(_keys(reach))


def _keys(reach: Reach, of: str = "") -> Q:
    """Keys of the tenants' projects, and those of their people that belong to no project."""
    of_projects = Q(**{f"{of}project__tenant__in": reach.tenants})
    of_people = Q(**{f"{of}person__tenant__in": reach.tenants})
    nobodys, alone = Q(**{f"{of}person__isnull": True}), Q(**{f"{of}project__isnull": True})
    return (of_projects & (nobodys | of_people)) | (alone & of_people)


@belongs(Tenant)
def _tenants(reach: Reach) -> Q:
    return Q(pk__in=reach.tenants)


@belongs(Project)
@belongs(Person)
def _of_tenant(reach: Reach) -> Q:
    return Q(tenant__in=reach.tenants)


@belongs(ClientKey)
def _client_keys(reach: Reach) -> Q:
    return _keys(reach)


@belongs(Limit)
@belongs(Budget)
def _rules(reach: Reach) -> Q:
    """Those of models are nobody's."""
    direct = [Q(**{f"{subject}__in": reach.tenants}) for subject in ("tenant", "project__tenant", "person__tenant")]
    return Q(*direct, Q(client_key__isnull=False) & _keys(reach, "client_key__"), _connector=Q.OR)


@belongs(KeyRequest)
def _key_requests(reach: Reach) -> Q:
    return Q(person__tenant__in=reach.tenants)


@belongs(Hook)
def _hooks(reach: Reach) -> Q:
    """Not those that name keys of others."""
    chosen = Hook.client_keys.through.objects.filter(hook=OuterRef("pk"))
    return Q(~Exists(chosen.exclude(clientkey__in=keys_within(reach))))


@belongs(User)
def _users(reach: Reach) -> Q:
    """The account itself, those of the tenants' operators and people, and accounts that may do nothing and are nobody's yet."""
    operators = Tenant.operators.through.objects.filter(user=OuterRef("pk"))
    people = Person.objects.filter(user=OuterRef("pk"))
    groups = User.groups.through.objects.filter(user=OuterRef("pk"))
    rights = User.user_permissions.through.objects.filter(user=OuterRef("pk"))
    nothing = [~Exists(rows) for rows in (operators, people, groups, rights)]
    free = Q(*nothing, is_staff=False, is_superuser=False)
    own = Q(Exists(operators.filter(tenant__in=reach.tenants))) | Q(Exists(people.filter(tenant__in=reach.tenants)))
    return Q(pk=reach.user) | own | free


@belongs(LogEntry)
def _history(reach: Reach) -> Q:
    """What was done to rows within reach."""
    rows = [(model, scope) for model, scope in SCOPES.items() if model is not LogEntry]
    types = ContentType.objects.get_for_models(*(model for model, _ in rows))
    return Q(
        *(
            Q(content_type=types[model], object_id__in=ids_as_texts(model._default_manager.filter(scope(reach))))
            for model, scope in rows
        ),
        _connector=Q.OR,
    )


@belongs(AuditEntry)
def _audit(reach: Reach) -> Q:
    """What was done to rows within reach, by whomever; and the account's own sign-ins."""
    rows = [(model, scope) for model, scope in SCOPES.items() if model not in (LogEntry, AuditEntry)]
    return Q(
        *(
            Q(kind=model._meta.label_lower, object_id__in=ids_as_texts(model._default_manager.filter(scope(reach))))
            for model, scope in rows
        ),
        _connector=Q.OR,
    )


class Scoped(BaseModelAdmin):  # type: ignore[type-arg]
    """Rows, and what can be chosen in forms, as far as the account reaches. For pages and for inlines."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(request, super().get_queryset(request))

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        rows = super().get_field_queryset(db, db_field, request)
        related = db_field.remote_field.model
        if related not in SCOPES or reach_of(request) is None:
            return rows
        return visible(request, related._default_manager.using(db) if rows is None else rows)


class ScopedPage(Scoped, admin.ModelAdmin):  # type: ignore[type-arg]
    """The page of a model: filters, too, offer only what is within reach, and nothing is saved out of it."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Rows out of reach are like rows that do not exist. Raises `Http404` for who sees some tenants only."""
        if reach_of(request) is not None:
            raise Http404
        answer: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc]
        return answer

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self._scoped_filter(one) for one in super().get_list_filter(request)]

    def _scoped_filter(self, entry: Any) -> Any:
        field = next((field for field in self.opts.get_fields() if field.name == entry), None) if isinstance(entry, str) else None
        return (entry, ScopedFilter) if field is not None and field.related_model in SCOPES else entry

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Raises `PermissionDenied`, which takes all back, for a row that would be out of reach."""
        super().save_related(request, form, formsets, change)
        if not may_see(request, form.instance):
            raise PermissionDenied


class ScopedFilter(admin.RelatedFieldListFilter):
    """The rows of another model by which a list may be filtered."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        rows = visible(request, field.related_model._default_manager.all())
        return field.get_choices(include_blank=False, limit_choices_to={"pk__in": rows.values("pk")})
