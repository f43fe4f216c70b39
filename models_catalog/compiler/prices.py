"""What is made of a model's prices? Its price list; a row that breaks its own rules is reported and left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.core.exceptions import ValidationError

from models_catalog import rule_validation
from models_catalog.compiler.problems import Problems
from models_catalog.models import ModelDefinition, Price
from models_catalog.tariffs import DatedPrice, PriceList, rates_of

Ids = Mapping[int, Sequence[str]]


def price_list(model: ModelDefinition, rows: Iterable[Price], ids: Ids, problems: Problems) -> PriceList:
    """The prices of a model by its own columns and its rows. `ids` are those of the targets of its routes."""
    base = rates_of({"input": model.input_price, "output": model.output_price})
    return PriceList(base, _sound(model, rows, ids, problems))


def _sound(model: ModelDefinition, rows: Iterable[Price], ids: Ids, problems: Problems) -> Iterator[DatedPrice]:
    for row in rows:
        try:
            rule_validation.clean_rates(row.rates)
            since = float("-inf") if row.effective_from is None else row.effective_from.timestamp()
            rates, routes = rates_of(row.rates), [""] if row.route_id is None else ids.get(row.route_id, ())
            yield from (DatedPrice(rates, since, route, row.service_tier) for route in routes)
        except ValidationError as error:
            message = f"A price is skipped: {' '.join(error.messages)}"
            problems.report(f"model {model.name}", message, model, harmless=True)
