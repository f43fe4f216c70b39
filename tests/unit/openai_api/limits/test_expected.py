"""What a request is expected to use, before anybody has counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models_catalog.snapshot import ModelEntry
from openai_api.limits.expected import USUAL_OUTPUT, expected
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, Wire

PLAIN = ModelEntry("m", frozenset(), {})
KNOWN = ModelEntry("m", frozenset(), {}, most_output_tokens=500)


def call(wire: Wire, body: dict[str, Any]) -> Call:
    encoded = json.dumps(body).encode()
    return Call(capability=Capability.CHAT, wire=wire, model="m", body=encoded, fields=fields_of(encoded), request_id="r")


@pytest.mark.parametrize(
    ("wire", "body", "tokens"),
    [
        pytest.param(Wire.OPENAI_CHAT, {"max_tokens": 7}, 7, id="chat"),
        pytest.param(Wire.OPENAI_CHAT, {"max_completion_tokens": 8, "n": 3}, 24, id="chat-several"),
        pytest.param(Wire.OPENAI_CHAT, {"max_completion_tokens": None, "max_tokens": 9}, 9, id="chat-null"),
        pytest.param(Wire.OPENAI_CHAT, {"max_tokens": "many"}, USUAL_OUTPUT, id="chat-text"),
        pytest.param(Wire.OPENAI_CHAT, {"max_tokens": -1}, USUAL_OUTPUT, id="chat-negative"),
        pytest.param(Wire.OPENAI_RESPONSES, {"max_output_tokens": 10}, 10, id="responses"),
        pytest.param(Wire.ANTHROPIC_MESSAGES, {"max_tokens": 11}, 11, id="messages"),
        pytest.param(Wire.GEMINI, {"generationConfig": {"maxOutputTokens": 12, "candidateCount": 2}}, 24, id="gemini"),
        pytest.param(Wire.GEMINI, {"generation_config": {"max_output_tokens": 13}}, 13, id="gemini-snake"),
        pytest.param(Wire.OLLAMA, {"options": {"num_predict": 14}}, 14, id="ollama"),
        pytest.param(Wire.OPENAI_EMBEDDING, {"input": "x"}, 0, id="embeddings"),
        pytest.param(Wire.OPENAI_CHAT, {}, USUAL_OUTPUT, id="untold"),
    ],
)
def test_expected_when_a_wire_says_how_long_the_answer_may_be_then_so_many(wire: Wire, body: dict[str, Any], tokens: int) -> None:
    assert expected(call(wire, body), PLAIN).output == tokens


def test_expected_when_the_model_says_how_long_answers_are_then_no_more() -> None:
    assert expected(call(Wire.OPENAI_CHAT, {}), KNOWN).output == 500
    assert expected(call(Wire.OPENAI_CHAT, {"max_tokens": 128_000}), KNOWN).output == 500
    assert expected(call(Wire.OPENAI_CHAT, {"max_tokens": 20}), KNOWN).output == 20
    assert expected(call(Wire.OPENAI_CHAT, {"max_tokens": 128_000, "n": 3}), KNOWN).output == 1500
    assert expected(call(Wire.OPENAI_CHAT, {"n": 3}), KNOWN).output == 1500


def test_expected_when_only_tokens_are_counted_then_no_answer() -> None:
    counted = expected(call(Wire.ANTHROPIC_MESSAGES, {"max_tokens": 11}), PLAIN, "/v1/messages/count_tokens")
    assert counted.output == 0


def test_expected_when_there_is_a_file_in_it_then_its_bytes_are_no_text() -> None:
    url = "data:image/png;base64," + "A" * 400_000
    content = [{"type": "text", "text": "x" * 4000}, {"type": "image_url", "image_url": {"url": url}}]
    assert 1000 <= expected(call(Wire.OPENAI_CHAT, {"messages": [{"role": "user", "content": content}]}), PLAIN).input < 1200
