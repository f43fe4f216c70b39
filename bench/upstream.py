"""What answers at once, so that the time left is the gateway's? A mock of chat completions, whole and streamed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

EVENTS = 100
ANSWER = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 100}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300},
}


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    """One frame of the stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "bench",
        "choices": [choice],
    }
    return b"data: " + json.dumps(data).encode() + b"\n\n"


BODY = json.dumps(ANSWER).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
FRAMES = b"".join([*(chunk({"content": "word "}) for _ in range(EVENTS)), chunk({}, "stop"), b"data: [DONE]\n\n"])
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
    len(FRAMES),
    FRAMES,
)


class Upstream(asyncio.Protocol):
    """One connection, kept alive; requests need a Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r")[0] or 0)
            if len(self.received) < end + 4 + length:
                return
            body, self.received = self.received[end + 4 : end + 4 + length], self.received[end + 4 + length :]
            streamed = b'"stream":true' in body or b'"stream": true' in body
            self.transport.write(STREAM if streamed else WHOLE)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
