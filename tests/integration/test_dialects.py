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

import pytest

from openai_api.dialects.anthropic import BY_STATUS
from openai_api.routes import ROUTES
from tests.fakes.chaos.process import Chaos, eventually
from tests.fuzz.framings import WEBSOCKET
from tests.integration.test_bad_requests import address
from tests.live import LiveGateway, error_in
from tests.live_fixtures import StartGateway

HEAD_S = "0.5"
EXIT_WITHIN_S = 10.0
Headers = dict[str, str]
WITHOUT = {"/v1": ("",), "/v1/messages": ("/messages",)}
"""Prefixes whose version may be left out."""
Shape = Callable[[Headers, bytes, int], str]
"""Checks an error and gives its code, "" where the dialect tells no codes."""


def openai_error(headers: Headers, content: bytes, status: int) -> str:
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    return str(error_in(json.loads(content))["code"])


def anthropic_error(headers: Headers, content: bytes, status: int) -> str:
    assert headers["content-type"] == "application/json"
    told = json.loads(content)
    assert (list(told), list(told["error"])) == (["type", "error", "request_id"], ["type", "message"])
    assert told["error"]["type"] == BY_STATUS.get(status, "invalid_request_error")
    assert told["request_id"] == headers["request-id"] == headers["x-request-id"]
    return ""


def gemini_error(headers: Headers, content: bytes, status: int) -> str:
    assert headers["content-type"] == "application/json; charset=UTF-8"
    assert headers["x-request-id"]
    error = json.loads(content)["error"]
    assert list(error) == ["code", "message", "status", "details"]
    assert error["code"] == status
    return str(error["details"][0]["reason"]).lower()


def ollama_error(headers: Headers, content: bytes, status: int) -> str:
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    assert list(json.loads(content)) == ["error"]
    return ""


