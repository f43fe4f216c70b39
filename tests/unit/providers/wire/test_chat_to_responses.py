"""Does a chat answer become a response that keeps the specification? Its own types judge every object and event."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable
from typing import Any

import openresponses_types.types as spec
import pytest

from providers.errors import InvalidResponse, Overloaded, ProviderError, UpstreamFailed
from providers.types import Usage
from providers.wire.openai_responses.response_object import new_response
from tests.unit.providers.convert.composed import ResponseWriter, to_chat, to_response

EVENTS = {
    next(iter(kind.model_fields["type"].annotation)).value: kind
    for name, kind in vars(spec).items()
    if name.endswith("StreamingEvent")
}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}
CUSTOM = {"type": "custom", "name": "patch", "format": {"type": "grammar", "definition": "start: x"}}
NAMESPACE = {"type": "namespace", "name": "files", "tools": [{"type": "function", "name": "read"}]}
REQUEST = {"model": "m", "input": "hi", "tools": [FUNCTION]}


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def stop(reason: str = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def call(index: int | None = 0, **function: Any) -> dict[str, Any]:
    identified = {"id": function.pop("id")} if "id" in function else {}
    return delta(tool_calls=[{"function": function, **identified} | ({} if index is None else {"index": index})])


def writer(request: dict[str, Any] = REQUEST) -> ResponseWriter:
    return ResponseWriter(request)


def streamed(*chunks: dict[str, Any], request: dict[str, Any] = REQUEST, usage: Usage | None = None) -> list[dict[str, Any]]:
    """All events of a stream, each of them valid, and numbered."""
    made = writer(request)
    events = [*made.begin(), *itertools.chain.from_iterable(map(made.chunk, chunks)), *made.end(usage)]
    check(events)
    assert events[-1]["response"] == made.response
    told: list[dict[str, Any]] = json.loads(json.dumps(events))
    return told


def check(events: Iterable[dict[str, Any]]) -> None:
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        kind = EVENTS.get(event["type"])
        if kind is None:
            assert event["type"].startswith("response.custom_tool_call_input."), event
        elif not _has_extensions(event):
            kind.model_validate(event)


def _has_extensions(event: dict[str, Any]) -> bool:
    """Custom tools are OpenAI's, and unknown to the specification."""
    return "custom" in json.dumps(event) or "namespace" in json.dumps(event)


