"""Can an operator say on a model's page how its routes share: by which strategy, with which weights and up to which limits?"""

from __future__ import annotations

import pytest

from models_catalog.models import ModelDefinition
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors


@pytest.fixture
def row(catalog: Catalog) -> ModelDefinition:
    return catalog.model("gpt", catalog.provider("a"), catalog.provider("b"))


def change(row: ModelDefinition) -> str:
    return address(ModelDefinition, "change", row)


def shared(row: ModelDefinition) -> list[tuple[object, ...]]:
    fields = ("shares", "weight", "rpm", "tpm", "max_concurrent")
    return list(row.routes.order_by("position").values_list(*fields))


@pytest.mark.parametrize("strategy", ["ordered", "weighted", "least_busy", "fastest", "cheapest"])
def test_strategy_and_affinity_when_chosen_are_saved_and_shown(pages: Pages, row: ModelDefinition, strategy: str) -> None:
    pages.save(change(row), {"strategy": strategy}, remove=("affinity",))
    row.refresh_from_db()
    assert (row.strategy, row.affinity) == (strategy, False)
    form = pages.open(change(row)).context["adminform"].form
    assert form["strategy"].value() == strategy


def test_weights_and_limits_of_routes_when_entered_are_saved_and_left_empty_they_are_the_usual(
    pages: Pages, row: ModelDefinition
) -> None:
    second = {"routes-1-shares": "on", "routes-1-weight": "2.5", "routes-1-rpm": "60", "routes-1-tpm": "9000"}
    pages.save(change(row), {"routes-0-weight": "3", "routes-0-max_concurrent": "4", **second})
    assert shared(row) == [(False, 3.0, None, None, 4), (True, 2.5, 60, 9000, None)]
    pages.save(change(row), {"routes-0-weight": "", "routes-1-rpm": ""})
    assert shared(row) == [(False, 1.0, None, None, 4), (True, 2.5, None, 9000, None)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("routes-1-weight", "-1"),
        ("routes-1-weight", "much"),
        ("routes-1-rpm", "0"),
        ("routes-1-tpm", "-5"),
        ("routes-1-max_concurrent", "1.5"),
        ("strategy", "best"),
    ],
)
def test_value_that_cannot_be_is_shown_where_it_was_entered(pages: Pages, row: ModelDefinition, field: str, value: str) -> None:
    before = shared(row)
    assert list(errors(pages.send(change(row), {field: value}))) == [field]
    assert shared(row) == before