SHAPES: dict[str, Shape] = {
    "openai": openai_error,
    "anthropic": anthropic_error,
    "gemini": gemini_error,
    "ollama": ollama_error,
}
ASKED = {"openai": "/chat/completions", "anthropic": "", "gemini": "/models/chaos/hang:generateContent", "ollama": "/chat"}
"""Where a conversation is asked for, below a prefix."""
BODIES = {
    "openai": {"model": "chaos/hang", "messages": [{"role": "user", "content": "hi"}]},
    "anthropic": {"model": "chaos/hang", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "ollama": {"model": "chaos/hang", "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
DIALECTS = {route.dialect.name: route.dialect for route in ROUTES}
BASES = {
    base: dialect.name
    for dialect in DIALECTS.values()
    for prefix in dialect.prefixes
    for base in (prefix, f"/{prefix}{prefix}/" if prefix.count("/") == 1 else f"//{prefix}/", *WITHOUT.get(prefix, ()))
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
EMPTY = "content-length: 0"
EARLY: dict[tuple[int, str, str], Callable[[str, str, str], bytes]] = {
    (404, "not_found", "path"): lambda base, chat, key: head(f"GET {base}/chat/nothing", key=key),
    (405, "method_not_allowed", "method"): lambda base, chat, key: head(f"PUT {chat}", EMPTY, key=key),
    (401, "invalid_api_key", "none"): lambda base, chat, key: head(f"POST {chat}", JSON, "content-length: 2") + b"{}",
    (401, "invalid_api_key", "other"): lambda base, chat, key: head(f"POST {chat}", EMPTY, key="sk-other"),
    (400, "conflicting_credentials", "two"): lambda base, chat, key: head(f"POST {chat}", EMPTY, "x-api-key: other", key=key),
    (400, "invalid_headers", "hosts"): lambda base, chat, key: head(f"POST {chat}", EMPTY, "host: y", key=key),
    (400, "invalid_http", "grammar"): lambda base, chat, key: head(f"POST {chat}", EMPTY, "no colon", key=key),
    (408, "request_timeout", "head"): lambda base, chat, key: head(f"POST {chat}", EMPTY, key=key)[:-2],
    (413, "request_too_large", "body"): lambda base, chat, key: head(f"POST {chat}", JSON, "content-length: 5000", key=key),
    (415, "unsupported_content_type", "form"): lambda base, chat, key: head(f"POST {chat}", FORM, "content-length: 9", key=key),
    (415, "unsupported_encoding", "coding"): lambda base, chat, key: head(
        f"POST {chat}", JSON, "content-length: 9", "content-encoding: lzma", key=key
    ),
    (431, "headers_too_large", "many"): lambda base, chat, key: head(
        f"POST {chat}", EMPTY, *(f"x-{n}: 1" for n in range(200)), key=key
    ),
    (431, "headers_too_large", "endless"): lambda base, chat, key: head(f"POST {chat}", "x: " + "a" * 100_000, key=key)[:-2],
    (404, "not_found", "socket"): lambda base, chat, key: head(f"GET {base}/chat/nothing", *WEBSOCKET.split("\r\n"), key=key),
}
OPENAIS: dict[tuple[int, str, str], Callable[[str, str, str], bytes]] = {
    (404, "model_not_found", "model"): lambda base, chat, key: head(f"GET {base}/models/nobody", key=key),
    (401, "invalid_api_key", "socket"): lambda base, chat, key: head(f"GET {base}/responses", *WEBSOCKET.split("\r\n")),
    (400, "invalid_handshake", "socket"): lambda base, chat, key: head(
        f"GET {base}/responses", *WEBSOCKET.split("\r\n"), "content-length: 5", key=key
    ),
}
"""What only OpenAI's paths have."""


def code_of(base: str, status: int, code: str, headers: Headers, content: bytes) -> str:
    """The code of an error, which has the shape of its base; the one that is meant where the dialect has none."""
    return SHAPES[BASES[base]](headers, content, status) or code


@pytest.mark.parametrize(
    ("base", "case"),
    [(base, case) for base, name in BASES.items() for case in ({**EARLY, **OPENAIS} if name == "openai" else EARLY)],
)
def test_early_failure_when_it_comes_has_the_shape_of_its_path(hasty: LiveGateway, base: str, case: tuple[int, str, str]) -> None:
    status, code, _ = case
    asked = (EARLY | OPENAIS)[case](base, f"{base}{ASKED[BASES[base]]}", hasty.key)
    found, headers, content = told(hasty, asked)
    assert (found, code_of(base, status, code, headers, content)) == (status, code)


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES if not (route.keyed or route.beside_a_page)}))
def test_path_of_operators_when_its_method_is_wrong_is_told_as_the_others(hasty: LiveGateway, path: str) -> None:
    status, headers, content = told(hasty, head(f"PUT {path}", "content-length: 0"))
    assert (status, openai_error(headers, content, status)) == (405, "method_not_allowed")


@pytest.mark.parametrize("base", BASES)
def test_request_when_the_server_drains_is_told_in_the_shape_of_its_path(
    base: str, start_gateway: StartGateway, chaos: Chaos
) -> None:
    gateway = start_gateway(GATEWAY_DRAIN_S="0.3")
    gateway.define("hang")
    content = json.dumps(BODIES[BASES[base]]).encode()
    asked = head(f"POST {base}{ASKED[BASES[base]]}", JSON, f"content-length: {len(content)}", key=gateway.key) + content
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(told, gateway, asked)
        assert eventually(lambda: len(chaos.log()) == 1, 5)
        gateway.process.send_signal(signal.SIGTERM)
        status, headers, said = answer.result()
    assert (status, code_of(base, status, "server_draining", headers, said)) == (503, "server_draining")
    assert gateway.process.wait(EXIT_WITHIN_S) == 0


def test_dialects_when_listed_then_each_has_its_shape_here() -> None:
    assert set(SHAPES) == set(DIALECTS)
