"""Which rows are asked about, and what do they say of routes that the gateway does not have at all? For pages and for the API.

The gateway knows what is served. Why a key is not let in, or a route is no target (it or its provider is switched off, a variable
is missing, it cannot do what is asked), stands in the rows and in the problems of the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from models_catalog.models import ClientKey, Fallback, ModelDefinition, Route
from openai_api.explain import here
from openai_api.explain.result import Explanation, Leg, Question, Reason, RouteSeen, Status

MOST_ROUTES = 200
MOST_FALLBACKS = 50


class NoSuchKey(LookupError):
    """No client key has that id or name, or several have that name; the message says which."""


def explain_request(question: Question, keys: QuerySet[ClientKey] | None = None) -> Explanation:
    """What would become of the request, by the worker of this process, with the routes that are left out and why. The question's
    `key` may be an id or a name of one of `keys` (None: all). Counts nothing, sends nothing. Not for an event loop's thread.
    Raises `NoSuchKey` and `here.NobodyAnswers`."""
    row = key_of(question.key, ClientKey.objects.all() if keys is None else keys) if question.key else None
    told = here.ask(msgspec.structs.replace(question, key=str(row.pk)) if row is not None else question)
    if row is not None:
        told.key = row.name
        _say_why(told, row)
    if told.capability:
        _add_left_out(told)
    elif told.asked_model:
        _say_of_model(told)
    return told


def key_of(asked: str, keys: QuerySet[ClientKey]) -> ClientKey:
    """The key of that id or name; of several of a name the only one in force. Raises `NoSuchKey`."""
    try:
        found = list(keys.filter(pk=UUID(asked)))
    except ValueError:
        found = []
    if not found and "\0" not in asked:
        found = list(keys.filter(name=asked[:200]).order_by("-created_at")[:10])
    if len(found) > 1:
        found = [row for row in found if row.enabled and row.revoked_at is None] or found[:1]
    if len(found) > 1:
        raise NoSuchKey(f"Several client keys are called {asked[:200]!r}. Give the id.")
    if not found:
        raise NoSuchKey(f"There is no client key {asked[:200]!r}.")
    return found[0]


def _say_why(told: Explanation, row: ClientKey) -> None:
    """Puts the reason of the key's row in place of "not let in"."""
    step = next((step for step in told.steps if step.name == "key" and step.code == "not_in_force"), None)
    reason = _why_not(row) if step is not None else None
    if step is not None and reason is not None:
        step.code, step.text = reason.code, reason.text


def _why_not(row: ClientKey) -> Reason | None:
    if row.revoked_at is not None:
        return Reason("revoked", f"The key {row.name} was revoked at {row.revoked_at:%Y-%m-%d %H:%M:%S} UTC.")
    if not row.enabled:
        return Reason("disabled", f"The key {row.name} is switched off.")
    if row.expires_at is not None and row.expires_at <= timezone.now():
        return Reason("expired", f"The key {row.name} expired at {row.expires_at:%Y-%m-%d %H:%M:%S} UTC.")
    project, person = row.project, row.person
    tenants = [owner.tenant for owner in (project, person) if owner is not None]
    for owner in (project, person, *tenants):
        if owner is not None and not owner.enabled:
            return Reason("owner_disabled", f"The {owner._meta.verbose_name} {owner} of the key {row.name} is switched off.")
    return None


def _add_left_out(told: Explanation) -> None:
    """Adds the routes of the models that are no targets, and fallback models of which nothing is served."""
    names = [told.pattern or told.model, *(leg.model for leg in told.legs[1:])]
    legs = {leg.model: leg for leg in told.legs}
    legs[names[0]] = legs.get(told.model) or _new_leg(told, told.model)
    missing = Fallback.objects.filter(model__name__in=names).exclude(fallback__name__in=names).select_related("fallback")
    for fallback in missing[:MOST_FALLBACKS]:
        legs.setdefault(fallback.fallback.name, _new_leg(told, fallback.fallback.name, fallback.fallback))
    found = Route.objects.filter(model__name__in=list(legs)).select_related("model", "provider").order_by("model", "position")
    providers = set()
    for route in found[:MOST_ROUTES]:
        leg = legs[route.model.name]
        providers.add(f"provider {route.provider.name}")
        if all(str(route.pk) != seen.id for seen in leg.routes):
            seen = RouteSeen(str(route.pk), leg.model, route.provider.name, route.upstream_model, Status.EXCLUDED)
            seen.weight, seen.circuit, seen.reasons = route.weight, "", list(_left_out(told, route))
            leg.routes.append(seen)
    told.problems = [one for one in told.problems if not one.code.startswith("provider ") or one.code in providers]


def _new_leg(told: Explanation, name: str, row: ModelDefinition | None = None) -> Leg:
    leg = Leg(name, name != told.model, row.strategy if row else "", row.num_retries if row else 0, [])
    told.legs.append(leg)
    return leg


def _left_out(told: Explanation, route: Route) -> Iterator[Reason]:
    """Why the route is no target for this request."""
    model, provider = route.model, route.provider
    if not model.enabled:
        yield Reason("model_disabled", f"The model {model.name} is switched off.")
    if not route.enabled:
        yield Reason("route_disabled", "The route is switched off.")
    if not provider.enabled:
        yield Reason("provider_disabled", f"The provider {provider.name} is switched off.")
    places = f"model {model.name}, route {route.name}", f"provider {provider.name}"
    wrong = [problem for problem in told.problems if problem.code in places]
    yield from (Reason("problem", problem.text) for problem in wrong)
    if model.enabled and route.enabled and provider.enabled and not wrong:
        what = "The model" if told.capability not in model.capabilities else "The route"
        yield Reason("capability", f"{what} does not have the capability {told.capability}.")


def _say_of_model(told: Explanation) -> None:
    """Why a model that is not served is not."""
    row = ModelDefinition.objects.filter(Q(name=told.asked_model[:200])).first() if "\0" not in told.asked_model else None
    step = next((step for step in told.steps if step.code == "unknown_model"), None)
    if row is None or step is None:
        return
    if not row.enabled:
        step.code, step.text = "model_disabled", f"The model {row.name} is switched off."
    else:
        wrong = " ".join(problem.text for problem in told.problems if problem.code == f"model {row.name}")
        step.code, step.text = "model_not_served", f"The model {row.name} is not served. {wrong}".strip()
