"""Which content blocks say what the blocks of another wire's answer say?

Thoughts that nobody has signed, and those that another vendor has, get a signature that names their wire: a client sends thoughts
back as they came, and the gateway must know them again, for Anthropic refuses a signature that is not its own. Calls have none
here: a wire whose calls have one tells it before the call, as sealed thoughts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import Audio, Block, Reasoning, Refusal, Text, ToolCall, Turn
from providers.canonical.extra import Json
from providers.canonical.functions import full_name
from providers.canonical.losses import Losses
from providers.canonical.signature import Signature, carried
from providers.types import Wire
from providers.wire.anthropic_messages.codec.block_json import sealed_json
from providers.wire.anthropic_messages.codec.citations import foreign_json
from providers.wire.anthropic_messages.codec.words import WIRE

CALL_PREFIX = "toolu"


class Content:
    """The content of one message of the wire `maker`: `blocks` so far, and whether it has `called` or `refused`."""

    def __init__(self, maker: Wire, mint: Callable[[str], str], losses: Losses) -> None:
        self.blocks: list[Json] = []
        self.called = self.refused = False
        self._maker = maker
        self._mint = mint
        self._losses = losses
        self._summary: bool | None = None

    def turn(self, turn: Turn) -> None:
        self._summary = None
        for block in turn.blocks:
            take = TAKERS.get(type(block))
            if take is not None:
                take(self, block)

    def text(self, block: Text) -> None:
        if not block.text:
            return
        cited = [one for citation in block.citations if (one := foreign_json(citation, self._maker)) is not None]
        if len(cited) < len(block.citations):
            self._losses.field(block, "citations")
        self.blocks.append({"type": "text", "text": block.text, "citations": cited or None})

    def refusal(self, block: Refusal) -> None:
        self.refused = True
        if block.text:
            self.blocks.append({"type": "text", "text": block.text, "citations": None})

    def thought(self, block: Reasoning) -> None:
        """The thoughts of a turn, or their summary, not both; and what is sealed."""
        twice = self._summary not in (None, block.summary)
        if (block.text and not twice) or block.signature is not None:
            self._summary = block.summary
            self.blocks.append(thinking_json("" if twice else block.text, block.signature, self._maker))
        if block.sealed is not None:
            self.blocks.append({"type": "redacted_thinking", "data": sealed_json(block.sealed)})

    def audio(self, block: Audio) -> None:
        """What is said in a sound."""
        if block.source is not None:
            self._losses.field(block, "source")
        if block.transcript:
            self.blocks.append({"type": "text", "text": block.transcript, "citations": None})

    def call(self, block: ToolCall) -> None:
        self.called = True
        given = object_of(block.arguments)
        if given is None:
            self._losses.field(block, "arguments")
        self.blocks.append(call_json(block, self._mint) | {"input": {"input": block.arguments} if given is None else given})


def thinking_json(text: str, signature: Signature | None, maker: Wire) -> Json:
    """A block of thoughts."""
    return {"type": "thinking", "thinking": text, "signature": carried(signature or Signature("", maker), WIRE)}


def call_json(block: ToolCall, mint: Callable[[str], str]) -> Json:
    """A call without its input."""
    known = block.call_id or block.id or mint(CALL_PREFIX)
    return {"type": "tool_use", "id": known, "name": full_name(block.namespace, block.name), "caller": {"type": "direct"}}


def object_of(arguments: str) -> Json | None:
    """The arguments as an object, {} if there are none; None for what is no object."""
    if not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return value if isinstance(value, dict) else None


TAKERS: Mapping[type[Block], Callable[[Content, Any], None]] = MappingProxyType(
    {Text: Content.text, Refusal: Content.refusal, Reasoning: Content.thought, Audio: Content.audio, ToolCall: Content.call}
)
