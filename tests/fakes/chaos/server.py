"""Which request gets which behaviour? The paths of the upstream, and the control paths for the tests.

POST …                    the behaviour of the request's `model`, in JSON or a form, or the next one of a script
GET  …/models, …/models/X two models
GET  /__chaos__/log       the requests seen (`?model=` only those, `?bodies=1` with their bodies)
GET  /__chaos__/connections   {"open", "busy"}: client connections, and those with a request in work
POST /__chaos__/reset     forgets the log and the scripts
POST /__chaos__/script    {"behaviours": [...], "model": "x"}: for the next requests (of that upstream model)
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict, deque
from typing import Any

from tests.fakes.chaos import openai
from tests.fakes.chaos.behaviours import find
from tests.fakes.chaos.connection import Connection
from tests.fakes.chaos.exchange import Exchange
from tests.fakes.chaos.http import Request, compact, message
from tests.fakes.chaos.log import Log

CONTROL = "/__chaos__/"
ANY_MODEL = ""
MODEL_IN_A_FORM = re.compile(rb'form-data; name="model"\r\n\r\n([^\r]+)')


class ChaosServer:
    """One listening socket. `port` is known once `start` has returned."""

    def __init__(self) -> None:
        self.port = 0
        self._accepted = 0
        self._log = Log()
        self._connections: set[Connection] = set()
        self._scripts: defaultdict[str, deque[str]] = defaultdict(deque)

    async def start(self, host: str, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, host, port, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _accept(self) -> Connection:
        self._accepted += 1
        return Connection(self._answer, self._connections)

    async def _answer(self, connection: Connection, request: Request) -> bool:
        if request.path.startswith(CONTROL):
            connection.ours = True
            await connection.send(self._control(request))
            return True
        if request.method == "POST":
            return await self._complete(connection, request)
        record = self._log.open(request, "", "")
        await connection.send(self._stored(request))
        record.close("finished")
        return True

    async def _complete(self, connection: Connection, request: Request) -> bool:
        fields = _fields(request.body)
        model = str(fields.get("model", ""))
        name = self._scripted(model) or model
        behaviour, parameters = find(name)
        record = self._log.open(request, model, name)
        exchange = Exchange(connection, request, model, fields, self.port)
        try:
            await behaviour(exchange, **parameters)
        except asyncio.CancelledError:
            record.close("client_closed")
            raise
        record.close("finished")
        return exchange.kept

    def _scripted(self, model: str) -> str | None:
        queue = self._scripts[model] or self._scripts[ANY_MODEL]
        return queue.popleft() if queue else None

    def _stored(self, request: Request) -> bytes:
        cards = [{"id": name, "object": "model", "created": openai.CREATED, "owned_by": "chaos"} for name in ("ok", "echo")]
        if request.method == "GET" and request.path.endswith("/models"):
            return message(200, compact({"object": "list", "data": cards}))
        return message(404, openai.error_body(404))

    def _control(self, request: Request) -> bytes:
        controls = {
            ("GET", "log"): self._show_log,
            ("GET", "connections"): self._show_connections,
            ("POST", "reset"): self._reset,
            ("POST", "script"): self._script,
        }
        control = controls.get((request.method, request.path.removeprefix(CONTROL)))
        return message(404, b"{}") if control is None else message(200, compact(control(request)))

    def _show_log(self, request: Request) -> Any:
        return self._log.shown(model=request.query.get("model"), body=request.query.get("bodies") == "1")

    def _show_connections(self, request: Request) -> Any:
        clients = [connection for connection in self._connections if not connection.ours]
        busy = sum(connection.busy for connection in clients)
        return {"open": len(clients), "busy": busy, "accepted": self._accepted}

    def _reset(self, request: Request) -> Any:
        self._log.clear()
        self._scripts.clear()
        return {}

    def _script(self, request: Request) -> Any:
        wanted = json.loads(request.body)
        self._scripts[wanted.get("model", ANY_MODEL)].extend(wanted["behaviours"])
        return {}


def _fields(body: bytes) -> dict[str, Any]:
    if form := MODEL_IN_A_FORM.search(body):
        return {"model": form[1].decode()}
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
