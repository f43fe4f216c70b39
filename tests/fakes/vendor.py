"""Which upstream plays a vendor's own wire? A real HTTP server in a thread, whose paths answer as the test says.

    with vendor({"/v1/audio/speech": sound}) as upstream: ...

An answer is a function from what was `Seen` to a `Said`. What is asked for at any other path is answered with 404 and an
OpenAI error. Everything that was asked is kept in `upstream.seen`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from providers.bytes.multipart import Form, FormReader

DATA = Path(__file__).parents[1] / "data"
NOT_FOUND = {"error": {"message": "no such path", "type": "invalid_request_error", "param": None, "code": "not_found"}}


@dataclass
class Seen:
    """One request: `path` with its query, headers in lower case, the body as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> Form:
        """The parts of a multipart body, which must be whole."""
        reader = FormReader(self.headers["content-type"].encode(), 2**30)
        reader.feed(self.body)
        return reader.finish()


@dataclass
class Said:
    """One answer. With `chunks` it is streamed, `pause` seconds before each; with `cut` the connection breaks after them."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Sequence[bytes] | None = None
    pause: float = 0.0
    cut: bool = False


def said(value: Any, status: int = 200, **headers: str) -> Said:
    """An answer in JSON."""
    return Said(json.dumps(value).encode(), status, headers={name.replace("_", "-"): text for name, text in headers.items()})


def recorded(name: str) -> Said:
    """An answer as a vendor's own document has it: a file of `tests/data`, JSON or a stream."""
    body = (DATA / name).read_bytes()
    if not name.endswith(".sse"):
        return Said(body)
    return Said(content_type="text/event-stream", chunks=[frame + b"\n\n" for frame in body.split(b"\n\n") if frame])


def events(*values: Any, names: bool = False, done: bool = False) -> Said:
    """A stream of server-sent events, each a JSON object; with `names` the event's name is its `type`."""
    chunks = [
        (f"event: {value['type']}\n" if names else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"
        for value in values
    ]
    return Said(content_type="text/event-stream", chunks=[*chunks, b"data: [DONE]\n\n"] if done else chunks)


Answer = Callable[[Seen], Said]


class Vendor:
    """The server. `base` is its address without a path; `answers` may be changed at any time. `broken` counts
    the answers in the midst of which the other end went."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.seen: list[Seen] = []
        self.broken = 0
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, body)
                vendor.seen.append(seen)
                answer = vendor.answers.get(self.path) or vendor.answers.get(self.path.partition("?")[0])
                try:
                    self._say(answer(seen) if answer else said(NOT_FOUND, 404))
                except ConnectionError:
                    vendor.broken += 1

            do_GET = do_DELETE = do_POST  # noqa: N815 - the names are the base class's

            def _say(self, answer: Said) -> None:
                self.send_response(answer.status)
                self.send_header("content-type", answer.content_type)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.chunks is None:
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)
                    return
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for chunk in answer.chunks:
                    time.sleep(answer.pause)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                if answer.cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        self._server.serve_forever(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def last(self) -> Seen:
        return self.seen[-1]


@contextmanager
def vendor(answers: Mapping[str, Answer]) -> Iterator[Vendor]:
    """A running vendor."""
    server = Vendor(answers)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)
