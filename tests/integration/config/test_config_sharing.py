"""Do files say which routes of a model share, and come LiteLLM's groups in as they were there?"""

from __future__ import annotations

import pytest

from models_catalog.models import ModelDefinition, Route
from tests.integration.config.conftest import Manage, Write

OWN = """
[providers.one]
type = "openai_compatible"
api_base = "http://127.0.0.1:9000/v1"

[models."m"]
routing = ["a", "b", "c"]
strategy = "least_busy"
affinity = false

[models."m".providers.a]
provider = "one"
model_name = "x"
rpm = 100

[models."m".providers.b]
provider = "one"
model_name = "y"
shares = true
weight = 2.5
tpm = 9000
max_concurrent = 4

[models."m".providers.c]
provider = "one"
model_name = "z"
weight = 0
"""


def shared(name: str = "m") -> list[tuple[object, ...]]:
    rows = Route.objects.filter(model__name=name).order_by("position")
    return [(row.shares, row.weight, row.rpm, row.tpm, row.max_concurrent) for row in rows]


def entries(*parameters: str) -> str:
    return "model_list:\n" + "".join(f"- {{model_name: m, litellm_params: {{model: openai/x, {one}}}}}\n" for one in parameters)


def test_own_format_when_exported_and_imported_again_says_the_same(manage: Manage, write: Write) -> None:
    manage("import_config", write(OWN, "own.toml"))
    model = ModelDefinition.objects.get(name="m")
    assert (model.strategy, model.affinity) == ("least_busy", False)
    assert shared() == [(False, 1.0, 100, None, None), (True, 2.5, None, 9000, 4), (False, 0.0, None, None, None)]
    exported = manage("export_config").out
    assert manage("import_config", write(exported, "again.toml")).lines == ["nothing to change"]
    assert 'strategy = "least_busy"' in exported
    shown = manage("show_catalog").out
    assert "by least_busy" in shown
    assert "(shares with the one above, weight 2.5, tpm 9000, max_concurrent 4)" in shown


def test_change_of_a_weight_is_told_as_one_change(manage: Manage, write: Write) -> None:
    manage("import_config", write(OWN, "own.toml"))
    output = manage("import_config", write(OWN.replace("weight = 2.5", "weight = 3"), "own.toml"))
    assert output.lines[-1] == "1 change made"
    assert "weight 2.5 → 3" in output.lines[0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("weight = -1", "weight"),
        ("rpm = 0", "rpm"),
        ("max_concurrent = 1.5", "max_concurrent"),
        ('strategy = "best"', "strategy"),
    ],
    ids=["weight", "rpm", "concurrent", "strategy"],
)
def test_value_that_cannot_be_is_told_with_its_place(manage: Manage, write: Write, line: str, told: str) -> None:
    text = OWN.replace('strategy = "least_busy"', line) if told == "strategy" else OWN.replace("weight = 0\n", f"{line}\n")
    with pytest.raises(Exception, match=told):
        manage("import_config", write(text, "own.toml"))
    assert not Route.objects.exists()


@pytest.mark.parametrize(
    ("strategy", "stored"),
    [
        ("", "weighted"),
        ("simple-shuffle", "weighted"),
        ("least-busy", "least_busy"),
        ("latency-based-routing", "fastest"),
        ("cost-based-routing", "cheapest"),
        ("usage-based-routing", "least_busy"),
        ("usage-based-routing-v2", "least_busy"),
    ],
)
def test_strategy_of_litellm_becomes_the_one_here(manage: Manage, write: Write, strategy: str, stored: str) -> None:
    settings = f"router_settings: {{routing_strategy: {strategy}}}\n" if strategy else ""
    output = manage("import_config", write(entries("api_base: http://a", "api_base: http://b") + settings, "c.yaml"))
    assert ModelDefinition.objects.get().strategy == stored
    assert ("which is the nearest" in output.err) is strategy.startswith("usage")
    assert [row[0] for row in shared()] == [False, True]


def test_unknown_strategy_is_told_and_left_out(manage: Manage, write: Write) -> None:
    text = entries("api_base: http://a", "api_base: http://b") + "router_settings: {routing_strategy: by-moon}\n"
    output = manage("import_config", write(text, "c.yaml"))
    assert "router_settings.routing_strategy: unknown strategy 'by-moon'" in output.err


def test_entries_of_equal_order_share_and_others_follow(manage: Manage, write: Write) -> None:
    text = entries("order: 2, rpm: 7", "order: 1, weight: 9", "order: 1, weight: 1, tpm: 5000, max_parallel_requests: 3")
    manage("import_config", write(text, "c.yaml"))
    assert ModelDefinition.objects.get().strategy == "ordered"
    assert shared() == [(False, 9.0, None, None, None), (True, 1.0, None, 5000, 3), (False, 1.0, 7, None, None)]


def test_orders_that_all_differ_are_served_in_order_by_any_strategy(manage: Manage, write: Write) -> None:
    text = entries("order: 1", "order: 2") + "router_settings: {routing_strategy: least-busy}\n"
    manage("import_config", write(text, "c.yaml"))
    assert ModelDefinition.objects.get().strategy == "ordered"
    assert [row[0] for row in shared()] == [False, False]


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        (("weight: 3", "timeout: 5"), [3.0, 1.0]),
        (("weight: 0", "weight: 2"), [0.0, 2.0]),
        (("rpm: 900", "rpm: 300"), [3.0, 1.0]),
        (("tpm: 10", "tpm: '25'"), [1.0, 2.5]),
        (("rpm: 900", "timeout: 5"), [1.0, 1.0]),
    ],
    ids=["one-weight", "zero", "by-rpm", "by-tpm", "one-rpm"],
)
def test_weights_are_those_that_litellm_picks_by(
    manage: Manage, write: Write, given: tuple[str, ...], weights: list[float]
) -> None:
    manage("import_config", write(entries(*given), "c.yaml"))
    assert [row[1] for row in shared()] == weights


@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy", "latency-based-routing", "cost-based-routing"])
def test_group_of_litellm_when_exported_and_imported_again_says_the_same(manage: Manage, write: Write, strategy: str) -> None:
    given = entries("order: 1, rpm: 900, weight: 2", "order: 1, rpm: 300, tpm: 5000", "order: 2, max_parallel_requests: 3")
    text = given + f"router_settings: {{routing_strategy: {strategy}}}\n"
    manage("import_config", write(text, "c.yaml"))
    before = ModelDefinition.objects.get().strategy, shared()
    assert manage("import_config", write(text, "c.yaml")).lines == ["nothing to change"]
    exported = manage("export_config").out
    ModelDefinition.objects.all().delete()
    manage("import_config", write(exported, "own.toml"))
    assert (ModelDefinition.objects.get().strategy, shared()) == before
    assert [row[2:] for row in before[1]] == [(900, None, None), (300, 5000, None), (None, None, 3)]
