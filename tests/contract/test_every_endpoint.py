"""Does every public path keep the contract of keys, methods, errors and request ids?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openai_api.dialects.anthropic import ANTHROPIC, BY_STATUS
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.gemini import GEMINI
from openai_api.dialects.ollama import OLLAMA
from openai_api.dialects.openai import OPENAI
from openai_api.endpoints import ollama_models
from openai_api.http.routing import Route
from openai_api.routes import ROUTES, TABLE
from tests.contract.examples import CAPABLE, EXAMPLES, encoded, example_of, verb_body
from tests.paths import filled, is_template
from tests.unit.openai_api.parts import AUTHORIZED, Answer, Site, entry, target

KEYLESS = frozenset(
    {"/", "/livez", "/readyz", "/health", "/health/liveness", "/health/liveliness", "/health/readiness", "/status", "/metrics"}
)
"""Paths that answer without a client key; `/metrics` has a rule of its own."""
NOT_JSON = frozenset({"/", "/metrics", "/v1/audio/speech", "/api/chat", "/api/generate"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TRACED = (b"x-request-id", b"contract-1")


def ids(route: Route) -> str:
    return f"{route.method} {route.path}"


def path_of(route: Route) -> str:
    """The path, of an object that there is."""
    return filled(route.path, "demo")


ONE_RESPONSE = "/v1/responses/{id}"
"""An id may be anything, if only to be refused: all methods of these paths count for each of them."""
MODEL_VERB, ONE_MODEL = "/{model}:", "/{model:path}"
"""What stands behind the colon may be part of a model's name, too."""
SERVED = [
    route
    for route in ROUTES
    if (route.method, route.path) != ("POST", ONE_RESPONSE) and route.handler is not ollama_models.managed
]
"""Routes that may answer with something else than an error."""
every_route = pytest.mark.parametrize("route", ROUTES, ids=ids)
every_keyed_route = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.path not in KEYLESS and route.method != "HEAD"], ids=ids
)
POSTED = [route for route in SERVED if route.method == "POST" and not is_template(route.path)]
every_json_route = pytest.mark.parametrize(
    "route", [route for route in POSTED if example_of(route.path).json or not example_of(route.path).files], ids=ids
)
every_form_route = pytest.mark.parametrize("route", [route for route in POSTED if example_of(route.path).files], ids=ids)
every_get_route = pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=ids)


@pytest.fixture
def site() -> Site:
    return Site(entry("demo", target("1"), able=CAPABLE))


async def ask_rightly(site: Site, route: Route) -> Answer:
    content_type, body = example_of(route.path).encoded() if route in POSTED else (b"application/json", verb_body(route.path))
    headers = [TRACED, *AUTHORIZED, (b"content-type", content_type)]
    return await site.ask(body, method=route.method, path=path_of(route), headers=headers)


def openai_error(answer: Answer, code: str) -> None:
    assert answer.error["code"] == code
    assert answer.error["message"]
    assert answer.error["type"]


def anthropic_error(answer: Answer, code: str) -> None:
    """It has no codes: the status and the type tell."""
    told = answer.json
    assert (list(told), told["type"], list(told["error"])) == (["type", "error", "request_id"], "error", ["type", "message"])
    assert told["error"]["message"]
    usual = "invalid_request_error" if answer.status < 500 else "api_error"
    assert told["error"]["type"] == BY_STATUS.get(answer.status, usual)
    assert answer.headers["request-id"] == told["request_id"] == "contract-1"


def gemini_error(answer: Answer, code: str) -> None:
    """In a list where a stream would have been one."""
    (told,) = answer.json if isinstance(answer.json, list) else [answer.json]
    error = told["error"]
    assert (list(told), list(error)) == (["error"], ["code", "message", "status", "details"])
    assert error["message"]
    assert error["status"]
    assert (error["code"], error["details"][0]["reason"]) == (answer.status, code.upper())


def ollama_error(answer: Answer, code: str) -> None:
    """It has no codes: the status and the words tell."""
    assert list(answer.json) == ["error"]
    assert answer.json["error"]
    assert answer.headers["content-type"] == "application/json"


