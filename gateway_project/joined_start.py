"""How do the head of an answer and what follows it go out in one piece? By an extension of ASGI that this server offers.

uvicorn writes them apart: two system calls and two packets. Where the scope has the extension `JOINED` (`outlet.py` has it), the
application may put `body` and `more_body` into its `http.response.start`, which then means the same as a `http.response.body`
right after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

Message = Mapping[str, Any]
Send = Callable[[Any], Awaitable[None]]


class _Done:
    """What is awaited when there is nothing to wait for."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


DONE = _Done()


class JoinedSend:
    """An ASGI `send` that knows the extension, for a request of HTTP/1.1 that is not HEAD and waits for no `100 Continue`."""

    __slots__ = ("_cycle", "_send")

    def __init__(self, cycle: RequestResponseCycle, send: Send) -> None:
        self._cycle = cycle
        self._send = send

    def __call__(self, message: Message) -> Awaitable[None]:
        cycle, body = self._cycle, message.get("body")
        waits = cycle.flow.write_paused or cycle.disconnected
        if "headers" not in message:
            if waits or not body or not cycle.chunked_encoding or not message.get("more_body"):
                return self._send(message)
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        elif body is None:
            return self._send(message)
        elif waits or cycle.response_started or cycle.access_log:
            return self._apart(message)
        else:
            self._write(message["status"], message["headers"], body, bool(message.get("more_body")))
        return DONE

    async def _apart(self, message: Message) -> None:
        """As any server would, in two writes: earlier data still wait to be sent, or the client has left."""
        await self._send({"type": message["type"], "status": message["status"], "headers": message["headers"]})
        body = {"type": "http.response.body", "body": message["body"], "more_body": message.get("more_body", False)}
        await self._send(body)

    def _write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, more_body: bool) -> None:
        cycle = self._cycle
        lines = list(map(b": ".join, (*cycle.default_headers, *headers)))
        if HEADER_VALUE_RE.search(b"".join(lines)):
            raise RuntimeError("Invalid HTTP header value.")
        if b"connection: close" in lines:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            lines.append(b"connection: close")
        parts = [STATUS_LINE[status], b"\r\n".join(lines), b"\r\n"]
        cycle.response_started = True
        cycle.chunked_encoding = more_body
        parts += (b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(body), body, b"\r\n") if more_body else (b"\r\n", body)
        cycle.transport.write(b"".join(parts))
        if not more_body:
            self._complete()

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
