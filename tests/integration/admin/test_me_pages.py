"""Do people at /me see and change their own keys, within what the operator allows, and nobody else's?"""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from models_catalog import keys
from models_catalog.compiler import compile_snapshot
from models_catalog.models import Budget, ClientKey, KeyRequest, Limit, Person, Project
from openai_api.models import BudgetCounter, UsageRecord
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address
from tests.integration.admin.two_tenants import FOREIGN, OWN, Rows, rows_of

KEY = re.compile(r"sk-gw-[0-9A-Za-z]{57}")
HOME, NEW, ASK = "/me/", "/me/keys/new/", "/me/ask/"


@pytest.fixture
def own(catalog: Catalog) -> Rows:
    made = rows_of(OWN, catalog.model("gpt", catalog.provider()))
    Person.objects.filter(pk=made[Person].pk).update(may_make_keys=True, most_keys=2)
    return made


@pytest.fixture
def foreign(own: Rows, catalog: Catalog) -> Rows:
    return rows_of(FOREIGN, catalog.model("other", catalog.provider("second")))


@pytest.fixture
def me(client: Client, own: Rows, foreign: Rows) -> Client:
    """A person who is signed in, and is not staff."""
    client.force_login(own[Person].user)
    return client


def new_key(me: Client, own: Rows, **changes: Any) -> Any:
    form = {"key_id": str(uuid.uuid4()), "name": "mine", "project": str(own[Project].pk), "expires": "30"}
    return me.post(NEW, form | changes, follow=True)


def used(row: ClientKey, days: int, cost: str | None = "0.25", **fields: Any) -> UsageRecord:
    """A request, some days ago."""
    started = timezone.now() - timedelta(days=days)
    told: Any = {"request_id": "r", "method": "POST", "path": "/v1/x", "upstream_ms": 1, "total_ms": 1, "model": "gpt"}
    counted = {"status": 200, "input_tokens": 1000, "output_tokens": 10, "cost_usd": None if cost is None else Decimal(cost)}
    return UsageRecord.objects.create(client_id=str(row.pk), started_at=started, **told | counted | fields)


@pytest.mark.parametrize("url", [HOME, NEW, ASK])
def test_page_when_nobody_is_signed_in_then_leads_to_the_sign_in(client: Client, db: None, url: str) -> None:
    assert client.get(url)["Location"] == f"/admin/login/?next={url}"


@pytest.mark.parametrize("off", ["no person", "person", "tenant"])
def test_page_when_the_account_has_no_access_then_403(me: Client, own: Rows, off: str) -> None:
    if off == "no person":
        me.force_login(User.objects.create_user("nobody"))
    else:
        row = own[Person] if off == "person" else own[Person].tenant
        row.enabled = False
        row.save()
    for url in (HOME, NEW, ASK):
        assert me.get(url).status_code == 403
    assert new_key(me, own).status_code == 403
    assert not ClientKey.objects.filter(name="mine").exists()


def test_sign_in_when_the_person_is_not_staff_then_leads_here_and_the_admin_stays_closed(client: Client, own: Rows) -> None:
    account = own[Person].user
    account.set_password("correct-horse-battery")
    account.save()
    form = {"username": account.username, "password": "correct-horse-battery"}
    assert client.post("/admin/login/?next=/admin/", form)["Location"] == HOME
    assert client.get("/admin/login/")["Location"] == HOME
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == HOME
    assert client.post("/me/sign-out/").status_code == 302
    assert client.get(HOME).status_code == 302


