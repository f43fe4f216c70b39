"""Does a response, whole or in events, become the chat answer that says the same? OpenAI's SDK judges every chunk."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import CallerError, CredentialError, InvalidResponse, Overloaded, ProviderError, RateLimited, UpstreamFailed
from tests.unit.providers.convert.composed import ChatWriter, ResponseWriter, to_completion
from tests.unit.providers.wire.response_events import (
    call,
    calls_of,
    chunks_of,
    custom,
    deltas_of,
    events_of,
    message,
    message_of,
    reasoning,
    refusal,
    response,
    text,
    whole,
)

Json = dict[str, Any]
CHAT_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
LOGPROB = {"token": "é", "logprob": -1.5, "bytes": [195, 169], "top_logprobs": [{"token": "a", "logprob": -2, "bytes": [97]}]}
SOURCE = {"type": "url_citation", "url": "http://a.example", "title": "t", "start_index": 1, "end_index": 2}
CITED = {"type": "url_citation", "url_citation": {name: SOURCE[name] for name in ("url", "title", "start_index", "end_index")}}


FUNCTION_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
CASES: dict[str, tuple[Json, Json, str]] = {
    "text": (response(message(text("hello"))), {"content": "hello"}, "stop"),
    "nothing": (response(), {"content": ""}, "stop"),
    "two parts": (response(message(text("ab"), text("cd"))), {"content": "abcd"}, "stop"),
    "two messages": (response(message(text("ab")), message(text("cd"), number=1)), {"content": "abcd"}, "stop"),
    "refusal": (response(message(refusal("I can't"))), {"content": None, "refusal": "I can't"}, "stop"),
    "text, then refusal": (response(message(text("We"), refusal("no"))), {"content": "We", "refusal": "no"}, "stop"),
    "call": (response(reasoning(), call()), {"content": None, "tool_calls": [FUNCTION_CALL]}, "tool_calls"),
    "text and calls": (
        response(message(text("ok")), call(), call(2, "{}")),
        {"content": "ok", "tool_calls": [FUNCTION_CALL,
            {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        "tool_calls",
    ),
    "reasoning": (
        response(reasoning("think", "more"), message(text("yes"))),
        {"reasoning_content": "think\n\nmore", "content": "yes"},
        "stop",
    ),
    "raw reasoning": (
        response(reasoning(thoughts=("think",)), message(text("yes"))),
        {"reasoning_content": "think", "content": "yes"},
        "stop",
    ),
    "search": (
        response({"id": "ws_1", "type": "web_search_call", "status": "completed"}, message(text("éllo", annotations=[SOURCE]))),
        {"content": "éllo", "annotations": [CITED]},
        "stop",
    ),
    "too long": (
        response(message(text("hel")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        {"content": "hel"},
        "length",
    ),
    "too long in a call": (
        response(call(arguments='{"a'), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        {"content": None, "tool_calls": [{**FUNCTION_CALL, "function": {"name": "f", "arguments": '{"a'}}]},
        "length",
    ),
    "filtered": (
        response(message(text("hel")), status="incomplete", incomplete_details={"reason": "content_filter"}),
        {"content": "hel"},
        "content_filter",
    ),
    "incomplete, nobody knows why": (response(status="incomplete", incomplete_details=None), {"content": ""}, "length"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_response_when_whole_then_the_chat_answer_that_says_the_same(case: str) -> None:
    final, said, reason = CASES[case]
    completion = whole(final)
    assert completion == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "refusal": None, "annotations": [], **said},
                "logprobs": None,
                "finish_reason": reason,
            }
        ],
        "usage": CHAT_USAGE,
    }


@pytest.mark.parametrize("case", CASES)
def test_stream_when_accumulated_then_the_whole_answer(case: str) -> None:
    final, said, reason = CASES[case]
    choice = message_of(chunks_of(events_of(final)))
    assert choice["finish_reason"] == reason
    message = choice["message"]
    assert message["content"] == (said["content"] or "")
    for name in ("refusal", "reasoning_content", "annotations"):
        assert message.get(name) == said.get(name)
    assert calls_of(message) == said.get("tool_calls", [])


def test_stream_when_reasoning_and_a_call_then_chunks_in_chats_order() -> None:
    chunks = chunks_of(events_of(response(reasoning("hm"), message(text("okay")), call(), call(2))), include_usage=True)
    assert [*deltas_of(chunks)] == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"content": "oka"},
        {"content": "y"},
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '":1'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        {"tool_calls": [{"index": 1, "id": "call_2", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '{"a'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": '":1'}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "}"}}]},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * 12 + ["tool_calls"]
    assert [chunk["usage"] for chunk in chunks] == [None] * 13 + [CHAT_USAGE]
    assert chunks[-1]["choices"] == []


def test_usage_when_not_asked_for_then_not_told_but_known() -> None:
    writer = ChatWriter("c", 1, "m")
    chunks = [chunk for event in events_of(response(message(text("a")))) for chunk in writer.event(event)]
    assert not any("usage" in chunk for chunk in chunks)
    assert (writer.finished, writer.usage) == (True, CHAT_USAGE)
    assert writer.event({"type": "response.output_text.delta", "delta": "more"}) == []


@pytest.mark.parametrize("usage", [None, "many", {}, {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": None}])
def test_usage_when_partly_told_then_the_rest_is_none_or_counted(usage: Any) -> None:
    completion = whole(response(message(text("a"))) | {"usage": usage})
    if not isinstance(usage, dict):
        assert "usage" not in completion
        return
    sent, received = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    assert completion["usage"] == {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_service_tier_when_told_then_kept() -> None:
    assert whole(response(message(text("a")), service_tier="flex"))["service_tier"] == "flex"


def test_logprobs_when_told_then_kept() -> None:
    bare = {"token": "é", "logprob": -1.5, "top_logprobs": [{"token": "a", "logprob": -2}]}
    final = response(message(text("é", logprobs=[LOGPROB])))
    assert whole(final)["choices"][0]["logprobs"] == {"content": [LOGPROB], "refusal": None}
    chunks = chunks_of([{"type": "response.output_text.delta", "delta": "é", "logprobs": [bare]}])
    assert chunks[1]["choices"][0]["logprobs"] == {"content": [LOGPROB], "refusal": None}


def test_citation_when_not_in_the_first_text_then_counted_from_the_beginning() -> None:
    file = {"type": "file_citation", "file_id": "f", "filename": "n", "index": 0}
    final = response(
        message(text("ab"), text("cde", annotations=[file, SOURCE])), message(text("f", annotations=[SOURCE]), number=1)
    )
    expected = [(3, 4), (6, 7)]
    cited = whole(final)["choices"][0]["message"]["annotations"]
    assert [(one["url_citation"]["start_index"], one["url_citation"]["end_index"]) for one in cited] == expected
    last = deltas_of(chunks_of(events_of(final)))[-1]
    assert last == {"annotations": cited}


# Custom tools


def test_custom_call_when_whole_or_streamed_then_custom() -> None:
    made = {"id": "call_c", "type": "custom", "custom": {"name": "patch", "input": "a\nbc"}}
    completion = whole(response(custom("a\nbc")))
    assert completion["choices"][0]["message"]["tool_calls"] == [made]
    assert completion["choices"][0]["finish_reason"] == "tool_calls"
    assert deltas_of(chunks_of(events_of(response(custom("a\nbc"))))) == [
        {"role": "assistant", "content": ""},
        {"tool_calls": [{"index": 0, "id": "call_c", "type": "custom", "custom": {"name": "patch", "input": ""}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "a\nb"}}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "c"}}]},
        {},
    ]


# Odd upstreams


def without(*kinds: str) -> list[Json]:
    return [event for event in events_of(EVERYTHING) if not event["type"].endswith(kinds)]


EVERYTHING = response(
    reasoning("hm", "so"), message(text("okay", annotations=[SOURCE]), refusal("no")), call(), custom(), call(2, "{}")
)
SAME: dict[str, list[Json]] = {
    "as OpenAI": events_of(EVERYTHING),
    "no pieces": without(".delta", ".annotation.added"),
    "items only": without(".delta", ".annotation.added", "_text.done", "refusal.done", "arguments.done", "input.done"),
    "items only at their end": [event for event in events_of(EVERYTHING) if event["type"].endswith(("item.done", "completed"))],
    "the end only": events_of(EVERYTHING)[-1:],
    "no items": without("output_item.done"),
    "no item begins": without("output_item.added"),
    "empty at the end": [*events_of(EVERYTHING)[:-1], {"type": "response.completed", "response": {**EVERYTHING, "output": []}}],
    "no ids": [{name: value for name, value in event.items() if name != "item_id"} for event in events_of(EVERYTHING)],
    "other ids each time": [
        event | ({"item_id": f"x{number}"} if "item_id" in event else {}) for number, event in enumerate(events_of(EVERYTHING))
    ],
    "no places": [{name: value for name, value in event.items() if name != "output_index"} for event in events_of(EVERYTHING)],
    "unknown events": [
        made for event in events_of(EVERYTHING) for made in ({"type": "keepalive"}, {"type": "response.new"}, event)
    ],
    "other names for raw thoughts": [
        *(
            {"type": "response.reasoning.delta", "item_id": "rs_0", "output_index": 0, "delta": piece}
            for piece in ("hm", "\n\nso")
        ),
        *events_of(EVERYTHING)[2:],
    ],
}


@pytest.mark.parametrize("case", SAME)
def test_events_when_some_are_odd_then_the_same_answer(case: str) -> None:
    choice = message_of(chunks_of(SAME[case]))
    expected = whole(EVERYTHING)["choices"][0]
    assert choice["finish_reason"] == expected["finish_reason"]
    made = {**choice["message"], "tool_calls": calls_of(choice["message"])}
    assert {name: made[name] for name in expected["message"]} == expected["message"]


@pytest.mark.parametrize("name", ["reasoning_summary_text", "reasoning_text", "reasoning"])
def test_reasoning_when_of_any_name_then_told(name: str) -> None:
    chunks = chunks_of([{"type": f"response.{name}.delta", "item_id": "rs_0", "output_index": 0, "delta": "hm"}])
    assert deltas_of(chunks)[1:] == [{"reasoning_content": "hm"}]


def test_end_when_its_items_stand_elsewhere_then_told_once() -> None:
    final = response(reasoning("hm"), message(text("okay")))
    shifted = {**final, "output": final["output"][1:]}
    chunks = chunks_of([*events_of(final)[:-1], {"type": "response.completed", "response": shifted}])
    assert message_of(chunks)["message"]["content"] == "okay"


@pytest.mark.parametrize(
    ("item", "arguments"),
    [
        (call(arguments=""), "{}"),
        (call(arguments=None), "{}"),  # type: ignore[arg-type]
        (call(arguments={"a": 1}), '{"a":1}'),  # type: ignore[arg-type]
        (call(arguments="", status="incomplete"), ""),
    ],
)
def test_arguments_when_of_any_form_then_a_text(item: Json, arguments: str) -> None:
    (made,) = whole(response(item))["choices"][0]["message"]["tool_calls"]
    assert made["function"]["arguments"] == arguments


@pytest.mark.parametrize(("fields", "expected"), [({"call_id": None}, "fc_1"), ({"call_id": None, "id": None}, "call_0")])
def test_call_when_it_has_no_id_then_one_is_made(fields: Json, expected: str) -> None:
    (made,) = whole(response(call(**fields)))["choices"][0]["message"]["tool_calls"]
    assert made["id"] == expected


# Failures

FAILURES: list[tuple[Json, type[ProviderError]]] = [
    ({"code": "server_error", "message": "It broke."}, UpstreamFailed),
    ({"code": "rate_limit_exceeded", "message": "Slow down."}, RateLimited),
    ({"code": "server_overloaded", "message": "Later."}, Overloaded),
    ({"code": "invalid_api_key", "message": "Who?"}, CredentialError),
    ({"code": "invalid_prompt", "message": "No."}, CallerError),
    ({"code": "image_too_large", "message": "No."}, CallerError),
    ({"code": None, "message": "No.", "type": "invalid_request_error", "param": "input"}, CallerError),
]


@pytest.mark.parametrize(("error", "kind"), FAILURES)
def test_failure_when_told_then_raised(error: Json, kind: type[ProviderError]) -> None:
    failed = response(status="failed", error=error)
    told: list[Json] = [{"type": "response.failed", "response": failed}, {"type": "error", "error": error, "sequence_number": 1}]
    if "type" not in error:
        told.append({"type": "error", "sequence_number": 1, **error})
    for event in told:
        with pytest.raises(ProviderError) as raised:
            ChatWriter("c", 1, "m").event(event)
        assert type(raised.value) is kind
        assert error["message"] in getattr(raised.value, "message", raised.value.public_message)
    with pytest.raises(kind):
        to_completion(failed, "c", 1, "m")


def test_failure_when_before_anything_was_said_then_no_chunk_before_it() -> None:
    events = [*events_of(response(call()))[:2], {"type": "error", "code": "server_error", "message": "x"}]
    writer = ChatWriter("c", 1, "m")
    assert [writer.event(event) for event in events[:2]] == [[], []]
    with pytest.raises(UpstreamFailed):
        writer.event(events[2])


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_response_when_it_ended_without_a_reason_then_failed(status: str) -> None:
    with pytest.raises(UpstreamFailed):
        to_completion(response(status=status), "c", 1, "m")


@pytest.mark.parametrize("status", ["queued", "in_progress", "unheard-of", ["completed"]])
def test_response_when_it_has_not_ended_then_invalid(status: Any) -> None:
    with pytest.raises(InvalidResponse):
        to_completion(response(status=status), "c", 1, "m")


@pytest.mark.parametrize(
    "event",
    [
        [],
        {"type": ["a"]},
        {"type": "response.output_text.delta", "delta": 7},
        {"type": "response.output_text.delta", "delta": "a", "logprobs": [{"logprob": 1}]},
        {"type": "response.output_text.annotation.added"},
        {"type": "response.output_item.added", "item": None},
        {"type": "response.output_item.done", "item": {"type": "message", "content": [1]}},
        {"type": "response.completed"},
        {"type": "response.completed", "response": {"output": [7]}},
    ],
)
def test_event_when_it_cannot_be_read_then_invalid_response(event: Any) -> None:
    with pytest.raises(InvalidResponse):
        ChatWriter("c", 1, "m").event(event)


# There and back

TEXTS = st.text(min_size=1, max_size=6)
DELTAS = st.one_of(
    TEXTS.map(lambda said: {"content": said}),
    TEXTS.map(lambda said: {"refusal": said}),
    TEXTS.map(lambda said: {"reasoning_content": said}),
)


@given(st.lists(DELTAS, max_size=6), st.lists(TEXTS, max_size=2), st.sampled_from(["stop", "length", "content_filter"]))
def test_chunks_when_converted_there_and_back_then_the_same_answer(said: list[Json], calls: list[str], reason: str) -> None:
    called = [
        {"tool_calls": [{"index": at, "id": f"c{at}", "type": "function", "function": {"name": "f", "arguments": arguments}}]}
        for at, arguments in enumerate(calls)
    ]
    writer = ResponseWriter({"input": "hi"})
    events = writer.begin()
    for delta in [*said, *called]:
        events += writer.chunk({"choices": [{"index": 0, "delta": delta}]})
    events += writer.chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    events += writer.end()
    chunks = chunks_of(events)
    deltas = deltas_of(chunks)
    for name in ("content", "refusal"):
        assert "".join(delta.get(name) or "" for delta in deltas) == "".join(delta.get(name, "") for delta in said)
    thought = "".join(delta.get("reasoning_content", "") for delta in deltas)
    assert thought.replace("\n\n", "") == "".join(delta.get("reasoning_content", "") for delta in said).replace("\n\n", "")
    assert [one["function"]["arguments"] for one in calls_of(message_of(chunks)["message"])] == calls
    assert chunks[-1]["choices"][0]["finish_reason"] == ("tool_calls" if calls and reason == "stop" else reason)
