"""Which rows does the library's data make, and does a second run leave them as they are?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from models_catalog.compiler import compile_snapshot
from models_catalog.models import ModelDefinition, Price, Provider, Route
from models_catalog.price_sync.known import PACKAGE, find, source
from models_catalog.price_sync.sync import plan
from models_catalog.tariffs import rates_of

pytestmark = pytest.mark.django_db


def define(name: str, kind: str, upstream_model: str, **fields: object) -> ModelDefinition:
    provider, _ = Provider.objects.get_or_create(name=kind, defaults={"type": kind})
    model = ModelDefinition.objects.create(name=name, **fields)
    Route.objects.create(model=model, provider=provider, upstream_model=upstream_model)
    return model


def synced(*arguments: str) -> str:
    out = StringIO()
    call_command("sync_prices", *arguments, stdout=out)
    return out.getvalue()


def test_sync_when_the_library_knows_a_model_then_its_prices_are_rows_with_their_source() -> None:
    define("mine", "openai", "gpt-4o")
    define("other", "openai", "no such model")
    assert "+ mine: " in (dry := synced("--dry-run"))
    assert "other: is not known to the library" in dry
    assert not Price.objects.exists()
    synced()
    rows = list(Price.objects.filter(model__name="mine"))
    assert {row.source for row in rows} == {source()}
    assert {"", "priority", "batch"} <= {row.service_tier for row in rows}
    standard = compile_snapshot().models["mine"].prices.rates(datetime.now(UTC).timestamp())
    assert (standard.input, standard.output, standard.cached) == (2_500_000, 10_000_000, 1_250_000)
    assert "0 prices added" in synced()


def test_sync_when_prices_have_been_entered_by_hand_then_they_stay() -> None:
    define("column", "openai", "gpt-4o", input_price="1")
    row = define("row", "openai", "gpt-4o")
    Price.objects.create(model=row, rates={"input": 1})
    said = synced()
    assert "column: has prices of its own" in said
    assert "row: has prices of its own" in said
    assert Price.objects.count() == 1


def test_sync_when_the_library_has_changed_a_price_then_a_new_one_begins_now() -> None:
    model = define("mine", "anthropic", "claude-sonnet-4-5")
    synced("--model", "mine")
    Price.objects.filter(model=model, service_tier="").update(rates={"input": 99, "output": 99}, source=f"{PACKAGE} 0.1")
    now = datetime.now(UTC)
    (found,) = plan([model], now)
    (added,) = found.added
    assert added.effective_from == now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    synced()
    prices = compile_snapshot().models["mine"].prices
    assert prices.rates((now - timedelta(days=1)).timestamp()).input == 99_000_000
    assert prices.rates((now + timedelta(days=1)).timestamp()).input == 3_000_000
    assert "0 prices added" in synced()


def test_sync_when_routes_cost_otherwise_then_each_has_its_own_row() -> None:
    model = define("mine", "openai", "gpt-4o")
    provider = Provider.objects.create(name="second", type="anthropic")
    Route.objects.create(model=model, provider=provider, upstream_model="claude-sonnet-4-5")
    synced()
    assert {row.route.name for row in Price.objects.filter(model=model) if row.route} == {"openai", "second"}


@pytest.mark.parametrize(
    ("vendor", "model", "expected"),
    [
        pytest.param("openai", "whisper-1", {"audio_second": 0.0001}, id="sound_by_its_length"),
        pytest.param("gemini", "gemini-2.5-flash", {"input": 0.3, "audio_input": 1, "cached_audio": 0.1}, id="sound_by_tokens"),
    ],
)
def test_library_when_other_units_are_billed_then_they_are_known(vendor: str, model: str, expected: dict[str, float]) -> None:
    found = find(vendor, "", model)
    assert found is not None
    standard = next(price for price in found.prices if not price.service_tier)
    assert all(f"{name} {rate}" in str(standard) for name, rate in expected.items())


def test_sync_when_long_requests_cost_more_then_the_row_says_so() -> None:
    define("mine", "anthropic", "claude-sonnet-4-5")
    assert "; over 200000 tokens in: " in synced("--dry-run")
    synced()
    prices = compile_snapshot().models["mine"].prices.rates(datetime.now(UTC).timestamp())
    longer = prices.at(200_001)
    assert (prices.at(200_000).input, longer.input, longer.output) == (3_000_000, 6_000_000, 22_500_000)
    assert "0 prices added" in synced()


def test_price_when_another_has_its_moment_then_it_is_refused() -> None:
    model = define("mine", "openai", "gpt-4o")
    route = model.routes.get()
    now = datetime(2026, 11, 1, tzinfo=UTC)
    for taken in ({}, {"effective_from": now}, {"route": route}, {"service_tier": "flex"}):
        Price.objects.create(model=model, rates={"input": 1}, **taken)
        with pytest.raises(ValidationError, match="another price"):
            Price(model=model, rates={"input": 2}, **taken).full_clean()
    Price(model=model, rates={"input": 2}, route=route, effective_from=now).full_clean()


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param({"input": -1}, id="negative"),
        pytest.param({"input": float("nan")}, id="not_a_number"),
        pytest.param({"input": 10**7}, id="too_high"),
        pytest.param({"output": "5"}, id="a_text"),
        pytest.param({"inputs": 5}, id="an_unknown_rate"),
        pytest.param([], id="no_object"),
        pytest.param({"over": {"many": {"input": 1}}}, id="over_no_number"),
        pytest.param({"over": {"200000": {"inputs": 1}}}, id="over_an_unknown_rate"),
        pytest.param({"over": {"200000": {"over": {"300000": {"input": 1}}}}}, id="over_over"),
        pytest.param({"over": [1]}, id="over_a_list"),
    ],
)
def test_price_when_its_rates_are_wrong_then_it_is_refused_and_never_compiled(rates: object) -> None:
    model = define("mine", "openai", "gpt-4o", input_price="1", output_price="2")
    with pytest.raises(ValidationError):
        Price(model=model, rates=rates).full_clean()
    if "nan" not in str(rates):  # no database takes it
        Price.objects.create(model=model, rates=rates)
        snapshot = compile_snapshot()
        assert snapshot.models["mine"].prices.rates(0) == rates_of({"input": 1.0, "output": 2.0})
        assert any("price" in problem.message for problem in snapshot.problems)
