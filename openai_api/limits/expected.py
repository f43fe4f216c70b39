"""How many tokens is a request likely to use? What it says that it may have, before anybody has counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from models_catalog.snapshot import ModelEntry
from providers.bytes.patch import Fields
from providers.convert.counting import estimate
from providers.types import Action, Call, Wire
from providers.wire.openai.usage import MOST, estimated_tokens

USUAL_OUTPUT = 1000
"""Tokens of an answer where neither the request nor the model says how many there may be."""
SMALL = 8192
"""Bytes of a body in which no file is looked for: it could not be large."""
COUNTS = ("count_tokens", ":countTokens")
"""Ends of paths under which tokens are counted, and nothing is made."""


class _Gemini(msgspec.Struct):
    most: int | None = msgspec.field(default=None, name="maxOutputTokens")
    alike: int | None = msgspec.field(default=None, name="max_output_tokens")
    answers: int | None = msgspec.field(default=None, name="candidateCount")


class _Ollama(msgspec.Struct):
    num_predict: int | None = None


_whole = msgspec.json.Decoder(int).decode
_gemini = msgspec.json.Decoder(_Gemini).decode
_ollama = msgspec.json.Decoder(_Ollama).decode


class Expected(NamedTuple):
    """Tokens."""

    input: int
    output: int

    @property
    def total(self) -> int:
        return self.input + self.output


Asked = tuple[int | None, int | None]
"""How long each answer may be, and how many answers are wanted; None where a request does not say it."""


def expected(call: Call, entry: ModelEntry, path: str = "") -> Expected:
    """What a call is likely to use: a token for every four bytes, files left out, and what it says that the answer may have at
    most, else what the model says. The lower one of both counts where a client asks for more than the model ever gives."""
    size = len(call.body)
    text = estimated_tokens(size) if size < SMALL else estimate(call.body)
    asked = ASKED.get(call.wire)
    if asked is None or path.endswith(COUNTS) or call.response.action is Action.INPUT_TOKENS:
        return Expected(text, 0)
    try:
        most, answers = asked(call.fields)
    except msgspec.DecodeError:  # the upstream will say what is wrong with it
        most, answers = None, None
    known = entry.most_output_tokens
    if most is None or most <= 0:
        most = USUAL_OUTPUT if known is None else known
    elif known is not None:
        most = min(most, known)
    return Expected(text, min(most * max(1, answers or 1), MOST))


def _first(fields: Fields, *names: str) -> int | None:
    for name in names:
        if name in fields.spans and (raw := fields.raw(name)) not in (None, b"null"):
            return _whole(raw or b"")
    return None


def _chat(fields: Fields) -> Asked:
    return _first(fields, "max_completion_tokens", "max_tokens"), _first(fields, "n")


def _messages(fields: Fields) -> Asked:
    return _first(fields, "max_tokens"), None


def _responses(fields: Fields) -> Asked:
    return _first(fields, "max_output_tokens"), None


def _generate_content(fields: Fields) -> Asked:
    raw = fields.raw("generationConfig") or fields.raw("generation_config")
    if raw is None:
        return None, None
    config = _gemini(raw)
    return config.most if config.alike is None else config.alike, config.answers


def _ollama_chat(fields: Fields) -> Asked:
    raw = fields.raw("options")
    return None if raw is None else _ollama(raw).num_predict, None


ASKED: Mapping[Wire, Callable[[Fields], Asked]] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _chat,
        Wire.OPENAI_COMPLETION: _chat,
        Wire.OPENAI_RESPONSES: _responses,
        Wire.ANTHROPIC_MESSAGES: _messages,
        Wire.GEMINI: _generate_content,
        Wire.OLLAMA: _ollama_chat,
    }
)
"""Where each wire says how long the answer may be; the others have no answer of tokens."""