def test_sign_in_when_the_account_is_neither_staff_nor_a_person_then_refused(client: Client, db: None) -> None:
    User.objects.create_user("nobody", password="correct-horse-battery")
    answer = client.post("/admin/login/", {"username": "nobody", "password": "correct-horse-battery"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_home_when_opened_then_shows_own_keys_and_figures_and_nothing_of_others(me: Client, own: Rows, foreign: Rows) -> None:
    row = own[ClientKey]
    for days in (0, 3, 20, 40):
        used(row, days)
    used(row, 3, None, status=500, output_tokens=None)
    used(row, 3, None, model="unpriced")
    used(foreign[ClientKey], 0, "77", model=f"{FOREIGN} model")
    answer = me.get(HOME)
    text = answer.content.decode()
    assert FOREIGN not in text
    assert keys.PREFIX + row.public_id in text
    assert row.last_four in text
    assert row.key_hash not in text
    periods = {title: (one.requests, one.failed, one.unpriced, one.cost_usd) for title, one in answer.context["periods"]}
    assert periods == {
        "Today": (1, 0, 0, Decimal("0.25")),
        "7 days": (4, 1, 1, Decimal("0.5")),
        "30 days": (5, 1, 1, Decimal("0.75")),
    }
    assert [(model, key) for model, key, _ in answer.context["models"]] == [("gpt", row.name), ("unpriced", row.name)]
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    ("unit", "each", "spent", "told"),
    [
        ("usd", "", 1_250_000_000, "1.25 USD spent, 0.5 USD held by requests that run, 5.25 USD left, until"),
        ("tokens", "", 4, "4 tokens spent, 500,000,000 tokens held by requests that run, 0 tokens left, until"),
        ("usd", "key", 1_250_000_000, "1.25 USD spent, 0.5 USD held by requests that run, 5.25 USD left, until"),
    ],
)
def test_budget_when_shown_then_with_what_is_spent_and_left(
    me: Client, own: Rows, foreign: Rows, unit: str, each: str, spent: int, told: str
) -> None:
    for rows, used_up in ((own, spent), (foreign, 3)):
        budget = Budget.objects.get(pk=rows[Budget].pk)
        Budget.objects.filter(pk=budget.pk).update(unit=unit, each=each)
        counter = f"{budget.pk}:{rows[ClientKey].pk}" if each else str(budget.pk)
        counter += ":t" if unit == "tokens" else ""
        now, before = f"{timezone.now():%Y-%m}", "2001-01"
        of_all = {"budget": str(budget.pk), "counter": counter, "unit": unit, "changed_at": timezone.now()}
        BudgetCounter.objects.create(period=now, spent=used_up, held=500_000_000, **of_all)
        BudgetCounter.objects.create(period=before, spent=9_000_000_000, **of_all)
    answer = me.get(HOME)
    (shown,) = answer.context["budgets"]
    assert shown.used.startswith(told)
    assert shown.percent == (100 if unit == "tokens" else 25)
    assert told in answer.content.decode()


def test_key_when_made_then_shown_once_and_of_its_maker(me: Client, own: Rows) -> None:
    answer = new_key(me, own)
    (key,) = set(KEY.findall(answer.content.decode()))
    row = ClientKey.objects.get(name="mine")
    assert (row.key_hash, row.project, row.person) == (keys.hash_key(key), own[Project], own[Person])
    assert row.expires_at is not None
    assert compile_snapshot().clients[bytes.fromhex(row.key_hash)].owner.person == own[Person].name
    stored = [*map(str, Session.objects.values_list()), *map(str, LogEntry.objects.values_list()), me.get(HOME).content.decode()]
    assert not [text for text in stored if key in text or key[14:-4] in text]
    assert [(entry.object_id, entry.change_message) for entry in LogEntry.objects.filter(user=own[Person].user)] == [
        (str(row.pk), "Made at /me.")
    ]


def test_key_when_its_form_is_sent_twice_then_one_is_made(me: Client, own: Rows) -> None:
    key_id = str(uuid.uuid4())
    assert KEY.search(new_key(me, own, key_id=key_id).content.decode())
    again = new_key(me, own, key_id=key_id, name="again").content.decode()
    assert "shown only once" in again
    assert not KEY.search(again)
    assert ClientKey.objects.filter(person=own[Person]).count() == 2


def test_key_when_the_most_are_there_then_none_is_made_until_one_is_revoked(me: Client, own: Rows) -> None:
    new_key(me, own)
    assert "as many keys as you may" in new_key(me, own, name="third").content.decode()
    assert not ClientKey.objects.filter(name="third").exists()
    me.post(f"/me/keys/{own[ClientKey].pk}/revoke/")
    assert KEY.search(new_key(me, own, name="third").content.decode())


@pytest.mark.parametrize("change", ["may not", "no project", "foreign project", "project off", "bad id", "bad name"])
def test_key_when_it_is_not_allowed_then_not_made(me: Client, own: Rows, foreign: Rows, change: str) -> None:
    person, fields = own[Person], {}
    if change == "may not":
        Person.objects.filter(pk=person.pk).update(may_make_keys=False)
    elif change == "no project":
        person.projects.clear()
    elif change == "foreign project":
        fields = {"project": str(foreign[Project].pk)}
    elif change == "project off":
        Project.objects.filter(pk=own[Project].pk).update(enabled=False)
    else:
        fields = {"key_id": "x"} if change == "bad id" else {"name": "a\0b"}
    before = ClientKey.objects.count()
    assert not KEY.search(new_key(me, own, **fields).content.decode())
    assert ClientKey.objects.count() == before


def test_key_when_revoked_then_refused_and_in_the_history(me: Client, own: Rows) -> None:
    row = own[ClientKey]
    url = f"/me/keys/{row.pk}/revoke/"
    assert "cannot be undone" in me.get(url).content.decode()
    assert ClientKey.objects.get(pk=row.pk).revoked_at is None
    me.post(url)
    assert ClientKey.objects.get(pk=row.pk).revoked_at is not None
    assert LogEntry.objects.get(change_message="Revoked at /me.").object_id == str(row.pk)
    assert me.post(url).status_code == 404


def replace(me: Client, row: ClientKey, **changes: str) -> str:
    form = {"key_id": str(uuid.uuid4()), "grace": "24"}
    return str(me.post(f"/me/keys/{row.pk}/replace/", form | changes, follow=True).content.decode())


def test_key_when_replaced_then_both_work_until_the_end_of_the_grace_and_are_counted_as_one(me: Client, own: Rows) -> None:
    old = own[ClientKey]
    assert f"Replace {old.name}" in me.get(HOME).content.decode()
    (key,) = set(KEY.findall(replace(me, old)))
    row = ClientKey.objects.get(key_hash=keys.hash_key(key))
    assert (row.name, row.person, row.project, row.lineage) == (old.name, old.person, old.project, old.pk)
    old.refresh_from_db()
    assert old.expires_at is not None
    assert timedelta(hours=23) < old.expires_at - timezone.now() <= timedelta(hours=24)
    clients = compile_snapshot().clients
    assert {clients[bytes.fromhex(one.key_hash)].lineage for one in (old, row)} == {str(old.pk)}
    assert not [entry for entry in LogEntry.objects.all() if key in str(entry.change_message)]


def test_key_when_replaced_at_once_then_the_old_one_is_revoked(me: Client, own: Rows) -> None:
    assert KEY.search(replace(me, own[ClientKey], grace="0"))
    assert ClientKey.objects.get(pk=own[ClientKey].pk).revoked_at is not None


def test_key_when_replaced_by_the_same_form_twice_then_one_is_made(me: Client, own: Rows) -> None:
    key_id = str(uuid.uuid4())
    assert KEY.search(replace(me, own[ClientKey], key_id=key_id))
    assert not KEY.search(replace(me, own[ClientKey], key_id=key_id))
    assert ClientKey.objects.filter(person=own[Person]).count() == 2


@pytest.mark.parametrize("hurdle", ["may not", "too many", "published", "foreign", "grace"])
def test_key_when_it_may_not_be_replaced_then_it_is_not(me: Client, own: Rows, foreign: Rows, hurdle: str) -> None:
    row, changes = own[ClientKey], {}
    if hurdle == "may not":
        Person.objects.filter(pk=own[Person].pk).update(may_make_keys=False)
    elif hurdle == "too many":
        new_key(me, own)
        assert KEY.search(replace(me, row))
    elif hurdle == "published":
        ClientKey.objects.filter(pk=row.pk).update(origin="redis:1")
    elif hurdle == "foreign":
        row = foreign[ClientKey]
    else:
        changes = {"grace": "1000000"}
    before = ClientKey.objects.count()
    assert not KEY.search(replace(me, row, **changes))
    assert ClientKey.objects.count() == before


def test_key_of_another_when_named_then_like_one_that_does_not_exist(me: Client, foreign: Rows) -> None:
    unowned = keys.create_client_key("of nobody")[0]
    for pk in (foreign[ClientKey].pk, unowned.pk, uuid.uuid4()):
        url = f"/me/keys/{pk}/revoke/"
        assert (me.get(url).status_code, me.post(url).status_code) == (404, 404)
    assert not ClientKey.objects.exclude(revoked_at=None).exists()


def wish(me: Client, **fields: str) -> Any:
    return me.post(ASK, {"client_key": "", "per": "minute", "period": "month", **fields}, follow=True)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"wanted": "model"}, "model_name"),
        ({"wanted": "model", "model_name": "x"}, "client_key"),
        ({"wanted": "requests"}, "amount"),
        ({"wanted": "requests", "amount": "1.5"}, "amount"),
        ({"wanted": "requests", "amount": "-1"}, "amount"),
        ({"wanted": "usd", "amount": "1e30"}, "amount"),
        ({"wanted": "other"}, "reason"),
        ({"wanted": "everything"}, "wanted"),
    ],
    ids=["no model", "no key", "no amount", "half a request", "negative", "too much", "no reason", "unknown"],
)
def test_request_for_more_when_it_says_too_little_then_its_field_says_so(me: Client, fields: dict[str, str], wrong: str) -> None:
    before = KeyRequest.objects.count()
    assert list(wish(me, **fields).context["form"].errors) == [wrong]
    assert KeyRequest.objects.count() == before


