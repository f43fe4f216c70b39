"""Do the keys of the cache tell apart all that must not share an answer, and nothing else?"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from models_catalog.cache_names import ALL, of_key, of_model, of_tenant
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry, Owner
from openai_api.cache.key import Unkeyed, request_key, target_key
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.protocols import serving
from providers.types import Adapter, Call, Target, TargetConfig, TargetTimeouts, Wire

SECRET = bytes(range(32))
PAIRS = 10_000
EMPTY = CatalogSnapshot()
Json = dict[str, Any]


class _Adapter:
    def __init__(self, **extra: bytes) -> None:
        self.config = TargetConfig(id="", provider="p", provider_type="", upstream_model="u", extra_body=extra)


def target(provider: str = "p", upstream_model: str = "u", **extra: bytes) -> Target:
    adapter: Adapter = _Adapter(**extra)
    return Target("1", "1", "m", provider, upstream_model, TargetTimeouts.of(), adapter, serving(tuple(Wire)))


def call(body: Json | bytes, **more: Any) -> Call:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fixed = {"capability": Capability.CHAT, "wire": Wire.OPENAI_CHAT, "model": "m", "request_id": "r"}
    return Call(body=data, fields=fields_of(data), **{**fixed, **more})


def client(tenant: str = "t", lineage: str = "k") -> Client:
    return Client(id=f"id of {lineage}", name="n", owner=Owner(tenant_id=tenant, tenant=tenant), lineage=lineage)


def key(asked: Call, whose: Client, catalog: CatalogSnapshot = EMPTY, model: str = "m", at: Target | None = None) -> bytes:
    leg = ModelEntry(model, frozenset(), {})
    return target_key(SECRET, request_key(SECRET, asked, whose, catalog), leg, at or target(), catalog)


def test_key_when_ten_thousand_random_tenants_and_keys_ask_the_same_then_no_two_are_equal() -> None:
    chosen = random.Random(14)
    asked = call({"model": "m", "messages": []})
    names = ["", "a", "b", "ab", "a:b", '","', "\\", "é", "null", "0"]
    owners = {
        (chosen.choice(names) + str(chosen.randrange(300)), chosen.choice(names) + str(chosen.randrange(300)))
        for _ in range(PAIRS)
    }
    assert len({key(asked, client(*owner)) for owner in owners}) == len(owners)
    assert key(asked, client("a", "b")) != key(asked, client("ab", ""))


def test_key_when_a_key_was_replaced_then_its_successor_finds_the_same() -> None:
    asked = call({"model": "m"})
    old, new = Client(id="1", name="a", lineage="1"), Client(id="2", name="b", lineage="1")
    assert key(asked, old) == key(asked, new)


def test_key_when_only_the_spelling_of_the_json_differs_then_equal() -> None:
    one = call(b'{"model":"m","temperature":0.5,"a":{"x":1,"y":[1,2]}}')
    other = call(b'{ "a" : {"y":[1, 2],\n"x":1}, "temperature":0.50, "model":"\\u006d" }')
    assert key(one, client()) == key(other, client())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": 2**64 + 1}, {"a": 2**64 + 2}),
        ({"a": "é"}, {"a": "e\u0301"}),
        ({"a": {"b": 1}}, {"b": {"a": 1}}),
    ],
    ids=["type", "truth", "null", "order", "big", "normal form", "nesting"],
)
def test_key_when_values_differ_then_so_does_it(one: Json, other: Json) -> None:
    assert key(call(one), client()) != key(call(other), client())


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"include_usage": True},
        {"strict": True},
        {"wire": Wire.OLLAMA},
        {"capability": Capability.EMBEDDING},
        {"model": "alias"},
        {"headers": ((b"anthropic-beta", b"a"),)},
    ],
    ids=lambda more: next(iter(more)),
)
def test_key_when_the_call_differs_beside_its_body_then_so_does_it(more: Json) -> None:
    assert key(call({}), client()) != key(call({}, **more), client())


def test_key_when_only_ids_of_the_request_differ_then_equal() -> None:
    headers = ((b"x-request-id", b"1"), (b"traceparent", b"2"), (b"tracestate", b"3"))
    assert key(call({}), client()) == key(call({}, request_id="other", headers=headers), client())


def test_key_when_another_target_answers_then_so_does_it() -> None:
    keys = {
        key(call({}), client()),
        key(call({}), client(), model="n"),
        key(call({}), client(), at=target("q")),
        key(call({}), client(), at=target(upstream_model="v")),
        key(call({}), client(), at=target(temperature=b"1")),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("name", [ALL, of_model("m"), of_tenant("t"), of_key("k")])
def test_key_when_purged_then_another_each_time(name: str) -> None:
    found = {key(call({}), client(), CatalogSnapshot(purges={name: count} if count else {})) for count in range(3)}
    assert len(found) == 3


@pytest.mark.parametrize("name", [of_model("other"), of_tenant("other"), of_key("other")])
def test_key_when_something_else_is_purged_then_the_same(name: str) -> None:
    assert key(call({}), client(), CatalogSnapshot(purges={name: 1})) == key(call({}), client())


def test_key_when_a_number_has_no_value_then_unkeyed() -> None:
    with pytest.raises(Unkeyed):
        key(call(b'{"a":1e999}'), client())
