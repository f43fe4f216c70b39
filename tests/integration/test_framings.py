"""Is every request of a connection answered once, in its turn, and is nothing of one ever read as another?

`make fuzz` sends 100,000 framings; here are a few of them.
"""

from __future__ import annotations

import json
import socket

import pytest

from tests.fuzz.framings import IGNORED, KEY, WEBSOCKET
from tests.fuzz.over_sockets import Answer, answers_in, define, run, talk
from tests.integration.test_bad_requests import CHAT, address
from tests.integration.test_client_faults import chat_bytes, one_error
from tests.live import LiveGateway, body
from tests.socket_client import dial

FRAMINGS = 1_500
LAST = "GET /livez HTTP/1.1\r\nhost: x\r\nx-request-id: last\r\nconnection: close\r\n\r\n"


@pytest.fixture(scope="module", autouse=True)
def _models(shared_gateway: LiveGateway) -> None:
    define(shared_gateway)
    shared_gateway.define_models({f"chaos/{name}": [{"upstream_model": name}] for name in ("ok", "slow-200ms")})


def request(gateway: LiveGateway, method: str, path: str, *lines: str, content: bytes = b"", name: str = "first") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"x-api-key: {gateway.key}", f"x-request-id: {name}", *lines, "", ""]
    return "\r\n".join(head).encode() + content


def told(gateway: LiveGateway, *packets: bytes, methods: tuple[str, ...] = ()) -> list[Answer]:
    """The answers to these packets, after which the connection must end."""
    return list(answers_in(talk(address(gateway), list(packets)), list(methods)))


def test_framings_when_of_any_kind_have_an_answer_for_each_request_and_no_other(gateway: LiveGateway) -> None:
    run(gateway, range(FRAMINGS))


# Upgrades that are not taken


@pytest.mark.parametrize("upgrade", [*IGNORED, WEBSOCKET])
def test_chat_when_it_offers_another_protocol_is_served_and_its_body_read(gateway: LiveGateway, upgrade: str) -> None:
    data = json.dumps(body("chaos/ok")).encode()
    asked = request(gateway, "POST", CHAT, upgrade, f"content-length: {len(data)}", content=data)
    at = asked.index(data)
    for packets in (
        [asked, LAST.encode()],
        [asked[:at], asked[at:], LAST.encode()],
        [asked[: at + 3], asked[at + 3 :] + LAST.encode()],
    ):
        assert [(answer.status, answer.id) for answer in told(gateway, *packets)] == [(200, "first"), (200, "last")]
    assert len(gateway.chaos.log()) == 3


