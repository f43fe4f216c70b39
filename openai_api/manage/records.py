"""What has happened, for programs: the audit log, sessions, stored responses, jobs, and what people ask for. Newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from rest_framework.response import Response

from models_catalog.models import AuditEntry, KeyRequest
from openai_api.admin import scopes  # registers whose sessions, responses and jobs are whose
from openai_api.database.erasure import erase_sessions
from openai_api.database.request_search import moment as time_of
from openai_api.database.stored_responses import delete_responses, status_of, with_jobs
from openai_api.manage.answers import columns_said
from openai_api.manage.fields import Body, Count, Flag, Object, Text, amount, body, moment
from openai_api.manage.lists import PAGING, decoded, encoded, limit_of, parameters_of
from openai_api.manage.problems import invalid, not_found
from openai_api.manage.resources.references import owned_name
from openai_api.manage.views import View
from openai_api.models import JobRow, SessionEventRow, SessionRow, StoredResponseRow

__all__ = ["KINDS", "Record", "RecordKind", "Records", "SessionEvents", "scopes"]

Data = dict[str, Any]
Filter = Callable[[str], Q]
MOST_NUMBER = 2**63 - 1
EVENT_COLUMNS = ("number", "at", "name", "level", "span", "request_id", "model", "bodies")


def _equal(column: str) -> Filter:
    return lambda text: Q(**{column: text})


def _time(lookup: str) -> Filter:
    def chosen(text: str) -> Q:
        try:
            return Q(**{lookup: time_of(text)})
        except ValueError as error:
            raise ValidationError(str(error)) from None

    return chosen


def _live(text: str) -> Q:
    if text not in ("true", "false"):
        raise ValidationError("Enter true or false.")
    return Q(ended_at__isnull=text == "true")


@dataclass(frozen=True, slots=True)
class RecordKind:
    """Rows that nobody writes over the API. They are listed by `order`, the latest first, and `erase` deletes one."""

    path: str
    kind: str
    component: str
    model: type[Model]
    order: str
    shown: Callable[[Any], Data]
    answer: type[Body]
    filters: Mapping[str, tuple[str, Filter]]
    chosen_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: Callable[[QuerySet[Any, Any]], QuerySet[Any, Any]] = lambda rows: rows
    erase: Callable[[Any], None] | None = None


def _columns(row: Any, **others: Any) -> Data:
    """The columns of a row as JSON; `others` are those that are answered otherwise, None for those that are not."""
    found = {}
    for column in row._meta.concrete_fields:
        value = others.get(column.name, getattr(row, column.attname))
        found[column.name] = moment(value) if isinstance(value, datetime) else value
    return found


def _entry(row: AuditEntry) -> Data:
    return _columns(row, changes=row.changed)


def _session(row: SessionRow) -> Data:
    return _columns(row, tags=json.loads(row.tags or "{}"), cost_usd=amount(row.cost_usd))


def _response(row: StoredResponseRow) -> Data:
    times = {name: moment(getattr(row, name)) for name in ("created_at", "expires_at")}
    return {"id": row.pk, "owner": row.owner, "model": row.model, "status": status_of(row), **times}


JOB_COLUMNS = (
    "id", "kind", "owner", "state", "worker", "beat_at", "failures", "not_before", "streamed", "created_at", "expires_at",
)  # fmt: skip


def _job(row: JobRow) -> Data:
    values = {name: getattr(row, name) for name in JOB_COLUMNS}
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _wish(row: KeyRequest) -> Data:
    plain = {name: getattr(row, name) for name in ("wanted", "model_name", "per", "period", "reason", "state", "answer")}
    key = None if row.client_key_id is None else str(row.client_key_id)
    times = {name: moment(getattr(row, name)) for name in ("created_at", "decided_at")}
    return {
        "id": str(row.pk), "person": owned_name(row.person), "client_key": key, **plain, "amount": amount(row.amount), **times,
    }  # fmt: skip


def _delete_response(row: StoredResponseRow) -> None:
    delete_responses([row.pk])


def _erase_session(row: SessionRow) -> None:
    for _ in erase_sessions(SessionRow.objects.filter(pk=row.pk)):
        pass


RESPONSE_COLUMNS = ("id", "owner", "model", "status", "created_at", "expires_at")
WISH_COLUMNS = (
    "id", "person", "client_key", "wanted", "model_name", "amount", "per", "period", "reason", "state", "answer",
    "created_at", "decided_at",
)  # fmt: skip
KINDS = (
    RecordKind(
        "audit",
        "audit entry",
        "AuditEntry",
        AuditEntry,
        "number",
        _entry,
        body("AuditEntry", columns_said(AuditEntry, changes=Object(help_text="Columns, each with what it was and what it is."))),
        {
            "kind": ("of row, like `models_catalog.route`", _equal("kind")),
            "object_id": ("of the row", _equal("object_id")),
            "actor": ("who did it", _equal("actor")),
            "action": ("what was done", _equal("action")),
            "source": ("by which way", _equal("source")),
            "since": ("a time, or how long ago like 24h", _time("at__gte")),
            "until": ("a time", _time("at__lt")),
        },
        {"action": tuple(AuditEntry.Action.values), "source": tuple(AuditEntry.Source.values)},
    ),
    RecordKind(
        "sessions",
        "session",
        "Session",
        SessionRow,
        "last_at",
        _session,
        body(
            "Session",
            columns_said(SessionRow, tags=Object(told={"additionalProperties": {"type": "string"}})),
        ),
        {
            "session_id": ("its name", _equal("session_id")),
            "key": ("the id of a key", _equal("client_id")),
            "tenant": ("the name of a tenant", _equal("tenant")),
            "agent": ("the name of an agent", _equal("agent")),
            "live": ("whether it runs: `true` or `false`", _live),
            "since": ("the last event: a time, or how long ago like 24h", _time("last_at__gte")),
        },
        erase=_erase_session,
    ),
    RecordKind(
        "responses",
        "stored response",
        "StoredResponse",
        StoredResponseRow,
        "created_at",
        _response,
        body("StoredResponse", columns_said(StoredResponseRow, *RESPONSE_COLUMNS)),
        {"key": ("the id of a key", _equal("owner")), "model": ("the name of a model", _equal("model"))},
        rows=lambda rows: with_jobs(rows.defer("items", "body")),
        erase=_delete_response,
    ),
    RecordKind(
        "jobs",
        "job",
        "Job",
        JobRow,
        "created_at",
        _job,
        body("Job", columns_said(JobRow, *JOB_COLUMNS)),
        {
            "key": ("the id of a key", _equal("owner")),
            "state": ("its state", _equal("state")),
            "kind": ("its kind", _equal("kind")),
        },
        {"state": tuple(value for value, _ in JobRow._meta.get_field("state").flatchoices)},
        rows=lambda rows: rows.defer("payload"),
    ),
    RecordKind(
        "key-requests",
        "request of a person",
        "KeyRequest",
        KeyRequest,
        "created_at",
        _wish,
        body(
            "KeyRequest",
            columns_said(
                KeyRequest,
                *WISH_COLUMNS,
                person=Text(help_text="TENANT/NAME, or its id."),
                client_key=Text(allow_null=True, help_text="The id of a key; null: all of the person."),
            ),
        ),
        {"state": ("its state", _equal("state"))},
        {"state": tuple(KeyRequest.State.values)},
        rows=lambda rows: rows.select_related("person__tenant"),
    ),
)


class OfKind(View):
    """A view of such rows."""

    kind: ClassVar[RecordKind]

    def rows(self) -> QuerySet[Any, Any]:
        return self.kind.rows(self.caller.visible(self.kind.model._default_manager.all()))


class Records(OfKind):
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        kind = self.kind
        told = parameters_of(request.query_params, {*kind.filters, *PAGING})
        rows, limit = self.rows(), limit_of(told)
        for name, (_, chosen) in kind.filters.items():
            if name in told:
                rows = rows.filter(_filtered(name, chosen, told[name], kind.chosen_from.get(name)))
        if "cursor" in told:
            rows = rows.filter(_before(told["cursor"], kind))
        found = list(rows.order_by(f"-{kind.order}", "-pk")[: limit + 1])
        following = _cursor(found[limit - 1], kind) if len(found) > limit else None
        return Response({"data": [kind.shown(row) for row in found[:limit]], "next": following})


def _filtered(name: str, chosen: Filter, text: str, choices: tuple[str, ...] | None) -> Q:
    if choices is not None and text not in choices:
        raise invalid({name: [f"Enter one of {', '.join(choices)}."]})
    try:
        return chosen(text)
    except ValidationError as error:
        raise invalid({name: error.messages}) from None


def _cursor(row: Any, kind: RecordKind) -> str:
    value = getattr(row, kind.order)
    return encoded([value.isoformat() if isinstance(value, datetime) else value, str(row.pk)])


def _before(text: str, kind: RecordKind) -> Q:
    try:
        told, pk = decoded(text)
        column: Any = kind.model._meta.get_field(kind.order)
        value, key = column.to_python(told), kind.model._meta.pk.to_python(pk)
        if value is None or key is None or "\0" in str(key) or (isinstance(key, int) and not 0 <= key <= MOST_NUMBER):
            raise ValueError(text)
        return Q(**{f"{kind.order}__lt": value}) | Q(**{kind.order: value, "pk__lt": key})
    except (ValueError, TypeError, AttributeError, OverflowError, ValidationError):
        raise invalid({"cursor": ["This is not the `next` of a page."]}) from None


class Record(OfKind):
    http_method_names = ["get", "head"]

    def found(self, address: str) -> Any:
        try:
            pk = self.kind.model._meta.pk.to_python(address)
            row = None if _odd(pk) else self.rows().filter(pk=pk).first()
        except (ValidationError, ValueError, OverflowError):
            row = None
        if row is None:
            raise not_found(self.kind.kind, address)
        return row

    def get(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        return Response(self.kind.shown(self.found(address)))


def _odd(pk: Any) -> bool:
    """What no database takes as a key."""
    return not 0 <= pk <= MOST_NUMBER if isinstance(pk, int) else "\0" in str(pk)


class ErasableRecord(Record):
    http_method_names = ["get", "head", "delete"]

    def delete(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        assert self.kind.erase is not None  # noqa: S101
        row = self.found(address)
        with transaction.atomic():
            self.kind.erase(row)
        return Response(status=204)


# Events of a session

EVENT = body(
    "SessionEvent",
    {
        **columns_said(SessionEventRow, *EVENT_COLUMNS),
        "bodies": Flag(help_text="Whether it holds what was said, which is shown in the admin only."),
        "attributes": Object(help_text="Empty where it holds what was said."),
    },
)
EVENTS = {"limit": PAGING["limit"], "after": "the number of an event: those after it"}
EVENT_LIST = body("SessionEventList", {"data": EVENT(many=True), "next": Count(allow_null=True, help_text="For `after`.")})


class SessionEvents(Record):
    """The events of a session, in their order"""

    kind = next(one for one in KINDS if one.path == "sessions")
    scope = "sessions"

    def get(self, request: Any, address: str) -> Response:
        told = parameters_of(request.query_params, EVENTS)
        row, limit, after = self.found(address), limit_of(told), told.get("after", "0")
        if not (after.isascii() and after.isdecimal() and len(after) < 10):
            raise invalid({"after": ["Enter the number of an event."]})
        events = list(SessionEventRow.objects.filter(session=row, number__gt=int(after)).order_by("number")[: limit + 1])
        following = events[limit - 1].number if len(events) > limit else None
        return Response({"data": [_event(event) for event in events[:limit]], "next": following})


def _event(row: SessionEventRow) -> Data:
    plain = {name: getattr(row, name) for name in EVENT_COLUMNS}
    return {**plain, "at": moment(row.at), "attributes": {} if row.bodies else json.loads(row.attributes or "{}")}
