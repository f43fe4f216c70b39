"""How is the result of a tool written as the message that it was?"""

from __future__ import annotations

from typing import Any

from providers.canonical.blocks import ToolResult, Turn
from providers.canonical.extra import Json
from providers.wire.openai_chat.codec.content import content_of
from providers.wire.openai_chat.codec.leftovers import rest_of
from providers.wire.openai_chat.codec.messages import message_of


def result_message(turn: Turn) -> Any:
    """The message of a result."""
    result = next((block for block in turn.blocks if isinstance(block, ToolResult)), None)
    if result is None:
        return message_of(turn)
    made: Json = {"role": turn.called or turn.role.value, **rest_of(turn.extra)}
    if turn.name is not None:
        made["name"] = turn.name
    if result.call_id is not None:
        made["tool_call_id"] = result.call_id
    content = content_of(result.content)
    return made if content is None else made | {"content": content}
