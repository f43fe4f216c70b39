"""What does an upstream answer in a message?

Format: Anthropic's reference of October 2026, the object `message`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Block, Role, ToolCall, Turn
from providers.canonical.extra import Json, Place
from providers.canonical.functions import as_sent
from providers.canonical.leftovers import taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.anthropic_messages.codec.answers.stops import stop_in
from providers.wire.anthropic_messages.codec.answers.usage import tier_in, used_in
from providers.wire.anthropic_messages.codec.blocks import block_of
from providers.wire.anthropic_messages.codec.words import WIRE, WORDS, own
from providers.wire.anthropic_messages.errors import failure_in

MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
SAID = frozenset({"container", "context_management", "input_transformations", "safeguard_results", "diagnostics"})
"""Fields of a message that say something, and that only this wire has."""


def decode_answer(body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
    """The answer. Raises `InvalidResponse` for one that cannot be read."""
    try:
        return _answer(body, sent)
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _answer(body: Json, sent: SentTools) -> Answer:
    failure = failure_in(body, WIRE)
    if failure is not None:
        return Answer(wire=WIRE, words=WORDS, failure=failure)
    rest = dict(body)
    content = rest.get("content")
    if type(content) is not list:
        raise InvalidResponse("the content is no list")
    del rest["content"]
    head = head_of(rest)
    role = taken(rest, "role", str)
    blocks = tuple(_blocks(content, ("content",), sent))
    turn = Turn(
        role=Role.ASSISTANT, blocks=blocks, called=role or "", extra=own.extra_of({}, spelled={} if role else {"none": True})
    )
    stop = stop_in(rest)
    usage = rest.get("usage")
    used = used_in(usage, ("usage",))
    if used is not None:
        del rest["usage"]
    choice = Choice(turns=(turn,), stop=stop)
    extra = own.extra_of(rest, said_in(rest))
    return Answer(wire=WIRE, words=WORDS, **head, choices=(choice,), used=used, service_tier=tier_in(usage), extra=extra)


def head_of(rest: Json) -> Json:
    """What identifies an answer, taken out of the rest."""
    return {name: taken(rest, name, str) for name in ("id", "model")}


def said_in(rest: Json) -> tuple[str, ...]:
    """The names of what says something that other wires lose."""
    return tuple(name for name in rest if name in SAID and rest[name])


def _blocks(content: list[Any], place: Place, sent: SentTools) -> Iterator[Block]:
    for number, value in enumerate(content):
        block = block_of(value, (*place, number), answer=True)
        told = as_sent(block, sent) if isinstance(block, ToolCall) else block
        if told is not None:
            yield told
