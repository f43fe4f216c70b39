"""Is what somebody adds to a conversation in canonical form written as its own wire has it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from providers.canonical.blocks import Role, Text, ToolCall, ToolResult, Turn
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.convert.naming import named_request
from providers.convert.reading import encoded_request
from providers.types import Wire
from tests.matrix.situations import SITUATIONS
from tests.matrix.wires import anthropic, gemini, ollama, openai_chat, openai_responses

ASKS = {
    Wire.OPENAI_CHAT: openai_chat.ask,
    Wire.OPENAI_RESPONSES: openai_responses.ask,
    Wire.ANTHROPIC_MESSAGES: anthropic.ask,
    Wire.GEMINI: gemini.ask,
    Wire.OLLAMA: ollama.ask,
}
CALL = ToolCall("get_weather", '{"city":"Basel"}', "call_basel_9")


def requests() -> Iterator[Any]:
    for wire, ask in ASKS.items():
        for name, situation in SITUATIONS.items():
            yield pytest.param(wire, ask("m", situation.ask).body, id=f"{wire.value}-{name}")


def texts(request: Request) -> list[tuple[Role, str]]:
    return [
        (turn.role, block.text) for turn in (*request.system, *request.turns) for block in turn.blocks if isinstance(block, Text)
    ]


@pytest.mark.parametrize(("wire", "body"), list(requests()))
def test_named_request_when_nothing_was_added_then_it_is_written_as_it_came(wire: Wire, body: dict[str, Any]) -> None:
    request = codecs()[wire].decode_request(body)
    assert encoded_request(request, wire).body == codecs()[wire].encode_request(request).body == body


@pytest.mark.parametrize(("wire", "body"), list(requests()))
def test_named_request_when_a_system_prompt_and_a_turn_are_added_then_their_wire_reads_them(
    wire: Wire, body: dict[str, Any]
) -> None:
    request = codecs()[wire].decode_request(body)
    more = replace(
        request,
        system=(*request.system, Turn(role=Role.SYSTEM, blocks=(Text("be added"),))),
        turns=(*request.turns, Turn(role=Role.USER, blocks=(Text("one more"), Text("and another")))),
    )
    again = codecs()[wire].decode_request(encoded_request(more, wire).body)
    found = texts(again)
    assert any(role is Role.SYSTEM and "be added" in text for role, text in found)
    assert "".join(text for _, text in found).endswith("one moreand another")  # Ollama has one text a message
    said = "".join(text for _, text in found)
    assert [text for _, text in texts(request) if text not in said] == []


@pytest.mark.parametrize("wire", ASKS)
def test_named_request_when_a_call_and_its_result_are_added_then_their_wire_reads_them(wire: Wire) -> None:
    request = codecs()[wire].decode_request(ASKS[wire]("m", SITUATIONS["tools"].ask).body)
    asked = Turn(role=Role.ASSISTANT, blocks=(Text("let me look"), CALL))
    told = Turn(role=Role.TOOL, blocks=(ToolResult((Text("9 °C"),), CALL.call_id, name=CALL.name),))
    if wire in (Wire.ANTHROPIC_MESSAGES, Wire.GEMINI):
        told = replace(told, role=Role.USER)
    again = codecs()[wire].decode_request(encoded_request(replace(request, turns=(*request.turns, asked, told)), wire).body)
    blocks = [block for turn in again.turns for block in turn.blocks]
    [call] = [block for block in blocks if isinstance(block, ToolCall)]
    [result] = [block for block in blocks if isinstance(block, ToolResult)]
    assert (call.name, "Basel" in call.arguments) == (CALL.name, True)
    assert [part.text for part in result.content if isinstance(part, Text)] == ["9 °C"]


def test_named_request_when_everything_has_a_name_then_it_is_the_same() -> None:
    request = codecs()[Wire.ANTHROPIC_MESSAGES].decode_request(anthropic.ask("m", SITUATIONS["tool result"].ask).body)
    assert named_request(request) == request


@pytest.mark.parametrize("wire", ASKS)
def test_named_request_when_a_block_is_added_to_a_turn_then_both_are_said(wire: Wire) -> None:
    request = codecs()[wire].decode_request(ASKS[wire]("m", SITUATIONS["text"].ask).body)
    turn = replace(request.turns[-1], blocks=(Text("Before."), *request.turns[-1].blocks))
    again = codecs()[wire].decode_request(encoded_request(replace(request, turns=(*request.turns[:-1], turn)), wire).body)
    assert "".join(text for _, text in texts(again)) == "Before." + "".join(text for _, text in texts(request))
