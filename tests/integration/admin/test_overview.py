"""Does the first page tell the state of the catalog, and what to do next?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from pytest_django import Settings

from gateway_project import quickstart
from models_catalog import keys
from models_catalog.models import Credential
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages


def test_overview_when_the_catalog_is_empty_then_shows_three_steps_to_do(pages: Pages) -> None:
    response = pages.open("/admin/")
    assert [(step.title, step.done) for step in response.context["steps"]] == [
        ("Connect a provider", False),
        ("Name a model", False),
        ("Create a client key", False),
    ]
    for step in response.context["steps"]:
        assert f'href="{step.url}"' in response.content.decode()
        pages.open(step.url)


def test_overview_when_a_key_is_missing_then_its_step_is_not_done(pages: Pages, catalog: Catalog) -> None:
    missing = Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    catalog.provider("openai", type="openai", credential=missing)
    assert not pages.open("/admin/").context["steps"][0].done


def test_overview_when_all_steps_are_done_then_shows_figures_only(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    catalog.model("served", provider)
    catalog.model("off", provider, enabled=False)
    keys.create_client_key("it")
    response = pages.open("/admin/")
    assert response.context["steps"] == ()
    assert [(figure.number, figure.note, figure.bad) for figure in response.context["figures"]] == [
        (1, "of 1 enabled, 1 disabled", False),
        (1, "of 1 enabled", False),
        (1, "of 1 made", False),
    ]
    text = response.content.decode()
    assert "http://testserver/v1" in text
    assert "None: everything that is enabled is in service." in text


def test_overview_when_rows_are_left_out_then_lists_them_with_links_to_their_pages(pages: Pages, catalog: Catalog) -> None:
    missing = Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    model = catalog.model("gpt", catalog.provider("openai", type="openai", credential=missing))
    response = pages.open("/admin/")
    problems = {problem.where: problem.path for problem in response.context["catalog"].problems}
    assert set(problems) == {"credential env", "provider openai", "model gpt, route openai", "model gpt"}
    assert problems["model gpt"] == f"/admin/models_catalog/modeldefinition/{model.pk}/change/"
    for path in problems.values():
        assert f'href="{path}"' in response.content.decode()
        assert "Not everything here is in service." in pages.open(path).content.decode()


def test_overview_when_a_provider_has_no_key_then_a_problem_that_leads_to_it(pages: Pages, catalog: Catalog) -> None:
    row = catalog.provider("keyless", type="openai")
    catalog.provider("off", type="openai", enabled=False)
    catalog.provider("offline")
    (problem,) = pages.open("/admin/").context["problems"]
    assert (problem.where, problem.message) == ("provider keyless", "It has no key. This type of provider needs a credential.")
    assert problem.message in pages.open(problem.path).content.decode()
    assert problem.path == f"/admin/models_catalog/provider/{row.pk}/change/"


def test_overview_when_there_is_but_the_demo_then_the_first_steps_are_still_to_do(pages: Pages, catalog: Catalog) -> None:
    quickstart.make_demo()
    quickstart.make_client_key()
    response = pages.open("/admin/")
    assert [step.done for step in response.context["steps"]] == [False, False, False]
    assert "demo-fallback" in response.content.decode()
    catalog.model("own", catalog.provider("own"))
    assert [step.done for step in pages.open("/admin/").context["steps"]] == [True, True, False]
    keys.create_client_key("own")
    assert pages.open("/admin/").context["steps"] == ()


@pytest.mark.parametrize("on", [True, False])
def test_overview_when_authentication_is_off_then_warns(pages: Pages, settings: Settings, on: bool) -> None:
    settings.GATEWAY_AUTHENTICATION = on
    assert ("Client keys are not required." in pages.open("/admin/").content.decode()) is not on


def test_overview_when_staff_may_see_one_list_only_then_shows_its_figure_only(client: Client, catalog: Catalog) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_provider"))
    client.force_login(user)
    response = Pages(client).open("/admin/")
    assert [figure.model for figure in response.context["figures"]] == ["provider"]


def test_overview_when_staff_has_no_rights_then_tells_nothing(client: Client, catalog: Catalog) -> None:
    catalog.model("confidential", catalog.provider("unnamed"))
    client.force_login(User.objects.create_user("staff", is_staff=True))
    text = Pages(client).open("/admin/").content.decode()
    assert "confidential" not in text
    assert "Your account has no permissions here." in text


@pytest.mark.parametrize(
    "name",
    [
        "models_catalog/modeldefinition",
        "models_catalog/provider",
        "models_catalog/credential",
        "models_catalog/clientkey",
        "auth/group",
    ],
)
def test_list_when_empty_then_says_what_belongs_into_it_and_offers_to_add(pages: Pages, name: str) -> None:
    Group.objects.all().delete()
    url = f"/admin/{name}/"
    text = pages.open(url).content.decode()
    assert 'class="sb-empty"' in text
    assert f'href="{url}add/"' in text
    assert "No results found" in pages.open(f"{url}?q=nothing").content.decode()
