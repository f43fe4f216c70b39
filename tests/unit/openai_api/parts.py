"""How is a gateway put together by hand, and asked, without a server? Over a snapshot in memory and raw ASGI messages."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import providers.dummy.adapter
import providers.openai_compatible.adapter  # noqa: F401 - registers the provider types
from models_catalog.live import LiveCatalog
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.consumers import InferenceConsumer
from openai_api.context import Gateway, Limits, ProcessState
from openai_api.database.stored_jobs import DatabaseJobs
from openai_api.database.stored_responses import DatabaseResponses
from openai_api.database.threads import DatabaseThreads
from openai_api.jobs.runner import JobRunner
from openai_api.limits.guesses import Guesses
from openai_api.limits.memory import MemoryStore
from openai_api.observing.transcript import Transcript
from openai_api.recording.events import Record
from openai_api.recording.metrics import WorkerMetrics
from openai_api.recording.status import RecorderStatus
from openai_api.responses.background import Background
from openai_api.responses.ids import ResponseIds
from openai_api.responses.store import NoMemory, StoredResponse
from openai_api.responses.summaries import Summaries
from openai_api.sessions.sessions import Sessions
from openai_api.sharing.route_limits import RouteLimits
from openai_api.sharing.sharing import Sharing
from providers.breaker import Breakers
from providers.capabilities import Capability
from providers.registry import provider_type
from providers.transport.slim import SlimTransport
from providers.types import Target, TargetConfig

KEY = "sk-test-key"
NARROW_KEY = "sk-narrow-key"
AUTHORIZED = ((b"authorization", b"Bearer " + KEY.encode()),)
JSON = {"model": "demo", "messages": [{"role": "user", "content": "one two"}]}
TLS = ssl.create_default_context()
"""Made once, because it reads all authorities."""
CLIENT = ("127.0.0.1", 50000)
Message = Mapping[str, Any]


def target(id: str, script: str = "echo", kind: str = "dummy", **fields: Any) -> Target:  # noqa: A002
    config = TargetConfig(id=id, provider=f"p-{id}", provider_type=kind, upstream_model=script, **fields)
    return provider_type(kind).target(config)


def entry(name: str, *targets: Target, able: Iterable[Capability] = (Capability.CHAT,), **fields: Any) -> ModelEntry:
    """A model, for chat unless it is `able` of something else."""
    capabilities = frozenset(able)
    card = json.dumps({"id": name, "object": "model"}).encode()
    return ModelEntry(name, capabilities, dict.fromkeys(capabilities, targets), card=card, **fields)


def snapshot(*models: ModelEntry, clients: Mapping[str, Client] | None = None) -> CatalogSnapshot:
    """A catalog in which `KEY` may use everything and `NARROW_KEY` the model "demo" only."""
    known = {
        KEY: Client("c1", "everything"),
        NARROW_KEY: Client("c2", "narrow", models=frozenset({"demo"})),
    } | dict(clients or {})
    return CatalogSnapshot(
        version=1,
        clients={sha256(key.encode()).digest(): client for key, client in known.items()},
        models={model.name: model for model in models},
    )


@dataclass
class Kept:
    """A recorder that keeps everything."""

    records: list[Record] = field(default_factory=list)
    transcripts: list[Transcript] = field(default_factory=list)

    def record(self, record: Record) -> None:
        self.records.append(record)

    def tell(self, transcript: Transcript) -> None:
        self.transcripts.append(transcript)

    def status(self) -> RecorderStatus:
        return RecorderStatus("thread", "ok", 0, 0)


@dataclass
class Responses(NoMemory):
    """A store in memory, in which everybody finds the response "demo"."""

    kept: dict[str, StoredResponse] = field(default_factory=dict)

    async def put(self, response: StoredResponse) -> None:
        self.kept[response.id] = response

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        if response_id == "demo":
            return StoredResponse("demo", owner, "demo", b"[]", b'{"id":"demo","background":true}', 0.0)
        found = self.kept.get(response_id)
        return found if found is not None and found.owner == owner else None

    async def delete(self, response_id: str, owner: str) -> bool:
        return self.kept.pop(response_id, None) is not None


@dataclass
class Answer:
    """What was sent."""

    messages: list[Message]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object, which must be whole."""
        assert list(self.json) == ["error"]
        assert list(self.json["error"]) == ["message", "type", "param", "code"]
        assert self.headers["content-type"] == "application/json"
        return dict(self.json["error"])


class Exchange:
    """One request as the server sees it: what `receive` gives, and what `send` took.

    After the given messages `receive` waits, until `leave()` makes the client disconnect.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = list(messages)
        self._left = asyncio.Event()
        self.received = 0
        self.sent: list[Message] = []
        self.on_send: Callable[[Message], None] | None = None

    async def receive(self) -> Message:
        if self._messages:
            self.received += 1
            return self._messages.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if self.on_send is not None:
            self.on_send(message)
        for _ in range(3):
            await asyncio.sleep(0)  # a server may write for a while, in which others run

    def leave(self) -> None:
        self._left.set()


class Site:
    """A gateway of some models, its recorder, and a way to ask it."""

    def __init__(
        self,
        *models: ModelEntry,
        limits: Limits | None = None,
        clients: Mapping[str, Client] | None = None,
        loaded: bool = True,
        authentication: bool = True,
        sessions: Sessions | None = None,
    ) -> None:
        live = LiveCatalog()
        if loaded:
            live.swap(snapshot(*models, clients=clients))
        self.kept = Kept()
        self.breakers = Breakers()
        self.state = ProcessState("1.2.3", 0.0)
        self.transport = SlimTransport(context=TLS)
        threads = DatabaseThreads()
        self.gateway = Gateway(
            catalog=live,
            transport=self.transport,
            breakers=self.breakers,
            recorder=self.kept,
            state=self.state,
            guesses=Guesses(0),
            limits=limits or Limits(),
            metrics=WorkerMetrics(None, list),
            response_ids=ResponseIds([b"tests"]),
            summaries=Summaries([b"tests"]),
            responses=Responses(),
            background=Background(JobRunner(DatabaseJobs(threads, 1, "tests")), DatabaseResponses(threads, 1)),
            sharing=Sharing(self.breakers, RouteLimits(MemoryStore())),
            authentication=authentication,
            sessions=sessions,
        )
        self.app = InferenceConsumer.as_asgi(self.gateway)

    @property
    def record(self) -> Record:
        """The last one."""
        return self.kept.records[-1]

    async def ask(
        self,
        body: Any = JSON,
        *,
        method: str = "POST",
        path: str = "/v1/chat/completions",
        headers: Iterable[tuple[bytes, bytes]] = AUTHORIZED,
        exchange: Exchange | None = None,
    ) -> Answer:
        """Sends one request; `body` is bytes or a value to be sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        exchange = exchange or Exchange([{"type": "http.request", "body": data, "more_body": False}])
        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"gateway"), *headers], "client": CLIENT}
        scope["query_string"] = query.encode()
        await asyncio.wait_for(asyncio.ensure_future(self.app(scope, exchange.receive, exchange.send)), 10)
        return Answer(exchange.sent)

    async def get(self, path: str, headers: Iterable[tuple[bytes, bytes]] = AUTHORIZED, method: str = "GET") -> Answer:
        return await self.ask(b"", method=method, path=path, headers=headers)
