"""Is a loop of tools by the openai or the anthropic SDK one session, whole or streamed, and the next conversation another?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.fakes.messages import HELLO, THOUGHT, message, stream
from tests.fakes.messages import call as tool_use
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.integration.test_responses import chat, chunks
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

SESSION = "x-gateway-session-id"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
Turns = Callable[[LiveGateway, bool], list[tuple[str, str]]]


def _chat(seen: Seen) -> Said:
    """A tool call first, words then."""
    first = not any(one["role"] == "tool" for one in seen.json["messages"])
    if not seen.json.get("stream"):
        return said(chat({"tool_calls": [CALL]} if first else {"content": "Hello."}))
    made = chunks({"tool_calls": [{"index": 0, **CALL}]}, finish="tool_calls") if first else chunks({"content": "Hello."})
    return events(*made, done=True)


def _messages(seen: Seen) -> Said:
    first = len(seen.json["messages"]) == 1
    blocks = (THOUGHT, tool_use(1, "f", a=1)) if first else (HELLO,)
    return stream(*blocks) if seen.json.get("stream") else said(message(*blocks))


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway) -> Iterator[LiveGateway]:
    gateway = start_gateway(GATEWAY_SESSIONS="on")
    with vendor({"/v1/chat/completions": _chat, "/v1/messages": _messages}) as upstream:
        _define(gateway, upstream)
        yield gateway


def _define(gateway: LiveGateway, upstream: Vendor) -> None:
    gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"sdk/chat": ("up", ["chat", "responses"])}, name="sdk chat")
    gateway.define_at("anthropic", upstream.base, {"sdk/messages": ("up", ["chat"])}, name="sdk messages")


def openai_chat(gateway: LiveGateway, streamed: bool) -> list[tuple[str, str]]:
    found = []
    talk: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Ask f, {uuid4()}."}]
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        for _ in range(3):
            more: Any = {"stream": True} if streamed else {}
            answer = client.chat.completions.with_raw_response.create(model="sdk/chat", messages=talk, tools=[TOOL], **more)
            found.append((answer.headers[SESSION], answer.headers["x-request-id"]))
            if not streamed:
                replied = answer.parse().choices[0].message
                talk.append(replied)
            else:
                deltas = [chunk.choices[0].delta for chunk in answer.parse() if chunk.choices]
                calls = [one.model_dump(exclude={"index"}) for delta in deltas for one in delta.tool_calls or ()]
                text = "".join(delta.content or "" for delta in deltas)
                talk.append({"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})})
            made = talk[-1].tool_calls if not streamed else talk[-1].get("tool_calls")
            talk.append(
                {"role": "tool", "tool_call_id": "call_1", "content": "1"} if made else {"role": "user", "content": "On."}
            )
    return found


def openai_responses(gateway: LiveGateway, streamed: bool) -> list[tuple[str, str]]:
    """By ids of responses, as the SDK's documentation has it."""
    found, previous = [], None
    asked: list[Any] = [{"role": "user", "content": f"Ask f, {uuid4()}."}]
    tool: Any = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        for _ in range(3):
            more: Any = {"stream": True} if streamed else {}
            answer = client.responses.with_raw_response.create(
                model="sdk/chat", input=asked, tools=[tool], previous_response_id=previous, **more
            )
            found.append((answer.headers[SESSION], answer.headers["x-request-id"]))
            told: Any = list(answer.parse())[-1].response if streamed else answer.parse()
            previous = told.id
            calls = [item for item in told.output if item.type == "function_call"]
            outputs = [{"type": "function_call_output", "call_id": item.call_id, "output": "1"} for item in calls]
            asked = outputs or [{"role": "user", "content": "On."}]
    return found


def anthropic_messages(gateway: LiveGateway, streamed: bool) -> list[tuple[str, str]]:
    found = []
    talk: list[Any] = [{"role": "user", "content": f"Ask f, {uuid4()}."}]
    tool: Any = {"name": "f", "input_schema": SCHEMA}
    with Anthropic(auth_token=gateway.key, base_url=gateway.base_url, max_retries=0) as client:
        for _ in range(3):
            asked: Any = {"model": "sdk/messages", "max_tokens": 64, "system": "Be brief.", "messages": talk, "tools": [tool]}
            if streamed:
                with client.messages.stream(**asked) as told:
                    replied, headers = told.get_final_message(), told.response.headers
            else:
                answer = client.messages.with_raw_response.create(**asked)
                replied, headers = answer.parse(), answer.headers
            found.append((headers[SESSION], headers["request-id"]))
            talk.append({"role": "assistant", "content": replied.content})
            calls = [block for block in replied.content if block.type == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": block.id, "content": "1"} for block in calls]
            talk.append({"role": "user", "content": results or "On."})
    return found


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("turns", [openai_chat, openai_responses, anthropic_messages], ids=lambda turns: turns.__name__)
def test_loop_of_tools_when_an_sdk_does_it_then_it_is_one_session(turns: Turns, streamed: bool, site: LiveGateway) -> None:
    one, other = turns(site, streamed), turns(site, streamed)
    assert len({session for session, _ in one}) == len({session for session, _ in other}) == 1
    assert one[0][0] != other[0][0]
    told = [row for _, request in one for row in rows(site, request)]
    assert [row["session"] for row in told] == [one[0][0]] * 3
    assert len({row["agent"] for row in told}) == 1


def test_request_when_an_sdk_sends_it_again_then_it_is_of_the_session_that_it_has_begun(site: LiveGateway) -> None:
    body = {"model": "sdk/chat", "messages": [{"role": "user", "content": f"Hi, {uuid4()}."}]}
    headers = [{"x-stainless-retry-count": str(count)} for count in (0, 1, 2, 0)]
    answers = [site.http.post("/v1/chat/completions", json=body, headers=given) for given in headers]
    sessions = [answer.headers[SESSION] for answer in answers]
    assert len(set(sessions[:3])) == 1
    assert sessions[3] != sessions[0]
