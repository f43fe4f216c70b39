"""What does a behaviour work with? One request, its few interesting fields, and the connection to answer on."""

from __future__ import annotations

from typing import Any

from tests.fakes.chaos import openai
from tests.fakes.chaos.connection import Connection
from tests.fakes.chaos.http import LAST_CHUNK, Pairs, Request, chunk, compact, head, message

EVENT_STREAM = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), ("cache-control", "no-cache"))
UPSTREAM_HEADERS = (("x-request-id", "req_chaos"), ("openai-processing-ms", "7"), ("set-cookie", "chaos=1"))


class Exchange:
    """One request and its answer. `kept` is what happens to the connection afterwards."""

    def __init__(self, connection: Connection, request: Request, model: str, fields: dict[str, Any], port: int) -> None:
        self.connection = connection
        self.request = request
        self.model = model
        self.fields = fields
        self.port = port
        self.kept = True
        self.stream = fields.get("stream") is True
        options = fields.get("stream_options")
        self.wants_usage = isinstance(options, dict) and options.get("include_usage") is True

    async def send(self, data: bytes) -> None:
        await self.connection.send(data)

    async def reply(self, status: int, body: bytes, headers: Pairs = (), content_type: str = "application/json") -> None:
        """A whole, correct response with exactly this body."""
        await self.send(message(status, body, [*UPSTREAM_HEADERS, *headers], content_type))

    async def answer(self, content: str, **options: Any) -> None:
        """A healthy answer, whole or streamed as the request asks."""
        if self.stream:
            await self.stream_words([content])
        else:
            await self.reply(200, compact(openai.completion(self.model, content, **options)))

    async def begin_stream(self) -> None:
        await self.send(head(200, [*EVENT_STREAM, *UPSTREAM_HEADERS]))

    async def part(self, data: bytes) -> None:
        """One chunk of a streamed body."""
        await self.send(chunk(data))

    async def event(self, data: Any) -> None:
        await self.part(openai.frame(data))

    async def end_stream(self) -> None:
        await self.send(LAST_CHUNK)

    async def stream_words(self, words: list[str]) -> None:
        """A healthy stream in one piece; the usage chunk comes when it was asked for."""
        frames = [openai.frame(data) for data in self.chunks(words)]
        await self.begin_stream()
        await self.part(b"".join(frames) + openai.DONE)
        await self.end_stream()

    def chunks(self, words: list[str], counts: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The chunks of a healthy stream, with the usage chunk when it was asked for."""
        listed = list(openai.chunks(self.model, words))
        if self.wants_usage:
            listed.append(openai.usage_chunk(self.model, len(words), counts))
        return listed

    def hang_up(self) -> None:
        """FIN, after what was written."""
        self.kept = False
        self.connection.finish()

    def reset(self) -> None:
        self.kept = False
        self.connection.reset()
