"""Has every early failure of a running server the shape of the vendor whose path was asked for, in every spelling of it?

What is checked for a dialect stands in `SHAPES`: a new one needs a line there. A defect of a handler, and a second dialect beside
OpenAI's, are in `tests/unit/openai_api/test_dialects.py`.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from openai_api.routes import ROUTES
from tests.fakes.chaos.process import Chaos, eventually
from tests.fuzz.framings import WEBSOCKET
from tests.integration.test_bad_requests import address
from tests.live import LiveGateway, error_in
from tests.live_fixtures import StartGateway

HEAD_S = "0.5"
EXIT_WITHIN_S = 10.0
Headers = dict[str, str]
Shape = Callable[[Headers, bytes], str]


def openai_error(headers: Headers, content: bytes) -> str:
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    return str(error_in(json.loads(content))["code"])


def ollama_error(headers: Headers, content: bytes) -> str:
    """It has no codes: the status tells."""
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    assert list(json.loads(content)) == ["error"]
    return ""


class Vendor(NamedTuple):
    """Where a vendor's paths are below its prefix: a chat, a list of models, and the request for a model that nobody has."""

    shape: Shape
    chat: str
    models: str
    nobody: tuple[str, str]


SHAPES = {
    "openai": Vendor(openai_error, "/chat/completions", "/models", ("GET /models/nobody", "")),
    "ollama": Vendor(ollama_error, "/chat", "/tags", ("POST /show", '{"model":"nobody"}')),
}
DIALECTS = {route.dialect.name: route.dialect for route in ROUTES}
BASES = {
    base: SHAPES[dialect.name]
    for dialect in DIALECTS.values()
    for prefix in dialect.prefixes
    for base in (prefix, f"/{prefix}{prefix}/", *([""] if prefix == "/v1" else []))
}
"""Every prefix, doubled with slashes too many, and left out where that is served."""


@pytest.fixture(scope="module")
def hasty(start_gateway: StartGateway) -> LiveGateway:
    return start_gateway(GATEWAY_HEAD_TIMEOUT_S=HEAD_S, GATEWAY_MAX_BODY_BYTES="1024")


def head(line: str, *fields: str, key: str = "") -> bytes:
    known = ["host: x", *([f"authorization: Bearer {key}"] if key else []), *fields]
    return "\r\n".join([f"{line} HTTP/1.1", *known, "", ""]).encode()


def told(gateway: LiveGateway, request: bytes) -> tuple[int, Headers, bytes]:
    """The status, headers and content of the one answer to these bytes, after which the connection ends or is left."""
    with socket.create_connection(address(gateway), timeout=10) as sock, sock.makefile("rb") as file:
        sock.sendall(request)
        status = int(file.readline().split()[1])
        headers: Headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        return status, headers, file.read(int(headers["content-length"]))


JSON = "content-type: application/json"
FORM = "content-type: multipart/form-data; boundary=b"


def posted(base: str, path: str, content: str, key: str) -> bytes:
    return head(f"POST {base}{path}", JSON, f"content-length: {len(content)}", key=key) + content.encode()


def nobody(base: str, at: Vendor, key: str) -> bytes:
    """Asks for a model that there is not."""
    line, content = at.nobody
    method, path = line.split(" ")
    return posted(base, path, content, key) if content else head(f"{method} {base}{path}", key=key)


