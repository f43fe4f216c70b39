"""Is whatever has the types of Anthropic's SDK the same again after it was canonical?"""

from __future__ import annotations

import json
import re

from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent, BetaSystemMessageParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming

from tests.sdk_values import values_of
from tests.unit.providers.wire.anthropic_messages.test_round_trips import again, answered_again, read, streamed_again
from tests.unit.providers.wire.odd import same

REQUESTS = [*values_of(MessageCreateParamsStreaming), values_of(MessageCreateParamsNonStreaming)[0]]
MESSAGES = [*REQUESTS[0]["messages"], *values_of(BetaSystemMessageParam)]


def test_requests_when_they_have_any_value_of_the_sdk_then_they_are_the_same_again() -> None:
    for body in [*REQUESTS, {**REQUESTS[0], "messages": MESSAGES}]:
        same(again(body), body)


def test_requests_when_made_of_the_sdks_types_then_they_hold_every_role_and_block() -> None:
    text = json.dumps([REQUESTS, MESSAGES])
    assert {"user", "assistant", "system"} <= set(re.findall(r'"role": "(\w+)"', text))
    for kind in (
        "image",
        "document",
        "search_result",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "tool_result",
        "tool_addition",
    ):
        assert f'"type": "{kind}"' in text


ANSWERS = [*values_of(Message), *values_of(BetaMessage)]


def test_messages_when_they_have_any_value_of_the_sdk_then_they_are_the_same_again() -> None:
    read_back = 0
    for body in ANSWERS:
        made = answered_again(body)
        if made is not None:
            read_back += 1
            same(made, body)
    assert read_back > len(ANSWERS) / 2


EVENTS = [*values_of(RawMessageStreamEvent), *values_of(BetaRawMessageStreamEvent)]


def test_events_when_they_have_any_value_of_the_sdk_then_they_are_the_same_again() -> None:
    for event in EVENTS:
        made = read(streamed_again, [event])
        if made is not None:
            same(made, [event])
