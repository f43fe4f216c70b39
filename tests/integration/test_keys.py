"""What may a key do: from where, under which names, and for how long? With two workers, each of which must agree."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import vendor
from tests.integration.test_background import slowly
from tests.live import LiveGateway, body, error_in, error_of
from tests.live_fixtures import StartGateway
from tests.live_operator import OperatorError
from tests.socket_client import dial

pytestmark = pytest.mark.alone  # it measures time

REVOKED_WITHIN_S = 1.0
ENDLESS = "stream-stall-after-3"
MODELS = ("ok", "hang", ENDLESS, "stream-paced-50ms-10")
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def shared(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=2, GATEWAY_TRUSTED_PROXIES="127.0.0.1,10.1.0.0/16")
    models = {f"chaos/{name}": [{"upstream_model": name}] for name in MODELS}
    gateway.define_models(models, capabilities=["chat", "responses"])
    gateway.define_models({"hidden": [{"upstream_model": "ok"}]})
    tenant = gateway.operator.create("models_catalog.Tenant", name="acme")
    gateway.operator.create(
        "models_catalog.Project", name="shop", tenant_id=tenant, aliases={"fast": "chaos/hang", "plain": "hidden"}
    )
    gateway.operator.create("models_catalog.Person", name="ann", tenant_id=tenant)
    return gateway


@pytest.fixture
def gateway(chaos: Chaos, shared: LiveGateway) -> Iterator[LiveGateway]:
    yield shared
    shared.check()


def made(gateway: LiveGateway, name: str, *arguments: str) -> dict[str, Any]:
    """A key that every worker knows."""
    key = gateway.create_key(name, *arguments)
    gateway.wait_visible(key=key["key"]) if "--network" not in arguments else time.sleep(1)
    return key


def ask(gateway: LiveGateway, key: str, model: str = "chaos/ok", path: str = CHAT, **headers: str) -> httpx.Response:
    """One request on a connection of its own, so that any worker may answer."""
    named = {**gateway.headers(key), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx.post(gateway.base_url + path, json=body(model), headers=named, trust_env=False, timeout=10)


def refused_everywhere(gateway: LiveGateway, key: str) -> bool:
    return all(gateway.listed(key) is None for _ in range(12))


def rows(gateway: LiveGateway, **where: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = gateway.operator.rows("openai_api.UsageRecord", where)
        return bool(found)

    eventually(look, 5, 0.1)
    return found


# From where


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("192.0.2.7", 200),
        ("192.0.2.7, 10.1.2.3", 200),
        ("::ffff:192.0.2.7", 200),
        ("192.0.2.7:4711", 200),
        ("2001:db8::5", 200),
        ("192.0.3.7", 401),
        ("192.0.2.7, 198.51.100.1", 401),
        ("2001:db9::5", 401),
        ("nobody", 401),
        ("", 401),
    ],
    ids=["in", "behind_two_proxies", "mapped", "with_port", "v6", "out", "invented", "v6_out", "no_address", "none"],
)
def test_key_with_networks_when_used_from_an_address_then_only_from_one_of_them(
    forwarded: str, status: int, gateway: LiveGateway
) -> None:
    key = networked(gateway)
    answer = ask(gateway, key["key"], x_forwarded_for=forwarded)
    assert answer.status_code == status, answer.text
    if status == 401:
        unknown = ask(gateway, "sk-gw-unknown-key-of-nobody", x_forwarded_for=forwarded)
        assert (answer.content, answer.status_code) == (unknown.content, unknown.status_code)


_networked: list[dict[str, Any]] = []


def networked(gateway: LiveGateway) -> dict[str, Any]:
    if not _networked:
        _networked.append(made(gateway, "networked", "--network", "192.0.2.0/24", "--network", "2001:db8::/32"))
    return _networked[0]


def test_key_when_refused_for_its_address_then_the_operator_finds_it_in_the_requests(gateway: LiveGateway) -> None:
    key = networked(gateway)
    answer = ask(gateway, key["key"], x_forwarded_for="203.0.113.9")
    (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
    assert (row["client_name"], row["status"], row["error"]) == ("networked", 401, "invalid_api_key")


def test_network_when_it_is_none_is_refused_by_the_command(gateway: LiveGateway) -> None:
    with pytest.raises(OperatorError, match="does not appear to be an IPv4 or IPv6 network"):
        gateway.create_key("wrong", "--network", "10.0.0.1/8/9")


# Under which names


@pytest.fixture(scope="module")
def aliased(shared: LiveGateway) -> str:
    arguments = ("--project", "acme/shop", "--alias", "fast=chaos/ok", "--alias", "talk=chaos/stream-paced-50ms-10")
    key: str = made(shared, "aliased", *arguments, "--person", "ann")["key"]
    return key


@pytest.mark.parametrize("name", ["fast", "plain", "tensorzero::model_name::fast"])
def test_alias_when_asked_for_then_it_is_served_and_the_answer_says_that_name(
    name: str, aliased: str, gateway: LiveGateway
) -> None:
    answer = ask(gateway, aliased, name)
    assert (answer.status_code, answer.json()["model"]) == (200, name)
    (row,) = rows(gateway, request_id=answer.headers["x-request-id"])
    assert (row["model"], row["tenant"], row["project"], row["person"]) == (
        "hidden" if name == "plain" else "chaos/ok",
        "acme",
        "shop",
        "ann",
    )


def test_alias_when_of_another_key_then_it_is_unknown(gateway: LiveGateway) -> None:
    assert error_of(ask(gateway, gateway.key, "fast"))["code"] == "model_not_found"


LISTS: dict[str, tuple[str, dict[str, str], str]] = {
    "openai": ("/v1/models", {}, "id"),
    "anthropic": ("/v1/models", {"anthropic-version": "2023-06-01"}, "id"),
    "gemini": ("/v1beta/models", {}, "name"),
    "ollama": ("/api/tags", {}, "name"),
}


def names_in(answer: httpx.Response, field: str) -> list[str]:
    found = answer.json()
    listed = found["data"] if "data" in found else found["models"]
    return [one[field].removeprefix("models/").removesuffix(":latest") for one in listed]


@pytest.mark.parametrize("dialect", LISTS)
def test_alias_when_models_are_listed_then_it_is_among_them_once(dialect: str, aliased: str, gateway: LiveGateway) -> None:
    path, headers, field = LISTS[dialect]
    answer = httpx.get(gateway.base_url + path, headers={**gateway.headers(aliased), **headers}, trust_env=False)
    names = names_in(answer, field)
    assert (names.count("fast"), names.count("plain"), names.count("chaos/ok")) == (1, 1, 1)
    assert names == sorted(names)
    others = names_in(httpx.get(gateway.base_url + path, headers={**gateway.headers(), **headers}, trust_env=False), field)
    assert "fast" not in others


def test_alias_when_its_model_is_asked_for_then_it_has_the_name_of_the_alias(aliased: str, gateway: LiveGateway) -> None:
    card = httpx.get(f"{gateway.base_url}/v1/models/fast", headers=gateway.headers(aliased), trust_env=False).json()
    assert (card["id"], card["object"]) == ("fast", "model")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--alias", "x=nothing"), "no model that the key may use"),
        (("--models", "hidden", "--alias", "x=chaos/ok"), "no model that the key may use"),
        (("--alias", "x"), "is not NAME=MODEL"),
        (("--project", "acme/none"), "unknown project"),
        (("--person", "bob"), "nobody is called"),
        (("--access-group", "none"), "unknown access group"),
    ],
    ids=["unknown", "not_allowed", "no_model", "project", "person", "group"],
)
def test_key_when_made_with_what_is_not_there_then_the_command_says_so_and_makes_none(
    arguments: tuple[str, ...], told: str, gateway: LiveGateway
) -> None:
    with pytest.raises(OperatorError, match=told):
        gateway.create_key("impossible", *arguments)
    assert not gateway.operator.rows("ClientKey", {"name": "impossible"})


# Until when


@pytest.mark.parametrize("row", ["Tenant", "Project", "Person"])
def test_key_when_its_owner_is_switched_off_is_refused_everywhere_within_a_second(
    row: str, aliased: str, gateway: LiveGateway
) -> None:
    where = {"name": {"Tenant": "acme", "Project": "shop", "Person": "ann"}[row]}
    assert gateway.listed(aliased)
    gateway.operator.update(row, where, {"enabled": False})
    began = time.monotonic()
    try:
        assert eventually(lambda: refused_everywhere(gateway, aliased), 3, 0.02)
        assert time.monotonic() - began < REVOKED_WITHIN_S + 0.5
        assert error_of(ask(gateway, aliased))["code"] == "invalid_api_key"
    finally:
        gateway.operator.update(row, where, {"enabled": True})
    gateway.wait_visible(key=aliased)


def ended_by_its_key(
    gateway: LiveGateway, key: dict[str, Any], end: Any, model: str = ENDLESS, path: str = CHAT
) -> tuple[str, float]:
    """The text of a stream during which `end` is called, and the seconds from then to its end."""
    heard: list[str] = []
    ended: list[float] = []
    begun = threading.Event()

    def listen() -> None:
        sent = (
            body(f"chaos/{model}", stream=True)
            if path == CHAT
            else {"model": f"chaos/{model}", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        )
        with httpx.stream(
            "POST", gateway.base_url + path, json=sent, headers=gateway.headers(key["key"]), trust_env=False, timeout=20
        ) as answer:
            for text in answer.iter_text():
                heard.append(text)
                begun.set()
        ended.append(time.monotonic())

    thread = threading.Thread(target=listen)
    thread.start()
    assert begun.wait(10)
    began = time.monotonic()
    end()
    thread.join(10)
    return "".join(heard), ended[0] - began


ENDS = {
    "revoked": lambda gateway, key: gateway.operator.command("revoke_api_key", key["public_id"]),
    "deleted": lambda gateway, key: gateway.operator.delete("ClientKey", {"public_id": key["public_id"]}),
    "disabled": lambda gateway, key: gateway.operator.update("ClientKey", {"public_id": key["public_id"]}, {"enabled": False}),
}


@pytest.mark.parametrize("how", ENDS)
def test_stream_when_its_key_ends_it_then_it_ends_in_band_within_a_second(how: str, gateway: LiveGateway) -> None:
    key = made(gateway, f"ending {how}", "--ends-streams")
    text, seconds = ended_by_its_key(gateway, key, lambda: ENDS[how](gateway, key))
    assert '"code":"invalid_api_key"' in text
    assert text.endswith("data: [DONE]\n\n")
    assert seconds < REVOKED_WITHIN_S + 1.0  # the command itself takes a part of it
    (row,) = rows(gateway, client_name=f"ending {how}", path=CHAT)
    assert (row["status"], row["error"], row["client_aborted"]) == (200, "invalid_api_key", False)


def test_stream_when_its_key_expires_in_the_middle_then_it_ends_in_band(gateway: LiveGateway) -> None:
    key = made(gateway, "expiring", "--ends-streams")

    def expires_soon() -> None:
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        gateway.operator.update("ClientKey", {"public_id": key["public_id"]}, {"expires_at": soon})

    text, seconds = ended_by_its_key(gateway, key, expires_soon)
    assert '"code":"invalid_api_key"' in text
    assert seconds > 0.9


def test_stream_of_messages_when_its_key_is_revoked_then_it_ends_as_that_dialect_does(gateway: LiveGateway) -> None:
    key = made(gateway, "messages", "--ends-streams")
    text, _ = ended_by_its_key(gateway, key, lambda: ENDS["revoked"](gateway, key), path="/v1/messages")
    assert "event: error" in text
    assert "authentication_error" in text


def test_stream_when_its_key_does_not_end_it_then_it_goes_on(gateway: LiveGateway) -> None:
    key = made(gateway, "patient")
    other = made(gateway, "other", "--ends-streams")
    ENDS["revoked"](gateway, other)
    text, _ = ended_by_its_key(gateway, key, lambda: ENDS["revoked"](gateway, key), model="stream-paced-50ms-10")
    assert "invalid_api_key" not in text


def test_whole_answer_when_its_key_is_revoked_is_401(gateway: LiveGateway) -> None:
    key = made(gateway, "whole", "--ends-streams")
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(ask(gateway, key["key"], "chaos/hang")))
    thread.start()
    assert eventually(lambda: len(gateway.chaos.log()) == 1, 5, 0.05)
    ENDS["revoked"](gateway, key)
    thread.join(10)
    assert (answers[0].status_code, error_in(answers[0].json())["code"]) == (401, "invalid_api_key")


def test_turn_of_a_socket_when_its_key_is_revoked_ends_with_the_error_and_the_connection_is_closed(gateway: LiveGateway) -> None:
    key = made(gateway, "socket", "--ends-streams")
    with dial(gateway, additional_headers=gateway.headers(key["key"])) as socket:
        socket.ask(f"chaos/{ENDLESS}")
        assert socket.event()["type"] == "response.created"
        ENDS["revoked"](gateway, key)
        last = socket.events()[-1]
        assert "invalid_api_key" in json.dumps(last)
        with pytest.raises(ConnectionClosed) as closed:
            socket.event()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


# Replaced


def test_key_when_rotated_then_both_work_until_the_grace_is_over_and_count_as_one(gateway: LiveGateway) -> None:
    old = made(gateway, "rotated", "--project", "acme/shop", "--alias", "mine=chaos/ok", "--ends-streams")
    text = gateway.operator.command("rotate_api_key", old["public_id"], "--grace", "30m", "--json")
    new = json.loads(text)
    gateway.wait_visible(key=new["key"])
    assert (ask(gateway, old["key"], "mine").status_code, ask(gateway, new["key"], "mine").status_code) == (200, 200)
    one, two = gateway.operator.rows("ClientKey", {"name": "rotated"})
    first, second = (one, two) if one["lineage"] is None else (two, one)
    assert (second["lineage"], first["id"], new["replaces"]) == (first["id"], old["id"], old["id"])
    alike = ("project_id", "aliases", "ends_streams", "all_models", "record_bodies", "max_wait_s", "allowed_networks")
    assert [first[name] for name in alike] == [second[name] for name in alike]
    left = datetime.fromisoformat(str(first["expires_at"])) - datetime.now(UTC)
    assert timedelta(minutes=25) < left <= timedelta(minutes=30)
    assert second["expires_at"] is None
    gateway.operator.command("revoke_api_key", old["public_id"])
    with pytest.raises(OperatorError, match="Only a key that is accepted"):
        gateway.operator.command("rotate_api_key", old["public_id"])
    listing = gateway.operator.command("show_api_keys", "--all", "--json")
    assert old["public_id"] in listing
    assert all(secret not in listing for secret in (old["key"], new["key"], first["key_hash"]))


# When


def test_key_when_used_then_it_says_when_and_the_catalog_has_no_newer_version(gateway: LiveGateway) -> None:
    key = made(gateway, "used")
    (before,) = gateway.operator.rows("CatalogVersion", {})
    ask(gateway, key["key"])

    def used() -> Any:
        (row,) = gateway.operator.rows("ClientKey", {"name": "used"})
        return row["last_used_at"]

    gateway.restart()
    assert used() is not None
    (after,) = gateway.operator.rows("CatalogVersion", {})
    assert after == before


def test_response_in_the_background_when_its_key_is_revoked_is_cancelled(gateway: LiveGateway) -> None:
    with vendor({}) as upstream:
        gateway.define_at("deepseek", f"{upstream.base}/v1", {"b/chat": ("up-chat", ["chat", "responses"])}, name="slow")
        upstream.answers["/v1/chat/completions"] = lambda seen: slowly(*["x"] * 400, pause=0.02)
        key = made(gateway, "background", "--ends-streams")
        sent = {"model": "b/chat", "input": "hi", "background": True}
        answer = httpx.post(f"{gateway.base_url}/v1/responses", json=sent, headers=gateway.headers(key["key"]), trust_env=False)
        job = {"id": answer.json()["id"]}
        assert eventually(lambda: bool(upstream.seen), 10, 0.05)
        ENDS["revoked"](gateway, key)
        assert eventually(lambda: gateway.operator.rows("openai_api.JobRow", job)[0]["state"] == "cancelled", 3, 0.05)
        (response,) = gateway.operator.rows("openai_api.StoredResponseRow", job)
        assert response["status"] == "cancelled"
