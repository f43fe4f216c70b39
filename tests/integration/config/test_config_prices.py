"""Are price lists read from files, and written so that reading them again changes nothing?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from models_catalog.compiler import compile_snapshot
from models_catalog.models import ModelDefinition, Price
from models_catalog.tariffs import Rates
from tests.integration.config.conftest import Manage, Write

PRICED = """
[models."m"]
routing = ["first", "second"]
[models."m".providers.first]
type = "openai"
api_key_location = "none"
model_name = "up"
[models."m".providers.second]
type = "groq"
api_key_location = "none"
model_name = "up"
[[models."m".prices]]
input = 2.5
cached = 0.25
[[models."m".prices]]
route = "second"
service_tier = "flex"
effective_from = 2026-11-01T00:00:00Z
output = 5
image = 0.04
source = "a contract"
[models."m".prices.over.200000]
output = 7.5
"""
LITELLM = """
model_list:
  - model_name: m
    litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}
    model_info:
      input_cost_per_token: 0.0000025
      output_cost_per_token: 0.00001
      cache_read_input_token_cost: 0.00000125
      input_cost_per_token_flex: 0.00000125
      output_cost_per_audio_token: 0.00008
      input_cost_per_token_above_200k_tokens: 0.000005
  - model_name: whisper
    litellm_params: {model: openai/whisper-1, api_key: os.environ/OPENAI_API_KEY, input_cost_per_second: 0.0001}
"""


def test_prices_when_exported_and_imported_then_nothing_changes(manage: Manage, write: Write, tmp_path: Path) -> None:
    manage("import_config", str(write(PRICED)))
    rows = {(row.route.name if row.route else "", row.service_tier): row for row in Price.objects.select_related("route")}
    assert rows["", ""].rates == {"input": 2.5, "cached": 0.25}
    assert (rows["second", "flex"].rates, rows["second", "flex"].source) == (
        {"output": 5, "image": 0.04, "over": {"200000": {"output": 7.5}}},
        "a contract",
    )
    first = tmp_path / "exported.toml"
    first.write_text(manage("export_config").out)
    assert "nothing to change" in manage("import_config", str(first)).out
    assert set(Price.objects.values_list("pk", flat=True)) == {row.pk for row in rows.values()}
    without = PRICED[: PRICED.index("[[models")]
    assert "nothing to change" in manage("import_config", str(write(without))).out  # a file that does not mention them
    manage("import_config", str(write(without.replace("routing =", "prices = []\nrouting ="))))
    assert not Price.objects.exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("input = 2.5", "input = -1", "must be a finite number", id="negative"),
        pytest.param("input = 2.5", "input = nan", "must be a finite number", id="not_a_number"),
        pytest.param("input = 2.5", "inptu = 2.5", "unknown rate", id="an_unknown_rate"),
        pytest.param("input = 2.5", 'input = 2.5\ncurrency = "EUR"', 'only "USD" is supported', id="another_currency"),
        pytest.param('route = "second"', 'route = "third"', "not one of the model's routes", id="an_unknown_route"),
        pytest.param("2026-11-01T00:00:00Z", '"someday"', "must be a date or a time", id="no_moment"),
        pytest.param("output = 7.5", "outptu = 7.5", "Unknown: outptu", id="an_unknown_rate_of_long_requests"),
        pytest.param(
            'route = "second"\nservice_tier = "flex"\neffective_from = 2026-11-01T00:00:00Z\n', "", "another price", id="twice"
        ),
    ],
)
def test_prices_when_a_file_has_wrong_ones_then_it_is_refused(
    old: str, new: str, told: str, manage: Manage, write: Write
) -> None:
    with pytest.raises(CommandError, match=told):
        manage("import_config", str(write(PRICED.replace(old, new, 1))))
    assert not ModelDefinition.objects.exists()


def test_litellm_s_rates_when_imported_then_all_of_them_count(
    manage: Manage, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "0" * 30)
    manage("import_config", str(write(LITELLM, "config.yaml")))
    models = compile_snapshot().models
    prices = models["m"].prices.at(0)
    told: dict[str, Any] = {"cached": 1_250_000, "audio_output": 80_000_000}
    assert prices.standard == Rates(2_500_000, 10_000_000, **told, over=((200_000, Rates(5_000_000, 10_000_000, **told)),))
    assert prices.of("flex").input == 1_250_000
    assert models["whisper"].prices.rates(0) == Rates(audio_second=100_000_000)
