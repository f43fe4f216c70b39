"""Which paths does the management API have? A table of kinds of objects, and what is done to them."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from django.urls.resolvers import RegexPattern, URLResolver

from models_catalog.models import ChangeSet
from openai_api.database.request_search import FILTERS, OUTCOMES, TESTS
from openai_api.database.traffic import RANGES
from openai_api.manage import answers, figures, history, imports, openapi, operations, records, upstreams
from openai_api.manage.answers import CHANGE_SET, WHOLE_CHANGE_SET
from openai_api.manage.changes import ACTIONS as CHANGE_ACTIONS
from openai_api.manage.changes import CHANGES, DRAFT, Change, ChangeAction, Changes
from openai_api.manage.fields import body
from openai_api.manage.lists import PAGING
from openai_api.manage.reports import DIMENSIONS, INTERVALS, QUESTION, REQUESTS, USAGE, Explain, Request, Requests, Usage
from openai_api.manage.resources import keys, rows
from openai_api.manage.resources.base import Resource
from openai_api.manage.resources.hooks import Hooks
from openai_api.manage.resources.keys import Keys
from openai_api.manage.resources.models import Models
from openai_api.manage.resources.providers import Credentials, Providers
from openai_api.manage.resources.tokens import Tokens
from openai_api.manage.views import Action, Collection, Item

RESOURCES: tuple[Resource, ...] = (
    Models(),
    Providers(),
    Credentials(),
    Keys(),
    rows.Limits(),
    rows.Budgets(),
    rows.Tenants(),
    rows.Projects(),
    rows.People(),
    rows.AccessGroups(),
    Hooks(),
    Tokens(),
)
NOTHING = body("Nothing", {}, "An empty object, or no body at all.")
ACTIONS = (("keys/{address}/revoke", Keys(), NOTHING, keys.revoke), ("keys/{address}/rotate", Keys(), keys.ROTATION, keys.rotate))


OPERATIONS: tuple[tuple[str, str, type[Any], int, Any], ...] = (
    ("cache/purge", "purge_cache", operations.CachePurge, 200, operations.PURGED),
    ("running/stop", "stop_request", operations.StopRunning, 202, operations.STOPPING),
    ("prices/sync", "sync_prices", operations.SyncPrices, 200, operations.SYNCED),
    ("imports/config", "import_config", imports.ImportConfig, 200, imports.IMPORTED),
    ("imports/keys", "import_keys", imports.ImportClientKeys, 200, imports.ROWS),
    ("imports/provider-keys", "import_provider_keys", imports.ImportProviderKeys, 200, imports.ROWS),
    ("tests", "test_model", upstreams.TestModel, 200, upstreams.TESTED),
    ("offers/fill", "fill_models", upstreams.FillModels, 201, upstreams.FILLED),
    ("versions/restore", "restore_version", history.RestoreVersion, 200, history.RESTORED),
)
"""What is done by POST: its path, operation, view, status and answer."""
READ: tuple[tuple[str, str, type[Any], Any, Any, Any], ...] = (
    ("running", "list_running", operations.RunningRequests, operations.RUNNING_LIST, {}, {}),
    ("offers", "list_offers", upstreams.Offers, upstreams.OFFER_LIST, upstreams.OFFERS, {}),
    ("config", "get_config", imports.Configuration, imports.CONFIG, {}, {}),
    ("audit/verify", "verify_audit", history.VerifyAudit, history.VERDICT, history.HEAD, {}),
    ("versions", "list_versions", history.Versions, history.VERSION_LIST, history.VERSIONS, {"kind": history.VERSIONED}),
    ("overview", "get_overview", figures.Overview, figures.OVERVIEW, figures.RANGE, {"range": RANGES}),
    ("budgets/<str:address>/figures", "get_budget_figures", figures.BudgetFigures, figures.BUDGET_FIGURES, {}, {}),
    ("sessions/<str:address>/events", "list_session_events", records.SessionEvents, records.EVENT_LIST, records.EVENTS, {}),
)
"""What is read: its path, operation, view, answer, parameters, and the choices of those."""


def view(base: type[Any], resource: Resource, **members: Any) -> type[Any]:
    """A view of that kind of objects."""
    name = f"{resource.component}{base.__name__}"
    return type(name, (base,), {"resource": resource, "scope": resource.path, "__doc__": None, **members})


def _changes() -> list[URLPattern]:
    pages, one = {200: openapi.listed("ChangeSetList", CHANGE_SET)}, {200: WHOLE_CHANGE_SET}
    openapi.describe(Changes, "get", "list_changes", pages, CHANGES, chosen_from={"state": ChangeSet.State.values})
    openapi.describe(Changes, "post", "create_changes", {201: WHOLE_CHANGE_SET}, taken=DRAFT)
    openapi.describe(Change, "get", "get_changes", one)
    found = [path("changes", Changes.as_view()), path("changes/<str:address>", Change.as_view())]
    for name, (taken, does) in CHANGE_ACTIONS.items():
        made: Any = type(
            "ChangeAction", (ChangeAction,), {"taken": taken, "does": staticmethod(does), "__doc__": f"{name} a change set"}
        )
        openapi.describe(made, "post", f"{name.replace('-', '_')}_changes", one, taken=taken)
        found.append(path(f"changes/<str:address>/{name}", made.as_view()))
    return found


def _operations() -> list[URLPattern]:
    found = []
    for place, operation, of, status, answer in OPERATIONS:
        openapi.describe(of, "post", operation, {status: answer}, taken=of.taken)
        found.append(path(place, of.as_view()))
    for place, operation, of, answer, parameters, chosen_from in READ:
        openapi.describe(of, "get", operation, {200: answer}, parameters, chosen_from=chosen_from)
        found.append(path(place, of.as_view()))
    return found


def _records() -> list[URLPattern]:
    """Rows that are read, and some that are erased."""
    found = []
    for kind in records.KINDS:
        members = {"kind": kind, "scope": kind.path}
        name = kind.path.replace("-", "_")
        several: Any = type("Records", (records.Records,), {**members, "__doc__": f"A page of {kind.path}"})
        base = records.ErasableRecord if kind.erase else records.Record
        one: Any = type("Record", (base,), {**members, "__doc__": f"One {kind.kind}"})
        filters = {**{word: text for word, (text, _) in kind.filters.items()}, **PAGING}
        pages = {200: openapi.listed(f"{kind.component}List", kind.answer)}
        openapi.describe(several, "get", f"list_{name}", pages, filters, chosen_from=kind.chosen_from)
        openapi.describe(one, "get", f"get_{name}", {200: kind.answer})
        if kind.erase:
            openapi.describe(one, "delete", f"delete_{name}", {204: None})
        found += [path(kind.path, several.as_view()), path(f"{kind.path}/<str:address>", one.as_view())]
    return found


def _patterns() -> list[URLPattern]:
    found = _operations()
    for template, of, taken, does in ACTIONS:
        made = view(Action, of, body=taken, serializer_class=taken, does=staticmethod(does))
        openapi.describe_action(made, of, template.rpartition("/")[2])
        found.append(path(template.replace("{address}", "<str:address>"), made.as_view()))
    for resource in RESOURCES:
        several = view(Collection, resource, serializer_class=resource.serializer)
        openapi.describe_collection(several, resource)
        one = view(Item, resource, serializer_class=resource.serializer)
        openapi.describe_item(one, resource)
        found.append(path(resource.path, several.as_view()))
        found.append(path(f"{resource.path}/<path:address>", one.as_view()))
    openapi.describe(
        Usage, "get", "get_usage", {200: answers.USAGE}, USAGE, chosen_from={"group": (*DIMENSIONS, *INTERVALS), "by": INTERVALS}
    )
    pages, filters = {200: openapi.listed("RequestList", answers.REQUEST)}, dict.fromkeys(FILTERS, "as on the page of requests")
    openapi.describe(
        Requests, "get", "list_requests", pages, {**filters, **REQUESTS}, chosen_from={"outcome": OUTCOMES, "test": TESTS}
    )
    openapi.describe(Request, "get", "get_request", {200: answers.REQUEST})
    openapi.describe(Explain, "post", "explain", {200: answers.explanation()[0]}, taken=QUESTION)
    return [
        *found,
        *_changes(),
        *_records(),
        path("usage", Usage.as_view()),
        path("requests", Requests.as_view()),
        path("requests/<str:address>", Request.as_view()),
        path("explain", Explain.as_view()),
    ]


DOCUMENTED = tuple(_patterns())
urlpatterns = [path("openapi.json", openapi.serve(DOCUMENTED)), *DOCUMENTED]
RESOLVER = URLResolver(RegexPattern(r"^/manage/v1/"), urlpatterns)
