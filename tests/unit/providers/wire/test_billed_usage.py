"""What do vendors say of the kinds of tokens that are billed apart, of tiers, and of what is billed by other units?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from providers.bytes.patch import Fields, fields_of
from providers.types import Usage, Wire
from providers.wire.anthropic_messages.codec.answers.usage import used_in as anthropic_used
from providers.wire.anthropic_messages.usage import Counts, counts_in
from providers.wire.gemini.usage import usage_in as gemini_usage_in
from providers.wire.over_http import OVER_HTTP

PARTS = [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": 90}, {"modality": "IMAGE", "tokenCount": 7}]


@pytest.mark.parametrize(
    ("wire", "answer", "expected"),
    [
        pytest.param(
            Wire.OPENAI_CHAT,
            {
                "usage": {
                    "prompt_tokens": 100,
                    "completion_tokens": 50,
                    "total_tokens": 150,
                    "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 60},
                    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 40},
                },
                "service_tier": "flex",
            },
            Usage(100, 50, 20, 5, audio_input_tokens=60, audio_output_tokens=40, service_tier="flex"),
            id="openai_chat_with_sound",
        ),
        pytest.param(
            Wire.OPENAI_CHAT,
            {"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, "service_tier": "default"},
            Usage(1, 2),
            id="openai_chat_of_the_standard_tier",
        ),
        pytest.param(
            Wire.OPENAI_RESPONSES,
            {
                "usage": {
                    "input_tokens": 100,
                    "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 40},
                    "output_tokens": 9,
                    "output_tokens_details": {"reasoning_tokens": 4},
                    "total_tokens": 109,
                },
                "service_tier": "priority",
            },
            Usage(100, 9, 30, 4, 40, service_tier="priority"),
            id="openai_responses",
        ),
        pytest.param(
            Wire.OPENAI_IMAGE,
            {
                "usage": {
                    "input_tokens": 50,
                    "output_tokens": 4160,
                    "total_tokens": 4210,
                    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                    "output_tokens_details": {"image_tokens": 4100, "text_tokens": 60},
                }
            },
            Usage(50, 4160, image_input_tokens=40, image_output_tokens=4100),
            id="openai_images",
        ),
        pytest.param(
            Wire.OPENAI_TRANSCRIPTION,
            {
                "text": "x",
                "usage": {
                    "type": "tokens",
                    "input_tokens": 14,
                    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                    "output_tokens": 45,
                    "total_tokens": 59,
                },
            },
            Usage(14, 45, audio_input_tokens=10),
            id="openai_transcription_by_tokens",
        ),
        pytest.param(
            Wire.OPENAI_TRANSCRIPTION,
            {"text": "x", "usage": {"type": "duration", "seconds": 27}},
            Usage(audio_seconds=27.0),
            id="openai_transcription_by_its_length",
        ),
        pytest.param(
            Wire.OPENAI_TRANSCRIPTION, {"text": "x", "duration": 8.47}, Usage(audio_seconds=8.47), id="whisper_s_own_length"
        ),
        pytest.param(
            Wire.OPENAI_TRANSCRIPTION,
            {
                "text": "x",
                "usage": {"prompt_audio_seconds": 203, "prompt_tokens": 4, "completion_tokens": 635, "total_tokens": 639},
            },
            Usage(4, 635, audio_seconds=203.0),
            id="mistral_transcription",
        ),
        pytest.param(Wire.RERANK, {"meta": {"billed_units": {"search_units": 2}}}, Usage(searches=2), id="cohere_rerank"),
        pytest.param(
            Wire.ANTHROPIC_MESSAGES,
            {
                "usage": {
                    "input_tokens": 10,
                    "output_tokens": 5,
                    "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 70,
                    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40},
                    "service_tier": "priority",
                }
            },
            Usage(180, 5, 100, 0, 70, 40, service_tier="priority"),
            id="anthropic_messages",
        ),
        pytest.param(
            Wire.ANTHROPIC_MESSAGES,
            {"usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard", "cache_creation": None}},
            Usage(1, 2),
            id="anthropic_messages_of_the_standard_tier",
        ),
        pytest.param(
            Wire.GEMINI,
            {
                "usageMetadata": {
                    "promptTokenCount": 107,
                    "candidatesTokenCount": 30,
                    "totalTokenCount": 137,
                    "cachedContentTokenCount": 50,
                    "promptTokensDetails": PARTS,
                    "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 50}],
                    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 25}],
                    "trafficType": "ON_DEMAND_PRIORITY",
                }
            },
            Usage(
                107,
                30,
                50,
                audio_input_tokens=90,
                image_input_tokens=7,
                image_output_tokens=25,
                cached_audio_tokens=50,
                service_tier="priority",
            ),
            id="gemini",
        ),
        pytest.param(
            Wire.GEMINI,
            {
                "usageMetadata": {
                    "promptTokenCount": 1,
                    "candidatesTokenCount": 2,
                    "totalTokenCount": 3,
                    "trafficType": "ON_DEMAND",
                }
            },
            Usage(1, 2),
            id="gemini_of_the_standard_tier",
        ),
        pytest.param(
            Wire.BEDROCK_CONVERSE,
            {
                "usage": {
                    "inputTokens": 10,
                    "outputTokens": 5,
                    "totalTokens": 185,
                    "cacheReadInputTokens": 100,
                    "cacheWriteInputTokens": 70,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 40}, {"ttl": "5m", "inputTokens": 30}],
                }
            },
            Usage(180, 5, 100, 0, 70, 40),
            id="bedrock",
        ),
        pytest.param(Wire.OLLAMA, {"prompt_eval_count": 3, "eval_count": 4}, Usage(3, 4), id="ollama"),
    ],
)
def test_usage_when_vendors_tell_it_then_every_billed_kind_is_known(wire: Wire, answer: dict[str, Any], expected: Usage) -> None:
    read: Callable[[Fields], Usage | None] = OVER_HTTP[wire].usage_of
    assert read(fields_of(msgspec.json.encode(answer))) == expected


def test_usage_when_an_event_repeats_a_part_then_the_rest_stays() -> None:
    begun = counts_in(b'{"input_tokens":9,"output_tokens":1,"cache_creation_input_tokens":5,'
                      b'"cache_creation":{"ephemeral_1h_input_tokens":5},"service_tier":"priority"}')  # fmt: skip
    later = counts_in(b'{"output_tokens":30}')
    assert isinstance(begun, Counts)
    assert isinstance(later, Counts)
    assert begun.with_later(later).usage() == Usage(14, 30, 0, 0, 5, 5, service_tier="priority")


def test_usage_when_read_by_codec_or_alone_then_it_is_the_same() -> None:
    value = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_creation_input_tokens": 70,
        "cache_creation": {"ephemeral_1h_input_tokens": 40},
        "service_tier": "batch",
    }
    used = anthropic_used(value, ())
    assert used is not None
    assert used.tokens == OVER_HTTP[Wire.ANTHROPIC_MESSAGES].usage_of(fields_of(msgspec.json.encode({"usage": value})))
    odd = {
        "promptTokenCount": "12",
        "candidatesTokenCount": 3,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": "5"}, 7],
    }
    assert gemini_usage_in(odd) == Usage(12, 3, audio_input_tokens=5)
