"""Are guesses of the admin's passwords slowed down, in all workers, without locking the operator out?"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway
from tests.live_admin import Visitor
from tests.live_fixtures import StartGateway

NAME, PASSWORD = "operator", "correct-horse-battery"
WRONG = "wrong-canary-8Qx"
FAILURES = 2


def fail(visitor: Visitor, times: int, name: str = NAME) -> list[int]:
    return [visitor.sign_in(name, WRONG) for _ in range(times)]


def enter(visitor: Visitor, name: str = NAME) -> bool:
    return visitor.sign_in(name, PASSWORD) == HTTPStatus.FOUND


@pytest.fixture(scope="module")
def behind_proxy(start_gateway: StartGateway) -> LiveGateway:
    """Two workers, and a proxy on this machine."""
    gateway = start_gateway(workers=2, GATEWAY_TRUSTED_PROXIES="127.0.0.1", GATEWAY_LOGIN_FAILURES=str(FAILURES))
    gateway.operator.create_superuser(NAME, PASSWORD)
    return gateway


def lines(gateway: LiveGateway, address: str) -> list[dict[str, Any]]:
    """What the log says of an address, without the time."""
    told = (json.loads(line) for line in gateway.log_text().splitlines() if line.startswith("{"))
    return [line for line in told if line.get("logger") == "gateway.sign_in" and line["address"] == address]


def test_account_when_guessed_too_often_then_it_is_locked_at_that_address_and_nowhere_else(behind_proxy: LiveGateway) -> None:
    guesser, operator = Visitor(behind_proxy, "192.0.2.1"), Visitor(behind_proxy, "192.0.2.2")
    assert fail(guesser, FAILURES + 1) == [200, 429, 429]
    answer = guesser.send("/admin/login/", username=NAME, password=PASSWORD)
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert 800 < int(answer.headers["retry-after"]) <= 900
    assert "Try again in 15 minutes" in answer.text
    assert "signalbox_session" not in answer.headers.get("set-cookie", "")
    assert answer.headers["content-security-policy"]
    assert enter(operator)
    assert operator.ask("GET", "/admin/").status_code == HTTPStatus.OK


def test_log_when_sign_ins_fail_then_one_line_each_names_account_and_address_and_no_password(behind_proxy: LiveGateway) -> None:
    fail(Visitor(behind_proxy, "192.0.2.3"), FAILURES + 1, "nobody\n{}")
    assert eventually(lambda: len(lines(behind_proxy, "192.0.2.3")) == FAILURES + 1, 5)
    told = lines(behind_proxy, "192.0.2.3")
    assert {(line["message"], line["account"], line["level"]) for line in told} == {("sign-in failed", "nobody\n{}", "warning")}
    assert [("locked_for_s" in line) for line in told] == [False, True, True]
    log = behind_proxy.settled_log()
    assert WRONG not in log
    assert "AXES" not in log


def test_guesses_when_sent_at_once_to_all_workers_then_no_more_than_allowed_are_looked_at(behind_proxy: LiveGateway) -> None:
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda _: Visitor(behind_proxy, "192.0.2.4").sign_in(NAME, WRONG), range(10)))
    assert found.count(200) <= FAILURES - 1
    assert set(found) <= {200, 429}


def test_address_when_it_tries_many_accounts_then_it_is_locked_as_a_whole(behind_proxy: LiveGateway) -> None:
    guesser = Visitor(behind_proxy, "2001:db8::1")
    found = [guesser.sign_in(f"user-{number}", WRONG) for number in range(10 * FAILURES)]
    assert found == [200] * (10 * FAILURES - 1) + [429]
    assert Visitor(behind_proxy, "2001:db8::2").sign_in(NAME, PASSWORD) == HTTPStatus.TOO_MANY_REQUESTS  # the same network
    assert enter(Visitor(behind_proxy, "2001:db8:0:1::2"))


def test_account_of_ones_own_when_signed_in_then_failures_of_others_are_not_forgotten(behind_proxy: LiveGateway) -> None:
    behind_proxy.operator.create_superuser("second", PASSWORD)
    guesser = Visitor(behind_proxy, "192.0.2.5")
    assert fail(guesser, 1) == [200]
    assert enter(Visitor(behind_proxy, "192.0.2.5"), "second")
    assert fail(guesser, 1) == [429]


def test_success_when_it_comes_in_time_then_the_count_begins_anew(behind_proxy: LiveGateway) -> None:
    for _ in range(2):
        assert fail(Visitor(behind_proxy, "192.0.2.6"), FAILURES - 1) == [200]
        assert enter(Visitor(behind_proxy, "192.0.2.6"))


def test_old_password_when_guessed_on_the_page_that_changes_it_then_counted_too(behind_proxy: LiveGateway) -> None:
    thief = Visitor(behind_proxy, "192.0.2.7")
    assert enter(thief)
    new = {"new_password1": "taken-over-77", "new_password2": "taken-over-77"}
    page = "/admin/password_change/"
    assert thief.send(page, old_password=WRONG, **new).status_code == HTTPStatus.OK
    assert thief.send(page, old_password=WRONG, **new).status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert thief.send(page, old_password=PASSWORD, **new).status_code == HTTPStatus.TOO_MANY_REQUESTS
    owner = Visitor(behind_proxy, "192.0.2.8")
    assert enter(owner)
    assert owner.send(page, old_password=PASSWORD, new_password1=PASSWORD, new_password2=PASSWORD).status_code == HTTPStatus.FOUND


def test_lock_when_reset_by_the_command_then_it_is_over(behind_proxy: LiveGateway) -> None:
    guesser = Visitor(behind_proxy, "192.0.2.9")
    assert fail(guesser, FAILURES)[-1] == HTTPStatus.TOO_MANY_REQUESTS
    behind_proxy.operator.command("axes_reset_ip", "192.0.2.9")
    assert enter(guesser)


def test_locks_when_listed_then_nothing_but_account_address_and_count_is_kept(behind_proxy: LiveGateway) -> None:
    fail(Visitor(behind_proxy, "192.0.2.10"), 1)
    (row,) = behind_proxy.operator.rows("axes.AccessAttempt", {"ip_address": "192.0.2.10"})
    assert (row["username"], row["failures_since_start"]) == (NAME, 1)
    assert {row[name] for name in ("user_agent", "http_accept", "path_info", "get_data", "post_data")} == {""}


def test_header_when_no_proxy_is_trusted_then_it_does_not_give_another_address(start_gateway: StartGateway) -> None:
    """And the lock ends by itself, however often it is tried in the meantime."""
    gateway = start_gateway(GATEWAY_LOGIN_FAILURES=str(FAILURES), GATEWAY_LOGIN_LOCK_S="4")
    gateway.operator.create_superuser(NAME, PASSWORD)
    found = [Visitor(gateway, f"192.0.2.{number}").sign_in(NAME, WRONG) for number in range(FAILURES + 1)]
    assert found == [200, 429, 429]
    assert eventually(lambda: enter(Visitor(gateway, "")), 8, 0.2)
