"""Can an operator edit a model, its routes and its fallbacks, and are mistakes shown where they were made?"""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.admin.models import LogEntry
from pytest_django import DjangoAssertNumQueries

from models_catalog.compiler import compile_snapshot
from models_catalog.models import Credential, ModelDefinition, Price, Provider
from tests.integration.admin.catalog import Catalog, routes_of
from tests.integration.admin.pages import Pages, address, errors, posted

ADD = "/admin/models_catalog/modeldefinition/add/"


def route(number: int, provider: Provider, **fields: str) -> dict[str, str]:
    """What a browser sends for a route that was added to the form."""
    values = {"provider": str(provider.pk), "upstream_model": "", "name": "", "enabled": "on", **fields}
    return {f"routes-{number}-{name}": value for name, value in values.items()}


def change(row: ModelDefinition) -> str:
    return address(ModelDefinition, "change", row)


def test_model_when_added_with_two_routes_then_names_and_order_follow_the_form(pages: Pages, catalog: Catalog) -> None:
    first, second = catalog.provider("first"), catalog.provider("second")
    pages.save(ADD, {"name": "gpt", "routes-TOTAL_FORMS": "2", **route(0, first), **route(1, second, upstream_model="gpt-x")})
    made = ModelDefinition.objects.get(name="gpt")
    assert made.capabilities == ["chat"]
    assert routes_of(made) == [("first", 0), ("second", 1)]
    assert list(made.routes.values_list("upstream_model", flat=True)) == ["gpt", "gpt-x"]


