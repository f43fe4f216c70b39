"""What does the client see when an upstream fails below HTTP, and does a bad answer cost memory or other requests?

With each transport.
"""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import Chaos
from tests.fakes.raw_upstream import RawUpstream, Serve, raw_upstream, silent_address, tls_context
from tests.live import PROVIDER_KEY, LiveGateway, error_of, events, words
from tests.live_fixtures import StartGateway
from tests.stopwatch import Stopwatch

CONNECT_S = 0.4
SLACK_S = 2.0
"""50 ms in peace."""
MEMORY_MIB = 40
"""The allocator's own swing included; what is kept from the client is far more."""
COMPLETION = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    }
).encode()
BOMB = gzip.compress(bytes(2**26), 1)
UNREACHABLE = {
    "silent": (504, "connect_timeout"),
    "no name": (502, "upstream_dns_failed"),
    "refused address": (502, "upstream_address_refused"),
    "unknown authority": (502, "upstream_tls_failed"),
    "wrong host": (502, "upstream_tls_failed"),
    "stalled handshake": (504, "connect_timeout"),
    "no tls": (502, "upstream_tls_failed"),
}
CORE = {
    "status-500": (502, "upstream_server_error"),
    "status-401": (502, "upstream_auth_failed"),
    "status-429": (429, "upstream_rate_limited"),
    "redirect": (502, "upstream_redirect_refused"),
    "close-before-head": (502, "upstream_reset"),
    "not-http": (502, "upstream_protocol_error"),
    "informational-flood": (502, "upstream_protocol_error"),
    "cl-te": (502, "upstream_protocol_error"),
    "header-flood-500": (502, "upstream_protocol_error"),
    "hang": (504, "ttft_timeout"),
}
CORE_BREAKS = {
    "stream-cut-after-3": "upstream_stream_truncated",
    "stream-reset-after-3": "upstream_stream_truncated",
    "stream-stall-after-3": "upstream_idle_timeout",
    "stream-pings-after-3": "upstream_idle_timeout",
    "stream-endless-line": "upstream_invalid_response",
}
GREEDY = {
    "head-endless": False,
    "informational-flood": False,
    "header-huge-1024": False,
    "header-flood-10000": False,
    "gzip": False,
    "huge-json-65": False,
    "stream-endless-line": True,
    "stream-huge-event-65": True,
}


def http_answer(upstream: RawUpstream, *lines: bytes, body: bytes) -> Serve:
    """Serves every request of a connection with this answer."""

    def serve(sock: socket.socket) -> None:
        while upstream.request(sock):
            sock.sendall(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"content-length: %d" % len(body), b"", b""]) + body)

    return serve


def bomb(upstream: RawUpstream) -> Serve:
    return http_answer(upstream, b"content-type: application/json", b"content-encoding: gzip", body=BOMB)


