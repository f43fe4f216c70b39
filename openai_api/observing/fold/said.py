"""What was said, as it stands in attributes: neutral JSON of canonical blocks, without the bytes of media."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from openai_api.observing import redact
from openai_api.observing.fold.heard import Heard, since
from providers.bytes.halves import decoded
from providers.canonical.answer import Answer
from providers.canonical.blocks import (
    Audio,
    Block,
    Compaction,
    HostedCall,
    HostedResult,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from providers.canonical.request import Request

MOST_BYTES = 256 * 1024
"""Of one attribute's value; a longer one is left out, and its size is said in its place."""


def bounded(value: Any) -> Any:
    """The value, or how long it would be."""
    size = size_of(value)
    return value if size <= MOST_BYTES else {"left_out": True, "bytes": size}


def without_credentials(value: Any) -> Any:
    """The value, in whose texts what looks like a credential is replaced."""
    encoded = msgspec.json.encode(value)
    redacted = redact.strings(encoded)
    return value if redacted is encoded else msgspec.json.decode(redacted)


def size_of(value: Any) -> int:
    """Bytes of a text, or of the JSON of anything else."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return len(msgspec.json.encode(value))


def parsed(arguments: str) -> Any:
    """The arguments of a call as JSON, if they are any, else as they are."""
    try:
        return decoded(arguments.encode("utf-8", "replace")) if arguments else {}
    except ValueError:
        return arguments


def blocks_of(answer: Answer) -> Iterator[Block]:
    """All blocks of all choices."""
    for choice in answer.choices:
        for turn in choice.turns:
            yield from turn.blocks


def content_of(answer: Answer) -> list[dict[str, Any]]:
    """What the model said."""
    return [plain(block) for block in blocks_of(answer)]


def refusal_of(answer: Answer) -> str:
    return "".join(block.text for block in blocks_of(answer) if isinstance(block, Refusal))


def prompt_of(request: Request) -> str:
    """What the system says outside the conversation, or at its beginning."""
    turns: Iterable[Turn] = request.system or [turn for turn in request.turns[:1] if turn.role in ("system", "developer")]
    return "\n".join(text_of(turn.blocks) for turn in turns)


def text_of(blocks: Iterable[Block]) -> str:
    return "".join(block.text for block in blocks if isinstance(block, Text))


def result_of(result: ToolResult) -> Any:
    """What a tool gave back: a text, or blocks if it gave others than texts."""
    if all(isinstance(block, Text) for block in result.content):
        return text_of(result.content)
    return [plain(block) for block in result.content]


def new_data(found: Heard, seen: int, external: bool) -> dict[str, Any]:
    """The request without the messages that were part of an earlier one, and how many that were."""
    body, messages = found.body or {}, found.messages()
    total = len(messages) if messages is not None else 1
    first = min(seen, total)
    kept = since(body, first)
    counts = {"total_messages": total, "new_messages": total - first, "from_index": first, "external_session": external}
    return kept | {"_cylestio_metadata": counts}


def plain(block: Block) -> dict[str, Any]:
    """One block."""
    match block:
        case Text():
            return {"type": "text", "text": block.text}
        case Refusal():
            return {"type": "refusal", "text": block.text}
        case Reasoning():
            return {"type": "reasoning", "text": block.text}
        case ToolCall() | HostedCall():
            kind = "tool_call" if isinstance(block, ToolCall) else "hosted_call"
            return {"type": kind, "id": block.call_id, "name": block.name, "arguments": parsed(block.arguments)}
        case ToolResult():
            return {"type": "tool_result", "id": block.call_id, "result": result_of(block)}
        case HostedResult():
            return {"type": "hosted_result", "id": block.call_id, "name": block.name, "output": block.output}
        case Audio():
            return {"type": "audio", "transcript": block.transcript}
        case Compaction():
            return {"type": "compaction", "text": block.text}
        case _:
            return {"type": block.called if isinstance(block, Opaque) else type(block).__name__.lower()}
