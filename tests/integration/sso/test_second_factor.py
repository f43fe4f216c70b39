"""Is a code asked for after the password, once and not again, and is nobody anywhere before?"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
import zlib
from http import HTTPStatus
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.fakes.openid import OpenId
from tests.integration.sso.conftest import FAILURES
from tests.integration.sso.test_oidc import sign_in, somebody
from tests.live import ENCRYPTION_KEY, LiveGateway, environment
from tests.live_admin import Visitor
from tests.live_operator import ROOT

PAGE, PASSWORD = "/admin/second-factor/", "correct-horse-battery"
SECRET, CODES = re.compile(r'id="totp-secret">([A-Z2-7 ]+)<'), re.compile(r"^(\d{8})$|>(\d{8})$", re.MULTILINE)
NEWER_KEY = base64.b64encode(b"another key, for the rotation...").decode()
NAMES, ADDRESSES = count(1), count(1)


def visitor(gateway: LiveGateway) -> Visitor:
    return Visitor(gateway, f"203.0.113.{next(ADDRESSES)}")


def code(secret: str, ahead: int = 0) -> str:
    """The code of the app now, or steps of 30 seconds from now: the one before and the one after are taken, too."""
    app = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=False)
    return app.generate(int(time.time()) + 30 * ahead).decode()


def session_of(stored: str) -> str:
    """What Django has signed, and not encrypted."""
    body = stored.rsplit(":", 2)[0]
    data = base64.urlsafe_b64decode(body.lstrip(".") + "===")
    return (zlib.decompress(data) if body.startswith(".") else data).decode()


def new_account(gateway: LiveGateway) -> str:
    name = f"account-{next(NAMES)}"
    gateway.operator.create_superuser(name, PASSWORD)
    return name


def begin(gateway: LiveGateway, name: str, to: str = "/admin/") -> Visitor:
    """A browser in which the password has been said."""
    browser = visitor(gateway)
    answer = browser.send(f"/admin/login/?next={to}", username=name, password=PASSWORD, next=to)
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.FOUND, PAGE)
    return browser


def set_up(browser: Visitor, **more: str) -> tuple[str, list[str]]:
    """The key of the app, and the recovery codes."""
    found = SECRET.search(browser.ask("GET", PAGE).text)
    assert found is not None
    secret = found[1].replace(" ", "")
    answer = browser.send(PAGE, code=code(secret), **more)
    assert "no-store" in answer.headers["cache-control"]
    codes = [one or other for one, other in CODES.findall(answer.text)]
    assert len(codes) == 10, answer.text
    return secret, codes


def enrolled(gateway: LiveGateway) -> tuple[str, str, list[str]]:
    """An account with a second factor: its name, the key of the app, recovery codes."""
    name, browser = new_account(gateway), visitor(gateway)
    assert browser.sign_in(name, PASSWORD) == HTTPStatus.FOUND
    return name, *set_up(browser, password=PASSWORD)


def is_in(browser: Visitor) -> bool:
    return browser.ask("GET", "/admin/").status_code == HTTPStatus.OK


def test_code_when_right_then_signed_in_and_when_said_again_then_not(sso: LiveGateway) -> None:
    name, secret, _ = enrolled(sso)
    browser = begin(sso, name, "/admin/auth/user/")
    assert not is_in(browser)
    assert browser.ask("GET", "/me/").status_code == HTTPStatus.FOUND
    said = code(secret, 1)
    answer = browser.send(PAGE, code=said)
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.FOUND, "/admin/auth/user/")
    assert is_in(browser)
    again = begin(sso, name)
    assert again.send(PAGE, code=said).status_code == HTTPStatus.OK
    assert not is_in(again)
    entries = sso.operator.rows("models_catalog.AuditEntry", {"name": name, "kind": "auth.user"})
    actions = [row["action"] for row in sorted(entries, key=lambda row: row["number"])]
    assert actions == ["added", "signed_in", "changed", "signed_in", "failed"]
    assert f'"account": "{name}"' in sso.settled_log()


def test_secret_when_set_up_then_never_shown_nor_stored_plainly(sso: LiveGateway) -> None:
    name, browser = new_account(sso), visitor(sso)
    browser.sign_in(name, PASSWORD)
    shown = SECRET.search(browser.ask("GET", PAGE).text)
    assert shown is not None
    waits = sso.operator.rows("sessions.Session", {})
    secret, codes = set_up(browser, password=PASSWORD)
    assert secret == shown[1].replace(" ", "")
    paths = (PAGE, "/admin/", "/admin/auth/user/", "/admin/models_catalog/auditentry/")
    pages = [browser.ask("GET", path).text for path in paths]
    rows = sso.operator.rows("mfa.Authenticator", {"user__username": name})
    assert {row["type"] for row in rows} == {"totp", "recovery_codes"}
    told = "\n".join([*pages, str(rows), str(sso.operator.rows("models_catalog.AuditEntry", {})), sso.settled_log()])
    assert not [value for value in (secret, *codes) if value in told]
    kept = "\n".join(session_of(row["session_data"]) for row in waits)
    assert "second_factor_secret" in kept
    assert secret not in kept


def test_set_up_when_the_password_or_the_code_is_wrong_then_nothing_is_set_up(sso: LiveGateway) -> None:
    name, browser = new_account(sso), visitor(sso)
    browser.sign_in(name, PASSWORD)
    found = SECRET.search(browser.ask("GET", PAGE).text)
    assert found is not None
    secret = found[1].replace(" ", "")
    assert "The password is wrong." in browser.send(PAGE, code=code(secret), password="wrong").text
    assert "The code is wrong" in browser.send(PAGE, code="000000x", password=PASSWORD).text
    assert sso.operator.rows("mfa.Authenticator", {"user__username": name}) == []


def test_codes_when_wrong_then_locked_at_that_address_also_with_the_right_password_in_between(sso: LiveGateway) -> None:
    name, _, codes = enrolled(sso)
    browser = visitor(sso)
    found = []
    for _ in range(FAILURES):
        browser.send("/admin/login/", username=name, password=PASSWORD)
        found.append(browser.send(PAGE, code="123456x").status_code)
    assert found == [200] * (FAILURES - 1) + [429]
    assert browser.ask("GET", "/admin/").status_code == HTTPStatus.FOUND
    assert browser.send("/admin/login/", username=name, password=PASSWORD).status_code == HTTPStatus.TOO_MANY_REQUESTS
    other = begin(sso, name)
    assert other.send(PAGE, code=codes[0]).status_code == HTTPStatus.FOUND
    assert sso.operator.rows("models_catalog.AuditEntry", {"action": "locked", "name": name})


def test_recovery_code_when_used_then_once_and_others_can_be_had(sso: LiveGateway) -> None:
    name, _, codes = enrolled(sso)
    browser = begin(sso, name)
    assert browser.send(PAGE, code=codes[3]).status_code == HTTPStatus.FOUND
    assert is_in(browser)
    assert begin(sso, name).send(PAGE, code=codes[3]).status_code == HTTPStatus.OK
    answer = browser.send(PAGE, code=codes[4], action="codes")
    others = [one or other for one, other in CODES.findall(answer.text)]
    assert len(others) == 10
    assert begin(sso, name).send(PAGE, code=codes[5]).status_code == HTTPStatus.OK
    assert begin(sso, name).send(PAGE, code=others[0]).status_code == HTTPStatus.FOUND
    assert is_in(browser)
    assert browser.send(PAGE, code=others[1], action="remove").status_code == HTTPStatus.FOUND
    assert visitor(sso).sign_in(name, PASSWORD) == HTTPStatus.FOUND
    assert sso.operator.rows("mfa.Authenticator", {"user__username": name}) == []


def test_sessions_of_before_when_a_factor_is_set_up_then_over(sso: LiveGateway) -> None:
    name, first, second = new_account(sso), visitor(sso), visitor(sso)
    for browser in (first, second):
        assert browser.sign_in(name, PASSWORD) == HTTPStatus.FOUND
    set_up(first, password=PASSWORD)
    assert is_in(first)
    assert not is_in(second)


def test_factor_when_reset_by_the_command_then_gone_and_told(sso: LiveGateway) -> None:
    name, _, _ = enrolled(sso)
    assert f"The second factor of {name} is removed." in sso.operator.command("reset_mfa", name)
    assert "has no second factor" in sso.operator.command("reset_mfa", name)
    (row,) = sso.operator.rows("models_catalog.AuditEntry", {"name": name, "source": "command", "action": "changed"})
    assert "reset" in row["changes"]
    browser = visitor(sso)
    assert browser.sign_in(name, PASSWORD) == HTTPStatus.FOUND
    assert is_in(browser)


def test_factor_when_required_then_nobody_is_anywhere_before(sso: LiveGateway, provider: OpenId) -> None:
    """And secrets are as good as ever under another encryption key, when the one before is gone."""
    old, _, codes = enrolled(sso)
    session, name = visitor(sso), new_account(sso)
    assert session.sign_in(name, PASSWORD) == HTTPStatus.FOUND
    sso.env["GATEWAY_ENCRYPTION_KEYS"] = f"{NEWER_KEY},{ENCRYPTION_KEY}"
    rotate = [sys.executable, "manage.py", "rotate_encryption_keys"]
    subprocess.run(rotate, cwd=ROOT, env=sso.env, check=True, capture_output=True, timeout=120)
    sso.restart(GATEWAY_MFA="required", GATEWAY_ENCRYPTION_KEYS=NEWER_KEY)
    assert begin(sso, old).send(PAGE, code=codes[0]).status_code == HTTPStatus.FOUND
    assert not is_in(session)
    browser = begin(sso, name, "/admin/auth/group/")
    for path in ("/admin/", "/me/", "/me/password/", "/admin/playground/"):
        assert browser.ask("GET", path).status_code == HTTPStatus.FOUND
    assert SECRET.search(browser.ask("GET", PAGE).text)
    set_up(browser)
    assert is_in(browser)
    somebody(provider, "gw-ops")
    by_provider = visitor(sso)
    assert sign_in(by_provider).headers["location"] == PAGE
    assert not is_in(by_provider)
    provider.person["amr"] = ["pwd", "mfa"]
    assert sign_in(by_provider).headers["location"] == "/admin/"
    assert is_in(by_provider)
    sso.restart(GATEWAY_MFA="off", GATEWAY_OIDC_ISSUER="")
    after, chief = visitor(sso), new_account(sso)
    assert after.sign_in(chief, PASSWORD) == HTTPStatus.FOUND
    (row,) = sso.operator.rows("auth.User", {"username": old})
    assert after.send(f"/admin/auth/user/{row['id']}/delete/", post="yes").status_code == HTTPStatus.FOUND
    assert sso.operator.rows("mfa.Authenticator", {"user_id": row["id"]}) == []


HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "allauth":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""


@pytest.fixture
def without_extra(tmp_path: Path) -> dict[str, str]:
    """An environment in which the extra is not installed."""
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize(
    "asked", [{"GATEWAY_MFA": "required"}, {"GATEWAY_OIDC_ISSUER": "https://id.example", "GATEWAY_OIDC_CLIENT_ID": "x"}]
)
def test_settings_when_the_extra_is_missing_then_the_check_names_it(
    asked: dict[str, str], without_extra: dict[str, str], tmp_path: Path
) -> None:
    check = [sys.executable, "manage.py", "check"]
    env = environment(tmp_path / "data", **without_extra, **asked)
    found = subprocess.run(check, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 1
    assert "gateway.E003" in found.stderr
    assert "pip install 'signalbox-gateway[sso]'" in found.stderr


def test_gateway_when_nothing_is_asked_for_then_nothing_of_the_extra_is_imported(tmp_path: Path) -> None:
    found_in = "print([name for name in sys.modules if 'allauth' in name])"
    code = f"import django, sys; django.setup(); import gateway_project.urls; {found_in}"
    env = environment(tmp_path / "data")
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
