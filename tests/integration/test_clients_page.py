"""Does what docs/clients.md tells people to set lead their programs here? Each snippet is read, and what the program would send
is sent."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from websockets.sync.client import connect

from tests.live import LiveGateway

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
HOST, KEY = "http://localhost:8000", "sk-gw-KEY"
MODEL = "demo"
Blocks = dict[str, list[str]]
Json = dict[str, Any]


def sections() -> Mapping[str, Blocks]:
    """The code blocks of each client, by language."""
    found: dict[str, Blocks] = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        name, _, text = part.partition("\n")
        blocks = found[name] = {}
        for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
            blocks.setdefault(language, []).append(block)
    return found


def variables(blocks: Blocks) -> dict[str, str]:
    """What the shell exports, and under "" the command at the end."""
    lines = [line for block in blocks["sh"] for line in block.splitlines()]
    exported = dict(word.split("=", 1) for line in lines if line.startswith("export ") for word in shlex.split(line)[1:])
    return {**exported, "": lines[-1]}


def settings(blocks: Blocks) -> dict[str, str]:
    """Lines of `Name: value`."""
    return dict(line.split(": ", 1) for line in blocks["text"][0].splitlines())


class Program:
    """A client as it was set up: where it sends requests, with which key."""

    def __init__(self, gateway: LiveGateway, base: str, key: str, header: str = "authorization") -> None:
        assert base.startswith(HOST)
        assert key == KEY
        self.base = base.replace(HOST, gateway.base_url)
        self.headers = {header: gateway.key if header != "authorization" else f"Bearer {gateway.key}"}

    def get(self, path: str, **headers: str) -> Any:
        answer = httpx.get(self.base + path, headers={**self.headers, **headers}, trust_env=False, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Json, **headers: str) -> str:
        answer = httpx.post(self.base + path, json=body, headers={**self.headers, **headers}, trust_env=False, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.text

    def chats(self, model: str) -> None:
        """As every program that speaks OpenAI's chat does."""
        assert MODEL in [card["id"] for card in self.get("/models")["data"]]
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        assert self.post("/chat/completions", body).endswith("data: [DONE]\n\n")


def claude_code(gateway: LiveGateway, blocks: Blocks) -> None:
    said = variables(blocks)
    program = Program(gateway, said["ANTHROPIC_BASE_URL"], said["ANTHROPIC_AUTH_TOKEN"])
    version = {"anthropic-version": "2023-06-01", "anthropic-beta": "claude-code-20250219"}
    for model in (said["ANTHROPIC_MODEL"], said["ANTHROPIC_DEFAULT_HAIKU_MODEL"]):
        body = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}], "stream": True}
        assert "event: message_stop" in program.post("/v1/messages?beta=true", body, **version)
        del body["max_tokens"], body["stream"]
        assert '"input_tokens"' in program.post("/v1/messages/count_tokens", body, **version)
    assert "has_more" in program.get("/v1/models?limit=1000", **version)
    assert said[""] == "claude"


def codex(gateway: LiveGateway, blocks: Blocks) -> None:
    config = tomllib.loads(blocks["toml"][0])
    provider = config["model_providers"][config["model_provider"]]
    assert provider["wire_api"] == "responses"
    program = Program(gateway, provider["base_url"], variables(blocks)[provider["env_key"]])
    body = {"model": config["model"], "input": [{"role": "developer", "content": "x"}], "stream": True, "store": False}
    assert "event: response.completed" in program.post("/responses", body)
    assert MODEL in [entry["slug"] for entry in program.get("/models?client_version=0.171.0")["models"]]
    assert provider["supports_websockets"] is True
    address = program.base.replace("http", "ws", 1) + "/responses"
    with connect(address, additional_headers=program.headers, proxy=None) as socket:
        assert socket.response is not None
        assert socket.response.status_code == 101


