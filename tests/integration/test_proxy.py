"""Does the proxy pass on every byte, header and status, in both directions, and keep what is meant for it alone?"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.messages import HELLO, message, stream
from tests.fakes.raw_upstream import RawUpstream
from tests.fakes.vendor import Said, Seen, Vendor, vendor
from tests.live_proxy import LiveProxy

KEY = "sk-clients-own-0123456789abcdef0123"
OPERATORS = "sk-operators-own-fedcba9876543210fedc"
ODD = b'{"model": "any thing \\u2603",  "messages":[{"role":"user","content":"Hi."}],"x_unknown":1.50 }'
CHUNKS = (
    b': comment\n\ndata: {"id":"c","model":"up-2","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n',
    b'data: {"id":"c","model":"up-2","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\ndata: [DONE]\n\n',
)


def echoed(seen: Seen) -> Said:
    told = {"method": seen.method, "path": seen.path, "headers": seen.headers, "body": seen.body.decode("latin-1")}
    return Said(
        json.dumps(told).encode(), 207, headers={"x-upstream": "yes", "set-cookie": "a=b", "connection": "x-hop", "x-hop": "1"}
    )


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    with vendor({}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(upstream: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProxy]:
    arguments = ("--base-url", f"{upstream.base}/base/", "--type", "openai")
    with LiveProxy(tmp_path_factory.mktemp("proxy"), *arguments) as running:
        yield running


@pytest.fixture(scope="module")
def keyed(upstream: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProxy]:
    config = f"llm:\n  base_url: {upstream.base}\n  type: anthropic\n  api_key: ${{UP_KEY}}\n"
    with LiveProxy(tmp_path_factory.mktemp("keyed"), config=config, UP_KEY=OPERATORS) as running:
        yield running


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_unknown_path_when_asked_then_passed_on_with_its_query_as_it_came(
    method: str, proxy: LiveProxy, upstream: Vendor
) -> None:
    path = "/v1/files/a%2Fb%20c?x=1&y=%26&z"
    upstream.answers["/base" + path] = echoed
    headers = {"authorization": f"Bearer {KEY}", "x-own": "1", "x-cylestio-tags": "a", "x-gateway-tags": "b", "user-agent": "me"}
    answer = proxy.http.request(method, path, headers=headers, content=b"\x00\xff" if method == "POST" else None)
    assert (answer.status_code, answer.headers["x-upstream"], answer.headers["set-cookie"]) == (207, "yes", "a=b")
    assert "x-hop" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("x-gateway")]
    seen = upstream.last
    assert (seen.method, seen.path) == (method, "/base" + path)
    assert seen.body == (b"\x00\xff" if method == "POST" else b"")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert (seen.headers["x-own"], seen.headers["user-agent"]) == ("1", "me")
    assert not [name for name in seen.headers if name.startswith(("x-gateway", "x-cylestio"))]
    assert answer.json()["path"] == seen.path


def test_call_when_passed_on_then_request_and_answer_keep_every_byte(proxy: LiveProxy, upstream: Vendor) -> None:
    body = b'{ "id":"c","model":"up-2","choices":[ {"index":0,"message":{"role":"assistant","content":"Hi"}}],"n":1.0}\n'
    upstream.answers["/base/v1/chat/completions"] = lambda seen: Said(body, headers={"x-upstream": "yes", "x-request-id": "up1"})
    answer = proxy.http.post("/v1/chat/completions", content=ODD, headers={"content-type": "application/json"})
    assert answer.content == body
    assert (answer.headers["x-upstream"], answer.headers["x-request-id"]) == ("yes", "up1")
    assert upstream.last.body == ODD


def test_stream_when_passed_on_then_it_keeps_every_byte_and_its_headers(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/chat/completions"] = lambda seen: Said(
        content_type="text/event-stream", chunks=CHUNKS, headers={"x-upstream": "yes"}
    )
    answer = proxy.http.post("/v1/chat/completions", json={**json.loads(ODD), "stream": True})
    assert answer.content == b"".join(CHUNKS)
    assert (answer.headers["content-type"], answer.headers["x-upstream"]) == ("text/event-stream", "yes")


@pytest.mark.parametrize("streamed", [False, True])
def test_error_when_the_upstream_has_one_then_its_status_headers_and_bytes(
    streamed: bool, proxy: LiveProxy, upstream: Vendor
) -> None:
    body = b'{"error": {"message": "no", "type": "x", "code" : "odd"}}'
    upstream.answers["/base/v1/chat/completions"] = lambda seen: Said(
        body, 429, headers={"retry-after": "7", "x-upstream": "yes"}
    )
    before = len(upstream.seen)
    answer = proxy.http.post("/v1/chat/completions", json={**json.loads(ODD), "stream": streamed})
    assert (answer.status_code, answer.content) == (429, body)
    assert (answer.headers["retry-after"], answer.headers["x-upstream"]) == ("7", "yes")
    assert len(upstream.seen) == before + 1, "nothing is tried twice"


def test_redirect_when_the_upstream_sends_one_then_passed_on(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/x"] = lambda seen: Said(b"", 307, headers={"location": "https://elsewhere.example/"})
    answer = proxy.http.get("/v1/x")
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example/")


@pytest.mark.parametrize("body", [b"no json", b'{"model":"m"}', b'{"model":"m","model":"n","messages":[]}', b""])
def test_body_when_nobody_can_read_it_then_the_upstream_decides(body: bytes, proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/chat/completions"] = echoed
    answer = proxy.http.post("/v1/chat/completions", content=body)
    assert answer.status_code == 207
    assert upstream.last.body == body


def test_upload_when_passed_on_then_byte_for_byte(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/files"] = echoed
    data = bytes(range(256)) * 4096
    answer = proxy.http.post("/v1/files", files={"file": ("a.bin", data)}, data={"purpose": "assistants"})
    assert answer.status_code == 207
    (file,) = [part for part in upstream.last.form.parts if part.filename]
    assert file.data() == data


def test_download_when_large_then_byte_for_byte(proxy: LiveProxy, upstream: Vendor) -> None:
    data = bytes(range(256)) * 40_000
    upstream.answers["/base/v1/files/f/content"] = lambda seen: Said(data, content_type="application/octet-stream")
    assert proxy.http.get("/v1/files/f/content").content == data


def test_head_when_asked_then_the_head_alone(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/h"] = lambda seen: Said(b"12345")
    answer = proxy.http.head("/v1/h")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5", b"")


def test_workflow_when_in_the_path_then_not_upstream(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/models"] = echoed
    assert proxy.http.get("/agent-workflow/my-flow/v1/models?a=b").status_code == 207
    assert upstream.last.path == "/base/v1/models?a=b"


def test_coded_body_when_sent_then_passed_on_as_it_is(proxy: LiveProxy, upstream: Vendor) -> None:
    import gzip

    upstream.answers["/base/v1/chat/completions"] = echoed
    packed = gzip.compress(ODD)
    answer = proxy.http.post("/v1/chat/completions", content=packed, headers={"content-encoding": "gzip"})
    assert answer.status_code == 207
    assert (upstream.last.body, upstream.last.headers["content-encoding"]) == (packed, "gzip")


def test_body_when_too_large_then_413_and_nothing_goes_upstream(proxy: LiveProxy, upstream: Vendor) -> None:
    before = len(upstream.seen)
    with socket.create_connection(("127.0.0.1", int(proxy.base_url.rpartition(":")[2]))) as raw:
        raw.sendall(b"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert len(upstream.seen) == before


def test_stream_when_the_upstream_breaks_then_the_clients_breaks_too(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/chat/completions"] = lambda seen: Said(
        content_type="text/event-stream", chunks=CHUNKS[:1], cut=True
    )
    with proxy.http.stream("POST", "/v1/chat/completions", json={**json.loads(ODD), "stream": True}) as answer:
        assert until_broken(answer) == CHUNKS[0]


def until_broken(answer: httpx.Response) -> bytes:
    """What comes before the connection breaks."""
    received: list[bytes] = []
    with pytest.raises(httpx.RemoteProtocolError):
        received.extend(answer.iter_raw())
    return b"".join(received)


# Its own paths


def test_health_when_asked_then_as_the_origin_has_it(proxy: LiveProxy) -> None:
    answer = proxy.http.get("/health").json()
    assert (answer["status"], answer["service"]) == ("healthy", "llm-proxy")
    assert answer["version"]


def test_metrics_when_asked_then_prometheus_with_what_was_passed_on(proxy: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/base/v1/chat/completions"] = lambda seen: Said(content_type="text/event-stream", chunks=CHUNKS)
    proxy.http.post("/v1/chat/completions", json={**json.loads(ODD), "stream": True})

    def counted() -> bool:
        text = proxy.http.get("/metrics").text
        return 'path="/chat/completions"' in text and "signalbox_tokens_total{" in text

    from tests.fakes.chaos.process import eventually

    assert eventually(counted, 5.0, 0.1), proxy.http.get("/metrics").text


def test_config_when_asked_then_without_secrets(keyed: LiveProxy, proxy: LiveProxy) -> None:
    answer = keyed.http.get("/config")
    assert answer.json()["llm"]["api_key_configured"] is True
    assert OPERATORS not in answer.text
    assert proxy.http.get("/config").json()["llm"]["api_key_configured"] is False


def test_websocket_when_asked_then_refused(proxy: LiveProxy) -> None:
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert proxy.http.get("/v1/responses", headers=headers).status_code == 403


# Credentials


def test_key_when_configured_then_sent_only_where_the_client_has_none(keyed: LiveProxy, upstream: Vendor) -> None:
    upstream.answers["/v1/models"] = echoed
    keyed.http.get("/v1/models")
    assert upstream.last.headers["x-api-key"] == OPERATORS
    keyed.http.get("/v1/models", headers={"authorization": f"Bearer {KEY}"})
    assert upstream.last.headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in upstream.last.headers
    keyed.http.get("/v1/models", headers={"X-Api-Key": KEY})
    assert upstream.last.headers["x-api-key"] == KEY


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/models"])
def test_key_when_the_upstream_repeats_it_then_masked(path: str, keyed: LiveProxy, upstream: Vendor) -> None:
    upstream.answers[path] = lambda seen: Said(b'{"error":{"message":"bad key %b"}}' % OPERATORS.encode(), 401)
    asked: Any = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    answer = keyed.http.post(path, json=asked) if path.endswith("messages") else keyed.http.get(path)
    assert answer.status_code == 401
    assert answer.content == b'{"error":{"message":"bad key ***"}}'
    assert OPERATORS not in keyed.log()


def test_messages_when_passed_on_then_byte_for_byte(keyed: LiveProxy, upstream: Vendor) -> None:
    told = stream(HELLO)
    upstream.answers["/v1/messages"] = lambda seen: told if seen.json.get("stream") else Said(json.dumps(message(HELLO)).encode())
    asked: Any = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert keyed.http.post("/v1/messages", json=asked).json() == message(HELLO)
    assert keyed.http.post("/v1/messages", json={**asked, "stream": True}).content == b"".join(told.chunks or ())


# Failures of our own


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_upstream_when_it_cannot_be_reached_then_502_in_the_dialect(kind: str, tmp_path: Path) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{dead.getsockname()[1]}"
        with LiveProxy(tmp_path, "--base-url", address, "--type", kind) as proxy:
            for answer in (proxy.http.get("/v1/models"), proxy.http.post("/v1/chat/completions", content=ODD)):
                assert answer.status_code == 502
                assert ("type" in answer.json()) is (kind == "anthropic")
                assert answer.json()["error"]["message"]


def test_upstream_when_it_is_silent_then_504(tmp_path: Path) -> None:
    silent = RawUpstream(lambda raw: raw.drain)
    config = f"llm:\n  base_url: {silent.url()}\n  type: openai\n  timeout: 0.5\n"
    try:
        with LiveProxy(tmp_path, config=config) as proxy:
            assert proxy.http.get("/models").status_code == 504
            assert proxy.http.post("/chat/completions", content=ODD).status_code == 504
    finally:
        silent.close()
