"""Is each vendor's list of models read, and is what it does not tell guessed and said to be?"""

from __future__ import annotations

import json

import pytest

from providers.capabilities import Capability
from providers.errors import InvalidResponse
from providers.offered import LONGEST_ID, guess, read

CHAT, EMBEDDING = frozenset({Capability.CHAT}), frozenset({Capability.EMBEDDING})


def test_list_when_openais_then_names_tell_what_they_can() -> None:
    body = json.dumps({"object": "list", "data": [{"id": "gpt-5"}, {"id": "text-embedding-3-small"}]}).encode()
    first, second = read(body)
    assert (first.id, first.capabilities, first.guessed, first.context_length) == ("gpt-5", CHAT, True, None)
    assert second.capabilities == EMBEDDING


def test_list_when_geminis_then_methods_and_limits_are_told() -> None:
    row = {
        "name": "models/gemini-x",
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "inputTokenLimit": 1048576,
    }
    (one,) = read(json.dumps({"models": [row]}).encode())
    assert (one.id, one.capabilities, one.guessed, one.context_length) == ("gemini-x", CHAT, False, 1048576)


@pytest.mark.parametrize(
    ("row", "able", "context", "prices"),
    [
        (
            {
                "id": "a/b",
                "context_length": 128000,
                "architecture": {"output_modalities": ["text"]},
                "pricing": {"prompt": "0.0000025", "completion": "0.00001"},
            },
            CHAT,
            128000,
            (("input", 2.5), ("output", 10.0)),
        ),
        ({"id": "m", "max_context_length": 32768, "capabilities": {"completion_chat": True, "vision": True}}, CHAT, 32768, ()),
        ({"id": "t", "type": "embedding", "pricing": {"input": 0.1, "output": 0}}, EMBEDDING, None, (("input", 0.1),)),
    ],
)
def test_list_when_the_vendor_tells_more_then_it_is_read(row: object, able: object, context: int | None, prices: object) -> None:
    (one,) = read(json.dumps([row]).encode())
    assert (one.capabilities, one.guessed, one.context_length, one.prices) == (able, False, context, prices)


@pytest.mark.parametrize(
    ("name", "able"),
    [
        ("whisper-large-v3", {Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION}),
        ("gpt-4o-transcribe", {Capability.AUDIO_TRANSCRIPTION}),
        ("tts-1-hd", {Capability.TEXT_TO_SPEECH}),
        ("gpt-image-1", {Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT}),
        ("BAAI/bge-large-en", {Capability.EMBEDDING}),
        ("rerank-v3.5", {Capability.RERANK}),
        ("omni-moderation-latest", {Capability.MODERATION}),
        ("sora-2", set()),
        ("claude-sonnet-5", {Capability.CHAT}),
    ],
)
def test_name_when_it_tells_what_the_model_does_then_believed(name: str, able: set[Capability]) -> None:
    assert guess(name) == able


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data": 5}', b"7", b'{"error": {"message": "no"}}', b"[" * 100_000])
def test_answer_when_it_is_no_list_then_said(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        read(body)


def test_rows_when_they_are_odd_then_left_out() -> None:
    rows = [
        5,
        {},
        {"id": 7},
        {"id": "x" * (LONGEST_ID + 1)},
        {"id": "a\0b"},
        {"id": "good", "context_length": -5, "pricing": {"prompt": "x"}},
    ]
    (one,) = read(json.dumps({"data": rows}).encode())
    assert (one.id, one.context_length, one.prices) == ("good", None, ())
