"""Does the snapshot hold what the rows say, and is every bad row left out alone and reported?"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from models_catalog import keys
from models_catalog.compiler import compile_snapshot
from models_catalog.models import ClientKey, Credential, ModelDefinition, Route
from models_catalog.publish import current_version
from models_catalog.snapshot import CatalogSnapshot, RetryPolicy
from models_catalog.tariffs import NO_PRICE_LIST, Rates
from providers.capabilities import Capability
from providers.types import Secret, TargetTimeouts, Timeouts
from tests.unit.models_catalog.rows import CANARY, KEYS, fall_back, model, provider, stored

pytestmark = pytest.mark.django_db

CHAT = Capability.CHAT


def raw(table: str, where: str, **values: Any) -> None:
    """Writes past the models, as nobody should."""
    with connection.cursor() as cursor:
        columns = ", ".join(f"{name} = %s" for name in values)
        cursor.execute(f"UPDATE models_catalog_{table} SET {columns} WHERE name = %s", [*values.values(), where])


def problems(snapshot: CatalogSnapshot) -> dict[str, str]:
    return {problem.where: problem.message for problem in snapshot.problems}


def test_compile_when_empty_then_snapshot_is_empty() -> None:
    snapshot = compile_snapshot()
    assert (snapshot.version, snapshot.models, snapshot.clients, snapshot.problems) == (0, {}, {}, ())
    assert json.loads(snapshot.models_body) == {"object": "list", "data": []}


def test_compile_when_model_has_routes_then_targets_follow_their_positions() -> None:
    upstreams = [provider(name, "dummy") for name in ("c", "a", "b")]
    row = model("gpt", upstreams)
    Route.objects.filter(provider__name="b").update(position=0, upstream_model="b-model", enabled=True)
    Route.objects.filter(provider__name="c").update(position=1)
    Route.objects.filter(provider__name="a").update(position=2, enabled=False)
    entry = compile_snapshot().models["gpt"]
    assert [(target.provider, target.upstream_model) for target in entry.targets[CHAT]] == [("b", "b-model"), ("c", "gpt")]
    assert [target.id for target in entry.targets[CHAT]] == [str(route.pk) for route in row.routes.filter(enabled=True)]
    assert compile_snapshot().version == current_version()


def test_compile_when_provider_has_settings_then_they_reach_the_adapter(settings: Settings) -> None:
    settings.GATEWAY_IDLE_TIMEOUT_S = 33.0
    upstream = provider(
        "azure",
        "azure_openai",
        api_base="https://x.openai.azure.com",
        credential=stored(),
        extra_headers={"X-Team": "a"},
        extra_body={"user": "gateway", "n": [1]},
        options={"api_version": "2024-10-21"},
    )
    model("gpt", [upstream], connect_timeout_s=1.5, total_timeout_s=90)
    config = compile_snapshot().models["gpt"].targets[CHAT][0].adapter.config
    assert config.credential.secret == Secret(CANARY)
    assert config.extra_headers == (("x-team", "a"),)
    assert config.extra_body == {"user": b'"gateway"', "n": b"[1]"}
    assert config.options == {"api_version": "2024-10-21"}
    assert config.timeouts == TargetTimeouts(Timeouts(1.5, 90, 33.0, 90), Timeouts(1.5, 600, 33.0, 90))
    assert (config.provider, config.provider_type, config.upstream_model) == ("azure", "azure_openai", "gpt")


def test_compile_when_done_then_no_secret_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    model("gpt", [provider(credential=stored())])
    snapshot = compile_snapshot()
    assert CANARY not in repr(snapshot) + repr(snapshot.models["gpt"].targets[CHAT][0].adapter) + caplog.text
    assert CANARY not in repr(snapshot.models["gpt"].targets[CHAT][0].adapter.config)


def test_compile_when_models_are_listed_then_cards_are_sorted_and_complete() -> None:
    upstream = provider(kind="dummy")
    model("zeta", [upstream])
    model(
        "Alpha/x",
        [upstream],
        input_price=Decimal("2.5"),
        output_price=Decimal(10),
        context_length=8192,
        metadata={"context": 8, "ü": ["x"]},
    )
    model("off", [upstream], enabled=False)
    snapshot = compile_snapshot()
    body = json.loads(snapshot.models_body)
    created = int(ModelDefinition.objects.get(name="zeta").created_at.timestamp())
    plain = {"id": "zeta", "object": "model", "created": created, "owned_by": "signalbox", "capabilities": ["chat"]}
    assert body["object"] == "list"
    assert [card["id"] for card in body["data"]] == ["Alpha/x", "zeta"]
    assert body["data"][1] == plain == json.loads(snapshot.models["zeta"].card)
    assert body["data"][0]["pricing"] == {"currency": "USD", "input_per_million": 2.5, "output_per_million": 10.0}
    assert body["data"][0]["context_length"] == 8192
    assert body["data"][0]["metadata"] == {"context": 8, "ü": ["x"]}
    assert snapshot.models["Alpha/x"].prices.rates(0) == Rates(2_500_000, 10_000_000)
    assert snapshot.models["zeta"].prices == NO_PRICE_LIST
    assert snapshot.problems == ()


def test_compile_when_only_one_price_is_known_then_card_has_that_one() -> None:
    model("gpt", [provider(kind="dummy")], input_price=Decimal(0))
    assert json.loads(compile_snapshot().models["gpt"].card)["pricing"] == {"currency": "USD", "input_per_million": 0.0}


def test_compile_when_retries_and_fallbacks_are_set_then_entry_has_them() -> None:
    upstream = provider(kind="dummy")
    names = ["b", "off", "broken", "a"]
    rows = {name: model(name, [upstream], enabled=name != "off") for name in names}
    rows["broken"].routes.all().delete()
    row = model("gpt", [upstream], num_retries=0, max_retry_delay_s=1.5)
    fall_back(row, *rows.values())
    entry = compile_snapshot().models["gpt"]
    assert entry.retry == RetryPolicy(0, 1.5)
    assert entry.fallbacks == ("b", "a")


def test_compile_when_capability_has_no_target_then_model_loses_it_alone() -> None:
    model("gpt", [provider(kind="dummy")], capabilities=["realtime", "chat"])
    snapshot = compile_snapshot()
    assert snapshot.models["gpt"].capabilities == {CHAT}
    assert set(snapshot.models["gpt"].targets) == {CHAT}
    assert json.loads(snapshot.models["gpt"].card)["capabilities"] == ["chat"]
    assert problems(snapshot) == {"model gpt": "The capability realtime is not served: no usable route supports it."}


def test_compile_when_no_capability_is_left_then_model_is_out() -> None:
    model("gpt", [provider(kind="dummy")], capabilities=["realtime"])
    snapshot = compile_snapshot()
    assert snapshot.models == {}
    assert snapshot.problems[-1].message == "Not served: no usable route supports any of its capabilities."


def test_compile_when_provider_is_off_then_its_routes_are_quietly_skipped() -> None:
    off = provider("off", "dummy", enabled=False)
    model("both", [off, provider("on", "dummy")])
    model("alone", [off])
    snapshot = compile_snapshot()
    assert [target.provider for target in snapshot.models["both"].targets[CHAT]] == ["on"]
    assert problems(snapshot) == {"model alone": "Not served: no usable route."}


BROKEN: dict[str, Callable[[], object]] = {
    "unknown type": lambda: raw("provider", "bad", type="gone"),
    "bad URL": lambda: raw("provider", "bad", api_base="ht!tp://"),
    "password in the URL": lambda: raw("provider", "bad", api_base="http://u:p@host"),
    "headers are a list": lambda: raw("provider", "bad", extra_headers="[]"),
    "header breaks the line": lambda: raw("provider", "bad", extra_headers='{"x": "a\\r\\nb: c"}'),
    "body is a text": lambda: raw("provider", "bad", extra_body='"x"'),
    "options are unknown": lambda: raw("provider", "bad", options='{"x": 1}'),
    "name with line break": lambda: raw("provider", "bad", name="b\nad"),
    "secret is under an unknown key": lambda: raw("credential", "stored", secret=f"v1.00000000.{'A' * 60}"),
    "secret is not encrypted": lambda: raw("credential", "stored", secret=CANARY),
    "secret is missing": lambda: raw("credential", "stored", secret=""),
    "source is unknown": lambda: raw("credential", "stored", source="vault"),
    "variable is not set": lambda: raw("credential", "stored", source="env", location="CATALOG_TEST_ABSENT"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_compile_when_one_provider_is_broken_then_only_its_routes_are_out(defect: str) -> None:
    bad = provider("bad", "openai", credential=stored())
    good = provider("good", "dummy")
    model("both", [bad, good])
    model("alone", [bad])
    BROKEN[defect]()
    snapshot = compile_snapshot()
    assert set(snapshot.models) == {"both"}
    assert [target.provider for target in snapshot.models["both"].targets[CHAT]] == ["good"]
    told = problems(snapshot)
    assert {"model both, route bad", "model alone, route bad", "model alone"} <= set(told)
    assert len(told) == len(snapshot.problems), "each row is reported once"
    assert CANARY not in repr(snapshot.problems)


MODEL_DEFECTS = {
    "unknown capability": {"capabilities": '["fly"]'},
    "no capability": {"capabilities": "[]"},
    "capabilities are a text": {"capabilities": '"chat"'},
    "metadata is a list": {"metadata": "[1]"},
    "name with a space": {"name": " gpt"},
    "reserved name": {"name": "tensorzero::gpt"},
}


@pytest.mark.parametrize("defect", MODEL_DEFECTS)
def test_compile_when_one_model_is_broken_then_only_it_is_out(defect: str) -> None:
    upstream = provider(kind="dummy")
    row = model("gpt", [upstream])
    model("good", [upstream])
    raw("modeldefinition", "gpt", **MODEL_DEFECTS[defect])
    snapshot = compile_snapshot()
    assert set(snapshot.models) == {"good"}
    assert [problem.path for problem in snapshot.problems] == [f"/admin/models_catalog/modeldefinition/{row.pk}/change/"]


def test_compile_when_credential_is_shared_then_its_problem_is_told_once_with_its_page() -> None:
    credential = stored()
    model("gpt", [provider("a", credential=credential), provider("b", credential=credential)])
    raw("credential", "stored", secret="")
    told = [problem for problem in compile_snapshot().problems if problem.where == "credential stored"]
    assert [problem.path for problem in told] == [f"/admin/models_catalog/credential/{credential.pk}/change/"]


def test_compile_when_fallbacks_run_in_a_circle_then_it_is_told_and_models_are_served() -> None:
    upstream = provider(kind="dummy")
    a, b = model("a", [upstream]), model("b", [upstream])
    fall_back(a, b)
    fall_back(b, a)
    snapshot = compile_snapshot()
    assert problems(snapshot) == {"model a": "Fallback cycle: a → b → a. Each model is tried once."}
    assert (snapshot.models["a"].fallbacks, snapshot.models["b"].fallbacks) == (("b",), ("a",))


def test_compile_when_model_falls_back_to_itself_then_it_is_told_and_left_out() -> None:
    row = model("a", [provider(kind="dummy")])
    fall_back(row, row)
    snapshot = compile_snapshot()
    assert snapshot.models["a"].fallbacks == ()
    assert "a → a" in problems(snapshot)["model a"]


def test_compile_when_keys_are_of_all_kinds_then_only_usable_ones_are_clients() -> None:
    upstream = provider(kind="dummy")
    gpt, off = model("gpt", [upstream]), model("off", [upstream], enabled=False)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    usable = {
        "all": keys.create_client_key("all"),
        "some": keys.create_client_key("some", models=[gpt, off]),
        "none": keys.create_client_key("none", models=[]),
        "expiring": keys.create_client_key("expiring", expires_at=tomorrow, record_bodies=True),
    }
    revoked, _ = keys.create_client_key("revoked")
    keys.revoke_client_key(revoked)
    disabled, _ = keys.create_client_key("disabled")
    ClientKey.objects.filter(pk=disabled.pk).update(enabled=False)
    snapshot = compile_snapshot()
    clients = {name: snapshot.clients[bytes.fromhex(keys.hash_key(key))] for name, (_, key) in usable.items()}
    assert len(snapshot.clients) == 4
    assert {name: client.models for name, client in clients.items()} == {
        "all": None,
        "some": {"gpt", "off"},
        "none": frozenset(),
        "expiring": None,
    }
    assert clients["expiring"].expires_at == tomorrow.timestamp()
    assert [name for name, client in clients.items() if client.record_bodies] == ["expiring"]
    assert clients["all"].id == str(usable["all"][0].pk)
    assert clients["none"].may_use("gpt") is False


def test_compile_when_a_key_hash_is_broken_then_only_that_key_is_out() -> None:
    keys.create_client_key("good")
    keys.create_client_key("bad")
    raw("clientkey", "bad", key_hash="not hex")
    snapshot = compile_snapshot()
    assert [client.name for client in snapshot.clients.values()] == ["good"]
    assert problems(snapshot) == {"client key bad": "Skipped: its stored hash is not a SHA-256."}


def test_compile_when_catalog_grows_then_number_of_queries_stays(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    def grow(tag: str) -> None:
        upstreams = [provider(f"{tag}{n}", credential=stored(f"{tag}{n}")) for n in range(3)]
        rows = [model(f"{tag}{n}", upstreams) for n in range(4)]
        fall_back(rows[0], *rows[1:])
        keys.create_client_key(tag, models=rows)

    for tag in ("a", "b", "c"):
        grow(tag)
        with django_assert_num_queries(24):
            assert compile_snapshot().problems == ()


def test_compile_when_many_routes_share_a_credential_then_decrypts_once(settings: Settings) -> None:
    upstream = provider(credential=stored())
    for number in range(5):
        model(f"m{number}", [upstream])
    targets = [entry.targets[CHAT][0] for entry in compile_snapshot().models.values()]
    assert len({id(target.adapter.config.credential) for target in targets}) == 1


def test_compile_when_an_unused_provider_is_broken_then_it_is_told() -> None:
    provider("unused", credential=Credential.objects.create(name="c", source="env", location="CATALOG_TEST_ABSENT"))
    assert set(problems(compile_snapshot())) == {"credential c", "provider unused"}


def test_compile_when_key_ring_changes_then_next_snapshot_reads_with_it(settings: Settings) -> None:
    model("gpt", [provider(credential=stored())])
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    assert compile_snapshot().models == {}
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
    assert set(compile_snapshot().models) == {"gpt"}
