"""May pages of other sites call the public paths where the operator says so, and nowhere else?"""

from __future__ import annotations

import httpx
import pytest

from openai_api.routes import ROUTES
from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body, error_of, events
from tests.live_fixtures import StartGateway
from tests.paths import filled

APP, OTHER = "https://app.example", "https://other.example"
CHAT = "/v1/chat/completions"
ASKED = "authorization,content-type,x-stainless-lang,openai-organization,x-api-key,anthropic-version,x-gateway-strict"
PUBLIC = sorted({filled(route.path) for route in ROUTES if route.keyed})
KEYLESS = sorted({route.path for route in ROUTES if not route.keyed})


@pytest.fixture(scope="module")
def open_to_app(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_CORS_ORIGINS=f"{APP}/, http://localhost:5173")
    gateway.define("ok", "status-429")
    return gateway


@pytest.fixture(scope="module")
def open_to_all(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(GATEWAY_CORS_ORIGINS="*")
    gateway.define("ok")
    return gateway


def preflight(gateway: LiveGateway, path: str, origin: str = APP, asked: str = ASKED) -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": asked}
    return httpx.options(f"{gateway.base_url}{path}", headers=headers, trust_env=False)


def of_cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-") or name == "vary"}


@pytest.mark.parametrize("path", [*PUBLIC, "/chat/completions", "/v1/nothing"])
def test_preflight_when_of_an_allowed_origin_is_answered_without_a_key(open_to_app: LiveGateway, path: str) -> None:
    answer = preflight(open_to_app, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["vary"] == "Origin"
    assert set(answer.headers["access-control-allow-methods"].split(", ")) == {"GET", "POST", "DELETE"}
    assert answer.headers["access-control-allow-headers"] == ASKED
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["x-request-id"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "null", "https://app.example.evil", "http://app.example", f"{APP}:8443", "*", ""])
def test_origin_when_not_allowed_gets_no_header_and_405(open_to_app: LiveGateway, origin: str) -> None:
    answer = preflight(open_to_app, CHAT, origin)
    assert (answer.status_code, error_of(answer)["code"], of_cors(answer)) == (405, "method_not_allowed", {})
    answer = open_to_app.http.post(CHAT, json=body("chaos/ok"), headers={"origin": origin})
    assert (answer.status_code, of_cors(answer)) == (200, {})


@pytest.mark.parametrize("path", KEYLESS)
def test_path_of_operators_when_asked_by_a_page_gets_no_header(open_to_app: LiveGateway, path: str) -> None:
    asked = preflight(open_to_app, path)
    assert asked.status_code == (200 if path == "/" else 405)  # at `/` is a page of Django's, too, which says what it allows
    assert of_cors(asked) == {}
    assert of_cors(open_to_app.http.get(path, headers={"origin": APP})) == {}


def test_admin_when_asked_by_a_page_gets_no_header(open_to_app: LiveGateway) -> None:
    answer = open_to_app.http.get("/admin/login/", headers={"origin": APP})
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_answers_errors_and_streams_when_asked_by_an_allowed_page_carry_the_headers(open_to_app: LiveGateway) -> None:
    at = {"origin": APP}
    answers = {
        "answer": open_to_app.http.post(CHAT, json=body("chaos/ok"), headers=at),
        "stream": open_to_app.http.post(CHAT, json=body("chaos/ok", stream=True), headers=at),
        "list": open_to_app.http.get("/models", headers=at),
        "upstream's error": open_to_app.http.post(CHAT, json=body("chaos/status-429"), headers=at),
        "bad body": open_to_app.http.post(CHAT, content=b"{", headers=at),
        "no key": httpx.post(f"{open_to_app.base_url}{CHAT}", headers=at, trust_env=False),
        "no path": open_to_app.http.get("/v1/nothing", headers=at),
        "wrong method": open_to_app.http.put(CHAT, headers=at),
    }
    statuses = [answer.status_code for answer in answers.values()]
    assert statuses == [200, 200, 200, 429, 400, 401, 404, 405]
    for answer in answers.values():
        assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (APP, "Origin")
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert exposed >= {"x-request-id", "x-gateway-model", "x-gateway-lossy", "x-ratelimit-remaining-tokens", "retry-after"}
        ours = {name for name in answer.headers if name.startswith("x-")} - {"x-accel-buffering"}
        assert ours <= exposed
    assert events(answers["stream"])[-1] == "[DONE]"


def test_any_page_when_all_are_allowed_may_ask_and_is_not_named(open_to_all: LiveGateway) -> None:
    for origin in (APP, "null", "chrome-extension://abc"):
        assert preflight(open_to_all, CHAT, origin).headers["access-control-allow-origin"] == "*"
        answer = open_to_all.http.post(CHAT, json=body("chaos/ok"), headers={"origin": origin})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        assert "access-control-allow-credentials" not in answer.headers
    assert of_cors(open_to_all.http.post(CHAT, json=body("chaos/ok"))) == {}


@pytest.mark.parametrize("asked", ["", "a:b", "ü", "x" * 5000])
def test_preflight_when_it_asks_for_no_names_of_headers_allows_none(open_to_app: LiveGateway, asked: str) -> None:
    headers = [(b"origin", APP.encode()), (b"access-control-request-method", b"POST")]
    headers += [(b"access-control-request-headers", asked.encode())] if asked else []
    answer = httpx.options(f"{open_to_app.base_url}{CHAT}", headers=headers, trust_env=False)
    assert (answer.status_code, "access-control-allow-headers" in answer.headers) == (204, False)


def test_options_when_no_preflight_is_405(open_to_app: LiveGateway) -> None:
    assert open_to_app.http.options(CHAT, headers={"origin": APP}).status_code == 405
    assert open_to_app.http.options(CHAT).status_code == 405


def test_preflight_when_off_is_405_and_nothing_carries_headers(gateway: LiveGateway) -> None:
    assert (preflight(gateway, CHAT).status_code, of_cors(preflight(gateway, CHAT))) == (405, {})
    assert of_cors(gateway.http.get("/v1/models", headers={"origin": APP})) == {}


def test_preflight_when_answered_leaves_no_row(open_to_app: LiveGateway) -> None:
    told = preflight(open_to_app, CHAT).headers["x-request-id"]
    answer = open_to_app.chat("chaos/ok")
    of_it = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: open_to_app.operator.rows("openai_api.UsageRecord", of_it), 5, 0.1)
    assert open_to_app.operator.rows("openai_api.UsageRecord", {"request_id": told}) == []
