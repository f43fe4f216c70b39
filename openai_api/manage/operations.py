"""What else do operators do in the admin and with commands? Here programs do it, through the same functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from django.db import transaction
from rest_framework.response import Response

from models_catalog import cache_names
from models_catalog.audit.chain import Told, append
from models_catalog.models import ClientKey, ModelDefinition, Tenant
from models_catalog.price_sync.known import NotInstalled, source
from models_catalog.price_sync.sync import apply, plan
from models_catalog.purges import purge
from openai_api.database.running_requests import Running, ask_to_stop, look, told
from openai_api.manage.fields import Count, Flag, Number, Text, Texts, body
from openai_api.manage.lists import parameters_of
from openai_api.manage.problems import Problem, invalid, not_found
from openai_api.manage.resources.base import lock
from openai_api.manage.resources.references import as_uuid, find_named
from openai_api.manage.views import View

Data = dict[str, Any]


class Operation(View):
    """A view with a body of its own."""

    taken: ClassVar[Any] = None

    def told(self, request: Any) -> Data:
        """The members of the body. Raises."""
        parameters_of(request.query_params, ())
        found = type(self).taken(data=request.data or {})
        found.is_valid(raise_exception=True)
        return dict(found.validated_data)


# The cache

PURGE = body(
    "CachePurge",
    {
        "models": Texts(required=False, default=list, help_text="Names of models."),
        "tenants": Texts(required=False, default=list, help_text="Names of tenants."),
        "keys": Texts(required=False, default=list, help_text="Ids of client keys."),
        "all": Flag(required=False, default=False, help_text="All cached answers."),
    },
)
PURGED = body("CachePurged", {"purged": Count(help_text="How many names: what Redis holds of them expires unseen.")})


class CachePurge(Operation):
    """Forget cached answers, in all workers within a second"""

    scope, taken = "cache", PURGE
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        data = self.told(request)
        models = find_named(ModelDefinition.objects.all(), "model", "models", data["models"])
        tenants = find_named(Tenant.objects.all(), "tenant", "tenants", data["tenants"])
        names = [cache_names.of_model(row.name) for row in models]
        names += [cache_names.of_tenant(str(row.pk)) for row in tenants]
        names += [cache_names.of_key(str(row.lineage or row.pk)) for row in _keys(data["keys"])]
        if not (names or data["all"]):
            raise invalid({"all": ["Say what is to be forgotten: models, tenants, keys or all."]})
        return Response({"purged": len(purge([cache_names.ALL] if data["all"] else names))})


def _keys(ids: list[str]) -> list[ClientKey]:
    found = {text: ClientKey.objects.filter(pk=pk).first() if (pk := as_uuid(text)) else None for text in ids}
    if unknown := [text for text, row in found.items() if row is None]:
        raise invalid({"keys": [f"There is no client key {unknown[0][:60]!r}: give the ids of keys."]})
    return [row for row in found.values() if row is not None]


# Requests in flight

RUNNING = body(
    "RunningRequest",
    {
        "request_id": Text(),
        "started": Number(help_text="Seconds since the epoch."),
        **{name: Text() for name in ("path", "model", "provider")},
        "tries": Count(),
        "stream": Flag(),
        "status": Count(help_text="0: nothing has been answered."),
        **{name: Text() for name in ("client_id", "client_name", "tenant", "project", "person", "app", "session")},
        "stopping": Flag(),
        "background": Flag(),
    },
)
RUNNING_LIST = body("RunningRequestList", {"data": RUNNING(many=True)})
STOP = body("StopRequest", {"request_id": Text(), "started": Number(help_text="As it is listed.")})
STOPPING = body("StoppingRequest", {"request_id": Text(), "stopping": Flag()})


def _seen(view: View) -> list[Running]:
    look()
    return told(view.caller.tenants)


class RunningRequests(View):
    """Requests in flight, as the workers have told in the last seconds: ask again after two"""

    scope = "running"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        parameters_of(request.query_params, ())
        return Response({"data": [msgspec.to_builtins(one) for one in _seen(self)]})


class StopRunning(Operation):
    """Stop a request in flight"""

    scope, taken = "running", STOP
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        data = self.told(request)
        wanted = data["request_id"], data["started"]
        found = next((one for one in _seen(self) if (one.request_id, one.started) == wanted), None)
        if found is None:
            raise not_found("request in flight", data["request_id"])
        with transaction.atomic():
            ask_to_stop(found.request_id, found.started)
            changes = {"stopped": [False, True], "key": [None, found.client_name]}
            name = found.request_id
            append([Told("changed", "openai_api.usagerecord", name, name[:100], changes=changes)], alone=True)
        return Response({"request_id": found.request_id, "stopping": True}, status=202)


# Prices

SYNC = body(
    "PriceSync",
    {
        "models": Texts(required=False, default=None, allow_null=True, help_text="Only these models; null: all."),
        "dry_run": Flag(required=False, default=False, help_text="Only say what would be added."),
    },
)
SYNCED_MODEL = body(
    "PricesOfModel",
    {
        "model": Text(),
        "added": Texts(help_text="A line for each price."),
        "why": Text(help_text="Why there are none; empty: there are."),
        "left_out": Texts(help_text="What the library says and the gateway does not know."),
    },
)
SYNCED = body("PricesSynced", {"source": Text(), "added": Count(), "data": SYNCED_MODEL(many=True)})


class SyncPrices(Operation):
    """Fill price lists from the installed library, as `manage.py sync_prices` does"""

    scope, taken = "prices", SYNC
    http_method_names = ["post"]

    def post(self, request: Any) -> Response:
        data = self.told(request)
        rows = ModelDefinition.objects.filter(origin="").order_by("name")
        if data["models"] is not None:
            rows = rows.filter(pk__in=[row.pk for row in find_named(rows, "model", "models", data["models"])])
        try:
            known = source()
            with transaction.atomic():
                lock()
                synced = list(plan(rows, datetime.now(UTC)))
                count = sum(len(one.added) for one in synced) if data["dry_run"] else apply(synced)
        except NotInstalled:
            raise Problem(409, "not_installed", "The library is not installed: pip install 'signalbox[prices]'.") from None
        told_ = [
            {"model": one.model.name, "added": list(map(str, one.added)), "why": one.why, "left_out": list(one.left_out)}
            for one in synced
        ]
        return Response({"source": str(known), "added": count, "data": told_})
