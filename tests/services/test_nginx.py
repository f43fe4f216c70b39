"""Behind nginx, as `docs/deployment.md` configures it: does every client get its own answers, whatever another one sends?"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests import needs
from tests.architecture.sources import ROOT
from tests.fakes.chaos.process import eventually
from tests.fuzz.framings import IGNORED, WEBSOCKET
from tests.integration.test_bad_requests import CHAT
from tests.live import LiveGateway, body
from tests.socket_client import Socket

ROUNDS = 40
ONLY_WEBSOCKETS = 'default      "";'
EVERYTHING = "default upgrade;"
"""What most configurations on the web have."""
AT_ONCE = "proxy_buffering off; proxy_request_buffering off;"
"""Packets of a body go on as they come."""
FRAME = """
daemon off; master_process off; pid nginx.pid; error_log error.log;
events {}
http {
    access_log off; client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    %s
}
"""


def documented(upstream: str, port: int) -> str:
    """The configuration of the page, for this upstream and on this port, without TLS."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    text = page.partition("```nginx\n")[2].partition("```")[0]
    lines = [line for line in text.splitlines() if not line.strip().startswith("ssl_")]
    return "\n".join(lines).replace("127.0.0.1:3000", upstream).replace("443 ssl", f"127.0.0.1:{port}")


@contextmanager
def nginx(folder: Path, configuration: str, port: int) -> Iterator[None]:
    folder.mkdir()
    (folder / "nginx.conf").write_text(FRAME % configuration)
    command = [needs.program("nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            served = eventually(lambda: needs.answers(f"tcp://127.0.0.1:{port}"), 10, 0.05)
            assert served, (folder / "error.log").read_text()
            yield
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=[False, True], ids=["as documented", "every upgrade and packet passed on"])
def port(shared_gateway: LiveGateway, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[int]:
    """Where nginx listens."""
    models = {f"nginx/{name}": [{"upstream_model": name}] for name in ("ok", "stream-paced-50ms-10")}
    shared_gateway.define_models(models, capabilities=["chat", "responses"])
    port = free_port()
    configuration = documented(shared_gateway.base_url.removeprefix("http://"), port)
    if request.param:
        assert ONLY_WEBSOCKETS in configuration
        configuration = configuration.replace(ONLY_WEBSOCKETS, EVERYTHING).replace("proxy_buffering off;", AT_ONCE)
    with nginx(tmp_path_factory.mktemp("nginx") / "run", configuration, port):
        yield port


def attack(gateway: LiveGateway, port: int, upgrade: str, number: int) -> None:
    """A request whose body, which nginx sends in packets of its own, looks like others."""
    inner = f"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-request-id: smuggled-{number}\r\nx-api-key: {gateway.key}\r\n\r\n" * 400
    lines = ["POST /livez HTTP/1.1", "host: x", upgrade, f"content-length: {len(inner)}", "", ""]
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
        sock.sendall("\r\n".join(lines).encode() + inner.encode())
        sock.settimeout(0.1)
        while sock.recv(65536):
            pass


@pytest.mark.parametrize("upgrade", [IGNORED[0], WEBSOCKET], ids=["h2c", "websocket"])
def test_clients_when_another_one_hides_requests_in_a_body_get_their_own_answers(
    gateway: LiveGateway, port: int, upgrade: str
) -> None:
    stop = threading.Event()

    def attacks() -> None:
        number = 0
        while not stop.is_set():
            attack(gateway, port, f"{upgrade}\r\nconnection: keep-alive" if number % 2 else upgrade, number := number + 1)

    attacker = threading.Thread(target=attacks)
    attacker.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=gateway.headers(), trust_env=False) as victim:
            for number in range(ROUNDS):
                time.sleep(0.02)
                answer = victim.post(CHAT, json=body("nginx/ok"), headers={"x-request-id": f"mine-{number}"})
                assert (answer.status_code, answer.headers["x-request-id"]) == (200, f"mine-{number}")
                assert answer.json()["object"] == "chat.completion"
    finally:
        stop.set()
        attacker.join()


def test_chat_when_it_offers_another_protocol_is_served(gateway: LiveGateway, port: int) -> None:
    data = json.dumps(body("nginx/ok")).encode()
    lines = [f"POST {CHAT} HTTP/1.1", "host: x", IGNORED[0], f"x-api-key: {gateway.key}", f"content-length: {len(data)}", "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall("\r\n".join(lines).encode())
        time.sleep(0.02)
        sock.sendall(data)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_stream_when_proxied_comes_event_by_event(gateway: LiveGateway, port: int) -> None:
    started = time.monotonic()
    asked = body("nginx/stream-paced-50ms-10", stream=True)
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=gateway.headers(), trust_env=False) as client,
        client.stream("POST", CHAT, json=asked) as answer,
    ):
        pieces = answer.iter_raw()
        first = next(pieces)
        assert time.monotonic() - started < 0.4
        rest = b"".join(pieces)
    assert first.startswith(b"data:")
    assert rest.endswith(b"data: [DONE]\n\n")


def test_websocket_when_proxied_serves_turns(gateway: LiveGateway, port: int) -> None:
    connection = connect(f"ws://127.0.0.1:{port}/v1/responses", additional_headers=gateway.headers(), proxy=None)
    with connection:
        socket = Socket(connection)
        for _ in range(2):
            assert socket.response("nginx/ok")["status"] == "completed"
