"""Does the openai SDK count tokens and compact conversations with every model that has responses?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_response_actions import COMPACT, COMPACTED, COUNT, COUNTED, TALK
from tests.integration.test_responses import NATIVE, chat
from tests.live import LiveGateway


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    answers: dict[str, Any] = {
        COUNT: lambda seen: said(COUNTED),
        COMPACT: lambda seen: said(COMPACTED),
        "/v1/responses": lambda seen: said(NATIVE),
        "/v1/chat/completions": lambda seen: said(chat({"content": "The cat is Tom."})),
    }
    with vendor(answers) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"sdk/native": ("up-native", ["responses"])}, name="sdk native")
        shared_gateway.define_at("deepseek", base, {"sdk/chat": ("up-chat", ["responses"])}, name="sdk chat")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: LiveGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


async def test_count_when_asked_by_the_sdk_is_the_upstreams_or_an_estimate(
    client: OpenAI, async_client: AsyncOpenAI, upstream: Vendor
) -> None:
    tool: Any = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
    counted = client.responses.input_tokens.count(model="sdk/native", input="hi", tools=[tool], truncation="auto")
    assert counted.to_dict() == COUNTED
    assert upstream.last.json == {"model": "up-native", "input": "hi", "tools": [tool], "truncation": "auto"}
    raw = client.responses.input_tokens.with_raw_response.count(model="sdk/chat", input="hi " * 400, tools=[tool])
    assert raw.headers["x-gateway-estimated"] == "1"
    assert 300 < raw.parse().input_tokens < 400
    assert (await async_client.responses.input_tokens.count(model="sdk/native", input="hi")).input_tokens == 11


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")  # the SDK knows no user's message in an output
async def test_window_when_compacted_by_the_sdk_goes_on_with_any_model(
    client: OpenAI, async_client: AsyncOpenAI, upstream: Vendor
) -> None:
    talk: Any = TALK
    assert client.responses.compact(model="sdk/native", input=talk).to_dict() == COMPACTED
    made = client.responses.compact(model="sdk/chat", input=talk, instructions="Be kind.")
    assert (made.object, made.output[-1].type, made.usage.total_tokens) == ("response.compaction", "compaction", 7)
    again = await async_client.responses.compact(model="sdk/chat", input=[item.to_dict() for item in made.output])  # type: ignore[misc]
    for window in (made, again):
        items: Any = [*(item.to_dict() for item in window.output), {"role": "user", "content": "Who is my cat?"}]
        for model in ("sdk/chat", "sdk/native"):
            assert client.responses.create(model=model, input=items).status == "completed"
            assert b"The cat is Tom." in upstream.last.body
    theirs: Any = COMPACTED["output"]
    assert client.responses.create(model="sdk/native", input=theirs).status == "completed"
    assert upstream.last.json["input"] == theirs
    with pytest.raises(BadRequestError) as refused:
        client.responses.create(model="sdk/chat", input=theirs)
    assert refused.value.param == "input[1]"
    with pytest.raises(BadRequestError):
        client.responses.create(model="sdk/chat", input="hi", previous_response_id=made.id)
