"""How does an HTTP request enter the gateway? A Channels consumer with a lean `__call__`, free of Django."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from openai_api.answer_once import answer_once
from openai_api.context import Gateway, Handler, Inbound, Receive, Send
from openai_api.errors import CLOSE, ApiError
from openai_api.http.disconnect import watched
from openai_api.http.outlet import JOINED, HttpOutlet
from openai_api.http.receive import checked_headers, is_form, read_body, read_form, request_id_of
from openai_api.http.routing import Place, Route, RouteTable
from openai_api.in_flight import in_flight
from openai_api.pipeline.exchange import identify
from openai_api.recording.events import Record
from openai_api.repeats.key import HEADER
from openai_api.routes import TABLE

BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class InferenceConsumer:
    """Serves every path of a table. One instance serves all requests."""

    def __init__(self, gateway: Gateway, table: RouteTable = TABLE) -> None:
        self._gateway = gateway
        self._table = table

    @classmethod
    def as_asgi(cls, gateway: Gateway) -> InferenceConsumer:
        """The ASGI application, as Channels names it."""
        return cls(gateway)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = request_id_of(scope["headers"])
        record = Record(request_id, scope["method"], scope["path"])
        place = self._table.place(scope["path"])
        joins = JOINED in scope.get("extensions", ())
        query = scope.get("query_string", b"")
        dialect = place.dialect_for(scope["method"], scope["headers"], query)
        outlet = HttpOutlet(send, scope["method"], request_id, dialect, joins=joins)
        inbound = Inbound(request_id, scope["method"], scope["path"], "", {}, b"", record, outlet)
        inbound.query = query
        inbound.peer = (scope.get("client") or ("",))[0]
        inbound.dialect = dialect
        await in_flight(self._gateway, inbound, self._answer(place, inbound, scope, receive))

    async def _answer(self, place: Place, inbound: Inbound, scope: Mapping[str, Any], receive: Receive) -> None:
        inbound.headers = checked_headers(scope["headers"], inbound.dialect.credentials)
        route, inbound.record.route, inbound.record.path, inbound.argument = place.match(inbound.method, inbound.path)
        inbound.observed = route.keyed
        if route.keyed:
            await identify(self._gateway, inbound)  # before the body: nobody without a key makes the gateway hold one
        if inbound.method not in BODYLESS:
            await self._read(route, inbound, receive)
        await self._while_connected(route.handler, inbound, scope, receive)

    async def _read(self, route: Route, inbound: Inbound, receive: Receive) -> None:
        """Takes the body in, as it is or, where forms are taken, as its parts."""
        limits = self._gateway.limits
        if route.max_file_bytes and is_form(inbound.headers):
            most = route.max_file_bytes, route.max_form_bytes
            inbound.form, inbound.record.body_bytes = await read_form(receive, inbound.headers, limits, *most)
        elif is_form(inbound.headers):
            raise ApiError(415, "unsupported_content_type", "This path accepts application/json, not a form.", headers=CLOSE)
        else:
            inbound.body = await read_body(receive, inbound.headers, limits)
            inbound.record.body_bytes = len(inbound.body)

    async def _while_connected(self, handler: Handler, inbound: Inbound, scope: Mapping[str, Any], receive: Receive) -> None:
        """Runs the handler, and cancels it when the client leaves before its answer is complete."""
        record, task = inbound.record, asyncio.current_task()

        def gone() -> None:
            if task is not None and not inbound.outlet.finished and not (inbound.stays and inbound.stays()):
                record.client_aborted = True
                task.cancel()

        stop_watching = watched(scope, receive, gone)
        try:
            if HEADER in inbound.headers and inbound.method == "POST" and inbound.observed and self._gateway.repeats is not None:
                await answer_once(self._gateway, inbound, handler, self._gateway.repeats)
            else:
                await handler(self._gateway, inbound)
        finally:
            stop_watching()