def test_prices_when_entered_on_their_tab_then_compiled_and_mistakes_shown_at_their_row(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    over = {"200000": {"input": 6, "output": 22.5}}
    values = {"effective_from_0": "2026-11-01", "effective_from_1": "00:00:00", "route": "", "service_tier": "", "source": "mine"}
    sent = {"price_list-TOTAL_FORMS": "1", **{f"price_list-0-{name}": value for name, value in values.items()}}
    told = pages.send(change(row), {**sent, "price_list-0-rates": json.dumps({"input": 3, "over": {"x": {"input": 1}}})})
    assert "over: enter numbers of tokens" in str(errors(told)["price_list-0-rates"])
    pages.save(change(row), {**sent, "price_list-0-rates": json.dumps({"input": 3, "output": 15, "over": over})})
    (price,) = Price.objects.all()
    assert (price.rates, price.source) == ({"input": 3, "output": 15, "over": over}, "mine")
    rates = compile_snapshot().models["gpt"].prices.rates(price.effective_from.timestamp() if price.effective_from else 0)
    assert (rates.at(200_000).input, rates.at(200_001).input, rates.at(200_001).output) == (3_000_000, 6_000_000, 22_500_000)
    text = pages.open(change(row)).content.decode()
    assert "22.5" in text
    pages.save(change(row), {"price_list-0-rates": json.dumps({"input": 4, "output": 15})})
    assert Price.objects.get().rates == {"input": 4, "output": 15}


def test_routes_when_dragged_then_saved_in_the_new_order(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", *(catalog.provider(name) for name in "abc"))
    pages.save(change(row), {"routes-0-position": "2", "routes-1-position": "0", "routes-2-position": "1"})
    assert routes_of(row) == [("b", 0), ("c", 1), ("a", 2)]


def test_route_when_added_then_it_is_last_whatever_its_position_says(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider("a"), catalog.provider("b"))
    new = route(2, catalog.provider("c"), position="0")
    pages.save(change(row), {"routes-TOTAL_FORMS": "3", "routes-0-position": "1", "routes-1-position": "0", **new})
    assert routes_of(row) == [("b", 0), ("a", 1), ("c", 2)]


def test_route_when_deleted_then_the_others_close_up(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", *(catalog.provider(name) for name in "abc"))
    pages.save(change(row), {"routes-0-DELETE": "on"})
    assert routes_of(row) == [("b", 0), ("c", 1)]


def test_blank_route_when_numbered_by_dragging_then_it_is_no_error(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider("a"))
    blank = {"routes-TOTAL_FORMS": "2", "routes-1-position": "1", "routes-1-provider": "", "routes-1-enabled": "on"}
    pages.save(change(row), blank)
    assert routes_of(row) == [("a", 0)]


def test_enabled_model_when_it_has_no_route_then_refused(pages: Pages) -> None:
    response = pages.send(ADD, {"name": "gpt"})
    assert errors(response) == {"routes": ["An enabled model needs at least one route."]}
    assert not ModelDefinition.objects.exists()


def test_disabled_model_when_it_has_no_route_then_saved(pages: Pages) -> None:
    pages.save(ADD, {"name": "later"}, remove=("enabled",))
    assert not ModelDefinition.objects.get(name="later").enabled


def test_routes_when_two_of_one_provider_have_no_name_then_the_second_is_blamed(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider("a")
    response = pages.send(ADD, {"name": "gpt", "routes-TOTAL_FORMS": "2", **route(0, provider), **route(1, provider)})
    assert errors(response) == {"routes-1-name": ["Duplicate route a."]}


def test_routes_when_one_provider_serves_twice_under_two_names_then_saved(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider("a")
    pages.save(ADD, {"name": "gpt", "routes-TOTAL_FORMS": "2", **route(0, provider), **route(1, provider, name="a again")})
    assert routes_of(ModelDefinition.objects.get()) == [("a", 0), ("a again", 1)]


@pytest.mark.parametrize("provider", ["", "999999", "x"])
def test_route_when_its_provider_is_missing_or_unknown_then_its_field_says_so(
    pages: Pages, catalog: Catalog, provider: str
) -> None:
    other = catalog.provider("a")
    response = pages.send(ADD, {"name": "gpt", **route(0, other, upstream_model="x") | {"routes-0-provider": provider}})
    assert list(errors(response)) == ["routes-0-provider"]


def test_fallbacks_when_they_close_a_circle_then_the_field_shows_it(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    last = catalog.model("c", provider)
    first = catalog.model("a", provider, fallbacks=(catalog.model("b", provider, fallbacks=(last,)),))
    response = pages.send(change(last), {"fallbacks-TOTAL_FORMS": "1", "fallbacks-0-fallback": str(first.pk)})
    assert errors(response) == {"fallbacks-0-fallback": ["Fallback cycle: c → a → b → c."]}


def test_model_in_a_circle_that_was_imported_when_edited_otherwise_is_saved(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    first = catalog.model("a", provider)
    second = catalog.model("b", provider, fallbacks=(first,))
    first.fallbacks.create(fallback=second)
    pages.save(change(first), {"num_retries": "5"})
    first.refresh_from_db()
    assert first.num_retries == 5


def test_fallback_when_it_stands_for_many_models_then_the_field_shows_it(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    row, pattern = catalog.model("a", provider), catalog.model("openai/*", provider)
    response = pages.send(change(row), {"fallbacks-TOTAL_FORMS": "1", "fallbacks-0-fallback": str(pattern.pk)})
    assert errors(response) == {"fallbacks-0-fallback": ["openai/* is a wildcard and cannot be a fallback."]}


def test_model_whose_name_ends_in_a_star_is_shown_as_a_wildcard(pages: Pages, catalog: Catalog) -> None:
    catalog.model("openai/*", catalog.provider())
    assert "wildcard" in pages.open(address(ModelDefinition, "changelist")).content.decode()


def test_fallback_when_it_is_the_model_itself_then_it_is_no_choice(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("a", catalog.provider())
    response = pages.send(change(row), {"fallbacks-TOTAL_FORMS": "1", "fallbacks-0-fallback": str(row.pk)})
    assert errors(response)["fallbacks-0-fallback"][0].startswith("Select a valid choice.")


def test_fallbacks_when_given_twice_then_the_second_is_blamed(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    row, other = catalog.model("a", provider), catalog.model("b", provider)
    twice = {f"fallbacks-{number}-fallback": str(other.pk) for number in range(2)}
    response = pages.send(change(row), {"fallbacks-TOTAL_FORMS": "2", **twice})
    assert errors(response) == {"fallbacks-1-fallback": ["Duplicate fallback b."]}


def test_fallbacks_when_dragged_then_saved_in_the_new_order(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    others = tuple(catalog.model(name, provider) for name in "bcd")
    row = catalog.model("a", provider, fallbacks=others)
    pages.save(change(row), {"fallbacks-0-position": "2", "fallbacks-1-position": "1", "fallbacks-2-position": "0"})
    assert [fallback.fallback.name for fallback in row.fallbacks.order_by("position")] == ["d", "c", "b"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", " gpt\x07", "A name must not contain control characters or line breaks."),
        ("name", "tensorzero::x", "Names that begin with tensorzero:: are reserved."),
        ("capabilities", "flying", "Select a valid choice. flying is not one of the available choices."),
        ("connect_timeout_s", "0", "Ensure this value is greater than or equal to 0.001."),
        ("input_price", "-1", "Ensure this value is greater than or equal to 0."),
        ("metadata", "[1]", 'This must be a JSON object, like {"name": "value"}.'),
        ("metadata", "{", "Enter a valid JSON."),
    ],
)
def test_field_when_its_value_is_bad_then_it_says_why(
    pages: Pages, catalog: Catalog, field: str, value: str, message: str
) -> None:
    response = pages.send(change(catalog.model("gpt", catalog.provider())), {field: value})
    assert errors(response) == {field: [message]}


def test_description_when_entered_then_saved_and_shown_again(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider("a"))
    pages.save(change(row), {"description": "Fast.\nCheap."})
    row.refresh_from_db()
    assert row.description == "Fast.\nCheap."
    assert posted(pages.open(change(row)))["description"] == "Fast.\nCheap."
    assert re.search(r"<textarea[^>]*>\s*Fast\.\nCheap\.\s*</textarea>", pages.open(change(row)).content.decode())
    assert "description" in errors(pages.send(change(row), {"description": "x" * 1001}))


def test_capability_when_no_provider_has_it_but_it_is_stored_then_it_is_kept(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider(), capabilities=["chat", "batch"])
    pages.save(change(row), {"name": "renamed"})
    row.refresh_from_db()
    assert (row.name, row.capabilities) == ("renamed", ["chat", "batch"])


def test_form_when_saved_unchanged_then_history_says_no_field_changed(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider(), input_price="2.500000", metadata={"a": 1})
    pages.save(change(row), {})
    assert [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=str(row.pk))] == ["No fields changed."]


def test_list_when_opened_then_shows_chain_capabilities_and_problems(pages: Pages, catalog: Catalog) -> None:
    keyless = catalog.provider(
        "keyless", credential=Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    )
    catalog.model("gpt", catalog.provider("a"), keyless, catalog.provider("off", enabled=False))
    text = pages.open(address(ModelDefinition)).content.decode()
    assert 'title="a">a</span><span aria-hidden="true">→</span><span class="" title="keyless">keyless</span>' in text
    assert '<span class="sb-off" title="off">off</span>' in text
    assert '<span class="sb-tag " title="">Chat</span>' in text
    assert 'class="sb-mark"' in text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("enabled__exact=0", {"second"}),
        ("capability=batch", {"second"}),
        ("provider={b}", {"second"}),
        ("q=second", {"second"}),
        ("q=%25", set()),
        ("capability=%22&provider=x", {"first", "second"}),
    ],
)
def test_list_when_filtered_then_only_rows_that_match_are_shown(
    pages: Pages, catalog: Catalog, query: str, wanted: set[str]
) -> None:
    a, b = catalog.provider("a"), catalog.provider("b")
    catalog.model("first", a)
    catalog.model("second", b, a, enabled=False, capabilities=["chat", "batch"])
    response = pages.open(f"{address(ModelDefinition)}?{query.replace('{b}', str(b.pk))}")
    assert {row.name for row in response.context["cl"].result_list} == wanted


def test_list_when_it_grows_then_its_queries_do_not(
    pages: Pages, catalog: Catalog, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    provider = catalog.provider()
    for number in range(30):
        catalog.model(f"m{number}", provider)
    with django_assert_max_num_queries(30):  # most of them read the tables of the catalog, each once
        pages.open(address(ModelDefinition))


def test_models_when_disabled_and_enabled_by_action_then_each_has_its_history(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    pages.run(ModelDefinition, "disable", row)
    assert not ModelDefinition.objects.get().enabled
    pages.run(ModelDefinition, "enable", row)
    assert ModelDefinition.objects.get().enabled
    history = LogEntry.objects.filter(object_id=str(row.pk)).order_by("pk")
    assert [str(entry) for entry in history] == ["Changed “gpt” — Disabled.", "Changed “gpt” — Enabled."]


def test_model_when_duplicated_then_the_copy_is_whole_and_switched_off(pages: Pages, catalog: Catalog) -> None:
    a, b = catalog.provider("a"), catalog.provider("b")
    other = catalog.model("other", a)
    row = catalog.model("gpt", a, b, fallbacks=(other,), num_retries=5, metadata={"a": 1})
    url = f"{change(row).removesuffix('change/')}duplicate_one/"
    assert 'value="gpt-copy"' in pages.open(url).content.decode()
    response = pages.client.post(url, {"name": "gpt-two", "_form_submitted": "on"})
    copy = ModelDefinition.objects.get(name="gpt-two")
    assert response["HX-Redirect"] == change(copy)
    assert (copy.enabled, copy.num_retries, copy.metadata) == (False, 5, {"a": 1})
    assert routes_of(copy) == routes_of(row) == [("a", 0), ("b", 1)]
    assert [fallback.fallback for fallback in copy.fallbacks.all()] == [other]


def test_model_when_duplicated_under_a_name_that_is_taken_then_the_dialog_says_so(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    url = f"{change(row).removesuffix('change/')}duplicate_one/"
    response = pages.client.post(url, {"name": "gpt", "_form_submitted": "on"})
    assert "A model with this name already exists." in response.content.decode()
    assert ModelDefinition.objects.count() == 1


def test_models_when_duplicated_by_action_then_names_are_free_ones(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    pages.run(ModelDefinition, "duplicate_selected", row)
    pages.run(ModelDefinition, "duplicate_selected", row)
    assert set(ModelDefinition.objects.values_list("name", flat=True)) == {"gpt", "gpt-copy", "gpt-copy-2"}
