"""Is a message told as events the same message again, and is what breaks told?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import InvalidResponse, Overloaded, ProviderError, StreamTruncated
from providers.wire.anthropic_messages.either_form import message_events, message_of
from tests.fakes.messages import HELLO, THOUGHT, call, message, read, told

CITED = {**HELLO, "citations": [{"type": "web_search_result_location", "url": "https://a.example"}]}
SERVER = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "url": "u"}]}
SEALED = {"type": "redacted_thinking", "data": "c2VhbGVk"}
SIGNED = {"type": "thinking", "thinking": "", "signature": "c2lnbmVk"}
WHOLE = message(THOUGHT, SIGNED, SEALED, CITED, SERVER, FOUND, call(1, a={"b": [1]}), call(2), stop="tool_use")


def test_message_when_told_as_events_then_it_adds_up_to_itself() -> None:
    assert json.loads(message_of(message_events(json.dumps(WHOLE).encode()))) == WHOLE


def test_message_when_told_as_events_then_a_client_reads_it() -> None:
    plain = message(THOUGHT, HELLO, call(1, a=1), container={"id": "c"}, stop_details=None)
    assert read(message_events(json.dumps(plain).encode()).decode()) == plain


def test_events_when_they_came_unasked_then_the_message_of_an_upstream() -> None:
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in told(THOUGHT, HELLO, call(1, a=1)))
    assert json.loads(message_of(body)) == message(THOUGHT, HELLO, call(1, a=1))


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        (told(HELLO)[:4], StreamTruncated),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "no"}}], Overloaded),
        ([{"type": "content_block_delta", "index": 3, "delta": {}}], InvalidResponse),
        ([{"type": "message_start", "message": []}], InvalidResponse),
        ([{"a": 1}], InvalidResponse),
    ],
    ids=["cut", "error", "no block", "no message", "nonsense"],
)
def test_events_when_they_are_no_message_then_told_which_failure(events: list[Any], kind: type[ProviderError]) -> None:
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    with pytest.raises(kind):
        message_of(body)


@pytest.mark.parametrize("content", ["text", [1], [{}], [{"type": "text"}], {"a": 1}])
def test_message_when_its_content_is_nonsense_then_invalid_response(content: Any) -> None:
    with pytest.raises(InvalidResponse):
        message_events(json.dumps({**message(), "content": content}).encode())
