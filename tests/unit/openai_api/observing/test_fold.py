"""Do exchanges of every wire amount to the same events, whole or streamed?"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from openai_api.hooks import EventName, SessionEvent
from openai_api.observing.fold import Bodies, Fold
from openai_api.observing.names import ALLOWED, BESIDE, SAID
from openai_api.observing.transcript import Told
from providers.types import Wire
from tests.matrix.situations import BERN, SUNNY, TIME, WEATHER, ZURICH, Ask, Tell
from tests.unit.openai_api.observing.exchanges import DIALECTS, START, record, transcript

WIRES = list(DIALECTS)
BOTH = [(wire, stream) for wire in WIRES for stream in (False, True)]
CALLING = Tell(calls=(ZURICH, BERN), why="calls")
TOOLS = Ask(tools=(WEATHER, TIME), system="Be terse.")
RESULTS = Ask(tools=(WEATHER, TIME), system="Be terse.", results=((ZURICH, "21 °C"), (BERN, "noon")))
START_NAMES = ["session.start", "llm.call.start"]
both = pytest.mark.parametrize(
    ("wire", "stream"), BOTH, ids=[f"{wire}-{'stream' if stream else 'whole'}" for wire, stream in BOTH]
)


def names(events: list[SessionEvent]) -> list[str]:
    return [event.name.value for event in events]


def one(events: list[SessionEvent], name: EventName) -> dict[str, Any]:
    (found,) = (event for event in events if event.name is name)
    return found.attributes


@both
def test_fold_when_tools_are_called_over_two_turns_then_each_result_finds_its_call(wire: Wire, stream: bool) -> None:
    fold = Fold()
    first = fold.events(transcript(wire, TOOLS, CALLING, stream=stream, session_new=True))
    second = fold.events(transcript(wire, RESULTS, SUNNY, stream=stream, at=2.0, session_seen=1, request_id="req-2"))
    assert names(first) == [*START_NAMES, "llm.call.finish", "tool.execution", "tool.execution"]
    assert names(second) == ["tool.result", "tool.result", "llm.call.start", "llm.call.finish"]
    called = [event.attributes for event in first[3:]]
    assert [(each["tool.name"], each["tool.params"]) for each in called] == [
        (call.name, dict(call.arguments)) for call in (ZURICH, BERN)
    ]
    returned = [event.attributes for event in second[:2]]
    assert [(each["tool.name"], each["tool.result"]) for each in returned] == [(WEATHER.name, "21 °C"), (TIME.name, "noon")]
    assert [each["tool.execution_time_ms"] for each in returned] == [1500.0, 1500.0]
    assert {each["tool.status"] for each in returned} == {"success"}
    assert [event.span_id for event in second[:2]] == [event.span_id for event in first[3:]]
    ids = [each.get("gen_ai.tool.call.id") for each in called]
    assert ids == [None, None] or ids == [each["gen_ai.tool.call.id"] for each in returned]


@both
def test_fold_when_a_text_is_answered_then_its_events_have_the_attributes(wire: Wire, stream: bool) -> None:
    events = Fold().events(transcript(wire, Ask(system="Be terse."), SUNNY, stream=stream, session_new=True, session="s-9"))
    start, asked = one(events, EventName.SESSION_START), one(events, EventName.CALL_START)
    end = one(events, EventName.CALL_FINISH)
    assert start["prompt"] == "Be terse."
    assert (start["llm.vendor"], start["gen_ai.provider.name"], start["client.type"]) == ("anthropic", "anthropic", "gateway")
    assert asked["llm.request.data"]["_cylestio_metadata"]["from_index"] == 0
    assert end["llm.response.content"] == [{"type": "text", "text": SUNNY.text}]
    assert end["llm.usage.input_tokens"] == end["gen_ai.usage.input_tokens"] == 31
    assert (end["llm.usage.output_tokens"], end["llm.usage.total_tokens"], end["llm.usage.cache_read_tokens"]) == (17, 48, 8)
    assert (end["llm.response.duration_ms"], end["server.address"]) == (500.0, "api.example")
    assert end["gen_ai.response.finish_reasons"] == [end["finish_reason"]]
    assert {event.attributes["gen_ai.conversation.id"] for event in events} == {"s-9"}
    assert len({event.trace_id for event in events}) == 1
    assert events[1].span_id == events[2].span_id != events[0].span_id


@both
def test_fold_when_bodies_are_not_allowed_then_nothing_that_was_said_is_told(wire: Wire, stream: bool) -> None:
    fold = Fold()
    exchanges = [
        transcript(wire, TOOLS, Tell("I look.", "Hm.", (ZURICH,), "calls"), stream=stream, bodies=False, session_new=True),
        transcript(wire, RESULTS, SUNNY, stream=stream, bodies=False, session_seen=1),
        replace(
            transcript(wire, Ask(), SUNNY, bodies=False, status=400, session_seen=9),
            error=Told(400, "invalid_request_error", None, "How is the weather in Zürich?"),
        ),
    ]
    events = [event for each in exchanges for event in fold.events(each)]
    told = repr([event.line() for event in events])
    for said in ("weather in", "Zürich", "21 °C", "noon", "sunny", "I look", "Hm.", "terse"):
        assert said not in told
    assert "get_weather" in told
    assert "tool.result.bytes" in told
    assert not any(event.bodies for event in events)


@pytest.mark.parametrize(("mode", "allowed", "kept"), [("off", True, False), ("keys", False, False), ("all", False, True)])
def test_fold_when_the_setting_says_of_whom_then_bodies_are_told_of_those(mode: str, allowed: bool, kept: bool) -> None:
    events = Fold(Bodies(mode)).events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, bodies=allowed))
    assert ("llm.response.content" in one(events, EventName.CALL_FINISH)) is kept
    assert {event.bodies for event in events} == {kept}


@both
def test_fold_when_a_request_comes_again_then_results_are_not_told_again(wire: Wire, stream: bool) -> None:
    fold = Fold()
    fold.events(transcript(wire, TOOLS, CALLING, stream=stream, session_new=True))
    fold.events(transcript(wire, RESULTS, SUNNY, stream=stream, at=1.0, session_seen=1))
    again = transcript(wire, RESULTS, SUNNY, stream=stream, at=2.0, session_seen=9)
    assert names(fold.events(again)) == ["llm.call.start", "llm.call.finish"]
    if wire not in (Wire.GEMINI, Wire.OLLAMA):  # they have no ids
        unseen = transcript(wire, RESULTS, SUNNY, stream=stream, at=3.0, session_seen=0)
        assert names(fold.events(unseen)) == ["llm.call.start", "llm.call.finish"]


@both
def test_fold_when_any_exchange_then_its_attributes_are_those_of_the_vocabulary(wire: Wire, stream: bool) -> None:
    fold = Fold()
    first = fold.events(transcript(wire, TOOLS, CALLING, stream=stream, session_new=True, tags={"a": "b"}))
    second = fold.events(transcript(wire, RESULTS, SUNNY, stream=stream, at=2.0, session_seen=1))
    for event in itertools.chain(first, second, fold.due(START + 9999)):
        allowed = ALLOWED[event.name] | {BESIDE[name] for name in ALLOWED[event.name] & BESIDE.keys()}
        assert set(event.attributes) <= allowed
        for name in event.attributes.keys() & BESIDE.keys():
            assert BESIDE[name] in event.attributes


def test_fold_when_there_is_no_session_then_there_are_no_events() -> None:
    fold = Fold()
    assert fold.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, session="")) == []
    assert fold.events(transcript(Wire.ANTHROPIC_MESSAGES, Ask(), SUNNY, path="/v1/messages/count_tokens")) == []
    assert fold.due(START + 1e9) == []


def test_fold_when_two_keys_call_their_sessions_alike_then_they_are_two() -> None:
    fold = Fold()
    one_, other = (
        fold.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, client_id=key, session_new=True)) for key in ("k-1", "k-2")
    )
    assert names(one_) == names(other) == [*START_NAMES, "llm.call.finish"]
    assert one_[0].trace_id != other[0].trace_id


def test_fold_when_a_session_is_idle_then_it_ends_once_and_may_go_on() -> None:
    fold = Fold(idle_s=10.0)
    fold.events(transcript(Wire.OPENAI_CHAT, TOOLS, CALLING, session_new=True))
    assert fold.due(START + 10.4) == []
    (ended,) = fold.due(START + 10.6)
    assert fold.due(START + 99) == []
    assert (ended.name, ended.at, ended.attributes["session.end.reason"]) == (EventName.SESSION_END, START + 10.6, "idle")
    assert (ended.attributes["session.calls"], ended.attributes["session.tools"]) == (1, 2)
    assert ended.attributes["session.idle_ms"] == pytest.approx(10_100)
    resumed = fold.events(transcript(Wire.OPENAI_CHAT, RESULTS, SUNNY, at=50.0, session_seen=1))
    assert resumed[0].attributes["session.resumed"] is True
    assert names(resumed)[:3] == ["session.start", "tool.result", "tool.result"]
    assert resumed[1].attributes["tool.name"] == WEATHER.name  # the request repeats the call
    assert "tool.execution_time_ms" not in resumed[1].attributes


def test_fold_when_a_request_begins_long_before_its_end_then_idleness_counts_from_its_end() -> None:
    fold = Fold(idle_s=10.0)
    fold.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, session_new=True, total_s=100.0))
    assert fold.due(START + 105) == []
    assert len(fold.due(START + 111)) == 1


@pytest.mark.parametrize("reasons", [{"status": 404}, {"status": 499, "client_aborted": True}, {"error": "upstream_reset"}])
def test_fold_when_a_call_failed_then_its_event_says_why_and_what_it_used(reasons: dict[str, Any]) -> None:
    events = Fold().events(replace(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, **reasons), answer=b"", complete=False))
    failed = one(events, EventName.CALL_ERROR)
    kinds = {404: "not_found", 499: "client_closed_request", 200: "upstream_reset"}
    assert failed["error.type"] == kinds[reasons.get("status", 200)]
    assert failed["llm.usage.output_tokens"] == 17
    assert events[-1].level.value == ("WARNING" if "client_aborted" in reasons else "ERROR")


@pytest.mark.parametrize(
    ("wire", "status", "body", "kind"),
    [
        (Wire.OPENAI_CHAT, 200, b'{"error": {"type": "overloaded", "code": "c", "message": "x"}}', "overloaded"),
        (Wire.OPENAI_CHAT, 429, b'{"error": {"type": null, "code": "rate_limited"}}', "rate_limited"),
        (Wire.OPENAI_CHAT, 401, b'{"error": {}}', "authentication_error"),
        (Wire.OPENAI_CHAT, 418, b"teapot", "http_418"),
        (Wire.OLLAMA, 404, b'{"error": "model not found"}', "not_found"),
        (Wire.GEMINI, 429, b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}', "RESOURCE_EXHAUSTED"),
        (Wire.ANTHROPIC_MESSAGES, 529, b'{"type": "error", "error": {"type": "overloaded_error"}}', "overloaded_error"),
    ],
)
def test_fold_when_the_body_is_an_error_then_it_is_classified(wire: Wire, status: int, body: bytes, kind: str) -> None:
    exchange = replace(transcript(wire, Ask(), SUNNY, status=status), answer=body)
    assert one(Fold().events(exchange), EventName.CALL_ERROR)["error.type"] == kind


@both
def test_fold_when_credentials_were_said_then_they_are_replaced(wire: Wire, stream: bool) -> None:
    key = "sk-proj-4fGh7jKl0pQrStUvWxYz123456"
    said = Ask(text=f"my key is {key}", system=f"password={key}")
    events = Fold().events(transcript(wire, said, Tell(f"Do not tell {key} to me."), stream=stream, session_new=True))
    told = repr([event.line() for event in events])
    assert key not in told
    assert told.count("[REDACTED") >= 3


@pytest.mark.parametrize("wire", WIRES)
def test_fold_when_a_stream_tells_an_error_then_the_call_has_failed(wire: Wire) -> None:
    from tests.unit.openai_api.observing.exchanges import SIDES

    told = SIDES[wire][1].midway(SUNNY, "stumbled")
    exchange = replace(transcript(wire, Ask(), SUNNY, stream=True), answer=b"".join(told.chunks))
    failed = one(Fold().events(exchange), EventName.CALL_ERROR)
    assert failed["error.type"]
    assert failed["error.message"] == "stumbled"
    assert "".join(part.get("text", "") for part in failed["llm.response.content"])


@both
def test_fold_when_bodies_are_odd_then_the_call_is_told_all_the_same(wire: Wire, stream: bool) -> None:
    whole = transcript(wire, RESULTS, CALLING, stream=stream)
    for cut in range(0, len(whole.answer), 29):
        for data in (whole.answer[:cut], whole.answer[cut:], whole.answer.replace(b'"', b"\xff", cut % 7)):
            events = Fold().events(replace(whole, answer=data, complete=False, request=whole.request[: cut * 2]))
            assert {"llm.call.start"} <= set(names(events))
    for odd in (
        b"null",
        b"[]",
        b"7",
        b'{"messages": 7}',
        b'{"messages": [7, null]}',
        b'{"input": {}}',
        b'{"contents": [[]]}',
        b"[",
    ):
        events = Fold().events(replace(whole, request=odd, answer=odd))
        assert "llm.call.start" in names(events)


def test_fold_when_more_sessions_live_than_fit_then_the_oldest_end() -> None:
    fold = Fold()
    fold._memory._most = 2
    first, second, third = (
        fold.events(transcript(Wire.OPENAI_CHAT, Ask(), SUNNY, session=name, session_new=True)) for name in "abc"
    )
    assert "session.end" not in names(first + second)
    assert (third[0].name, third[0].session_id) == (EventName.SESSION_END, "a")
    assert third[0].attributes["session.end.reason"] == "capacity"


def test_said_when_it_is_listed_then_it_is_of_the_vocabulary() -> None:
    assert set().union(*ALLOWED.values()) >= SAID
    assert record().session == "s-1"
