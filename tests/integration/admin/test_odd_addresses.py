"""Does any address or form of the admin, however odd the numbers and texts in it are, end in an error of the server?"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model

from models_catalog import keys
from models_catalog.models import ClientKey
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, posted

LONG = "9" * 30
ODD = (LONG, f"-{LONG}", "9" * 5000, "a\0b")
LOOKUPS = ("", "__exact", "__id__exact", "__gte", "__in", "__year")
PARAMETERS = ("p", "o", "q", "e", "all", "_facets", "_popup", "_to_field", "_changelist_filters", "id", "pk__in")
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
every_page = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)


@pytest.fixture
def careful(catalog: Catalog, pages: Pages) -> Pages:
    """The admin of a catalog with a row of each kind; what is raised there becomes an answer, as in a server."""
    provider = catalog.provider(credential=catalog.credential())
    keys.create_client_key("it", models=[catalog.model("gpt", provider)])
    Group.objects.create(name="group")
    pages.client.raise_request_exception = False
    return pages


def parameters(model: type[Model]) -> Iterator[str]:
    """What the list takes from its address."""
    yield from PARAMETERS
    for entry in admin.site._registry[model].list_filter:
        name = entry[0] if isinstance(entry, tuple) else entry
        yield from (name + lookup for lookup in LOOKUPS) if isinstance(name, str) else [str(vars(name)["parameter_name"])]


@every_page
def test_list_when_a_parameter_is_odd_then_no_error(careful: Pages, model: type[Model]) -> None:
    found = {
        (name, odd[:9]): careful.client.get(f"{address(model)}?{urlencode({name: odd})}").status_code
        for name in parameters(model)
        for odd in ODD
    }
    assert [place for place, status in found.items() if status >= 500] == []


@every_page
def test_page_of_a_row_when_its_id_is_odd_then_there_is_none(careful: Pages, model: type[Model]) -> None:
    detail = admin.site._registry[model].actions_detail  # type: ignore[attr-defined]
    for kind in ("change", "delete", "history", "password", *detail):
        for odd in (*ODD, "no-number"):
            url = f"{address(model)}{quote(odd, safe='')}/{kind}/"
            assert careful.client.get(url).status_code in (302, 403, 404), url
            assert careful.client.post(url).status_code in (302, 403, 404), url


@every_page
def test_action_when_a_chosen_row_is_odd_then_nothing_is_done(careful: Pages, model: type[Model]) -> None:
    before = list(model._default_manager.values())
    for action in ("delete_selected", *(admin.site._registry[model].actions or ())):
        for odd in (*ODD, "no-number", ""):
            form = {"action": action, "_selected_action": odd, "post": "yes"}
            assert careful.client.post(address(model), form).status_code < 500, (action, odd[:9])
    assert list(model._default_manager.values()) == before


@pytest.mark.parametrize(
    ("model", "field"), [(ClientKey, "allowed_models"), (User, "groups"), (Group, "permissions")], ids=["keys", "users", "groups"]
)
@pytest.mark.parametrize("odd", ODD)
def test_form_when_a_chosen_row_is_odd_then_refused(careful: Pages, model: type[Model], field: str, odd: str) -> None:
    row = model._default_manager.all()[0]
    form = posted(careful.open(address(model, "change", row))) | {field: [odd]}
    assert careful.client.post(address(model, "change", row), form).status_code in (200, 400)


@pytest.mark.parametrize("query", [f"page={LONG}", "page=" + "9" * 5000, "term=%00", "term=" + LONG, f"object_id={LONG}"])
def test_autocompletion_when_asked_for_something_odd_then_no_error(careful: Pages, query: str) -> None:
    base = "/admin/autocomplete/?app_label=models_catalog&model_name=clientkey&field_name=allowed_models"
    assert careful.client.get(f"{base}&{query}").status_code in (200, 404)
