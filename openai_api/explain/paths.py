"""Which paths can be explained, and what is the smallest request of each?"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from models_catalog.route_checks.calls import silence, square
from openai_api.explain.result import Question
from openai_api.http.routing import Match
from providers.bytes.multipart import Form, Part, file_part, text_part
from providers.capabilities import Capability

MESSAGES = {"messages": [{"role": "user", "content": "Hello"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
CONTENT = {"content": {"parts": [{"text": "Hello"}]}}
GEMINI: Mapping[str, Mapping[str, Any]] = {
    "generateContent": CONTENTS,
    "streamGenerateContent": CONTENTS,
    "countTokens": CONTENTS,
    "embedContent": CONTENT,
    "batchEmbedContents": {"requests": [CONTENT]},
}
SMALLEST: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "/v1/chat/completions": MESSAGES,
        "/v1/completions": {"prompt": "Hello"},
        "/v1/embeddings": {"input": "Hello"},
        "/v1/moderations": {"input": "Hello"},
        "/v1/rerank": {"query": "Hello", "documents": ["Hello", "Bye"]},
        "/v1/audio/transcriptions": {},
        "/v1/audio/translations": {},
        "/v1/audio/speech": {"input": "Hello", "voice": "alloy"},
        "/v1/images/generations": {"prompt": "A dot"},
        "/v1/images/edits": {"prompt": "A dot"},
        "/v1/images/variations": {},
        "/v1/responses": {"input": "Hello"},
        "/v1/responses/input_tokens": {"input": "Hello"},
        "/v1/responses/compact": {"input": [{"role": "user", "content": "Hello"}]},
        "/v1/messages": {**MESSAGES, "max_tokens": 1024},
        "/v1/messages/count_tokens": MESSAGES,
        **{f"/{version}/models/{{model}}:{verb}": body for version in ("v1beta", "v1") for verb, body in GEMINI.items()},
        "/api/chat": MESSAGES,
        "/api/generate": {"prompt": "Hello"},
        "/api/embed": {"input": "Hello"},
        "/api/embeddings": {"prompt": "Hello"},
    }
)
"""By the spelling of the table of routes. A path that is not here asks no model for anything."""

USUAL: Mapping[Capability, str] = MappingProxyType(
    {
        Capability.CHAT: "/v1/chat/completions",
        Capability.RESPONSES: "/v1/responses",
        Capability.COMPLETION: "/v1/completions",
        Capability.EMBEDDING: "/v1/embeddings",
        Capability.MODERATION: "/v1/moderations",
        Capability.RERANK: "/v1/rerank",
        Capability.TEXT_TO_SPEECH: "/v1/audio/speech",
        Capability.AUDIO_TRANSCRIPTION: "/v1/audio/transcriptions",
        Capability.AUDIO_TRANSLATION: "/v1/audio/translations",
        Capability.IMAGE_GENERATION: "/v1/images/generations",
        Capability.IMAGE_EDIT: "/v1/images/edits",
        Capability.IMAGE_VARIATION: "/v1/images/variations",
    }
)
"""Where each capability is asked for, the commonest first."""
VARIABLE = "{model}"
"""Where a path has the model itself."""
FILES = {"/v1/audio/": "file", "/v1/images/": "image"}
"""What a form of such paths holds."""


def body_of(question: Question, match: Match) -> dict[str, Any]:
    """The body of the request: the one that was given, or the smallest, with the model that is asked about."""
    body = dict(SMALLEST[match.label] if question.body is None else question.body)
    return {**body, "model": question.model} if question.model and VARIABLE not in match.label else body


def form_of(body: Mapping[str, Any], match: Match) -> Form | None:
    """The body as a form, where the path takes one; its file is a small one that stands for any. None elsewhere."""
    name = next((name for beginning, name in FILES.items() if match.label.startswith(beginning)), "")
    if not match.route.max_file_bytes or not name:
        return None
    file = file_part(name, "square.png", "image/png", square()) if name == "image" else _sound(name)
    return Form([file, *(text_part(field, _text(value)) for field, value in body.items() if field != name)])


def _sound(name: str) -> Part:
    return file_part(name, "silence.wav", "audio/wav", silence())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
