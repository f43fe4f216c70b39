"""Is a compaction of the gateway's own opened where it stands, is a summary asked for, and are the user's words kept?"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from providers.bytes.patch import Fields, fields_of
from providers.errors import CallerError, InvalidResponse
from providers.types import Usage
from providers.wire.openai_responses import compaction
from providers.wire.openai_responses.history import carried

USER = {"role": "user", "content": "hi"}
THEIRS = {"type": "compaction", "encrypted_content": "gAAAA"}
OURS = {"id": "cmp_1", "type": "compaction", "encrypted_content": "ours:Tom"}


def open_summary(content: str) -> str | None:
    if content == "ours:spoiled":
        raise ValueError
    return content.removeprefix("ours:") if content.startswith("ours:") else None


def request(value: Any) -> Fields:
    return fields_of(json.dumps({"model": "m", "input": value, "x": [1.50]}).encode())


@pytest.mark.parametrize(
    "value", ["compaction", None, [], [USER], [USER, THEIRS], [{"role": "user", "content": '"compaction"'}], [7]]
)
def test_request_when_it_has_no_compaction_of_ours_is_untouched(value: Any) -> None:
    fields = request(value)
    assert compaction.opened(fields, open_summary) is fields


def test_compaction_of_ours_when_opened_is_a_message_in_its_place() -> None:
    made = json.loads(compaction.opened(request([USER, OURS, THEIRS, USER]), open_summary).body)
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": compaction.SUMMARY + "Tom"}]}
    assert made == {"model": "m", "input": [USER, message, THEIRS, USER], "x": [1.50]}


def test_compaction_when_spoiled_is_refused_with_its_place() -> None:
    with pytest.raises(CallerError) as refused:
        compaction.opened(request([USER, {**OURS, "encrypted_content": "ours:spoiled"}]), open_summary)
    assert (refused.value.upstream_status, refused.value.param) == (400, "input[1]")


def test_summary_when_asked_for_has_what_counts_and_no_choice_of_tools() -> None:
    asked: dict[str, Any] = {
        "model": "m",
        "instructions": "be kind",
        "tools": [{"type": "function", "name": "f"}],
        "stream": True,
    }
    made = compaction.asking_summary({**asked, "text": {}, "previous_response_id": "r", "metadata": None}, [USER])
    assert made["input"] == [USER, compaction.message_of("user", compaction.ASK)]
    rest = {name: value for name, value in made.items() if name != "input"}
    del asked["stream"]
    assert rest == {**asked, "tool_choice": "none", "store": False}
    assert "tool_choice" not in compaction.asking_summary({"tools": []}, [USER])


@pytest.mark.parametrize(
    ("fields", "items", "param"),
    [({"prompt": {}}, [USER], "prompt"), ({"conversation": "c"}, [USER], "conversation"), ({}, [], "input")],
)
def test_summary_when_it_cannot_be_asked_for_is_400(fields: dict[str, Any], items: list[Any], param: str) -> None:
    with pytest.raises(CallerError) as refused:
        compaction.asking_summary(fields, items)
    assert refused.value.param == param


def test_fields_when_they_have_no_effect_are_named() -> None:
    assert compaction.left_out({"model": "m", "text": {}, "metadata": None, "tensorzero::credentials": {}, "tools": []}) == (
        "text",
    )


def said(*texts: str) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text} for text in texts]
    return {"output": [{"type": "reasoning", "summary": []}, {"type": "message", "content": parts}]}


def test_summary_when_said_in_parts_is_one_text() -> None:
    assert compaction.summary_of(said(" Tom", " and Ann\n")) == "Tom and Ann"


@pytest.mark.parametrize(
    "response", [{}, {"output": []}, said(), said(" \n"), {"output": [{"type": "function_call"}]}, {"output": 7}, {"output": [7]}]
)
def test_summary_when_nothing_is_said_is_a_failure(response: dict[str, Any]) -> None:
    with pytest.raises(InvalidResponse):
        compaction.summary_of(response)


def test_messages_of_the_user_when_kept_are_whole_and_identified() -> None:
    numbers = count(1)
    parts = [{"type": "input_image", "image_url": "u"}]
    items: list[dict[str, Any]] = [
        USER,
        {"type": "message", "role": "user", "id": "msg_x", "content": parts},
        {"role": "assistant", "content": "a"},
        {"role": "developer", "content": "d"},
        {"type": "function_call", "role": "user"},
        OURS,
    ]
    assert compaction.kept(items, lambda prefix: f"{prefix}_{next(numbers)}") == [
        {
            "role": "user",
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "content": [{"type": "input_text", "text": "hi"}],
        },
        {"type": "message", "role": "user", "id": "msg_x", "status": "completed", "content": parts},
    ]


def test_usage_when_nobody_told_it_is_guessed() -> None:
    assert compaction.guessed_usage(400, "é" * 20) == Usage(input_tokens=100, output_tokens=10)


def test_items_when_carried_over_have_nothing_that_only_their_upstream_knows() -> None:
    items: list[dict[str, Any]] = [
        {"id": "msg_1", "status": "completed", "role": "user", "content": "a"},
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"},
        {"id": "o_1", "type": "custom_tool_call_output", "call_id": "c", "output": "1"},
        {"id": "ig_1", "type": "image_generation_call", "result": "AAAA"},
        {"id": "cmp_1", "type": "compaction", "encrypted_content": "x", "created_by": "y"},
    ]
    assert carried(items) == [
        {"role": "user", "content": "a"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "1"},
        {"type": "compaction", "encrypted_content": "x"},
    ]
