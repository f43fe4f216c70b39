"""Is what rows, heads and budgets say exactly what the upstream bills? By every way in which a model can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.budgets import NANO, Spender, counters
from tests.fakes.billing import INPUT, OUTPUT, REQUEST, WORDS, Biller
from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Vendor, vendor
from tests.live import LiveGateway
from tests.socket_client import dial

WITHIN = 15.0
HI = [{"role": "user", "content": "hi"}]
DEAD, TENANT = "bill/dead", "bills"
DEAR = {"input_price": "99", "output_price": "99"}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base, able = f"{upstream.base}/v1", ["chat", "responses"]
        names = {name: (name.removeprefix("bill/"), able) for name in ("bill/chat", "bill/paced", "bill/broken")}
        gateway = shared_gateway
        gateway.define_at("deepseek", base, names, name="bills chat")
        gateway.define_at("openai", base, {"bill/native": ("native", able)}, name="bills native")
        gateway.define_at("anthropic", upstream.base, {"bill/claude": ("claude", ["chat"])}, name="bills anthropic")
        gateway.define_at("openai", base, {"bill/judge": ("judge", ["moderation"])}, name="bills judge")
        gateway.define_at("deepseek", base, {"bill/guarded": ("chat", ["chat"])}, name="bills guarded")
        ids = {row["name"]: row["id"] for row in gateway.operator.rows("ModelDefinition", {"name__startswith": "bill/"})}
        for name, model in ids.items():
            rates = {"request": float(REQUEST)} if name == "bill/judge" else {"input": INPUT, "output": OUTPUT}
            gateway.operator.create("models_catalog.Price", model_id=model, rates=rates)
        for name in ("bill/broken", DEAD):
            if name == DEAD:
                gateway.define_models({DEAD: [{"provider": "dead"}]}, fallbacks={DEAD: ["bill/claude"]}, **DEAR)
            else:
                falling = gateway.operator.rows("ModelDefinition", {"name": "bill/chat"})[0]["id"]
                gateway.operator.create("models_catalog.Fallback", model_id=ids[name], fallback_id=falling, position=0)
        options = {"moderation": {"model": "bill/judge", "where": "request"}}
        gateway.operator.create("models_catalog.Hook", name="bills", type="guard", options=options, model_names=["bill/guarded"])
        gateway.define_models({"bill/marker": [{"upstream_model": "ok"}]})
        tenant = gateway.operator.create("models_catalog.Tenant", name=TENANT)
        gateway.operator.create("models_catalog.Project", name="app", tenant_id=tenant)
        gateway.operator.create("models_catalog.Person", name="Ann", tenant_id=tenant)
        yield upstream
        gateway.operator.delete("Hook", {"name": "bills"})


@pytest.fixture
def biller(upstream: Vendor) -> Biller:
    return Biller(upstream)


@pytest.fixture(scope="module")
def spender(upstream: Vendor, shared_gateway: LiveGateway) -> Spender:
    return Spender(shared_gateway, "--project", f"{TENANT}/app", "--person", f"{TENANT}/Ann", amount="100")


def chat(model: str, **more: Any) -> Callable[[Spender], httpx.Response]:
    return lambda spender: spender.post("/v1/chat/completions", {"model": model, "max_tokens": 100, "messages": HI, **more})


def guarded(spender: Spender) -> httpx.Response:
    """Past the count of rows: the hook's question is a second one of the request."""
    url, headers = f"{spender.gateway.base_url}/v1/chat/completions", spender.gateway.headers(spender.key)
    asked = {"model": "bill/guarded", "max_tokens": 100, "messages": HI}
    return httpx.post(url, json=asked, headers=headers, trust_env=False, timeout=15)


def message(model: str, **more: Any) -> Callable[[Spender], httpx.Response]:
    return lambda spender: spender.post("/v1/messages", {"model": model, "max_tokens": 100, "messages": HI, **more})


def response(model: str, **more: Any) -> Callable[[Spender], httpx.Response]:
    return lambda spender: spender.post("/v1/responses", {"model": model, "max_output_tokens": 100, "input": "hi", **more})


def background(model: str, **more: Any) -> Callable[[Spender], httpx.Response]:
    def ask(spender: Spender) -> httpx.Response:
        queued = response(model, background=True, **more)(spender)
        path, headers = f"/v1/responses/{queued.json()['id']}", spender.gateway.headers(spender.key)

        def ended() -> bool:
            return bool(spender.gateway.http.get(path, headers=headers).json()["status"] == "completed")

        assert eventually(ended, WITHIN, 0.05)
        return spender.gateway.http.get(path, headers=headers)

    return ask


