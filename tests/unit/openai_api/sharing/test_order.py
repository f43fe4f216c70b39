"""In which order do targets that share come, by each strategy?"""

from __future__ import annotations

from collections import Counter

import pytest

from models_catalog.route_groups import Group, groups_of
from models_catalog.snapshot import ModelEntry, Strategy
from models_catalog.tariffs import DatedPrice, PriceList, rates_of
from openai_api.sharing.order import Order, Wish
from openai_api.sharing.pace import HALF_LIFE_S, UNHEARD_S, Paces
from openai_api.sharing.prices import KEPT_S, Costs
from openai_api.sharing.weights import at_random, by_seed, seed_of
from providers.types import Target
from tests.unit.openai_api.sharing.asking import CHAT, Clock, model, sharing

KEYS = [seed_of(b"key %d" % number) for number in range(4000)]


def names(targets: object) -> str:
    assert not isinstance(targets, str)
    return "".join(target.id for target in targets)  # type: ignore[attr-defined]


def order(leg: ModelEntry, wish: Wish, *, running: dict[str, int] | None = None, paces: Paces | None = None) -> str:
    chosen = Order(running or {}, paces or Paces())
    return names(chosen.of(leg, leg.groups[CHAT], wish))


def group(*targets: Target) -> Group:
    return Group.of(targets)


# Groups


@pytest.mark.parametrize(
    ("numbers", "grouped"),
    [
        ((None, None, None), ""),
        ((0, 0, 0), "abc"),
        ((None, 1, 1), "a|bc"),
        ((0, 0, None), "ab|c"),
        ((0, 2, 2), "a|bc"),
        ((0, None, 2), ""),
    ],
    ids=["alone", "all", "last two", "first two", "beside another group", "left of groups"],
)
def test_groups_when_targets_have_numbers_are_those_beside_each_other(numbers: tuple[int | None, ...], grouped: str) -> None:
    targets = [sharing(name, number) for name, number in zip("abc", numbers, strict=True)]
    assert "|".join(names(one.targets) for one in groups_of({CHAT: targets}).get(CHAT, ())) == grouped


def test_entry_when_nothing_shares_or_has_limits_is_not_watched() -> None:
    assert not model(sharing("a", None), sharing("b", None)).watched
    assert model(sharing("a", None), sharing("b", None, rpm=5)).watched
    assert model(sharing("a"), sharing("b")).watched


# Weights


@pytest.mark.parametrize("seeded", [False, True], ids=["at random", "by key"])
def test_order_by_weight_begins_with_each_as_often_as_its_weight_says(seeded: bool) -> None:
    parts = group(sharing("a", weight=5), sharing("b", weight=3), sharing("c", weight=2), sharing("d", weight=0))
    orders = [names(by_seed(parts, key) if seeded else at_random(parts)) for key in KEYS]
    first = Counter(one[0] for one in orders)
    assert all(abs(first[name] - 400 * share) < 190 for name, share in (("a", 5), ("b", 3), ("c", 2)))  # six standard deviations
    second = Counter(one[1] for one in orders if one[0] == "a")
    assert abs(second["b"] / second.total() - 0.6) < 0.075
    assert all(one[-1] == "d" and len(set(one)) == 4 for one in orders)


def test_order_when_no_target_has_a_weight_is_as_if_all_had_the_same() -> None:
    parts = group(sharing("a", weight=0), sharing("b", weight=0))
    assert {names(by_seed(parts, key)) for key in KEYS[:50]} == {"ab", "ba"}


def test_order_by_key_when_a_target_is_added_moves_only_its_part_of_the_keys() -> None:
    before, after = group(*map(sharing, "abc")), group(*map(sharing, "abcd"))
    moved = [key for key in KEYS if by_seed(before, key)[0].id != by_seed(after, key)[0].id]
    assert all(by_seed(after, key)[0].id == "d" for key in moved)
    assert abs(len(moved) / len(KEYS) - 0.25) < 0.05


def test_order_when_groups_follow_each_other_tries_all_of_the_first_before_the_next() -> None:
    leg = model(sharing("a"), sharing("b"), sharing("c", None), sharing("d", 3), sharing("e", 3))
    found = {order(leg, Wish()) for _ in range(100)}
    assert found == {"abcde", "abced", "bacde"} | {"baced"}


# Strategies


def test_least_busy_has_the_fewest_under_way_for_its_weight_first() -> None:
    leg = model(sharing("a", weight=2), sharing("b"), sharing("c"), sharing("d", weight=0), strategy=Strategy.LEAST_BUSY)
    assert order(leg, Wish(), running={"a": 3, "b": 2, "c": 1}) == "cabd"


