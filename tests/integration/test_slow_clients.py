"""What do clients cost that read nothing, send nothing, half-close or vanish, and when are they cut?"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.test_bad_requests import address, read_answer
from tests.integration.test_client_faults import ANSWERED_WITHIN_S, chat_bytes
from tests.integration.test_disconnects import read_until
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

SLOW_CLIENTS = 100
KIB_PER_CLIENT = 256
HEAD_S, STALL_S = 0.8, 1.0
UNSENT, TIMER, INODE = 4, 5, 9
"""Columns of /proc/net/tcp."""
LATE_S = 0.5
"""How much later than its bound something may happen on a busy machine."""
RECEIVE_BUFFER = 4096
"""As small as the system allows, so that little is enough to fill what a client does not read."""


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", "hang", "stream-stall-after-3", "stream-flood")


@pytest.fixture(scope="module")
def hasty(start_gateway: StartGateway) -> LiveGateway:
    """A gateway that waits less long for its clients."""
    gateway = start_gateway(GATEWAY_HEAD_TIMEOUT_S=str(HEAD_S), GATEWAY_STALL_TIMEOUT_S=str(STALL_S))
    gateway.define("ok", "stream-flood", "huge-json-8")
    return gateway


@contextmanager
def client(gateway: LiveGateway) -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.settimeout(10)
        sock.connect(address(gateway))
        yield sock


def anonymous_kib(gateway: LiveGateway) -> int:
    """Memory that the server process has for itself."""
    return int(Path(f"/proc/{gateway.process.pid}/status").read_text().split("RssAnon:")[1].split()[0])


def descriptors(gateway: LiveGateway) -> int:
    return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


def far_end(sock: socket.socket) -> list[str]:
    """The gateway's end of a connection as Linux shows it in /proc/net/tcp."""
    ours, theirs = (f":{end[1]:04X}" for end in (sock.getpeername(), sock.getsockname()))
    while True:  # what is read while others connect may lack a row
        for line in Path("/proc/net/tcp").read_text().splitlines():
            row = line.split()
            if row[1].endswith(ours) and row[2].endswith(theirs):
                return row


def sockets_of(gateway: LiveGateway) -> set[str]:
    """The inodes of the sockets that the server process has."""
    found = set()
    for path in Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(path.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def aborted(gateway: LiveGateway, name: str) -> tuple[int, bool]:
    """Status and mark of the only row of a request."""
    where = {"request_id": name}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", where), 3, 0.05)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", where)
    return row["status"], row["client_aborted"]


# Who does not read


def test_clients_when_many_never_read_cost_256_kib_each_and_hold_up_nobody(gateway: LiveGateway) -> None:
    for _ in range(20):
        gateway.chat("chaos/ok")
    before = anonymous_kib(gateway)
    with ExitStack() as kept:
        for _ in range(SLOW_CLIENTS):
            sock = kept.enter_context(client(gateway))
            sock.sendall(chat_bytes(gateway, model="chaos/stream-flood", stream=True))
            read_until(sock, b"aaaa")
        time.sleep(0.5)
        waits = []
        for _ in range(20):
            started = time.monotonic()
            assert gateway.chat("chaos/ok").status_code == 200
            waits.append(time.monotonic() - started)
        assert (grown := (anonymous_kib(gateway) - before) / SLOW_CLIENTS) <= KIB_PER_CLIENT, grown
        assert sorted(waits)[10] < ANSWERED_WITHIN_S
    assert gateway.chaos.wait_idle(5)


def test_client_when_it_takes_nothing_of_a_stream_is_cut_in_time(hasty: LiveGateway) -> None:
    hasty.chaos.reset()
    with client(hasty) as sock:
        sock.sendall(chat_bytes(hasty, "x-request-id: stalled", model="chaos/stream-flood", stream=True))
        started = time.monotonic()
        record = hasty.chaos.wait_state("client_closed", "stream-flood", within=5)
        cut = record["started"] + record["ms"] / 1000 - started
        assert STALL_S < cut < STALL_S + LATE_S
        assert aborted(hasty, "stalled") == (499, True)
        hasty.check()


