"""What is a model's price list, as files know it? Rows by the names of their routes, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models_catalog.models import ModelDefinition, Price, Route
from models_catalog.models.frozen import freeze, thaw
from models_catalog.tariffs import OVER


@dataclass(frozen=True, slots=True, order=True)
class PriceState:
    """A price: `route` is the name of the route, "" for all of them, `effective_from` in ISO 8601 and UTC, "" since ever, and
    `rates` frozen JSON."""

    route: str = ""
    effective_from: str = ""
    service_tier: str = ""
    rates: str = "{}"
    source: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What no two prices of a model have in common."""
        return self.route, self.effective_from, self.service_tier

    def __str__(self) -> str:
        rates = dict(thaw(self.rates))
        over = rates.pop(OVER, {})
        said = _said(rates) + "".join(f"; over {tokens} tokens in: {_said(longer)}" for tokens, longer in over.items())
        where = " ".join(part for part in (self.route, self.service_tier, self.effective_from) if part)
        return f"{where}: {said}" if where else said


def _said(rates: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {rate}" for name, rate in rates.items())


def moment_text(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment_of(text: str) -> datetime | None:
    """The moment of a text; one without a zone is in UTC. Raises `ValueError`."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def price_states(rows: Iterable[Price], routes: Mapping[Any, str]) -> tuple[PriceState, ...]:
    """The rows as states; `routes` are the names of routes by their ids."""
    return tuple(
        sorted(
            PriceState(
                "" if row.route_id is None else routes.get(row.route_id, ""),
                moment_text(row.effective_from),
                row.service_tier,
                freeze(row.rates),
                row.source,
            )
            for row in rows
        )
    )


def filled(model: ModelDefinition, state: PriceState, routes: Mapping[str, Route], row: Price | None = None) -> Price:
    """The row of a state, not saved."""
    found = row or Price(model=model)
    found.route = routes.get(state.route) if state.route else None
    found.effective_from, found.service_tier = moment_of(state.effective_from), state.service_tier
    found.rates, found.source = thaw(state.rates), state.source
    return found


def save_prices(model: ModelDefinition, states: Iterable[PriceState]) -> None:
    """Makes these the prices of the model. Rows that stay are not written."""
    routes = {route.name: route for route in model.routes.all()}
    names = {route.pk: name for name, route in routes.items()}
    left = {price_states([row], names)[0]: row for row in model.price_list.all()}
    new = [state for state in states if left.pop(state, None) is None]
    if left:
        Price.objects.filter(pk__in=[row.pk for row in left.values()]).delete()
    for state in new:
        if not state.route or state.route in routes:
            filled(model, state, routes).save()