def test_least_busy_keeps_a_key_at_its_target_until_that_has_much_more_than_its_part() -> None:
    leg = model(sharing("a"), sharing("b"), strategy=Strategy.LEAST_BUSY)
    key = next(key for key in KEYS if by_seed(leg.groups[CHAT][0], key)[0].id == "a")
    assert order(leg, Wish(key), running={"a": 6, "b": 5}) == "ab"
    assert order(leg, Wish(key), running={"a": 9, "b": 2}) == "ba"
    kept = leg.targets[CHAT][0].circuit
    assert order(leg, Wish(key, kept), running={"a": 9, "b": 2}) == "ab"


def test_fastest_tries_each_out_once_and_then_asks_the_fastest() -> None:
    clock = Clock()
    paces = Paces(clock)
    leg = model(*map(sharing, "abc"), strategy=Strategy.FASTEST)
    by_name = {target.id: target.circuit for target in leg.targets[CHAT]}
    tried = ""
    for _ in range(3):
        tried += order(leg, Wish(), paces=paces)[0]
        paces.asked(by_name[tried[-1]], streamed=False)
    assert sorted(tried) == ["a", "b", "c"]
    for name, seconds in (("a", 2.0), ("b", 0.5), ("c", 1.0)):
        paces.heard(by_name[name], seconds, streamed=False)
    assert order(leg, Wish(), paces=paces) == "bca"


def test_fastest_when_a_slow_one_was_not_asked_for_long_tries_it_again_with_one_request() -> None:
    clock = Clock()
    paces = Paces(clock)
    leg = model(*map(sharing, "ab"), strategy=Strategy.FASTEST)
    a, b = (target.circuit for target in leg.targets[CHAT])
    for circuit, seconds in ((a, 1.0), (b, 3.0)):
        paces.asked(circuit, streamed=False)
        paces.heard(circuit, seconds, streamed=False)
    clock.now += 2 * HALF_LIFE_S
    paces.asked(a, streamed=False)
    assert order(leg, Wish(), paces=paces) == "ba"
    paces.asked(b, streamed=False)
    assert order(leg, Wish(), paces=paces) == "ab"


def test_fastest_when_nobody_answers_who_finds_out_is_asked_again_later() -> None:
    clock = Clock()
    paces = Paces(clock)
    leg = model(*map(sharing, "ab"), strategy=Strategy.FASTEST)
    a, b = (target.circuit for target in leg.targets[CHAT])
    paces.asked(a, streamed=False)
    paces.asked(b, streamed=False)
    paces.heard(b, 5.0, streamed=False)
    assert order(leg, Wish(), paces=paces) == "ba"
    clock.now += UNHEARD_S
    assert order(leg, Wish(), paces=paces) == "ab"


def test_fastest_looks_at_streams_and_whole_answers_apart() -> None:
    paces = Paces()
    leg = model(*map(sharing, "ab"), strategy=Strategy.FASTEST)
    for target, streamed, whole in zip(leg.targets[CHAT], (0.1, 0.2), (9.0, 1.0), strict=True):
        for kind, seconds in ((True, streamed), (False, whole)):
            paces.asked(target.circuit, streamed=kind)
            paces.heard(target.circuit, seconds, streamed=kind)
    assert order(leg, Wish(streamed=True), paces=paces) == "ab"
    assert order(leg, Wish(streamed=False), paces=paces) == "ba"


def test_cheapest_goes_by_the_price_of_the_route_and_shares_among_the_cheapest() -> None:
    rows = [DatedPrice(rates_of({"input": 1, "output": 1}), route=name) for name in "bc"]
    prices = PriceList(rates_of({"input": 2, "output": 2}), rows)
    leg = model(*map(sharing, "abcd"), strategy=Strategy.CHEAPEST, prices=prices)
    found = {order(leg, Wish()) for _ in range(200)}
    assert found == {first + last for first in ("bc", "cb") for last in ("ad", "da")}
    dear = leg.targets[CHAT][0].circuit
    assert order(leg, Wish(KEYS[0], dear))[0] in "bc"  # a warm cache is no reason to pay more


def test_price_when_it_changes_at_a_moment_is_seen_soon() -> None:
    rows = [DatedPrice(rates_of({"input": 9}), since=100.0, route="a")]
    leg = model(*map(sharing, "ab"), prices=PriceList(rates_of({"input": 5}), rows))
    costs = Costs()
    before, after = costs.of(leg, leg.groups[CHAT][0], 99.0), costs.of(leg, leg.groups[CHAT][0], 99.0 + KEPT_S)
    assert before[0] == before[1]
    assert after[0] > after[1]
    nothing = model(*map(sharing, "ab"))
    assert costs.of(nothing, nothing.groups[CHAT][0], 0.0) == [float("inf")] * 2


def test_average_when_a_target_is_heard_again_follows_by_a_fifth() -> None:
    clock = Clock()
    paces = Paces(clock)
    for seconds in (1.0, 2.0):
        paces.asked("a", streamed=True)
        paces.heard("a", seconds, streamed=True)
    expected, least = paces.expected(["a"], streamed=True)
    assert expected == pytest.approx([1.2])
    assert least == pytest.approx(1.2)
