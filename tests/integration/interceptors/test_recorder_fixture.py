"""Does the test of an application see what it said to models? Through the fixture that the package offers to pytest."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from openai_api.interceptors.test_recorder import Recorder
from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.live import environment
from tests.live_operator import ROOT

KEY = "sk-proj-canary0123456789abcdefGHIJ"
PLUGIN = "openai_api.interceptors.test_recorder"
MESSAGES = [{"role": "user", "content": "hi"}]
COMPLETION = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": f"Hello {KEY}"}, "finish_reason": "stop"}],
}


def chunk(text: str) -> dict[str, Any]:
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}


ANSWERS: dict[str, tuple[str, dict[str, Any], Said]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES}, said(COMPLETION)),
    "chat stream": (
        "/v1/chat/completions",
        {"messages": MESSAGES, "stream": True},
        events(chunk("Hello s"), chunk(KEY[1:9]), chunk(KEY[9:]), chunk("."), done=True),
    ),
    "messages stream": (
        "/v1/messages",
        {"messages": MESSAGES, "max_tokens": 9, "stream": True},
        events({"type": "message_start", "message": {"id": "m", "content": []}}, {"type": "message_stop"}, names=True),
    ),
    "responses": ("/v1/responses", {"input": "hi"}, said({"id": "resp_1", "object": "response", "output": []})),
    "embeddings": ("/v1/embeddings", {"input": "hi"}, said({"object": "list", "data": []})),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    with vendor({}) as running:
        yield running


@pytest.fixture(scope="module")
def recorder(upstream: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with Recorder(tmp_path_factory.mktemp("recorder") / "made", upstream.base) as running:
        yield running


@pytest.mark.parametrize("kind", ANSWERS)
def test_exchange_when_an_application_talks_then_the_lists_have_it(kind: str, recorder: Recorder, upstream: Vendor) -> None:
    path, fields, answer = ANSWERS[kind]
    upstream.answers[path] = lambda seen: answer
    before = len(recorder.responses)
    got = httpx.post(f"{recorder.base_url}{path}", json={"model": "m", **fields}, headers={"x-api-key": KEY}, trust_env=False)
    assert got.status_code == 200, got.text
    recorder.wait_for(before + 1)
    request, response = recorder.requests[-1], recorder.responses[-1]
    assert request["path"] == path
    assert request["body"]["content"] == {"model": "m", **fields}
    assert response["status_code"] == 200
    assert response["body"]["size"] == len(got.content)
    assert response["is_streaming"] is ("stream" in kind)
    assert recorder.errors == []
    written = "".join(file.read_text() for file in recorder._folder.rglob("*.jsonl"))
    assert KEY not in written
    assert KEY[9:] not in written


def test_upstream_when_it_refuses_then_the_answer_is_recorded(recorder: Recorder, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(
        {"error": {"message": "no", "type": "invalid_request_error"}}, 400
    )
    before = len(recorder.responses)
    httpx.post(f"{recorder.base_url}/v1/chat/completions", json={"model": "m", "messages": MESSAGES}, trust_env=False)
    recorder.wait_for(before + 1)
    assert recorder.responses[-1]["status_code"] == 400


def test_nothing_when_it_is_waited_for_then_it_says_how_much_there_was(recorder: Recorder) -> None:
    with pytest.raises(TimeoutError, match=r"of 99 exchanges and \d+ of 7 events are recorded"):
        recorder.wait_for(99, events=7, timeout_s=0.2)


def test_proxy_when_it_cannot_start_then_the_test_is_told_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the proxy did not start") as refused, Recorder(tmp_path, "no address", "openai"):
        raise AssertionError("it has started")
    assert "is not an http or https address" in str(refused.value)


def test_proxy_when_its_block_ends_then_its_port_is_free_and_its_files_are_private(tmp_path: Path, upstream: Vendor) -> None:
    with Recorder(tmp_path / "made", upstream.base, api_key=KEY) as running:
        port = int(running.base_url.rpartition(":")[2])
    with socket.socket() as tried:
        assert tried.connect_ex(("127.0.0.1", port)) != 0
    assert (tmp_path / "made" / "proxy.yaml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "made" / "proxy.log").stat().st_mode & 0o777 == 0o600


def run(code: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**environment(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    env.pop("DJANGO_SETTINGS_MODULE")
    command = [sys.executable, *(("-c", code) if code else ("-m", "pytest", "-q", "-p", "no:signalbox", *arguments))]
    return subprocess.run(command, cwd=tmp_path, env=env, text=True, capture_output=True, timeout=120, check=False)


def test_plugin_when_it_is_loaded_then_nothing_of_the_gateway_is(tmp_path: Path) -> None:
    heavy = "{'django', 'msgspec', 'httpx', 'rich', 'openai_api.hooks', 'gateway_project', 'providers'}"
    done = run(f"import sys, {PLUGIN}; print({heavy} & set(sys.modules))", tmp_path)
    assert done.stdout.strip() == "set()", done.stderr


def test_example_of_the_page_when_run_by_pytest_then_it_passes(tmp_path: Path, upstream: Vendor) -> None:
    upstream.answers["/v1/chat/completions"] = lambda seen: said(COMPLETION)
    section = (ROOT / "docs" / "interceptors.md").read_text().partition("## `test_recorder`")[2]
    example = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    fixture = f"import pytest\n\n@pytest.fixture\ndef fake_upstream():\n    return {json.dumps(upstream.base)}\n"
    (tmp_path / "conftest.py").write_text(fixture)
    (tmp_path / "test_application.py").write_text(example)
    done = run("", tmp_path, "-p", PLUGIN, "-p", "no:cacheprovider", "-p", "no:django", "test_application.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
