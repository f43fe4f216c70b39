"""Which routes of a model share, by its strategy and what they say, whoever of them is switched off?"""

from __future__ import annotations

import pytest

from models_catalog.compiler.targets import groups_of
from models_catalog.models import ModelDefinition, Route


@pytest.mark.parametrize(
    ("strategy", "shares", "groups"),
    [
        ("ordered", "----", ""),
        ("ordered", "-s--", "ab"),
        ("ordered", "-s-s", "ab cd"),
        ("ordered", "s---", ""),
        ("ordered", "--ss", "bcd"),
        ("weighted", "----", "abcd"),
        ("weighted", "-s--", "abcd"),
        ("least_busy", "----", "abcd"),
        ("fastest", "-s--", "ab"),
        ("cheapest", "---s", "cd"),
    ],
)
def test_routes_when_a_model_is_compiled_are_grouped_by_strategy_and_marks(strategy: str, shares: str, groups: str) -> None:
    routes = [Route(pk=place, shares=mark == "s", enabled=place != 1) for place, mark in enumerate(shares)]
    found: dict[int, str] = {}
    for place, group in groups_of(ModelDefinition(strategy=strategy), routes).items():
        found[group] = found.get(group, "") + "abcd"[place]
    assert " ".join(found.values()) == groups
