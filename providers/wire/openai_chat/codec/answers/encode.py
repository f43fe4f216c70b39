"""How is an answer told in chat, whole?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`, with `reasoning_content` and `images` as most vendors
have them. An answer that came as chat is as it came; of another wire's, all turns are one message.
"""

from __future__ import annotations

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Refusal, Text, Turn
from providers.canonical.codec import Asked, Encoded
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.wire.openai_chat.codec.answers.annotations import annotation_of, logprobs_json
from providers.wire.openai_chat.codec.answers.decode import COMPLETION
from providers.wire.openai_chat.codec.answers.stops import reason_of
from providers.wire.openai_chat.codec.answers.sums import Sum
from providers.wire.openai_chat.codec.answers.usage import usage_json
from providers.wire.openai_chat.codec.leftovers import rest_of, spelled
from providers.wire.openai_chat.codec.messages import message_of
from providers.wire.openai_chat.codec.words import ANSWERS, WIRE


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The completion."""
    losses = Losses(WIRE, answer.words, ANSWERS)
    losses.look(answer)
    return Encoded(own_answer(answer) if answer.wire is WIRE else _completion(answer, asked), losses.names)


def own_answer(answer: Answer) -> Json:
    """The completion, as it came."""
    if answer.failure is not None and (said := spelled(answer.failure.extra, "object")):
        return dict(said)
    made: Json = {
        name: value for name in ("id", "model", "created", "service_tier") if (value := getattr(answer, name)) is not None
    }
    if not spelled(answer.extra, "no object"):
        made["object"] = COMPLETION
    if answer.choices or not spelled(answer.extra, "no choices"):
        made["choices"] = [_own_choice(choice) for choice in answer.choices]
    if answer.used is not None and not spelled(answer.used.extra, "beside"):
        made["usage"] = usage_json(answer.used)
    return made | rest_of(answer.extra)


def _own_choice(choice: Choice) -> Json:
    made: Json = {} if spelled(choice.extra, "no index") else {"index": choice.index}
    rest = dict(rest_of(choice.extra))
    for turn in choice.turns:
        made["message"] = _own_message(turn)
        for name, kind in (("content", Text), ("refusal", Refusal)):
            told = next((block.logprobs for block in turn.blocks if isinstance(block, kind) and block.logprobs is not None), None)
            if told is not None:
                rest["logprobs"] = {**(rest.get("logprobs") or {}), name: logprobs_json(told)}
    if choice.stop is not None:
        made["finish_reason"] = reason_of(choice.stop, own=True, called=False)
    return made | rest


def _own_message(turn: Turn) -> Json:
    made: Json = message_of(turn)
    start, cited = 0, []
    for block in turn.blocks:
        if isinstance(block, Text):
            cited += [annotation_of(one, start) for one in block.citations]
            start += len(block.text)
    if cited:
        made["annotations"] = cited
    return made


def _completion(answer: Answer, asked: Asked) -> Json:
    choices = [_choice(choice) for choice in answer.choices or (Choice(),)]
    made: Json = {"id": asked.id, "object": COMPLETION, "created": asked.created, "model": asked.model, "choices": choices}
    if answer.used is not None:
        made["usage"] = usage_json(answer.used)
    return made | ({"service_tier": answer.service_tier} if answer.service_tier else {})


def _choice(choice: Choice) -> Json:
    told = Sum()
    for turn in choice.turns:
        told.turn(turn)
    return {
        "index": choice.index,
        "message": told.message(),
        "logprobs": told.logprobs(),
        "finish_reason": reason_of(choice.stop, own=False, called=bool(told.calls)),
    }
