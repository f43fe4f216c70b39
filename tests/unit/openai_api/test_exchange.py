"""In which order does a request go through admission, hooks and the endpoint's own step, and what is settled at its end?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from models_catalog.snapshot import RetryPolicy
from openai_api.consumers import InferenceConsumer
from openai_api.errors import ApiError, Headers
from openai_api.hooks import HookAnswer, HookContext, HookRequest
from openai_api.hooks.chain import HookBook
from openai_api.hooks.specs import BuiltHook, HookSpec
from openai_api.limits.admission import Admission, Asking, Known, Lease
from openai_api.recording.events import Record
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.dummy.adapter import DummyAdapter
from providers.types import Call, Reply, ReplyStream, TargetConfig, Wire
from tests.unit.openai_api.parts import JSON, Exchange, Site, entry, target
from tests.unit.openai_api.test_websockets import CREATE, Server

ANSWER = b'{"id":"c1","object":"chat.completion","model":"kept","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'
UNUSED: Any = None


def reply() -> Reply:
    return Reply(wire=Wire.OPENAI_CHAT, body=ANSWER, fields=fields_of(ANSWER))


@dataclass
class Counted:
    """A lease that says what it is told."""

    told: list[Record] = field(default_factory=list)
    head: Headers = ()

    def settle(self, record: Record) -> None:
        self.told.append(record)


@dataclass
class Gate:
    """An admission that gives what it is told to give, and notes whom it was asked about."""

    gives: Lease | Known | ApiError | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def admit(self, asking: Asking) -> Lease | Known | None:
        self.asked.append((asking.call.model, asking.client.name, asking.entry.name))
        if isinstance(self.gives, ApiError):
            raise self.gives
        return self.gives


@dataclass
class Changing:
    """A hook that does what it is given."""

    change: Callable[[HookRequest], HookAnswer | None]

    async def before_request(self, context: HookContext, request: HookRequest) -> HookAnswer | None:
        return self.change(request)


def site(*admissions: Admission, hooks: Sequence[Changing] = (), script: str = "echo") -> Site:
    able = (Capability.CHAT, Capability.RESPONSES)
    at = Site(entry("demo", target("1", script), retry=RetryPolicy(0), able=able), entry("other", target("2"), able=able))
    built = [BuiltHook(str(number), HookSpec(""), hook, False, 1.0) for number, hook in enumerate(hooks)]
    at.gateway = replace(at.gateway, admissions=admissions, hooks=HookBook(built))
    at.app = InferenceConsumer.as_asgi(at.gateway)
    return at


LIMIT = ApiError(429, "rate_limit_exceeded", "Too many requests.", kind="rate_limit_error")


async def test_admission_when_it_refuses_then_no_target_is_tried_and_leases_are_settled() -> None:
    lease, never = Counted(), Gate()
    at = site(Gate(lease), Gate(LIMIT), never)
    answer = await at.ask()
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert at.record.attempts == []
    assert lease.told == [at.record]
    assert never.asked == []


async def test_lease_when_the_request_has_ended_is_settled_once_with_its_tokens() -> None:
    first, second = Counted(), Counted()
    gate = Gate(first)
    at = site(gate, Gate(second))
    assert (await at.ask()).status == 200
    assert gate.asked == [("demo", "everything", "demo")]
    [told] = first.told
    assert told.usage is not None
    assert told.usage.output_tokens > 0
    assert second.told == [told]


@pytest.mark.parametrize("script", ["status-500", "refused", "reset"])
async def test_lease_when_the_upstream_fails_is_settled_once(script: str) -> None:
    lease = Counted()
    at = site(Gate(lease), script=script)
    assert (await at.ask()).status >= 500
    assert lease.told == [at.record]


async def test_lease_when_the_client_leaves_is_settled_once() -> None:
    lease = Counted()
    at = site(Gate(lease), script="slow-30000ms")
    exchange = Exchange([{"type": "http.request", "body": json.dumps(JSON).encode(), "more_body": False}])
    asking = asyncio.create_task(at.ask(exchange=exchange))
    while not at.state.active or not next(iter(at.state.active.values())).record.attempts:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.002)
    exchange.leave()
    await asking
    assert at.record.client_aborted
    assert lease.told == [at.record]


async def test_admission_when_it_knows_the_answer_then_no_target_is_tried() -> None:
    lease = Counted()
    at = site(Gate(lease), Gate(Known(reply())), hooks=[Changing(lambda request: pytest.fail("a hook was asked"))])
    answer = await at.ask()
    assert (answer.status, answer.json["model"]) == (200, "demo")
    assert (answer.headers["x-gateway-provider"], answer.headers["x-gateway-attempts"]) == ("gateway", "0")
    assert (at.record.attempts, at.record.usage is not None, lease.told) == ([], True, [at.record])


async def test_hook_when_it_changes_the_call_then_the_upstream_gets_the_change_and_the_next_hook_too() -> None:
    def said(words: str) -> Callable[[HookRequest], None]:
        def change(request: HookRequest) -> None:
            request.body["messages"][0]["content"] += f" {words}"

        return change

    answer = await site(hooks=[Changing(said("three")), Changing(said("four"))]).ask()
    assert answer.json["choices"][0]["message"]["content"] == "You said: one two three four"


def named(model: str) -> Callable[[HookRequest], None]:
    return lambda request: setattr(request, "model", model)


async def test_hook_when_it_names_another_model_then_that_one_answers_and_its_limits_count() -> None:
    at = site(hooks=[Changing(named("other"))])
    answer = await at.ask()
    assert (answer.headers["x-gateway-provider"], at.record.model) == ("p-2", "other")
    at = site(hooks=[Changing(named("none"))])
    assert (await at.ask()).error["code"] == "model_not_found"


async def test_hook_when_it_answers_then_no_further_hook_and_no_target_is_asked() -> None:
    answers = HookAnswer(body=json.loads(ANSWER))
    hooks = [Changing(lambda request: answers), Changing(lambda request: pytest.fail("a second hook was asked"))]
    at = site(hooks=hooks)
    answer = await at.ask()
    assert (answer.status, answer.headers["x-gateway-provider"], at.record.attempts) == (200, "gateway", [])


async def stream_of(call: Call) -> ReplyStream:
    config = TargetConfig(id="", provider="", provider_type="dummy", upstream_model="echo")
    return await DummyAdapter(config).stream_chat(call, UNUSED)


async def test_admission_when_it_knows_a_stream_then_the_client_gets_its_events() -> None:
    class Remembering:
        async def admit(self, asking: Asking) -> Known:
            return Known(await stream_of(asking.call))

    answer = await site(Remembering()).ask({**JSON, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-gateway-provider"] == "gateway"
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert b'"model":"demo"' in answer.body


async def test_limit_when_a_request_comes_another_way_then_it_is_asked_there_too() -> None:
    """Responses over HTTP and over a WebSocket; those in the background are tested with a database."""
    gate = Gate(LIMIT)
    at = site(gate)
    for path in ("/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"):
        answer = await at.ask({"model": "demo", "input": "hi"}, path=path)
        assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    server = Server(at)
    server.say(CREATE)
    error = await server.until("error")
    assert (error["status"], error["error"]["code"]) == (429, "rate_limit_exceeded")
    await server.leave()
    assert len(gate.asked) == 4
    assert [record.attempts for record in at.kept.records] == [[]] * 4


async def test_call_when_no_target_takes_its_format_then_the_client_is_told_and_no_upstream_is_asked() -> None:
    odd = replace(target("1"), wires={Capability.CHAT: (Wire.OPENAI_COMPLETION,)})
    at = Site(entry("demo", odd, retry=RetryPolicy(2)))
    answer = await at.ask()
    assert (answer.status, answer.error["code"]) == (400, "unsupported_format")
    assert "'openai_chat'" in answer.error["message"]
    assert "x-gateway-attempts" not in answer.headers
    assert [line.failure for line in at.record.attempts] == ["unsupported"]


async def test_call_when_another_target_takes_its_format_then_that_one_answers() -> None:
    odd = replace(target("1"), wires={Capability.CHAT: (Wire.OPENAI_COMPLETION,)})
    answer = await Site(entry("demo", odd, target("2"))).ask()
    assert (answer.status, answer.headers["x-gateway-provider"]) == (200, "p-2")
