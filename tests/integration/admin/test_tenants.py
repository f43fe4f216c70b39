"""Does anybody see or change what belongs to another tenant, by any page of the admin?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client

from models_catalog.admin.roles import ROLES
from models_catalog.admin.tenancy import SCOPES, ScopedPage
from models_catalog.models import ClientKey, ModelDefinition, Person, Project, Tenant
from openai_api.models import SessionRow
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors
from tests.integration.admin.two_tenants import FOREIGN, OWN, Rows, damaged, rows_of, with_role

PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)
SHARED = [model for model in PAGES if model in SCOPES]
KINDS = ("change", "history", "delete")


@pytest.fixture
def own(catalog: Catalog) -> Rows:
    return rows_of(OWN, catalog.model("gpt", catalog.provider()))


@pytest.fixture
def foreign(own: Rows) -> Rows:
    made = rows_of(FOREIGN, ModelDefinition.objects.get())
    damaged(made[Tenant])
    return made


@pytest.fixture
def bound(client: Client, own: Rows, foreign: Rows) -> Pages:
    """The admin as an operator of one tenant sees it, who has every right there is."""
    own[User].user_permissions.set(Permission.objects.all())
    client.force_login(own[User])
    return Pages(client)


def seen(client: Client, url: str, **form: Any) -> str:
    """What a page shows; nothing of the other tenant, and no error of the server."""
    answer = client.post(url, form, follow=True) if form else client.get(url, follow=True)
    text = answer.content.decode()
    assert answer.status_code < 500, url
    assert FOREIGN.lower() not in text.lower(), url
    return text


def row_pages(model: type[Model], row: Model) -> Iterator[str]:
    """All pages of a row: its own, and the dialogs of its actions."""
    yield from (address(model, kind, row) for kind in KINDS)
    base = address(model, "change", row).removesuffix("change/")
    yield from (f"{base}{action}/" for action in getattr(admin.site._registry[model], "actions_detail", ()))
    if model is User:
        yield f"{base}password/"
    if model is SessionRow:
        yield from (f"{base}live/", f"{base}events/1/")


def test_pages_when_listed_then_each_passes_the_one_place() -> None:
    assert [model for model, page in admin.site._registry.items() if not isinstance(page, ScopedPage)] == []


def test_row_models_when_tested_then_both_tenants_have_one_of_each(own: Rows) -> None:
    assert set(own.rows) == set(SCOPES)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.model_name)
def test_pages_when_the_account_is_one_tenants_then_nothing_of_another_is_seen(
    bound: Pages, own: Rows, foreign: Rows, model: type[Model]
) -> None:
    page = admin.site._registry[model]
    for query in ("", "?_popup=1", "?all="):
        seen(bound.client, f"{address(model)}{query}")
    listed(bound, model, {"q": FOREIGN}, foreign)
    for name, value in (("tenant", "Ltd"), ("project", "project"), ("person", "person"), ("key", "key"), ("session", "session")):
        listed(bound, model, {"q": f"{FOREIGN} {value}"}, foreign)
        listed(bound, model, {name: f"{FOREIGN} {value}"}, foreign)
    seen(bound.client, address(model, "add"))
    seen(bound.client, f"{address(model, 'add')}?_popup=1")
    if model in own.rows:
        row = own[model]
        for url in row_pages(model, row):
            seen(bound.client, url)
        for action in ("delete_selected", *(page.actions or ())):
            if isinstance(action, str) and not action.startswith("test"):
                seen(bound.client, address(model), action=action, _selected_action=str(row.pk))


def listed(pages: Pages, model: type[Model], query: dict[str, str], of: Rows) -> None:
    """A list in which what was searched for is shown again; the row of the other tenant is not."""
    answer = pages.client.get(f"{address(model)}?{urlencode(query)}", follow=True)
    rows = answer.context["cl"].result_list if answer.context and "cl" in answer.context else []
    assert of.rows.get(model) not in [*rows], query


def test_pages_of_no_model_when_the_account_is_one_tenants_then_nothing_of_another_is_seen(bound: Pages) -> None:
    for url in ("/admin/", "/admin/search/?s=key", "/admin/password_change/", "/me/"):
        seen(bound.client, url)


@pytest.mark.parametrize("model", SHARED, ids=lambda model: model._meta.model_name)
@pytest.mark.parametrize("role", [*sorted(ROLES), "all"])
def test_row_of_another_tenant_when_asked_for_then_there_is_none(
    bound: Pages, own: Rows, foreign: Rows, role: str, model: type[Model]
) -> None:
    if role != "all":
        own[User].user_permissions.clear()
        with_role(own[User], role)
    before = list(model._default_manager.order_by("pk").values())
    row = foreign[model]
    for url in row_pages(model, row):
        for answer in (bound.client.get(url), bound.client.post(url, {"post": "yes", "_form_submitted": "on", "name": "mine"})):
            assert answer.status_code in (403, 404), (url, answer.status_code)
            assert FOREIGN not in answer.content.decode()
    for action in ("delete_selected", *(admin.site._registry[model].actions or ())):
        bound.client.post(address(model), {"action": action, "_selected_action": str(row.pk), "post": "yes"})
    assert list(model._default_manager.order_by("pk").values()) == before


def test_completions_when_the_account_is_one_tenants_then_only_its_rows_are_offered(bound: Pages) -> None:
    found = []
    for model in PAGES:
        for name in (field.name for field in (*model._meta.fields, *model._meta.many_to_many) if field.related_model in SCOPES):
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": name, "term": ""}
            found.append(seen(bound.client, f"/admin/autocomplete/?{urlencode(query)}"))
    assert sum(OWN in text for text in found) > 5


@pytest.mark.parametrize(
    ("model", "field", "of"),
    [
        (Project, "tenant", Tenant),
        (Person, "tenant", Tenant),
        (Person, "projects", Project),
        (Person, "user", User),
        (ClientKey, "project", Project),
        (ClientKey, "person", Person),
    ],
    ids=["project-tenant", "person-tenant", "person-projects", "person-user", "key-project", "key-person"],
)
def test_form_when_a_row_of_another_tenant_is_chosen_then_refused(
    bound: Pages, own: Rows, foreign: Rows, model: type[Model], field: str, of: type[Model]
) -> None:
    answer = bound.send(address(model, "change", own[model]), {field: [str(foreign[of].pk)]})
    assert field in errors(answer)
    assert FOREIGN not in answer.content.decode()


def test_key_when_an_operator_of_a_tenant_makes_one_then_it_must_have_a_project(bound: Pages, own: Rows) -> None:
    add = address(ClientKey, "add")
    assert list(errors(bound.send(add, {"name": "mine"}))) == ["project"]
    bound.send(add, {"name": "mine", "project": str(own[Project].pk)})
    assert ClientKey.objects.get(name="mine").project == own[Project]


def test_tenant_when_its_operator_has_every_right_then_it_stays_as_it_is(bound: Pages, own: Rows) -> None:
    url = address(Tenant, "change", own[Tenant])
    assert 'name="_save"' not in bound.open(url).content.decode()
    assert bound.client.post(url, {"name": "mine", "enabled": "on"}).status_code == 403
    assert bound.client.get(address(Tenant, "add")).status_code == 403


@pytest.mark.parametrize("whose", ["another's person", "another's operator", "of both", "of all"])
def test_account_when_it_reaches_further_then_an_operator_of_one_tenant_cannot_touch_it(
    bound: Pages, own: Rows, foreign: Rows, whose: str
) -> None:
    account = {
        "another's person": foreign[Person].user,
        "another's operator": foreign[User],
        "of both": User.objects.create_user("both", is_staff=True),
        "of all": User.objects.create_user("all", is_staff=True),
    }[whose]
    if whose == "of both":
        own[Tenant].operators.add(account)
        foreign[Tenant].operators.add(account)
    for url in (f"{address(User)}{account.pk}/password/", address(User, "change", account), address(User, "delete", account)):
        assert bound.client.post(url, {"password1": "taken-over-1", "password2": "taken-over-1", "post": "yes"}).status_code in (
            403,
            404,
        )
    account.refresh_from_db()
    assert not account.check_password("taken-over-1")


def test_account_when_it_is_the_tenants_person_then_its_operator_may_set_a_password(bound: Pages, own: Rows) -> None:
    account = own[Person].user
    fields = {"usable_password": "true", "password1": "given-to-person-1", "password2": "given-to-person-1"}
    assert bound.client.post(f"{address(User)}{account.pk}/password/", fields).status_code == 302
    account.refresh_from_db()
    assert account.check_password("given-to-person-1")


def test_account_when_no_tenant_names_it_then_it_sees_all(client: Client, own: Rows, foreign: Rows) -> None:
    staff = with_role(User.objects.create_user("staff", is_staff=True), "Viewer")
    client.force_login(staff)
    for model in (Tenant, Project, Person, ClientKey):
        text = client.get(address(model)).content.decode()
        assert OWN in text, model
        assert FOREIGN in text, model


@pytest.mark.parametrize("role", sorted(ROLES))
def test_role_when_made_then_it_has_its_rights_and_none_that_shows_what_was_said(role: str, db: None) -> None:
    user = with_role(User.objects.create_user("it", is_staff=True), role)
    assert {right.partition(".")[2] for right in user.get_all_permissions()} == ROLES[role]
    assert not user.has_perm("openai_api.view_session_bodies")


def test_role_when_a_superuser_has_changed_it_then_migrations_leave_it(db: None) -> None:
    user = with_role(User.objects.create_user("it", is_staff=True), "Viewer")
    user.groups.get().permissions.clear()
    call_command("migrate", verbosity=0)
    assert not User.objects.get(pk=user.pk).get_all_permissions()


def test_history_when_the_account_is_security_then_says_who_did_what(client: Client, own: Rows, foreign: Rows) -> None:
    client.force_login(with_role(own[User], "Security"))
    text = client.get(address(LogEntry)).content.decode()
    assert "Acme key" in text
    assert "Revoked." in text
    assert FOREIGN not in text
