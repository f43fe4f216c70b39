"""How is a line of Ollama's stream made again, of its events and of what they have not told?"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from providers.canonical.blocks import Block, Image, Reasoning, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
    BlockStarted,
    Event,
    Finished,
    ReasoningDelta,
    TextDelta,
    UsageTold,
)
from providers.canonical.extra import Json
from providers.wire.ollama.codec.answers.usage import counts_json
from providers.wire.ollama.codec.logprobs import logprobs_json
from providers.wire.ollama.codec.messages import fields_of


def own_line(events: Sequence[Event], beside: Beside) -> Json:
    """The line that these events were."""
    kept = beside.extra.fields
    made: Json = dict(kept["rest"])
    blocks: list[Block] = []
    begun: dict[int, ToolCall] = {}
    for event in events:
        if isinstance(event, BlockStarted) and isinstance(event.value, ToolCall | Image):
            if isinstance(event.value, ToolCall):
                begun[len(blocks)] = event.value
            blocks.append(event.value)
        elif isinstance(event, ArgumentsDelta):
            place = len(blocks) - 1
            blocks[place] = msgspec.structs.replace(begun[place], arguments=event.text)
        elif isinstance(event, TextDelta):
            blocks.append(Text(event.text))
            made |= {} if event.logprobs is None else {"logprobs": logprobs_json(event.logprobs)}
        elif isinstance(event, ReasoningDelta):
            blocks.append(Reasoning(event.text))
        elif isinstance(event, UsageTold):
            made |= counts_json(event.used)
        elif isinstance(event, Finished) and kept.get("reason"):
            made["done_reason"] = event.stop.called
    return made | ({"message": fields_of(blocks, kept["message"])} if "message" in kept else {})
