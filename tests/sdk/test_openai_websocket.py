"""Do the openai SDK's WebSocket connections work against the gateway: sync and async, with both kinds of upstream?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseFunctionToolCall
from websockets.exceptions import InvalidStatus

from tests.fakes.vendor import Said, Seen, Vendor, events, vendor
from tests.integration.test_responses import CALL, TOOL, chunks, native_events
from tests.live import LiveGateway

MODELS = ["sdk/native", "sdk/chat"]
ENDINGS = ("response.completed", "response.failed", "error")


def _say(seen: Seen) -> Said:
    """A tool call first if there are tools, and what it came to when its output is there."""
    asked = seen.json
    if asked.get("tools") and all(message["role"] != "tool" for message in asked["messages"]):
        call = {"index": 0, **CALL}
        return events(*chunks({"role": "assistant", "content": None, "tool_calls": [call]}, finish="tool_calls"), done=True)
    return events(*chunks({"role": "assistant", "content": "Hello."}), done=True)


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    native = {"/v1/responses": lambda seen: events(*native_events(), names=True)}
    with vendor({**native, "/v1/chat/completions": _say}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"sdk/native": ("up-native", ["responses"])}, name="sdk ws native")
        shared_gateway.define_at("deepseek", base, {"sdk/chat": ("up-chat", ["chat", "responses"])}, name="sdk ws chat")
        yield upstream


def client_of(gateway: LiveGateway, key: str | None = None) -> dict[str, Any]:
    return {"api_key": key or gateway.key, "base_url": f"{gateway.base_url}/v1", "max_retries": 0}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def create(model: str, **fields: Any) -> Any:
    """What begins a turn; the SDK's type has too many fields to be written down."""
    return {"type": "response.create", "model": model, "store": False, **fields}


def finished(told: list[Any]) -> Response:
    """The response of a turn, whose events must be the SDK's own types."""
    assert {event.type for event in told} >= {"response.created", "response.output_text.delta", "response.completed"}
    assert [event.sequence_number for event in told] == list(range(len(told)))
    response = told[-1].response
    assert isinstance(response, Response)
    assert response.output_text == "Hello."
    return response


@pytest.mark.parametrize("model", MODELS)
def test_turns_when_asked_for_by_the_sync_client_give_typed_events_and_go_on(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    with OpenAI(**client_of(gateway)) as client, client.responses.connect() as connection:

        def turn(**fields: Any) -> Response:
            connection.send(create(model, **fields))
            told: list[Any] = []
            for event in connection:
                told.append(event)
                if event.type in ENDINGS:
                    break
            return finished(told)

        first = turn(input="one")
        second = turn(input="two", previous_response_id=first.id)
        assert second.previous_response_id == first.id
        assert second.usage is not None
        assert second.usage.total_tokens == 7


@pytest.mark.parametrize("model", MODELS)
async def test_turns_when_asked_for_by_the_async_client_give_typed_events_and_go_on(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    async with AsyncOpenAI(**client_of(gateway)) as client, client.responses.connect() as connection:

        async def turn(**fields: Any) -> Response:
            await connection.send(create(model, **fields))
            told: list[Any] = []
            async for event in connection:
                told.append(event)
                if event.type in ENDINGS:
                    break
            return finished(told)

        first = await turn(input="one")
        async with asyncio.timeout(5):
            second = await turn(input="two", previous_response_id=first.id)
        assert second.previous_response_id == first.id


def test_tool_loop_when_over_one_connection_reaches_a_chat_only_upstream(gateway: LiveGateway, upstream: Vendor) -> None:
    with OpenAI(**client_of(gateway)) as client, client.responses.connect() as connection:

        def turn(**fields: Any) -> Response:
            connection.send(create("sdk/chat", tools=[TOOL], **fields))
            last: Any = next(event for event in connection if event.type in ENDINGS)
            assert last.type == "response.completed", last
            return Response.model_validate(last.response.to_dict())

        first = turn(input="go")
        (call,) = first.output
        assert isinstance(call, ResponseFunctionToolCall)
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "1"}
        assert turn(input=[output], previous_response_id=first.id).output_text == "Hello."
        assert [message["role"] for message in upstream.last.json["messages"]] == ["user", "assistant", "tool"]


def test_failure_when_it_happens_is_an_error_event_of_the_sdk(gateway: LiveGateway, upstream: Vendor) -> None:
    with OpenAI(**client_of(gateway)) as client, client.responses.connect() as connection:
        connection.send({"type": "response.create", "model": "nothing", "input": "hi"})
        event: Any = connection.recv()
        assert (event.type, event.status, event.error.code) == ("error", 404, "model_not_found")


def test_connection_when_the_key_is_bad_is_refused(gateway: LiveGateway, upstream: Vendor) -> None:
    with OpenAI(**client_of(gateway, "sk-wrong")) as client:
        with pytest.raises(InvalidStatus) as raised, client.responses.connect():
            pass
        assert raised.value.response.status_code == 401
