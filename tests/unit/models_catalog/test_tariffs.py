"""Which price of a list holds, by moment, route and tier?"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from models_catalog.tariffs import NO_PRICE_LIST, NO_RATES, DatedPrice, PriceList, Prices, Rates, dollars_of, rates_of

BASE = Rates(input=1, output=2)
LISTED = PriceList(
    BASE,
    [
        DatedPrice(Rates(input=10), since=100.0),
        DatedPrice(Rates(input=20, output=21), since=200.0),
        DatedPrice(Rates(input=5), since=150.0, tier="flex"),
        DatedPrice(Rates(input=30, cached=3), since=120.0, route="r1"),
        DatedPrice(Rates(input=7), route="r1", tier="priority"),
    ],
)


@pytest.mark.parametrize(
    ("moment", "tier", "route", "expected"),
    [
        pytest.param(99.9, "", "", BASE, id="before_any_row"),
        pytest.param(100.0, "", "", Rates(input=10, output=2), id="from_its_very_moment"),
        pytest.param(250.0, "", "r2", Rates(input=20, output=21), id="the_later_row"),
        pytest.param(250.0, "", "r1", Rates(input=30, output=2, cached=3), id="the_route_before_a_later_row_of_all"),
        pytest.param(110.0, "", "r1", Rates(input=10, output=2), id="the_route_before_its_row_began"),
        pytest.param(149.0, "flex", "", Rates(input=10, output=2), id="a_tier_that_has_not_begun"),
        pytest.param(150.0, "flex", "", Rates(input=5, output=2), id="a_tier"),
        pytest.param(150.0, "Flex", "r1", Rates(input=5, output=2), id="a_tier_of_all_routes"),
        pytest.param(0.0, "priority", "r1", Rates(input=7, output=2), id="a_tier_of_the_route_since_ever"),
        pytest.param(0.0, "priority", "r2", BASE, id="a_tier_of_another_route_is_the_standard_one"),
        pytest.param(250.0, "scale", "", Rates(input=20, output=21), id="an_unknown_tier_is_the_standard_one"),
        pytest.param(250.0, "default", "", Rates(input=20, output=21), id="the_standard_one_by_a_vendor_s_name"),
    ],
)
def test_price_list_when_asked_then_one_row_says_the_rates(moment: float, tier: str, route: str, expected: Rates) -> None:
    assert LISTED.rates(moment, tier, route) == expected


def test_price_list_when_nothing_is_known_then_it_is_empty() -> None:
    assert not NO_PRICE_LIST
    assert NO_PRICE_LIST.rates(0) == NO_RATES
    assert PriceList(BASE)
    assert PriceList(NO_RATES, [DatedPrice(Rates(image=1), since=5.0, route="r")])


def test_rates_when_read_and_written_then_they_are_the_same() -> None:
    given: dict[str, float | Decimal | None] = {
        "input": 0.000001,
        "output": 1e-7,
        "image": 0.04,
        "audio_second": Decimal("0.0001"),
        "character": 15.0,
        "cached": None,
    }
    rates = rates_of(given)
    assert rates == Rates(input=1, output=0, image=40_000_000_000, audio_second=100_000_000, character=15_000_000)
    assert dollars_of("input", 1) == Decimal("0.000001")
    assert dollars_of("image", 40_000_000_000) == Decimal("0.04")


def test_prices_when_encoded_then_they_are_short_and_come_back() -> None:
    prices = Prices(Rates(input=2_500_000), {"flex": Rates(input=1_250_000)})
    encoded = msgspec.msgpack.encode(prices)
    assert msgspec.msgpack.decode(encoded, type=Prices) == prices
    assert len(encoded) < 60
