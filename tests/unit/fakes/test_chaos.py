"""Does the chaos upstream misbehave exactly as its table says?"""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.chaos import behaviours
from tests.fakes.chaos.process import Chaos, chaos_upstream, eventually


@pytest.fixture(scope="module")
def upstream() -> Iterator[Chaos]:
    with chaos_upstream() as chaos:
        yield chaos


@pytest.fixture
def chaos(upstream: Chaos) -> Chaos:
    upstream.reset()
    return upstream


def body(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}


def ask(chaos: Chaos, model: str, **fields: Any) -> httpx.Response:
    return httpx.post(f"{chaos.base_url}/chat/completions", json=body(model, **fields), trust_env=False, timeout=5)


def connect(chaos: Chaos, model: str, **fields: Any) -> socket.socket:
    """A raw connection with one request sent on it."""
    data = json.dumps(body(model, **fields)).encode()
    sock = socket.create_connection(("127.0.0.1", chaos.port), timeout=5)
    sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(data), data))
    return sock


def read_all(sock: socket.socket, *, quiet: float = 5.0) -> tuple[bytes, str]:
    """Everything that comes, and why it ended: "fin", "reset" or "silence" (nothing for `quiet` seconds)."""
    sock.settimeout(quiet)
    received = b""
    with sock:
        while True:
            try:
                data = sock.recv(65536)
            except ConnectionResetError:
                return received, "reset"
            except TimeoutError:
                return received, "silence"
            if not data:
                return received, "fin"
            received += data


def events(response: httpx.Response) -> list[Any]:
    lines = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def words(response: httpx.Response) -> str:
    return "".join(
        choice["delta"].get("content") or "" for event in events(response) if event != "[DONE]" for choice in event["choices"]
    )


def test_table_when_read_documents_every_behaviour() -> None:
    documented = re.split(r"[\s,]+", behaviours.__doc__ or "")
    examples = {re.sub(r"-(N|WORDS|MIB|KIB|P|C|CODE)(?=-|$)", "-503", name) for name in documented}
    examples = {re.sub(r"-(MSms)(?=-|$)", "-20ms", name).replace("VALUE", "3") for name in examples}
    undocumented = [pattern for pattern, _ in behaviours.TABLE if not any(re.fullmatch(pattern, name) for name in examples)]
    assert undocumented == []


def test_ok_when_asked_twice_answers_the_same_bytes(chaos: Chaos) -> None:
    first, second = ask(chaos, "ok"), ask(chaos, "ok")
    assert first.content == second.content
    assert first.json()["choices"][0]["message"]["content"] == "Hello from chaos."
    assert first.json()["usage"]["total_tokens"] == 14


def test_ok_when_streamed_has_usage_only_when_asked(chaos: Chaos) -> None:
    plain = ask(chaos, "ok", stream=True)
    counted = ask(chaos, "ok", stream=True, stream_options={"include_usage": True})
    assert words(plain) == words(counted) == "Hello from chaos."
    assert [event for event in events(plain) if "usage" in event] == []
    assert events(counted)[-2]["usage"]["completion_tokens"] == 3
    assert events(counted)[-1] == "[DONE]"


def test_ok_usage_when_streamed_or_not_counts_as_named(chaos: Chaos) -> None:
    whole = ask(chaos, "ok-usage-100-20").json()["usage"]
    streamed = events(ask(chaos, "ok-usage-100-20", stream=True, stream_options={"include_usage": True}))[-2]["usage"]
    assert whole == streamed
    assert (whole["prompt_tokens"], whole["completion_tokens"]) == (100, 20)


