"""Is a row's class the whole table of its fields: limits, defaults, places in files and elsewhere?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin

from models_catalog.admin.pages.models import ModelDefinitionAdmin
from models_catalog.models import ModelDefinition, Provider, Route
from models_catalog.models.columns import Column, columns_of, fill, put, settings_for, settings_of
from models_catalog.models.frozen import Settings, freeze

ROWS = (ModelDefinition, Provider, Route)
EVERY = [pytest.param(column, id=f"{row.__name__}.{column.name}") for row in ROWS for column in columns_of(row)]
BY_NAME = {column.name: column for column in columns_of(ModelDefinition)}


def leaves(fields: Any) -> list[str]:
    """The names in a fieldset, whose rows may be tuples."""
    return [name for field in fields for name in ([field] if isinstance(field, str) else field)]


@pytest.mark.parametrize("column", EVERY)
def test_column_when_a_file_says_nothing_then_a_row_takes_what_that_means(column: Column) -> None:
    row = next(row for row in ROWS if column in columns_of(row))()
    fill(row, settings_for(type(row)))
    value = getattr(row, column.name)
    assert column.kind.freeze(value) == column.absent
    assert hash(column.absent) == hash(column.kind.freeze(value))


def test_column_when_its_field_has_validators_then_files_have_the_same_limits() -> None:
    limits = {name: (BY_NAME[name].least, BY_NAME[name].most) for name in ("num_retries", "context_length", "idle_timeout_s")}
    assert limits == {"num_retries": (0, 32767), "context_length": (1, 10**9), "idle_timeout_s": (0.001, float("inf"))}


def test_column_when_absence_means_another_value_than_a_new_row_has_then_it_is_that_of_files() -> None:
    assert (BY_NAME["num_retries"].absent, ModelDefinition().num_retries) == (0, 2)


@pytest.mark.parametrize("place", ["file", "listed", "card"])
def test_columns_when_they_share_a_place_then_never_the_same(place: str) -> None:
    for row in ROWS:
        places = [getattr(column, place) for column in columns_of(row) if getattr(column, place)]
        assert len(set(places)) == len(places)


def test_admin_when_a_column_is_added_then_its_page_has_it_once() -> None:
    page = ModelDefinitionAdmin(ModelDefinition, admin.site)
    shown = [name for _, tab in page.fieldsets or () for name in leaves(tab["fields"])]
    assert sorted(shown) == sorted(["name", *BY_NAME])


def test_settings_when_equal_then_hash_alike_and_show_no_values() -> None:
    one = settings_of(Provider(type="openai"), extra_headers=freeze({"x-team": "sk-canary"}))
    other = one.replaced(type="vllm").replaced(type="openai")
    assert (one, hash(one)) == (other, hash(other))
    assert one != one.replaced(enabled=False)
    assert "canary" not in repr(one)
    assert Settings({"a": Decimal("1.50")}) == Settings({"a": Decimal("1.5")})


def test_put_when_paths_share_a_table_then_both_are_in_it() -> None:
    found: dict[str, Any] = {}
    put(found, "pricing.input", 1)
    put(found, "pricing.output", 2)
    put(found, "name", "x")
    assert found == {"pricing": {"input": 1, "output": 2}, "name": "x"}
