"""What does an upstream answer in Gemini's format?

Format: google-genai 3.6.1, `GenerateContentResponse`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from providers.canonical.answer import Answer, Choice, StopReason
from providers.canonical.blocks import Block, Reasoning, Role, ToolCall, Turn
from providers.canonical.extra import Json, Place
from providers.canonical.functions import as_sent
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.gemini.codec.answers.sources import LOST, with_sources
from providers.wire.gemini.codec.answers.stops import UNTOLD, blocked, stop_of
from providers.wire.gemini.codec.answers.usage import used_in
from providers.wire.gemini.codec.parts import SIGNATURE, part_block
from providers.wire.gemini.codec.spelling import kept, listed, named
from providers.wire.gemini.codec.words import WIRE, WORDS
from providers.wire.gemini.errors import failure_in

MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
CUT = "incomplete"
"""The status of a turn whose calls may lack arguments."""
CUTTING = (StopReason.LENGTH, StopReason.FILTER, StopReason.MALFORMED)


def decode_answer(body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
    """The answer. Raises `InvalidResponse` for one that cannot be read."""
    try:
        return _answer(body, sent)
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _answer(body: Json, sent: SentTools) -> Answer:
    failure = failure_in(body)
    if failure is not None:
        return Answer(wire=WIRE, words=WORDS, failure=failure, extra=kept(body))
    given = body.get("candidates")
    if given is not None and type(given) is not list:
        raise InvalidResponse("the candidates are no list")
    names = CallIds(body.get("responseId"))
    choices = tuple(_choice(one, number, sent, names) for number, one in enumerate(given or ()))
    if not choices and (stop := blocked(body.get("promptFeedback"))) is not None:
        choices = (Choice(stop=stop),)
    used = used_in(body.get("usageMetadata"), ("usageMetadata",))
    return Answer(wire=WIRE, words=WORDS, **head_of(body), choices=choices, used=used, extra=kept(body))


def head_of(body: Json) -> Json:
    """Id, model and time of an answer, as far as they are told."""
    said = {"id": body.get("responseId"), "model": body.get("modelVersion")}
    made: Json = {name: value for name, value in said.items() if isinstance(value, str) and value}
    created = body.get("createTime")
    if isinstance(created, str):
        with suppress(ValueError, OverflowError):
            made["created"] = int(datetime.fromisoformat(created).timestamp())
    return made


def _choice(candidate: Any, number: int, sent: SentTools, names: CallIds) -> Choice:
    if type(candidate) is not dict:
        raise InvalidResponse("a candidate is no object")
    index = candidate.get("index", number)
    if type(index) is not int:
        raise InvalidResponse("the index of a candidate is no number")
    place: Place = ("candidates", number)
    blocks = blocks_of(candidate, place)
    called = any(isinstance(block, ToolCall) for block in blocks)
    reason = candidate.get("finishReason")
    if not isinstance(reason, str | None):
        raise InvalidResponse("the finish reason is no text")
    stop = None if (reason or "") in UNTOLD else stop_of(str(reason), candidate.get("finishMessage"), place, called=called)
    told = [made for block in blocks for made in _known(block, sent, names)]
    status = CUT if stop is not None and stop.reason in CUTTING else None
    turns = (Turn(role=Role.ASSISTANT, blocks=tuple(told), status=status, place=(*place, "content")),) if blocks else ()
    lost = tuple(name for name in LOST if candidate.get(name))
    return Choice(index=index, turns=turns, stop=stop, place=place, extra=named(lost))


def _known(block: Block, sent: SentTools, names: CallIds) -> Sequence[Block]:
    """A call as the client knows it, with an id, and before it the thoughts that it came of."""
    if not isinstance(block, ToolCall):
        return (block,)
    call = as_sent(block, sent)
    if call is None:
        return ()
    thoughts = sealed_before(call)
    return (names.of(call),) if thoughts is None else (thoughts, names.of(call))


def sealed_before(call: ToolCall) -> Reasoning | None:
    """The signature of a call, as the sealed thoughts that it is: wires whose calls have no signature carry it so."""
    if call.signature is None:
        return None
    return Reasoning(sealed=call.signature, called=SIGNATURE, place=(*call.place, SIGNATURE))


def blocks_of(candidate: Json, place: Place) -> list[Block]:
    """What a candidate says, with what that rests on."""
    content = candidate.get("content")
    if not isinstance(content, dict | None):
        raise InvalidResponse("a content is no object")
    parts = listed((content or {}).get("parts"))
    if not isinstance(parts, list | None):
        raise InvalidResponse("the parts are no list")
    told = [(at, part) for at, part in enumerate(parts or ()) if part]  # an empty one says nothing
    blocks = [part_block(part, (*place, "content", "parts", at), answer=True) for at, part in told]
    return with_sources(blocks, candidate)


class CallIds:
    """Ids of the calls of one answer: Gemini's own, or ones made of the answer's id, which is told nobody else. No two calls of
    an answer have the same."""

    def __init__(self, answer_id: Any) -> None:
        self._stem = hashlib.sha256(answer_id.encode()).hexdigest()[:24] if isinstance(answer_id, str) and answer_id else ""
        self._seen: set[str] = set()

    def of(self, call: ToolCall) -> ToolCall:
        call_id = call.call_id
        if call_id is None or call_id in self._seen:
            number = len(self._seen)
            said = f"{call.name} {call.arguments} {number}"
            call_id = f"call_{self._stem or hashlib.sha256(said.encode()).hexdigest()[:24]}_{number}"
            call = msgspec.structs.replace(call, call_id=call_id)
        self._seen.add(call_id)
        return call
