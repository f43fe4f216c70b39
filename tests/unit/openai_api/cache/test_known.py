"""Are the keys of a request that comes again those that would be made anew, and is only so much remembered?"""

from __future__ import annotations

from typing import Any

import pytest

from models_catalog.cache_names import ALL
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.cache.cache import Cache
from openai_api.cache.known import KnownPlaces
from openai_api.cache.memory import Memory
from providers.types import Call, Target, Wire
from tests.unit.openai_api.cache.test_key import EMPTY, SECRET, call, client, target

BODY = {"messages": [{"role": "user", "content": "hi"}]}
ASKED, WHOSE, AT = call(BODY), client(), target()
OTHERS: dict[str, dict[str, Any]] = {
    "body": {"asked": call({**BODY, "seed": 1})},
    "wire": {"asked": call(BODY, wire=Wire.OLLAMA)},
    "stream": {"asked": call(BODY, stream=True)},
    "model": {"asked": call(BODY, model="n")},
    "header": {"asked": call(BODY, headers=((b"x-told", b"1"),))},
    "key": {"whose": client(lineage="other")},
    "tenant": {"whose": client(tenant="other")},
    "upstream model": {"at": target(upstream_model="other")},
    "leg": {"leg": "other"},
    "purge": {"catalog": CatalogSnapshot(purges={ALL: 1})},
}


async def keys(
    cache: Cache, asked: Call = ASKED, whose: Client = WHOSE, at: Target = AT, leg: str = "m", catalog: CatalogSnapshot = EMPTY
) -> tuple[bytes, str]:
    request, places = await cache.places(asked, whose, catalog, [(ModelEntry(leg, frozenset(), {}), at)])
    return request, places[0].key


def cache() -> Cache:
    return Cache(Memory(1000), SECRET)


@pytest.mark.parametrize("what", OTHERS)
async def test_keys_when_something_differs_are_those_that_a_cache_makes_that_remembers_nothing(what: str) -> None:
    used = cache()
    first = await keys(used)
    other = await keys(used, **OTHERS[what])
    assert other != first
    assert other == await keys(cache(), **OTHERS[what])
    assert await keys(used) == first


async def test_keys_when_only_ids_of_the_request_differ_are_known() -> None:
    used = cache()
    targets = [(ModelEntry("m", frozenset(), {}), AT)]
    first, again = [await used.places(asked, WHOSE, EMPTY, targets) for asked in with_ids()]
    assert again is first


def with_ids() -> list[Call]:
    return [call(BODY, request_id=name, headers=((b"x-request-id", name.encode()),)) for name in ("a", "b")]


def test_known_places_are_bounded_and_the_oldest_is_forgotten_first() -> None:
    known = KnownPlaces(2)
    for name in ("a", "b"):
        known.put(EMPTY, (name,), (name.encode(), ()))
    assert known.get(EMPTY, ("a",)) == (b"a", ())
    known.put(EMPTY, ("c",), (b"c", ()))
    assert [known.get(EMPTY, (name,)) is not None for name in "abc"] == [True, False, True]
    assert known.get(CatalogSnapshot(), ("a",)) is None
