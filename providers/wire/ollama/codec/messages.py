"""How is a message read, and written again as it was? The same in a request and in an answer.

Format: Ollama of August 2026, `api/types.go`, `Message`. Pictures stand before the text, as Ollama puts them into the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from providers.canonical.blocks import Block, Image, Opaque, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from providers.canonical.extra import Json, Place
from providers.canonical.leftovers import taken
from providers.wire.ollama.codec import calls, images
from providers.wire.ollama.codec.leftovers import rest_of, spelled

CONTENT, THINKING = "content", "thinking"
MESSAGE = "message"
"""What a message is called that cannot be read."""
ROLES = (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL)
SILENT = frozenset({CONTENT})
Odd = Callable[[Place, str], None]
"""Takes note of a value that has not the type which the format gives it."""


def blocks_of(rest: Json, place: Place, odd: Odd, *, empty: bool = False) -> list[Block]:
    """The blocks of a message, taken out of the rest of it. With `empty`, a text without a character is one, too."""
    blocks: list[Block] = []
    if rest.get(THINKING) and (thought := taken(rest, THINKING, str)):
        blocks.append(Reasoning(thought, called=THINKING, place=(*place, THINKING)))
    pictures = taken(rest, "images", list) if rest.get("images") else None
    blocks += [images.image_block(one, (*place, "images", number)) for number, one in enumerate(pictures or ())]
    content = rest.get(CONTENT)
    if type(content) is str and (content or empty):
        del rest[CONTENT]
        blocks.append(Text(content, called=CONTENT, place=(*place, CONTENT)))
    called = taken(rest, "tool_calls", list) if rest.get("tool_calls") else None
    blocks += [calls.call_block(one, (*place, "tool_calls", number)) for number, one in enumerate(called or ())]
    for name, kind in ((THINKING, "a text"), ("images", "a list"), (CONTENT, "a text"), ("tool_calls", "a list")):
        if rest.get(name):
            odd((*place, name), f"The field {name!r} must be {kind}.")
    return blocks


def message_of(turn: Turn) -> Any:
    """The message, as it came."""
    blocks: Sequence[Block] = turn.blocks
    if len(blocks) == 1 and isinstance(blocks[0], Opaque) and blocks[0].called == MESSAGE:
        return blocks[0].value["value"] if spelled(blocks[0].extra, "bare") else blocks[0].value
    made: Json = {} if spelled(turn.extra, "no role") else {"role": turn.called or turn.role.value}
    result = next((block for block in blocks if isinstance(block, ToolResult)), None)
    if result is not None:
        said = {"tool_name": result.name, "tool_call_id": result.call_id}
        made |= {name: value for name, value in said.items() if value is not None}
        blocks = result.content
    return made | fields_of(blocks, rest_of(turn.extra))


def fields_of(blocks: Sequence[Block], rest: Json) -> Json:
    """The fields of a message that blocks make, and the rest of it."""
    made = dict(rest)
    for name, kind in ((THINKING, Reasoning), (CONTENT, Text)):
        told = [block.text for block in blocks if isinstance(block, kind)]
        if told:
            made[name] = "".join(told)
    pictures = [images.image_of(block) for block in blocks if isinstance(block, Image | Opaque) and block.called == images.CALLED]
    called = [calls.call_of(block) for block in blocks if isinstance(block, ToolCall | Opaque) and block.called == calls.CALLED]
    return made | ({"images": pictures} if pictures else {}) | ({"tool_calls": called} if called else {})