ERRORS: dict[Dialect, Callable[[Answer, str], None]] = {
    OPENAI: openai_error,
    ANTHROPIC: anthropic_error,
    GEMINI: gemini_error,
    OLLAMA: ollama_error,
}


def check_error(answer: Answer, status: int, code: str, dialect: Dialect = OPENAI) -> None:
    """The answer is an error as the dialect has it, which names the request."""
    assert answer.status == status, answer.body
    ERRORS[dialect](answer, code)
    assert answer.headers["x-request-id"] == "contract-1"
    assert answer.headers["content-length"] == str(len(answer.body))


def test_keyless_paths_when_listed_then_all_of_them_exist() -> None:
    assert {route.path for route in ROUTES} >= KEYLESS


def test_capabilities_when_listed_then_each_has_an_example() -> None:
    assert {example.capability for example in EXAMPLES} == set(CAPABLE)


def test_routes_when_listed_then_each_once() -> None:
    known = [(route.method, route.path) for route in ROUTES]
    assert len(known) == len(set(known))


@every_keyed_route
@pytest.mark.parametrize(
    "headers", [(), ((b"authorization", b"Bearer sk-unknown"),), ((b"x-api-key", b""),)], ids=["none", "unknown", "empty"]
)
async def test_endpoint_when_asked_without_a_valid_key_then_the_one_401(
    route: Route, headers: tuple[tuple[bytes, bytes], ...], site: Site
) -> None:
    answer = await site.ask(b"{broken", method=route.method, path=path_of(route), headers=[TRACED, *headers])
    check_error(answer, 401, "invalid_api_key", route.dialect)
    assert answer.headers["x-should-retry"] == "false"
    method, like = ("POST", "/v1/chat/completions") if route.dialect is OPENAI else (route.method, path_of(route))
    other = await site.ask(method=method, path=like, headers=(TRACED,))
    assert answer.body == other.body
    assert site.kept.records[0].client_id is None


@every_keyed_route
async def test_endpoint_when_two_different_keys_come_then_400(route: Route, site: Site) -> None:
    headers = [TRACED, *AUTHORIZED, (b"x-api-key", b"sk-another")]
    check_error(
        await site.ask(method=route.method, path=path_of(route), headers=headers), 400, "conflicting_credentials", route.dialect
    )


@every_keyed_route
async def test_endpoint_when_no_catalog_is_loaded_then_503_and_never_401(route: Route) -> None:
    answer = await Site(loaded=False).ask(method=route.method, path=path_of(route), headers=[TRACED, *AUTHORIZED])
    check_error(answer, 503, "not_ready", route.dialect)


