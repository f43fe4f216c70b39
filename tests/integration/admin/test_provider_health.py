"""Does the page of a provider say how it fares, and are further credentials edited there?"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from models_catalog import route_state
from models_catalog.models import Credential, Provider, ProviderCredential, Route
from models_catalog.target_ids import target_id
from providers.breaker import CircuitState, LastFailure
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors

SET = "more_credentials"


@pytest.fixture
def known() -> Iterator[dict[str, object]]:
    """What a worker would tell of targets, by their ids, and of providers."""
    told: dict[str, object] = {"circuits": {}, "failures": {}, "traffic": {}}
    route_state.tell_circuits("test", lambda: told["circuits"], lambda: told["failures"])  # type: ignore[arg-type,return-value]
    route_state.tell_traffic("test", lambda: told["traffic"])  # type: ignore[arg-type,return-value]
    yield told
    told.update(circuits={}, failures={}, traffic={})


def rows(number: int, **values: str) -> dict[str, str]:
    return {f"{SET}-TOTAL_FORMS": str(number + 1), **{f"{SET}-{number}-{name}": value for name, value in values.items()}}


def test_further_credential_when_added_then_stored_and_the_own_one_is_refused(pages: Pages, catalog: Catalog) -> None:
    own, other = catalog.credential("own"), catalog.credential("other")
    provider = catalog.provider("vendor", credential=own)
    page = address(Provider, "change", provider)
    refused = pages.send(page, rows(0, credential=str(own.pk), weight="1", enabled="on"))
    assert errors(refused)[f"{SET}-0-credential"]
    pages.save(page, rows(0, credential=str(other.pk), weight="2.5", enabled="on"))
    assert [(row.credential, row.weight, row.enabled) for row in ProviderCredential.objects.all()] == [(other, 2.5, True)]
    assert "other" in pages.open(page).content.decode()


def test_health_when_a_target_rests_then_the_list_and_the_page_say_so(
    pages: Pages, catalog: Catalog, known: dict[str, object]
) -> None:
    provider = catalog.provider("vendor")
    catalog.model("m", provider)
    target = target_id(Route.objects.get().pk)
    known["circuits"] = {f"{target}:f00": CircuitState("open", 5, 21.0)}
    known["failures"] = {target: LastFailure(time.time(), "upstream_auth_failed", 401, "Incorrect <b>API</b> key.")}
    known["traffic"] = {"vendor": route_state.Traffic(200, 50)}
    listed = pages.open(address(Provider)).content.decode()
    assert "Resting 1" in listed
    assert "25.0 % of 200 failed" in listed
    page = pages.open(address(Provider, "change", provider)).content.decode()
    assert "m: rests 21 s" in page
    assert "upstream_auth_failed (401): Incorrect &lt;b&gt;API&lt;/b&gt; key." in page


def test_key_when_it_is_missing_then_saving_warns_and_names_the_variable(pages: Pages, catalog: Catalog) -> None:
    credential = Credential.objects.create(name="absent", source="env", location="SIGNALBOX_TEST_ABSENT")
    page = address(Provider, "change", catalog.provider("vendor", credential=credential))
    pages.save(page, {})
    told = pages.open(address(Provider)).content.decode()
    assert "vendor has no key that can be used" in told
    assert "SIGNALBOX_TEST_ABSENT" in told
