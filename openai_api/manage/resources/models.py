"""Which models are there, with their routes, fallbacks and prices? Each is one object, as it is one table of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from models_catalog import validation
from models_catalog.changes.apply import apply
from models_catalog.changes.prices import PriceState, filled, moment_text
from models_catalog.changes.rows import fill_route
from models_catalog.changes.state import CatalogState, ModelState, RouteState, grouped, model_state
from models_catalog.config.check import errors_of
from models_catalog.config.table import nearest
from models_catalog.models import Fallback, ModelDefinition, Price, Provider, Route
from models_catalog.models.columns import columns_of, fill
from models_catalog.models.frozen import Settings, freeze, thaw
from openai_api.manage.access import Caller
from openai_api.manage.bounds import OF_JSON
from openai_api.manage.fields import Moment, Object, Text, Texts, amount, body, column_fields, field_of, moment, several
from openai_api.manage.problems import fields_of
from openai_api.manage.resources.base import Data, Resource, check_all, equal, flag

ROUTE = body(
    "Route",
    {
        "name": Text(required=False, default="", help_text="Unique in the model; empty: the provider's name."),
        "provider": Text(help_text="The name of the provider."),
        **column_fields(Route),
    },
)
PRICE = body(
    "Price",
    {
        "route": Text(required=False, default="", help_text="The name of the route; empty: every route."),
        "effective_from": Moment(required=False, default=None, allow_null=True, help_text="null: since ever."),
        "service_tier": field_of(Price, "service_tier"),
        "rates": Object(told=OF_JSON[Price, "rates"], help_text=Price._meta.get_field("rates").help_text),
        "source": field_of(Price, "source"),
    },
)
MODEL = body(
    "Model",
    {
        "name": field_of(ModelDefinition, "name"),
        **column_fields(ModelDefinition),
        "routes": several(ROUTE, help_text="Tried in this order."),
        "fallback_models": Texts(required=False, default=list, help_text="Tried in this order when all routes have failed."),
        "prices": several(PRICE),
        "origin": field_of(ModelDefinition, "origin"),
        "created_at": field_of(ModelDefinition, "created_at", read_only=True),
        "updated_at": field_of(ModelDefinition, "updated_at", read_only=True),
    },
)


def as_json(settings: Settings, model: Any) -> Data:
    """The columns of a state as members of an object."""
    return {
        column.name: _plain(column.kind.thaw(settings[column.name])) for column in columns_of(model) if column.name in settings
    }


def _plain(value: Any) -> Any:
    return amount(value) if hasattr(value, "is_finite") else value


def from_json(data: Mapping[str, Any], model: Any) -> Settings:
    """The columns of a state, from members of an object that has them all."""
    return Settings({column.name: column.kind.freeze(data[column.name]) for column in columns_of(model)})


class Models(Resource):
    path, kind, component, named = "models", "model", "Model", True
    serializer = MODEL
    filters = {
        "enabled": ("`true` or `false`", flag("enabled")),
        "provider": ("the name of a provider that a route of it has", lambda rows, text: rows.filter(pk__in=_served_by(text))),
        "search": ("a part of its name", equal("name__icontains")),
    }

    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        return ModelDefinition.objects.all()

    def shown(self, rows: Sequence[ModelDefinition]) -> list[Data]:
        return [_shown(row, state) for row, state in zip(rows, model_states(rows), strict=True)]

    def write(self, caller: Caller, row: ModelDefinition | None, name: str, data: Data) -> str:
        before = {} if row is None else {name: model_states([row])[0]}
        state = _state(name, data)
        if before.get(name) != state:
            _check(name, state)
            apply(CatalogState(models=before), CatalogState(models={name: state}))
        return name

    def remove(self, row: ModelDefinition) -> None:
        row.delete()


def _served_by(provider: str) -> Any:
    return Route.objects.filter(provider__name=provider).values("model_id")


def model_states(rows: Sequence[ModelDefinition]) -> list[ModelState]:
    """The states of rows, in three queries."""
    ids = [row.pk for row in rows]
    routes = grouped(Route.objects.filter(model__in=ids).select_related("provider").order_by("position", "pk"), "model_id")
    fallbacks = grouped(Fallback.objects.filter(model__in=ids).select_related("fallback").order_by("position", "pk"), "model_id")
    prices = grouped(Price.objects.filter(model__in=ids).order_by("pk"), "model_id")
    return [model_state(row, routes[row.pk], fallbacks[row.pk], prices[row.pk]) for row in rows]


def _shown(row: ModelDefinition, state: ModelState) -> Data:
    return {
        "name": row.name,
        **as_json(state.settings, ModelDefinition),
        "routes": [{"name": one.name, "provider": one.provider, **as_json(one.settings, Route)} for one in state.routes],
        "fallback_models": list(state.fallbacks),
        "prices": [_price(price) for price in state.prices],
        "origin": row.origin,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def _price(state: PriceState) -> Data:
    return {
        "route": state.route,
        "effective_from": state.effective_from or None,
        "service_tier": state.service_tier,
        "rates": thaw(state.rates),
        "source": state.source,
    }


def _state(name: str, data: Data) -> ModelState:
    return ModelState(
        from_json(data, ModelDefinition),
        tuple(_route(name, one) for one in data["routes"]),
        tuple(data["fallback_models"]),
        tuple(sorted(_price_state(one) for one in data["prices"])),
    )


def _route(model: str, data: Data) -> RouteState:
    settings = from_json({**data, "upstream_model": data["upstream_model"] or model}, Route)
    return RouteState(data["name"] or data["provider"], data["provider"], settings)


def _price_state(data: Data) -> PriceState:
    since = moment_text(data["effective_from"])
    return PriceState(data["route"], since, data["service_tier"], freeze(data["rates"]), data["source"])


def _check(name: str, state: ModelState) -> None:
    """The rules of the catalog. Raises `Problem` with all that is wrong."""
    row = ModelDefinition(name=name)
    fill(row, state.settings)
    found = dict(errors_of(row))
    found |= _routes_errors(state)
    found |= _prices_errors(row, state)
    found |= _fallback_errors(name, state.fallbacks)
    check_all(found)


def _routes_errors(state: ModelState) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    providers = set(Provider.objects.values_list("name", flat=True))
    for number, route in enumerate(state.routes):
        row = Route()
        fill_route(row, route, number)
        errors = errors_of(row)
        if route.provider not in providers:
            errors["provider"] = [f"Unknown provider {route.provider[:200]!r}{nearest(route.provider, providers)}."]
        found |= {f"routes.{number}.{column}": texts for column, texts in errors.items()}
    try:
        validation.check_routing([route.name for route in state.routes], enabled=state.settings["enabled"] is True)
    except ValidationError as error:
        found["routes"] = error.messages
    return found


def _prices_errors(model: ModelDefinition, state: ModelState) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    routes, counts = {"", *(route.name for route in state.routes)}, Counter(price.key for price in state.prices)
    for number, price in enumerate(state.prices):
        errors = errors_of(filled(model, price, {}))
        if price.route not in routes:
            errors["route"] = [f"Unknown route {price.route[:200]!r}{nearest(price.route, routes)}."]
        if counts[price.key] > 1:
            errors["effective_from"] = ["There is another price for the same route, tier and moment."]
        found |= {f"prices.{number}.{column}": texts for column, texts in errors.items()}
    return found


def _fallback_errors(name: str, fallbacks: tuple[str, ...]) -> dict[str, list[str]]:
    if not fallbacks:
        return {}
    known = {*ModelDefinition.objects.values_list("name", flat=True), name}
    if unknown := [one for one in fallbacks if one not in known]:
        return {"fallback_models": [f"Unknown model {one[:200]!r}{nearest(one, known)}." for one in unknown[:20]]}
    graph: dict[str, list[str]] = {}
    for entry in Fallback.objects.select_related("model", "fallback").order_by("position", "pk"):
        graph.setdefault(entry.model.name, []).append(entry.fallback.name)
    try:
        validation.check_fallbacks(name, fallbacks, graph)
    except ValidationError as error:
        return fields_of(ValidationError({"fallback_models": error.messages}))
    return {}
