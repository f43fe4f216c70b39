"""Does every public path lead to its handler, in every spelling that a base address may give it, and in no other?"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from openai_api.context import Gateway, Inbound
from openai_api.dialects.openai import OPENAI
from openai_api.endpoints import response_objects
from openai_api.errors import ApiError
from openai_api.http.routing import Route, RouteTable, Socket
from openai_api.routes import ROUTES, TABLE
from tests.paths import filled, is_template


def find(method: str, path: str) -> tuple[Route, str]:
    match = TABLE.place(path).match(method, path)
    return match.route, match.argument


def owns(path: str) -> bool:
    return TABLE.owns(path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_route_when_asked_for_then_found_and_owned(route: Route) -> None:
    method, path, handler = route[:3]
    argument, path = "a" if is_template(path) else "", filled(path, "a")
    found, given = find(method, path)
    assert (found.handler, given) == (handler, argument)
    assert owns(path) is not route.beside_a_page


HTML = ((b"host", b"x"), (b"accept", b"Text/HTML,*/*;q=0.8"))


@pytest.mark.parametrize(
    ("method", "path", "headers", "own"),
    [
        ("GET", "/", ((b"accept", b"*/*"),), True),
        ("HEAD", "/", (), True),
        ("GET", "/", HTML, False),
        ("POST", "/", (), False),
        ("GET", "/admin/", (), False),
        ("GET", "//", (), False),
    ],
)
def test_path_when_it_has_a_page_then_only_programs_are_answered_here(
    method: str, path: str, headers: tuple[tuple[bytes, bytes], ...], own: bool
) -> None:
    assert TABLE.owns_for(method, path, headers) is own


SPELLINGS = ("{}", "/v1{}", "/v1/v1{}", "{}/", "/v1{}//", "//v1{}", "/v1/{}", "/{}")
"""Of a path without its `/v1`. Those of another version need it."""
SPELT = [
    (route, spelling.replace("/v1", route.path[: route.path.index("/", 1)]))
    for route in ROUTES
    if route.keyed
    for spelling in SPELLINGS
    if route.path.startswith("/v1/") or "/v1{}" in spelling
]


@pytest.mark.parametrize(
    ("route", "spelling"), SPELT, ids=lambda value: value if isinstance(value, str) else f"{value.method} {value.path}"
)
def test_route_when_its_path_is_spelled_as_a_base_address_may_make_it_then_the_same(route: Route, spelling: str) -> None:
    wanted = "a" if is_template(route.path) else ""
    path = spelling.format(filled(route.path, "a").removeprefix(f"/{route.path.split('/')[1]}"))
    found, argument = find(route.method, path)
    assert (found, argument.strip("/")) == (route, wanted)
    assert owns(path)


@pytest.mark.parametrize(
    ("method", "path", "handler", "argument"),
    [
        ("GET", "/responses/resp_1/input_items", response_objects.items, "resp_1"),
        ("GET", "/v1//responses//resp_1//input_items/", response_objects.items, "resp_1"),
        ("GET", "/v1/responses/resp_1/", response_objects.get, "resp_1"),
        ("POST", "//responses//resp_1//cancel//", response_objects.cancel, "resp_1"),
        ("DELETE", "/responses/resp_1", response_objects.delete, "resp_1"),
        # An id with a slash in it is one that nobody has, whatever it ends in.
        ("GET", "/responses/a//b", response_objects.get, "a/b"),
        ("GET", "/responses/a/cancel", response_objects.get, "a/cancel"),
        ("DELETE", "/responses/a/input_items", response_objects.delete, "a/input_items"),
        ("GET", "/responses/a/b/input_items", response_objects.items, "a/b"),
        ("POST", "/responses/a/b/cancel", response_objects.cancel, "a/b"),
        ("GET", "/responses/input_items", response_objects.get, "input_items"),
        ("POST", "/responses/cancel", response_objects.post, "cancel"),
        ("POST", "/responses/a", response_objects.post, "a"),
    ],
)
def test_argument_when_it_is_an_id_then_slashes_too_many_are_not_part_of_it(
    method: str, path: str, handler: object, argument: str
) -> None:
    route, given = find(method, path)
    assert (route.handler, given) == (handler, argument)


def test_template_when_asked_for_then_rows_tell_the_path_and_metrics_the_template() -> None:
    told = [TABLE.place(path).match(method, path)[1:3] for method, path in ASKED]
    assert told == [
        ("/v1/responses/{id}/cancel", "/v1/responses/resp_1/cancel"),
        ("/v1/responses/{id}/input_items", "/v1/responses/resp_1/input_items"),
        ("/v1/responses/{id}", "/v1/responses/resp_1"),
        ("/v1/models/{model}", "/v1/models/org/m"),
        ("/v1/chat/completions", "/v1/chat/completions"),
    ]


ASKED = (
    ("POST", "/responses//resp_1/cancel"),
    ("GET", "/v1/responses/resp_1/input_items/"),
    ("DELETE", "/v1/v1/responses/resp_1"),
    ("HEAD", "/models/org/m"),
    ("POST", "//v1/chat/completions/"),
)


def test_path_when_it_has_very_many_slashes_then_found_out_at_once() -> None:
    path = "/v1/responses/a" + "/" * 1_000_000 + "b"
    before = time.perf_counter()
    assert find("GET", path)[1] == "a/b"
    assert time.perf_counter() - before < 0.5


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("/v1/models/a", "a"),
        ("/v1/models/org/model", "org/model"),
        ("/models/a//b", "a//b"),
        ("/v1/models//a", "/a"),
        ("/v1/v1//models/a//b/", "a//b/"),
        ("/models/é", "é"),
    ],
)
def test_argument_when_it_holds_slashes_then_all_of_it_is_given(path: str, argument: str) -> None:
    assert find("GET", path)[1] == argument


def test_head_when_a_path_may_be_read_then_the_same_handler() -> None:
    assert find("HEAD", "/livez") == find("GET", "/livez")
    assert find("HEAD", "/v1/models/a/b") == find("GET", "/v1/models/a/b")


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/v1",
        "/V1/models",
        "/v2/models",
        "/v1models",
        "/chat",
        "/audio/unknown",
        "/completions/x",
        "/v1/livez",
        "/v1/health",
        "//livez",
        "v1/models",
        "/v1/chat/completions/x",
        "/v1/../v1/models",
        "/v1/unknown",
        "/livez/",
        "livez",
        "",
        "/v1/models;x",
        "/v1/chat/completions?x=1",
        "/" + "x" * 10_000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_path_when_spelled_otherwise_then_not_found(method: str, path: str) -> None:
    with pytest.raises(ApiError) as raised:
        find(method, path)
    assert (raised.value.status, raised.value.code) == (404, "not_found")
    assert len(raised.value.message) < 300


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", b"POST"),
        ("HEAD", "/v1/chat/completions", b"POST"),
        ("OPTIONS", "/chat/completions", b"POST"),
        ("POST", "/v1/models", b"GET, HEAD"),
        ("DELETE", "/v1/models/a", b"GET, HEAD"),
        ("post", "/v1/chat/completions", b"POST"),
        ("X" * 1000, "/livez", b"GET, HEAD"),
    ],
)
def test_method_when_it_is_not_allowed_then_those_that_are(method: str, path: str, allow: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        find(method, path)
    assert (raised.value.status, raised.value.code) == (405, "method_not_allowed")
    assert dict(raised.value.headers) == {b"allow": allow}
    assert len(raised.value.message) < 100


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "//v1/models", "///v1", "/v1/anything/at/all", "/models/x", "/models/", "/health",
     "/responses", "/chat/x", "/audio", "//images/y", "/rerank/", "/embeddings/1", "/v1/v1/x"],
)  # fmt: skip
def test_path_when_it_belongs_to_the_public_surface_then_owned(path: str) -> None:
    assert owns(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/admin/",
        "/v10/models",
        "/v1x",
        "/static/v1/x",
        "/models_catalog",
        "/healthy",
        "/livez/",
        "/chats",
        "/ui",
        "/admin/models/",
    ],
)
def test_path_when_it_is_djangos_then_not_owned(path: str) -> None:
    assert not owns(path)


async def serve(gateway: Gateway, inbound: Inbound) -> None:
    """Nothing."""


OTHER = replace(OPENAI, name="other", prefixes=("/v1beta",))
WITHIN = replace(OPENAI, name="within", prefixes=("/v1/messages",))
OTHERS = RouteTable(
    (
        Route("POST", "/v1beta/models/{model}:generateContent", serve, OTHER),
        Route("POST", "/v1/models/{model}:generateContent", serve, OTHER),
        Route("GET", "/v1/models/{model:path}", serve),
        Route("POST", "/v1/messages", serve, WITHIN),
        Route("GET", "/v1beta/models", serve, OTHER),
    ),
    (Socket("/v1beta/live", OTHER),),
)


@pytest.mark.parametrize(
    ("method", "path", "label", "argument", "dialect"),
    [
        ("POST", "/v1beta/models/m:generateContent", "/v1beta/models/{model}:generateContent", "m", OTHER),
        ("POST", "//v1beta//v1beta/models//org//m:generateContent/", "/v1beta/models/{model}:generateContent", "org/m", OTHER),
        ("POST", "/v1/models/m:generateContent", "/v1/models/{model}:generateContent", "m", OTHER),
        ("POST", "/models/a:b:generateContent", "/v1/models/{model}:generateContent", "a:b", OTHER),
        ("GET", "/v1/models/m:generateContent", "/v1/models/{model}", "m:generateContent", OTHER),
        ("GET", "/v1/models//m", "/v1/models/{model}", "/m", OPENAI),
        ("POST", "/messages", "/v1/messages", "", WITHIN),
        ("HEAD", "/v1beta//models/", "/v1beta/models", "", OTHER),
    ],
)
def test_route_when_it_is_another_vendors_then_its_dialect(
    method: str, path: str, label: str, argument: str, dialect: object
) -> None:
    place = OTHERS.place(path)
    match = place.match(method, path)
    assert (match.label, match.argument, place.dialect) == (label, argument, dialect)


@pytest.mark.parametrize(
    ("path", "dialect", "allow"),
    [
        ("/v1beta", OTHER, None),
        ("/v1beta/", OTHER, None),
        ("/v1beta/models/m", OTHER, None),
        ("/v1beta/models/:generateContent", OTHER, None),
        ("/v1beta/models/m:generatecontent", OTHER, None),
        ("/v1beta/models/m:generateContent", OTHER, b"POST"),
        ("/models", OPENAI, None),
        ("/v1betas/models", OPENAI, None),
        ("/v1/messages/x", WITHIN, None),
        ("//v1/messages//x", WITHIN, None),
        ("/v1/messages", WITHIN, b"POST"),
        ("/v1/messagesx", OPENAI, None),
        ("/v1/x", OPENAI, None),
        ("/x", OPENAI, None),
        ("", OPENAI, None),
        ("x", OPENAI, None),
    ],
)
def test_path_when_it_has_no_route_then_the_dialect_of_the_longest_prefix(
    path: str, dialect: object, allow: bytes | None
) -> None:
    place = OTHERS.place(path)
    assert place.dialect is dialect
    with pytest.raises(ApiError) as raised:
        place.match("PUT", path)
    assert raised.value.status == (405 if allow else 404)
    assert dict(raised.value.headers).get(b"allow") == allow


def test_prefix_of_another_vendor_then_owned_but_not_bare() -> None:
    assert [OTHERS.owns(path) for path in ("/v1beta/x", "/v1beta", "/messages/x", "/live", "/generateContent")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("path", ["/v1/a/{x}/b/{y}", "/v1/{x:y}", "/v1/{X}", "/v1/a{x}", "/other/{x}", "/v1/{x", "/v1/{x}/{"])
def test_template_when_it_cannot_be_compiled_then_refused_at_once(path: str) -> None:
    with pytest.raises(ValueError, match="not a template"):
        RouteTable((Route("GET", path, serve),))


@pytest.mark.parametrize(
    ("path", "found"),
    [("/v1beta/live", True), ("//v1beta//live/", True), ("/live", False), ("/v1/live", False), ("/v1beta/models", False)],
)
def test_websocket_when_its_path_is_in_the_table_then_found_beside_the_routes(path: str, found: bool) -> None:
    place = OTHERS.place(path)
    assert (place.socket is not None) is found
    assert place.socket is None or place.dialect is OTHER
