"""How much may a call cost at most, before anybody has counted its tokens?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import msgspec

from models_catalog.snapshot import ModelEntry
from models_catalog.tariffs import DatedPrice, PriceList, Rates
from openai_api.spending.cost import most_of
from openai_api.spending.most import input_tokens, most_used
from providers.bytes.multipart import Form, file_part, text_part
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import ALONE, Call, Target, Wire

CHAT, NOW = Capability.CHAT, 1000.0


def call(body: dict[str, Any] | None = None, wire: Wire = Wire.OPENAI_CHAT, capability: Capability = CHAT, **more: Any) -> Call:
    encoded = msgspec.json.encode(body or {})
    return Call(capability=capability, wire=wire, model="m", body=encoded, fields=fields_of(encoded), request_id="r", **more)


def entry(
    prices: PriceList, capability: Capability = CHAT, routes: tuple[str, ...] = ("a",), most: int | None = None
) -> ModelEntry:
    targets = tuple(cast(Target, SimpleNamespace(id=route, sharing=ALONE)) for route in routes)
    return ModelEntry("m", frozenset({capability}), {capability: targets}, prices=prices, most_output_tokens=most)


def test_input_when_a_file_is_in_it_then_its_bytes_are_no_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    sound = {"type": "input_audio", "input_audio": {"data": "B" * 40_000, "format": "mp3"}}
    assert input_tokens(call({"messages": [{"role": "user", "content": "x" * 3000}]})) < 1050
    assert input_tokens(call({"messages": [{"role": "user", "content": [picture]}]})) < 31_250 + 100
    assert 4000 <= input_tokens(call({"messages": [{"role": "user", "content": [picture, sound]}]})) < 33_350 + 100


def test_most_when_routes_have_prices_of_their_own_then_it_is_that_of_the_dearest() -> None:
    prices = PriceList(Rates(1000, 2000), [DatedPrice(Rates(3000, 9000), route="b"), DatedPrice(Rates(1, 1), 2000.0, route="b")])
    asked = call({"max_tokens": 1000})
    two = entry(prices, routes=("a", "b"))
    dear = most_of(asked, two, now=NOW)
    assert dear == -(-(3000 * input_tokens(asked) + 9000 * 1000) // 1000)
    assert most_of(asked, two, target=two.targets[CHAT][0], now=NOW) == -(-(1000 * input_tokens(asked) + 2000 * 1000) // 1000)
    later = most_of(asked, two, now=3000.0)
    assert dear is not None
    assert later is not None
    assert later < dear


def test_most_when_kinds_have_rates_of_their_own_then_it_is_the_dearest_that_may_come() -> None:
    plain, written = Rates(1000, 2000), Rates(1000, 2000, cached=100, cache_write=1250, reasoning=3000, audio_input=99_000)
    asked = call({"max_tokens": 10})
    sent = input_tokens(asked)
    assert most_of(asked, entry(PriceList(plain)), now=NOW) == -(-(1000 * sent + 20_000) // 1000)
    assert most_of(asked, entry(PriceList(written)), now=NOW) == -(-(1250 * sent + 30_000) // 1000)
    heard = call({"max_tokens": 10, "messages": [{"data": "A" * 9000}]})
    assert most_of(heard, entry(PriceList(written)), now=NOW) == -(-(99_000 * input_tokens(heard) + 30_000) // 1000)


def test_most_when_a_request_may_be_long_then_it_is_what_long_ones_cost() -> None:
    prices = PriceList(Rates(1000, 2000, over=((1000, Rates(3000, 4000)),)))
    short, long = call({"max_tokens": 10}), call({"max_tokens": 10, "messages": "x" * 6000})
    assert most_of(short, entry(prices), now=NOW) == -(-(1000 * input_tokens(short) + 20_000) // 1000)
    assert most_of(long, entry(prices), now=NOW) == -(-(3000 * input_tokens(long) + 40_000) // 1000)


def test_most_when_a_tier_is_asked_for_then_it_is_that_or_the_standard_one() -> None:
    prices = PriceList(Rates(1000, 1000), [DatedPrice(Rates(5000, 5000), tier="priority"), DatedPrice(Rates(1, 1), tier="flex")])
    dear, cheap, usual = (
        most_of(call({"service_tier": tier, "max_tokens": 100}), entry(prices), now=NOW) for tier in ("priority", "flex", "auto")
    )
    assert dear is not None
    assert cheap is not None
    assert usual is not None
    assert dear > 4 * cheap
    assert cheap > usual - 50


def test_most_when_a_price_is_not_known_then_there_is_none() -> None:
    prices = PriceList(rows=[DatedPrice(Rates(1000, 1000), route="a")])
    assert most_of(call(), entry(prices, routes=("a", "b")), now=NOW) is None
    assert most_of(call(), entry(prices), now=NOW) is not None
    assert most_of(call(), entry(PriceList(Rates(output=5))), now=NOW) is None


def test_most_when_the_request_does_not_say_then_the_model_does() -> None:
    prices = PriceList(Rates(0, 1_000_000))
    assert most_of(call(), entry(prices, most=50), now=NOW) == 50_000
    assert most_of(call({"max_tokens": 7, "n": 2}), entry(prices, most=50), now=NOW) == 14_000


def test_most_when_other_units_are_billed_then_it_is_their_number() -> None:
    image = call({"prompt": "x", "n": 4}, Wire.OPENAI_IMAGE, Capability.IMAGE_GENERATION)
    assert most_of(image, entry(PriceList(Rates(image=40_000)), Capability.IMAGE_GENERATION), now=NOW) == 160
    speech = call({"input": "héllo", "voice": "v"}, Wire.OPENAI_SPEECH, Capability.TEXT_TO_SPEECH)
    assert most_of(speech, entry(PriceList(Rates(character=2000)), Capability.TEXT_TO_SPEECH), now=NOW) == 10
    form = Form([text_part("model", "m"), file_part("file", "a.mp3", "audio/mpeg", b"x" * 10_000)])
    sound = call(None, Wire.OPENAI_TRANSCRIPTION, Capability.AUDIO_TRANSCRIPTION, form=form)
    assert most_of(sound, entry(PriceList(Rates(audio_second=1000)), Capability.AUDIO_TRANSCRIPTION), now=NOW) == 5
    embedded = call({"input": "x"}, Wire.OPENAI_EMBEDDING, Capability.EMBEDDING)
    assert most_used(embedded, entry(PriceList(Rates(1)), Capability.EMBEDDING)).output_tokens == 0