def kinds(events: Iterable[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def rebuilt(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The output, put together from the events alone as a client does."""
    output: dict[Any, dict[str, Any]] = {}
    for event in copy.deepcopy(list(events)):
        place = event.get("output_index")
        if event["type"] == "response.output_item.added":
            output[place] = event["item"]
        elif event["type"] == "response.content_part.added":
            output[place]["content"].append(event["part"])
        elif event["type"] == "response.output_text.delta":
            output[place]["content"][event["content_index"]]["text"] += event["delta"]
            output[place]["content"][event["content_index"]]["logprobs"] += event["logprobs"]
        elif event["type"] == "response.output_text.annotation.added":
            output[place]["content"][event["content_index"]]["annotations"].append(event["annotation"])
        elif event["type"] == "response.refusal.delta":
            output[place]["content"][event["content_index"]]["refusal"] += event["delta"]
        elif event["type"] == "response.reasoning_summary_part.added":
            output[place]["summary"].append(event["part"])
        elif event["type"] == "response.reasoning_summary_text.delta":
            output[place]["summary"][event["summary_index"]]["text"] += event["delta"]
        elif event["type"] == "response.function_call_arguments.delta":
            output[place]["arguments"] += event["delta"]
        elif event["type"] == "response.custom_tool_call_input.delta":
            output[place]["input"] += event["delta"]
        elif event["type"] == "response.output_item.done":
            sum_of_events = {name: value for name, value in output[place].items() if name != "status"}
            assert sum_of_events == {name: value for name, value in event["item"].items() if name != "status"}
            output[place] = event["item"]
    return [output[place] for place in sorted(output)]


SOURCE = {"type": "url_citation", "url_citation": {"url": "http://a.example", "title": "t", "start_index": 0, "end_index": 2}}
LOGPROBS = {"content": [{"token": "é", "logprob": -1.5, "bytes": None, "top_logprobs": [{"token": "a", "logprob": -2}]}]}
EVERYTHING = (
    delta(role="assistant", content=""),
    delta(reasoning_content="th"),
    delta(reasoning_content="ink"),
    {"choices": [{"delta": {"content": "é"}, "logprobs": LOGPROBS}]},
    delta(content="llo", annotations=[SOURCE]),
    call(0, id="c1", name="f", arguments=""),
    call(0, arguments='{"a"'),
    call(0, arguments=":1}"),
    call(1, id="c2", name="f", arguments="{}"),
    stop("tool_calls"),
)


def test_stream_when_it_holds_everything_then_events_in_order_and_their_sum_is_the_response() -> None:
    events = streamed(*EVERYTHING, usage=Usage(3, 4, cached_tokens=1, reasoning_tokens=2))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    response = events[-1]["response"]
    assert rebuilt(events) == response["output"]
    assert [item["type"] for item in response["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 7,
    }


def test_answer_when_whole_then_the_response_is_that_of_the_stream() -> None:
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": a}} for n, a in ((1, '{"a":1}'), (2, "{}"))
    ]
    message = {"role": "assistant", "content": "éllo", "reasoning_content": "think", "annotations": [SOURCE], "tool_calls": calls}
    completion = {"choices": [{"index": 0, "message": message, "logprobs": LOGPROBS, "finish_reason": "tool_calls"}]}
    made = to_response(REQUEST, completion).body
    spec.ResponseResource.model_validate(made)
    assert made == streamed(*EVERYTHING)[-1]["response"]


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_end_when_for_a_reason_then_the_status_says_it(reason: str, status: str, details: Any) -> None:
    events = streamed(delta(content="x"), stop(reason))
    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"], response["incomplete_details"]) == (f"response.{status}", status, details)
    assert response["output"][0]["status"] == status


def test_refusal_when_it_comes_then_a_part_of_its_own() -> None:
    events = streamed(delta(content="We"), delta(refusal="I "), delta(refusal="can't"), stop())
    assert [part["type"] for part in rebuilt(events)[0]["content"]] == ["output_text", "refusal"]
    assert rebuilt(events)[0]["content"][1]["refusal"] == "I can't"


def test_failure_when_in_the_middle_then_told_with_what_there_was() -> None:
    made = writer()
    events = [*made.begin(), *made.chunk(delta(content="x")), *made.fail("server_error", "It broke.")]
    check(events)
    response = events[-1]["response"]
    assert (events[-1]["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": "server_error", "message": "It broke."}
    assert response["output"][0]["status"] == "incomplete"


def test_thinking_when_in_parts_of_the_content_then_a_summary() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}]
    output = streamed(delta(content=parts), stop())[-1]["response"]["output"]
    assert (output[0]["summary"][0]["text"], output[1]["content"][0]["text"]) == ("hm", "yes")


# Tools


def test_custom_tool_when_called_then_its_input_is_the_text() -> None:
    request = {**REQUEST, "tools": [CUSTOM]}
    events = streamed(
        call(0, id="c", name="patch", arguments='{"inp'), call(0, arguments='ut":"a\\nb"}'), stop(), request=request
    )
    (item,) = rebuilt(events)
    assert (item["type"], item["name"], item["input"], item["call_id"]) == ("custom_tool_call", "patch", "a\nb", "c")


def test_namespaced_tool_when_called_then_its_namespace_is_back() -> None:
    request = {**REQUEST, "tools": [NAMESPACE]}
    (item,) = rebuilt(streamed(call(0, id="c", name="files__read", arguments="{}"), stop(), request=request))
    assert (item["namespace"], item["name"]) == ("files", "read")


def test_call_when_not_allowed_then_suppressed() -> None:
    other = {"type": "function", "name": "g"}
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}
    request = {**REQUEST, "tools": [FUNCTION, other], "tool_choice": choice}
    events = streamed(
        call(0, id="a", name="f", arguments="{}"), call(1, id="b", name="g", arguments="{}"), stop(), request=request
    )
    assert [item["name"] for item in rebuilt(events)] == ["g"]


@pytest.mark.parametrize(
    "chunks",
    [
        [call(0, id="c", name="f", arguments='{"a"'), call(0, id="c", name="f", arguments=":1}")],
        [call(0, id="c", name="f", arguments='{"a":1}'), call(0, arguments='{"a":1}')],
        [call(None, id="c", name="f", arguments='{"a":1}')],
        [call(1, id="c", name="f", arguments='{"a":1}')],
        [call(0, id="c", name="f"), call(0, arguments={"a": 1})],
        [call(0, id="c"), call(0, name="f"), call(0, arguments='{"a":1}')],
        [call(None, id="c", name="f", arguments='{"a"'), call(None, arguments=":1}")],
        [call(None, id="c", name="f", arguments='{"a"'), call(None, id="c", arguments=":1}")],
        [call(None, id="c", name="f", arguments='{"a"'), call(None, id="c", name="f", arguments=":1}")],
        [call(0, id="c", name="f", arguments='{"a"'), call(1, id="c", arguments=":1}")],
        [call(0, id="c", name="f", arguments='{"a"'), delta(reasoning_content="hm"), call(0, arguments=":1}")],
        [call(0, id="c", name="f", arguments='{"a"'), delta(content="so"), call(0, arguments=":1}")],
    ],
    ids=[
        "id and name repeated",
        "arguments repeated",
        "no index",
        "index from 1",
        "an object",
        "name later",
        "no index in pieces",
        "no index, id repeated",
        "no index, id and name repeated",
        "one call under two indices",
        "reasoning between",
        "text between",
    ],
)
def test_call_when_oddly_told_then_repaired(chunks: list[dict[str, Any]]) -> None:
    items = rebuilt(streamed(*chunks, stop()))
    (item,) = (item for item in items if item["type"] == "function_call")
    assert (item["name"], item["call_id"], json.loads(item["arguments"])) == ("f", "c", {"a": 1})
    assert {item.get("status", "completed") for item in items} == {"completed"}


@pytest.mark.parametrize(
    "chunks",
    [
        [call(0, id="a", name="f", arguments='{"x":1}'), call(0, id="b", name="f", arguments='{"x":2}')],
        [call(None, id="a", name="f", arguments='{"x"'), call(None, arguments=":1}"),
         call(None, id="b", name="f", arguments='{"x"'), call(None, arguments=":2}")],
        [call(1, id="a", name="f", arguments='{"x"'), call(2, id="b", name="f", arguments='{"x"'),
         call(1, arguments=":1}"), call(2, arguments=":2}")],
    ],
    ids=["two ids under one index", "no index", "interleaved, from 1"],
)  # fmt: skip
def test_calls_when_two_are_oddly_told_then_told_apart(chunks: list[dict[str, Any]]) -> None:
    items = rebuilt(streamed(*chunks, stop("tool_calls")))
    assert [(item["call_id"], json.loads(item["arguments"])) for item in items] == [("a", {"x": 1}), ("b", {"x": 2})]


@pytest.mark.parametrize("index", [None, 0])
@pytest.mark.parametrize("names", [("f", "f"), ("f", "g")])
def test_calls_when_whole_and_without_ids_then_told_apart(names: tuple[str, str], index: int | None) -> None:
    chunks = [call(index, name=name, arguments=f'{{"x":{number}}}') for number, name in enumerate(names)]
    items = rebuilt(streamed(*chunks, stop(), request={**REQUEST, "tools": [FUNCTION, {**FUNCTION, "name": "g"}]}))
    told = [(item["name"], json.loads(item["arguments"])) for item in items]
    assert told == [(names[0], {"x": 0}), (names[1], {"x": 1})]
    assert len({item["call_id"] for item in items}) == 2


def test_call_when_cut_by_length_then_nothing_is_made_up() -> None:
    function, custom = streamed(call(0, id="c", name="f"), stop("length")), {**REQUEST, "tools": [CUSTOM]}
    assert rebuilt(function)[0] == {**rebuilt(function)[0], "arguments": "", "status": "incomplete"}
    cut = streamed(call(0, id="c", name="patch", arguments='{"input":"a\\nb\\'), stop("length"), request=custom)
    assert rebuilt(cut)[0]["input"] == "a\nb"
    whole = streamed(call(0, id="c", name="patch", arguments='{"input":{"a":true}}'), stop(), request=custom)
    assert rebuilt(whole)[0]["input"] == '{"a":true}'


def test_call_when_it_has_no_id_or_arguments_then_made() -> None:
    (item,) = rebuilt(streamed(call(0, id="", name="f"), stop()))
    assert item["call_id"].startswith("call_")
    assert item["arguments"] == "{}"


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [1]},
        {"choices": [{"delta": {"tool_calls": [1]}}]},
        {"choices": 1},
        {"choices": {"a": 1}},
        {"choices": [{"delta": {}, "finish_reason": ["stop"]}]},
        {"choices": [{"delta": {"content": 5}}]},
        call(0, id=5, name="f"),
        call(0, id="c", name=["f"]),
    ],
)
def test_chunk_when_it_cannot_be_read_then_invalid_response(chunk: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        writer().chunk(chunk)


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": {"a": 1}},
        {"choices": ["x"]},
        {"choices": [{"message": "hi"}]},
        {"choices": [{"message": ["hi"]}]},
        {"choices": [{"message": {"tool_calls": [1]}}]},
        {"choices": [{"message": {"tool_calls": {"a": 1}}}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": ["stop"]}]},
    ],
)
def test_answer_when_it_cannot_be_read_then_invalid_response(answer: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        to_response(REQUEST, answer)


@pytest.mark.parametrize(("reason", "error"), [("insufficient_system_resource", Overloaded), ("error", UpstreamFailed)])
def test_end_when_for_a_reason_that_is_a_failure_then_it_is_one(reason: str, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        writer().chunk(stop(reason))


FORMAT = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"text": {"format": None, "verbosity": "low"}},
        {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]}},
        {"tools": [{"type": "function", "name": "f"}]},
    ],
)
def test_response_when_the_request_leaves_something_out_then_has_every_field(fields: dict[str, Any]) -> None:
    response = streamed(delta(content="x"), stop(), request={**REQUEST, **fields})[-1]["response"]
    spec.ResponseResource.model_validate(response)


def test_format_when_the_request_leaves_something_out_then_has_every_field() -> None:
    made = new_response({"text": {"format": FORMAT}}, "resp_1", 1, "m")["text"]["format"]
    assert made == {**FORMAT, "description": None, "strict": False}


def test_function_when_it_does_not_say_whether_strict_then_told_as_the_upstream_was() -> None:
    tool = {"type": "function", "name": "f"}
    (sent,) = to_chat({"input": "a", "tools": [tool]}).body["tools"]
    assert new_response({"tools": [tool]}, "resp_1", 1, "m")["tools"][0]["strict"] is sent["function"]["strict"]


def test_tool_of_another_host_when_it_carries_credentials_then_they_are_not_told() -> None:
    tool = {"type": "mcp", "server_url": "https://a.example", "authorization": "sk-1", "headers": {"Authorization": "sk-2"}}
    assert new_response({"tools": [tool]}, "resp_1", 1, "m")["tools"] == [{"type": "mcp", "server_url": "https://a.example"}]
