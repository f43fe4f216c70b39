"""Does every early failure have the shape of the vendor whose path was asked for, known or not?

OpenAI's paths stand beside those of a vendor that does all of it in another way.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.consumers import InferenceConsumer
from openai_api.context import Gateway, Inbound, Limits
from openai_api.dialects.anthropic import ANTHROPIC
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.openai import OPENAI
from openai_api.endpoints import models
from openai_api.errors import Headers
from openai_api.http.pulse import SILENCE_S
from openai_api.http.routing import Route, RouteTable, Socket
from openai_api.pipeline.respond import begin_stream, send_json
from openai_api.websockets import ResponsesSocket
from providers.errors import Failure
from tests.unit.openai_api.parts import AUTHORIZED, CLIENT, KEY, NARROW_KEY, Answer, Exchange, Site, entry, target

MOST = 1000
"""Bytes of a body."""


def _error(failure: Failure, request_id: str) -> bytes:
    return json.dumps(
        {"type": "error", "error": {"told": failure.message, "as": failure.code}, "request_id": request_id}
    ).encode()


def _identify(request_id: str) -> Headers:
    return ((b"request-id", request_id.encode()),)


def _models(catalog: CatalogSnapshot, client: Client, query: bytes) -> bytes:
    names = [entry.name for entry in catalog.entries() if client.may_use(entry.name)]
    return json.dumps({"models": names, "asked": query.decode()}).encode()


def _model(entry: ModelEntry) -> bytes:
    return json.dumps({"name": f"models/{entry.name}"}).encode()


OTHER = Dialect(
    name="other",
    prefixes=("/v9", "/v1/notes"),
    credentials=(b"x-other-key", b"authorization"),
    query_key="other-key",
    marks=(b"x-other-version",),
    forwarded=(b"x-other-beta",),
    identify=_identify,
    shown=("request-id",),
    error=_error,
    error_headers=((b"content-type", b"application/problem+json"),),
    events={},
    message=lambda failure: json.dumps({"failed": failure.code}).encode(),
    ping=b"event: ping\ndata: {}\n\n",
    models=_models,
    model=_model,
)


async def echo(gateway: Gateway, inbound: Inbound) -> None:
    """Says what has come."""
    await send_json(inbound, json.dumps({"size": len(inbound.body), "argument": inbound.argument}).encode())


async def fail(gateway: Gateway, inbound: Inbound) -> None:
    """Has a defect."""
    raise ZeroDivisionError


async def hang(gateway: Gateway, inbound: Inbound) -> None:
    """Never answers."""
    await asyncio.Event().wait()


async def stream(gateway: Gateway, inbound: Inbound) -> None:
    """Begins a stream and says nothing."""
    await begin_stream(inbound, (), [])
    await asyncio.Event().wait()


def paths(base: str, dialect: Dialect) -> tuple[Route, ...]:
    """The same paths for each vendor."""
    return (
        Route("POST", f"{base}/echo", echo, dialect),
        Route("POST", f"{base}/fail", fail, dialect),
        Route("POST", f"{base}/hang", hang, dialect),
        Route("POST", f"{base}/stream", stream, dialect),
        Route("POST", f"{base}/things/{{thing}}:verb", echo, dialect),
        Route("GET", f"{base}/models", models.list_models, dialect),
        Route("GET", f"{base}/models/{{model:path}}", models.get_model, dialect),
    )


SHARED = Route("GET", "/v1/shared/{model:path}", models.get_model, OPENAI, others=(OTHER,))
TABLE = RouteTable(
    (SHARED, *paths("/v1", OPENAI), *paths("/v9", OTHER), *paths("/v1/notes", OTHER), *paths("/v1/messages", ANTHROPIC)),
    (Socket("/v1/live"), Socket("/v9/live", OTHER)),
)


@dataclass
class Asked:
    """How one failure is brought about."""

    path: str = "/echo"
    method: str = "POST"
    headers: tuple[tuple[bytes, bytes], ...] = AUTHORIZED
    body: bytes = b"{}"
    drained: bool = False


FORM = (b"content-type", b"multipart/form-data; boundary=b")
FAILURES: dict[tuple[int, str], Asked] = {
    (400, "invalid_headers"): Asked(headers=((b"host", b"a"), (b"host", b"b"))),
    (400, "conflicting_credentials"): Asked(headers=((b"authorization", b"Bearer a"), (b"authorization", b"Bearer b"))),
    (401, "invalid_api_key"): Asked(headers=()),
    (404, "not_found"): Asked(path="/nothing/at/all"),
    (404, "model_not_found"): Asked(path="/models/nobody", method="GET"),
    (405, "method_not_allowed"): Asked(method="PUT"),
    (413, "request_too_large"): Asked(body=bytes(MOST + 1)),
    (415, "unsupported_content_type"): Asked(headers=(*AUTHORIZED, FORM)),
    (415, "unsupported_encoding"): Asked(headers=(*AUTHORIZED, (b"content-encoding", b"lzma"))),
    (431, "headers_too_large"): Asked(headers=tuple((b"x-%d" % number, b"") for number in range(200))),
    (500, "internal_error"): Asked(path="/fail"),
    (503, "server_draining"): Asked(path="/hang", drained=True),
}


def openai_error(answer: Answer) -> Any:
    assert answer.headers["x-request-id"]
    assert "request-id" not in answer.headers
    return answer.error["code"]


def other_error(answer: Answer) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-request-id" not in answer.headers
    assert list(answer.json) == ["type", "error", "request_id"]
    assert answer.json["request_id"] == answer.headers["request-id"]
    assert answer.json["error"]["told"]
    return answer.json["error"]["as"]


BASES: dict[str, Callable[[Answer], Any]] = {
    "": openai_error,
    "/v1": openai_error,
    "//v1/v1": openai_error,
    "/v9": other_error,
    "/v9//v9/": other_error,
    "/v1/notes": other_error,
    "/notes": other_error,
}


def site() -> Site:
    made = Site(entry("demo", target("1")), limits=Limits(max_body_bytes=MOST))
    made.app = InferenceConsumer(made.gateway, TABLE)
    return made


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("status", "code"), FAILURES)
async def test_early_failure_when_it_comes_has_the_shape_of_its_path(base: str, status: int, code: str) -> None:
    asked, at = FAILURES[status, code], site()
    exchange = Exchange([{"type": "http.request", "body": asked.body, "more_body": False}])
    told = asyncio.ensure_future(
        at.ask(asked.body, method=asked.method, path=base + asked.path, headers=asked.headers, exchange=exchange)
    )
    if asked.drained:
        await asyncio.sleep(0.01)
        at.state.end_all()
    answer = await told
    assert (answer.status, BASES[base](answer)) == (status, code)
    assert at.record.error == code
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v9/echo", ((b"x-other-key", KEY.encode()),), 200),
        ("/v9/echo", ((b"x-api-key", KEY.encode()),), 401),
        ("/v1/echo", ((b"x-other-key", KEY.encode()),), 401),
        ("/v1/echo", ((b"x-api-key", KEY.encode()),), 200),
        ("/v9/echo", ((b"x-other-key", KEY.encode()), (b"authorization", b"Bearer " + NARROW_KEY.encode())), 400),
        ("/v9/echo", ((b"x-other-key", KEY.encode()), (b"x-other-key", NARROW_KEY.encode())), 400),
        ("/v9/echo", ((b"x-other-key", KEY.encode()), (b"x-api-key", NARROW_KEY.encode())), 200),
        ("/v1/echo", ((b"x-other-key", NARROW_KEY.encode()), (b"x-api-key", KEY.encode())), 200),
    ],
)
async def test_key_when_it_stands_in_a_header_of_the_dialect_then_and_only_then_it_counts(
    path: str, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    assert (await site().ask(path=path, headers=headers)).status == status


async def test_models_when_listed_look_as_the_vendors_clients_know_them() -> None:
    at = site()
    assert (await at.get("/v9/models")).json == {"models": ["demo"], "asked": ""}
    assert (await at.get("/v9/models/demo")).json == {"name": "models/demo"}
    assert (await at.get("/v1/models/demo")).json["id"] == "demo"


QUERY = f"other-key={KEY}"
MARKED = ((b"x-other-version", b"1"),)
SHARING: dict[str, tuple[str, tuple[tuple[bytes, bytes], ...], int, str]] = {
    "no mark": ("", AUTHORIZED, 200, "id"),
    "a header": ("", (*MARKED, (b"x-other-key", KEY.encode())), 200, "name"),
    "a header, refused": ("", (*MARKED, (b"x-api-key", KEY.encode())), 401, "type"),
    "the query": (f"?{QUERY}", (), 200, "name"),
    "the query, escaped": (f"?a=1&{QUERY.replace('-', '%2D').replace('other%2Dkey', 'other-key')}", (), 200, "name"),
    "the query, twice the same": (f"?{QUERY}&{QUERY}", (), 200, "name"),
    "the query, two keys": (f"?{QUERY}&other-key={NARROW_KEY}", (), 400, "type"),
    "the query and a header": (f"?{QUERY}", ((b"x-other-key", NARROW_KEY.encode()),), 400, "type"),
    "the query, empty": ("?other-key=", (), 401, "type"),
    "another name in the query": (f"?an{QUERY}", (), 401, "error"),
    "no key": ("", (), 401, "error"),
}


@pytest.mark.parametrize("case", SHARING)
async def test_shared_path_when_asked_answers_the_vendor_whose_client_asks(case: str) -> None:
    query, headers, status, field = SHARING[case]
    answer = await site().get(f"/v1/shared/demo{query}", headers)
    assert (answer.status, next(iter(answer.json))) == (status, field)


async def test_argument_when_a_verb_follows_it_is_what_stands_before() -> None:
    assert (await site().ask(path="/v9/things/a/b:verb")).json["argument"] == "a/b"


@pytest.mark.parametrize(
    ("base", "ping"), [("/v1", OPENAI.ping), ("/v9", OTHER.ping), ("/v1/messages", b'event: ping\ndata: {"type": "ping"}\n\n')]
)
async def test_stream_when_it_is_silent_pings_as_the_vendors_clients_know_it(
    base: str, ping: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, exchange = asyncio.get_running_loop(), Exchange([{"type": "http.request", "body": b"", "more_body": False}])
    begun, pinged = asyncio.Event(), asyncio.Event()
    exchange.on_send = lambda message: pinged.set() if begun.is_set() else begun.set()
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{base}/stream",
        "headers": [(b"host", b"x"), *AUTHORIZED],
        "client": CLIENT,
    }
    asked = asyncio.create_task(site().app(scope, exchange.receive, exchange.send))
    await begun.wait()
    await asyncio.sleep(0.01)
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + SILENCE_S)
    await pinged.wait()
    exchange.leave()
    await asked
    assert exchange.sent[1]["body"] == ping


@pytest.mark.parametrize(
    ("path", "headers", "status", "check"),
    [
        ("/v9/live", (), 401, other_error),
        ("/v1/live", (), 401, openai_error),
        ("/live", (), 401, openai_error),
        ("/v9/other", (), 404, other_error),
        ("/v9/echo", (), 404, other_error),
        ("/other", (), 404, openai_error),
        ("/v9/live", ((b"host", b"x"),), 400, other_error),
    ],
)
async def test_websocket_when_refused_answers_in_the_dialect_of_its_path(
    path: str, headers: tuple[tuple[bytes, bytes], ...], status: int, check: Callable[[Answer], Any]
) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append({**message, "type": message["type"].removeprefix("websocket.")})

    given = [(b"host", b"gateway"), *headers]
    scope = {"type": "websocket", "path": path, "headers": given, "client": CLIENT, "extensions": {"websocket.http.response": {}}}
    await ResponsesSocket(site().gateway, TABLE)(scope, receive, send)
    answer = Answer(sent)
    assert answer.status == status
    assert check(answer)


def test_dialects_when_made_from_another_are_apart() -> None:
    assert replace(OPENAI, name="x") != OPENAI
