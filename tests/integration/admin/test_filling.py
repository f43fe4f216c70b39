"""Can an operator add what a provider's account offers, and is he told what goes wrong?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from models_catalog.compiler import compile_snapshot
from models_catalog.models import Credential, ModelDefinition, Provider
from tests.fakes.vendor import Seen, Vendor, said, vendor
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address

LISTED = {"data": [{"id": "gpt-x", "context_length": 8192}, {"id": "text-embedding-x"}, {"id": "sora-x"}]}


def refused(seen: Seen) -> Any:
    return said({"error": {"message": f"Incorrect key: {SECRET}", "code": "invalid_api_key"}}, 401)


@pytest.fixture
def upstream() -> Iterator[Vendor]:
    answers = {
        "/v1/models": lambda seen: said(LISTED),
        "/v1beta/models": lambda seen: said(
            {"models": [{"name": "models/gem", "supportedGenerationMethods": ["generateContent"]}]}
        ),
        "/api/tags": lambda seen: said({"models": [{"name": "llama:8b", "model": "llama:8b"}]}),
    }
    with vendor(answers) as upstream:
        yield upstream


def at(catalog: Catalog, upstream: Vendor, kind: str = "openai_compatible", path: str = "/v1") -> Provider:
    return catalog.provider("acme", type=kind, api_base=f"{upstream.base}{path}", credential=catalog.credential())


def fill(row: Provider) -> str:
    return address(Provider, "change", row).replace("/change/", "/fill/")


def told(response: Any) -> str:
    text: str = response.content.decode()
    assert SECRET not in text
    return text


@pytest.mark.parametrize(
    ("kind", "path", "asked", "header", "name"),
    [
        ("openai_compatible", "/v1", "/v1/models", "authorization", "gpt-x"),
        ("anthropic", "", "/v1/models?limit=1000", "x-api-key", "gpt-x"),
        ("gemini", "", "/v1beta/models?pageSize=1000", "x-goog-api-key", "gem"),
        ("ollama", "", "/api/tags", "authorization", "llama:8b"),
        ("ollama_native", "", "/api/tags", "authorization", "llama:8b"),
    ],
)
def test_list_when_asked_of_a_vendor_then_by_its_own_path_and_key(
    pages: Pages, catalog: Catalog, upstream: Vendor, kind: str, path: str, asked: str, header: str, name: str
) -> None:
    assert f'value="{name}"' in told(pages.open(fill(at(catalog, upstream, kind, path))))
    (seen,) = upstream.seen
    assert (seen.method, seen.path) == ("GET", asked)
    assert SECRET in seen.headers[header]
    assert (kind == "anthropic") is ("anthropic-version" in seen.headers)


@pytest.mark.parametrize(
    ("kind", "path", "first", "asked"),
    [
        ("gemini", "/v1beta/models", {"models": [{"name": "models/one"}], "nextPageToken": "a/b="}, "pageToken=a%2Fb%3D"),
        ("anthropic", "/v1/models", {"data": [{"id": "one"}], "has_more": True, "last_id": "one"}, "after_id=one"),
        ("openai_compatible", "/v1/models", {"data": [{"id": "one"}], "has_more": True, "last_id": "one"}, "after=one"),
    ],
)
def test_list_when_it_has_pages_then_all_are_asked_for_and_a_mark_that_comes_again_ends_it(
    pages: Pages, catalog: Catalog, upstream: Vendor, kind: str, path: str, first: Any, asked: str
) -> None:
    key = "models" if kind == "gemini" else "data"
    second = {**first, key: [{"id": "two", "name": "models/two"}]}
    upstream.answers[path] = lambda seen: said(second if asked in seen.path else first)
    text = told(pages.open(fill(at(catalog, upstream, kind, "/v1" if kind == "openai_compatible" else ""))))
    assert 'value="one"' in text
    assert 'value="two"' in text
    assert [asked in seen.path for seen in upstream.seen] == [False, True]


def test_chosen_model_when_given_a_name_then_has_that_one(pages: Pages, catalog: Catalog, upstream: Vendor) -> None:
    row = at(catalog, upstream)
    both = {"model": ["gpt-x", "text-embedding-x"], "beginning": "acme/", "called:gpt-x": "smart"}
    refused = told(pages.client.post(fill(row), {**both, "called:text-embedding-x": "smart"}))
    assert "smart: it is given to more than one model." in refused
    assert 'name="called:gpt-x" value="smart"' in refused
    pages.client.post(fill(row), both)
    assert {entry.name for entry in compile_snapshot().entries()} == {"smart", "acme/text-embedding-x"}
    assert ModelDefinition.objects.get(name="smart").routes.get().upstream_model == "gpt-x"


def test_chosen_models_when_added_then_served_with_their_routes_and_history(
    pages: Pages, catalog: Catalog, upstream: Vendor
) -> None:
    row = at(catalog, upstream)
    response = pages.client.post(
        fill(row), {"model": ["gpt-x", "text-embedding-x"], "beginning": "acme/", "rest": "on"}, follow=True
    )
    assert "3 models added, with a route to acme each." in told(response)
    entries = {entry.name: entry for entry in compile_snapshot().entries()}
    assert set(entries) == {"acme/gpt-x", "acme/text-embedding-x", "acme/*"}
    assert entries["acme/gpt-x"].capabilities == {"chat", "responses"}
    assert [target.upstream_model for target in entries["acme/gpt-x"].targets["chat"]] == ["gpt-x"]  # type: ignore[index]
    assert entries["acme/text-embedding-x"].capabilities == {"embedding"}
    made = ModelDefinition.objects.get(name="acme/gpt-x")
    assert made.context_length == 8192
    (entry,) = LogEntry.objects.filter(object_id=str(made.pk), content_type__model="modeldefinition")
    assert entry.get_change_message() == "From the list of the provider acme."
    text = told(pages.open(fill(row)))
    assert "served as acme/gpt-x" in text
    wildcard = compile_snapshot().wildcards.find("acme/anything")
    assert wildcard is not None
    assert wildcard.targets["chat"][0].upstream_model == "anything"  # type: ignore[index]


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({}, "Choose at least one model."),
        ({"model": ["gpt-x", "taken"]}, "taken: the account does not offer it any more."),
        (
            {"model": ["gpt-x", "text-embedding-x"], "beginning": "mine/"},
            "mine/text-embedding-x: a model with this name already exists.",
        ),
        ({"model": ["gpt-x", "sora-x"]}, "sora-x: none of what it does can be served"),
        ({"model": ["gpt-x"], "beginning": "tensorzero::"}, "Names that begin with tensorzero:: are reserved."),
        ({"model": ["gpt-x"], "rest": "on"}, "A wildcard needs a prefix"),
        ({"model": ["gpt-x"], "beginning": "x" * 101}, "at most 100 characters"),
        ({"model": ["gpt-x", "\0", "9" * 30]}, "the account does not offer it any more."),
    ],
)
def test_choice_when_one_cannot_be_added_then_none_is_and_it_stays_chosen(
    pages: Pages, catalog: Catalog, upstream: Vendor, sent: dict[str, Any], fault: str
) -> None:
    catalog.model("mine/text-embedding-x")
    text = told(pages.client.post(fill(at(catalog, upstream)), sent))
    assert fault in text.replace("&#x27;", "'")
    assert ModelDefinition.objects.count() == 1
    assert ('value="gpt-x" aria-label="gpt-x" checked' in text) is ("gpt-x" in sent.get("model", ()))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (refused, "The provider rejected the gateway"),
        (lambda seen: said({"error": {"message": "no such path"}}, 404), "What this account offers is not known."),
        (lambda seen: said({"error": {"message": f"The key {SECRET} is for another place"}}, 400), "is for another place"),
        (lambda seen: said({"surprise": 1}), "the answer has no list of models"),
    ],
)
def test_vendor_when_it_refuses_then_the_page_says_so_without_the_key(
    pages: Pages, catalog: Catalog, upstream: Vendor, answer: Any, fault: str
) -> None:
    upstream.answers["/v1/models"] = answer
    text = told(pages.open(fill(at(catalog, upstream))))
    assert fault in text.replace("&#x27;", "'")
    assert "What this account offers is not known." in text


def test_provider_when_its_key_is_missing_or_it_has_no_list_then_the_page_says_so(pages: Pages, catalog: Catalog) -> None:
    key = catalog.credential()
    absent = Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    for row, fault in (
        (catalog.provider("openai", type="openai"), "It has no key. OpenAI needs one"),
        (catalog.provider("env", type="openai", credential=absent), "Skipped: its credential is unusable."),
        (catalog.provider("demo"), "has no list of its models"),
        (
            catalog.provider("azure", type="azure_openai", api_base="https://x.example/", credential=key),
            "the name of the deployment",
        ),
        (catalog.provider("aws", type="bedrock", credential=key, options={"region": "eu-west-1"}), "inference profile"),
        (catalog.provider("gone", type="vllm", api_base="http://127.0.0.1:9/v1"), "could not be reached"),
    ):
        assert fault in told(pages.open(fill(row)))


def test_page_when_there_is_no_such_provider_then_404(pages: Pages) -> None:
    for odd in ("9" * 30, "x", "0"):
        assert pages.client.get(f"/admin/models_catalog/provider/{odd}/fill/").status_code in (302, 404)


def test_page_when_the_account_may_not_add_models_then_403_and_no_button(
    client: Client, catalog: Catalog, upstream: Vendor
) -> None:
    row, user = at(catalog, upstream), User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_provider", "view_modeldefinition"]))
    client.force_login(user)
    assert client.get(fill(row)).status_code == 403
    assert client.post(fill(row), {"model": ["gpt-x"]}).status_code == 403
    assert client.get("/admin/models_catalog/modeldefinition/fill/").status_code == 403
    assert "Fill from a provider" not in told(Pages(client).open(address(ModelDefinition)))
    assert upstream.seen == []


def test_choice_of_providers_when_opened_then_each_leads_to_its_list(pages: Pages, catalog: Catalog, upstream: Vendor) -> None:
    assert "Add one first." in told(pages.open("/admin/models_catalog/modeldefinition/fill/"))
    row = at(catalog, upstream)
    assert fill(row) in told(pages.open("/admin/models_catalog/modeldefinition/fill/"))
    assert "/modeldefinition/fill/" in told(pages.open(address(ModelDefinition)))
