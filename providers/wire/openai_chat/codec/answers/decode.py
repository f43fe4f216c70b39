"""What does an upstream answer in chat?

Format: OpenAI's OpenAPI document of November 2026, `/chat/completions`; the fields of vendors beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import msgspec

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Block, Refusal, Role, Text, ToolCall, Turn
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.functions import as_sent
from providers.canonical.leftovers import taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.openai.told_failure import failure_in
from providers.wire.openai_chat.codec.answers.annotations import citation_of, logprobs_of
from providers.wire.openai_chat.codec.answers.stops import stop_of
from providers.wire.openai_chat.codec.answers.usage import used_in
from providers.wire.openai_chat.codec.content import WHOLE_TEXT
from providers.wire.openai_chat.codec.leftovers import extra_of
from providers.wire.openai_chat.codec.messages import SILENT_IN_ANSWERS, assistant_blocks
from providers.wire.openai_chat.codec.words import WIRE, WORDS

COMPLETION = "chat.completion"
SOURCES = ("citations", "search_results")
"""Where vendors list what an answer rests on, beside its text: Perplexity, xAI."""
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""


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
    said = {name: taken(rest, name, str) for name in ("id", "model", "service_tier")}
    created = taken(rest, "created", int)
    given = rest.get("choices")
    if given is not None and type(given) is not list:
        raise InvalidResponse("the choices are no list")
    spelling: Json = {} if given is not None else {"no choices": True}
    if given is not None:
        del rest["choices"]
    choices = tuple(_choice(choice, ("choices", number), sent) for number, choice in enumerate(given or ()))
    used = used_in(rest["usage"], ("usage",)) if isinstance(rest.get("usage"), dict) else None
    if used is not None:
        del rest["usage"]
    elif (used := groqs_own(rest)) is None and "usage" not in rest:
        used = used_in(rest.get("meta"), ("meta",), beside=True) if isinstance(rest.get("meta"), dict) else None
    lost = tuple(name for name in SOURCES if rest.get(name))
    if "object" not in rest:
        spelling["no object"] = True
    elif rest["object"] == COMPLETION:
        del rest["object"]
    extra = extra_of(rest, lost, spelled=spelling)
    return Answer(wire=WIRE, words=WORDS, **said, created=created, choices=choices, used=used, extra=extra)


def groqs_own(rest: Json) -> Any:
    """The usage in Groq's place for it."""
    groq = rest.get("x_groq")
    given = groq.get("usage") if isinstance(groq, dict) else None
    return used_in(given, ("x_groq", "usage"), beside=True) if isinstance(given, dict) else None


def _choice(choice: Any, place: Place, sent: SentTools) -> Choice:
    if type(choice) is not dict:
        raise InvalidResponse("a choice is no object")
    rest = dict(choice)
    index = taken(rest, "index", int)
    message, logprobs = rest.get("message"), rest.get("logprobs")
    if message is not None and type(message) is not dict:
        raise InvalidResponse("a message is no object")
    reason = rest.get("finish_reason")
    if reason is not None and type(reason) is not str:
        raise InvalidResponse("the finish reason is no text")
    turns: tuple[Turn, ...] = ()
    if message is not None:
        del rest["message"]
        turns = (_turn(message, rest, logprobs, (*place, "message"), sent),)
    stop = None
    if reason:
        del rest["finish_reason"]
        stop = stop_of(reason, place)
    extra = extra_of(rest, spelled={"no index": True} if index is None else {})
    return Choice(index=index or 0, turns=turns, stop=stop, place=place, extra=extra)


def _odd(place: Place, text: str) -> NoReturn:
    raise InvalidResponse(text)


def _turn(message: Json, choice: Json, logprobs: Any, place: Place, sent: SentTools) -> Turn:
    rest = dict(message)
    role = taken(rest, "role", str)
    annotations = taken(rest, "annotations", list) if rest.get("annotations") else None
    blocks = assistant_blocks(rest, place, _odd, answer=True)
    if annotations and _is_citable(message, blocks):
        blocks = _cited(blocks, annotations, place)
    elif annotations:
        rest["annotations"] = annotations
    if isinstance(logprobs, dict):
        blocks = _weighed(blocks, choice, logprobs)
    blocks = [made for block in _apart(blocks) if (made := as_sent(block, sent) if isinstance(block, ToolCall) else block)]
    lost = tuple(name for name, said in rest.items() if said and name not in SILENT_IN_ANSWERS)
    extra: Extra | None = extra_of(rest, lost, spelled={} if role else {"no role": True})
    return Turn(role=Role.ASSISTANT, blocks=tuple(blocks), called=role or "", place=place, extra=extra)


def _apart(blocks: list[Block]) -> Iterator[Block]:
    """The blocks, of which no two calls have one id: some upstreams give all the same."""
    seen: set[str] = set()
    for block in blocks:
        if isinstance(block, ToolCall) and block.call_id in seen:
            extra = block.extra.fields if block.extra else {"rest": {}}
            rest = {**extra["rest"], "id": block.call_id}
            block = msgspec.structs.replace(block, call_id=None, extra=Extra(WIRE, {**extra, "rest": rest}))
        elif isinstance(block, ToolCall) and block.call_id is not None:
            seen.add(block.call_id)
        yield block


def _is_citable(message: Json, blocks: list[Block]) -> bool:
    """Whether there is a text to cite in, or nothing in its place."""
    return not isinstance(message.get("content"), list) or any(isinstance(block, Text) for block in blocks)


UNTOLD = Text("", called=WHOLE_TEXT, extra=Extra(WIRE, {"untold": True}))
"""A text that is only there for its citations."""


def _cited(blocks: list[Block], annotations: list[Any], place: Place) -> list[Block]:
    """The blocks, of which the last text has the citations; one that has none begins with an empty text."""
    number = max((at for at, block in enumerate(blocks) if isinstance(block, Text)), default=None)
    if number is None:
        number = sum(not isinstance(block, Refusal | ToolCall) for block in blocks)
        blocks = [*blocks[:number], UNTOLD, *blocks[number:]]
    start = sum(len(block.text) for block in blocks[:number] if isinstance(block, Text))
    text = blocks[number]
    made = tuple(citation_of(one, start, (*place, "annotations", at)) for at, one in enumerate(annotations))
    blocks[number] = msgspec.structs.replace(text, citations=made)
    return blocks


def _weighed(blocks: list[Block], choice: Json, logprobs: Json) -> list[Block]:
    """The blocks with their log probabilities, which stand beside the message."""
    rest = dict(logprobs)
    for name, kind in (("content", Text), ("refusal", Refusal)):
        number = next((at for at, block in enumerate(blocks) if isinstance(block, kind)), None)
        if number is not None and rest.get(name):
            blocks[number] = msgspec.structs.replace(blocks[number], logprobs=logprobs_of(rest.pop(name)))
    choice["logprobs"] = rest
    return blocks
