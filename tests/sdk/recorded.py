"""What does OpenAI say at each endpoint? The examples of its API reference, with a field that the SDK does not know."""

from __future__ import annotations

from typing import Any

from tests.fakes.vendor import Said, events

EMBEDDING = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1.0]},
        {"object": "embedding", "index": 1, "embedding": [0.0, 0.125, -1.5]},
    ],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
    "unknown": [1],
}

CATEGORIES = {
    "harassment": False,
    "harassment/threatening": False,
    "hate": False,
    "hate/threatening": False,
    "illicit": False,
    "illicit/violent": False,
    "self-harm": False,
    "self-harm/instructions": False,
    "self-harm/intent": False,
    "sexual": False,
    "sexual/minors": False,
    "violence": True,
    "violence/graphic": False,
}
JUDGED = {
    "flagged": True,
    "categories": CATEGORIES,
    "category_scores": {name: 0.8599265510337075 if found else 0.0000011726012417057063 for name, found in CATEGORIES.items()},
    "category_applied_input_types": {name: ["image"] if found else [] for name, found in CATEGORIES.items()},
}
MODERATION = {"id": "modr-0d9740456c391e43c445bf0f010940c7", "model": "omni-moderation-latest", "results": [JUDGED]}
MODERATIONS = {**MODERATION, "results": [JUDGED, JUDGED]}

COMPLETION = {
    "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
    "object": "text_completion",
    "created": 1589478378,
    "model": "gpt-3.5-turbo-instruct",
    "system_fingerprint": "fp_44709d6fcb",
    "choices": [{"text": "\n\nThis is indeed a test", "index": 0, "logprobs": None, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}


def _piece(text: str, finish: str | None) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    frame = {name: COMPLETION[name] for name in ("id", "object", "created", "model")}
    return {**frame, "choices": [choice], "usage": None}


PIECES = [_piece("\n\nThis", None), _piece(" is a test", None), _piece("", "stop")]
COUNTED = {**PIECES[0], "choices": [], "usage": COMPLETION["usage"]}

RERANKED = {
    "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
    "results": [{"index": 3, "relevance_score": 0.999071}, {"index": 4, "relevance_score": 0.7867867}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}

SPOKEN: list[dict[str, Any]] = [
    {"type": "speech.audio.delta", "audio": "c291bmQx"},
    {"type": "speech.audio.delta", "audio": "c291bmQy"},
    {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}},
]

TRANSCRIPTION = {
    "text": "Imagine the wildest idea that you've ever had, and you're curious about how it might scale.",
    "usage": {
        "type": "tokens",
        "input_tokens": 14,
        "input_token_details": {"text_tokens": 10, "audio_tokens": 4},
        "output_tokens": 101,
        "total_tokens": 115,
    },
}
SEGMENT = {
    "id": 0,
    "seek": 0,
    "start": 0.0,
    "end": 3.319999933242798,
    "text": " The beach was a popular spot on a hot summer day.",
    "tokens": [50364, 440, 7534, 390, 257, 3743, 4008],
    "temperature": 0.0,
    "avg_logprob": -0.2860786020755768,
    "compression_ratio": 1.2363636493682861,
    "no_speech_prob": 0.00985979475080967,
}
VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 8.470000267028809,
    "text": "The beach was a popular spot on a hot summer day.",
    "segments": [SEGMENT],
    "words": [{"word": "The", "start": 0.0, "end": 0.23999999463558197}],
    "usage": {"type": "duration", "seconds": 9.0},
}
DIARIZED = {
    "task": "transcribe",
    "duration": 27.4,
    "text": "Agent: Thanks for calling.\nA: Hi.",
    "segments": [
        {"type": "transcript.text.segment", "id": "seg_001", "start": 0.0, "end": 5.2, "text": "Thanks.", "speaker": "agent"},
        {"type": "transcript.text.segment", "id": "seg_002", "start": 5.2, "end": 12.8, "text": "Hi.", "speaker": "A"},
    ],
    "usage": {"type": "duration", "seconds": 27.0},
}
SRT = "1\n00:00:00,000 --> 00:00:03,320\nThe beach was a popular spot on a hot summer day.\n\n"
VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:03.320\nThe beach was a popular spot on a hot summer day.\n\n"
HEARD: list[dict[str, Any]] = [
    {"type": "transcript.text.delta", "delta": "I", "logprobs": [{"token": "I", "logprob": -0.00007588794, "bytes": [73]}]},
    {"type": "transcript.text.delta", "delta": " see", "logprobs": [{"token": " see", "logprob": -0.5, "bytes": [32, 115]}]},
    {"type": "transcript.text.done", "text": "I see", "usage": TRANSCRIPTION["usage"]},
]
TRANSLATION = {"text": "Hello, my name is Wolfgang and I come from Germany."}

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE_USAGE = {
    "total_tokens": 100,
    "input_tokens": 50,
    "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
}
LOOKS = {"background": "transparent", "output_format": "png", "quality": "high", "size": "1024x1024"}
IMAGES = {"created": 1713833628, "data": [{"b64_json": PICTURE}], **LOOKS, "usage": IMAGE_USAGE}
IMAGE_URLS = {"created": 1589478378, "data": [{"url": "https://images.example/1.png", "revised_prompt": "A cat."}] * 2}


def shown(kind: str) -> list[dict[str, Any]]:
    """The events of a picture that comes in pieces."""
    frame = {"b64_json": PICTURE, "created_at": 1620000000, **LOOKS}
    partial = {"type": f"{kind}.partial_image", **frame, "partial_image_index": 0}
    return [partial, {"type": f"{kind}.completed", **frame, "usage": IMAGE_USAGE}]


def streamed(values: list[dict[str, Any]], *, done: bool = False) -> Said:
    """A stream of OpenAI's, which names its events except where it ends with `[DONE]`."""
    return events(*values, names=not done, done=done)
