"""Does the admin say truly what a route can do, and how it was when somebody tested it?"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from models_catalog import publish
from models_catalog.models import ModelDefinition, Provider, Route, RouteCheck
from providers.capabilities import Capability
from tests.contract.examples import CAPABLE
from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address, posted

CHAT = "/v1/chat/completions"
GOOD = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "h"}, "finish_reason": "length"}]}


@pytest.fixture
def upstream() -> Iterator[Vendor]:
    with vendor({CHAT: lambda seen: said(GOOD)}) as upstream:
        yield upstream


@pytest.fixture
def keyed(catalog: Catalog, upstream: Vendor) -> Provider:
    """A provider at the vendor."""
    return catalog.provider("vendor", type="openai_compatible", api_base=f"{upstream.base}/v1", credential=catalog.credential())


def dialog(row: ModelDefinition) -> str:
    return f"{address(ModelDefinition, 'change', row).removesuffix('change/')}test_one/"


def marks(pages: Pages, row: ModelDefinition | None = None) -> list[str]:
    """The words of the marks in the list, or beside the routes of a model; the whole page is searched for the secret."""
    text = pages.open(address(ModelDefinition, "change" if row else "changelist", row)).content.decode()
    assert SECRET not in text
    cells = re.findall(r'<div class="sb-serves">(.*?)</div>', text, re.DOTALL) if row else [text.partition("<tbody")[2]]
    return [html.unescape(word) for cell in cells for word in re.findall(r'class="sb-tag [^>]*>([^<]*)<', cell)]


def test_model_when_tested_by_the_action_then_its_marks_say_how_it_went(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider("a"), catalog.provider("b"), capabilities=["chat", "embedding"])
    assert marks(pages)[-1] == "Untested"
    row.routes.filter(name="b").update(upstream_model="status-503")
    version, history = publish.current_version(), LogEntry.objects.count()
    response = pages.run(ModelDefinition, "test_selected", row)
    assert "2 of 4 calls succeeded, 2 failed." in response.content.decode()
    assert (publish.current_version(), LogEntry.objects.count()) == (version, history)
    assert marks(pages)[-1] == "Failing 2 of 4"
    assert marks(pages, row) == ["Chat ok", "Embedding ok", "Chat failing", "Embedding failing"]
    page = pages.open(address(ModelDefinition, "change", row)).content.decode()
    assert re.search(r"<p class=\"sb-muted\">Tested \d{4}-\d\d-\d\d \d\d:\d\d UTC</p>", page)
    assert re.search(r"Chat failing · upstream_overloaded: The provider is overloaded\.[^<]* · \d{4}-[^<]* UTC</p>", page)


def test_images_when_not_asked_for_then_not_made(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider(), capabilities=["chat", "image_generation"])
    pages.run(ModelDefinition, "test_selected", row)
    assert marks(pages, row) == ["Chat ok", "Image generation untested"]
    assert marks(pages)[-1] == "OK 1 of 2"
    assert "which costs money." in pages.open(dialog(row)).content.decode()
    pages.client.post(dialog(row), {"_form_submitted": "on"})
    assert marks(pages, row)[-1] == "Image generation untested"
    response = pages.client.post(dialog(row), {"_form_submitted": "on", "images": "on"})
    assert response["HX-Redirect"] == address(ModelDefinition, "change", row)
    assert marks(pages, row) == ["Chat ok", "Image generation ok"]
    assert marks(pages)[-1] == "OK"


def test_dialog_when_only_opened_or_sent_without_a_token_then_nothing_is_called(
    pages: Pages, catalog: Catalog, upstream: Vendor, keyed: Provider
) -> None:
    row = catalog.model("gpt", keyed)
    pages.open(dialog(row))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="operator"))
    assert strict.post(dialog(row), {"_form_submitted": "on"}).status_code == 403
    action = {"action": "test_selected", "_selected_action": [str(row.pk)]}
    assert strict.post(address(ModelDefinition), action).status_code == 403
    assert upstream.seen == []
    pages.client.post(dialog(row), {"_form_submitted": "on"})
    assert [seen.path for seen in upstream.seen] == [CHAT]


def test_upstream_when_it_repeats_the_key_then_the_message_is_shown_without_it(
    pages: Pages, catalog: Catalog, upstream: Vendor, keyed: Provider
) -> None:
    message = f"<b>not</b> with {SECRET}"
    upstream.answers[CHAT] = lambda seen: said({"error": {"message": message, "code": "wrong"}}, 400)
    row = catalog.model("gpt", keyed)
    pages.run(ModelDefinition, "test_selected", row)
    page = pages.open(address(ModelDefinition, "change", row)).content.decode()
    assert "wrong: &lt;b&gt;not&lt;/b&gt; with ***" in page
    assert marks(pages, row) == ["Chat failing"]
    assert marks(pages)[-1] == "Failing 1 of 1"
    assert SECRET not in str(list(RouteCheck.objects.values()))


def test_route_when_its_upstream_is_changed_then_it_is_untested_again(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    pages.run(ModelDefinition, "test_selected", row)
    assert marks(pages, row) == ["Chat ok"]
    pages.save(address(ModelDefinition, "change", row), {"routes-0-upstream_model": "another"})
    assert marks(pages, row) == ["Chat untested"]


def test_route_when_its_key_is_the_callers_then_skipped(pages: Pages, catalog: Catalog, keyed: Provider) -> None:
    assert keyed.credential is not None
    keyed.credential.source, keyed.credential.location, keyed.credential.secret = "dynamic", "mine", ""
    keyed.credential.save()
    row = catalog.model("gpt", keyed)
    assert "1 were skipped" in pages.run(ModelDefinition, "test_selected", row).content.decode()
    assert marks(pages, row) == ["Chat skipped"]
    assert marks(pages)[-1] == "Skipped"


def test_model_when_switched_off_then_nothing_is_called(
    pages: Pages, catalog: Catalog, upstream: Vendor, keyed: Provider
) -> None:
    row = catalog.model("gpt", keyed, enabled=False)
    assert "Nothing was called" in pages.run(ModelDefinition, "test_selected", row).content.decode()
    assert upstream.seen == []


def test_route_when_its_provider_cannot_do_all_then_the_row_and_the_list_say_it(pages: Pages, catalog: Catalog) -> None:
    narrow, off = catalog.provider("narrow", type="xai"), catalog.provider("off", enabled=False)
    row = catalog.model("gpt", narrow, off, capabilities=["chat", "moderation", "realtime"])
    assert marks(pages, row) == [
        "Chat untested",
        "Moderation not served",
        "Realtime not served",
        "Not in use",
        "Chat untested",
        "Moderation untested",
        "Realtime not served",
    ]
    listed = marks(pages)
    assert [word for word in listed if "served" in word] == ["Moderation, not served", "Realtime, not served"]
    off.enabled = True
    off.save()
    assert [word for word in marks(pages) if "served" in word] == ["Realtime, not served"]


def test_row_when_new_then_what_it_serves_is_not_told(pages: Pages) -> None:
    text = pages.open(address(ModelDefinition, "add")).content.decode()
    assert "shown after saving" in text
    assert "sb-serves" not in text


def test_read_only_column_when_a_browser_sends_it_then_it_is_no_field(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider())
    assert not [name for name in posted(pages.open(address(ModelDefinition, "change", row))) if "serves" in name]


def test_lists_when_there_are_many_tests_then_queries_stay_few(
    pages: Pages, catalog: Catalog, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    provider = catalog.provider()
    rows = [catalog.model(f"m{number}", *[provider][:1]) for number in range(20)]
    now = timezone.now()
    RouteCheck.objects.bulk_create(
        RouteCheck(route=route, capability="chat", upstream=route.upstream, outcome="ok", tested_at=now)
        for route in Route.objects.select_related("provider")
    )
    with django_assert_max_num_queries(30):
        assert marks(pages)[-1] == "OK"
    many = catalog.model("many", *(catalog.provider(f"p{number}") for number in range(20)))
    with django_assert_max_num_queries(30):  # two are for the tables of limits and budgets
        pages.open(address(ModelDefinition, "change", many))
    assert len(rows) == 20


def test_capability_when_added_in_code_then_no_column_knows_of_it() -> None:
    fields = [field for model in (ModelDefinition, Route, RouteCheck) for field in model._meta.get_fields()]
    columns = [str(field.deconstruct()) for field in fields if isinstance(field, models.Field)]
    assert len(columns) > 20
    assert [
        name for name in Capability if name is not Capability.CHAT and any(repr(name.value) in text for text in columns)
    ] == []
    assert Capability.IMAGE_VARIATION in CAPABLE