@pytest.mark.parametrize("stream", [False, True])
def test_echo_when_asked_gives_the_request_back(chaos: Chaos, stream: bool) -> None:
    raw = b'{"model" : "echo", "stream": %s, "odd":1.50 }' % (b"true" if stream else b"false")
    response = httpx.post(f"{chaos.base_url}/chat/completions?a=b", content=raw, headers={"X-Odd": "1"}, trust_env=False)
    seen = json.loads(words(response) if stream else response.json()["choices"][0]["message"]["content"])
    assert seen["line"] == "POST /v1/chat/completions?a=b HTTP/1.1"
    assert ["x-odd", "1"] in seen["headers"]
    assert base64.b64decode(seen["body_base64"]) == raw


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("status-400", 400, "invalid_value"),
        ("status-401", 401, "invalid_api_key"),
        ("status-503", 503, "overloaded"),
        ("status-520", 520, "server_error"),
        ("status-429-quota", 429, "insufficient_quota"),
        ("no-such-behaviour", 404, "model_not_found"),
    ],
)
def test_status_when_asked_answers_an_error_object(chaos: Chaos, model: str, status: int, code: str) -> None:
    response = ask(chaos, model)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("model", "header", "value"),
    [
        ("status-429-retry-after-3", "retry-after", r"3"),
        ("status-429-retry-after--1", "retry-after", r"-1"),
        ("status-429-retry-after-soon", "retry-after", r"soon"),
        ("status-503-retry-after-ms-1500", "retry-after-ms", r"1500"),
        ("status-429-retry-after-date", "retry-after", r"\w{3}, \d\d \w{3} \d{4} .* GMT"),
    ],
)
def test_retry_after_when_named_is_sent(chaos: Chaos, model: str, header: str, value: str) -> None:
    assert re.fullmatch(value, ask(chaos, model).headers[header])


def test_leak_when_asked_repeats_the_credential(chaos: Chaos) -> None:
    response = httpx.post(
        f"{chaos.base_url}/chat/completions",
        json=body("status-400-leak"),
        headers={"authorization": "Bearer sk-abc"},
        trust_env=False,
    )
    assert "sk-abc" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "starts", "contains", "ending"),
    [
        ("reset-before-head", b"", b"", "reset"),
        ("close-before-head", b"", b"", "fin"),
        ("not-http", b"220 ", b"", "fin"),
        ("hang", b"", b"", "silence"),
        ("head-then-hang", b"HTTP/1.1 200 OK", b"content-length: 1000", "silence"),
        ("half-then-hang", b"HTTP/1.1 200 OK", b'"chatcmpl-chaos"', "silence"),
        ("length-long", b"HTTP/1.1 200 OK", b"x_vendor", "fin"),
        ("length-short", b"HTTP/1.1 200 OK", b"}SMUGGLED", "silence"),
        ("two-bodies", b"HTTP/1.1 200 OK", b"}HTTP/1.1 200 OK", "silence"),
        ("cl-te", b"HTTP/1.1 200 OK", b"0\r\n\r\nHTTP/1.1 200 OK", "silence"),
        ("redirect", b"HTTP/1.1 302 Found", b"/v1/trap/", "silence"),
        ("header-flood-500", b"HTTP/1.1 200 OK", b"x-flood-499: a", "silence"),
        ("header-huge-100", b"HTTP/1.1 200 OK", b"a" * 102_400, "silence"),
        ("html-200", b"HTTP/1.1 200 OK", b"text/html", "silence"),
        ("empty-body", b"HTTP/1.1 200 OK", b"content-length: 0", "silence"),
        ("stream-cut-after-2", b"HTTP/1.1 200 OK", b'"word0 "', "fin"),
        ("stream-reset-after-2", b"HTTP/1.1 200 OK", b'"word0 "', "reset"),
        ("stream-stall-after-1", b"HTTP/1.1 200 OK", b'"assistant"', "silence"),
        ("stream-stall-after-0", b"HTTP/1.1 200 OK", b"event-stream", "silence"),
        ("stream-done-never-closes", b"HTTP/1.1 200 OK", b"[DONE]", "silence"),
        ("stream-until-close", b"HTTP/1.1 200 OK", b"[DONE]", "fin"),
    ],
)
def test_broken_answer_when_asked_ends_as_named(chaos: Chaos, model: str, starts: bytes, contains: bytes, ending: str) -> None:
    received, how = read_all(connect(chaos, model), quiet=0.15)
    assert received.startswith(starts)
    assert contains in received
    assert (how, received == b"") == (ending, starts == b"")


