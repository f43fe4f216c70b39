"""How is an answer told in Converse, whole?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseResponse`. An answer that came so is as it came.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from providers.canonical.answer import Answer
from providers.canonical.blocks import HostedResult, Opaque, ToolCall, Turn
from providers.canonical.codec import Asked, Encoded
from providers.canonical.extra import Json
from providers.canonical.functions import sent_arguments, sent_name
from providers.canonical.losses import Losses
from providers.wire.bedrock_converse.codec.answers.stops import word_of
from providers.wire.bedrock_converse.codec.answers.usage import usage_json
from providers.wire.bedrock_converse.codec.block_json import block_json
from providers.wire.bedrock_converse.codec.requests.own import message_of
from providers.wire.bedrock_converse.codec.requests.sent_tools import id_of, name_of
from providers.wire.bedrock_converse.codec.words import ANSWERS, WIRE, own

OF_OTHERS = (Opaque, HostedResult)
"""What the losses have named."""
NOTHING_USED: Json = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}


def encode_answer(answer: Answer, asked: Asked) -> Encoded:
    """The answer of Converse."""
    losses = Losses(WIRE, answer.words, ANSWERS)
    losses.look(answer)
    if answer.wire is WIRE:
        return Encoded(_own(answer), losses.names)
    return Encoded(_made(answer, asked, losses), losses.names)


def _own(answer: Answer) -> Json:
    made: Json = dict(own.rest_of(answer.extra))
    for choice in answer.choices:
        made["output"] = {"message": message_of(choice.turns[0]), **(own.spelled(answer.extra, "output") or {})}
        if choice.stop is not None:
            made["stopReason"] = word_of(choice.stop, own=True)
    if answer.used is not None:
        made["usage"] = usage_json(answer.used)
    return made if answer.service_tier is None else made | {"serviceTier": {"type": answer.service_tier}}


def _made(answer: Answer, asked: Asked, losses: Losses) -> Json:
    choice = answer.choices[0] if answer.choices else None
    content = [made for turn in choice.turns for made in _content(turn, asked, losses)] if choice else []
    stop = choice.stop if choice else None
    made: Json = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn" if stop is None else word_of(stop, own=False),
        "usage": NOTHING_USED if answer.used is None else usage_json(answer.used),
        "metrics": {"latencyMs": latency_ms(asked)},
    }
    return made if answer.service_tier is None else made | {"serviceTier": {"type": answer.service_tier}}


def latency_ms(asked: Asked) -> int:
    """How long an answer has taken, as far as the gateway knows."""
    return max(int((asked.clock() - asked.created) * 1000), 0)


def _content(turn: Turn, asked: Asked, losses: Losses) -> Iterator[Json]:
    for block in turn.blocks:
        made = call_json(block, asked) if isinstance(block, ToolCall) else block_json(block)
        if made is not None:
            yield made
        elif not isinstance(block, OF_OTHERS):
            losses.whole(block)


def call_json(block: ToolCall, asked: Asked) -> Json:
    """A call of another wire."""
    return {"toolUse": {**call_head(block, asked), "input": input_of(block)}}


def call_head(block: ToolCall, asked: Asked) -> Json:
    """What identifies a call."""
    call_id = id_of(block.call_id) if block.call_id else asked.mint("tooluse")
    return {"toolUseId": call_id, "name": name_of(sent_name(block))}


def input_of(block: ToolCall) -> Json:
    """The arguments as an object: what is none stands within one."""
    text = sent_arguments(block)
    try:
        value = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        value = text
    return value if isinstance(value, dict) else {"arguments": value}
