"""Does every wire keep what it says through the canonical conversation, and does every pair name what it loses?

Codecs are found through the registry, and their inputs in tests/data: one without them fails.
"""

from __future__ import annotations

import copy
import itertools
import json
from typing import Any

import pytest

from providers.convert.codecs import codecs
from providers.types import Wire
from providers.wire.over_http import OVER_HTTP
from tests.contract.dialects_page import PAGE, page
from tests.contract.goldens import KINDS, MAKE, Golden, goldens, refusal_of, refused, rich

WIRES = list(codecs())
PAIRS = [pair for pair in itertools.product(WIRES, WIRES) if pair[0] is not pair[1]]
GOLDENS = [golden for wire in WIRES for golden in goldens(wire)]
UNKNOWN = "x_"
"""How the names of fields begin that nobody knows."""


def test_codecs_when_looked_for_then_those_of_openai_are_there_each_under_its_own_wire() -> None:
    assert {Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES} <= codecs().keys()
    assert all(codec.wire is wire for wire, codec in codecs().items())


@pytest.mark.parametrize("wire", WIRES)
def test_codec_when_found_then_it_has_what_conversions_ask_of_it(wire: Wire) -> None:
    codec = codecs()[wire]
    assert codec.id_prefix
    frame = codec.frame_of({"type": "x"})
    framing = OVER_HTTP[wire].framing
    assert framing.data_of(frame) == b'{"type":"x"}'
    assert framing.splitter().feed(frame) == [frame]
    assert isinstance(codec.closing, bytes)


@pytest.mark.parametrize("wire", WIRES)
def test_inputs_when_looked_for_then_some_of_each_kind_are_there(wire: Wire) -> None:
    assert {golden.kind for golden in goldens(wire)} == set(KINDS)
    assert refused(wire)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_input_when_it_goes_through_its_own_codec_then_it_is_the_same_and_nothing_is_lost(golden: Golden) -> None:
    value = golden.value()
    before = copy.deepcopy(value)
    made = MAKE[golden.kind](golden.wire, golden.wire, value)
    assert made.value == before
    assert made.lossy == ()
    assert value == before, "it was changed"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", PAIRS, ids="→".join)
def test_input_when_it_says_everything_then_each_other_wire_tells_it_and_names_what_nobody_knows(
    pair: tuple[Wire, Wire], kind: str
) -> None:
    source, target = pair
    value = rich(source, kind)
    made = MAKE[kind](source, target, value)
    text = json.dumps(made.value)
    unknown = unknown_in(value)
    named = {last for name in made.lossy if (last := name.rpartition(".")[2]).startswith(UNKNOWN)}
    assert made.value
    assert not [name for name in unknown if f'"{name}"' in text]
    assert len(set(made.lossy)) == len(made.lossy), "each is named once"
    assert named <= unknown
    if kind == "request":
        assert unknown
        assert named == unknown


@pytest.mark.parametrize("pair", PAIRS, ids="→".join)
def test_input_when_golden_then_each_other_wire_tells_it(pair: tuple[Wire, Wire]) -> None:
    source, target = pair
    for golden in goldens(source):
        assert MAKE[golden.kind](source, target, golden.value()).value


def unknown_in(value: Any) -> set[str]:
    """The names of fields, anywhere, that nobody knows."""
    if isinstance(value, list):
        return {name for inner in value for name in unknown_in(inner)}
    if not isinstance(value, dict):
        return set()
    own = {name for name in value if name.startswith(UNKNOWN)}
    return own.union(*(unknown_in(inner) for inner in value.values()))


@pytest.mark.parametrize("pair", PAIRS, ids="→".join)
def test_request_when_it_must_not_be_cut_then_it_is_refused_with_its_place(pair: tuple[Wire, Wire]) -> None:
    source, target = pair
    places = [refusal_of(source, target, body) for body in refused(source)]
    assert sum(place is not None for place in places) >= len(places) // 2
    for body in refused(source):
        assert refusal_of(source, source, body) is None, "its own wire takes it"


def test_page_of_dialects_when_compared_with_the_encoders_then_it_says_what_they_do() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.contract.dialects_page"