def gemini_cli(gateway: LiveGateway, blocks: Blocks) -> None:
    said = variables(blocks)
    program = Program(gateway, said["GOOGLE_GEMINI_BASE_URL"], said["GEMINI_API_KEY"], "x-goog-api-key")
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    model = said["GEMINI_MODEL"]
    assert "finishReason" in program.post(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", body)
    assert "totalTokens" in program.post(f"/v1beta/models/{model}:countTokens", body)
    assert said[""] == "gemini"


def open_webui(gateway: LiveGateway, blocks: Blocks) -> None:
    said = variables(blocks)
    Program(gateway, said["OPENAI_API_BASE_URL"], said["OPENAI_API_KEY"]).chats(MODEL)
    ollama = Program(gateway, HOST, said["OPENAI_API_KEY"])
    assert any(model["name"].startswith(MODEL) for model in ollama.get("/api/tags")["models"])
    assert ollama.get("/api/version")["version"]
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
    assert '"done":true' in ollama.post("/api/chat", body).replace(" ", "")


def librechat(gateway: LiveGateway, blocks: Blocks) -> None:
    (endpoint,) = yaml.safe_load(blocks["yaml"][0])["endpoints"]["custom"]
    assert endpoint["apiKey"] == "${SIGNALBOX_API_KEY}"
    assert f"SIGNALBOX_API_KEY={KEY}" in PAGE.read_text()
    assert endpoint["models"]["fetch"] is True
    for model in (*endpoint["models"]["default"], endpoint["titleModel"]):
        Program(gateway, endpoint["baseURL"], KEY).chats(model)


def continue_dev(gateway: LiveGateway, blocks: Blocks) -> None:
    (model,) = yaml.safe_load(blocks["yaml"][0])["models"]
    assert model["provider"] == "openai"
    Program(gateway, model["apiBase"], model["apiKey"]).chats(model["model"])


def cline(gateway: LiveGateway, blocks: Blocks) -> None:
    said = settings(blocks)
    Program(gateway, said["Base URL"], said["API Key"]).chats(said["Model ID"])


def aider(gateway: LiveGateway, blocks: Blocks) -> None:
    said = variables(blocks)
    model = said[""].removeprefix("aider --model openai/")
    Program(gateway, said["OPENAI_API_BASE"], said["OPENAI_API_KEY"]).chats(model)


def cursor(gateway: LiveGateway, blocks: Blocks) -> None:
    said = settings(blocks)
    program = Program(gateway, said["Override OpenAI Base URL"], said["OpenAI API Key"])
    program.chats(said["Custom model"])
    body = {"model": MODEL, "input": [{"role": "user", "content": "x"}], "stream": True}
    refused = httpx.post(f"{program.base}/chat/completions", json=body, headers=program.headers, trust_env=False, timeout=10)
    assert refused.status_code == 400
    assert "/v1/responses" in refused.json()["error"]["message"]


def n8n(gateway: LiveGateway, blocks: Blocks) -> None:
    said = settings(blocks)
    Program(gateway, said["Base URL"], said["API Key"]).chats(said["Model"])


CLIENTS: dict[str, Callable[[LiveGateway, Blocks], None]] = {
    "Claude Code": claude_code,
    "Codex": codex,
    "Gemini CLI": gemini_cli,
    "Open WebUI": open_webui,
    "LibreChat": librechat,
    "Continue": continue_dev,
    "Cline": cline,
    "aider": aider,
    "Cursor": cursor,
    "n8n": n8n,
}


@pytest.fixture(scope="module")
def demo(shared_gateway: LiveGateway) -> LiveGateway:
    shared_gateway.operator.define(
        [{"name": "clients", "type": "dummy"}],
        [{"name": MODEL, "routes": [{"provider": "clients", "upstream_model": "echo"}], "capabilities": ["chat", "responses"]}],
    )
    shared_gateway.wait_visible(MODEL)
    return shared_gateway


@pytest.mark.parametrize("name", CLIENTS)
def test_snippet_when_followed_leads_the_program_here(name: str, demo: LiveGateway) -> None:
    CLIENTS[name](demo, sections()[name])


def test_page_when_read_has_every_client_and_no_other() -> None:
    assert list(sections()) == list(CLIENTS)
