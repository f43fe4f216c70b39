"""Is anything at all that a client may send answered, without a 5xx, with OpenAI's error object and a request id?

`HYPOTHESIS_PROFILE=long` asks 100,000 requests instead of 3,000.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from openai_api.routes import ROUTES
from tests.contract.examples import EXAMPLES
from tests.integration.test_bad_requests import address
from tests.live import LiveGateway, body
from tests.paths import filled

REQUESTS = 20
"""Requests on a connection in one example."""
ROUNDS = 3_000 // REQUESTS
PARTS = 34 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
SEGMENTS = st.sampled_from(
    ["v1", "models", "chat", "completions", "..", ".", "%2e%2e", "%00", "%ff", "a", "", "chaos", "ok", "%C3%BC"]
)
KNOWN = [filled(route.path, "chaos/ok") for route in ROUTES if route.path != "/metrics"]
PATHS = st.one_of(
    st.just("/v1/chat/completions"),
    st.sampled_from(KNOWN),
    st.lists(SEGMENTS, max_size=5).map(lambda parts: "/v1/" + "/".join(parts)),
)
QUERIES = st.sampled_from(["", "", "?", "?a=b", "?model=x&&=", "?%00=%ff"])
TEXT = st.text(max_size=20)
NAMES = st.sampled_from(
    [
        "x-request-id",
        "content-type",
        "accept",
        "cookie",
        "traceparent",
        "x_api_key",
        "expect",
        "x-api-key",
        "range",
        "te",
        "origin",
    ]
)
VALUES = st.one_of(st.sampled_from(["", "application/json", "100-continue", "a" * 3000, "trailers"]), TEXT).map(
    lambda text: text.encode().translate(None, b"\r\n\0")
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
FIELDS = st.sampled_from(
    ["model", "messages", "stream", "stream_options", "tools", "n", "user", "api_base", "tensorzero::credentials"]
)
MODELS = st.sampled_from(["chaos/ok", "chaos/ok", "nope", "tensorzero::model_name::chaos/ok"])
MORE_FIELDS = st.sampled_from(
    [field for each in EXAMPLES for field in each.fields] + ["stream", "n", "response_format", "language"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A valid request with some of its fields, or bytes, changed."""
    fields = {**body(draw(MODELS)), **draw(st.dictionaries(FIELDS, JSON, max_size=2))}
    return changed(draw, json.dumps(fields, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))


def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Perhaps with some bytes changed."""
    if draw(st.booleans()):
        return data
    place, length = draw(st.integers(0, len(data))), draw(st.integers(0, 4))
    return data[:place] + draw(st.binary(max_size=4)) + data[place + length :]


@st.composite
def asked(draw: st.DrawFn) -> Any:
    """A valid request of any endpoint, JSON or a form, with some of its fields, or bytes, changed."""
    example = draw(st.sampled_from(EXAMPLES))
    fields = draw(st.dictionaries(MORE_FIELDS, JSON, max_size=2))
    content_type, data = example.encoded("fuzz/ok", **fields)
    headers = [*draw(HEADERS), ("content-type", content_type)]
    return "POST", f"/v1{example.path}", draw(QUERIES), headers, changed(draw, data), True


ANYTHING = st.tuples(METHODS, PATHS, QUERIES, HEADERS, st.one_of(bodies(), st.binary(max_size=30), st.just(b"")), st.booleans())
REQUEST = st.one_of(ANYTHING, asked())


@pytest.fixture(scope="module")
def connection(shared_gateway: LiveGateway) -> Iterator[http.client.HTTPConnection]:
    shared_gateway.define("ok")
    able = [each.capability for each in EXAMPLES]
    models = {"fuzz/ok": ("echo", able), "omni-moderation-latest": ("echo", able)}  # the latter is asked for by silence
    shared_gateway.define_at("dummy", "", models, name="fuzz")
    host, port = address(shared_gateway)
    connection = http.client.HTTPConnection(host, port, timeout=10)
    yield connection
    connection.close()


@pytest.mark.parametrize("part", range(PARTS))
@settings(max_examples=ROUNDS, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(requests=st.lists(REQUEST, min_size=REQUESTS, max_size=REQUESTS))
def test_request_when_it_is_anything_is_answered_without_a_5xx(
    shared_gateway: LiveGateway, connection: http.client.HTTPConnection, part: int, requests: list[Any]
) -> None:
    for request in requests:
        method, path, query, headers, content, keyed = request
        connection.putrequest(method, path + query, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if keyed:
            connection.putheader("authorization", f"Bearer {shared_gateway.key}")
        connection.putheader("content-length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        told = answer.read()
        check(request, answer, told)


def check(request: Any, answer: http.client.HTTPResponse, told: bytes) -> None:
    method, path = request[0], request[1]
    managed = path.startswith("/api/") and answer.status == 501  # calls that manage Ollama's models, which nobody may make here
    assert answer.status < 500 or managed, (request, answer.status, told)
    ours = path.startswith("/v1") or answer.status < 400
    if ours:
        assert answer.getheader("x-request-id"), (request, answer.status, told)
    if ours and answer.status >= 400 and method != "HEAD":
        assert (answer.getheader("content-type") or "").startswith("application/json"), (request, answer.status, told)
        value = json.loads(told)
        error = (value[0] if isinstance(value, list) else value)["error"]  # Gemini streams lists
        assert error if isinstance(error, str) else error["message"], (request, told)  # in whichever dialect


def test_gateway_after_all_this_has_logged_no_error(gateway: LiveGateway) -> None:
    assert gateway.chat("chaos/ok").status_code == 200
