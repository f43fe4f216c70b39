"""Is everything that a client can get wrong answered with OpenAI's error object and the right status?"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, BinaryIO

import httpx
import pytest

from tests.live import LiveGateway, body, error_in, error_of
from tests.live_fixtures import StartGateway

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"hello", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"text"', "invalid_json"),
        (b"null", "invalid_json"),
        (b'{"model": "chaos/ok"} x', "invalid_json"),
        (b'{"model": "chaos/ok", "messages": [{}], "temperature": NaN}', "invalid_json"),
        (b'{"model": "chaos/ok", "messages": [{}], "temperature": -Infinity}', "invalid_json"),
        (b'{"model": "chaos/ok", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid_json"),
        (b'\xef\xbb\xbf\xef\xbb\xbf{"model": "chaos/ok", "messages": [{}]}', "invalid_json"),
        (json.dumps(body("chaos/ok")).encode("utf-16"), "invalid_encoding"),
        (b'{"model": "chaos/ok", "messages": ["\xff"]}', "invalid_encoding"),
        (b'{"model": "chaos/ok", "messages": ["\xed\xa0\x80"]}', "invalid_encoding"),
        (b'{"model": "chaos/ok", "model": "chaos/other", "messages": [{}]}', "duplicate_key"),
        (b'{"model": "chaos/ok", "mod\\u0065l": "chaos/other", "messages": [{}]}', "duplicate_key"),
        (b'{"model": "chaos/ok", "messages": [{}], "stream": false, "stream": true}', "duplicate_key"),
    ],
)
def test_body_when_not_one_json_object_is_400(gateway: LiveGateway, raw: bytes, code: str) -> None:
    response = gateway.http.post(CHAT, content=raw)
    assert (response.status_code, error_of(response)["code"]) == (400, code)
    assert error_of(response)["type"] == "invalid_request_error"
    assert gateway.chaos.log() == []


RESPONSES = "/v1/responses"
FUNCTION = {"type": "function", "name": "f", "parameters": {}}


@pytest.mark.parametrize(
    ("path", "fields", "wanted", "named", "other"),
    [
        (
            CHAT,
            {"stream": True, "input": [{"role": "user"}], "tools": [FUNCTION]},
            "messages",
            "input",
            RESPONSES,
        ),
        (CHAT, {"model": "chaos/ok", "input": "x"}, "messages", "input", RESPONSES),
        (CHAT, {"model": "chaos/ok", "prompt": "x"}, "messages", "prompt", "/v1/completions"),
        (RESPONSES, {"model": "chaos/ok", "messages": [{"role": "user", "content": "x"}]}, "input", "messages", CHAT),
        (RESPONSES, {"stream": True, "messages": []}, "input", "messages", CHAT),
        (f"{RESPONSES}/input_tokens", {"model": "chaos/ok", "messages": []}, "input", "messages", CHAT),
        ("/v1/completions", {"model": "chaos/ok", "messages": []}, "prompt", "messages", CHAT),
    ],
)
def test_body_when_it_is_one_of_another_path_is_400_that_names_the_field_and_the_path(
    gateway: LiveGateway, path: str, fields: dict[str, Any], wanted: str, named: str, other: str
) -> None:
    answer = gateway.http.post(path, json=fields)
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, "missing_required_parameter", wanted)
    assert all(text in error["message"] for text in (repr(wanted), repr(named), f"POST {other}."))
    assert gateway.chaos.log() == []


def test_body_when_a_byte_order_mark_stands_before_it_is_taken(gateway: LiveGateway) -> None:
    """RFC 8259 8.1 lets parsers ignore it, and clients on Windows send it."""
    data = json.dumps(body("chaos/ok")).encode("utf-8-sig")
    assert gateway.http.post(CHAT, content=data).status_code == 200
    assert gateway.http.post(CHAT, content=iter([data[:2], data[2:]])).status_code == 200


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": MESSAGES}, "missing_required_parameter", "model"),
        ({"model": 1, "messages": MESSAGES}, "invalid_type", "model"),
        ({"model": None, "messages": MESSAGES}, "invalid_type", "model"),
        ({"model": True, "messages": MESSAGES}, "invalid_type", "model"),
        ({"model": ["chaos/ok"], "messages": MESSAGES}, "invalid_type", "model"),
        ({"model": {"name": "chaos/ok"}, "messages": MESSAGES}, "invalid_type", "model"),
        ({"model": "", "messages": MESSAGES}, "invalid_value", "model"),
        ({"model": "chaos/ok"}, "missing_required_parameter", "messages"),
        ({"model": "chaos/ok", "messages": None}, "invalid_type", "messages"),
        ({"model": "chaos/ok", "messages": "hi"}, "invalid_type", "messages"),
        ({"model": "chaos/ok", "messages": 1}, "invalid_type", "messages"),
        ({"model": "chaos/ok", "messages": {"role": "user"}}, "invalid_type", "messages"),
        ({"model": "chaos/ok", "messages": []}, "invalid_value", "messages"),
        (body("chaos/ok", stream="true"), "invalid_type", "stream"),
        (body("chaos/ok", stream=1), "invalid_type", "stream"),
        (body("chaos/ok", stream=[]), "invalid_type", "stream"),
        (body("chaos/ok", stream={"on": True}), "invalid_type", "stream"),
        (body("chaos/ok", stream=True, stream_options=[]), "invalid_type", "stream_options"),
        (body("chaos/ok", stream=True, stream_options="usage"), "invalid_type", "stream_options"),
        (body("chaos/ok", stream=True, stream_options=True), "invalid_type", "stream_options"),
        (body("chaos/ok", stream=True, stream_options={"include_usage": "yes"}), "invalid_type", "stream_options.include_usage"),
        (body("chaos/ok", stream=True, stream_options={"include_usage": 1}), "invalid_type", "stream_options.include_usage"),
        (body("chaos/ok", **{"tensorzero::credentials": "sk"}), "invalid_type", "tensorzero::credentials"),
        (body("chaos/ok", api_base="http://127.0.0.1:1/"), "field_not_allowed", "api_base"),
        (body("chaos/ok", base_url="http://127.0.0.1:1/"), "field_not_allowed", "base_url"),
        (body("chaos/ok", api_key="sk-x"), "field_not_allowed", "api_key"),
        (body("chaos/ok", extra_headers={"a": "b"}), "field_not_allowed", "extra_headers"),
    ],
)
def test_field_when_of_the_wrong_type_is_400_and_named(
    gateway: LiveGateway, fields: dict[str, Any], code: str, param: str
) -> None:
    response = gateway.http.post(CHAT, json=fields)
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert gateway.chaos.log() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": None},
        {"stream": False, "stream_options": None},
        {"stream_options": {}},
        {"stream_options": {"include_usage": None, "include_obfuscation": False}},
        {"temperature": "hot", "n": [], "tools": 1},
    ],
)
def test_field_when_null_or_none_of_the_gateways_business_passes(gateway: LiveGateway, fields: dict[str, Any]) -> None:
    assert gateway.chat("chaos/ok", **fields).status_code == 200


@pytest.mark.parametrize(
    "model", ["nope", "chaos/OK", "chaos/ok ", "../ok", "a\nb", "ü", "\x00", "a" * 10_000, "tensorzero::model_name::nope"]
)
def test_model_when_unknown_is_404(gateway: LiveGateway, model: str) -> None:
    response = gateway.chat(model)
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert gateway.chaos.log() == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", CHAT, "POST"),
        ("DELETE", CHAT, "POST"),
        ("PATCH", CHAT, "POST"),
        ("HEAD", CHAT, "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/chaos/ok", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
def test_method_when_wrong_is_405_with_allow(gateway: LiveGateway, method: str, path: str, allow: str) -> None:
    response = gateway.http.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    if method != "HEAD":
        assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/chat",
        "/v1/%2e%2e/admin/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_path_when_unknown_is_404(gateway: LiveGateway, method: str, path: str) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        sock.sendall(head.encode())
        status, headers, content = read_answer(sock)
    assert status == 404
    assert headers["content-type"] == "application/json"
    assert error_in(json.loads(content))["code"] in ("not_found", "invalid_api_key")


def test_body_when_announced_too_large_is_413_before_it_is_read(gateway: LiveGateway) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(head_of(gateway, "content-length: 10000000000"))
        status, headers, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (413, "request_too_large")
    assert headers["connection"] == "close"


@pytest.fixture(scope="module")
def small(start_gateway: StartGateway) -> LiveGateway:
    """A gateway that takes 64 KiB within half a second."""
    gateway = start_gateway(GATEWAY_MAX_BODY_BYTES=str(64 * 1024), GATEWAY_BODY_TIMEOUT_S="0.5")
    gateway.define("ok")
    return gateway


def test_body_when_within_the_limit_passes(small: LiveGateway) -> None:
    assert small.chat("chaos/ok", pad="a" * 60_000).status_code == 200


def test_body_when_too_large_is_413(small: LiveGateway) -> None:
    response = small.chat("chaos/ok", pad="a" * 66_000)
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


def test_body_when_chunked_without_a_length_is_413_at_the_limit(small: LiveGateway) -> None:
    with socket.create_connection(address(small), timeout=5) as sock:
        sock.sendall(head_of(small, "transfer-encoding: chunked"))
        for _ in range(5):
            sock.sendall(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
            time.sleep(0.02)
        status, _, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("sent", [b"", b'{"model": "chaos/ok", '])
def test_body_when_it_does_not_come_in_time_is_408(small: LiveGateway, sent: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(address(small), timeout=5) as sock:
        sock.sendall(head_of(small, "content-length: 1000") + sent)
        status, headers, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (408, "request_timeout")
    assert headers["connection"] == "close"
    assert 0.4 < time.monotonic() - started < 2


@pytest.mark.parametrize(
    "fields",
    [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: +5",
        "content-length: -1",
        "transfer-encoding: xchunked",
    ],
)
def test_framing_when_ambiguous_gives_at_most_one_answer_and_never_200(gateway: LiveGateway, fields: str) -> None:
    smuggled = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\ncontent-length: 0\r\n\r\n"
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(head_of(gateway, fields) + b"0\r\n\r\n" + smuggled.encode())
        sock.settimeout(0.3)
        received = read_until_quiet(sock)
    assert received.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in received
    assert gateway.chaos.log() == []


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ("\r\n".join(f"x-{number}: 1" for number in range(120)), 431, "headers_too_large"),
        ("x-long: " + "a" * 40_000, 431, "headers_too_large"),
        ("host: other", 400, "invalid_headers"),
    ],
)
def test_headers_when_too_many_too_long_or_two_hosts_are_refused(
    gateway: LiveGateway, fields: str, status: int, code: str
) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(head_of(gateway, f"{fields}\r\ncontent-length: 0"))
        answered, headers, content = read_answer(sock)
    assert (answered, error_in(json.loads(content))["code"]) == (status, code)
    assert headers["connection"] == "close"


def test_header_when_spelled_with_an_underscore_is_not_taken_for_the_real_one(gateway: LiveGateway) -> None:
    headers = {"x_api_key": gateway.key, "api_key": gateway.key}
    assert httpx.get(f"{gateway.base_url}/v1/models", headers=headers, trust_env=False).status_code == 401


def test_requests_when_pipelined_are_answered_in_order(gateway: LiveGateway) -> None:
    requests = [body("chaos/ok" if number % 2 else "nope", user=str(number)) for number in range(20)]
    with socket.create_connection(address(gateway), timeout=10) as sock, sock.makefile("rb") as file:
        for request in requests:
            data = json.dumps(request).encode()
            sock.sendall(head_of(gateway, f"content-length: {len(data)}") + data)
        statuses = [read_message(file)[0] for _ in requests]
    assert statuses == [404, 200] * 10


def test_gateway_after_all_this_still_answers(gateway: LiveGateway) -> None:
    assert gateway.chat("chaos/ok").status_code == 200


def address(gateway: LiveGateway) -> tuple[str, int]:
    url = httpx.URL(gateway.base_url)
    return url.host, url.port or 80


def head_of(gateway: LiveGateway, fields: str) -> bytes:
    """The head of a chat completion with these header lines."""
    return f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n{fields}\r\n\r\n".encode()


def read_answer(sock: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one answer with a Content-Length."""
    with sock.makefile("rb") as file:
        return read_message(file)


def read_message(file: BinaryIO) -> tuple[int, dict[str, str], bytes]:
    status = int(file.readline().split()[1])
    lines = iter(lambda: file.readline().decode("latin-1").strip(), "")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return status, headers, file.read(int(headers["content-length"]))


def read_until_quiet(sock: socket.socket) -> bytes:
    received = b""
    try:
        while data := sock.recv(65536):
            received += data
    except (TimeoutError, ConnectionResetError):
        pass
    return received
