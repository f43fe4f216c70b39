"""Whatever another wire says, is what comes of it a request that Anthropic takes, or a stream that its SDK can read?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.canonical.codec import Encoded, Traits
from providers.convert.codecs import codecs
from providers.errors import CallerError, InvalidResponse
from providers.types import Wire
from providers.wire.anthropic_messages import codec
from tests.contract.goldens import rich
from tests.unit.providers.wire.anthropic_messages.asking import CHAT, MESSAGES, Json, asked, blocks_in, chunk, piece
from tests.unit.providers.wire.odd import odd

OTHERS = [wire for wire in codecs() if wire is not MESSAGES]
MODELS = st.sampled_from(["", "claude-3-haiku", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-5"])


def as_asked(wire: Wire, body: Json, traits: Traits) -> Encoded | None:
    """None for what is refused."""
    try:
        return codec.encode_request(codecs()[wire].decode_request(body), traits)
    except CallerError:
        return None


@pytest.mark.parametrize("wire", OTHERS)
@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_refused_or_anthropic_takes_what_is_sent(
    wire: Wire, data: st.DataObject
) -> None:
    body = {name: value for name, value in rich(wire, "request").items() if data.draw(st.booleans())}
    version = data.draw(st.sampled_from(["2023-06-01", "2026-10-21"]))
    made = as_asked(wire, odd(data.draw, body), Traits(model=data.draw(MODELS), api_version=version))
    if made is not None:
        json.dumps(made.body)
        assert_taken(made.body)
        if version == "2026-10-21":
            assert not made.body.keys() & {"temperature", "top_p", "top_k"}


def assert_taken(body: Json) -> None:
    """What Anthropic refuses otherwise."""
    assert body["max_tokens"] >= 1
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
    if thinking:
        assert body.get("tool_choice", {}).get("type") not in ("any", "tool")
    assert "tools" in body or "tool_choice" not in body
    called: list[str] = []
    before = ""
    for message in body["messages"]:
        assert message["role"] != before or message["role"] == "system"
        before = message["role"]
        content = message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
        assert content
        kinds = [part["type"] for part in content]
        assert all(part["text"].strip() for part in content if part["type"] == "text")
        if message["role"] != "system":
            results = [part["tool_use_id"] for part in content if part["type"] == "tool_result"]
            assert kinds[: len(results)] == ["tool_result"] * len(results)
            assert sorted(results) == sorted(called)
            called = [part["id"] for part in content if part["type"] == "tool_use"]
    assert not called


PIECES = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "a"}),
    chunk({"reasoning_content": "hm"}),
    chunk({"refusal": "no"}),
    chunk({"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}]}),
    chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "s"}]}),
    chunk({"images": [{"type": "image_url", "image_url": {"url": "https://x"}}]}),
    chunk({"audio": {"id": "s", "data": "AA", "transcript": "t"}}),
    chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://x", "start_index": 0, "end_index": 1}}]}),
    piece(0, "", "f", "c1"),
    piece(0, '{"a":1}'),
    piece(1, "", "g", "c2"),
    piece(1, "{}"),
    piece(2, "", "h"),
]


@example([chunk({"audio": {"id": "s", "data": "AA", "transcript": "t"}}), chunk({"content": "a"})] * 2)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_stream_when_its_pieces_come_in_any_order_then_blocks_are_told_one_after_the_other(pieces: list[Json]) -> None:
    decoder, encoder = codecs()[CHAT].stream_decoder(), codec.stream_encoder(asked())
    events: list[Json] = []
    for one in [*pieces, chunk({}, finish="stop")]:
        try:
            events += encoder.feed(decoder.feed(one))
        except InvalidResponse:
            return
    events += encoder.feed(decoder.end())
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert kinds.count("message_start") == 1
    calls = _calls(events)
    said = [one["choices"][0]["delta"] for one in pieces]
    assert "".join(_texts(events, "text")) == "".join(one.get("content") or one.get("refusal") or _heard(one) for one in said)
    assert len({call["id"] for call in calls}) == len(calls)


def _heard(delta: Json) -> str:
    return str(delta.get("audio", {}).get("transcript", ""))


def _texts(events: list[Json], name: str) -> list[str]:
    return [event["delta"].get(name, "") for event in events if event["type"] == "content_block_delta"]


def _calls(events: list[Json]) -> list[Json]:
    """The calls; what a model has written as arguments need not be JSON."""
    whole: list[Any] = [event for event in events if event.get("delta", {}).get("type") != "input_json_delta"]
    return [block for block in blocks_in(whole) if block["type"] == "tool_use"]


@pytest.mark.parametrize("wire", OTHERS)
@given(st.data())
def test_answer_when_it_is_odd_in_any_way_then_it_is_told_or_the_upstream_is_at_fault(wire: Wire, data: st.DataObject) -> None:
    body = odd(data.draw, rich(wire, "answer"))
    try:
        answer = codecs()[wire].decode_answer(body)
    except InvalidResponse:
        return
    made = codec.encode_answer(answer, asked()).body
    assert made["type"] == "message"
    assert {"id", "role", "model", "content", "stop_reason", "usage"} <= made.keys()
    assert all(isinstance(block["input"], dict) for block in made["content"] if block["type"] == "tool_use")
    json.dumps(made)
