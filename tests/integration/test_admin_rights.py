"""Can staff get rights that they lack, on any way that leads through the pages of users and groups?"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from tests.live import LiveGateway
from tests.live_admin import Visitor
from tests.live_fixtures import StartGateway

PASSWORD, NEW = "correct-horse-battery", "taken-over-by-staff-1"
ON_USERS = ("view_user", "add_user", "change_user", "delete_user")
ON_GROUPS = ("view_group", "add_group", "change_group", "delete_group")
USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
MORE: dict[str, dict[str, Any]] = {
    "in a group": {"rights": ["change_credential"], "group": "keepers"},
    "by itself": {"rights": ["change_credential"]},
    "inactive": {"rights": ["change_credential"], "active": False},
    "over groups and users": {"rights": [*ON_USERS, *ON_GROUPS, "delete_provider"]},
}
"""Accounts with a right more than the staff who tries."""


@pytest.fixture(scope="module")
def running(start_gateway: StartGateway) -> LiveGateway:
    return start_gateway()


@pytest.fixture(scope="module")
def ids(running: LiveGateway) -> dict[str, int]:
    operator = running.operator
    operator.create_superuser("root", PASSWORD)
    (root,) = operator.rows("auth.User", {"username": "root"})
    made = {name: operator.create_staff(name, PASSWORD, *row.pop("rights"), **row) for name, row in MORE.items()}
    return {
        **made,
        "root": root["id"],
        "equal": operator.create_staff("equal", PASSWORD, "view_user"),
        "staff": operator.create_staff("staff", PASSWORD, *ON_USERS, *ON_GROUPS),
    }


@pytest.fixture
def staff(running: LiveGateway, ids: dict[str, int]) -> Visitor:
    visitor = Visitor(running)
    assert visitor.sign_in("staff", PASSWORD) == HTTPStatus.FOUND
    return visitor


def accounts(gateway: LiveGateway) -> list[list[dict[str, Any]]]:
    """Everything that says who may do what."""
    operator = gateway.operator
    users = operator.rows("auth.User", {})
    return [
        [{**user, "last_login": None} for user in users],
        *(operator.rows(model, {}) for model in ("auth.Group", "auth.User_groups", "auth.User_user_permissions")),
        operator.rows("auth.Group_permissions", {}),
    ]


def form(name: str, **fields: str) -> dict[str, str]:
    """What the page of a user sends, everything ticked."""
    return {"username": name, "is_active": "on", "is_staff": "on", "last_login_0": "", "date_joined_0": "", **fields}


@pytest.mark.parametrize("name", ["root", *MORE])
@pytest.mark.parametrize("way", ["password", "unset password", "change", "rename", "deactivate", "delete", "delete_selected"])
def test_account_when_it_has_a_right_more_then_staff_cannot_touch_it(
    running: LiveGateway, ids: dict[str, int], staff: Visitor, name: str, way: str
) -> None:
    before, page = accounts(running), f"{USERS}{ids[name]}/"
    selected = {"action": "delete_selected", "_selected_action": str(ids[name]), "post": "yes"}
    path, fields = {
        "password": (f"{page}password/", {"usable_password": "true", "password1": NEW, "password2": NEW}),
        "unset password": (f"{page}password/", {"usable_password": "false", "unset-password": "on"}),
        "change": (f"{page}change/", form(name, email="mine@example.com")),
        "rename": (f"{page}change/", form("mine")),
        "deactivate": (f"{page}change/", {"username": name, "is_staff": "on"}),
        "delete": (f"{page}delete/", {"post": "yes"}),
        "delete_selected": (USERS, selected),
    }[way]
    answer = staff.post(path, **fields)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert accounts(running) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"is_superuser": "on"},
        {"groups": "1"},
        {"user_permissions": "1"},
        {"groups": "1", "user_permissions": "1", "is_superuser": "true", "_save": "Save"},
        {"password": "pbkdf2_sha256$1$a$b", "id": "1", "pk": "1"},
    ],
)
@pytest.mark.parametrize("name", ["staff", "equal"])
def test_rights_when_sent_beside_what_the_form_shows_then_not_given(
    running: LiveGateway, ids: dict[str, int], staff: Visitor, name: str, fields: dict[str, str]
) -> None:
    before = accounts(running)
    assert staff.post(f"{USERS}{ids[name]}/change/", **form(name, **fields)).status_code == HTTPStatus.FOUND
    assert accounts(running) == before


def test_account_when_made_by_staff_then_it_has_no_rights(running: LiveGateway, ids: dict[str, int], staff: Visitor) -> None:
    fields = {"usable_password": "true", "password1": NEW, "password2": NEW, "is_superuser": "on", "is_staff": "on"}
    answer = staff.post(f"{USERS}add/", username="made", groups="1", user_permissions="1", **fields)
    assert answer.status_code == HTTPStatus.FOUND
    (made,) = running.operator.rows("auth.User", {"username": "made"})
    assert (made["is_superuser"], made["is_staff"]) == (False, False)
    for model in ("auth.User_groups", "auth.User_user_permissions"):
        assert running.operator.rows(model, {"user_id": made["id"]}) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{GROUPS}1/change/", {"name": "keepers", "permissions": ["1", "2", "3"]}),
        (f"{GROUPS}add/", {"name": "mine", "permissions": ["1"]}),
        (f"{GROUPS}1/delete/", {"post": "yes"}),
        (GROUPS, {"action": "delete_selected", "_selected_action": "1", "post": "yes"}),
    ],
)
def test_groups_when_sent_by_staff_then_refused(
    running: LiveGateway, staff: Visitor, path: str, fields: dict[str, str | list[str]]
) -> None:
    before = accounts(running)
    staff.post(path, **fields)
    assert accounts(running) == before


def test_account_when_it_has_no_right_more_then_staff_may_set_its_password(
    running: LiveGateway, ids: dict[str, int], staff: Visitor
) -> None:
    page = f"{USERS}{ids['equal']}/password/"
    assert staff.post(page, usable_password="true", password1=NEW, password2=NEW).status_code == HTTPStatus.FOUND
    assert Visitor(running).sign_in("equal", NEW) == HTTPStatus.FOUND
