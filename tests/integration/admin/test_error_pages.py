"""Do the pages that refuse or fail say what to do, and does the log say it in one line?"""

from __future__ import annotations

import logging
import time

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from gateway_project.idle import SEEN
from models_catalog.models import Person, Tenant

PASSWORD, NEW = "correct-horse-battery", "another-horse-battery"


@pytest.fixture
def staff(client: Client) -> Client:
    """Staff who may see models, and nothing else."""
    user = User.objects.create_user("staff", password=PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_modeldefinition"))
    client.force_login(user)
    return client


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_page_when_it_is_refused_then_it_says_to_whom_and_who_can_change_that(
    staff: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = staff.get("/admin/models_catalog/provider/")
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "The account staff may not do this" in text
    assert "by a group, on the page Users" in text
    assert len(warned(caplog)) == 1


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere/", "/nowhere/%3Cscript%3Ealert(1)%3C/script%3E", "/" + "x" * 5000])
def test_page_when_it_is_not_there_then_it_leads_on(staff: Client, path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = staff.get(path)
    text = answer.content.decode()
    assert answer.status_code == 404
    assert "Nothing is at this address" in text
    assert 'href="/admin/"' in text
    assert "alert(1)" not in text
    assert len(text) < 3000
    assert len(warned(caplog)) == 1


def test_form_when_its_token_is_missing_then_it_says_what_to_do(db: None, caplog: pytest.LogCaptureFixture) -> None:
    strict = Client(enforce_csrf_checks=True)
    without_cookie = strict.post("/admin/login/", {"username": "a", "password": "b"})
    assert without_cookie.status_code == 403
    assert "Allow cookies" in without_cookie.content.decode()
    assert len(warned(caplog)) == 1
    strict.get("/admin/login/")
    stale = strict.post("/admin/login/", {"username": "a", "password": "b"})
    assert "Open it again" in stale.content.decode()
    foreign = strict.post("/admin/login/", {"username": "a"}, headers={"origin": "https://gateway.example.com"})
    assert "GATEWAY_HTTPS=on" in foreign.content.decode()


def test_page_when_it_fails_then_a_reference_stands_on_it_and_in_the_log(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("gateway_project.urls.TemplateView.get", lambda *args, **kwargs: 1 / 0)
    answer = client.get("/")
    text = answer.content.decode()
    assert answer.status_code == 500
    reference = text.partition("reference ")[2].partition(" ")[0]
    assert len(reference) == 12
    assert any(reference in record.getMessage() for record in caplog.records)
    assert "ZeroDivisionError" not in text


def test_sign_in_when_nothing_was_asked_for_in_a_while_then_it_has_ended(staff: Client, settings: Settings) -> None:
    settings.GATEWAY_LOGIN_IDLE_S = 600
    assert staff.get("/admin/").status_code == 200
    session = staff.session
    assert abs(session[SEEN] - time.time()) < 60
    session[SEEN] = time.time() - 590
    session.save()
    assert staff.get("/admin/").status_code == 200
    session = staff.session
    session[SEEN] = time.time() - 601
    session.save()
    assert staff.get("/admin/").status_code == 302


def test_password_when_changed_by_somebody_who_is_not_staff_then_the_old_one_is_asked_for(client: Client) -> None:
    user = User.objects.create_user("ann", password=PASSWORD)
    Person.objects.create(name="Ann", tenant=Tenant.objects.create(name="t"), user=user)
    client.force_login(user)
    assert "/me/password/" in client.get("/me/").content.decode()
    page = client.get("/me/password/")
    assert page.status_code == 200
    fields = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert "entered incorrectly" in client.post("/me/password/", fields).content.decode()
    short = client.post("/me/password/", {**fields, "old_password": PASSWORD, "new_password1": "Ab3!x", "new_password2": "Ab3!x"})
    assert "at least 10 characters" in short.content.decode()
    changed = client.post("/me/password/", {**fields, "old_password": PASSWORD})
    assert (changed.status_code, changed["Location"]) == (302, "/me/")
    assert client.get("/me/").status_code == 200
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_password_page_when_nobody_is_signed_in_then_it_asks_for_that(client: Client, db: None) -> None:
    assert client.get("/me/password/").status_code == 302


def test_password_when_guessed_at_me_too_often_then_locked(client: Client, settings: Settings) -> None:
    settings.GATEWAY_LOGIN_FAILURES = 2
    user = User.objects.create_user("ann", password=PASSWORD)
    Person.objects.create(name="Ann", tenant=Tenant.objects.create(name="t"), user=user)
    client.force_login(user)
    fields = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    found = [client.post("/me/password/", fields).status_code for _ in range(3)]
    assert found == [200, 429, 429]