@pytest.mark.parametrize(
    "model",
    ["head-endless", "informational-flood", "stream-endless-line", "stream-flood", "stream-pings-only", "stream-pings-after-1"],
)
def test_endless_answer_when_the_client_goes_is_stopped(chaos: Chaos, model: str) -> None:
    with connect(chaos, model) as sock:
        assert sock.recv(100) != b""
        time.sleep(0.1)
        assert chaos.log()[-1]["state"] == "open"
        assert chaos.connections()["busy"] == 1
    assert chaos.wait_state("client_closed")["ms"] >= 100
    assert eventually(lambda: chaos.connections()["open"] == 0, 2)


@pytest.mark.parametrize(
    ("model", "text", "done"),
    [
        ("stream-ok-4", "word0 word1 word2 word3 ", True),
        ("stream-burst-2", "word0 word1 ", True),
        ("stream-paced-5ms-2", "word0 word1 ", True),
        ("stream-end-after-2", "word0 ", False),
        ("stream-no-done", "Hello from chaos.", False),
        ("stream-pings-then-ok-2", "Hello from chaos.", True),
        ("stream-bytes-1", "one", True),
        ("stream-utf8-split", "日本語grüße👩‍👩‍👧é한국어🇩🇪", True),
        ("stream-named", "Hello from chaos.", True),
        ("stream-commented", "Hello from chaos.", True),
        ("stream-no-last-blank", "Hello from chaos.", True),
        ("stream-length", "Hello from chaos.", True),
        ("stream-usage-null", "Hello from chaos.", True),
        ("stream-reasoning", "42", True),
        ("stream-done-then-more", "Hello from chaos.TOO LATE", False),
    ],
)
def test_stream_when_asked_says_as_named(chaos: Chaos, model: str, text: str, done: bool) -> None:
    response = ask(chaos, model)
    assert words(response) == text
    assert (events(response)[-1] == "[DONE]") is done


@pytest.mark.parametrize(
    ("model", "raw"),
    [
        ("stream-crlf", b"}\r\n\r\ndata: "),
        ("stream-crlf-split", b"}\r\n\r\ndata: "),
        ("stream-cr", b"}\r\rdata: "),
        ("stream-nospace", b"\n\ndata:{"),
        ("stream-multiline", b',\ndata: "choices"'),
        ("stream-bom", b"\xef\xbb\xbfdata: "),
        ("stream-utf8-invalid", b'"\xff\xfe"'),
        ("stream-bad-json-after-1", b'[{"delta"\n\n'),
        ("stream-empty", b""),
        ("stream-done-only", b"data: [DONE]\n\n"),
        ("stream-error-first", b"overloaded_error"),
        ("stream-error-first-429", b"rate_limit_exceeded"),
        ("stream-error-after-1", b"engine_broke"),
        ("stream-usage-on-finish", b'"finish_reason":"stop"}],"usage":{"prompt'),
        ("stream-tool-calls", b'"arguments":"{\\"city\\""'),
        ("stream-huge-event-2", b"a" * 2 * 1024 * 1024),
        ("stream-ignored", b'"object":"chat.completion",'),
    ],
)
def test_stream_when_oddly_framed_has_the_named_bytes(chaos: Chaos, model: str, raw: bytes) -> None:
    response = ask(chaos, model, stream=True)
    assert response.status_code == 200
    assert raw in response.content


@pytest.mark.parametrize("kind", ["list", "string", "null", "object", "error"])
def test_json_value_when_asked_is_no_completion(chaos: Chaos, kind: str) -> None:
    value = ask(chaos, f"json-{kind}").json()
    assert not isinstance(value, dict) or "choices" not in value


