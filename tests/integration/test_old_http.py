"""Does a client of HTTP/1.0, which knows no chunks, get answers that it can read, whole and streamed?"""

from __future__ import annotations

import json

import pytest

from tests.fuzz.over_sockets import answers_in, talk
from tests.integration.test_bad_requests import CHAT, address, head_of
from tests.integration.test_client_faults import one_error
from tests.live import LiveGateway, body

LINES = ["", "connection: keep-alive\r\n", "connection: close\r\n", "connection: upgrade\r\nupgrade: websocket\r\n"]


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "stream-paced-10ms-500", "status-500")


def told(gateway: LiveGateway, version: str, lines: str, **fields: object) -> tuple[dict[str, str], bytes]:
    """Headers and body of the only answer, after which the connection must end."""
    data = json.dumps(body("chaos/ok", **fields)).encode()
    head = head_of(gateway, f"{lines}content-length: {len(data)}").replace(b"HTTP/1.1", version.encode())
    received = talk(address(gateway), [head + data, head + data])
    (answer,) = answers_in(received, [])
    assert answer.status == 200
    return answer.headers, received.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0"])
def test_stream_when_asked_for_without_http_1_1_has_no_chunks_and_ends_with_the_connection(
    gateway: LiveGateway, version: str, lines: str
) -> None:
    headers, content = told(gateway, version, lines, stream=True)
    assert "transfer-encoding" not in headers
    assert "content-length" not in headers
    assert headers["connection"] == "close"
    assert content.startswith(b"data: {")
    assert content.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("lines", LINES)
def test_answer_when_asked_for_with_http_1_0_has_its_length_and_is_the_last(gateway: LiveGateway, lines: str) -> None:
    headers, content = told(gateway, "HTTP/1.0", lines)
    assert "transfer-encoding" not in headers
    assert len(content) == int(headers["content-length"])
    assert headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/admin/login/", "/nothing", "/static/admin/css/base.css"])
def test_page_when_asked_for_with_http_1_0_has_no_chunks(gateway: LiveGateway, path: str) -> None:
    received = talk(address(gateway), [f"GET {path} HTTP/1.0\r\nhost: 127.0.0.1\r\nconnection: keep-alive\r\n\r\n".encode()])
    (answer,) = answers_in(received, [])
    assert "transfer-encoding" not in answer.headers
    assert answer.headers["connection"] == "close"


def test_head_when_asked_for_with_http_1_0_has_no_body(gateway: LiveGateway) -> None:
    received = talk(address(gateway), [b"HEAD /livez HTTP/1.0\r\nhost: x\r\n\r\n"])
    assert received.endswith(b"\r\n\r\n")


def test_expectation_when_told_with_http_1_0_is_ignored(gateway: LiveGateway) -> None:
    data = json.dumps(body("chaos/ok")).encode()
    head = head_of(gateway, f"expect: 100-continue\r\ncontent-length: {len(data)}").replace(b"HTTP/1.1", b"HTTP/1.0")
    received = talk(address(gateway), [head, data])
    assert received.startswith(b"HTTP/1.1 200 ")


def test_error_when_told_over_http_1_0_is_the_usual_one(gateway: LiveGateway) -> None:
    received = talk(address(gateway), [b"POST " + CHAT.encode() + b" HTTP/1.0\r\nhost: x\r\ncontent-length: 0\r\n\r\n"])
    assert one_error(received)["code"] == "invalid_api_key"