EARLY: dict[tuple[int, str, str], Callable[[str, Vendor, str], bytes]] = {
    (404, "not_found", "path"): lambda base, at, key: head(f"GET {base}/chat/nothing", key=key),
    (404, "model_not_found", "model"): nobody,
    (405, "method_not_allowed", "method"): lambda base, at, key: head(f"PUT {base}{at.chat}", "content-length: 0", key=key),
    (401, "invalid_api_key", "none"): lambda base, at, key: posted(base, at.chat, "{}", ""),
    (401, "invalid_api_key", "other"): lambda base, at, key: head(f"GET {base}{at.models}", key="sk-other"),
    (400, "conflicting_credentials", "two"): lambda base, at, key: head(f"GET {base}{at.models}", "x-api-key: other", key=key),
    (400, "invalid_headers", "hosts"): lambda base, at, key: head(f"GET {base}{at.models}", "host: y", key=key),
    (400, "invalid_http", "grammar"): lambda base, at, key: head(f"GET {base}{at.models}", "no colon", key=key),
    (408, "request_timeout", "head"): lambda base, at, key: head(f"GET {base}{at.models}", key=key)[:-2],
    (413, "request_too_large", "body"): lambda base, at, key: head(
        f"POST {base}{at.chat}", JSON, "content-length: 5000", key=key
    ),
    (415, "unsupported_content_type", "form"): lambda base, at, key: head(
        f"POST {base}{at.chat}", FORM, "content-length: 9", key=key
    ),
    (415, "unsupported_encoding", "coding"): lambda base, at, key: head(
        f"POST {base}{at.chat}", JSON, "content-length: 9", "content-encoding: lzma", key=key
    ),
    (431, "headers_too_large", "many"): lambda base, at, key: head(
        f"GET {base}{at.models}", *(f"x-{n}: 1" for n in range(200)), key=key
    ),
    (431, "headers_too_large", "endless"): lambda base, at, key: head(f"GET {base}{at.models}", "x: " + "a" * 100_000, key=key)[
        :-2
    ],
    (401, "invalid_api_key", "socket"): lambda base, at, key: head(f"GET {base}/responses", *WEBSOCKET.split("\r\n")),
    (404, "not_found", "socket"): lambda base, at, key: head(f"GET {base}/chat/nothing", *WEBSOCKET.split("\r\n"), key=key),
    (400, "invalid_handshake", "socket"): lambda base, at, key: head(
        f"GET {base}/responses", *WEBSOCKET.split("\r\n"), "content-length: 5", key=key
    ),
}
LISTENING = frozenset({"openai"})
"""Dialects that have a WebSocket."""
CASES = [
    (base, *case)
    for base, at in BASES.items()
    for case in EARLY
    if case[2] != "socket" or at in [SHAPES[name] for name in LISTENING]
]


@pytest.mark.parametrize(("base", "status", "code", "what"), CASES)
def test_early_failure_when_it_comes_has_the_shape_of_its_path(
    hasty: LiveGateway, base: str, status: int, code: str, what: str
) -> None:
    at = BASES[base]
    found, headers, content = told(hasty, EARLY[status, code, what](base, at, hasty.key))
    assert found == status
    assert at.shape(headers, content) in (code, "")


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES if not (route.keyed or route.beside_a_page)}))
def test_path_of_operators_when_its_method_is_wrong_is_told_as_the_others(hasty: LiveGateway, path: str) -> None:
    status, headers, content = told(hasty, head(f"PUT {path}", "content-length: 0"))
    assert (status, openai_error(headers, content)) == (405, "method_not_allowed")


@pytest.mark.parametrize("base", BASES)
def test_request_when_the_server_drains_is_told_in_the_shape_of_its_path(
    base: str, start_gateway: StartGateway, chaos: Chaos
) -> None:
    gateway = start_gateway(GATEWAY_DRAIN_S="0.3")
    gateway.define("hang")
    content = json.dumps({"model": "chaos/hang", "messages": [{"role": "user", "content": "hi"}]})
    asked = posted(base, BASES[base].chat, content, gateway.key)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(told, gateway, asked)
        assert eventually(lambda: len(chaos.log()) == 1, 5)
        gateway.process.send_signal(signal.SIGTERM)
        status, headers, said = answer.result()
    assert status == 503
    assert BASES[base].shape(headers, said) in ("server_draining", "")
    assert gateway.process.wait(EXIT_WITHIN_S) == 0


def test_dialects_when_listed_then_each_has_its_shape_here() -> None:
    assert set(SHAPES) == set(DIALECTS)
