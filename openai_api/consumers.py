"""How does an HTTP request enter the gateway? A Channels consumer with a lean `__call__`, free of Django."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from openai_api import routes
from openai_api.context import Gateway, Inbound, Receive, Send
from openai_api.disconnect import DisconnectWatch
from openai_api.errors import ApiError, internal_error, server_draining
from openai_api.pipeline.respond import send_error
from openai_api.pipeline.run import Handler, identify
from openai_api.receive import ClientGone, checked_headers, is_form, read_body, read_form
from openai_api.recording.events import Record
from openai_api.routes import Route

log = logging.getLogger("gateway.requests")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
Task = asyncio.Task[Any]
BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class InferenceConsumer:
    """Serves every path of `openai_api.routes`. One instance serves all requests."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @classmethod
    def as_asgi(cls, gateway: Gateway) -> InferenceConsumer:
        """The ASGI application, as Channels names it."""
        return cls(gateway)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = _request_id(scope["headers"])
        record = Record(request_id, scope["method"], scope["path"])
        inbound = Inbound(request_id, scope["method"], scope["path"], "", {}, b"", record, send)
        inbound.query = scope.get("query_string", b"")
        inbound.peer = (scope.get("client") or ("",))[0]
        active, task = self._gateway.state.active, asyncio.current_task()
        assert task is not None, "a server calls an application in a task"  # noqa: S101
        active[task] = record
        try:
            await self._answer(inbound, scope["headers"], receive, task)
        except ClientGone:
            record.client_aborted = True
        except asyncio.CancelledError:
            await _cancelled(inbound)
        finally:
            del active[task]
            if inbound.form is not None:
                inbound.form.close()
            record.total_s = perf_counter() - record.clock
            self._gateway.recorder.record(record)

    async def _answer(self, inbound: Inbound, headers: list[tuple[bytes, bytes]], receive: Receive, task: Task) -> None:
        try:
            inbound.headers = checked_headers(headers)
            route, inbound.argument = routes.find(inbound.method, inbound.path)
            inbound.record.route = route.path
            if route.keyed:
                identify(self._gateway, inbound)  # before the body: nobody without a key makes the gateway hold one
            if inbound.method not in BODYLESS:
                await self._read(route, inbound, receive)
            await self._while_connected(route.handler, inbound, receive, task)
        except ApiError as error:
            await send_error(inbound, error)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must still be answered
            await self._failed(inbound, error)

    async def _read(self, route: Route, inbound: Inbound, receive: Receive) -> None:
        """Takes the body in, as it is or, where forms are taken, as its parts."""
        limits = self._gateway.limits
        if route.max_file_bytes and is_form(inbound.headers):
            most = route.max_file_bytes, route.max_form_bytes
            inbound.form, inbound.record.body_bytes = await read_form(receive, inbound.headers, limits, *most)
        else:
            inbound.body = await read_body(receive, inbound.headers, limits)
            inbound.record.body_bytes = len(inbound.body)

    async def _while_connected(self, handler: Handler, inbound: Inbound, receive: Receive, task: Task) -> None:
        """Runs the handler, and cancels it when the client leaves before its answer is complete."""
        record = inbound.record

        def gone() -> None:
            if not record.finished:
                record.client_aborted = True
                task.cancel()

        watch = DisconnectWatch(receive, gone)
        try:
            await handler(self._gateway, inbound)
        finally:
            watch.stop()

    async def _failed(self, inbound: Inbound, error: Exception) -> None:
        log.error("request failed", exc_info=error, extra={"request_id": inbound.request_id, "path": inbound.path})
        inbound.record.error = "internal_error"
        if inbound.record.status == 0:
            await send_error(inbound, internal_error(inbound.request_id))


async def _cancelled(inbound: Inbound) -> None:
    """The end of a request that was cancelled: silent if the client left, 503 if the server ends, else passed on."""
    record = inbound.record
    if record.draining and record.status == 0:
        await send_error(inbound, server_draining())
    elif not record.client_aborted:
        raise asyncio.CancelledError


def _request_id(headers: list[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return os.urandom(16).hex()
