"""Is what requests cost counted, and are they refused once it is spent? With counters in one worker."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from models_catalog.bounds import Period
from openai_api.spending.periods import span_of
from tests.budgets import NANO, Spender, add_budget, counters, error, settled, sums
from tests.fakes.chaos.process import eventually
from tests.fakes.mail_sink import MailSink
from tests.fakes.webhook_receiver import Receiver, verified
from tests.live import LiveGateway, body
from tests.live_admin import Visitor
from tests.live_fixtures import StartGateway

SECRET = "whsec_" + base64.b64encode(b"the secret of alerts of budgets 0123").decode()
PRICED = (
    "ok",
    "ok-usage-100-20",
    "ok-usage-0-0",
    "stream-ok-5",
    "stream-no-usage",
    "stream-paced-30ms-200",
    "status-500",
    "hang",
)
BROKEN = ("stream-cut-after-3", "stream-error-after-3")
PRICE = "1000"
"""US dollars for a million tokens: a tenth of a cent for one."""
TOKEN = NANO // 1000
PERIODS_S = {"day": 86400, "week": 7 * 86400, "month": 31 * 86400}


@pytest.fixture(scope="module")
def mails() -> Iterator[MailSink]:
    """A mail server that refuses the first try."""
    with MailSink(refusals=1) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(mails: MailSink, start_gateway: StartGateway) -> LiveGateway:
    started = start_gateway(GATEWAY_ALERT_SECRET=SECRET, EMAIL_URL=mails.url)
    able = ["chat", "responses"]
    started.define(*PRICED, *BROKEN, capabilities=able, input_price=PRICE, output_price=PRICE)
    started.define("ok-usage-1-1")
    models = {"falls": [{"upstream_model": "status-500"}], "back": [{"upstream_model": "ok"}]}
    started.define_models(models, fallbacks={"falls": ["back"]}, input_price=PRICE, output_price=PRICE)
    return started


def test_spend_when_requests_have_ended_is_what_the_upstream_says_and_nothing_is_held(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="100")
    assert spender.chat("chaos/ok-usage-100-20").status_code == 200
    assert spender.chat("chaos/ok", stream=True).status_code == 200
    assert spender.chat("chaos/status-500").status_code == 502
    assert spender.chat("chaos/ok-usage-0-0").status_code == 200
    assert spender.standing(4) == ((120 + 14) * TOKEN, 0)
    rows = gateway.operator.rows("openai_api.LedgerEntry", {"budget": spender.budget})
    assert sorted(row["kind"] for row in rows) == ["hold"] * 4 + ["release"] * 4 + ["settle"] * 2
    assert len({row["request_id"] for row in rows}) == 4


@pytest.mark.parametrize("model", ["stream-no-usage", *BROKEN])
def test_spend_when_the_upstream_does_not_say_it_is_what_was_sent(gateway: LiveGateway, model: str) -> None:
    spender = Spender(gateway, amount="100")
    answer = spender.chat(f"chaos/{model}", stream=True)
    assert answer.status_code == 200
    assert spender.standing()[1] == 0
    asked = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", asked), 10, 0.1)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", asked)
    assert row["estimated"]
    assert row["output_tokens"] >= 2
    assert spender.standing() == ((row["input_tokens"] + row["output_tokens"]) * TOKEN, 0)


def test_spend_when_the_client_leaves_a_stream_is_what_was_sent(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="100")
    seen = 0
    asked, headers = body("chaos/stream-paced-30ms-200", stream=True), gateway.headers(spender.key)
    with gateway.http.stream("POST", "/v1/chat/completions", json=asked, headers=headers) as answer:
        for line in answer.iter_lines():
            seen += "content" in line
            if seen > 10:
                break
    spent, held = spender.standing()
    assert held == 0
    assert 10 * TOKEN <= spent <= (10 + 40 + 40) * TOKEN


def test_request_when_the_budget_is_used_up_is_refused_until_the_end_of_the_period(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.2", period="day")
    assert spender.chat("chaos/ok-usage-100-20").status_code == 200
    refused = spender.chat("chaos/ok-usage-100-20", most=200)
    assert (refused.status_code, error(refused)["code"], error(refused)["type"]) == (
        429,
        "insufficient_quota",
        "insufficient_quota",
    )
    assert "0.20 USD" in error(refused)["message"]
    now = datetime.now(UTC)
    left = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
    assert abs(int(refused.headers["retry-after"]) - left) <= 5
    assert refused.headers["x-should-retry"] == "false"
    assert spender.chat("chaos/ok", most=10).status_code == 200
    assert spender.standing(2) == ((120 + 14) * TOKEN, 0)


def test_anthropics_client_when_the_budget_is_used_up_is_told_in_its_own_words(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.01", period="month")
    asked = {"model": "chaos/ok", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
    refused = spender.post("/v1/messages", asked)
    assert (refused.status_code, error(refused)["type"]) == (429, "billing_error")
    head = {name.removeprefix("anthropic-ratelimit-unified-"): value for name, value in refused.headers.items()}
    assert (head["x-should-retry"], head["status"], head["overage-status"]) == ("false", "rejected", "rejected")
    assert (head["representative-claim"], head["overage-surpassed-threshold"]) == ("overage", "0.95")
    assert int(head["reset"]) == int(head["overage-reset"])
    assert abs(int(head["reset"]) - datetime.now(UTC).timestamp() - int(head["retry-after"])) < 5
    assert not sums(gateway, budget=spender.budget)


def test_soft_budget_when_it_is_used_up_lets_requests_pass_and_counts_them(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.01", hard=False)
    assert [spender.chat("chaos/ok").status_code for _ in range(3)] == [200] * 3
    assert spender.standing(3) == (3 * 14 * TOKEN, 0)


def test_tokens_when_they_are_used_up_stop_requests(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="200", unit="tokens")
    answers = [spender.chat("chaos/ok-usage-100-20").status_code for _ in range(3)]
    assert answers[0] == 200
    assert 429 in answers
    assert spender.standing(answers.count(200)) == (120 * answers.count(200), 0)


@pytest.mark.parametrize(("unknown", "status"), [("", 403), ("refuse", 403), ("allow", 200)])
def test_unknown_price_when_a_budget_meets_it_is_refused_or_free(gateway: LiveGateway, unknown: str, status: int) -> None:
    spender = Spender(gateway, amount="1", unknown_price=unknown)
    answer = spender.chat("chaos/ok-usage-1-1")
    assert answer.status_code == status
    if status == 403:
        assert error(answer)["code"] == "price_unknown"
        assert "'chaos/ok-usage-1-1'" in error(answer)["message"]
    assert spender.standing(int(status == 200)) == (0, 0)


def test_fallback_when_its_own_budget_is_used_up_is_passed_over(gateway: LiveGateway) -> None:
    (row,) = gateway.operator.rows("ModelDefinition", {"name": "back"})
    budget = add_budget(gateway, model_id=row["id"], amount="0.05")
    spender = Spender(gateway, amount="100")
    first = spender.chat("falls")
    assert first.headers["x-gateway-model"] == "back"
    assert settled(gateway, budget) == (14 * TOKEN, 0)
    second = spender.chat("falls", most=60)
    assert (second.status_code, second.headers["x-gateway-attempts"]) == (502, "1")
    assert spender.chat("back", most=60).status_code == 429
    assert spender.standing(2) == (14 * TOKEN, 0)
    assert settled(gateway, budget) == (14 * TOKEN, 0)
    gateway.operator.delete("Budget", {"pk": budget})


def test_all_ways_when_they_are_asked_count_what_the_upstream_says(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="100")
    message = {"model": "chaos/ok", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
    response = {"model": "chaos/ok", "max_output_tokens": 20, "input": "hi"}
    for stream in (False, True):
        assert spender.post("/v1/messages", {**message, "stream": stream}).status_code == 200
        assert spender.post("/v1/responses", {**response, "stream": stream}).status_code == 200
    queued = spender.post("/v1/responses", {**response, "background": True}).json()
    path = f"/v1/responses/{queued['id']}"
    headers = gateway.headers(spender.key)
    assert eventually(lambda: gateway.http.get(path, headers=headers).json()["status"] == "completed", 10, 0.05)
    assert eventually(lambda: len(gateway.operator.rows("openai_api.LedgerEntry", _settles(spender))) == 5, 10, 0.1)
    assert spender.standing() == (5 * 14 * TOKEN, 0)
    counted = spender.post("/v1/messages/count_tokens", {key: message[key] for key in ("model", "messages")})
    assert counted.status_code == 200
    assert spender.standing() == (5 * 14 * TOKEN, 0)


def _settles(spender: Spender) -> dict[str, str]:
    return {"budget": spender.budget, "kind": "settle"}


@pytest.mark.parametrize(("unit", "spent", "whole"), [("usd", 0.12, 10.0), ("tokens", 120.0, 10.0**6)])
def test_metrics_and_own_figures_when_a_budget_was_used_tell_what_is_spent(
    gateway: LiveGateway, unit: str, spent: float, whole: float
) -> None:
    spender = Spender(gateway, amount=str(whole), unit=unit, period="month")
    assert spender.chat("chaos/ok-usage-100-20").status_code == 200
    spender.standing()
    (key,) = gateway.operator.rows("models_catalog.ClientKey", {"pk": spender.id})
    labels = f'budget="{spender.budget}",period="month",scope="key",subject="{key["name"]}",unit="{unit}"'
    page = gateway.http.get("/metrics").text.splitlines()
    told = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in page if labels in line}
    names = ("signalbox_budget_spent", "signalbox_budget_held", "signalbox_budget_amount")
    assert told == dict(zip(names, (spent, 0.0, whole), strict=True))
    (own,) = gateway.http.get("/v1/me/usage", headers=gateway.headers(spender.key)).json()["budgets"]
    assert (own["unit"], own["spent"], own["held"], own["left"]) == (unit, spent, 0, whole - spent)


def test_adjustment_when_it_is_made_is_followed_by_the_gateway(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.2")
    assert spender.chat("chaos/ok-usage-100-20").status_code == 200
    assert spender.standing() == (120 * TOKEN, 0)
    assert spender.chat("chaos/ok-usage-100-20", most=100).status_code == 429
    gateway.operator.command("adjust_budget", spender.budget, "--reason", "a refund", "--", "-0.12")
    assert eventually(lambda: spender.chat("chaos/ok-usage-100-20", most=100).status_code == 200, 10, 0.1)
    assert spender.standing(2) == (120 * TOKEN, 0)
    told = gateway.operator.command("show_budgets", "--json")
    (shown,) = [row for row in json.loads(told) if row["id"] == spender.budget]
    assert [(one["spent"], one["held"]) for one in shown["counters"]] == [(120 * TOKEN, 0)]


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_budget_when_a_period_has_ended_begins_anew_and_the_old_one_stays(gateway: LiveGateway, period: str) -> None:
    spender = Spender(gateway, amount="0.05", period=period)
    now = datetime.now(UTC).timestamp()
    before, present = span_of(Period(period), now - PERIODS_S[period]).name, span_of(Period(period), now).name
    whole = {"budget": spender.budget, "counter": spender.budget, "unit": "usd", "spent": 50_000_000}
    changed = {"changed_at": datetime.now(UTC).isoformat()}
    gateway.operator.create("openai_api.BudgetCounter", period=before, **whole, **changed)
    assert spender.chat("chaos/ok").status_code == 200
    assert eventually(lambda: present in {name for _, name in counters(gateway, budget=spender.budget)}, 10, 0.1)
    assert eventually(lambda: counters(gateway, budget=spender.budget)[spender.budget, present] == (14 * TOKEN, 0), 10, 0.1)
    assert counters(gateway, budget=spender.budget)[spender.budget, before] == (50_000_000, 0)
    assert spender.chat("chaos/ok", most=30).status_code == 429


def test_counters_when_the_worker_starts_anew_are_those_of_the_ledger(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.2")
    assert spender.chat("chaos/ok-usage-100-20").status_code == 200
    gateway.restart()
    assert spender.chat("chaos/ok-usage-100-20", most=100).status_code == 429
    assert spender.standing() == (120 * TOKEN, 0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def test_alerts_when_percents_are_reached_are_posted_once_and_signed(gateway: LiveGateway, receiver: Receiver) -> None:
    spender = Spender(gateway, amount="0.028", hard=False, alerts=[50, 100], alert_url=receiver.url)
    for number in range(1, 4):
        assert spender.chat("chaos/ok", most=1).status_code == 200
        assert spender.standing(number)[1] == 0
    assert eventually(lambda: len(receiver.posts) == 2, 15, 0.1)
    told = sorted((post.told for post in receiver.posts), key=lambda told: told["percent"])
    assert [(one["percent"], one["spent"], one["amount"]) for one in told] == [(50, 0.014, 0.028), (100, 0.028, 0.028)]
    assert all(verified(post, SECRET) for post in receiver.posts)
    assert told[0]["budget"] == spender.budget


def test_alert_when_a_percent_is_reached_is_sent_by_mail_again_until_it_is_taken(gateway: LiveGateway, mails: MailSink) -> None:
    spender = Spender(gateway, amount="0.014", hard=False, alerts=[100], alert_email="alerts@example.org")
    assert spender.chat("chaos/ok").status_code == 200
    assert eventually(lambda: len(mails.mails) == 1, 30, 0.1)
    assert mails.refused == 1
    (mail,) = mails.mails
    assert (mail.to, mail.message["to"]) == ("alerts@example.org", "alerts@example.org")
    assert mail.message["subject"].startswith("Budget of key spender-")
    assert mail.message["subject"].endswith("100 % used")
    assert "0.01 USD of 0.01 USD are spent (period: total). Requests go on when all is spent." in mail.text
    assert spender.key not in mail.message.as_string()


def test_request_for_more_when_it_is_made_is_told_to_the_operators_of_the_tenant(gateway: LiveGateway, mails: MailSink) -> None:
    operator = gateway.operator
    operator.create_superuser("ann", "a-password-0123")
    account = operator.create_staff("operator", "a-password-0123")
    (person,) = operator.rows("auth.User", {"username": "ann"})
    operator.update("auth.User", {"pk": account}, {"email": "operator@example.org"})
    tenant = operator.create("models_catalog.Tenant", name="acme")
    operator.create("models_catalog.Tenant_operators", tenant_id=tenant, user_id=account)
    operator.create("models_catalog.Person", name="Ann", tenant_id=tenant, user_id=person["id"])
    visitor = Visitor(gateway)
    assert visitor.sign_in("ann", "a-password-0123") == 302
    wish = {"wanted": "usd", "amount": "12.5", "period": "month", "per": "minute", "reason": "more tests"}
    assert visitor.send("/me/ask/", **wish).status_code == 302
    assert eventually(lambda: [mail for mail in mails.mails if mail.to == "operator@example.org"], 30, 0.1)
    (mail,) = [mail for mail in mails.mails if mail.to == "operator@example.org"]
    assert mail.message["subject"] == "Request for more of Ann"
    assert "Ann (acme) asks for 12.5 US dollars, month, for all keys together.\n\nmore tests" in mail.text.replace("\r", "")
