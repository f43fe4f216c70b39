"""Does every public path lead to its handler, in every spelling that a base address may give it, and in no other?"""

from __future__ import annotations

import pytest

from openai_api.errors import ApiError
from openai_api.routes import ROUTES, Route, find, owns


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_route_when_asked_for_then_found_and_owned(route: Route) -> None:
    method, path, handler = route[:3]
    argument = "a" if path.endswith("*") else ""
    found, given = find(method, path.removesuffix("*") + argument)
    assert (found.handler, given) == (handler, argument)
    assert owns(path.removesuffix("*") + argument)


SPELLINGS = ("{}", "/v1{}", "/v1/v1{}", "{}/", "/v1{}//", "//v1{}", "/v1/{}", "/{}")
"""Of a path without its `/v1`."""


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("route", [route for route in ROUTES if route.keyed], ids=lambda route: f"{route.method} {route.path}")
def test_route_when_its_path_is_spelled_as_a_base_address_may_make_it_then_the_same(route: Route, spelling: str) -> None:
    wanted = "a" if route.path.endswith("*") else ""
    path = spelling.format(route.path.removeprefix("/v1").removesuffix("*") + wanted)
    found, argument = find(route.method, path)
    assert (found, argument.strip("/")) == (route, wanted)
    assert owns(path)


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("/responses/resp_1/input_items", "resp_1/input_items"),
        ("/v1//responses//resp_1//input_items/", "resp_1/input_items"),
        ("/v1/responses/resp_1/", "resp_1"),
    ],
)
def test_argument_when_it_is_an_id_then_slashes_too_many_are_not_part_of_it(path: str, argument: str) -> None:
    assert find("GET", path)[1] == argument


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
