"""Does a guard find the same wherever a text is cut, hold no more than it may, and leave all else as it came?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_api.hooks import HookRequest, Refusal, StreamEvent
from openai_api.hooks.specs import HookSpec, HookSpecError, build
from openai_api.interceptors.guard.chosen import Choice, look
from openai_api.interceptors.guard.growing import Edit
from openai_api.interceptors.guard.patterns import SETS, passes_luhn, passes_mod_97
from openai_api.interceptors.guard.pieces import Piece, in_request
from openai_api.interceptors.guard.places import CALLS, TEXT, Form, Row
from openai_api.interceptors.guard.rules import Rule, Where, compiled
from openai_api.interceptors.guard.streaming import GuardedStream
from providers.bytes.event import Event
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, Wire

HOLD = 256
PATTERNS = (
    "ab+c",
    "a.c",
    "secret",
    "(?i)secret",
    r"\bab\b",
    "abc|ab",
    "a(?=c)",
    "(?<!b)c",
    "(?<=ab)c{1,3}",
    "a[bc]{2,5}?d",
    r"(a|b)\1c",
    r"\d{3}-\d{2}",
    "b(?!cd)",
    r"c\s+a",
    "(?>a+)b",
    "x{4}",
    r"ab$",
)
RULES = [
    *(Rule(name=f"p{number}", pattern=pattern) for number, pattern in enumerate(PATTERNS)),
    *(Rule(set=name) for name in SETS),
]
SEEDS = (
    "secret", "SECRET", "abc", "abbbbc", "aab", "ab cab", "123-45", "ann@example.com", "4111 1111 1111 1111", "xxxx",
    "AKIAIOSFODNN7EXAMPLE", "sk-abcdefghijklmnopqrstuvwx", "+49 30 1234567", "DE89370400440532013000", "10.0.0.1", "c  a",
)  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(SEEDS), st.text('abcd x1-@.\n\\"é😀', max_size=8)), max_size=12).map("".join)
rules = st.lists(st.sampled_from(RULES), min_size=1, max_size=3)


def cut(text: str, places: Sequence[int]) -> list[str]:
    marks = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(marks)]


def choice_of(chosen: Sequence[Rule]) -> Choice:
    return Choice(compiled(tuple(chosen), "[{name}]"))


def chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None) -> StreamEvent:
    body = {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    return StreamEvent(Event(b"data: %b\n\n" % json.dumps(body).encode()), Wire.OPENAI_CHAT)


def whole(choice: Choice, text: str, form: Form = Form.PLAIN) -> str:
    part = TEXT if form is Form.PLAIN else CALLS
    return look(choice, Where.ANSWER, Piece([text], 0, Row("", part, form), "assistant", (), ""))[0] or text


def passed(choice: Choice, events: Sequence[StreamEvent], hold: int = HOLD) -> list[StreamEvent]:
    stream = GuardedStream(choice, hold, nothing)
    out: list[StreamEvent] = []
    for event in events:
        made = stream.take(event)
        out += [made] if isinstance(made, StreamEvent) else made
        assert stream.held <= hold
    return [*out, *stream.end()]


def nothing(edit: Edit) -> None:
    pass


def content(events: Sequence[StreamEvent], index: int = 0) -> str:
    return "".join(
        event.body["choices"][0]["delta"].get("content", "") for event in events if event.body["choices"][0]["index"] == index
    )


@settings(max_examples=150, deadline=None)
@given(rules, texts, st.lists(st.integers(0, 400), max_size=12))
def test_stream_when_cut_anywhere_then_its_text_is_that_of_the_whole(chosen: list[Rule], text: str, places: list[int]) -> None:
    choice = choice_of(chosen)
    events = [chunk({"content": piece}) for piece in cut(text, places)]
    out = passed(choice, events)
    expected = whole(choice, text)
    assert content(out) == expected
    assert len(out) == len(events)
    if expected == text:
        assert [event.event.frame for event in out] == [event.event.frame for event in events]


@settings(max_examples=80, deadline=None)
@given(rules, texts, texts, st.lists(st.integers(0, 400), max_size=8), st.randoms(use_true_random=False))
def test_stream_when_two_answers_take_turns_then_each_is_guarded_by_itself(
    chosen: list[Rule], first: str, second: str, places: list[int], random: Any
) -> None:
    choice = choice_of(chosen)
    queues = [[chunk({"content": piece}, number) for piece in cut(text, places)] for number, text in enumerate((first, second))]
    events = []
    while any(queues):
        events.append(random.choice([queue for queue in queues if queue]).pop(0))
    out = passed(choice, events, len(first + second) + HOLD)
    assert (content(out, 0), content(out, 1)) == (whole(choice, first), whole(choice, second))


@settings(max_examples=120, deadline=None)
@given(rules, texts, st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_calls_when_cut_anywhere_then_they_stay_json_and_their_texts_are_guarded(
    chosen: list[Rule], text: str, places: list[int], ascii_only: bool
) -> None:
    choice = choice_of(chosen)
    arguments = json.dumps({"text": text, "list": [text, 1.5, None, True]}, ensure_ascii=ascii_only)
    events = [chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in cut(arguments, places)]
    out = passed(choice, events)
    told = "".join(event.body["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for event in out)
    assert told == whole(choice, arguments, Form.JSON)
    expected = whole(choice, text)
    if "\\" not in json.dumps(text) or expected == text:
        assert json.loads(told)["text"] == expected


@settings(max_examples=80, deadline=None)
@given(rules, texts, st.lists(st.integers(0, 400), max_size=12))
def test_stream_when_denied_then_nothing_of_the_match_has_gone_on(chosen: list[Rule], text: str, places: list[int]) -> None:
    choice = choice_of([Rule(name="no", pattern="forbidden [a-z]+ word"), *chosen])

    def note(edit: Edit) -> None:
        if edit.by.name == "no":
            raise Refusal(400, "no", "no")

    stream = GuardedStream(choice, HOLD, note)
    out: list[StreamEvent] = []
    with suppress(Refusal):
        for piece in cut(f"{text} forbidden magic word {text}", places):
            made = stream.take(chunk({"content": piece}))
            out += [made] if isinstance(made, StreamEvent) else made
        pytest.fail(f"nothing was refused: {stream.end()}")
    assert "forbidden" not in content(out)
    assert stream.end() == []


def test_stream_when_the_beginning_of_a_match_never_ends_then_no_more_than_the_hold_waits() -> None:
    choice = choice_of([Rule(pattern="start.*end")])
    events = [chunk({"content": piece}) for piece in ["start", *["x" * 10] * 500]]
    assert content(passed(choice, events)) == "start" + "x" * 5000


def test_stream_when_one_answer_waits_and_another_goes_on_then_no_more_than_the_hold_waits() -> None:
    choice = choice_of([Rule(pattern="secret word")])
    events = [chunk({"content": "a secr"}, 0), *(chunk({"content": "other text "}, 1) for _ in range(200))]
    out = passed(choice, events)
    assert [event.event.frame for event in out] == [event.event.frame for event in events]


def test_stream_when_reasoning_ends_in_what_may_begin_a_match_then_the_answer_does_not_wait_for_it() -> None:
    stream = GuardedStream(choice_of([Rule(set="email")]), HOLD, nothing)
    assert stream.take(chunk({"reasoning_content": "ask joe"})) == []
    made = stream.take(chunk({"content": "Hello. "}))
    assert isinstance(made, list)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ann.b+c@mail.example.co.uk", "email"),
        ("4111 1111 1111 1111", "credit_card"),
        ("5500-0000-0000-0004", "credit_card"),
        ("+49 30 901820", "phone"),
        ("(415) 555-2671", "phone"),
        ("078-05-1120", "us_ssn"),
        ("GB82 WEST 1234 5698 7654 32", "iban"),
        ("192.168.10.254", "ip_address"),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "ip_address"),
        ("AKIAIOSFODNN7EXAMPLE", "aws_key"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_key"),
        ("sk-ant-api03-abcdefghijklmnopqrstuvwx", "api_key"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "api_key"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "api_key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P", "jwt"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nab+/=\n-----END RSA PRIVATE KEY-----", "private_key"),
        ("-----BEGIN PRIVATE KEY-----\\nMIIEow\\n-----END PRIVATE KEY-----", "private_key"),
    ],
)
def test_set_when_there_is_one_of_its_texts_then_it_is_found_whole(text: str, name: str) -> None:
    choice = choice_of([Rule(set=name)])
    assert whole(choice, f"it is {text}, so") == f"it is [{name}], so"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a@b", "email"),
        ("4111 1111 1111 1112", "credit_card"),
        ("0000 0000 0000 0000", "credit_card"),
        ("000-12-3456", "us_ssn"),
        ("GB82 WEST 1234 5698 7654 33", "iban"),
        ("1.2.3.4.5", "ip_address"),
        ("256.1.1.1", "ip_address"),
        ("task-force-of-many-words-in-a-row", "api_key"),
        ("-----BEGIN PUBLIC KEY-----", "private_key"),
        ("call 2026-11-30", "phone"),
    ],
)
def test_set_when_a_text_only_looks_alike_then_it_is_left(text: str, name: str) -> None:
    assert whole(choice_of([Rule(set=name)]), f"it is {text}, so") == f"it is {text}, so"


def test_checks_when_a_digit_is_wrong_then_they_fail() -> None:
    assert passes_luhn("79927398713")
    assert not passes_luhn("79927398710")
    assert passes_mod_97("DE89370400440532013000")
    assert not passes_mod_97("DE88370400440532013000")


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"pattern": "a*"}, "matches the empty text"),
        ({"pattern": r"\b"}, "matches the empty text"),
        ({"pattern": "(?=a)"}, "matches the empty text"),
        ({"pattern": "("}, "not a regular expression"),
        ({"pattern": "a)(b"}, "not a regular expression"),
        ({"pattern": "(" * 1500}, "not a regular expression"),
        ({"pattern": r"(\w+\s?)+#"}, "takes too long"),
        ({"pattern": "a" * 2001}, "length <= 2000"),
        ({"set": "nonsense"}, "is none of api_key"),
        ({"set": "email", "pattern": "a"}, "give a pattern or a set"),
        ({}, "give a pattern or a set"),
        ({"set": "email", "roles": ["robot"]}, "the role 'robot' is none of"),
        ({"set": "email", "action": "explode"}, "Invalid enum value 'explode'"),
        ({"set": "email", "unknown": 1}, "unknown field"),
        ({"set": "email", "replacement": 7}, "Expected"),
    ],
)
def test_rule_when_it_cannot_be_used_then_the_error_says_why(rule: dict[str, Any], fault: str) -> None:
    with pytest.raises(HookSpecError, match=re.escape(fault)):
        build(HookSpec(hook="guard", options={"rules": [rule]}))


def test_request_when_its_fields_have_other_types_then_nothing_is_found_in_them() -> None:
    bodies: tuple[dict[str, Any], ...] = (
        {"messages": "text"},
        {"messages": [1, None, "x", []]},
        {"messages": [{"content": {"text": 1}}]},
        {"tools": {"a": 1}},
    )
    for body in bodies:
        for wire in Wire:
            assert [piece.text for piece in in_request(wire, body)] == []


def test_request_when_deep_then_only_known_places_are_looked_at() -> None:
    deep: Any = "sk-abcdefghijklmnopqrstuvwx"
    for _ in range(300):
        deep = [deep]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": deep}]}).encode()
    call = Call(capability=Capability.CHAT, wire=Wire.OPENAI_CHAT, model="m", body=body, fields=fields_of(body), request_id="r")
    request = HookRequest(call)
    assert in_request(Wire.OPENAI_CHAT, request.body) == []
    assert request.result() is call