@pytest.mark.parametrize("path", ["/livez", "/v1/models", "/nothing", "/admin/login/", CHAT, "/v1/responses"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_body_when_it_looks_like_a_request_and_comes_later_is_a_body(gateway: LiveGateway, method: str, path: str) -> None:
    content = request(gateway, "GET", "/v1/models", name="smuggled")
    asked = request(gateway, method, path, IGNORED[0], f"content-length: {len(content)}")
    answers = told(gateway, asked, content, LAST.encode(), methods=(method, "GET"))
    assert [answer.id for answer in answers] == ["first", "last"]


def test_upgrades_when_thousands_come_in_one_packet_are_each_answered(gateway: LiveGateway) -> None:
    asked = b"".join([request(gateway, "GET", "/livez", IGNORED[1], name=f"n{number}") for number in range(2000)])
    assert [answer.id for answer in told(gateway, asked + LAST.encode())] == [*(f"n{number}" for number in range(2000)), "last"]


@pytest.mark.parametrize("before", [False, True])
def test_connect_when_asked_for_is_405_or_the_end_and_nothing_behind_it_is_read(gateway: LiveGateway, before: bool) -> None:
    waiting = chat_bytes(gateway, "x-request-id: waiting", model="chaos/slow-200ms") if before else b""
    asked = request(gateway, "CONNECT", "127.0.0.1:80")
    answers = told(gateway, waiting + asked + LAST.encode())
    assert [(answer.status, answer.id) for answer in answers] == ([(200, "waiting")] if before else [(405, "first")])


def test_preface_of_http_2_when_sent_is_400_and_the_end(gateway: LiveGateway) -> None:
    received = talk(address(gateway), [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\4\0\0\0\0\0", LAST.encode()])
    assert one_error(received)["code"] == "invalid_http"


# Handshakes that are refused, or come at the wrong time


@pytest.mark.parametrize(
    ("path", "lines", "statuses"),
    [
        ("/nothing", [WEBSOCKET], {404}),
        (CHAT, [WEBSOCKET], {404}),
        ("/admin/", [WEBSOCKET], {404}),
        ("/v1/responses", [WEBSOCKET, "x-api-key: another"], {400}),
        ("/v1/responses", [WEBSOCKET, "content-length: 77"], {400}),
        ("/v1/responses", [WEBSOCKET, "transfer-encoding: chunked"], {400}),
        ("/v1/responses", [WEBSOCKET.replace("13", "12")], {400}),
        ("/v1/responses", [WEBSOCKET.replace("websocket", "websocket, h2c")], {426}),
        ("/v1/responses", [WEBSOCKET, "upgrade: h2c"], {426}),
        ("/v1/responses", [WEBSOCKET.replace(KEY, "sec-websocket-key: short")], {400}),
        ("/v1/responses", [WEBSOCKET, KEY], {400}),
        ("/v1/responses", ["connection: upgrade", "upgrade: websocket"], {400}),
    ],
)
def test_handshake_when_refused_is_told_in_json_and_nothing_behind_it_is_read(
    gateway: LiveGateway, path: str, lines: list[str], statuses: set[int]
) -> None:
    received = talk(address(gateway), [request(gateway, "GET", path, *lines), b"x" * 77, LAST.encode()])
    assert one_error(received)["type"] == "invalid_request_error"
    (answer,) = answers_in(received, [])
    assert answer.status in statuses
    assert (answer.id, answer.headers["connection"]) == ("first", "close")


@pytest.mark.parametrize("path", ["/v1/responses", "/livez", "/nothing"])
def test_handshake_when_earlier_answers_are_to_come_is_answered_in_its_turn_and_is_the_last(
    gateway: LiveGateway, path: str
) -> None:
    waiting = chat_bytes(gateway, "x-request-id: waiting", model="chaos/slow-200ms")
    content = request(gateway, "GET", "/v1/models", name="smuggled")
    asked = request(gateway, "GET", path, WEBSOCKET, f"content-length: {len(content)}")
    answers = told(gateway, waiting + asked + content + LAST.encode())
    assert [answer.id for answer in answers] == ["waiting", "first"]
    assert answers[-1].headers["connection"] == "close"


def test_frames_when_they_come_with_the_handshake_are_read_after_its_answer(gateway: LiveGateway) -> None:
    ping, close = b"\x89\x82\0\0\0\0hi", b"\x88\x80\0\0\0\0"
    received = talk(address(gateway), [request(gateway, "GET", "/v1/responses", WEBSOCKET, content=ping + close)])
    head, _, frames = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"x-request-id: first" in head
    assert frames == b"\x8a\x02hi\x88\x00"


def test_frames_when_they_come_with_a_handshake_that_is_refused_are_not_answered(gateway: LiveGateway) -> None:
    ping = b"\x89\x82\0\0\0\0hi"
    received = talk(address(gateway), [request(gateway, "GET", "/v1/responses", WEBSOCKET, "api-key: x", content=ping * 20_000)])
    assert one_error(received)["code"] == "conflicting_credentials"


# What is broken


def test_body_when_broken_after_its_answer_has_no_second_one(gateway: LiveGateway) -> None:
    asked = request(gateway, "GET", "/livez", "transfer-encoding: chunked")
    assert [answer.id for answer in told(gateway, asked, b"zz\r\n", LAST.encode())] == ["first"]


def test_body_when_broken_behind_a_request_under_way_does_not_land_in_its_answer(gateway: LiveGateway) -> None:
    waiting = chat_bytes(gateway, "x-request-id: waiting", model="chaos/slow-200ms")
    asked = request(gateway, "POST", CHAT, "transfer-encoding: chunked", content=b"zz\r\n")
    assert [(answer.status, answer.id) for answer in told(gateway, waiting + asked + LAST.encode())] == [(200, "waiting")]


def test_request_when_it_waits_to_be_asked_for_its_body_and_is_refused_ends_the_connection(gateway: LiveGateway) -> None:
    """Nobody can know whether what comes next is the body."""
    asked = request(gateway, "POST", CHAT, "expect: 100-continue", "content-length: 50").replace(gateway.key.encode(), b"wrong")
    (answer,) = told(gateway, asked, LAST.encode())
    assert (answer.status, answer.headers["connection"]) == (401, "close")


@pytest.mark.parametrize(
    ("line", "behind"),
    [
        ("x: x", b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("x: x", b"\x16\x03\x01 nothing of HTTP\r\n\r\n"),
        ("connection: close", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"),
        ("connection: close", b"\r\n"),
    ],
)
def test_answer_when_it_is_large_and_more_comes_that_is_not_read_is_whole(gateway: LiveGateway, line: str, behind: bytes) -> None:
    content = "long " * 800_000
    asked = json.dumps(body("fuzz/ok", messages=[{"role": "user", "content": content}])).encode()
    with socket.create_connection(address(gateway), 20) as sock:
        sock.sendall(request(gateway, "POST", CHAT, f"content-length: {len(asked)}", line, content=asked) + behind)
        received = sock.recv(1)
        for _ in range(30):  # what comes when the connection has ended on the other side
            sock.sendall(behind)
            received += sock.recv(50_000)
        while data := sock.recv(1_000_000):
            received += data
    assert [answer.status for answer in answers_in(received, ["POST"])] == [200]
    assert content.encode()[:-9] in received


def test_gateway_after_all_this_still_answers(gateway: LiveGateway) -> None:
    assert gateway.chat("chaos/ok").status_code == 200
    with dial(gateway) as connected:
        assert connected.response("fuzz/ok")["status"] == "completed"