def test_request_for_more_when_it_names_a_key_of_another_then_refused(me: Client, foreign: Rows) -> None:
    answer = wish(me, wanted="requests", amount="5", client_key=str(foreign[ClientKey].pk))
    assert list(answer.context["form"].errors) == ["client_key"]
    assert FOREIGN not in answer.content.decode()


def decide(pages: Pages, row: KeyRequest, action: str, answer: str = "Done.") -> KeyRequest:
    url = f"{address(KeyRequest, 'change', row).removesuffix('change/')}{action}/"
    assert pages.client.post(url, {"answer": answer, "_form_submitted": "on"}).status_code == 200
    row.refresh_from_db()
    return row


def asked(own: Rows, **fields: Any) -> KeyRequest:
    row = KeyRequest(person=own[Person], **fields)
    row.full_clean()
    row.save()
    return row


def test_limit_when_approved_then_raised_and_in_the_history(pages: Pages, own: Rows) -> None:
    row = decide(pages, asked(own, wanted="requests", amount=50, client_key=own[ClientKey]), "approve_one")
    assert (row.state, row.answer, row.decided_by) == ("approved", "Done.", User.objects.get(username="operator"))
    assert [(limit.pk, limit.amount) for limit in Limit.objects.all()] == [(own[Limit].pk, 50)]
    said = {entry.object_id: entry.get_change_message() for entry in LogEntry.objects.filter(user__username="operator")}
    assert said == {
        str(own[Limit].pk): "Set to 50 requests a minute, as requested. It was 7 requests a minute.",
        str(row.pk): "Approved: 50 requests a minute.",
    }


