"""What becomes of pictures, sound and sources in a chat answer that a response is made of?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from providers.errors import InvalidResponse
from tests.unit.providers.convert.composed import to_completion, to_response
from tests.unit.providers.wire.test_chat_to_responses import REQUEST, delta, stop, writer

PNG = "data:image/png;base64,iVBORw0KGgo="
IMAGE = {"type": "image_url", "image_url": {"url": PNG}}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def streamed(*chunks: dict[str, Any], request: dict[str, Any] = REQUEST) -> tuple[list[dict[str, Any]], list[Any]]:
    """The events, each valid for OpenAI's SDK, and the output."""
    made = writer(request)
    events = [*made.begin(), *(event for chunk in chunks for event in made.chunk(chunk)), *made.end()]
    for event in events:
        EVENT.validate_python(event)
    return events, made.response["output"]


def whole(message: dict[str, Any], **more: Any) -> tuple[list[Any], list[str]]:
    made = to_response(REQUEST, {"choices": [{"message": message, "finish_reason": "stop"}], **more})
    Response.model_validate(made.body)
    return made.body["output"], list(made.lossy)


def text_of(output: list[Any]) -> str:
    return "".join(part["text"] for item in output if item["type"] == "message" for part in item["content"])


@pytest.mark.parametrize("fields", [{"images": [IMAGE]}, {"content": [IMAGE]}, {"images": [IMAGE], "content": ""}])
def test_picture_when_in_an_answer_is_an_item(fields: dict[str, Any]) -> None:
    expected = {"type": "image_generation_call", "status": "completed", "result": "iVBORw0KGgo=", "output_format": "png"}
    for output in (streamed(delta(**fields), stop())[1], whole(fields)[0]):
        ((item),) = output
        assert {name: item[name] for name in expected} == expected


def test_picture_when_between_texts_stands_between_them() -> None:
    events, output = streamed(delta(content="a"), delta(images=[IMAGE]), delta(content="b"), stop())
    assert [item["type"] for item in output] == ["message", "image_generation_call", "message"]
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert (added[1]["status"], added[1]["result"]) == ("in_progress", None)


def test_picture_when_it_lies_elsewhere_is_told_by_its_address() -> None:
    assert (
        text_of(whole({"images": [{"image_url": {"url": "https://a.example/x.png"}}]})[0]) == "![image](https://a.example/x.png)"
    )


@pytest.mark.parametrize(
    ("message", "more", "text", "lossy"),
    [
        ({"content": None, "audio": {"id": "a", "data": "AAAA", "transcript": "spoken"}}, {}, "spoken",
         ["choices[].message.audio.source"]),
        ({"content": "a", "x_thing": [1], "y_thing": None}, {}, "a", ["choices[].message.x_thing"]),
        ({"content": "", "x_thing": [1]}, {}, "", ["choices[].message.x_thing"]),
        ({"content": [{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]}, {}, "a",
         ["choices[0].message.content[1] (reference)"]),
        ({"content": "a"}, {"citations": ["https://a.example"], "search_results": []}, "a", ["citations"]),
        ({"content": "a", "reasoning_details": [{"type": "reasoning.text"}], "role": "assistant"}, {}, "a", []),
    ],
)  # fmt: skip
def test_answer_when_it_holds_more_then_named(message: Any, more: Any, text: str, lossy: list[str]) -> None:
    output, named = whole(message, **more)
    assert (text_of(output), named) == (text, lossy)


@pytest.mark.parametrize("message", [{"audio": {"data": "AAAA"}}, {"content": [{"type": "video_url"}]}])
def test_answer_when_nothing_of_it_can_be_told_is_none(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        whole(message)


def test_call_when_of_the_old_form_is_a_call() -> None:
    _, (item,) = streamed(
        delta(function_call={"name": "f", "arguments": '{"a"'}), delta(function_call={"arguments": ":1}"}), stop()
    )
    assert (item["type"], item["name"], item["arguments"]) == ("function_call", "f", '{"a":1}')


def test_tier_when_told_is_the_responses() -> None:
    made = writer()
    made.chunk({**delta(content="a"), "service_tier": "flex"})
    made.chunk(stop())
    made.end()
    assert made.response["service_tier"] == "flex"


SEARCH = {"type": "tool_search", "execution": "client"}


def test_search_when_called_is_an_item_of_its_own() -> None:
    call = {"id": "c1", "index": 0, "function": {"name": "tool_search", "arguments": '{"query":"x"}'}}
    _, (item,) = streamed(delta(tool_calls=[call]), stop(), request={**REQUEST, "tools": [SEARCH]})
    assert (
        item.items() >= {"type": "tool_search_call", "execution": "client", "call_id": "c1", "arguments": {"query": "x"}}.items()
    )
    assert item["status"] == "completed"


# Answers of responses upstreams that cannot be read


@pytest.mark.parametrize("odd", [["a"], {"a": 1}, 7, True])
@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "content": [{"type": "output_text", "text": "ODD"}]},
        {"type": "message", "content": [{"type": "refusal", "refusal": "ODD"}]},
        {"type": "message", "content": "ODD"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "ODD"}]},
        {"type": "function_call", "name": "ODD", "call_id": "c", "arguments": "{}"},
        {"type": "custom_tool_call", "name": "ODD", "call_id": "c", "input": "x"},
    ],
    ids=["text", "refusal", "content", "reasoning", "name", "custom name"],
)
def test_response_when_a_text_is_none_cannot_be_read(item: dict[str, Any], odd: Any) -> None:
    response = json.loads(json.dumps({"status": "completed", "output": [item]}).replace('"ODD"', json.dumps(odd)))
    with pytest.raises(InvalidResponse):
        to_completion(response, "c", 1, "m")


def test_picture_when_in_a_response_is_the_chats() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AAAA", "output_format": "webp"}
    made = to_completion({"status": "completed", "output": [item]}, "c", 1, "m")
    assert made["choices"][0]["message"]["images"] == [{"type": "image_url", "image_url": {"url": "data:image/webp;base64,AAAA"}}]
