"""Does a sign-in by a provider give what its groups are mapped to, and nothing to whoever is not its own?"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from itertools import count
from typing import Any

import httpx
import pytest

from tests.fakes.openid import CLIENT_SECRET, DESCRIPTION, Claims, OpenId
from tests.fakes.vendor import Said, said
from tests.integration.sso.conftest import FAILURES
from tests.live import LiveGateway
from tests.live_admin import Visitor

PASSWORD = "correct-horse-battery"
SUBJECTS, ADDRESSES = count(1), count(1)


def visitor(gateway: LiveGateway) -> Visitor:
    """A browser at an address of its own."""
    return Visitor(gateway, f"198.51.100.{next(ADDRESSES)}")


def somebody(provider: OpenId, *groups: str, **claims: Any) -> str:
    """Somebody new signs in at the provider from now on; the name."""
    subject = f"subject-{next(SUBJECTS)}"
    name = str(claims.get("preferred_username", f"person-{subject}"))
    provider.person = {"sub": subject, "preferred_username": name, "groups": list(groups), **claims}
    return name


def sign_in(browser: Visitor, to: str = "/admin/") -> httpx.Response:
    """The answer of the gateway to which the provider has sent the browser back."""
    begun = browser.ask("GET", f"/admin/oidc/login/?next={to}")
    assert begun.status_code == HTTPStatus.FOUND, begun.text
    back = browser.ask("GET", begun.headers["location"])
    return browser.ask("GET", back.headers["location"])


def account(gateway: LiveGateway, name: str) -> dict[str, Any]:
    (row,) = gateway.operator.rows("auth.User", {"username": name})
    return row


def groups(gateway: LiveGateway, name: str) -> set[str]:
    return {row["name"] for row in gateway.operator.rows("auth.Group", {"user__username": name})}


def test_person_with_a_mapped_group_when_signed_in_then_staff_with_that_role(sso: LiveGateway, provider: OpenId) -> None:
    name = somebody(provider, "gw-ops", "other", email="ann@example.org", given_name="Ann")
    browser = visitor(sso)
    page = browser.ask("GET", "/admin/login/?next=/admin/models_catalog/provider/").text
    assert "Sign in with Example ID" in page
    link = re.search(r'href="(/admin/oidc/login/[^"]*)"', page)
    assert link is not None
    assert "next=%2Fadmin%2Fmodels_catalog%2Fprovider%2F" in link[1]
    start = len(sso.log_text())
    answer = sign_in(browser, "/admin/models_catalog/provider/")
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.FOUND, "/admin/models_catalog/provider/")
    assert browser.ask("GET", "/admin/models_catalog/provider/").status_code == HTTPStatus.OK
    row = account(sso, name)
    assert (row["is_staff"], row["is_superuser"], row["email"], row["first_name"]) == (True, False, "ann@example.org", "Ann")
    assert groups(sso, name) == {"Operator"}
    (entry,) = sso.operator.rows("models_catalog.AuditEntry", {"action": "signed_in", "name": name})
    assert entry["address"].startswith("198.51.100.")
    log = sso.settled_log(start)
    assert '"signed in"' in log
    assert not any(secret in log for secret in (CLIENT_SECRET, "access-token-canary", "eyJ"))
    sso.operator.command("verify_audit")


def test_role_when_mapped_then_only_by_its_value_and_superuser_too(sso: LiveGateway, provider: OpenId) -> None:
    root = somebody(provider, "gw-root")
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FOUND
    assert account(sso, root)["is_superuser"]
    name = somebody(provider, "superuser", "Operator", "GW-OPS")
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FORBIDDEN
    assert not account(sso, name)["is_staff"]
    both = somebody(provider, "gw-view")
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FOUND
    assert groups(sso, both) == {"Viewer", "Key issuer"}


def test_person_when_taken_out_of_the_group_then_without_rights_from_the_next_sign_in(sso: LiveGateway, provider: OpenId) -> None:
    name = somebody(provider, "gw-root", "gw-ops")
    browser = visitor(sso)
    assert sign_in(browser).status_code == HTTPStatus.FOUND
    provider.person["groups"] = []
    answer = sign_in(visitor(sso))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert f"your account here is {name}" in answer.text
    row = account(sso, name)
    assert (row["is_staff"], row["is_superuser"], groups(sso, name)) == (False, False, set())
    assert browser.ask("GET", "/admin/").status_code == HTTPStatus.FOUND
    assert sso.operator.rows("models_catalog.AuditEntry", {"action": "failed", "name": name})


def test_person_without_a_role_when_an_operator_has_chosen_the_account_then_at_me(sso: LiveGateway, provider: OpenId) -> None:
    name = somebody(provider)
    answer = sign_in(visitor(sso))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "GATEWAY_OIDC_ROLES" in answer.text
    tenant = sso.operator.create("models_catalog.Tenant", name="Acme")
    sso.operator.create("models_catalog.Person", name="Pat", tenant_id=tenant, user_id=account(sso, name)["id"])
    browser = visitor(sso)
    assert sign_in(browser).headers["location"] == "/me/"
    assert browser.ask("GET", "/me/").status_code == HTTPStatus.OK
    assert browser.ask("GET", "/admin/").status_code == HTTPStatus.FOUND


def test_account_of_the_same_name_and_mail_when_it_is_anothers_then_not_taken_over(sso: LiveGateway, provider: OpenId) -> None:
    sso.operator.create_superuser("chief", PASSWORD)
    sso.operator.update("auth.User", {"username": "chief"}, {"email": "chief@example.org"})
    somebody(provider, "gw-view", preferred_username="chief", email="chief@example.org", email_verified=True)
    browser = visitor(sso)
    assert sign_in(browser).status_code == HTTPStatus.FOUND
    assert groups(sso, "chief-2") == {"Viewer", "Key issuer"}
    assert not account(sso, "chief-2")["is_superuser"]
    assert browser.ask("GET", "/admin/auth/user/add/").status_code == HTTPStatus.FORBIDDEN
    # An account that another issuer has told of, with the same subject, is another one, too.
    sso.operator.update("socialaccount.SocialAccount", {"user__username": "chief-2"}, {"provider": "https://other.example"})
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FOUND
    assert account(sso, "chief-3")["is_staff"]
    assert visitor(sso).sign_in("chief", PASSWORD) == HTTPStatus.FOUND


def test_account_of_the_provider_when_it_has_a_password_then_the_password_does_not_let_it_in(
    sso: LiveGateway, provider: OpenId
) -> None:
    name = somebody(provider, "gw-ops")
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FOUND
    sso.operator.create_superuser("with-password", PASSWORD)
    sso.operator.update("auth.User", {"username": name}, {"password": account(sso, "with-password")["password"]})
    assert visitor(sso).sign_in(name, PASSWORD) == HTTPStatus.OK


def changed(**claims: Any) -> Callable[[Claims], Claims]:
    return lambda usual: {name: value for name, value in (usual | claims).items() if value is not None}


OTHER_ISSUER = "not the issuer of GATEWAY_OIDC_ISSUER"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another nonce": ({"twist": changed(nonce="of-another-sign-in")}, "wrong nonce"),
    "no nonce": ({"twist": changed(nonce=None)}, "invalid token"),
    "expired": ({"twist": lambda usual: {**usual, "exp": int(time.time()) - 120}}, "invalid token"),
    "for another client": ({"twist": changed(aud="another")}, "invalid token"),
    "for two, used by another": ({"twist": changed(aud=["gateway", "another"], azp="another")}, "invalid token"),
    "of another issuer": ({"twist": changed(iss="https://other.example")}, "invalid token"),
    "signed by another": ({"signer": 2}, "invalid token"),
    "signed by nobody": ({"head": {"alg": "none"}}, "invalid token"),
    "signed with the public key": ({"head": {"alg": "HS256"}}, "invalid token"),
    "with a key that is not there": ({"head": {"kid": "key-9"}}, "invalid token"),
    "info of somebody else": ({"told": {"sub": "somebody-else"}}, "invalid token"),
    "another issuer's description": (
        {"description": {"issuer": "https://other.example"}},
        "not the issuer of GATEWAY_OIDC_ISSUER",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_answer_of_the_provider_when_it_cannot_be_trusted_then_a_page_a_line_and_no_session(
    case: str, sso: LiveGateway, provider: OpenId
) -> None:
    somebody(provider, "gw-root")
    browser, start = visitor(sso), len(sso.log_text())
    begun = browser.ask("GET", "/admin/oidc/login/")
    back = browser.ask("GET", begun.headers["location"])
    twisted, reason = BAD[case]
    vars(provider).update(twisted)
    answer = browser.ask("GET", back.headers["location"])
    assert answer.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.BAD_GATEWAY)
    assert "Example ID" in answer.text
    assert browser.ask("GET", "/admin/").status_code == HTTPStatus.FOUND
    assert refusals(sso, start) == [reason]


def refusals(gateway: LiveGateway, start: int) -> list[str]:
    """The reasons that the log tells from a byte on; nothing else may be told as a warning or an error."""
    told = [json.loads(line) for line in gateway.settled_log(start).splitlines() if line.startswith("{")]
    serious = [line for line in told if line["level"] in ("warning", "error") and "settled-" not in json.dumps(line)]
    serious = [line for line in serious if not line["logger"].startswith("django.security")]
    assert {line["logger"] for line in serious} <= {"gateway.sign_in"}, serious
    return [line["reason"] for line in serious]


def test_callback_when_its_state_is_another_browsers_then_refused(sso: LiveGateway, provider: OpenId) -> None:
    somebody(provider, "gw-root")
    thief, victim = visitor(sso), visitor(sso)
    begun = thief.ask("GET", "/admin/oidc/login/")
    back = thief.ask("GET", begun.headers["location"]).headers["location"]
    victim.ask("GET", "/admin/oidc/login/")
    answer = victim.ask("GET", back)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "not begun in this browser" in answer.text
    assert thief.ask("GET", back).status_code == HTTPStatus.FOUND
    assert thief.ask("GET", back).status_code == HTTPStatus.BAD_REQUEST  # once


def test_callback_when_the_provider_says_no_then_a_page(sso: LiveGateway, provider: OpenId) -> None:
    browser = visitor(sso)
    begun = httpx.URL(browser.ask("GET", "/admin/oidc/login/").headers["location"])
    answer = browser.ask("GET", f"/admin/oidc/callback/?error=access_denied&state={begun.params['state']}")
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "cancelled" in answer.text


@pytest.mark.parametrize("answer", [Said(status=500), Said(b"<html>"), said([])], ids=["500", "no JSON", "no object"])
def test_provider_when_it_does_not_answer_as_one_then_a_page_and_one_line(
    answer: Said, sso: LiveGateway, provider: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(provider.server.answers, DESCRIPTION, lambda seen: answer)
    start = len(sso.log_text())
    page = visitor(sso).ask("GET", "/admin/oidc/login/")
    assert page.status_code in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
    assert len(refusals(sso, start)) == 1


def test_account_when_locked_at_an_address_then_by_either_way(sso: LiveGateway, provider: OpenId) -> None:
    name = somebody(provider, "gw-ops")
    browser = visitor(sso)
    assert sign_in(browser).status_code == HTTPStatus.FOUND
    other = visitor(sso)
    assert [other.sign_in(name, "wrong") for _ in range(FAILURES)][-1] == HTTPStatus.TOO_MANY_REQUESTS
    assert sign_in(other).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert sign_in(visitor(sso)).status_code == HTTPStatus.FOUND


def test_pages_of_the_library_when_asked_for_then_there_are_none(sso: LiveGateway) -> None:
    sso.operator.create_superuser("crawler", PASSWORD)
    browser = visitor(sso)
    assert browser.sign_in("crawler", PASSWORD) == HTTPStatus.FOUND
    for path in ("socialaccount/socialapp/", "mfa/authenticator/", "account/emailaddress/", "signup/", "password/reset/", "2fa/"):
        assert browser.ask("GET", f"/admin/{path}").status_code == HTTPStatus.NOT_FOUND
    assert "ocial" not in browser.ask("GET", "/admin/").text


def test_passwords_when_switched_off_then_only_the_provider_is_offered_and_one_that_is_away_is_said(
    sso: LiveGateway, provider: OpenId, variables: dict[str, str]
) -> None:
    sso.operator.create_superuser("local", PASSWORD)
    dead = sso.dead_url.removesuffix("/v1")
    sso.restart(GATEWAY_PASSWORD_LOGIN="off", GATEWAY_OIDC_ISSUER=dead)
    try:
        browser, start = visitor(sso), len(sso.log_text())
        page = browser.ask("GET", "/admin/login/").text
        assert "Sign in with Example ID" in page
        assert "password" not in page.lower()
        browser.ask("GET", "/me/")
        forced = browser.ask("POST", "/admin/login/", username="local", password=PASSWORD)
        assert forced.status_code == HTTPStatus.FORBIDDEN
        away = browser.ask("GET", "/admin/oidc/login/")
        assert away.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Example ID does not answer" in away.text
        assert "provider unreachable" in sso.settled_log(start)
    finally:
        sso.restart(GATEWAY_PASSWORD_LOGIN="on", GATEWAY_OIDC_ISSUER=variables["GATEWAY_OIDC_ISSUER"])
