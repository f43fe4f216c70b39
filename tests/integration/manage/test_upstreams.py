"""Are upstreams asked for programs: do routes answer, what does an account offer, and do its models come into the catalog?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models_catalog.models import ModelDefinition
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.manage.program import Api
from tests.integration.manage.rich import CANARY

LISTED = {"data": [{"id": "gpt-x", "context_length": 8192}, {"id": "text-embedding-x"}]}


@pytest.fixture
def upstream() -> Iterator[Vendor]:
    with vendor({"/v1/models": lambda seen: said(LISTED)}) as upstream:
        yield upstream


def test_offers_when_asked_then_chosen_ones_become_models(api: Api, upstream: Vendor) -> None:
    api("PUT", "credentials/key", {"source": "stored", "secret": CANARY}, 201)
    api("PUT", "providers/acme", {"type": "openai_compatible", "api_base": f"{upstream.base}/v1", "credential": "key"}, 201)
    offers = api("GET", "offers?provider=acme", status=200)
    assert {one["id"]: one["context_length"] for one in offers.json()["data"]} == {"gpt-x": 8192, "text-embedding-x": None}
    assert CANARY not in offers.content.decode()
    made = api("POST", "offers/fill", {"provider": "acme", "ids": ["gpt-x"], "prefix": "a/", "rest": True}, 201).json()
    assert made["models"] == ["a/gpt-x", "a/*"]
    assert api("GET", "models/a/gpt-x", status=200).json()["routes"][0]["upstream_model"] == "gpt-x"
    for ids, prefix in ((["nope"], ""), ([], ""), (["gpt-x"], "a/")):
        assert api.error("POST", "offers/fill", {"provider": "acme", "ids": ids, "prefix": prefix})["field"] == "ids"
    assert api.error("GET", "offers?provider=acm")["field"] == "provider"
    assert api.error("POST", "offers/fill", {"provider": "acme", "prefix": "x" * 101})["field"] == "prefix"
    Api("models:write").error("POST", "offers/fill", {"provider": "acme", "ids": ["gpt-x"]}, 403)
    assert ModelDefinition.objects.count() == 2


def test_model_when_tested_then_each_route_tells_how_it_answered(api: Api) -> None:
    api("PUT", "providers/offline", {"type": "dummy"}, 201)
    api("PUT", "models/demo", {"routes": [{"provider": "offline"}]}, 201)
    (call,) = api("POST", "tests", {"model": "demo"}, 200).json()["data"]
    assert (call["route"], call["capability"], call["outcome"]) == ("offline", "chat", "ok")
    assert api.error("GET", "offers?provider=offline", status=409)["code"] == "no_list"
    assert api.error("POST", "tests", {"model": "dmo"})["field"] == "model"
