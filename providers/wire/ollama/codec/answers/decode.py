"""What does an upstream answer in Ollama's chat?

Format: Ollama of August 2026, `api/types.go`, `ChatResponse`. The durations are Ollama's own, and left as they came.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Block, Opaque, Role, Text, ToolCall, Turn
from providers.canonical.extra import Json, Place
from providers.canonical.functions import as_sent
from providers.canonical.leftovers import taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.ollama.codec.answers.stops import stop_of
from providers.wire.ollama.codec.answers.usage import used_in
from providers.wire.ollama.codec.leftovers import extra_of, left
from providers.wire.ollama.codec.logprobs import logprobs_of
from providers.wire.ollama.codec.messages import SILENT, blocks_of
from providers.wire.ollama.codec.words import WIRE, WORDS
from providers.wire.ollama.errors import failure_in
from providers.wire.ollama.times import seconds_of

PLACE: Place = ("message",)
OWN = frozenset(
    {"created_at", "done", "done_reason", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration",
     "prompt_eval_count", "eval_count", "remote_model", "remote_host", "model", "message"}
)  # fmt: skip
"""Fields of an answer that say nothing to whoever asked in another wire."""
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""


def decode_answer(body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
    """The answer. Raises `InvalidResponse` for one that cannot be read."""
    try:
        return _answer(body, sent)
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _answer(body: Json, sent: SentTools) -> Answer:
    failure = failure_in(body)
    if failure is not None:
        return Answer(wire=WIRE, words=WORDS, failure=failure)
    rest = dict(body)
    message = taken(rest, "message", dict)
    if message is None:
        raise InvalidResponse("the answer has no message")
    turn = turn_of(message, sent)
    if rest.get("logprobs"):
        turn = msgspec.structs.replace(turn, blocks=_weighed(turn.blocks, rest))
    called = any(isinstance(block, ToolCall) for block in turn.blocks)
    done = taken(rest, "done", bool) if rest.get("done") is True else None
    reason = taken(rest, "done_reason", str) if done else None
    stop = stop_of(reason or "", called=called) if done else None
    spelling: Json = {"no reason": True} if done and reason is None else {}
    model, used = taken(rest, "model", str), used_in(rest)
    extra = extra_of(rest, left(rest, silent=OWN), spelled=spelling)
    created = seconds_of(rest.get("created_at"))
    choice = Choice(turns=(turn,), stop=stop)
    return Answer(wire=WIRE, words=WORDS, model=model, created=created, choices=(choice,), used=used, extra=extra)


def turn_of(message: Json, sent: SentTools) -> Turn:
    """The message of an answer, with calls as their client knows them."""
    rest = dict(message)
    role = taken(rest, "role", str) if rest.get("role") else None
    blocks = [made for block in blocks_of(rest, PLACE, _odd) if (made := _known(block, sent)) is not None]
    extra = extra_of(rest, left(rest, silent=SILENT), spelled={} if role else {"no role": True})
    return Turn(role=Role.ASSISTANT, blocks=tuple(blocks), called=role or "", place=PLACE, extra=extra)


def _known(block: Block, sent: SentTools) -> Block | None:
    if isinstance(block, Opaque):
        raise InvalidResponse(f"a {block.called} cannot be read")
    return as_sent(block, sent) if isinstance(block, ToolCall) else block


def _weighed(blocks: tuple[Block, ...], rest: Json) -> tuple[Block, ...]:
    """The blocks with their log probabilities, which stand beside the message: those of the text, if there is one."""
    number = next((at for at, block in enumerate(blocks) if isinstance(block, Text)), None)
    if number is None:
        return blocks
    tokens = logprobs_of(rest.pop("logprobs"))
    return (*blocks[:number], msgspec.structs.replace(blocks[number], logprobs=tokens), *blocks[number + 1 :])


def _odd(place: Place, text: str) -> NoReturn:
    raise InvalidResponse(text)
