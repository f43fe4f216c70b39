"""On which calls are hooks and interceptors tried? One of each kind that differs in format, or in being a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from tests.live import LiveGateway


class Asked(NamedTuple):
    """A call: its path, its body without the model, the event data that ends its stream (b"" for a whole answer), and where its
    error stands."""

    path: str
    body: Mapping[str, Any]
    last: bytes = b""

    @property
    def streamed(self) -> bool:
        return bool(self.last)


MESSAGES = [{"role": "user", "content": "hi there"}]
CALLS: Mapping[str, Asked] = {
    "chat": Asked("/v1/chat/completions", {"messages": MESSAGES}),
    "chat stream": Asked("/v1/chat/completions", {"messages": MESSAGES, "stream": True}, b"[DONE]"),
    "messages stream": Asked("/v1/messages", {"messages": MESSAGES, "max_tokens": 99, "stream": True}, b"message_stop"),
    "responses": Asked("/v1/responses", {"input": "hi there"}),
    "responses stream": Asked("/v1/responses", {"input": "hi there", "stream": True}, b"response.completed"),
    "embeddings": Asked("/v1/embeddings", {"input": "hi there"}),
}
STREAMS = {name: asked for name, asked in CALLS.items() if asked.streamed}
ABLE = ["chat", "responses", "embedding"]


def ask(gateway: LiveGateway, name: str, model: str, **headers: str) -> httpx.Response:
    """The answer to that call; of a stream all of it."""
    asked = CALLS[name]
    return gateway.http.post(asked.path, json={**asked.body, "model": model}, headers=headers)


def define(gateway: LiveGateway, *names: str, upstream: str = "echo") -> None:
    """Public models of these names, served without a network."""
    gateway.define_at("dummy", "", dict.fromkeys(names, (upstream, ABLE)), name="dummy", api_key="")


def complete(name: str, answer: httpx.Response) -> bool:
    """Whether it is a whole good answer, or a stream to its end."""
    return answer.status_code == 200 and CALLS[name].last in answer.content


def code_of(answer: httpx.Response) -> str | None:
    """The code of an error in whatever dialect, or its type where there is none."""
    error = answer.json()["error"]
    found: str | None = error.get("code") or error.get("type")
    return found