@every_route
async def test_endpoint_when_the_method_is_wrong_then_405_with_the_right_ones(route: Route, site: Site) -> None:
    same = [other for other in ROUTES if other.path == route.path]
    if route.path.startswith(ONE_RESPONSE):
        same = [other for other in ROUTES if other.path.startswith(ONE_RESPONSE)]
    if MODEL_VERB in route.path:
        same += [other for other in ROUTES if other.path == route.path.partition(MODEL_VERB)[0] + ONE_MODEL]
    allowed = {other.method for other in same}
    for method in METHODS - allowed:
        answer = await site.ask(method=method, path=path_of(route), headers=[TRACED])
        check_error(answer, 405, "method_not_allowed", route.dialect)
        assert set(answer.headers["allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())


@pytest.mark.parametrize(
    "path",
    [
        form.format(route.path)
        for form in ("{}/x/../y", "{}%2f", "{}x", "/V1{}")
        for route in ROUTES
        if not is_template(route.path)
    ],
)
async def test_endpoint_when_its_path_is_spelled_otherwise_then_never_reached(path: str, site: Site) -> None:
    answer = await site.get(path, headers=[TRACED, *AUTHORIZED])
    assert site.record.error in ("not_found", "model_not_found", "response_not_found")
    check_error(answer, 404, site.record.error, TABLE.place(path).dialect)


@pytest.mark.parametrize("route", SERVED, ids=ids)
async def test_endpoint_when_asked_rightly_then_200_with_the_request_id_and_one_record(route: Route, site: Site) -> None:
    answer = await ask_rightly(site, route)
    assert (answer.status, answer.headers["x-request-id"]) == (200, "contract-1"), answer.body
    if route.path in NOT_JSON:
        assert answer.body
    else:
        assert isinstance(answer.json, list if ":stream" in route.path else dict)
    assert [(record.request_id, record.status, record.error) for record in site.kept.records] == [("contract-1", 200, None)]


@every_get_route
async def test_endpoint_when_asked_for_its_head_then_no_body(route: Route, site: Site) -> None:
    answer = await site.get(path_of(route), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@every_json_route
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{broken", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'{"model":"demo","model":"demo"}', "duplicate_key"),
        (b'{"model":"\xff"}', "invalid_encoding"),
        (b'{"api_base":"http://evil.example"}', "field_not_allowed"),
        (b"{}", "missing_required_parameter"),
        (b'{"model":7}', "invalid_type"),
    ],
)
async def test_endpoint_when_the_json_is_broken_then_400(route: Route, body: bytes, code: str, site: Site) -> None:
    answer = await site.ask(body, method=route.method, path=path_of(route), headers=[TRACED, *AUTHORIZED])
    check_error(answer, 400, code, route.dialect)
    assert site.record.error == code


FORM = b"multipart/form-data; boundary=b"
PART = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n'


@every_form_route
@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        (FORM, b"", "invalid_form"),
        (FORM, b"no form", "invalid_form"),
        (FORM, PART % b"demo", "invalid_form"),
        (b"multipart/form-data", PART % b"demo" + b"--b--", "invalid_form"),
        (b"multipart/mixed; boundary=b", PART % b"demo" + b"--b--", "invalid_form"),
        (FORM, PART.replace(b'"model"', b'""') % b"demo" + b"--b--", "invalid_form"),
        (FORM, PART % b"demo" + b"--b--", "missing_required_parameter"),
    ],
    ids=["empty", "no form", "cut off", "no boundary", "mixed", "no name", "no file"],
)
async def test_endpoint_when_the_form_is_broken_then_400(
    route: Route, content_type: bytes, body: bytes, code: str, site: Site
) -> None:
    headers = [TRACED, *AUTHORIZED, (b"content-type", content_type)]
    check_error(await site.ask(body, path=path_of(route), headers=headers), 400, code, route.dialect)
    assert site.record.error == code


@every_form_route
async def test_endpoint_when_the_form_names_no_model_then_400(route: Route, site: Site) -> None:
    content_type, body = example_of(route.path).encoded(None)
    answer = await site.ask(body, path=path_of(route), headers=[TRACED, *AUTHORIZED, (b"content-type", content_type)])
    check_error(answer, 400, "missing_required_parameter", route.dialect)
    assert answer.error["param"] == "model"


@every_form_route
async def test_endpoint_when_the_form_says_where_to_send_it_then_400(route: Route, site: Site) -> None:
    content_type, body = example_of(route.path).encoded(api_base="http://evil.example")
    answer = await site.ask(body, path=path_of(route), headers=[TRACED, *AUTHORIZED, (b"content-type", content_type)])
    check_error(answer, 400, "field_not_allowed", route.dialect)


@every_form_route
@pytest.mark.parametrize("kind", [b"application/json", b"", b"application/x-www-form-urlencoded"])
async def test_endpoint_when_a_form_is_called_something_else_then_4xx(route: Route, kind: bytes, site: Site) -> None:
    _, body = example_of(route.path).encoded()
    answer = await site.ask(body, path=path_of(route), headers=[TRACED, *AUTHORIZED, (b"content-type", kind)])
    assert 400 <= answer.status < 500
    check_error(answer, answer.status, answer.error["code"])


@every_form_route
async def test_endpoint_when_a_file_is_too_large_then_413(route: Route, site: Site) -> None:
    example = example_of(route.path)
    name, filename, _, kind = example.files[0]
    content_type, body = encoded({"model": "demo", **example.fields}, ((name, filename, bytes(route.max_file_bytes + 1), kind),))
    answer = await site.ask(body, path=path_of(route), headers=[TRACED, *AUTHORIZED, (b"content-type", content_type)])
    check_error(answer, 413, "file_too_large")
