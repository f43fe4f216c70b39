"""Which requests does every interceptor see? One of each kind, to a gateway whose hooks are configured by its environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway

SEEN_WITHIN_S = 10.0
OFFLINE = ("embedding", "text_to_speech", "audio_transcription")
TEXT = "Hello from chaos."


def hooks(*configured: Any) -> str:
    """The value of `GATEWAY_HOOKS`."""
    return json.dumps(list(configured))


def define(gateway: LiveGateway) -> None:
    """Models that answer well: `chaos/ok` for conversations, `offline/…` for the rest."""
    wait_for_recorder(gateway)
    gateway.define(
        "ok",
        "stream-ok-5",
        "status-400",
        "stream-cut-after-3",
        "stream-tool-calls",
        "echo",
        "slow-3000ms",
        capabilities=["chat", "responses"],
    )
    gateway.define_at("dummy", "", {f"offline/{name}": (name, [name]) for name in OFFLINE}, api_key="")


def wait_for_recorder(gateway: LiveGateway) -> None:
    """What happens before there is a recorder is shown to nobody."""

    def there() -> bool:
        return bool(gateway.http.get("/status").json()["recorder"]["state"] == "ok")

    assert eventually(there, 60.0, 0.1), gateway.log_text()[-4000:]


def chat(gateway: LiveGateway, text: str = "hi", model: str = "chaos/ok", **fields: Any) -> httpx.Response:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return gateway.http.post("/v1/chat/completions", json={"model": model, "messages": messages, **fields})


def chat_stream(gateway: LiveGateway, text: str = "hi") -> httpx.Response:
    return chat(gateway, text, stream=True)


def messages_stream(gateway: LiveGateway, text: str = "hi") -> httpx.Response:
    said = [{"role": "user", "content": text}]
    body = {"model": "chaos/ok", "max_tokens": 99, "system": "Be brief.", "messages": said, "stream": True}
    return gateway.http.post("/v1/messages", json=body)


def responses(gateway: LiveGateway, text: str = "hi") -> httpx.Response:
    return gateway.http.post("/v1/responses", json={"model": "chaos/ok", "instructions": "Be brief.", "input": text})


def embeddings(gateway: LiveGateway, text: str = "hi") -> httpx.Response:
    return gateway.http.post("/v1/embeddings", json={"model": "offline/embedding", "input": text})


KINDS: dict[str, Callable[..., httpx.Response]] = {
    "chat": chat,
    "chat stream": chat_stream,
    "messages stream": messages_stream,
    "responses": responses,
    "embeddings": embeddings,
}
PATHS = {
    "chat": "/v1/chat/completions",
    "chat stream": "/v1/chat/completions",
    "messages stream": "/v1/messages",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
}


def lines(*paths: Path) -> list[Any]:
    """The objects of files of JSON lines, each of which must be one."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def lines_of(answer: httpx.Response, read: Callable[[], list[Any]], count: int = 2) -> list[Any]:
    """Those lines that are of the request, once there are so many."""
    request_id = answer.headers["x-request-id"]

    def found() -> list[Any]:
        try:
            return [line for line in read() if line.get("request_id") == request_id]
        except FileNotFoundError:
            return []

    assert eventually(lambda: len(found()) >= count, SEEN_WITHIN_S, 0.1), found()
    return found()


def modes(folder: Path) -> set[str]:
    """The modes of a folder and of all in it."""
    return {oct(path.stat().st_mode & 0o777) for path in [folder, *folder.iterdir()]}
