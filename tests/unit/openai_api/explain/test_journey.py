"""Does an explanation say what the journey would do, and does it leave everything as it was?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from models_catalog.bounds import Algorithm, Bounds, BudgetRule, Counted, LimitRule, Period, Unit
from models_catalog.snapshot import Client, Strategy
from openai_api.context import Gateway
from openai_api.explain.journey import STEPS, explain
from openai_api.explain.paths import SMALLEST
from openai_api.explain.result import Explanation, Question, Verdict
from openai_api.limits.bounded import Bounded
from openai_api.limits.gate import FallbackLimits
from openai_api.limits.lines import Lines
from openai_api.limits.memory import MemoryStore
from openai_api.limits.rules import LimitRules
from openai_api.limits.store import Counter, Kind
from openai_api.routes import ROUTES, TABLE
from openai_api.spending.budgets import Budgets
from providers.capabilities import Capability
from providers.types import Sharing
from tests.unit.openai_api.parts import Site, entry, target

CHAT = {"messages": [{"role": "user", "content": "Hello"}]}
UNASKED = ("/api/", "/v1/responses/{id}")
"""Beginnings of paths of POST that ask no model for anything."""


def limit(amount: int, scope: str = "key", subject: str = "c9", counted: Counted = Counted.REQUESTS) -> LimitRule:
    return LimitRule(f"l-{scope}", scope, subject, counted, amount, 60, Algorithm.SLIDING_WINDOW, amount)


class NoBooks:
    """A ledger in which nothing was spent; nothing may be counted in it."""

    hold_s = 1.0

    async def spent(self, keys: Sequence[Any]) -> Mapping[Any, int]:
        return {}

    def refused(self, rule: BudgetRule) -> None:
        raise AssertionError("an explanation counts nothing")

    def put(self, entries: Sequence[Any]) -> None:
        raise AssertionError("an explanation writes nothing")


def bounded(site: Site, *, models: Mapping[str, Bounds] | None = None) -> tuple[Gateway, MemoryStore, LimitRules]:
    """The gateway of a site with limits and budgets."""
    store, rules = MemoryStore(), LimitRules()
    admission = Bounded(store, (rules, Budgets(NoBooks())), Lines())  # type: ignore[arg-type]
    live = site.gateway.catalog
    live.swap(replace(live.current, model_bounds=models or {}))
    return replace(site.gateway, admissions=(admission,), gates=(FallbackLimits(admission, rules),)), store, rules


def verdicts(told: Explanation) -> dict[str, str]:
    return {step.name: step.verdict.value for step in told.steps}


def routes(told: Explanation) -> dict[str, tuple[str, int | None, list[str]]]:
    return {
        seen.id: (seen.status.value, seen.order, [reason.code for reason in seen.reasons])
        for leg in told.legs
        for seen in leg.routes
    }


async def test_explain_when_all_is_well_then_every_step_passes_and_the_first_route_is_first() -> None:
    site = Site(entry("demo", target("a"), target("b"), fallbacks=("spare",)), entry("spare", target("c")))
    told = await explain(site.gateway, Question(key="c1", model="demo"))
    assert tuple(step.name for step in told.steps) == STEPS
    assert told.refusal is None
    assert (told.path, told.capability, told.wire, told.key) == ("/v1/chat/completions", "chat", "openai_chat", "everything")
    assert [leg.model for leg in told.legs] == ["demo", "spare"]
    assert [leg.is_fallback for leg in told.legs] == [False, True]
    assert routes(told) == {"a": ("candidate", 1, []), "b": ("candidate", 2, []), "c": ("candidate", 3, [])}
    assert not site.kept.records
    assert msgspec.json.decode(msgspec.json.encode(told))["legs"][0]["routes"][0]["status"] == "candidate"


@pytest.mark.parametrize(
    ("question", "step", "code", "status"),
    [
        (Question(key="nobody", model="demo"), "key", "not_in_force", 401),
        (Question(key="old", model="demo"), "key", "expired", 401),
        (Question(key="inside", model="demo", address="192.0.2.1"), "address", "address", 401),
        (Question(key="inside", model="demo", address="x"), "address", "invalid_value", 400),
        (Question(key="c1", model="other"), "model", "unknown_model", 404),
        (Question(key="c2", model="spare"), "model", "not_allowed", 404),
        (Question(key="c1", model="demo", path="/v1/embeddings"), "capability", "capability_not_supported", 400),
        (Question(key="c1", model="demo", path="/v1/chat/completions", body={"messages": 3}), "body", "invalid_type", 400),
        (Question(key="c1", model="demo", path="/v1/models"), "path", "method_not_allowed", 405),
        (Question(key="c1", model="demo", path="/v1/responses/x/cancel"), "path", "not_explained", 400),
        (Question(key="c1", model="demo", path="/nothing"), "path", "not_found", 404),
    ],
)
async def test_explain_when_a_step_refuses_then_it_is_told_and_nothing_behind_it(
    question: Question, step: str, code: str, status: int
) -> None:
    clients = {
        "sk-old": Client("old", "old", expires_at=1.0),
        "sk-inside": Client("inside", "inside", networks=(ip_network("10.0.0.0/8"),)),
    }
    site = Site(entry("demo", target("a")), entry("spare", target("b")), clients=clients)
    told = await explain(site.gateway, question)
    refusing = [one for one in told.steps if one.verdict is Verdict.REFUSES]
    assert [(one.name, one.code) for one in refusing] == [(step, code)]
    assert told.refusal is not None
    assert told.refusal.status == status
    assert {one.name for one in told.steps} == set(STEPS)
    assert verdicts(told)["routes"] == "not_reached"


async def test_explain_when_limits_and_budgets_are_asked_then_nothing_is_taken_of_them() -> None:
    spends = BudgetRule("b1", "key", "c9", Unit.TOKENS, 5000, Period.DAY)
    client = Client("c9", "bounded", bounds=Bounds((limit(1),), (spends,)))
    site = Site(entry("demo", target("a")), clients={"sk-9": client})
    gateway, store, rules = bounded(site)
    for _ in range(3):
        told = await explain(gateway, Question(key="c9", model="demo"))
        assert told.refusal is None
        assert [(rule.kind, rule.used, rule.amount, rule.refuses) for rule in told.rules] == [
            ("limit", 0, 1, False),
            ("budget", 0, 5000, False),
        ]
    assert (await store.take("h", [Counter("l-key:rs60", Kind.SLIDING, 1, 1, 60, 1)])).admitted
    told = await explain(gateway, Question(key="c9", model="demo"))
    assert verdicts(told)["limits"] == "refuses"
    assert verdicts(told)["budgets"] == "passes"
    assert told.refusal is not None
    assert told.refusal.code == "rate_limit_exceeded"
    assert routes(told)["a"][0] == "candidate"
    assert not rules.refusals


async def test_explain_when_a_price_is_unknown_and_a_budget_needs_it_then_it_refuses() -> None:
    client = Client("c9", "bounded", bounds=Bounds((), (BudgetRule("b1", "key", "c9", Unit.USD, 10**9, Period.DAY),)))
    site = Site(entry("demo", target("a")), clients={"sk-9": client})
    gateway, _, _ = bounded(site)
    told = await explain(gateway, Question(key="c9", model="demo"))
    assert verdicts(told)["budgets"] == "refuses"
    assert told.refusal is not None
    assert told.refusal.code == "price_unknown"


async def test_explain_when_a_circuit_is_open_then_its_route_is_left_out_and_stays_as_it_was() -> None:
    site = Site(entry("demo", target("a"), target("b")))
    for _ in range(5):
        site.breakers.failed(_circuit(site, "a"))
    before = site.breakers.states()
    told = await explain(site.gateway, Question(model="demo"))
    assert routes(told) == {"a": ("excluded", None, ["circuit_open"]), "b": ("candidate", 1, [])}
    assert told.refusal is None
    assert {name: state.state for name, state in site.breakers.states().items()} == {n: s.state for n, s in before.items()}
    for _ in range(5):
        site.breakers.failed(_circuit(site, "b"))
    told = await explain(site.gateway, Question(model="demo"))
    assert routes(told)["a"] == ("last_resort", 1, ["circuit_open"])
    assert routes(told)["b"][0] == "excluded"


async def test_explain_when_a_circuit_is_half_open_then_the_probe_is_left_to_a_request() -> None:
    site = Site(entry("demo", target("a")))
    site.breakers.cool(_circuit(site, "a"), 0.0)
    told = await explain(site.gateway, Question(model="demo"))
    assert routes(told)["a"] == ("candidate", 1, [])
    assert told.legs[0].routes[0].circuit == "half-open"
    assert site.breakers.allows(_circuit(site, "a")) > 1


def _circuit(site: Site, name: str) -> str:
    _, found = site.gateway.catalog.current.routes()[name]
    return found.circuit


async def test_explain_when_a_route_is_full_then_it_is_left_out_and_has_no_less_room() -> None:
    full = target("a", sharing=Sharing(rpm=1))
    site = Site(entry("demo", full, target("b")))
    for _ in range(2):
        told = await explain(site.gateway, Question(model="demo"))
        assert routes(told)["a"] == ("candidate", 1, [])
    assert (await site.ask(CHAT | {"model": "demo"})).status == 200
    told = await explain(site.gateway, Question(model="demo"))
    assert routes(told)["a"][0] == "excluded"
    assert routes(told)["b"] == ("candidate", 1, [])


async def test_explain_when_a_fallback_model_is_at_its_limit_then_its_routes_are_left_out() -> None:
    site = Site(entry("demo", target("a"), fallbacks=("spare",)), entry("spare", target("b")))
    gateway, store, _ = bounded(site, models={"spare": Bounds((limit(1, "model", "spare"),))})
    told = await explain(gateway, Question(model="demo"))
    assert routes(told)["b"] == ("candidate", 2, [])
    assert (await store.take("h", [Counter("l-model:rs60", Kind.SLIDING, 1, 1, 60, 1)])).admitted
    told = await explain(gateway, Question(model="demo"))
    assert routes(told)["b"] == ("excluded", None, ["rate_limit_exceeded"])


async def test_explain_when_routes_share_then_their_parts_are_told() -> None:
    sharing = [target(name, sharing=Sharing(0, weight)) for name, weight in (("a", 3.0), ("b", 1.0))]
    site = Site(entry("demo", *sharing, strategy=Strategy.WEIGHTED))
    told = await explain(site.gateway, Question(model="demo"))
    shares = {seen.id: (seen.group, seen.share) for seen in told.legs[0].routes}
    assert shares == {"a": (1, 0.75), "b": (1, 0.25)}
    assert sorted(seen.order or 0 for seen in told.legs[0].routes) == [1, 2]


async def test_explain_when_a_credential_must_be_brought_then_the_router_says_so() -> None:
    site = Site(entry("demo", replace(target("a"), dynamic="mine")))
    told = await explain(site.gateway, Question(model="demo"))
    assert routes(told)["a"] == ("excluded", None, ["credential_missing"])
    assert told.refusal is not None
    brought = CHAT | {"tensorzero::credentials": {"mine": "x"}}
    told = await explain(site.gateway, Question(model="demo", body=brought))
    assert routes(told)["a"][0] == "candidate"


async def test_explain_when_a_request_is_converted_then_what_is_lost_is_named() -> None:
    site = Site(entry("demo", target("a", kind="openai", script="gpt")))
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"topK": 3}}
    told = await explain(site.gateway, Question(model="demo", path="/v1beta/models/{model}:generateContent", body=body))
    seen = told.legs[0].routes[0]
    assert (told.wire, seen.wire, seen.converted) == ("gemini", "openai_chat", True)
    assert seen.lossy


@pytest.mark.parametrize("path", sorted(SMALLEST))
async def test_paths_when_asked_with_their_smallest_body_then_they_come_as_far_as_the_routes(path: str) -> None:
    able = entry("demo", target("a"), able=[one for one in Capability if one not in (Capability.REALTIME, Capability.BATCH)])
    told = await explain(Site(able).gateway, Question(model="demo", path=path))
    assert verdicts(told)["capability"] == "passes", told.steps
    assert told.legs


def test_paths_when_a_route_takes_requests_then_it_can_be_explained() -> None:
    asking = {route.path for route in ROUTES if route.method == "POST" and not route.path.startswith(UNASKED)}
    assert asking <= set(SMALLEST)
    for path in SMALLEST:
        assert TABLE.place(path.replace("{model}", "demo")).match("POST", path).label == path
