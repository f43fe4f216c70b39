"""How is an answer told as a response, whole?

Format: OpenAI's OpenAPI document of November 2026, `/responses`; OpenResponses specification of 2026-04-24: every field of a
response is there. An answer that came as a response is as it came; one of another wire goes the way of a stream, at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Block, ToolCall
from providers.canonical.codec import Asked, Encoded
from providers.canonical.events import BlockStarted, Ended, Event, Finished, UsageTold
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.errors import InvalidResponse
from providers.wire.openai_responses.codec.answers.decode import HEAD
from providers.wire.openai_responses.codec.answers.usage import usage_json
from providers.wire.openai_responses.codec.item_json import item_of
from providers.wire.openai_responses.codec.streams.encode import StreamEncoder
from providers.wire.openai_responses.codec.words import ANSWERS, WIRE, own

NO_CHOICE = Choice()


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The response. Raises `InvalidResponse` for a call without a name, or an answer that holds nothing to tell."""
    if answer.wire is WIRE:
        return Encoded(own_answer(answer))
    losses = Losses(WIRE, answer.words, ANSWERS)
    losses.look(answer)
    writer = StreamEncoder(asked, quiet=True)
    writer.feed(tuple(_events(answer)))
    return Encoded(writer.response, tuple(dict.fromkeys((*losses.names, *writer.lossy))))


def _events(answer: Answer) -> Iterator[Event]:
    choice = answer.choices[0] if answer.choices else NO_CHOICE
    blocks = [block for turn in choice.turns for block in turn.blocks]
    for number, block in enumerate(blocks):
        _check(block)
        yield BlockStarted(number, block)
    if answer.used is not None:
        yield UsageTold(answer.used)
    if choice.stop is not None:
        yield Finished(choice.stop)
    yield Ended(answer)


def _check(block: Block) -> None:
    if isinstance(block, ToolCall) and not block.name:
        raise InvalidResponse("a tool call has no name")


def own_answer(answer: Answer) -> Json:
    """The response, as it came."""
    made: Json = {name: value for name, (mine, _) in HEAD.items() if (value := getattr(answer, mine)) is not None}
    turns = [turn for choice in answer.choices for turn in choice.turns]
    if turns or own.spelled(answer.extra, "output"):
        made["output"] = [item_of(turn) for turn in turns]
    if answer.used is not None:
        made["usage"] = usage_json(answer.used)
    return made | own.rest_of(answer.extra)
