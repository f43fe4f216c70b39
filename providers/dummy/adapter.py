"""What does a provider do that is always there? It answers offline, and fails on command.

The upstream model's name is the script, words joined by `+`:

    echo                 answers with the last user message (also: any other name)
    slow-200ms           waits before it answers
    pace-50ms            waits between the chunks of a stream
    status-503           fails as an upstream that answers with this status
    rate-limited-3s      429 with Retry-After: 3
    refused, reset, timeout, garbage    fails to connect, breaks, never answers in time, answers nonsense
    cut-2, break-2       the stream ends without an end, or breaks, after two chunks
    error-2              the stream sends an error event after two chunks
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec

from providers.capabilities import capabilities_of
from providers.errors import CallerError, ConnectFailed, FirstByteTimeout, InvalidResponse, ProviderError, UpstreamReset
from providers.registry import ProviderType, register
from providers.transport import Transport
from providers.types import Call, Reply, TargetConfig, Wire
from providers.wire.openai_errors import failure_of
from providers.wire.patch import fields_of

WORD = re.compile(r"(?P<verb>[a-z-]+?)(?:-(?P<number>\d+)(?P<unit>ms|s)?)?$")
FAILURES: dict[str, Callable[[], ProviderError]] = {
    "refused": ConnectFailed,
    "reset": UpstreamReset,
    "timeout": FirstByteTimeout,
    "garbage": InvalidResponse,
}


class Script:
    """The parsed name: the numbers of its verbs, durations in seconds."""

    def __init__(self, name: str) -> None:
        self.words: dict[str, float] = {}
        for word in name.split("+"):
            if match := WORD.match(word):
                number = float(match["number"] or 0)
                self.words[match["verb"]] = number / 1000 if match["unit"] == "ms" else number

    async def begin(self) -> None:
        """Waits and fails as the script says."""
        await asyncio.sleep(self.words.get("slow", 0))
        for verb, failure in FAILURES.items():
            if verb in self.words:
                raise failure()
        if status := int(self.words.get("status", 0)):
            raise failure_of(status, [], b'{"error":{"message":"The script says so."}}')
        if "rate-limited" in self.words:
            raise failure_of(429, [(b"retry-after", b"%d" % self.words["rate-limited"])], b"")


class DummyAdapter:
    """One scripted target."""

    def __init__(self, config: TargetConfig) -> None:
        self.config = config
        self._script = Script(config.upstream_model)

    async def chat(self, call: Call, transport: Transport) -> Reply:
        await self._script.begin()
        text, usage = _answer(call)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        body = {**self._frame("chat.completion"), "choices": [choice], "usage": usage}
        return Reply(wire=Wire.OPENAI_CHAT, fields=fields_of(msgspec.json.encode(body)))

    async def stream_chat(self, call: Call, transport: Transport) -> DummyStream:
        await self._script.begin()
        return DummyStream(self._events(call))

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-dummy", "object": kind, "created": int(time.time()), "model": self.config.upstream_model}

    async def _events(self, call: Call) -> AsyncGenerator[bytes, None]:
        words = self._script.words
        text, usage = _answer(call)
        frame = self._frame("chat.completion.chunk")
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": part} for part in re.findall(r"\S+\s*", text)]
        for sent, delta in enumerate(deltas):
            if sent == words.get("break"):
                raise UpstreamReset
            if sent == words.get("cut"):
                return
            if sent == words.get("error"):
                yield b'data: {"error":{"message":"The script says so.","type":"server_error","param":null,"code":null}}\n\n'
                return
            yield _event({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            await asyncio.sleep(words.get("pace", 0))
        yield _event({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield _event({**frame, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


class DummyStream:
    """A scripted event stream."""

    wire = Wire.OPENAI_CHAT

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events

    async def next(self) -> bytes:
        return await anext(self._events, b"")

    def extend(self, seconds: float) -> None:
        """Its pace is its own; nothing times out."""

    def close(self) -> None:
        """It holds nothing that needs to be given back."""


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = ""


class _Request(msgspec.Struct):
    messages: list[_Message] = []


def _answer(call: Call) -> tuple[str, dict[str, int]]:
    try:
        messages = msgspec.json.decode(call.body, type=_Request).messages
    except msgspec.ValidationError as error:
        raise CallerError(400, f"The messages cannot be read: {error}.", param="messages") from error
    said = [message.content for message in messages if message.role == "user"]
    last = said[-1] if said and isinstance(said[-1], str) else ""
    text = f"You said: {last}" if last else "Hello from Signalbox."
    sent, received = len(call.body) // 4, len(text) // 4 + 1
    return text, {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


register(
    ProviderType(
        name="dummy",
        label="Dummy (offline)",
        build=DummyAdapter,
        capabilities=capabilities_of(DummyAdapter),
        needs_key=False,
        offline=True,
    )
)
