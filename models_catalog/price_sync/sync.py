"""What would the library's prices change in the price lists? Only rows that came from it are added to; an operator's own stay.

A price that was changed at the library without a day from which it holds is a new row from now on: what was served before cost
what it cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models_catalog.changes.prices import PriceState, filled, moment_text, price_states
from models_catalog.models import ModelDefinition, Price, Route
from models_catalog.price_sync.known import PACKAGE, Known, find
from models_catalog.snapshot import STAR


@dataclass(frozen=True, slots=True)
class ModelSync:
    """What becomes of one model: the rows that are added, or why there are none."""

    model: ModelDefinition
    added: tuple[PriceState, ...] = ()
    why: str = ""
    left_out: tuple[str, ...] = ()


def plan(models: Iterable[ModelDefinition], now: datetime) -> Iterator[ModelSync]:
    """What is to be done for each model. Raises `NotInstalled`."""
    for model in models:
        yield _planned(model, now)


def apply(synced: Iterable[ModelSync]) -> int:
    """Adds the rows; how many. The caller owns the transaction."""
    count = 0
    for sync in synced:
        routes = {route.name: route for route in sync.model.routes.all()}
        for state in sync.added:
            filled(sync.model, state, routes).save()
            count += 1
    return count


def _planned(model: ModelDefinition, now: datetime) -> ModelSync:
    rows, routes = list(model.price_list.all()), list(model.routes.select_related("provider"))
    if has_own(model, rows):
        return ModelSync(model, why="has prices of its own")
    if model.name.endswith(STAR):
        return ModelSync(model, why="is a wildcard")
    found = [(route, find(route.provider.type, route.provider.api_base, route.upstream_model)) for route in routes]
    known = [(route, one) for route, one in found if one is not None]
    if not known:
        return ModelSync(model, why="is not known to the library")
    wanted = _wanted(known, len(routes))
    there = price_states(rows, {route.pk: route.name for route in routes})
    left_out = tuple(sorted({text for _, one in known for text in one.left_out}))
    return ModelSync(model, tuple(_added(wanted, there, now)), left_out=left_out)


def has_own(model: ModelDefinition, rows: Iterable[Price]) -> bool:
    """Whether somebody has entered a price of the model."""
    columns = model.input_price is not None or model.output_price is not None
    return columns or any(not row.source.startswith(PACKAGE) for row in rows)


def _wanted(known: Sequence[tuple[Route, Known]], routes: int) -> list[PriceState]:
    """For all routes where they are alike, else for each."""
    alike = len({one.prices for _, one in known}) == 1 and len(known) == routes
    if alike:
        return list(known[0][1].prices)
    return [replace(price, route=route.name) for route, one in known for price in one.prices]


def _added(wanted: Iterable[PriceState], there: Sequence[PriceState], now: datetime) -> Iterator[PriceState]:
    """The rows that are missing. One whose moment is taken by other rates begins now."""
    keys = {state.key: state for state in there}
    for price in wanted:
        same = keys.get(price.key)
        if same is None:
            yield price
        elif same.rates != price.rates and _latest(there, price).rates != price.rates:
            yield replace(price, effective_from=moment_text(now.replace(microsecond=0)))


def _latest(there: Sequence[PriceState], price: PriceState) -> PriceState:
    """The row of the same route and tier that began last."""
    alike = [state for state in there if (state.route, state.service_tier) == (price.route, price.service_tier)]
    return max(alike, key=lambda state: state.effective_from)
