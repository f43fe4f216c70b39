"""Is the beginning of a conversation known again, as each wire has it, and nothing else taken for it?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from openai_api.sessions.conversation import LOOK_BACK, Conversation, conversation_of
from openai_api.sessions.told import BILLING
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, Wire
from tests.sessions import SEEN, WIRES, Json

KINDS = {
    "chat": Wire.OPENAI_CHAT,
    "messages": Wire.ANTHROPIC_MESSAGES,
    "responses": Wire.OPENAI_RESPONSES,
    "gemini": Wire.GEMINI,
    "ollama": Wire.OLLAMA,
}


def call(wire: Wire, body: Json) -> Call:
    text = json.dumps(body).encode()
    return Call(capability=Capability.CHAT, wire=wire, model="m", body=text, fields=fields_of(text), request_id="r")


def read(wire: Wire, body: Json, scope: str = "key", **more: Any) -> Conversation:
    found = conversation_of(call(wire, body), scope, **more)
    assert found is not None
    return found


@pytest.mark.parametrize("wire", WIRES)
def test_turn_when_it_follows_another_then_it_begins_with_what_that_said(wire: str) -> None:
    turns = [read(KINDS[wire], body) for body in WIRES[wire][1]("Weather in Oslo?", "m")]
    assert turns[0].whole in turns[1].paths
    assert turns[1].whole in turns[2].paths
    assert turns[0].whole in turns[2].paths
    for turn, before, seen in zip(turns[1:], turns, SEEN[wire][1:], strict=False):
        assert turn.counts[turn.paths.index(before.whole)] == seen
    assert len({turn.whole for turn in turns}) == 3
    assert {turn.agent for turn in turns} == {turns[0].agent}
    assert turns[0].agent.startswith("prompt-")


@pytest.mark.parametrize("wire", WIRES)
def test_conversation_when_anything_in_it_differs_then_so_does_its_digest(wire: str) -> None:
    bodies = WIRES[wire][1]("Weather in Oslo?", "m")
    text = json.dumps(bodies[-1])
    others = [json.loads(text.replace(old, new)) for old, new in (("Oslo", "Rome"), ("Rain.", "Sun."), ("agent", "poet"))]
    digests = {read(KINDS[wire], body).whole for body in (bodies[-1], *others)}
    assert len(digests) == 4
    assert read(KINDS[wire], bodies[-1], scope="another key").whole not in digests


def test_digest_when_words_stand_elsewhere_then_it_differs() -> None:
    def of(*texts: str) -> bytes:
        return read(Wire.OPENAI_CHAT, {"messages": [{"role": "user", "content": text} for text in texts]}).whole

    assert len({of("ab", "c"), of("a", "bc"), of("abc"), of("abc", "")}) == 4


def test_thoughts_when_they_are_left_out_later_then_the_beginning_is_known() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    asked, replied = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    called = [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
    ]
    before = read(Wire.OPENAI_RESPONSES, {"input": [asked, reasoning, *called]})
    for kept in ([reasoning], [{**reasoning, "id": "rs_2"}], []):
        after = read(Wire.OPENAI_RESPONSES, {"input": [asked, *kept, *called, reasoning, replied, asked]})
        assert before.whole == after.paths[0]


def test_first_block_of_claude_code_when_it_changes_then_nothing_else_does() -> None:
    def body(turn: int, prompt: str = "You are a coding agent.") -> Json:
        blocks = [{"type": "text", "text": f"{BILLING}: cc_version={turn};"}, {"type": "text", "text": prompt}]
        return {"system": blocks, "messages": [{"role": "user", "content": "a"}]}

    first, second, other = (read(Wire.ANTHROPIC_MESSAGES, given) for given in (body(1), body(2), body(1, "A poet.")))
    assert first == second
    assert other.whole != first.whole
    assert other.agent != first.agent
    assert first.agent == read(Wire.ANTHROPIC_MESSAGES, {**body(1), "system": "You are a coding agent."}).agent


@pytest.mark.parametrize(
    ("wire", "body", "agent"),
    [
        (Wire.OPENAI_CHAT, {"messages": [{"role": "user", "content": "a"}]}, "default-system"),
        (
            Wire.OPENAI_CHAT,
            {"messages": [{"role": "developer", "content": [{"type": "text", "text": "S"}]}]},
            "prompt-5dbc98dcc983",
        ),
        (Wire.OPENAI_RESPONSES, {"instructions": "S", "input": "a"}, "prompt-5dbc98dcc983"),
        (Wire.OPENAI_RESPONSES, {"instructions": None, "input": [{"role": "system", "content": "S"}]}, "prompt-5dbc98dcc983"),
        (Wire.ANTHROPIC_MESSAGES, {"system": "S", "messages": []}, "prompt-5dbc98dcc983"),
        (Wire.GEMINI, {"system_instruction": {"parts": [{"text": "S"}]}, "contents": "a"}, "prompt-5dbc98dcc983"),
        (Wire.GEMINI, {"contents": {"parts": [{"text": "a"}]}}, "default-system"),
        (Wire.OLLAMA, {"messages": [{"role": "system", "content": "S"}]}, "prompt-5dbc98dcc983"),
    ],
)
def test_agent_when_no_header_names_it_then_it_is_that_of_the_prompt(wire: Wire, body: Json, agent: str) -> None:
    assert read(wire, body).agent == agent


@pytest.mark.parametrize("wire", KINDS.values())
@pytest.mark.parametrize("value", ["x", 7, None, {"a": 1}, [7], [[]], [None], [{"role": 7}], [{"content": 7}], [{"parts": "x"}]])
def test_body_when_it_has_another_shape_then_it_is_no_conversation_or_an_odd_one(wire: Wire, value: Any) -> None:
    for name in ("messages", "input", "contents", "system", "instructions", "systemInstruction"):
        conversation_of(call(wire, {name: value}), "key")  # does not raise


def test_beginnings_when_there_are_many_then_the_last_are_looked_for() -> None:
    talk = [{"role": role, "content": str(number)} for number in range(20) for role in ("user", "assistant")]
    found = read(Wire.OPENAI_CHAT, {"messages": talk})
    assert found.counts == tuple(range(39, 39 - 2 * LOOK_BACK, -2))


def test_request_when_it_is_sent_again_then_all_of_it_may_be_known() -> None:
    body = {"messages": [{"role": "user", "content": "a"}]}
    first, again = read(Wire.OPENAI_CHAT, body), read(Wire.OPENAI_CHAT, body, again=True)
    assert (first.paths, again.paths, again.counts) == ((), (first.whole,), (1,))
