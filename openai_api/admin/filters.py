"""Which filters of lists are typed rather than chosen? Fields of the filters' form, whose values are compared exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from models_catalog.models import ClientKey
from openai_api.database.erasure import with_label
from openai_api.models import SessionLabelRow


class TypedFilter(admin.SimpleListFilter):
    """A text to be found. `hint` is an example, `options` are what may be chosen where nothing is typed."""

    template = "openai_api/typed_filter.html"
    hint = ""
    kind = "text"
    options: tuple[tuple[str, str], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("", "Any"), *self.options]

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"value": self.value() or "", "options": self.lookup_choices}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        term = (self.value() or "").strip()
        if not term:
            return queryset
        return queryset.none() if "\0" in term else self.found(queryset, term)

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        raise NotImplementedError


class AgentFilter(TypedFilter):
    title = parameter_name = "agent"

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(agent=term)


class TenantFilter(TypedFilter):
    title = parameter_name = "tenant"

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(tenant=term)


class KeyFilter(TypedFilter):
    """By the name of a key: those of the keys that have it have an index."""

    title = parameter_name = "key"

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(client_id__in=key_ids(term))


class ModelFilter(TypedFilter):
    """Any of the models that a session asked for."""

    title = parameter_name = "model"

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(pk__in=with_label(SessionLabelRow.MODEL, term))


class StateFilter(TypedFilter):
    """Of sessions."""

    title = parameter_name = "state"
    options = (("live", "Live"), ("ended", "Ended"), ("errors", "With errors"))
    states: Mapping[str, Q] = {
        "live": Q(ended_at__isnull=True),
        "ended": Q(ended_at__isnull=False),
        "errors": Q(errors__gt=0),
    }

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(self.states[term]) if term in self.states else rows


class TagFilter(TypedFilter):
    title = parameter_name = "tag"
    hint = "name:value, or a name"

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(pk__in=with_label(SessionLabelRow.TAG, *tag_of(term)))


class TimeFilter(TypedFilter):
    """A time (UTC) before or after which something was; one that is no time is none."""

    kind = "datetime-local"
    lookup = ""

    def found(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        try:
            moment = datetime.fromisoformat(term)
        except ValueError:
            return rows
        return rows.filter(**{self.lookup: moment if moment.tzinfo else moment.replace(tzinfo=UTC)})


class SeenSince(TimeFilter):
    title, parameter_name, lookup = "last event from (UTC)", "from", "last_at__gte"


class SeenUntil(TimeFilter):
    title, parameter_name, lookup = "last event until (UTC)", "until", "last_at__lt"


def tag_of(term: str) -> tuple[str, str | None]:
    """The name and the value of `name:value`, as in the header; the value is None where there is only a name."""
    name, colon, value = term.partition(":")
    return name.strip(), value.strip() if colon else None


def key_ids(name: str) -> list[str]:
    """The ids, as rows of requests and sessions have them, of the keys of this name."""
    return [str(pk) for pk in ClientKey.objects.filter(name=name).values_list("pk", flat=True)[:100]]