def test_odd_json_when_asked_is_json_all_the_same(chaos: Chaos) -> None:
    response = ask(chaos, "ok-odd-json")
    assert response.json()["model"] == "ok-odd-json"
    assert b'"model" : "ok-odd-json"' in response.content


def test_tools_truncated_and_gzip_when_asked_are_as_named(chaos: Chaos) -> None:
    assert ask(chaos, "ok-tools").json()["choices"][0]["finish_reason"] == "tool_calls"
    assert len(ask(chaos, "huge-json-1").content) > 1024 * 1024
    assert ask(chaos, "error-list").json()[0]["error"]["code"] == 400
    assert ask(chaos, "status-502-html").headers["content-type"] == "text/html"
    with pytest.raises(json.JSONDecodeError):
        ask(chaos, "truncated-json").json()
    raw, _ = read_all(connect(chaos, "gzip"), quiet=0.15)
    assert json.loads(gzip.decompress(raw.partition(b"\r\n\r\n")[2]))["model"] == "gzip"


def test_stale_reuse_when_the_connection_is_used_again_closes_it(chaos: Chaos) -> None:
    with httpx.Client(trust_env=False) as client:
        url = f"{chaos.base_url}/chat/completions"
        assert client.post(url, json=body("stale-reuse")).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            client.post(url, json=body("stale-reuse"))


def test_slow_when_asked_takes_its_time(chaos: Chaos) -> None:
    started = time.monotonic()
    assert ask(chaos, "slow-80ms").status_code == 200
    assert 0.08 <= time.monotonic() - started < 1.0


def test_script_when_set_goes_before_the_model_name_and_runs_out(chaos: Chaos) -> None:
    chaos.script(["status-503", "status-500"], model="ok")
    assert [ask(chaos, "ok").status_code, ask(chaos, "slow-1ms").status_code] == [503, 200]
    assert [ask(chaos, "ok").status_code, ask(chaos, "ok").status_code] == [500, 200]
    chaos.script(["status-502"])
    assert [ask(chaos, "slow-1ms").status_code, ask(chaos, "ok").status_code] == [502, 200]
    chaos.script(["status-502"])
    chaos.reset()
    assert ask(chaos, "ok").status_code == 200


def test_log_when_requests_came_tells_them_in_order(chaos: Chaos) -> None:
    ask(chaos, "ok", temperature=1)
    ask(chaos, "status-503")
    first, second = chaos.log(bodies=True)
    assert (first["model"], first["state"], second["behaviour"]) == ("ok", "finished", "status-503")
    assert json.loads(base64.b64decode(first["body_base64"]))["temperature"] == 1
    assert first["body_bytes"] == len(base64.b64decode(first["body_base64"]))
    assert chaos.log("status-503") == [{key: value for key, value in second.items() if key != "body_base64"}]


def test_connection_when_kept_alive_serves_many_requests(chaos: Chaos) -> None:
    before = chaos.connections()["accepted"]
    with httpx.Client(trust_env=False) as client:
        for _ in range(200):
            client.post(f"{chaos.base_url}/chat/completions", json=body("ok")).raise_for_status()
        assert chaos.connections() == {"open": 1, "busy": 0, "accepted": before + 1}
    assert eventually(lambda: chaos.connections()["open"] == 0, 2)


def test_request_when_chunked_or_cut_into_bytes_is_read(chaos: Chaos) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (bytes([byte]) for byte in json.dumps(body("ok")).encode())

    response = httpx.post(f"{chaos.base_url}/chat/completions", content=pieces(), trust_env=False)
    assert response.status_code == 200


def test_models_when_listed_are_an_openai_list(chaos: Chaos) -> None:
    listed = httpx.get(f"{chaos.base_url}/models", trust_env=False).json()
    assert [card["id"] for card in listed["data"]] == ["ok", "echo"]
    assert httpx.get(f"{chaos.base_url}/nothing", trust_env=False).status_code == 404