def turns(model: str) -> Callable[[Spender], None]:
    def ask(spender: Spender) -> None:
        with dial(spender.gateway, key=spender.key) as socket:
            for _ in range(2):
                socket.response(model, max_output_tokens=100)

    return ask


STREAMED = {"stream": True}
WAYS: dict[str, tuple[Callable[[Spender], httpx.Response | None], int]] = {
    "chat": (chat("bill/chat"), 1),
    "chat, streamed": (chat("bill/chat", **STREAMED), 1),
    "messages by chat": (message("bill/chat"), 1),
    "messages by chat, streamed": (message("bill/chat", **STREAMED), 1),
    "messages": (message("bill/claude"), 1),
    "messages, streamed": (message("bill/claude", **STREAMED), 1),
    "chat by messages": (chat("bill/claude"), 1),
    "chat by messages, streamed": (chat("bill/claude", **STREAMED), 1),
    "responses": (response("bill/native"), 1),
    "responses, streamed": (response("bill/native", **STREAMED), 1),
    "responses by chat, streamed": (response("bill/chat", **STREAMED), 1),
    "background": (background("bill/chat"), 1),
    "background, native": (background("bill/native"), 1),
    "turns of a WebSocket": (turns("bill/native"), 2),
    "turns of a WebSocket by chat": (turns("bill/chat"), 2),
    "a fallback after a refused connection": (chat(DEAD), 1),
    "a fallback after a failure, streamed": (chat("bill/broken", **STREAMED), 1),
    "a hook's own question": (guarded, 2),
}
"""How a model is asked, and how many rows with a cost that makes."""


@pytest.mark.parametrize("way", WAYS)
def test_cost_when_a_model_is_asked_in_any_way_is_what_the_upstream_bills(
    gateway: LiveGateway, biller: Biller, spender: Spender, way: str
) -> None:
    account = Account(gateway, spender)
    ask, requests = WAYS[way]
    answer = ask(spender)
    assert answer is None or answer.status_code == 200, answer.text
    assert biller.bill > 0
    assert account.cost(requests) == biller.bill
    assert account.charged(requests) == biller.bill
    told = None if answer is None else answer.headers.get("x-gateway-cost-usd")
    if told is not None and "hook" not in way:
        assert Decimal(told) == biller.bill


def test_cost_when_the_client_leaves_a_stream_is_what_was_billed_until_then(
    gateway: LiveGateway, biller: Biller, spender: Spender
) -> None:
    account = Account(gateway, spender)
    asked = {"model": "bill/paced", "max_tokens": 100, "messages": HI, "stream": True}
    with gateway.http.stream("POST", "/v1/chat/completions", json=asked, headers=gateway.headers(spender.key)) as answer:
        seen = 0
        for line in answer.iter_lines():
            seen += '"content"' in line
            if seen == len(WORDS):
                break
    assert account.charged(1) == biller.bill
    assert account.cost(1) == biller.bill
    biller.left.set()


class Account:
    """What is told of the requests of a key that come from now on."""

    def __init__(self, gateway: LiveGateway, spender: Spender) -> None:
        self._gateway, self._spender = gateway, spender
        self._before = {row["id"] for row in (*self._rows(), *self._entries("settle"), *self._entries("release"))}

    def cost(self, requests: int) -> Decimal:
        """What their rows come to, once so many cost something."""
        assert eventually(lambda: len(self._fresh(self._rows())) == requests, WITHIN, 0.1), self._fresh(self._rows())
        found = self._fresh(self._rows())
        assert {(row["tenant"], row["project"], row["person"]) for row in found} == {(TENANT, "app", "Ann")}
        return sum((Decimal(row["cost_usd"]) for row in found), Decimal(0))

    def charged(self, requests: int) -> Decimal:
        """What the ledger says, once it has settled so many, and nothing is held."""
        assert eventually(lambda: len(self._fresh(self._entries("settle"))) == requests, WITHIN, 0.1)
        assert eventually(lambda: self._held() == 0, WITHIN, 0.1)
        return Decimal(sum(row["amount"] for row in self._fresh(self._entries("settle")))) / NANO

    def _held(self) -> int:
        return sum(held for _, held in counters(self._gateway, budget=self._spender.budget).values())

    def _rows(self) -> list[dict[str, Any]]:
        return self._gateway.operator.rows("openai_api.UsageRecord", {"client_id": self._spender.id, "cost_usd__gt": 0})

    def _entries(self, kind: str) -> list[dict[str, Any]]:
        return self._gateway.operator.rows("openai_api.LedgerEntry", {"budget": self._spender.budget, "kind": kind})

    def _fresh(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["id"] not in self._before]
