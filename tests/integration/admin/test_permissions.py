"""Who may do what in the admin?"""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from models_catalog import keys
from models_catalog.models import ClientKey, Credential, Hook, ModelDefinition, Provider, RouteCheck
from tests.integration.admin.catalog import SECRET, Catalog, routes_of
from tests.integration.admin.pages import Pages, address, errors

CATALOG = (ModelDefinition, Provider, Credential, ClientKey, Hook)


@pytest.fixture
def staff(client: Client) -> User:
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    return user


def allow(user: User, *codenames: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))


@pytest.fixture
def rows(catalog: Catalog) -> dict[type, object]:
    credential = catalog.credential()
    provider = catalog.provider("openai", type="openai", credential=credential)
    return {
        ModelDefinition: catalog.model("gpt", provider),
        Provider: provider,
        Credential: credential,
        ClientKey: keys.create_client_key("it")[0],
        Hook: Hook.objects.create(name="it", type="webhook", options={"url": "https://example.com/"}),
    }


def test_pages_when_nobody_is_logged_in_then_all_lead_to_the_login(client: Client, rows: dict[type, object]) -> None:
    for model in CATALOG:
        for url in (address(model), address(model, "add"), address(model, "change", rows[model])):  # type: ignore[arg-type]
            assert client.get(url)["Location"].startswith("/admin/login/?next=")


def test_login_when_done_from_the_bare_page_then_leads_to_the_overview(client: Client) -> None:
    User.objects.create_superuser("operator", password="right")
    response = client.post("/admin/login/", {"username": "operator", "password": "right"})
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_pages_when_staff_has_no_rights_then_refused(client: Client, staff: User, rows: dict[type, object]) -> None:
    for model in CATALOG:
        for url in (address(model), address(model, "add"), address(model, "change", rows[model])):  # type: ignore[arg-type]
            assert client.get(url).status_code == 403


def test_pages_when_staff_may_only_view_then_no_input_button_or_action_is_there(
    client: Client, staff: User, rows: dict[type, object]
) -> None:
    allow(staff, *(f"view_{model._meta.model_name}" for model in CATALOG))
    for model in CATALOG:
        page = Pages(client).open(address(model, "change", rows[model])).content.decode()  # type: ignore[arg-type]
        assert 'name="_save"' not in page
        assert "new_secret" not in page
        assert "New secret" not in page
        assert 'type="password"' not in page
        assert "duplicate_one" not in page
        assert "test_one" not in page
        assert "revoke_one" not in page
        assert 'name="action"' not in Pages(client).open(address(model)).content.decode()


@pytest.mark.parametrize("action", ["enable", "disable", "duplicate_selected", "delete_selected", "test_selected"])
def test_actions_when_staff_may_only_view_then_change_nothing(client: Client, staff: User, catalog: Catalog, action: str) -> None:
    allow(staff, "view_modeldefinition")
    row = catalog.model("gpt", catalog.provider(), enabled=action == "disable")
    Pages(client).run(ModelDefinition, action, row)
    assert [(row.name, row.enabled) for row in ModelDefinition.objects.all()] == [("gpt", action == "disable")]
    assert not RouteCheck.objects.exists()


@pytest.mark.parametrize(
    ("model", "action"),
    [(ModelDefinition, "duplicate_one"), (ModelDefinition, "test_one"), (ClientKey, "revoke_one"), (ClientKey, "rotate_one")],
)
def test_dialogs_when_staff_may_only_view_then_refused(
    client: Client, staff: User, rows: dict[type, object], model: type, action: str
) -> None:
    allow(staff, "view_modeldefinition", "view_clientkey")
    url = f"{address(model, 'change', rows[model]).removesuffix('change/')}{action}/"  # type: ignore[arg-type]
    assert client.get(url).status_code == 403
    assert client.post(url, {"name": "copy", "_form_submitted": "on"}).status_code == 403
    assert ClientKey.objects.get().revoked_at is None
    assert not RouteCheck.objects.exists()


def test_model_when_staff_may_change_it_then_also_its_routes(client: Client, staff: User, catalog: Catalog) -> None:
    allow(staff, "view_modeldefinition", "change_modeldefinition")
    row = catalog.model("gpt", catalog.provider("a"), catalog.provider("b"))
    Pages(client).save(address(ModelDefinition, "change", row), {"routes-0-position": "1", "routes-1-position": "0"})
    assert routes_of(row) == [("b", 0), ("a", 1)]


def test_credential_when_staff_may_change_it_then_its_secret_may_be_replaced_and_not_seen(
    client: Client, staff: User, catalog: Catalog
) -> None:
    allow(staff, "view_credential", "change_credential")
    row = catalog.credential()
    staff_pages = Pages(client)
    assert SECRET not in staff_pages.open(address(Credential, "change", row)).content.decode()
    staff_pages.save(address(Credential, "change", row), {"new_secret": "replaced-0123456789"})
    assert Credential.objects.get().last_four == "6789"


def test_rights_when_staff_who_may_change_users_asks_for_more_then_nothing_is_given(client: Client, staff: User) -> None:
    allow(staff, "view_user", "change_user", "add_user", "delete_user", "view_group", "change_group")
    group = Group.objects.create(name="all")
    url = address(User, "change", staff)
    Pages(client).save(url, {"is_superuser": "on", "groups": [str(group.pk)], "first_name": "Eve"})
    staff.refresh_from_db()
    assert (staff.first_name, staff.is_superuser, staff.groups.count()) == ("Eve", False, 0)
    assert client.post(address(Group, "change", group), {"name": "mine"}).status_code == 403


def test_superuser_when_other_staff_wants_to_change_it_then_refused(client: Client, staff: User) -> None:
    allow(staff, "view_user", "change_user", "delete_user")
    root = User.objects.create_superuser("root", password="before")
    password = f"{address(User, 'change', root).removesuffix('change/')}password/"
    assert client.post(password, {"password1": "taken-over-1", "password2": "taken-over-1"}).status_code == 403
    assert client.post(address(User, "change", root), {"username": "mine"}).status_code == 403
    assert client.post(address(User, "delete", root), {"post": "yes"}).status_code == 403
    Pages(client).run(User, "delete_selected", root)
    root.refresh_from_db()
    assert root.check_password("before")


def test_group_when_rights_are_ticked_then_stored_and_others_are_kept(pages: Pages) -> None:
    group = Group.objects.create(name="operators")
    foreign = Permission.objects.get(codename="view_session")
    group.permissions.add(foreign)
    page = pages.open(address(Group, "change", group)).content.decode()
    assert "View models" in page
    assert f'value="{foreign.pk}"' not in page
    chosen = Permission.objects.filter(codename__in=["view_modeldefinition", "change_modeldefinition"])
    pages.save(address(Group, "change", group), {"permissions": [str(row.pk) for row in chosen]})
    assert set(group.permissions.all()) == {*chosen, foreign}


def test_user_when_made_then_can_log_in_with_the_password(pages: Pages, client: Client) -> None:
    form = {"username": "new", "usable_password": "true", "password1": "a-long-password-1", "password2": "a-long-password-1"}
    pages.save(address(User, "add"), form)
    assert User.objects.get(username="new").check_password("a-long-password-1")


def test_user_when_the_passwords_differ_then_refused(pages: Pages) -> None:
    form = {"username": "new", "usable_password": "true", "password1": "a-long-password-1", "password2": "another"}
    response = pages.send(address(User, "add"), form)
    assert list(errors(response)) == ["password2"]
    assert "a-long-password-1" not in response.content.decode()
