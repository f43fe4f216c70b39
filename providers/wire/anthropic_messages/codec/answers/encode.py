"""How is an answer told as a message, whole?

Format: Anthropic's reference of October 2026, the object `message`. An answer that came in this wire is as it came; of another
wire's, all turns are one message.
"""

from __future__ import annotations

from providers.canonical.answer import Answer, Choice
from providers.canonical.codec import Asked, Encoded
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.wire.anthropic_messages.codec.answers.content import Content
from providers.wire.anthropic_messages.codec.answers.stops import own_stop, told_stop
from providers.wire.anthropic_messages.codec.answers.usage import usage_json, whole_usage
from providers.wire.anthropic_messages.codec.block_json import block_json
from providers.wire.anthropic_messages.codec.words import ANSWERS, WIRE, own

NO_CHOICE = Choice()


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The message."""
    if answer.wire is WIRE:
        return Encoded(own_answer(answer))
    losses = Losses(WIRE, answer.words, ANSWERS)
    losses.look(answer)
    return Encoded(_message(answer, asked, losses), losses.names)


def own_answer(answer: Answer) -> Json:
    """The message, as it came."""
    if answer.failure is not None:
        return dict(own.spelled(answer.failure.extra, "object") or {})
    made: Json = {name: value for name in ("id", "model") if (value := getattr(answer, name)) is not None}
    for choice in answer.choices:
        made |= own_stop(choice.stop)
        for turn in choice.turns:
            made["content"] = [block_json(block) for block in turn.blocks]
            if not own.spelled(turn.extra, "none"):
                made["role"] = turn.called or turn.role.value
    if answer.used is not None:
        made["usage"] = usage_json(answer.used)
    return made | own.rest_of(answer.extra)


def head_json(asked: Asked) -> Json:
    """How a message begins."""
    return {"id": asked.id, "type": "message", "role": "assistant", "model": asked.model}


def _message(answer: Answer, asked: Asked, losses: Losses) -> Json:
    choice = answer.choices[0] if answer.choices else NO_CHOICE
    told = Content(answer.wire, asked.mint, losses)
    for turn in choice.turns:
        told.turn(turn)
    made = head_json(asked) | {"content": told.blocks}
    made |= told_stop(choice.stop, called=told.called, refused=told.refused)
    return made | {"container": None, "usage": whole_usage(answer.used, answer.service_tier)}
