"""What has been served, and what would be? Sums of usage, recorded requests, and explanations; nothing is changed here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec
from django.db.models import F, QuerySet, Sum
from rest_framework.response import Response

from models_catalog.models import ClientKey
from openai_api.admin import scopes  # registers whose requests are whose
from openai_api.database.request_search import FILTERS, BadSearch, found, moment, page_of
from openai_api.database.roll_ups import key_of
from openai_api.explain import here
from openai_api.explain.result import Question
from openai_api.explain.rows import NoSuchKey, explain_request
from openai_api.manage.fields import Object, Text, amount, body
from openai_api.manage.fields import moment as in_utc
from openai_api.manage.lists import limit_of, parameters_of
from openai_api.manage.problems import Problem, invalid, not_found
from openai_api.manage.views import View
from openai_api.models import UsageRecord, UsageRollUp

__all__ = ["Explain", "Request", "Requests", "Usage", "scopes"]

SUMS = ("requests", "errors", "cache_hits", "input_tokens", "output_tokens", "cached_tokens", "cost_usd", "uncosted")
DIMENSIONS = ("model", "key", "person", "project", "app", "provider")
INTERVALS = MappingProxyType({"hour": UsageRollUp.Span.HOUR, "day": UsageRollUp.Span.DAY})
USAGE = MappingProxyType(
    {
        "group": f"{', '.join(DIMENSIONS)}, or hour or day for all together; without one the sums of all",
        "by": "hour or day: the sums of each apart",
        "since": "a time, or how long ago like 24h or 7d (the default); its hour, or with days its day, counts whole",
        "until": "a time; now if not given",
        "tenant": "the name of a tenant",
        "name": "only this name of the group; of keys the id",
        "limit": "how many sums at most",
    }
)
REQUESTS = MappingProxyType({"cursor": "`next` of the page before", "limit": "how many at most"})
AS_JSON = ("attempts", "tags", "units")
"""Columns that hold JSON as a text."""


class Usage(View):
    """Sums of requests, errors, tokens and costs."""

    scope = "usage"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        told = parameters_of(request.query_params, USAGE)
        group, by = _chosen(told, "group", (*DIMENSIONS, *INTERVALS)), _chosen(told, "by", tuple(INTERVALS))
        if group in INTERVALS:
            group, by = None, group
        span = INTERVALS[by or "hour"]
        since, until = _time(told, "since", "7d"), _time(told, "until", "0m")
        since -= timedelta(seconds=since.timestamp() % span)
        rows = self.rows(group, told).filter(span=span, at__gte=since, at__lt=until)
        limit = limit_of(told)
        sums = list(_summed(rows, group, by)[: limit + 1])
        data = [_shown(one, group, by) for one in sums[:limit]]
        return Response({"since": in_utc(since), "until": in_utc(until), "data": data, "more": len(sums) > limit})

    def rows(self, group: str | None, told: Mapping[str, str]) -> QuerySet[UsageRollUp]:
        """The roll-ups of the dimension that the caller sees. Raises `Problem`."""
        within, asked = self.caller.tenants, told.get("tenant")
        if within is not None and asked is not None and asked not in within:
            raise Problem(403, "forbidden", f"The token is bound to the tenant {', '.join(map(repr, sorted(within)))}.")
        tenants = within if asked is None else frozenset({asked})
        found = UsageRollUp.objects.filter(dimension=group or ("total" if tenants is None else "all"))
        if tenants is not None:
            found = found.filter(tenant__in=tenants)
        if "name" not in told:
            return found
        if group is None:
            raise invalid({"name": ["Say of which group."]})
        return found.filter(**({"name__startswith": f"{told['name']} "} if group == "key" else {"name": told["name"]}))


def _chosen(told: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str | None:
    text = told.get(name)
    if text is not None and text not in choices:
        raise invalid({name: [f"Enter one of {', '.join(choices)}."]})
    return text


def _time(told: Mapping[str, str], name: str, usual: str) -> datetime:
    try:
        return max(moment(told.get(name, usual)), datetime(1970, 1, 2, tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise invalid({name: [str(error)]}) from None


def _summed(rows: QuerySet[UsageRollUp], group: str | None, by: str | None) -> Any:
    columns = [*(["at"] if by else []), *(["name"] if group else [])]
    sums = {name: Sum(name) for name in SUMS}
    if not columns:
        return [rows.order_by().aggregate(**sums)]
    order = [*(["at"] if by else []), *(["-cost_usd", "-requests", "name"] if group else [])]
    aliased = rows.order_by().values(**{f"of_{name}": F(name) for name in columns}).annotate(**sums)
    return aliased.order_by(*(f"of_{one}" if one in columns else one for one in order))


def _shown(sums: Mapping[str, Any], group: str | None, by: str | None) -> dict[str, Any]:
    named: dict[str, Any] = {"at": in_utc(sums["of_at"])} if by else {}
    if group == "key":
        pk, name = key_of(sums["of_name"])
        named |= {"id": pk, "name": name}
    elif group:
        named["name"] = sums["of_name"]
    return {**named, **{name: sums[name] or 0 for name in SUMS if name != "cost_usd"}, "cost_usd": amount(sums["cost_usd"]) or 0}


class Requests(View):
    """Recorded requests, newest first."""

    scope = "requests"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        told = parameters_of(request.query_params, {*FILTERS, *REQUESTS})
        limit = limit_of(told)
        try:
            rows = found(told, self.caller.visible(UsageRecord.objects.all()))
            page = page_of(rows, before=told.get("cursor", ""), size=limit)
        except BadSearch as error:
            faults = {{"before": "cursor"}.get(name, name): [text] for name, text in error.faults.items()}
            raise invalid(faults) from None
        return Response({"data": [as_object(row) for row in page.rows], "next": page.older or None})


class Request(View):
    """One recorded request, by its id."""

    scope = "requests"
    http_method_names = ["get", "head"]

    def get(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        try:
            row = self.caller.visible(UsageRecord.objects.filter(pk=uuid.UUID(address))).first()
        except ValueError:
            row = None
        if row is None:
            raise not_found("request", address)
        return Response(as_object(row))


def as_object(row: UsageRecord) -> dict[str, Any]:
    """All columns of a request."""
    return {field.name: _plain(field.name, getattr(row, field.name)) for field in row._meta.concrete_fields}


def _plain(name: str, value: Any) -> Any:
    if name in AS_JSON:
        return json.loads(value) if value else None
    if isinstance(value, datetime):
        return in_utc(value)
    if name == "cost_usd":
        return amount(value)
    return str(value) if isinstance(value, uuid.UUID) else value


QUESTION = body(
    "Question",
    {
        "key": Text(required=False, default="", help_text="The id or the name of a client key; empty: one without limits."),
        "model": Text(required=False, default=""),
        "path": Text(required=False, default="", help_text="A public path of POST; empty: the usual one of the model."),
        "body": Object(required=False, default=None, allow_null=True, help_text="The request; null: the smallest."),
        "address": Text(required=False, default="", help_text="Where it would come from."),
    },
)


class Explain(View):
    """What would become of a request? Nothing is sent and nothing is counted."""

    scope = "explain"
    http_method_names = ["post"]
    only_read = frozenset({"POST"})

    def post(self, request: Any) -> Response:
        parameters_of(request.query_params, ())
        told = QUESTION(data=request.data)
        told.is_valid(raise_exception=True)
        data = told.validated_data
        try:
            answer = explain_request(Question(**data), self.caller.visible(ClientKey.objects.all()))
        except NoSuchKey as error:
            raise invalid({"key": [str(error)]}) from None
        except here.NobodyAnswers as error:
            raise Problem(503, "unavailable", str(error), headers={"Retry-After": "5"}) from None
        return Response(msgspec.to_builtins(answer))
