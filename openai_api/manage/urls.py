"""Which paths does the management API have? A table of kinds of objects, and what is done to them."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from django.urls.resolvers import RegexPattern, URLResolver

from models_catalog.models import ChangeSet
from openai_api.database.request_search import FILTERS, OUTCOMES, TESTS
from openai_api.manage import answers, openapi
from openai_api.manage.answers import CHANGE_SET, WHOLE_CHANGE_SET
from openai_api.manage.changes import ACTIONS as CHANGE_ACTIONS
from openai_api.manage.changes import CHANGES, DRAFT, Change, ChangeAction, Changes
from openai_api.manage.fields import body
from openai_api.manage.reports import DIMENSIONS, INTERVALS, QUESTION, REQUESTS, USAGE, Explain, Request, Requests, Usage
from openai_api.manage.resources import keys, rows
from openai_api.manage.resources.base import Resource
from openai_api.manage.resources.keys import Keys
from openai_api.manage.resources.models import Models
from openai_api.manage.resources.providers import Credentials, Providers
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
)
NOTHING = body("Nothing", {}, "An empty object, or no body at all.")
ACTIONS = (("keys/{address}/revoke", Keys(), NOTHING, keys.revoke), ("keys/{address}/rotate", Keys(), keys.ROTATION, keys.rotate))


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


def _patterns() -> list[URLPattern]:
    found: list[URLPattern] = []
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
        path("usage", Usage.as_view()),
        path("requests", Requests.as_view()),
        path("requests/<str:address>", Request.as_view()),
        path("explain", Explain.as_view()),
    ]


DOCUMENTED = tuple(_patterns())
urlpatterns = [path("openapi.json", openapi.serve(DOCUMENTED)), *DOCUMENTED]
RESOLVER = URLResolver(RegexPattern(r"^/manage/v1/"), urlpatterns)
