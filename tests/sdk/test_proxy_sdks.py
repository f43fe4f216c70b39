"""Do the openai and anthropic SDKs talk through a proxy that a file of cylestio-perimeter's shape has started?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.fakes.messages import HELLO, call, message, stream
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live_proxy import LiveProxy, run

SAMPLE = (Path(__file__).parents[1] / "data" / "config" / "proxy.yaml").read_text()
KEY = "sk-clients-own-0123456789abcdef0123"
ASKED: Any = [{"role": "user", "content": "Hi."}]
WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-dated",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


REFUSED = {"message": "who?", "type": "invalid_request_error", "code": "invalid_api_key", "param": None}


def chunk(**delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-dated", "choices": [choice]}


def chat(seen: Seen) -> Said:
    if seen.headers.get("authorization") != f"Bearer {KEY}":
        return said(
            {"error": {"message": "who?", "type": "invalid_request_error", "code": "invalid_api_key", "param": None}}, 401
        )
    streamed = seen.json.get("stream")
    return events(chunk(role="assistant", content="Hel"), chunk(content="lo."), chunk(), done=True) if streamed else said(WHOLE)


def messages(seen: Seen) -> Said:
    if KEY not in seen.headers.get("x-api-key", seen.headers.get("authorization", "")):
        return said({"type": "error", "error": {"type": "authentication_error", "message": "who?"}}, 401)
    if seen.json.get("stream"):
        return stream(HELLO)
    return said(message(call(1, "look", place="here")) if seen.json.get("tools") else message(HELLO))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Vendor]:
    models = {"object": "list", "data": [{"id": "gpt-x", "object": "model", "created": 1, "owned_by": "up"}]}
    file = {
        "id": "file-1",
        "object": "file",
        "bytes": 3,
        "created_at": 1,
        "filename": "a.jsonl",
        "purpose": "batch",
        "status": "ok",
    }
    answers = {
        "/v1/chat/completions": chat,
        "/v1/messages": messages,
        "/v1/models": lambda seen: said(models),
        "/v1/files": lambda seen: said(file),
    }
    with vendor(answers) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sdks")


@pytest.fixture(scope="module")
def proxy(upstream: Vendor, folder: Path) -> Iterator[LiveProxy]:
    with LiveProxy(folder, config=SAMPLE, UPSTREAM=upstream.base, UPSTREAM_TYPE="openai") as running:
        yield running


def test_openai_sdk_when_it_talks_through_the_proxy_then_as_without_it(proxy: LiveProxy, upstream: Vendor) -> None:
    with openai.OpenAI(base_url=f"{proxy.base_url}/v1", api_key=KEY, max_retries=0) as client:
        whole = client.chat.completions.create(model="gpt-x", messages=ASKED)
        assert (whole.model, whole.choices[0].message.content) == ("gpt-dated", "Hello.")
        parts = client.chat.completions.create(model="gpt-x", messages=ASKED, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in parts) == "Hello."
        assert [model.id for model in client.models.list()] == ["gpt-x"]
        assert client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch").id == "file-1"
        assert upstream.last.form.parts[-1].plain_name in ("file", "purpose")
        with pytest.raises(openai.NotFoundError):
            client.get("/what/nobody/knows", cast_to=object)
    with openai.OpenAI(base_url=f"{proxy.base_url}/v1", api_key="sk-wrong", max_retries=0) as client:
        for streamed in (False, True):
            with pytest.raises(openai.AuthenticationError) as raised:
                client.chat.completions.create(model="gpt-x", messages=ASKED, stream=streamed)
            assert raised.value.code == "invalid_api_key"


def test_anthropic_sdk_when_it_talks_through_the_proxy_then_as_without_it(proxy: LiveProxy) -> None:
    tools: Any = [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}]
    with anthropic.Anthropic(base_url=proxy.base_url, api_key=KEY, max_retries=0) as client:
        made = client.messages.create(model="claude-x", max_tokens=64, messages=ASKED, tools=tools)
        assert [block.name for block in made.content if block.type == "tool_use"] == ["look"]
        with client.messages.stream(model="claude-x", max_tokens=64, messages=ASKED) as told:
            assert "".join(told.text_stream) == "Hello."
    wrong = anthropic.Anthropic(base_url=proxy.base_url, api_key="sk-wrong", max_retries=0)
    with wrong as client, pytest.raises(anthropic.AuthenticationError):
        client.messages.create(model="claude-x", max_tokens=64, messages=ASKED)


def test_recordings_when_the_proxy_has_ended_then_all_is_in_them_but_credentials(proxy: LiveProxy, folder: Path) -> None:
    """And they can be replayed without a network. Ends the proxy, so it is the last of the file."""
    assert proxy.stop() == 0, proxy.log()
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "chatcmpl-1" in text
    assert KEY not in text
    recorded = [json.loads(one) for file in (folder / "http_recordings").iterdir() for one in file.read_text().splitlines()]
    asked = [one for one in recorded if one["type"] == "request"]
    wires = {one["path"]: one["wire"] for one in asked}
    assert wires["/v1/chat/completions"] == "openai_chat"
    assert wires["/v1/messages"] == "anthropic_messages"
    assert wires["/v1/models"] is None
    refused = [one for one in recorded if one["type"] == "response" and one["status_code"] == 401]
    assert {"error": REFUSED} in [one["body"]["content"] for one in refused]
    names = [json.loads(one).get("name") for file in (folder / "event_logs").iterdir() for one in file.read_text().splitlines()]
    assert {"session.start", "llm.call.start", "llm.call.finish", "llm.call.error", "tool.execution"} <= set(names)
    variables = {"UPSTREAM": "http://127.0.0.1:9", "UPSTREAM_TYPE": "openai"}
    replayed = run(folder, "replay", "http_recordings", "--config", "proxy.yaml", **variables)
    assert replayed.returncode == 0, replayed.stderr
    assert f"Replayed {len(asked)} exchanges" in replayed.stderr
