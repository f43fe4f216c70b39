"""Who is let in, and what do those see who are not?"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body, error_of
from tests.live_fixtures import StartGateway
from tests.socket_client import dial

WITHIN_S = 1.0


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "echo")


@pytest.fixture(scope="module")
def restricted(shared_gateway: LiveGateway) -> str:
    """A key that may use `chaos/ok` only."""
    key: str = shared_gateway.create_key("restricted", "--models", "chaos/ok")["key"]
    shared_gateway.wait_visible("chaos/ok", key=key)
    return key


def post(gateway: LiveGateway, headers: Any, model: str = "chaos/ok") -> httpx.Response:
    return httpx.post(f"{gateway.base_url}/v1/chat/completions", json=body(model), headers=headers, trust_env=False, timeout=5)


def refused_keys(gateway: LiveGateway) -> dict[str, Any]:
    """Headers with every kind of key that must not get in."""
    revoked, disabled = gateway.create_key("to be revoked"), gateway.create_key("to be disabled")
    expired = gateway.create_key("expired", "--expires", "2199-01-01T00:00:00Z")
    for made in (revoked, disabled, expired):
        gateway.wait_visible("chaos/ok", key=made["key"])
    gateway.operator.command("revoke_api_key", revoked["id"])
    gateway.operator.update("ClientKey", {"pk": disabled["id"]}, {"enabled": False})
    gateway.operator.update("ClientKey", {"pk": expired["id"]}, {"expires_at": "2001-01-01T00:00:00Z"})
    for made in (revoked, disabled, expired):
        assert eventually(lambda key=made["key"]: gateway.listed(key) is None, WITHIN_S)
    good = gateway.key
    return {
        "none": {},
        "empty": {"authorization": ""},
        "no key": {"authorization": "Bearer"},
        "basic": {"authorization": f"Basic {good}"},
        "token": {"authorization": f"Token {good}"},
        "empty twice": {"authorization": "Bearer", "x-api-key": ""},
        "unknown": {"authorization": "Bearer sk-gw-" + "0" * 57},
        "malformed": {"authorization": "Bearer hello"},
        "cut": {"authorization": f"Bearer {good[:-1]}"},
        "longer": {"authorization": f"Bearer {good}x"},
        "other case": {"authorization": f"Bearer {good.swapcase()}"},
        "sql": {"authorization": "Bearer ' OR 1=1 --"},
        "bytes": {"authorization": b"Bearer \xff\xfe"},
        "huge": {"authorization": "Bearer " + "a" * 8000},
        "in the query": {"x-nothing": good},
        "provider key": {"authorization": "Bearer sk-upstream-canary-2f9c1b7e40d8"},
        "revoked": {"authorization": f"Bearer {revoked['key']}"},
        "disabled": {"authorization": f"Bearer {disabled['key']}"},
        "expired": {"authorization": f"Bearer {expired['key']}"},
    }


def test_key_when_not_valid_gets_one_identical_401(gateway: LiveGateway) -> None:
    answers = {name: post(gateway, headers) for name, headers in refused_keys(gateway).items()}
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 401} == {}
    assert len({answer.content for answer in answers.values()}) == 1
    error = error_of(answers["none"])
    assert (error["code"], error["type"]) == ("invalid_api_key", "invalid_request_error")
    assert gateway.chaos.log() == []


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/chaos/ok"])
def test_models_when_asked_without_a_key_get_the_same_401(gateway: LiveGateway, path: str) -> None:
    answer = httpx.get(f"{gateway.base_url}{path}", trust_env=False)
    assert (answer.status_code, answer.content) == (401, post(gateway, {}).content)


@pytest.mark.parametrize("line", ["authorization: Bearer K", "authorization: K", "x-api-key: K", "api-key: K", "X-API-Key: K"])
def test_key_when_in_any_of_its_headers_lets_in(gateway: LiveGateway, line: str) -> None:
    name, _, value = line.partition(": ")
    assert post(gateway, {name: value.replace("K", gateway.key)}).status_code == 200


def test_scheme_when_in_another_case_lets_in(gateway: LiveGateway) -> None:
    assert post(gateway, {"authorization": f"bearer {gateway.key}"}).status_code == 200


@pytest.mark.parametrize(
    "beside",
    ["Basic dXNlcjpwYXNz", 'Digest username="u", realm="r"', "Token abc", "Negotiate", "Bearer", "bearer", ""],
)
@pytest.mark.parametrize("name", ["x-api-key", "api-key"])
def test_key_when_authorization_is_empty_or_of_another_scheme_stands_in_another_header(
    gateway: LiveGateway, name: str, beside: str
) -> None:
    for headers in ([("authorization", beside), (name, gateway.key)], [(name, gateway.key), ("authorization", beside)]):
        assert post(gateway, headers).status_code == 200


@pytest.mark.parametrize("value", ["Bearer\t{}", "bearer   {}", "BEARER \t{}"])
def test_key_when_white_space_surrounds_it_lets_in(gateway: LiveGateway, value: str) -> None:
    assert post(gateway, {"authorization": value.format(gateway.key)}).status_code == 200


def test_key_when_a_proxy_adds_an_authorization_of_its_own_lets_in(gateway: LiveGateway) -> None:
    own, added = ("authorization", f"Bearer {gateway.key}"), ("authorization", "Basic dXNlcjpwYXNz")
    assert [post(gateway, headers).status_code for headers in ([own, added], [added, own])] == [200, 200]


def test_websocket_when_basic_stands_beside_the_key_is_let_in(gateway: LiveGateway) -> None:
    headers = {"authorization": "Basic dXNlcjpwYXNz", "x-api-key": gateway.key}
    with dial(gateway, additional_headers=headers) as socket:
        socket.ask("chaos/nope")
        assert socket.error()[1]["code"] == "model_not_found"


def test_key_when_given_twice_lets_in_but_two_different_ones_are_400(gateway: LiveGateway, restricted: str) -> None:
    same = [("authorization", f"Bearer {gateway.key}"), ("x-api-key", gateway.key)]
    different = [("authorization", f"Bearer {gateway.key}"), ("x-api-key", restricted)]
    twice = [("x-api-key", restricted), ("x-api-key", gateway.key)]
    assert post(gateway, same).status_code == 200
    for headers in (different, twice):
        answer = post(gateway, headers)
        assert (answer.status_code, error_of(answer)["code"]) == (400, "conflicting_credentials")


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
def test_restriction_when_the_key_comes_in_any_header_holds(gateway: LiveGateway, restricted: str, header: str) -> None:
    key = f"Bearer {restricted}" if header == "authorization" else restricted
    assert post(gateway, {header: key}, "chaos/ok").status_code == 200
    assert post(gateway, {header: key}, "chaos/echo").status_code == 404


def test_model_when_not_allowed_answers_like_one_that_does_not_exist(gateway: LiveGateway, restricted: str) -> None:
    forbidden = post(gateway, gateway.headers(restricted), "chaos/echo")
    missing = post(gateway, gateway.headers(restricted), "chaos/nope")
    assert (forbidden.status_code, missing.status_code) == (404, 404)
    assert forbidden.content.replace(b"chaos/echo", b"NAME") == missing.content.replace(b"chaos/nope", b"NAME")
    assert set(forbidden.headers) == set(missing.headers)
    retrieved = [
        httpx.get(f"{gateway.base_url}/v1/models/{name}", headers=gateway.headers(restricted), trust_env=False)
        for name in ("chaos/echo", "chaos/nope")
    ]
    assert [answer.status_code for answer in retrieved] == [404, 404]
    assert retrieved[0].content.replace(b"chaos/echo", b"NAME") == retrieved[1].content.replace(b"chaos/nope", b"NAME")


def test_models_when_listed_are_those_of_the_key(gateway: LiveGateway, restricted: str) -> None:
    assert gateway.listed(restricted) == {"chaos/ok"}
    assert {"chaos/ok", "chaos/echo"} <= (gateway.listed() or set())


def test_model_when_retrieved_is_the_listed_object(gateway: LiveGateway) -> None:
    listed = {card["id"]: card for card in gateway.http.get("/v1/models").json()["data"]}
    one = gateway.http.get("/v1/models/chaos/ok").json()
    assert one == listed["chaos/ok"]
    assert one["object"] == "model"
    assert isinstance(one["created"], int)
    assert gateway.http.get("/v1/models/chaos%2Fok").json() == one


def test_probe_when_asked_without_a_key_answers(gateway: LiveGateway) -> None:
    for path in ("/livez", "/readyz", "/health", "/status"):
        answer = httpx.get(f"{gateway.base_url}{path}", trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert httpx.head(f"{gateway.base_url}{path}", trust_env=False).content == b""


def test_status_when_asked_tells_no_names(gateway: LiveGateway) -> None:
    text = json.dumps(httpx.get(f"{gateway.base_url}/status", trust_env=False).json())
    assert "chaos" not in text


@pytest.fixture(scope="module")
def open_gateway(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_AUTHENTICATION="off")
    gateway.define("ok")
    return gateway


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer whatever"}, {"x-api-key": "a", "api-key": "b"}])
def test_request_when_authentication_is_off_is_served(open_gateway: LiveGateway, headers: dict[str, str]) -> None:
    assert post(open_gateway, headers).status_code == 200
    assert post(open_gateway, headers, "nope").status_code == 404