def test_client_when_it_takes_nothing_of_a_whole_answer_is_cut_in_time(hasty: LiveGateway) -> None:
    with client(hasty) as sock:
        sock.sendall(chat_bytes(hasty, model="chaos/huge-json-8"))
        asked = time.monotonic()
        assert eventually(lambda: not far_end(sock)[UNSENT].startswith("00000000"), 5, 0.01), "the answer does not come"
        answered, inode = time.monotonic(), far_end(sock)[INODE]  # before it is accepted, the connection has none
        assert eventually(lambda: inode not in sockets_of(hasty), 5, 0.01), "the process still has the connection"
        assert asked + STALL_S < time.monotonic() < answered + STALL_S + 2 * LATE_S


def test_client_when_it_reads_slowly_is_not_cut(hasty: LiveGateway) -> None:
    with client(hasty) as sock:
        sock.sendall(chat_bytes(hasty, model="chaos/stream-flood", stream=True))
        ends = time.monotonic() + 3 * STALL_S
        while time.monotonic() < ends:
            for _ in range(64):
                assert sock.recv(65536)
            time.sleep(0.02)


# Who does not send


@pytest.mark.parametrize("sent", [b"", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: "])
def test_head_when_it_does_not_come_in_time_is_408(hasty: LiveGateway, sent: bytes) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        started = time.monotonic()
        for at in range(len(sent)):
            sock.sendall(sent[at : at + 1])
            time.sleep(0.005)
        status, headers, _ = read_answer(sock)
        assert HEAD_S < time.monotonic() - started + 0.05 < HEAD_S + LATE_S
        assert (status, headers["connection"]) == (408, "close")
        assert sock.recv(1) == b""


def test_connection_when_it_waits_for_its_next_request_is_kept_longer(hasty: LiveGateway) -> None:
    with socket.create_connection(address(hasty), timeout=5) as sock:
        for pause in (2 * HEAD_S, 0):
            sock.sendall(chat_bytes(hasty))
            assert read_answer(sock)[0] == 200
            time.sleep(pause)


def test_clients_when_many_send_no_request_hold_up_nobody(gateway: LiveGateway) -> None:
    with ExitStack() as kept:
        for number in range(300):
            sock = kept.enter_context(socket.create_connection(address(gateway), timeout=5))
            sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: "[: number % 50])
        started = time.monotonic()
        assert gateway.chat("chaos/ok").status_code == 200
        assert time.monotonic() - started < ANSWERED_WITHIN_S


# Who half-closes or vanishes


@pytest.mark.parametrize(("model", "stream"), [("hang", False), ("stream-stall-after-3", True)])
def test_client_when_it_half_closes_has_left(gateway: LiveGateway, model: str, stream: bool) -> None:
    before = descriptors(gateway)
    name = f"half-closed-{model}"
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(chat_bytes(gateway, f"x-request-id: {name}", model=f"chaos/{model}", stream=stream))
        assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
        read_until(sock, b"word1" if stream else b"")
        sock.shutdown(socket.SHUT_WR)
        gateway.chaos.wait_state("client_closed")
        while sock.recv(4096):
            pass
    assert aborted(gateway, name) == (499, True)
    assert eventually(lambda: descriptors(gateway) <= before + 1, 3)


def test_connection_of_a_client_is_probed_when_it_is_silent(gateway: LiveGateway) -> None:
    """Linux shows the timer of a connection: 02 is the one of keep-alive, in hundredths of a second."""
    with socket.create_connection(address(gateway), timeout=5) as sock:
        sock.sendall(chat_bytes(gateway, model="chaos/hang"))
        assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
        time.sleep(0.3)  # until nothing is unacknowledged
        timer, after = far_end(sock)[TIMER].split(":")
    assert (timer, int(after, 16) <= 1500) == ("02", True)
