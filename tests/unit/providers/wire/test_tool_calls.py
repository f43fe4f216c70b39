"""Are the tool calls of a chat stream told apart, and put together, however their upstream numbers and names the pieces?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import InvalidResponse
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.told_output import told_output
from tests.unit.providers.convert.composed import to_response
from tests.unit.providers.wire.test_chat_to_responses import CUSTOM, REQUEST, call, delta, rebuilt, stop, streamed

TWO = [("f", '{"a":1}'), ("g", "{}")]
TOOLS = {**REQUEST, "tools": [{"type": "function", "name": name} for name in "fg"]}
FORMS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {
    "a new id on each piece": (
        [call(0, id="a", name="f", arguments='{"a"'), call(0, id="b", arguments=":1"), call(0, id="c", arguments="}")],
        TWO[:1],
    ),
    "bare pieces at a second place": ([call(0, id="a", name="f", arguments='{"a"'), call(1, arguments=":1}")], TWO[:1]),
    "a place for each piece of two": (
        [
            call(0, id="a", name="f", arguments='{"a"'),
            call(1, arguments=":1}"),
            call(2, id="b", name="g"),
            call(3, arguments="{}"),
        ],
        TWO,
    ),
    "one id for two": ([call(0, id="a", name="f", arguments='{"a":1}'), call(1, id="a", name="g", arguments="{}")], TWO),
    "one id, no places": (
        [call(None, id="a", name="f", arguments='{"a":1}'), call(None, id="a", name="g", arguments="{}")],
        TWO,
    ),
    "id and name on each piece": (
        [call(0, id="a", name="f", arguments='{"a"'), call(0, id="a", name="f", arguments=":1}"), call(1, id="b", name="g")],
        TWO,
    ),
    "the name after the id": (
        [
            call(0, id="a"),
            call(0, name="f"),
            call(0, arguments='{"a":1}'),
            call(1, id="b"),
            call(1, name="g"),
            call(1, arguments="{}"),
        ],
        TWO,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_calls_when_their_pieces_come_oddly_are_whole(form: str) -> None:
    chunks, expected = FORMS[form]
    items = rebuilt(streamed(*chunks, stop("tool_calls"), request=TOOLS))
    assert [(item["name"], item["arguments"]) for item in items] == expected
    assert len({item["call_id"] for item in items}) == len(items)
    assert {item["status"] for item in items} == {"completed"}


def test_calls_when_whole_and_of_one_id_are_two() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": name, "arguments": text}} for name, text in TWO]
    message = {"role": "assistant", "tool_calls": calls}
    output = to_response(TOOLS, {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).body["output"]
    assert [(item["name"], item["arguments"]) for item in output] == TWO
    assert len({item["call_id"] for item in output}) == 2


def test_call_when_it_never_gets_a_name_is_no_answer() -> None:
    with pytest.raises(InvalidResponse):
        streamed(call(0, id="a", arguments="{}"), stop("tool_calls"))
    streamed(call(0, id="a", arguments="{"), stop("length"))  # it might have come


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (r'{"input":"a\u00e9b', "aéb"),
        (r'{"input":"a\ud83d\ude00b', "a😀b"),
        (r'{"input":"a\ud83d', "a"),
        (r'{"input":"a\u00', "a"),
        ('{"input":"a\\', "a"),
        ('{"input":"one\ntwo"}', "one\ntwo"),
        (r'{"input":"\d+\\d"}', r"\d+\d"),
        ("[" * 5000, "[" * 5000),
        ('{"input":' + "[" * 5000, '{"input":' + "[" * 5000),
    ],
)
def test_input_of_a_custom_tool_when_cut_or_not_json_is_kept(arguments: str, said: str) -> None:
    (item,) = rebuilt(
        streamed(call(0, id="a", name="patch", arguments=arguments), stop("length"), request={**REQUEST, "tools": [CUSTOM]})
    )
    assert item["input"] == said


def test_output_when_told_in_part_is_what_the_events_said() -> None:
    logprobs = {"content": [{"token": "b", "logprob": -1.0}]}
    spoken = {"choices": [{"index": 0, "delta": {"content": "b"}, "logprobs": logprobs}]}
    events = streamed(
        delta(reasoning_content="think"), delta(content="a"), spoken, delta(refusal="no"),
        call(0, id="c", name="f", arguments="{"), call(0, arguments="}"), stop("tool_calls"),
    )  # fmt: skip
    frames = [frame_of(event) for event in events]
    assert told_output(frames) == events[-1]["response"]["output"]
    for length in range(len(frames)):
        items = told_output(frames[:length])
        texts = [part.get("text") for item in items if item["type"] == "message" for part in item["content"]]
        assert "".join(filter(None, texts)) == "".join(
            event["delta"] for event in events[:length] if event["type"] == "response.output_text.delta"
        )
        assert "in_progress" not in json.dumps(items)
    assert told_output([b"data: [1]\n\n", b": x\n\n", *frames]) == events[-1]["response"]["output"]