def test_budget_when_approved_for_all_keys_then_that_of_the_person_is_raised(pages: Pages, own: Rows) -> None:
    decide(pages, asked(own, wanted="usd", amount=Decimal("12.5")), "approve_one")
    assert [(budget.person, budget.amount) for budget in Budget.objects.all()] == [(own[Person], Decimal("12.5"))]


def test_limit_when_approved_and_there_was_none_then_made_for_the_first_of_its_keys(pages: Pages, own: Rows) -> None:
    newer = keys.create_client_key("newer")[0]
    newer.person, newer.lineage = own[Person], own[ClientKey].pk
    newer.save()
    decide(pages, asked(own, wanted="concurrent", amount=3, client_key=newer), "approve_one")
    assert Limit.objects.get(counted="concurrent").client_key == own[ClientKey]


def test_model_when_approved_then_the_key_has_it(pages: Pages, own: Rows) -> None:
    ClientKey.objects.filter(pk=own[ClientKey].pk).update(all_models=False)
    decide(pages, asked(own, wanted="model", model_name="gpt", client_key=own[ClientKey]), "approve_one")
    assert [model.name for model in own[ClientKey].allowed_models.all()] == ["gpt"]


@pytest.mark.parametrize("hurdle", ["no such model", "project", "revoked", "decided"])
def test_request_when_it_cannot_be_granted_then_nothing_changes_and_says_why(pages: Pages, own: Rows, hurdle: str) -> None:
    ClientKey.objects.filter(pk=own[ClientKey].pk).update(all_models=False)
    row = asked(own, wanted="model", model_name="nobody" if hurdle == "no such model" else "gpt", client_key=own[ClientKey])
    if hurdle == "project":
        Project.objects.filter(pk=own[Project].pk).update(all_models=False)
    elif hurdle == "revoked":
        keys.revoke_client_key(own[ClientKey])
    url = f"{address(KeyRequest, 'change', row).removesuffix('change/')}approve_one/"
    if hurdle == "decided":
        KeyRequest.objects.filter(pk=row.pk).update(state="declined")
        assert pages.client.post(url, {"_form_submitted": "on"}).status_code == 403
    else:
        pages.client.post(url, {"_form_submitted": "on"})
        assert "Not approved:" in pages.open(address(KeyRequest, "change", row)).content.decode()
        assert KeyRequest.objects.get(pk=row.pk).state == "open"
    assert not own[ClientKey].allowed_models.exists()


