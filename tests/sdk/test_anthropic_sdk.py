"""Is the gateway a backend for the anthropic SDK: whole answers, streams, tools, thoughts, counts, lists and errors?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.fakes.messages import HELLO, THOUGHT, call, failed, message, stream
from tests.fakes.vendor import Vendor, events, said, vendor
from tests.integration.test_responses import CALL, NATIVE, chat, chunks, native_events
from tests.live import LiveGateway

ASKED: Any = [{"role": "user", "content": "Hi."}]
TOOL: Any = {"name": "f", "description": "Looks.", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
MODELS = ("claude-sdk/chat", "claude-sdk/messages", "claude-sdk/responses")
every_model = pytest.mark.parametrize("model", MODELS)


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai_compatible", base, {MODELS[0]: ("up", ["chat"])}, name="sdk claude chat")
        shared_gateway.define_at("anthropic", upstream.base, {MODELS[1]: ("up", ["chat"])}, name="sdk claude messages")
        shared_gateway.define_at("openai_responses", base, {MODELS[2]: ("up", ["chat"])}, name="sdk claude responses")
        yield upstream


@pytest.fixture(params=["bearer", "x-api-key"])
def client(request: pytest.FixtureRequest, gateway: LiveGateway) -> Iterator[Anthropic]:
    own = {"auth_token": gateway.key, "api_key": None} if request.param == "bearer" else {"api_key": gateway.key}
    with Anthropic(**own, base_url=gateway.base_url, max_retries=0) as client:
        yield client


def hello(upstream: Vendor, *, streamed: bool) -> None:
    """All upstreams say Hello."""
    upstream.answers["/v1/messages"] = lambda seen: stream(THOUGHT, HELLO) if streamed else said(message(THOUGHT, HELLO))
    parts = chunks({"content": "Hel"}, {"content": "lo."})
    upstream.answers["/v1/chat/completions"] = lambda seen: (
        events(*parts, done=True) if streamed else said(chat({"content": "Hello."}))
    )
    upstream.answers["/v1/responses"] = lambda seen: events(*native_events(), names=True) if streamed else said(NATIVE)


@every_model
def test_message_when_created_then_typed(model: str, client: Anthropic, upstream: Vendor) -> None:
    hello(upstream, streamed=False)
    made = client.messages.create(model=model, max_tokens=64, messages=ASKED, system="Be brief.")
    assert (made.model, made.role, made.stop_reason) == (model, "assistant", "end_turn")
    assert [block.text for block in made.content if block.type == "text"] == ["Hello."]
    assert made.usage.output_tokens > 0


@every_model
def test_stream_when_read_then_it_adds_up_to_a_message(model: str, client: Anthropic, upstream: Vendor) -> None:
    hello(upstream, streamed=True)
    with client.messages.stream(model=model, max_tokens=64, messages=ASKED) as events_of:
        text = "".join(events_of.text_stream)
        made = events_of.get_final_message()
    assert (text, made.model, made.stop_reason) == ("Hello.", model, "end_turn")
    assert made.usage.output_tokens > 1


def test_thinking_when_the_upstream_thinks_then_its_signature_comes_and_goes_back(client: Anthropic, upstream: Vendor) -> None:
    hello(upstream, streamed=True)
    thinking: Any = {"type": "adaptive"}
    with client.messages.stream(model=MODELS[1], max_tokens=64, messages=ASKED, thinking=thinking) as events_of:
        made = events_of.get_final_message()
    (thought, _) = made.content
    assert thought.to_dict() == THOUGHT
    talk: Any = [*ASKED, {"role": "assistant", "content": [block.to_dict() for block in made.content]}, *ASKED]
    hello(upstream, streamed=False)
    client.messages.create(model=MODELS[1], max_tokens=64, messages=talk, thinking=thinking)
    assert upstream.last.json["messages"][1]["content"][0] == THOUGHT


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model", MODELS[:2])
def test_tools_when_called_then_their_input_is_an_object(model: str, streamed: bool, client: Anthropic, upstream: Vendor) -> None:
    made_call = call(1, "f", a=1)
    upstream.answers["/v1/messages"] = lambda seen: stream(made_call) if streamed else said(message(made_call))
    parts = chunks({"tool_calls": [{"index": 0, **CALL}]}, finish="tool_calls")
    upstream.answers["/v1/chat/completions"] = lambda seen: (
        events(*parts, done=True) if streamed else said(chat({"content": None, "tool_calls": [CALL]}, "tool_calls"))
    )
    asked: Any = {"model": model, "max_tokens": 64, "messages": ASKED, "tools": [TOOL], "tool_choice": {"type": "any"}}
    if streamed:
        with client.messages.stream(**asked) as events_of:
            made = events_of.get_final_message()
    else:
        made = client.messages.create(**asked)
    (block,) = made.content
    assert block.type == "tool_use"
    assert (block.name, block.input, made.stop_reason) == ("f", {"a": 1}, "tool_use")


@every_model
def test_tokens_when_counted_then_a_number(model: str, client: Anthropic, upstream: Vendor) -> None:
    upstream.answers["/v1/messages/count_tokens"] = lambda seen: said({"input_tokens": 14})
    told = client.messages.count_tokens(model=model, messages=ASKED, tools=[TOOL])
    assert told.input_tokens == 14 if model == MODELS[1] else told.input_tokens > 10


def test_models_when_listed_then_page_after_page(client: Anthropic, upstream: Vendor) -> None:
    found = [model.id for model in client.models.list(limit=2)]
    assert set(found) >= set(MODELS)
    assert found == sorted(found)
    one = client.models.retrieve(MODELS[0])
    assert (one.id, one.display_name, one.lifecycle) == (MODELS[0], MODELS[0], "active")


def test_errors_when_they_come_then_typed_with_the_request_id(client: Anthropic, gateway: LiveGateway, upstream: Vendor) -> None:
    for status, kind, text in (
        (400, anthropic.BadRequestError, "messages: odd"),
        (413, anthropic.RequestTooLargeError, "too large"),
        (429, anthropic.RateLimitError, ""),
        (529, anthropic.APIStatusError, ""),
    ):
        upstream.answers["/v1/messages"] = lambda seen, status=status, text=text: failed(status, text)  # type: ignore[misc]
        with pytest.raises(kind) as raised:
            client.messages.create(model=MODELS[1], max_tokens=64, messages=ASKED)
        assert raised.value.request_id
        assert text in str(raised.value)
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="nobody", max_tokens=64, messages=ASKED)
    with Anthropic(api_key="sk-nobody", base_url=gateway.base_url) as stranger, pytest.raises(anthropic.AuthenticationError):
        stranger.messages.create(model=MODELS[1], max_tokens=64, messages=ASKED)
