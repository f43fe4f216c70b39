"""What does each kind of use cost, and when is that not known?"""

from __future__ import annotations

import pytest

from models_catalog.tariffs import DatedPrice, PriceList, Prices, Rates, rates_of
from openai_api.recording.costs import billed, cost_of
from openai_api.recording.events import Record
from providers.capabilities import Capability
from providers.types import Usage

TEXT = Rates(input=1_000, output=10_000)
ALL = Rates(
    input=1_000,
    output=10_000,
    cached=100,
    cached_audio=150,
    cache_write=1_250,
    cache_write_1h=2_000,
    reasoning=11_000,
    audio_input=4_000,
    audio_output=40_000,
    image_input=2_500,
    image_output=30_000,
)


@pytest.mark.parametrize(
    ("rates", "usage", "expected"),
    [
        pytest.param(TEXT, Usage(100, 10), 200_000, id="text"),
        pytest.param(TEXT, Usage(100, 10, cached_tokens=60, reasoning_tokens=5), 200_000, id="kinds_without_a_rate_of_their_own"),
        pytest.param(TEXT, Usage(100, 10, cache_write_tokens=60, cache_write_1h_tokens=9), 200_000, id="writes_without_a_rate"),
        pytest.param(TEXT, Usage(9, 9, audio_input_tokens=5, image_output_tokens=5), 99_000, id="sound_without_a_rate"),
        pytest.param(ALL, Usage(100, 0, cached_tokens=60), 46_000, id="cached"),
        pytest.param(
            ALL, Usage(100, 0, cached_tokens=10, cache_write_tokens=50, cache_write_1h_tokens=20), 118_500, id="written"
        ),
        pytest.param(ALL, Usage(100, 0, audio_input_tokens=70, image_input_tokens=10), 325_000, id="heard_and_seen"),
        pytest.param(ALL, Usage(100, 0, 60, audio_input_tokens=70, cached_audio_tokens=50), 108_500, id="cached_sound"),
        pytest.param(ALL, Usage(100, 0, 60, audio_input_tokens=70), 166_000, id="more_kinds_than_tokens"),
        pytest.param(ALL, Usage(0, 100, 0, 20, audio_output_tokens=30, image_output_tokens=10), 2_120_000, id="out_by_kind"),
        pytest.param(Rates(input=1_000), Usage(100, 0), 100_000, id="no_output_was_used"),
        pytest.param(Rates(input=1_000), Usage(100, 1), None, id="output_without_a_price"),
        pytest.param(Rates(output=1_000, cached=1), Usage(10, 1, 9), None, id="cached_alone_has_a_price"),
        pytest.param(Rates(), Usage(1, 1), None, id="no_price"),
        pytest.param(Rates(input=0, output=0), None, 0, id="free"),
        pytest.param(TEXT, None, None, id="nothing_told"),
        pytest.param(TEXT, Usage(), 0, id="told_to_be_nothing"),
        pytest.param(Rates(request=7_000), None, 7_000, id="by_request_alone"),
        pytest.param(Rates(request=7_000, input=1_000), Usage(1, 0), 8_000, id="by_request_and_token"),
    ],
)
def test_cost_when_tokens_were_used_then_each_is_billed_once(rates: Rates, usage: Usage | None, expected: int | None) -> None:
    assert billed(rates, usage, {}) == expected


@pytest.mark.parametrize(
    ("rates", "usage", "units", "expected"),
    [
        pytest.param(Rates(image=40), None, {"image": 3}, 120, id="images_without_usage"),
        pytest.param(Rates(image=40), Usage(), {"image": 3}, 120, id="images_with_zeros"),
        pytest.param(Rates(input=1, image=40), Usage(9, 0), {"image": 3}, 129, id="images_beside_the_prompt"),
        pytest.param(Rates(input=1, output=2, image=40), Usage(9, 5), {"image": 3}, 19, id="images_told_as_tokens"),
        pytest.param(Rates(image=40), Usage(9, 5), {"image": 3}, 120, id="tokens_that_are_not_billed"),
        pytest.param(Rates(image=40), Usage(9, 5), {}, None, id="images_that_nobody_counted"),
        pytest.param(Rates(audio_second=1_000_000), None, {"audio_second": 2.5}, 2_500_000, id="seconds"),
        pytest.param(Rates(audio_second=1_000_000), Usage(9, 5), {"audio_second": 0.001}, 1_000, id="thousandths"),
        pytest.param(Rates(character=15), None, {"character": 11}, 165, id="characters"),
        pytest.param(Rates(input=1, output=1), None, {"character": 11}, None, id="characters_without_a_price"),
        pytest.param(Rates(input=0, output=0), None, {"character": 11}, 0, id="characters_of_a_free_model"),
        pytest.param(Rates(request=2_000), None, {"request": 3}, 6_000, id="searches"),
    ],
)
def test_cost_when_other_units_were_used_then_they_stand_for_tokens(
    rates: Rates, usage: Usage | None, units: dict[str, float], expected: int | None
) -> None:
    assert billed(rates, usage, units) == expected


def record(**fields: object) -> Record:
    made = Record("r", "POST", "/v1/chat/completions", served_model="m", capability=Capability.CHAT, prices=Prices(TEXT))
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"usage": Usage(100, 10)}, 200, id="told"),
        pytest.param({"usage": Usage(1, 0), "prices": Prices(Rates(input=499))}, 0, id="less_than_half_a_billionth"),
        pytest.param({"usage": Usage(1, 0), "prices": Prices(Rates(input=500))}, 1, id="half_a_billionth"),
        pytest.param({"body_bytes": 400, "events": 7}, 170, id="guessed_of_what_was_sent"),
        pytest.param({"cache": "hit", "usage": Usage(9, 9)}, 0, id="from_the_cache"),
        pytest.param({"cache": "joined", "prices": None}, 0, id="a_shared_call"),
        pytest.param({"counted_apart": True, "usage": Usage(9, 9)}, None, id="counted_in_another_row"),
        pytest.param({"served_model": None, "prices": None}, None, id="nothing_served"),
        pytest.param(
            {"usage": Usage(100, 0), "service_tier": "flex", "prices": Prices(TEXT, {"flex": Rates(input=500)})}, 50, id="by_tier"
        ),
    ],
)
def test_cost_of_a_record_when_it_has_ended_then_it_is_in_billionths(fields: dict[str, object], expected: int | None) -> None:
    assert cost_of(record(**fields)) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(200_000, 10), 200_000 * 3 + 10 * 15),
        (Usage(200_001, 10), 200_001 * 6 + 10 * 15),
        (Usage(200_001, 10, cached_tokens=200_000), 6 + 200_000 * 0.6 + 10 * 15),
        (Usage(1_000_001, 10), 1_000_001 * 12 + 10 * 30),
    ],
)
def test_cost_when_a_request_is_long_then_all_its_tokens_have_the_rates_of_long_ones(usage: Usage, expected: float) -> None:
    over = {"200000": {"input": 6, "cached": 0.6}, "1000000": {"input": 12, "output": 30}}
    listed = PriceList(rates_of({"output": 15}), [DatedPrice(rates_of({"input": 3, "over": over}))])
    assert billed(listed.rates(0), usage, {}) == expected * 10**6


def test_cost_when_prices_have_many_decimals_then_the_sum_is_exact() -> None:
    rates = rates_of({"input": 0.1, "output": 0.3, "cached": 0.05})
    usage = Usage(input_tokens=3_000_001, output_tokens=7, cached_tokens=1)
    assert billed(rates, usage, {}) == 3_000_000 * 100_000 + 50_000 + 7 * 300_000
