"""What becomes of a body that nobody asked for: for the admin, after a refusal, or behind another request?"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.test_bad_requests import CHAT, address, head_of, read_answer
from tests.integration.test_client_faults import chat_bytes
from tests.integration.test_disconnects import BOUND_S, LEAVING, read_until
from tests.live import LiveGateway, error_in
from tests.live_fixtures import StartGateway
from tests.stopwatch import Stopwatch

BODY_S = 1.0
IDLE_S = 0.4
LOGIN = "/admin/login/"


@pytest.fixture(scope="module")
def hasty(start_gateway: StartGateway) -> LiveGateway:
    """A gateway that waits little for bodies."""
    return start_gateway(GATEWAY_BODY_TIMEOUT_S=str(BODY_S), GATEWAY_BODY_IDLE_TIMEOUT_S=str(IDLE_S))


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "hang", "half-then-hang", "stream-paced-10ms-500")


def post(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: 127.0.0.1", *lines, "", ""]).encode()


def drip(sock: socket.socket, seconds: float, every_s: float = 0.05) -> float:
    """Sends a byte now and then until the other side has ended the connection; after how many seconds that was."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            sock.sendall(b"a")
            sock.settimeout(every_s)
            if sock.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - started


# For the admin, by anybody


def test_admin_when_a_body_is_announced_too_large_is_413_before_it_is_read(gateway: LiveGateway) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(post(LOGIN, "content-length: 4194305"))
        status, headers, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (413, "request_too_large")
    assert headers["connection"] == "close"
    assert headers["x-request-id"]


def test_admin_when_a_body_has_no_end_is_413_at_the_limit(gateway: LiveGateway) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(post(LOGIN, "transfer-encoding: chunked"))
        piece = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        with pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012 - it is the loop that must be ended
            for _ in range(200):
                sock.sendall(piece)
                time.sleep(0.001)


@pytest.mark.parametrize("sent", [b"", b"csrfmiddlewaretoken="])
def test_admin_when_a_body_does_not_come_is_408(hasty: LiveGateway, sent: bytes) -> None:
    started = time.monotonic()
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(post(LOGIN, "content-length: 1000") + sent)
        status, _, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (408, "request_timeout")
    assert IDLE_S * 0.9 < time.monotonic() - started < IDLE_S + 2


def test_admin_when_a_body_drips_ends_in_time(hasty: LiveGateway) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(post(LOGIN, "content-length: 1000"))
        assert BODY_S * 0.9 < drip(sock, 5) < BODY_S + 2


def test_admin_when_it_answers_names_the_request(gateway: LiveGateway) -> None:
    answer = gateway.http.get(LOGIN, headers={"x-request-id": "page-1"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "page-1")


# For the data path


def test_body_when_it_stops_is_408_long_before_all_of_it_would_be_late(hasty: LiveGateway) -> None:
    started = time.monotonic()
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(head_of(hasty, "content-length: 1000") + b"{")
        assert read_answer(sock)[0] == 408
    assert IDLE_S * 0.9 < time.monotonic() - started < BODY_S


def test_body_when_it_drips_is_408_when_all_of_it_is_late(hasty: LiveGateway) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(head_of(hasty, "content-length: 1000"))
        assert BODY_S * 0.9 < drip(sock, 5) < BODY_S + 2


# After a refusal


@pytest.mark.parametrize(
    ("head", "status"),
    [(post(CHAT, "content-length: 1000"), 401), (post("/v1/nothing", "content-length: 1000"), 404)],
)
def test_refused_request_when_its_body_drips_ends_in_time(hasty: LiveGateway, head: bytes, status: int) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(head + b"a")
        assert read_answer(sock)[0] == status
        assert BODY_S * 0.8 < drip(sock, 5) < BODY_S + 2


def test_refused_request_when_its_body_comes_leaves_the_connection_to_the_next(hasty: LiveGateway) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        sock.sendall(post(CHAT, "content-length: 10") + b"a")
        assert read_answer(sock)[0] == 401
        time.sleep(0.1)
        sock.sendall(b"a" * 9)
        time.sleep(BODY_S + 0.3)
        sock.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answer(sock)[0] == 200


# Behind another request


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize(
    ("behaviour", "stream", "seen"),
    [("hang", False, b""), ("half-then-hang", False, b""), ("stream-paced-10ms-500", True, b"word5")],
)
def test_client_when_it_leaves_while_another_request_waits_closes_the_upstream(
    gateway: LiveGateway, behaviour: str, stream: bool, seen: bytes, leave: Callable[[socket.socket], None]
) -> None:
    name = f"piped-{behaviour}-{leave.__name__}"
    sock = socket.create_connection(address(gateway), timeout=5)
    sock.sendall(chat_bytes(gateway, f"x-request-id: {name}", model=f"chaos/{behaviour}", stream=stream))
    assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
    sock.sendall(chat_bytes(gateway) * 3)
    read_until(sock, seen)
    left, watch = time.monotonic(), Stopwatch(gateway)
    leave(sock)
    record = gateway.chaos.wait_state("client_closed")
    assert record["started"] + record["ms"] / 1000 - left - watch.starved() < BOUND_S
    where = {"request_id": name}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", where), 3, 0.05)
    assert gateway.operator.rows("openai_api.UsageRecord", where)[0]["status"] == 499
    assert len(gateway.chaos.log()) == 1, "a request that nobody waits for was sent"


# Names that come often


def test_headers_when_their_names_are_repeated_count_each_time(gateway: LiveGateway) -> None:
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(head_of(gateway, "content-length: 0" + f"\r\nx-many: {'a' * 1000}" * 40))
        status, _, content = read_answer(sock)
    assert (status, error_in(json.loads(content))["code"]) == (431, "headers_too_large")
