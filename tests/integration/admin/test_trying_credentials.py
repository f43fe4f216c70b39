"""Can any credential of a provider be tested by itself, and when it is saved, and is no secret told?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from models_catalog.models import Credential, Provider, ProviderCredential, RouteCheck
from tests.fakes.vendor import Seen, Vendor, said, vendor
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address

GOOD = "sk-good-canary-7Qm2xV9pLs4"
ADD = "/admin/models_catalog/provider/add/"


def known(seen: Seen, answer: Any) -> Any:
    """The answer for the good key; a refusal that repeats any other one."""
    presented = seen.headers.get("authorization", "").removeprefix("Bearer ")
    if presented == GOOD:
        return said(answer)
    return said({"error": {"message": f"Incorrect key: {presented}", "code": "invalid_api_key"}}, 401)


@pytest.fixture
def upstream() -> Iterator[Vendor]:
    chat = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
    answers = {
        "/v1/models": lambda seen: known(seen, {"data": [{"id": "gpt-x"}]}),
        "/v1/chat/completions": lambda seen: known(seen, {"id": "c", "object": "chat.completion", "model": "m", **chat}),
    }
    with vendor(answers) as found:
        yield found


@pytest.fixture
def provider(catalog: Catalog, upstream: Vendor) -> Provider:
    """With a bad credential of its own, a good further one, and one that is switched off."""
    found = catalog.provider(
        "acme", type="openai_compatible", api_base=f"{upstream.base}/v1", credential=catalog.credential("bad")
    )
    ProviderCredential.objects.create(provider=found, credential=catalog.credential("good", GOOD))
    ProviderCredential.objects.create(provider=found, credential=catalog.credential("off", f"{SECRET}2"), enabled=False)
    return found


def page_of(provider: Provider) -> str:
    return address(Provider, "change", provider).replace("/change/", "/credentials/")


def told(response: Any) -> str:
    text = re.sub(r"\s+", " ", response.content.decode())
    assert SECRET not in text
    assert GOOD not in text
    return text


def test_credentials_when_tested_one_by_one_then_each_says_how_it_did(pages: Pages, provider: Provider, upstream: Vendor) -> None:
    page, (good, _) = page_of(provider), ProviderCredential.objects.order_by("pk")
    assert told(pages.open(page)).count("not tested here") == 3
    bad = told(pages.client.post(page, {"share": "own"}))
    assert re.search(r"failed</span>.*its list of models.*upstream_auth_failed.*<td>401</td> <td>\d+ ms</td>", bad)
    assert bad.count("not tested here") == 2
    well = told(pages.client.post(page, {"share": str(good.pk)}))
    assert re.search(r'sb-tag-good">ok</span>.*its list of models.*<td></td> <td>\d+ ms</td>', well)
    assert [seen.path for seen in upstream.seen] == ["/v1/models", "/v1/models"]
    assert page in told(pages.open(address(Provider, "change", provider)))


def test_credentials_when_a_route_leads_there_then_its_model_is_called_and_nothing_stored(
    pages: Pages, catalog: Catalog, provider: Provider, upstream: Vendor
) -> None:
    catalog.model("gpt-x", provider, capabilities=["chat"])
    text = told(pages.client.post(page_of(provider), {"share": "all"}))
    assert text.count("chat of gpt-x") == 3
    assert text.count("upstream_auth_failed") == 2
    assert {seen.path for seen in upstream.seen} == {"/v1/chat/completions"}
    assert not RouteCheck.objects.exists()


def test_provider_when_the_box_is_ticked_then_its_new_key_is_tested_once_it_is_saved(pages: Pages, upstream: Vendor) -> None:
    fields = {"name": "new", "type": "openai_compatible", "api_base": f"{upstream.base}/v1", "test_now": "on"}
    pages.save(ADD, {**fields, "api_key": GOOD})
    assert re.search(r"new with new: It works: an answer in \d+ ms \(its list of models\)", told(pages.open(address(Provider))))
    pages.save(ADD, {**fields, "name": "other", "api_key": SECRET})
    assert "status 401" in told(pages.open(address(Provider)))
    pages.save(ADD, {**fields, "name": "third", "api_key": GOOD}, remove=("test_now",))
    assert len(upstream.seen) == 2


def test_credential_when_a_provider_is_chosen_then_tested_there_when_it_is_saved(
    pages: Pages, provider: Provider, upstream: Vendor
) -> None:
    url = address(Credential, "add")
    pages.save(url, {"name": "fresh", "source": "stored", "new_secret": GOOD, "test_with": str(provider.pk)})
    assert "acme with fresh: It works" in told(pages.open(address(Credential)))
    pages.save(url, {"name": "unseen", "source": "stored", "new_secret": GOOD})
    assert len(upstream.seen) == 1
    assert Provider.objects.get().credential == Credential.objects.get(name="bad")


@pytest.mark.parametrize("kind", ["dummy", "bedrock"])
def test_credential_when_nothing_can_be_called_then_says_what_to_do(pages: Pages, catalog: Catalog, kind: str) -> None:
    provider = catalog.provider("odd", type=kind, credential=catalog.credential(), options={"region": "eu-west-1"})
    text = told(pages.client.post(page_of(provider), {"share": "own"}))
    assert "add a model with a route to it" in text or "configuration" in text or "unusable" in text


def test_staff_who_may_not_change_providers_tests_nothing(client: Client, provider: Provider, upstream: Vendor) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    rights = ("view_provider", "view_credential", "add_credential", "change_credential")
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    pages = Pages(client)
    assert pages.client.post(page_of(provider), {"share": "all"}).status_code == 403
    page = pages.open(address(Credential, "add")).content.decode()
    assert "test_with" not in page
    assert upstream.seen == []