def test_request_when_declined_then_only_the_answer_is_told(pages: Pages, me: Client, own: Rows) -> None:
    row = asked(own, wanted="requests", amount=50, client_key=own[ClientKey])
    pages.client.force_login(User.objects.get(username="operator"))
    decide(pages, row, "decline_one", "Too much.")
    assert Limit.objects.get(pk=own[Limit].pk).amount == 7
    me.force_login(own[Person].user)
    text = me.get(HOME).content.decode()
    assert "Declined" in text
    assert "Too much." in text


@pytest.mark.parametrize(
    ("wanted", "rights"),
    [("requests", ["add_limit", "change_limit"]), ("usd", ["add_budget", "change_budget"]), ("model", ["change_clientkey"])],
)
def test_request_when_who_decides_could_not_do_it_himself_then_refused(
    client: Client, own: Rows, wanted: str, rights: list[str]
) -> None:
    staff = User.objects.create_user("staff", is_staff=True)
    decides = Permission.objects.filter(codename__in=["view_keyrequest", "change_keyrequest"])
    staff.user_permissions.set(decides)
    row = asked(own, wanted=wanted, amount=5, model_name="gpt", client_key=own[ClientKey])
    url = f"{address(KeyRequest, 'change', row).removesuffix('change/')}approve_one/"
    client.force_login(staff)
    assert client.post(url, {"_form_submitted": "on"}).status_code == 403
    staff.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    assert client.post(url, {"_form_submitted": "on"}).status_code == 200
    assert KeyRequest.objects.get(pk=row.pk).state == "approved"
