"""What can a client do wrong on the wire or in its numbers, and does any of it cost other clients, memory or order?"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.test_bad_requests import CHAT, address, head_of, read_message, read_until_quiet
from tests.integration.test_disconnects import LEAVING, read_until
from tests.live import LiveGateway, body, error_in, error_of

ANSWERED_WITHIN_S = 1.5


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "echo", "hang", "half-then-hang", "stream-stall-after-3", "stream-flood", "slow-20ms")


def exchange(gateway: LiveGateway, data: bytes) -> bytes:
    """Everything that is answered to these bytes."""
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(data)
        sock.settimeout(0.4)
        return read_until_quiet(sock)


def chat_bytes(gateway: LiveGateway, *lines: str, **fields: Any) -> bytes:
    """A chat completion with further header lines, as bytes."""
    data = json.dumps(body(fields.pop("model", "chaos/ok"), **fields)).encode()
    return head_of(gateway, "\r\n".join([*lines, f"content-length: {len(data)}"])) + data


def one_error(received: bytes) -> dict[str, Any]:
    """The error of the only answer, which names the request."""
    assert received.count(b"HTTP/1.1 ") == 1, received[:500]
    head, _, content = received.partition(b"\r\n\r\n")
    assert b"x-request-id: " in head
    return error_in(json.loads(content))


# Leaving


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize(
    ("behaviour", "stream", "seen"),
    [("hang", False, b""), ("hang", True, b""), ("half-then-hang", False, b""), ("stream-stall-after-3", True, b"word1")],
)
def test_client_when_it_leaves_is_one_row_with_499(
    gateway: LiveGateway, behaviour: str, stream: bool, seen: bytes, leave: Callable[[socket.socket], None]
) -> None:
    name = f"left-{behaviour}-{stream}-{leave.__name__}"
    sock = socket.create_connection(address(gateway), timeout=5)
    sock.sendall(chat_bytes(gateway, f"x-request-id: {name}", model=f"chaos/{behaviour}", stream=stream))
    assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
    read_until(sock, seen)
    leave(sock)
    gateway.chaos.wait_state("client_closed")
    where = {"request_id": name}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", where), 3, 0.05)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", where)
    assert (row["status"], row["client_aborted"], row["client_name"]) == (499, True, "tests")
    assert (row["output_tokens"] or 0) == (2 if seen else 0) or row["estimated"]


# Order


def test_requests_when_pipelined_a_hundred_deep_are_answered_in_order(gateway: LiveGateway) -> None:
    models = ["chaos/echo", "chaos/ok", "nope", "chaos/slow-20ms"]
    asked = [models[number % 4] for number in range(100)]
    data = b"".join(chat_bytes(gateway, f"x-request-id: piped-{number}", model=model) for number, model in enumerate(asked))
    with socket.create_connection(address(gateway), timeout=20) as sock, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sock.sendall, data)
        with sock.makefile("rb") as file:
            answers = [read_message(file) for _ in asked]
        sending.result()
    assert [headers["x-request-id"] for _, headers, _ in answers] == [f"piped-{number}" for number in range(100)]
    assert [status for status, _, _ in answers] == [404 if model == "nope" else 200 for model in asked]


# Heads


@pytest.mark.parametrize(
    "lines",
    [
        b"host: x\r\ntransfer-encoding : chunked\r\ncontent-length: 0",
        b"host: x\r\ncontent-length : 5",
        b"host: x\r\nx-nul: a\x00b",
        b"host: x\r\nx-cr: a\rb: c",
        b"host: x\r\n folded: yes",
        b"host: x\r\nno colon",
        b"host: x\r\n: no name",
        b"content-length: 0",
        b"host:\r\ncontent-length: 0",
        b"host: a/b\r\ncontent-length: 0",
        b"host: a?b\r\ncontent-length: 0",
        b"host: a#b\r\ncontent-length: 0",
        b"host: user@a\r\ncontent-length: 0",
        b"host: a\r\nhost: a\r\ncontent-length: 0",
        b"host: x\r\ncontent-length: 1e1",
        b"host: x\r\ncontent-length: 0x1",
        b"host: x\r\ncontent-length: 18446744073709551617",
        b"host: x\r\ntransfer-encoding: chunked, identity",
        b"host: x\r\ntransfer-encoding: gzip",
    ],
)
def test_head_when_ambiguous_is_400_and_the_connection_ends(gateway: LiveGateway, lines: bytes) -> None:
    credential = f"authorization: Bearer {gateway.key}\r\n".encode()
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(b"POST " + CHAT.encode() + b" HTTP/1.1\r\n" + credential + lines + b"\r\n\r\n")
        with sock.makefile("rb") as file:
            received = file.read()  # up to the end of the connection
    assert received.split(b" ", 2)[1] in (b"400", b"413")
    assert b"connection: close" in received
    assert one_error(received)["type"] == "invalid_request_error"
    assert gateway.chaos.log() == []


def test_lines_when_they_end_without_cr_are_never_a_second_request(gateway: LiveGateway) -> None:
    bare = chat_bytes(gateway).replace(b"\r\n", b"\n")
    assert exchange(gateway, bare).count(b"HTTP/1.1 ") <= 1


def test_chunk_when_its_size_is_no_number_is_400_and_the_connection_ends(gateway: LiveGateway) -> None:
    received = exchange(
        gateway, head_of(gateway, "transfer-encoding: chunked") + b"zz\r\nhello\r\n0\r\n\r\n" + chat_bytes(gateway)
    )
    assert received.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in received
    assert gateway.chaos.log() == []


def test_garbage_when_it_follows_a_request_under_way_does_not_land_in_its_answer(gateway: LiveGateway) -> None:
    received = exchange(gateway, chat_bytes(gateway, model="chaos/slow-20ms") + b"\x00\x01garbage\r\n\r\n")
    assert received.count(b"HTTP/1.1 ") <= 1


def test_trailers_when_sent_are_no_headers(gateway: LiveGateway) -> None:
    data = json.dumps(body("chaos/echo")).encode()
    chunked = b"%x\r\n%b\r\n0\r\nx-request-id: from-a-trailer\r\nauthorization: Bearer wrong\r\ntraceparent: no\r\n\r\n" % (
        len(data),
        data,
    )
    received = exchange(gateway, head_of(gateway, "transfer-encoding: chunked") + chunked)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"from-a-trailer" not in received


@pytest.mark.parametrize("encoding", ["compress", "lzma", "gzip;q=1", "gzip, gzip, gzip", "*", "\u00fc"])
def test_body_when_its_encoding_is_any_other_is_415(gateway: LiveGateway, encoding: str) -> None:
    response = gateway.http.post(CHAT, content=b"x" * 1000, headers=[(b"content-encoding", encoding.encode())])
    assert (response.status_code, error_of(response)["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize("field", ["user", "model", "metadata", "organization"])
def test_line_breaks_in_fields_never_become_headers(gateway: LiveGateway, field: str) -> None:
    value = "a\r\nx-injected: yes\r\n\r\nGET / HTTP/1.1"
    fields: dict[str, Any] = {field: {"k": value} if field == "metadata" else value}
    response = gateway.http.post(CHAT, json={**body("chaos/echo"), **fields})
    assert response.status_code == {"model": 404, "organization": 400}.get(field, 200)
    assert "x-injected" not in response.headers
    if response.status_code == 200:
        seen = json.loads(response.json()["choices"][0]["message"]["content"])
        assert "x-injected" not in dict(seen["headers"])


# Paths


@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "..%2f..%2fadmin", "%00", "a?x", "a%0d%0ax", "%F0%9F%98%80", "%ff", "a" * 10_000, "../../../livez"]
)
def test_id_when_odd_is_404_and_nothing_is_asked(gateway: LiveGateway, name: str) -> None:
    lines = f"host: x\r\nauthorization: Bearer {gateway.key}\r\nconnection: close"
    received = exchange(gateway, f"GET /v1/models/{name} HTTP/1.1\r\n{lines}\r\n\r\n".encode())
    assert received.startswith(b"HTTP/1.1 404")
    assert one_error(received)["code"] in ("model_not_found", "not_found")
    assert gateway.chaos.log() == []


# Bodies


def object_of(keys: int) -> bytes:
    return b"{" + b",".join(b'"k%d":1' % number for number in range(keys)) + b"}"


BIG: dict[str, tuple[Callable[[], bytes], set[str | None]]] = {
    "deep arrays": (lambda: b"[" * 101 + b"]" * 101, {"invalid_json"}),
    "deep objects": (lambda: b'{"a":' * 200 + b"1" + b"}" * 200, {"invalid_json"}),
    "not finite": (lambda: b"1e999", {"invalid_json"}),
    "minus not finite": (lambda: b"-1e999", {"invalid_json"}),
    "long integer": (lambda: b"1" * 4000, {None}),
    "minus zero": (lambda: b"-0", {None}),
    "beyond 2^53": (lambda: b"9007199254740993", {None}),
    "nul": (lambda: b'"a\\u0000b"', {None}),
    "lone surrogate": (lambda: b'"\\ud800"', {"invalid_unicode"}),
    "lone surrogates": (lambda: b'"' + b"\\ud83d" * 2_000_000 + b'"', {"invalid_unicode"}),
    "escapes, and then a lone surrogate": (lambda: b'"' + b"\\n" * 5_000_000 + b'\\ud83d"', {"invalid_unicode", "invalid_json"}),
    "broken, with many escapes": (lambda: b'"' + b"\\ud83d\\ude00" * 1_000_000 + b'"]', {"invalid_json"}),
    "many keys": (lambda: object_of(200_000), {"invalid_json"}),
    "many keys further in": (lambda: b'[[{"a":' + object_of(10_001) + b"}]]", {"invalid_json"}),
    "as many keys as may be": (lambda: b'[[{"a":' + object_of(10_000) + b"}]]", {None}),
    "many small objects": (lambda: b"[" + b",".join([b'{"a":{"b":1}}'] * 50_000) + b"]", {None}),
    "many tools": (lambda: b"[" + b",".join([b'{"type":"function"}'] * 100_000) + b"]", {None}),
    "regex": (lambda: json.dumps({"type": "string", "pattern": "(a+)+$" * 1000}).encode(), {None}),
}


@pytest.mark.parametrize("name", BIG)
def test_value_when_extreme_is_refused_or_passed_on_exactly_and_soon(gateway: LiveGateway, name: str) -> None:
    make, codes = BIG[name]
    content = b'{"model": "chaos/ok", "messages": [{}], "x": %b}' % make()
    started = time.monotonic()
    response = gateway.http.post(CHAT, content=content)
    assert time.monotonic() - started < ANSWERED_WITHIN_S
    assert (None if response.status_code == 200 else error_of(response)["code"]) in codes
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        (seen,) = gateway.chaos.log()
        assert len(gateway.chaos.log()) == 1
        assert seen["model"] == "ok"


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        (CHAT, '"messages":[{"role":"user","content":"\\ud83d"}]', "messages[0].content"),
        (
            "/v1/responses",
            '"input":[{"role":"user","content":[{"type":"input_text","text":"a\\ude00"}]}]',
            "input[0].content[0].text",
        ),
        ("/v1/embeddings", '"input":["ok","\\ud83d\\ud83d"]', "input[1]"),
        ("/v1/images/generations", '"prompt":"\\udfff"', "prompt"),
    ],
)
def test_body_when_it_holds_half_a_surrogate_pair_is_named_as_that(
    gateway: LiveGateway, path: str, fields: str, param: str
) -> None:
    error = error_of(gateway.http.post(path, content=f'{{"model":"chaos/ok",{fields}}}'))
    assert (error["code"], error["param"]) == ("invalid_unicode", param)
    assert "half of a surrogate pair" in error["message"]


def test_messages_when_a_hundred_thousand_are_served(gateway: LiveGateway) -> None:
    started = time.monotonic()
    assert gateway.chat("chaos/ok", messages=[{"role": "user", "content": "x"}] * 100_000).status_code == 200
    assert time.monotonic() - started < 2 * ANSWERED_WITHIN_S


def test_gateway_after_all_this_still_answers(gateway: LiveGateway) -> None:
    assert httpx.get(f"{gateway.base_url}/readyz", trust_env=False).status_code == 200
    assert gateway.chat("chaos/ok").status_code == 200
