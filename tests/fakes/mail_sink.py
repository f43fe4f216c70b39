"""Which server takes mail in a test? One on the loopback that speaks as much of SMTP (RFC 5321) as a sender needs."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import default
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Mail:
    to: str
    message: Message

    @property
    def text(self) -> str:
        content = self.message.get_payload(decode=True)
        return content.decode() if isinstance(content, bytes) else ""


class MailSink:
    """Serves until the `with` block ends. The first `refusals` mails are refused for now, all others are kept in `mails`."""

    def __init__(self, refusals: int = 0) -> None:
        self.mails: list[Mail] = []
        self.refused = 0
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                to = ""
                self._say("220 sink")
                while line := self.rfile.readline():
                    word = line[:4].upper()
                    if word == b"DATA" and sink.refused < refusals:
                        sink.refused += 1
                        self._say("451 try again")
                    elif word == b"DATA":
                        self._say("354 go on")
                        sink.mails.append(Mail(to, message_from_bytes(self._data(), policy=default)))
                        self._say("250 taken")
                    else:
                        to = line.decode().partition("<")[2].partition(">")[0] if word == b"RCPT" else to
                        self._say("221 bye" if word == b"QUIT" else "250 ok")

            def _data(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b"."))
                return b"".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
