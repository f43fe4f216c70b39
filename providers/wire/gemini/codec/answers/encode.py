"""How is an answer told in Gemini's format, whole?

Format: google-genai 3.6.1, `GenerateContentResponse`. All turns of another wire's answer are one content.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Text
from providers.canonical.codec import Asked, Encoded
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.wire.gemini.codec.answers.decode import decode_answer
from providers.wire.gemini.codec.answers.parts import answer_parts
from providers.wire.gemini.codec.answers.sources import citations_json, logprobs_json
from providers.wire.gemini.codec.answers.stops import stop_json
from providers.wire.gemini.codec.answers.usage import usage_json
from providers.wire.gemini.codec.spelling import given_in, laid_over
from providers.wire.gemini.codec.words import ANSWERS, WIRE


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The response. One that came in Gemini's format is as it came, with what has been changed in it."""
    losses = Losses(WIRE, answer.words, ANSWERS)
    given = given_in(answer.extra)
    if given is not None:
        before, after = _response(decode_answer(given), asked, losses), _response(answer, asked, losses)
        return Encoded(laid_over(given, before, after))
    losses.look(answer)
    return Encoded(_response(answer, asked, losses), losses.names)


def _response(answer: Answer, asked: Asked, losses: Losses) -> Json:
    made: Json = {"candidates": [_candidate(choice, losses) for choice in answer.choices or (Choice(),)]}
    if answer.used is not None:
        made["usageMetadata"] = usage_json(answer.used)
    created = {} if answer.created is None else {"createTime": time_of(answer.created)}
    return made | {"modelVersion": asked.model, "responseId": asked.id, **created}


def time_of(seconds: int) -> str:
    """A time as protocol buffers have it in JSON."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _candidate(choice: Choice, losses: Losses) -> Json:
    blocks = [block for turn in choice.turns for block in turn.blocks]
    parts = [part for block in blocks for part in answer_parts(block, losses)]
    made: Json = {"content": {"parts": parts, "role": "model"}, **stop_json(choice.stop), "index": choice.index}
    texts = [block for block in blocks if isinstance(block, Text)]
    tokens: list[Any] = [token for block in texts for token in block.logprobs or ()]
    return made | citations_json(texts) | (logprobs_json(tokens) if tokens else {})