def plain(upstream: RawUpstream) -> Serve:
    """Speaks HTTP where TLS is expected."""

    def serve(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        upstream.drain(sock)

    return serve


def one_byte_chunks(upstream: RawUpstream) -> Serve:
    """A stream of 100,000 bytes of which each is a chunk of its own."""
    chunk = b'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
    stream = (
        chunk % (b"a" * 100_000)
        + b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

    def serve(sock: socket.socket) -> None:
        while upstream.request(sock):
            sock.sendall(head + b"".join(b"1\r\n%c\r\n" % byte for byte in stream) + b"0\r\n\r\n")

    return serve


def with_tls(context: Any) -> Callable[[RawUpstream], Serve]:
    def make(upstream: RawUpstream) -> Serve:
        def serve(sock: socket.socket) -> None:
            with context.wrap_socket(sock, server_side=True) as secured:
                http_answer(upstream, b"content-type: application/json", body=COMPLETION)(secured)

        return serve

    return make


@pytest.fixture(scope="module")
def upstreams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The broken upstreams by name, and `trust`, the certificates that the gateway is to trust."""
    folder: Path = tmp_path_factory.mktemp("tls")
    trusted, elsewhere, unknown = (tls_context(folder, host) for host in ("127.0.0.1", "other.example", "localhost"))
    bundle = folder / "trust.pem"
    bundle.write_bytes((folder / "127.0.0.1.pem").read_bytes() + (folder / "other.example.pem").read_bytes())
    makers: dict[str, Callable[[RawUpstream], Serve]] = {
        "trusted": with_tls(trusted),
        "wrong host": with_tls(elsewhere),
        "unknown authority": with_tls(unknown),
        "stalled handshake": lambda upstream: upstream.drain,
        "no tls": plain,
        "bomb": bomb,
        "one byte chunks": one_byte_chunks,
    }
    with ExitStack() as running:
        made: dict[str, Any] = {name: running.enter_context(raw_upstream(make)) for name, make in makers.items()}
        yield {**made, "silent": running.enter_context(silent_address()), "trust": bundle}


@pytest.fixture(scope="module", params=["slim", "httpx"])
def running(request: pytest.FixtureRequest, start_gateway: StartGateway, upstreams: dict[str, Any]) -> Iterator[LiveGateway]:
    gateway = start_gateway(
        GATEWAY_TRANSPORT=request.param, GATEWAY_CONNECT_TIMEOUT_S=str(CONNECT_S), SSL_CERT_FILE=str(upstreams["trust"])
    )
    urls = {
        "silent": upstreams["silent"],
        "no name": "http://name.invalid/v1",
        "bomb": upstreams["bomb"].url(),
        "one byte chunks": upstreams["one byte chunks"].url(),
        "unknown authority": upstreams["unknown authority"].url("https", "localhost"),
        "refused address": "http://2852039166/v1",  # 169.254.169.254, as some spell it to get past a look at the text
        **{name: upstreams[name].url("https") for name in ("trusted", "wrong host", "stalled handshake", "no tls")},
    }
    providers = [
        {"name": name, "type": "openai_compatible", "api_base": url, "api_key": PROVIDER_KEY} for name, url in urls.items()
    ]
    gateway.operator.define(providers, [])
    alone = {name: [{"upstream_model": "m", "provider": name}] for name in urls}
    gateway.define_models(alone)
    gateway.define_models({f"{name}, then ok": [*routes, {"upstream_model": "ok"}] for name, routes in alone.items()})
    gateway.define("ok", "stale-reuse", "stream-burst-20000", *GREEDY)
    gateway.define(*CORE, *CORE_BREAKS, first_byte_timeout_s=0.5, idle_timeout_s=0.5)
    gateway.define("stream-endless-line", idle_timeout_s=10)  # until it is larger than any answer
    yield gateway
    gateway.check_rows()


@pytest.fixture
def gateway(running: LiveGateway, chaos: Chaos) -> Iterator[LiveGateway]:
    yield running
    running.check()


def resident_mib(gateway: LiveGateway) -> float:
    return int(Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", UNREACHABLE)
def test_upstream_when_it_cannot_be_reached_safely_is_mapped_in_time_and_never_sees_the_key(
    gateway: LiveGateway, upstreams: dict[str, Any], name: str, stream: bool
) -> None:
    started = time.monotonic()
    response = gateway.chat(name, stream=stream)
    assert (response.status_code, error_of(response)["code"]) == UNREACHABLE[name]
    assert time.monotonic() - started < CONNECT_S + SLACK_S
    if name in upstreams and name != "silent":
        assert upstreams[name].connections > 0
        assert PROVIDER_KEY.encode() not in upstreams[name].received


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", UNREACHABLE)
def test_upstream_when_it_cannot_be_reached_and_another_is_left_is_not_seen(
    gateway: LiveGateway, name: str, stream: bool
) -> None:
    response = gateway.chat(f"{name}, then ok", stream=stream)
    assert (response.status_code, response.headers["x-gateway-attempts"]) == (200, "2")
    assert (words(response) if stream else response.json()["choices"][0]["message"]["content"]) == "Hello from chaos."


def test_upstream_when_its_certificate_is_good_is_asked(gateway: LiveGateway, upstreams: dict[str, Any]) -> None:
    assert gateway.chat("trusted").json()["choices"][0]["message"]["content"] == "hello"
    assert PROVIDER_KEY.encode() in upstreams["trusted"].received


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", CORE)
def test_failure_when_of_the_core_is_the_same_with_each_transport(gateway: LiveGateway, behaviour: str, stream: bool) -> None:
    response = gateway.chat(f"chaos/{behaviour}", stream=stream)
    assert (response.status_code, error_of(response)["code"]) == CORE[behaviour]


@pytest.mark.parametrize("behaviour", CORE_BREAKS)
def test_stream_when_it_breaks_ends_the_same_with_each_transport(gateway: LiveGateway, behaviour: str) -> None:
    *_, error, done = events(gateway.chat(f"chaos/{behaviour}", stream=True))
    assert (error["error"]["code"], done) == (CORE_BREAKS[behaviour], "[DONE]")


@pytest.mark.parametrize("stream", [False, True])
def test_connection_when_closed_while_idle_is_replaced_unseen_with_each_transport(gateway: LiveGateway, stream: bool) -> None:
    answers = [gateway.chat("chaos/stale-reuse", stream=stream) for _ in range(4)]
    assert {(answer.status_code, answer.headers["x-gateway-attempts"]) for answer in answers} == {(200, "1")}


@pytest.mark.parametrize("behaviour", GREEDY)
def test_answer_when_greedy_is_refused_without_taking_memory(gateway: LiveGateway, behaviour: str) -> None:
    gateway.chat("chaos/ok")
    before = resident_mib(gateway)
    response = gateway.chat(f"chaos/{behaviour}", stream=GREEDY[behaviour])
    assert '"error":' in response.text
    assert (grown := resident_mib(gateway) - before) < MEMORY_MIB, grown


@pytest.mark.parametrize("stream", [False, True])
def test_answer_when_a_compressed_bomb_is_refused_and_not_unpacked(gateway: LiveGateway, stream: bool) -> None:
    gateway.chat("chaos/ok")
    before = resident_mib(gateway)
    response = gateway.chat("bomb", stream=stream)
    assert response.status_code == 502
    assert error_of(response)["type"] == "upstream_error"
    assert resident_mib(gateway) - before < MEMORY_MIB


def test_stream_when_every_byte_is_a_chunk_of_its_own_arrives_whole(gateway: LiveGateway) -> None:
    started = time.monotonic()
    response = gateway.chat("one byte chunks", stream=True)
    assert words(response) == "a" * 100_000
    assert time.monotonic() - started < 10


def test_stream_when_all_its_events_come_at_once_does_not_hold_up_others(gateway: LiveGateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        burst = pool.submit(gateway.chat, "chaos/stream-burst-20000", stream=True)
        waits = []
        while not burst.done():
            watch = Stopwatch(gateway)
            assert httpx.get(f"{gateway.base_url}/livez", trust_env=False).status_code == 200
            waits.append(watch.read())
    assert len([event for event in events(burst.result()) if event != "[DONE]"]) > 20_000
    assert max(waits) < SLACK_S
