"""Is every request of a connection answered once, in its turn, and nothing else?

`python -m tests.fuzz.over_sockets [FIRST [COUNT]]` sends the framings of `tests/fuzz/framings.py` to a running server.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.contract.examples import EXAMPLES
from tests.fakes.chaos.process import chaos_upstream
from tests.fuzz.framings import SMUGGLED, Asked, Framing, framing
from tests.live import LiveGateway, make_template

COUNT = 100_000
AT_ONCE = 16
PAUSE_S = 0.002
"""Between two packets, so that they are read one by one."""
ENDS_WITHIN_S = 20.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]

    @property
    def id(self) -> str:
        return self.headers.get("x-request-id", "")


def talk(address: tuple[str, int], packets: list[bytes]) -> bytes:
    """Everything that comes back until the connection ends."""
    received = []
    with socket.create_connection(address, timeout=ENDS_WITHIN_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):  # what has come before is still there
            for number, packet in enumerate(packets):
                time.sleep(PAUSE_S if number else 0)
                sock.sendall(packet)
        with suppress(ConnectionResetError):
            while data := sock.recv(65536):
                received.append(data)
    return b"".join(received)


def answers_in(received: bytes, methods: list[str]) -> Iterator[Answer]:
    """The answers, which must be nothing but that, to requests with these methods. After 101 nothing is read."""
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        assert end, head
        line, *lines = head.decode("latin-1").split("\r\n")
        version, status = line.split(" ")[:2]
        assert version == "HTTP/1.1", line
        answer = Answer(int(status), {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)})
        if answer.status == 100:
            continue
        yield answer
        if answer.status == 101:
            assert not received.startswith(b"HTTP/")
            return
        method = methods.pop(0) if methods else ""
        received = _behind_body(answer, received) if method != "HEAD" else received


def _behind_body(answer: Answer, received: bytes) -> bytes:
    """What comes after the body of the answer."""
    if "content-length" in answer.headers:
        size = int(answer.headers["content-length"])
        assert len(received) >= size, received
        return received[size:]
    if answer.headers.get("transfer-encoding") != "chunked":
        return b""
    while True:
        line, _, received = received.partition(b"\r\n")
        size = int(line, 16)
        assert received[size : size + 2] == b"\r\n"
        received = received[size + 2 :]
        if size == 0:
            return received


def check(sent: Framing, received: bytes) -> None:
    """Raises `AssertionError` if not every request has one answer, its own, in its turn."""
    answers = list(answers_in(received, [asked.method for asked in sent.asked]))
    assert not any(answer.id.startswith(SMUGGLED) for answer in answers), "what was no request is answered"
    for asked, answer in zip(sent.asked, answers, strict=False):
        _check_answer(asked, answer)
    assert len(sent.asked) <= len(answers) <= len(sent.asked) + sent.refusal, [answer.id for answer in answers]
    if answers and answers[-1].status != 101 and not sent.refusal:
        assert answers[-1].headers.get("connection") == "close", answers[-1]


def _check_answer(asked: Asked, answer: Answer) -> None:
    assert answer.id == asked.id, (asked, answer)
    assert answer.status in asked.statuses, (asked, answer)
    if answer.headers.get("transfer-encoding"):
        assert "content-length" not in answer.headers


def run(gateway: LiveGateway, numbers: range) -> None:
    """Sends these framings. Raises `AssertionError` that names the first that is answered in another way."""
    host, _, port = gateway.base_url.removeprefix("http://").rpartition(":")

    def one(number: int) -> None:
        sent = framing(number, gateway.key)
        received = b""
        try:
            received = talk((host, int(port)), sent.packets)
            check(sent, received)
        except (AssertionError, OSError, ValueError) as error:
            raise AssertionError(f"framing {number}: {error!r}\nsent {sent}\nreceived {received!r}") from error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(one, numbers):
            pass


def define(gateway: LiveGateway) -> None:
    """The model that the framings ask."""
    gateway.define_at("dummy", "", {"fuzz/ok": ("echo", [each.capability for each in EXAMPLES])}, name="fuzz")


@contextmanager
def server() -> Iterator[LiveGateway]:
    with tempfile.TemporaryDirectory() as folder, chaos_upstream() as chaos:
        template = make_template(Path(folder) / "template")
        data = Path(folder) / "data"
        with LiveGateway(data, chaos, template=template, GATEWAY_ACCESS_LOG="off", LOG_LEVEL="info") as gateway:
            define(gateway)
            yield gateway


def main() -> None:
    first, count = (*map(int, sys.argv[1:]), *(0, COUNT)[len(sys.argv) - 1 :])
    with server() as gateway:
        run(gateway, range(first, first + count))
    print(f"{count} framings, and every request of theirs has its own answer")  # noqa: T201


if __name__ == "__main__":
    main()
