"""Which upstream do the contract tests speak to? A tiny HTTP server on loopback that answers every capability as OpenAI
does, or as a vendor's own wire has it (`VENDORS`), and keeps what it saw."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from providers.bytes.event_stream import CONTENT_TYPE, event_frame
from providers.capabilities import Capability
from providers.types import Wire
from tests.contract.examples import EXAMPLES, form_of
from tests.fakes.messages import told

COMPLETION = (
    b'{"id":"c1","object":"chat.completion","model":"up","choices":[{"index":0,"message":{"content":"hi"}}],"extra":[1.50]}'
)
CHUNK = b'data: {"id":"c1","model":"up","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
STREAM = CHUNK * 3 + b"data: [DONE]\n\n"
IMAGE = b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo=","extra":1.50}],"usage":{"input_tokens":1,"output_tokens":2}}'
TEXT = b'{"text":"hi","usage":{"type":"duration","seconds":1},"extra":1.50}'
ANSWERS = {
    Capability.RESPONSES: b'{"id":"resp_1","object":"response","model":"up","output":[],"extra":1.50}',
    Capability.CHAT: COMPLETION,
    Capability.COMPLETION: b'{"id":"c1","model":"up","choices":[{"index":0,"text":"hi"}],"extra":1.50}',
    Capability.EMBEDDING: b'{"object":"list","model":"up","data":[{"index":0,"embedding":[0.5,1.50]}],"extra":1.50}',
    Capability.RERANK: b'{"id":"r1","model":"up","results":[{"index":1,"relevance_score":0.50}],"extra":1.50}',
    Capability.MODERATION: b'{"id":"m1","model":"up","results":[{"flagged":false}],"extra":1.50}',
    Capability.TEXT_TO_SPEECH: b"\xff\xfb sound",
    Capability.AUDIO_TRANSCRIPTION: TEXT,
    Capability.AUDIO_TRANSLATION: TEXT,
    Capability.IMAGE_GENERATION: IMAGE,
    Capability.IMAGE_EDIT: IMAGE,
    Capability.IMAGE_VARIATION: IMAGE,
}
"""What OpenAI's own wire says; each has a field that nobody knows."""
MESSAGE = (
    b'{"id":"m1","type":"message","role":"assistant","model":"up","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",'
    b'"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2},"extra":[1.50]}'
)
MESSAGE_STREAM = b"".join(
    b"event: %b\ndata: %b\n\n" % (msgspec.json.encode(event["type"]).strip(b'"'), msgspec.json.encode(event))
    for event in told({"type": "text", "text": "hi"}, model="up")
)
CONTENT = (
    b'{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP","index":0}],'
    b'"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"extra":[1.50]}'
)
GENERATE = (":generateContent", ":streamGenerateContent")
PICTURE = b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}}]}'
CONTENT_STREAM = b"data: %b\r\n\r\n" % CONTENT * 3
OLLAMA_LINE = b'{"model":"up","message":{"role":"assistant","content":"hi"},"done":false}\n'
OLLAMA = b'{"model":"up","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop","extra":[1.50]}\n'
CONVERSED = (
    b'{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn",'
    b'"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"metrics":{"latencyMs":1},"extra":[1.50]}'
)
CONVERSE = ("/converse", "/converse-stream")
CONVERSE_STREAM = b"".join(
    event_frame(name, data)
    for name, data in (
        ("messageStart", b'{"role":"assistant"}'),
        ("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"hi"}}'),
        ("contentBlockStop", b'{"contentBlockIndex":0}'),
        ("messageStop", b'{"stopReason":"end_turn"}'),
        ("metadata", b'{"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}'),
    )
)
EVENTS = b"text/event-stream"


@dataclass(frozen=True)
class Talk:
    """What an upstream of a wire says, and how its paths end; those in `streaming` ask for streams, whatever the body says."""

    endings: tuple[str, ...]
    answer: bytes
    stream: bytes
    content_type: bytes = EVENTS
    streaming: tuple[str, ...] = ()


TALKS = {
    Wire.ANTHROPIC_MESSAGES: Talk(("/messages", ":rawPredict", ":streamRawPredict"), MESSAGE, MESSAGE_STREAM),
    Wire.BEDROCK_CONVERSE: Talk(CONVERSE, CONVERSED, CONVERSE_STREAM, CONTENT_TYPE, CONVERSE[1:]),
    Wire.GEMINI: Talk(GENERATE, CONTENT, CONTENT_STREAM, streaming=GENERATE[1:]),
    Wire.OLLAMA: Talk(("/api/chat",), OLLAMA, OLLAMA_LINE * 3 + OLLAMA, b"application/x-ndjson"),
}
"""Upstreams of conversations that are not OpenAI's."""
KEY_HEADERS = {
    "anthropic": "x-api-key",
    "azure_anthropic": "x-api-key",
    "azure_openai": "api-key",
    "gemini": "x-goog-api-key",
    "vertex_ai": "x-goog-api-key",
    "vertex_anthropic": "x-goog-api-key",
}
"""The header with the key, where that is not a bearer."""
MORE_SENT = {Wire.ANTHROPIC_MESSAGES: {"anthropic-version"}}
"""Headers that requests of a wire have beside the usual ones."""
IMAGES = (Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT)
VENDORS: dict[tuple[str, Capability], dict[str, bytes]] = {
    **{
        ("together", capability): {
            "/images/generations": b'{"id":"i1","object":"list","data":[{"index":0,"b64_json":"iVBORw0KGgo=","type":"b64_json"}]}'
        }
        for capability in IMAGES
    },
    **{("xai", capability): {"/images/generations": IMAGE, "/images/edits": IMAGE} for capability in IMAGES},
    ("fireworks", Capability.IMAGE_GENERATION): {"/vendor/model%201": b"\x89PNG"},
    ("fireworks", Capability.IMAGE_EDIT): {
        "/vendor/kontext": b'{"request_id":"r1"}',
        "/get_result": b'{"id":"r1","status":"Ready","result":{"sample":"https://images.example/1"}}',
    },
    ("bedrock", Capability.EMBEDDING): {"/invoke": b'{"embedding":[0.5,1.50],"inputTextTokenCount":1}'},
    ("bedrock", Capability.RERANK): {"/invoke": b'{"results":[{"index":0,"relevance_score":0.50}]}'},
    ("gemini", Capability.EMBEDDING): {":batchEmbedContents": b'{"embeddings":[{"values":[0.5,1.50]}]}'},
    ("vertex_ai", Capability.EMBEDDING): {":predict": b'{"predictions":[{"embeddings":{"values":[0.5,1.50]}}]}'},
    **{(name, Capability.IMAGE_GENERATION): {":generateContent": PICTURE} for name in ("gemini", "vertex_ai")},
    ("ollama_native", Capability.EMBEDDING): {"/api/embed": b'{"model":"up","embeddings":[[0.5,1.50]],"prompt_eval_count":1}'},
    ("voyage", Capability.RERANK): {
        "/rerank": b'{"object":"list","model":"up","data":[{"index":1,"relevance_score":0.5}],"usage":{"total_tokens":3}}'
    },
}
"""What a vendor says whose wire is its own: the last part of the path, and the answer. Its requests and answers are not those
of the client, so only where it is asked, with what key and headers, is checked."""
MODELS = {
    ("fireworks", Capability.IMAGE_EDIT): "vendor/kontext",
    ("bedrock", Capability.EMBEDDING): "amazon.titan-embed-text-v2:0",
    ("bedrock", Capability.RERANK): "cohere.rerank-v3-5:0",
}
"""Upstream models whose names say that they can."""
ORDINARY = {each.path: ANSWERS[each.capability] for each in EXAMPLES}
TALKING = {ending: talk.answer for talk in TALKS.values() for ending in talk.endings}
STREAMS = {ending: (talk.content_type, talk.stream) for talk in TALKS.values() for ending in talk.endings}
STREAMING = tuple(ending for talk in TALKS.values() for ending in talk.streaming)
TYPES = {b"{": b"application/json", b"\xff": b"audio/mpeg", b"\x89": b"image/png"}


@dataclass
class Seen:
    """One request; `fields` are those of its JSON, or the texts of its form, and `files` the files of it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        if not self.is_form:
            fields: dict[str, Any] = json.loads(self.body or b"{}")
            return fields
        return {part.plain_name: part.text() for part in self._parts if part.filename is None}

    @property
    def files(self) -> list[tuple[str, str | None, bytes, str]]:
        return [(part.name, part.filename, part.data(), part.content_type) for part in self._parts if part.filename is not None]

    @property
    def is_form(self) -> bool:
        return dict(self.headers).get("content-type", "").startswith("multipart/")

    @property
    def _parts(self) -> list[Any]:
        return form_of(dict(self.headers)["content-type"].encode(), self.body).parts if self.is_form else []


@dataclass
class Upstream:
    """`base` is its address. `status` is that of every answer; other than 200 it is an error object. `answers` are given
    where the path ends so."""

    base: str = ""
    status: int = 200
    answers: dict[str, bytes] = field(default_factory=lambda: ORDINARY | TALKING)
    seen: list[Seen] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                seen = await _request(head, reader)
                self.seen.append(seen)
                writer.write(self._answer(seen))
                await writer.drain()
        finally:
            writer.close()

    def _answer(self, seen: Seen) -> bytes:
        path = seen.path.partition("?")[0]
        found = max((ending for ending in self.answers if path.endswith(ending)), key=len, default=None)
        status = 404 if found is None else self.status
        if found is None or status != 200:
            return _whole(status, b"application/json", b'{"error":{"message":"No.","type":"x","param":null,"code":null}}')
        body = self.answers[found]
        if seen.fields.get("stream") not in (True, "true") and not path.endswith(STREAMING):
            return _whole(200, TYPES.get(body[:1], b"text/plain"), body)
        kind, data = STREAMS.get(found, (EVENTS, STREAM))
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(data[i : i + 50]), data[i : i + 50]) for i in range(0, len(data), 50))
        return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n%b0\r\n\r\n" % (kind, chunks)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _request(head: bytes, reader: asyncio.StreamReader) -> Seen:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    body = await reader.readexactly(int(dict(headers).get("content-length", 0)))
    return Seen(method, path, headers, body)


def _whole(status: int, kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, kind, len(body), body)


@asynccontextmanager
async def running() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with server:
        upstream.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base"
        yield upstream
