"""How is an answer told in Ollama's chat, whole?

Format: Ollama of August 2026, `api/types.go`, `ChatResponse`. An answer that came as Ollama's is as it came; of another wire's,
all turns are one message. The durations are those of the gateway, for no other wire tells any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Answer, Choice, Used
from providers.canonical.blocks import Block, Image, Reasoning, Refusal, Text, TokenLogprob, ToolCall
from providers.canonical.codec import Asked, Encoded
from providers.canonical.extra import Json
from providers.canonical.functions import full_name
from providers.canonical.losses import Losses
from providers.wire.ollama.codec.answers.stops import EXACT, reason_of
from providers.wire.ollama.codec.answers.usage import counts_json
from providers.wire.ollama.codec.calls import object_of
from providers.wire.ollama.codec.images import base64_of
from providers.wire.ollama.codec.leftovers import rest_of, spelled
from providers.wire.ollama.codec.logprobs import logprobs_json
from providers.wire.ollama.codec.messages import message_of
from providers.wire.ollama.codec.words import ANSWERS, WIRE
from providers.wire.ollama.times import nanoseconds, stamp

PAUSE = "\n\n"
"""Between two pieces of thought."""


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The answer."""
    losses = Losses(WIRE, answer.words, ANSWERS)
    losses.look(answer)
    if answer.wire is WIRE:
        return Encoded(own_answer(answer), losses.names)
    return Encoded(_answer(answer, asked, losses), losses.names)


def own_answer(answer: Answer) -> Json:
    """The answer, as it came."""
    if answer.failure is not None and (said := spelled(answer.failure.extra, "object")):
        return dict(said)
    made: Json = dict(rest_of(answer.extra))
    if answer.model is not None:
        made["model"] = answer.model
    for choice in answer.choices:
        for turn in choice.turns:
            made["message"] = message_of(turn)
            tokens = next((block.logprobs for block in turn.blocks if isinstance(block, Text) and block.logprobs), None)
            made |= {} if tokens is None else {"logprobs": logprobs_json(tokens)}
        if choice.stop is not None:
            made["done"] = True
            made |= {} if spelled(answer.extra, "no reason") else {"done_reason": choice.stop.called}
    return made | ({} if answer.used is None else counts_json(answer.used))


def _answer(answer: Answer, asked: Asked, losses: Losses) -> Json:
    if len(answer.choices) > 1:
        losses.field(answer, "choices")
    choice = answer.choices[0] if answer.choices else Choice()
    if choice.stop is not None and choice.stop.reason not in EXACT:
        losses.field(choice.stop, "reason")
    told = Sum(losses)
    told.blocks(block for turn in choice.turns for block in turn.blocks)
    now = asked.clock()
    made: Json = {"model": asked.model, "created_at": stamp(now), "message": told.message()}
    if told.tokens:
        made["logprobs"] = logprobs_json(told.tokens)
    return made | ending(reason_of(choice.stop), answer.used, now - asked.created)


def ending(reason: str, used: Used | None, total: float, prompt: float = 0.0) -> Json:
    """The end of an answer that took `total` seconds, of which `prompt` went by before the first token."""
    counts = {"prompt_eval_count": 0, "eval_count": 0} if used is None else counts_json(used)
    total = max(total, 0.0)
    return {
        "done": True,
        "done_reason": reason,
        "total_duration": nanoseconds(total),
        "load_duration": 0,
        "prompt_eval_count": counts["prompt_eval_count"],
        "prompt_eval_duration": nanoseconds(min(prompt, total)),
        "eval_count": counts["eval_count"],
        "eval_duration": nanoseconds(total - min(prompt, total)),
    }


class Sum:
    """One message on its way; `tokens` are the log probabilities of its text."""

    def __init__(self, losses: Losses) -> None:
        self.tokens: list[TokenLogprob] = []
        self._losses = losses
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._images: list[str] = []
        self._calls: list[Json] = []

    def blocks(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            take = TAKERS.get(type(block))
            if take is not None:
                take(self, block)

    def message(self) -> Json:
        more = {"thinking": PAUSE.join(self._thoughts), "images": self._images, "tool_calls": self._calls}
        said = {name: value for name, value in more.items() if value}
        return {"role": "assistant", "content": "".join(self._texts), **said}

    def text(self, block: Text | Refusal) -> None:
        self._texts.append(block.text)
        self.tokens += block.logprobs or ()

    def thought(self, block: Reasoning) -> None:
        if block.text:
            self._thoughts.append(block.text)

    def image(self, block: Image) -> None:
        data = base64_of(block.source)
        if data is None:
            self._losses.whole(block)
        else:
            self._images.append(data)

    def call(self, block: ToolCall) -> None:
        self._calls.append(call_json(block, len(self._calls), self._losses))


def call_json(block: ToolCall, number: int, losses: Losses) -> Json:
    """A call; clients of Ollama read arguments as an object, whatever the model has written."""
    arguments, good = object_of(block.arguments)
    if not good:
        losses.field(block, "arguments")
    call_id = block.call_id or block.id or f"call_{number}"
    return {"id": call_id, "function": {"index": number, "name": full_name(block.namespace, block.name), "arguments": arguments}}


TAKERS: Mapping[type[Block], Callable[[Sum, Any], None]] = MappingProxyType(
    {Text: Sum.text, Refusal: Sum.text, Reasoning: Sum.thought, Image: Sum.image, ToolCall: Sum.call}
)
