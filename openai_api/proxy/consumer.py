"""How does an HTTP request enter the proxy? As in `consumers.py`, but any path of any method is the upstream's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models_catalog.snapshot import STAR, Client, ModelEntry
from openai_api.context import ANONYMOUS, Gateway, Handler, Inbound, Receive, Send
from openai_api.dialects.anthropic import ANTHROPIC
from openai_api.dialects.dialect import Dialect
from openai_api.errors import ApiError, invalid
from openai_api.http.bounded_body import BoundedBody, too_large
from openai_api.http.disconnect import watched
from openai_api.http.outlet import JOINED
from openai_api.http.receive import ClientGone, checked_headers, request_id_of
from openai_api.in_flight import in_flight
from openai_api.pipeline.exchange import exchange_of, generate, identify
from openai_api.pipeline.respond import send_error
from openai_api.pipeline.run_hooks import on_error
from openai_api.proxy.decoding import DECODERS, decoder_of
from openai_api.proxy.outlet import Head, ProxyOutlet, Under
from openai_api.proxy.passing import Passing
from openai_api.proxy.upstream import Kind, Upstream
from openai_api.recording.events import Record
from openai_api.routes import TABLE
from providers.offload import offload
from providers.recordings.paths import end_of, wire_of_path
from providers.types import Call

WORKFLOW = "/agent-workflow/"
WORKFLOW_TAG = "agent_workflow.id"
MAX_WORKFLOW = 256
UNREAD = "*"
"""The route that is recorded of requests which pass unread: their paths are without number."""
CALLER = Client(id="proxy", name="proxy", record_bodies=True)
"""Everybody who uses the proxy; its operator has chosen what records."""


class ProxyConsumer:
    """Serves every path but its `own`, which are asked with GET. Where hooks see requests, a conversation that nobody can read is
    refused: it is not to get past them."""

    def __init__(self, gateway: Gateway, upstream: Upstream, entry: ModelEntry, own: Mapping[str, Handler]) -> None:
        self._gateway = gateway
        self._upstream = upstream
        self._entry = entry
        self._own = own

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003})
            return
        request_id = request_id_of(scope["headers"])
        workflow, path, raw_path = _of_workflow(scope["path"], scope.get("raw_path", b""))
        record = Record(request_id, scope["method"], path)
        if workflow:
            record.tags = {WORKFLOW_TAG: workflow}
        dialect = self._dialect(path)
        outlet = ProxyOutlet(send, scope["method"], request_id, dialect, joins=JOINED in scope.get("extensions", ()))
        inbound = Inbound(request_id, scope["method"], path, "", {}, b"", record, outlet)
        inbound.query, inbound.peer, inbound.dialect = scope.get("query_string", b""), (scope.get("client") or ("",))[0], dialect
        await in_flight(self._gateway, inbound, self._answer(inbound, outlet, raw_path, scope, receive))

    def _dialect(self, path: str) -> Dialect:
        return ANTHROPIC if self._upstream.kind is Kind.ANTHROPIC else TABLE.place(path).dialect

    async def _answer(
        self, inbound: Inbound, end: ProxyOutlet, raw_path: str, scope: Mapping[str, Any], receive: Receive
    ) -> None:
        inbound.headers = checked_headers(scope["headers"], inbound.dialect.credentials)
        own = self._own.get(inbound.path) if inbound.method in ("GET", "HEAD") else None
        inbound.record.route, inbound.observed = (inbound.path, False) if own else (UNREAD, True)
        if own is not None:
            await own(self._gateway, inbound)
            return
        await identify(self._gateway, inbound)
        if inbound.caller is ANONYMOUS:
            inbound.caller = CALLER
            inbound.record.client_id, inbound.record.client_name = CALLER.id, CALLER.name
        inbound.body = await _body(receive, inbound, self._gateway)
        inbound.record.body_bytes = len(inbound.body)
        under = Under(inbound.outlet, end)
        inbound.outlet = under
        passing = Passing(self._upstream, inbound, under, raw_path, scope["headers"])
        await self._while_connected(self._passed(passing, inbound, under), inbound, scope, receive)

    async def _passed(self, passing: Passing, inbound: Inbound, under: Under) -> None:
        call = await self._call(inbound)
        if call is None:
            await passing.past(self._gateway.transport)
            return
        record = inbound.record
        record.route, record.model, record.pattern = end_of(inbound.path), call.model, STAR
        entry = replace(self._entry, name=call.model)
        try:
            await generate(exchange_of(self._gateway, inbound, call, entry=entry, ask=passing.ask))
        except ApiError as error:
            if passing.failed is None:
                raise
            await self._failed(passing, inbound, error, *passing.failed)
            return
        if under.upstream is not None:
            record.status = under.upstream.status
        if passing.relay is not None and passing.relay.failure is not None:
            record.error = record.error or passing.relay.failure

    async def _failed(self, passing: Passing, inbound: Inbound, error: ApiError, head: Head, body: bytes) -> None:
        """Tells what the upstream said, byte for byte, unless a hook has another answer."""
        told = await on_error(self._gateway, inbound, error)
        if told is not error:
            await send_error(inbound, told)
            return
        inbound.record.error, inbound.told = error.code or error.type, error
        await passing.tell_failure(head, body)

    async def _call(self, inbound: Inbound) -> Call | None:
        """The request as a call; None if it is none that can be read, and need not be looked at. Raises `ApiError`."""
        wire, decode = wire_of_path(inbound.path), decoder_of(inbound)
        if decode is None:
            if self._looks and wire in DECODERS and inbound.method == "POST":
                raise invalid(
                    "unsupported_encoding", "Hooks of this proxy cannot read a request in this content coding.", status=415
                )
            return None
        try:
            return await offload(len(inbound.body), decode, inbound)
        except ApiError:
            if self._looks:
                raise
            return None

    @property
    def _looks(self) -> bool:
        """Whether hooks see requests."""
        chain = self._gateway.hooks.chain
        return chain is not None and bool(chain.before or chain.after or chain.streaming)

    async def _while_connected(self, answer: Any, inbound: Inbound, scope: Mapping[str, Any], receive: Receive) -> None:
        """Awaits the answer, and cancels it when the client leaves before it is complete."""
        record, task = inbound.record, asyncio.current_task()

        def gone() -> None:
            if task is not None and not inbound.outlet.finished:
                record.client_aborted = True
                task.cancel()

        stop_watching = watched(scope, receive, gone)
        try:
            await answer
        finally:
            stop_watching()


def _of_workflow(path: str, raw_path: bytes) -> tuple[str, str, str]:
    """The workflow that the path names, "" for none; the rest of the path, and that as it came."""
    raw = raw_path.decode("latin-1") or path
    if not path.startswith(WORKFLOW):
        return "", path, raw
    workflow, _, rest = path.removeprefix(WORKFLOW).partition("/")
    if not workflow or len(workflow) > MAX_WORKFLOW or not workflow.isprintable():
        return "", path, raw
    return workflow, f"/{rest}", "/" + raw.removeprefix(WORKFLOW).partition("/")[2]


async def _body(receive: Receive, inbound: Inbound, gateway: Gateway) -> bytes:
    """The whole body, byte for byte. Raises 413 `request_too_large`, 408 `request_timeout`, `ClientGone`."""
    announced = inbound.headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > gateway.limits.max_body_bytes:
        raise too_large(gateway.limits)
    body, parts = BoundedBody(receive, gateway.limits), []
    while True:
        message = await body()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
