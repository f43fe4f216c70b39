"""Does the list of models say what it should, cheaply? And are problems of a few rows the same that a compilation tells?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models_catalog.compiler import compile_routing, compile_snapshot
from models_catalog.compiler.some_rows import problems_of_rows
from models_catalog.live import LiveCatalog, forget_live, in_force, tell_live
from models_catalog.models import AccessGroup, Budget, ClientKey, Limit, ModelDefinition, Project, Provider, Tenant
from models_catalog.snapshot import CatalogSnapshot
from openai_api.models import UsageRollUp
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address

LIST = address(ModelDefinition)


def key(name: str, **fields: object) -> ClientKey:
    values = {"key_hash": name.encode().hex().ljust(64, "0"), "public_id": name.ljust(8, "x")[:8], "last_four": "abcd", **fields}
    return ClientKey.objects.create(name=name, **values)


def test_list_when_opened_then_no_client_key_is_read(pages: Pages, catalog: Catalog) -> None:
    catalog.model("gpt", catalog.provider())
    key("one")
    with CaptureQueriesContext(
        connection,
    ) as told:
        pages.open(LIST)
    assert [query["sql"] for query in told if "clientkey" in query["sql"] and "hook" not in query["sql"]] == []


def test_keys_when_their_problems_are_asked_for_then_they_are_those_of_a_compilation(catalog: Catalog) -> None:
    model, other = catalog.model("gpt", catalog.provider()), catalog.model("other")
    project = Project.objects.create(name="p", tenant=Tenant.objects.create(name="t"), all_models=False)
    project.allowed_models.add(other)
    group = AccessGroup.objects.create(name="g")
    group.models.add(model)
    good, grouped = key("good", all_models=False), key("grouped", all_models=False)
    good.allowed_models.add(model)
    grouped.access_groups.add(group)
    bare, apart = key("bare", all_models=False), key("apart", all_models=False, project=project)
    apart.allowed_models.add(model)
    aliased = key("aliased", all_models=False, aliases={"mine": "other"})
    aliased.allowed_models.add(model)
    damaged, off = key("damaged", key_hash="nonsense"), key("off", all_models=False, enabled=False)
    asked = problems_of_rows(ClientKey, [row.pk for row in (good, grouped, bare, apart, aliased, damaged, off)])
    assert {problem.where for problem in asked} == {f"client key {name}" for name in ("bare", "apart", "aliased", "damaged")}
    assert set(asked) == {problem for problem in compile_snapshot().problems if problem.where.startswith("client key")}
    assert problems_of_rows(ClientKey, [good.pk]) == []


def test_rules_when_one_breaks_its_own_rules_then_it_alone_is_a_problem(catalog: Catalog) -> None:
    model = catalog.model("gpt", catalog.provider())
    good = Limit.objects.create(model=model, counted="requests", amount=5, per="minute")
    bad = Limit.objects.create(model=model, counted="requests", amount=5, per="aeon")
    told = problems_of_rows(Limit, [good.pk, bad.pk])
    assert told == [problem for problem in compile_snapshot().problems if problem.where.startswith("limit")]
    assert len(told) == 1
    assert problems_of_rows(Budget, []) == []


def test_routing_when_compiled_for_some_models_then_their_problems_alone(catalog: Catalog) -> None:
    provider, broken = catalog.provider(), catalog.provider("broken", type="openai_compatible")
    first, second = catalog.model("first", broken, provider), catalog.model("second", broken)
    whole = {problem.where for problem in compile_snapshot().problems}
    assert whole == {"provider broken", "model first, route broken", "model second, route broken", "model second"}
    assert {problem.where for problem in compile_routing([first.pk]).problems} == {"provider broken", "model first, route broken"}
    assert set(compile_routing([second.pk]).models) == set()
    assert {problem.where for problem in compile_routing().problems} == whole
    assert Provider.objects.count() == 2


@pytest.mark.parametrize(("version", "known"), [(7, True), (8, False)])
def test_served_catalog_when_it_is_of_that_version_then_it_is_given(version: int, known: bool) -> None:
    live = LiveCatalog()
    tell_live(live)
    try:
        assert in_force(0) is None  # nothing is loaded
        live.swap(CatalogSnapshot(version=7))
        assert (in_force(version) is live.current) is known
    finally:
        forget_live(live)
    assert in_force(7) is None


def test_model_when_it_has_fallbacks_and_prices_then_the_list_says_so(pages: Pages, catalog: Catalog) -> None:
    spare = catalog.model("spare", catalog.provider())
    own = catalog.model("own", fallbacks=(spare,), input_price=Decimal("2.5"), output_price=Decimal(10))
    listed = catalog.model("listed")
    listed.price_list.create(rates={"input": 1, "output": 2})
    listed.price_list.create(rates={"input": 3, "output": 4}, effective_from=timezone.now() - timedelta(days=1))
    listed.price_list.create(rates={"input": 9}, effective_from=timezone.now() + timedelta(days=1))
    catalog.model("spoken").price_list.create(rates={"character": 15})
    text = pages.open(LIST).content.decode()
    assert "then spare" in text
    for price in ("2.5 / 10", "3 / 4", "15 a character"):
        assert f">{price}</span>" in text
    assert "9" not in [cell.strip() for cell in text.split("sb-line")]
    assert own.pk != listed.pk


def test_model_when_it_was_asked_for_then_the_list_says_when(pages: Pages, catalog: Catalog) -> None:
    for name in ("busy", "idle"):
        catalog.model(name)
    assert "not of late" not in pages.open(LIST).content.decode()  # nothing was counted yet
    now = timezone.now()
    for hours in (3, 30):
        at = now - timedelta(hours=hours, minutes=10)
        UsageRollUp.objects.create(span=3600, dimension="model", name="busy", at=at, requests=1)
    text = pages.open(LIST).content.decode()
    assert ">3 h ago</time>" in text
    assert text.count("not of late") == 1


def test_model_when_switched_by_its_menu_then_only_a_post_does_it(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    url = f"{LIST}{row.pk}/disable_one/"
    assert "Requests are refused" in pages.open(url).content.decode()
    assert ModelDefinition.objects.get().enabled
    assert pages.client.post(url, {"_form_submitted": "on"})["HX-Redirect"] == LIST
    assert not ModelDefinition.objects.filter(enabled=True).exists()
    assert [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=str(row.pk))] == ["Disabled."]
    assert pages.client.post(f"{LIST}999999/enable_one/", {"_form_submitted": "on"}).status_code == 404
