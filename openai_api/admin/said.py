"""What was said in a request or an answer, in whatever format? Messages of blocks; what is not known is shown as JSON.

It reads what clients and models wrote, which may be anything: it never fails, and what is too long is cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = 20_000
"""Characters of a text that a page has; the page of the event has all of them."""
FOLDED = 1_500
"""Characters above which a text is folded, and how many lines are."""
FOLDED_LINES = 24
PREVIEW = 600
"""Characters of a folded text that are shown."""
DEEPEST = 6
LISTS = ("messages", "input", "contents")
"""Where the formats have their conversations."""
INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
ROLES = {"model": "assistant"}
RESULT_ROLES = frozenset({"tool", "function"})
"""Messages that are results of tools, which have events of their own."""
SIDES = {"assistant": "assistant", "system": "system", "developer": "system"}
CALLS = frozenset({"tool_use", "function_call", "tool_call", "functionCall", "server_tool_use", "custom_tool_call"})
RESULTS = frozenset({"tool_result", "function_call_output", "tool_call_response", "functionResponse", "custom_tool_call_output"})
THOUGHTS = frozenset({"thinking", "reasoning", "redacted_thinking"})
MEDIA = {
    "image": "Image", "image_url": "Image", "input_image": "Image", "inlineData": "File", "inline_data": "File",
    "fileData": "File", "file": "File", "input_file": "File", "document": "Document", "audio": "Audio", "input_audio": "Audio",
    "blob": "File", "uri": "File",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A text to show: its beginning, and how many characters it has in all."""

    shown: str
    length: int

    @property
    def cut(self) -> bool:
        return self.length > len(self.shown)

    @property
    def folded(self) -> bool:
        return self.length > FOLDED or self.shown.count("\n") >= FOLDED_LINES

    @property
    def preview(self) -> str:
        return self.shown[:PREVIEW]

    @property
    def measure(self) -> str:
        return f"{self.length:,} characters"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a message. `kind` is text, thought, call, result, media or other; `label` says what its text does not."""

    kind: str
    text: Text
    label: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    blocks: tuple[Block, ...]

    @property
    def side(self) -> str:
        """How it is shown."""
        return SIDES.get(self.role, "user")


def text_of(value: object, most: int = SHOWN) -> Text:
    """Any value as a text, of which `most` characters are shown: JSON, unless it is a text already."""
    if isinstance(value, str):
        found = as_indented(value)
    else:
        found = as_json(value)
    return Text(found[:most], len(found))


def as_json(value: object) -> str:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except RecursionError:
        return "nested too deeply to be shown"


def as_indented(text: str) -> str:
    """A text that is a JSON object or array, as arguments of tools are, indented; any other as it is."""
    if text[:1] not in ("{", "[") or len(text) > SHOWN:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def messages_of(said: object, role: str = "user") -> list[Message]:
    """The messages of a request's body, of a list of messages or of a text; `role` is that of what has none."""
    try:
        return [message for message in _messages(said, role) if message.blocks]
    except RecursionError:
        return []


def _messages(said: object, role: str) -> Iterator[Message]:
    if isinstance(said, Mapping) and not is_message(said):
        yield from _of_body(said, role)
    elif isinstance(said, list) and said and all(isinstance(one, Mapping) and is_message(one) for one in said):
        for one in said:
            yield _message(one, role)
    elif isinstance(said, Mapping):
        yield _message(said, role)
    elif said not in (None, "", []):
        yield Message(role, tuple(_blocks(said)))


def is_message(value: Mapping[str, Any]) -> bool:
    """Whether it is a message, or an item beside messages, rather than a body or a part of a message."""
    return "role" in value or str(value.get("type")) in CALLS | RESULTS | {"message"}


def _of_body(body: Mapping[str, Any], role: str) -> Iterator[Message]:
    for name in INSTRUCTIONS:
        if body.get(name) and not continues(body):
            yield Message("system", tuple(_blocks(body[name])))
    for name in LISTS:
        value = body.get(name)
        if isinstance(value, list):
            yield from _listed(value, role)
        elif value:
            yield from _messages(value, role)
    if not any(name in body for name in LISTS):
        yield Message(role, tuple(_blocks(body.get("prompt", body))))


def _listed(values: list[Any], role: str) -> Iterator[Message]:
    for value in values:
        yield _message(value, role) if isinstance(value, Mapping) else Message(role, tuple(_blocks(value)))


def _message(value: Mapping[str, Any], role: str) -> Message:
    said = str(value.get("role") or role)[:40]
    if said in RESULT_ROLES:
        return Message("tool", (Block("result", Text("", 0), name_of(value)),))
    content = next((value[name] for name in ("content", "parts") if value.get(name)), None)
    blocks = [] if content is None else list(_blocks(content))
    for name in ("reasoning_content", "thinking", "refusal"):
        if isinstance(value.get(name), str) and value[name] and content is not value[name]:
            blocks.insert(0, Block("thought" if name != "refusal" else "text", text_of(value[name])))
    for call in listed(value.get("tool_calls")):
        blocks.extend(_blocks({**call, "type": "tool_call"}) if isinstance(call, Mapping) else ())
    if not blocks and "role" not in value:
        blocks = list(_blocks(value))
    return Message(ROLES.get(said, said), tuple(blocks))


def _blocks(content: object, depth: int = 0) -> Iterator[Block]:
    if isinstance(content, list) and depth < DEEPEST:
        for part in content:
            yield from _blocks(part, depth + 1)
    elif isinstance(content, Mapping):
        yield _block(content)
    elif content not in (None, ""):
        yield Block("text", text_of(content))


def _block(part: Mapping[str, Any]) -> Block:
    if part.get("left_out") is True:
        return Block("media", Text("", 0), f"Left out: {part.get('bytes')} bytes")
    kind = str(part.get("type") or next((name for name in part if name in CALLS | RESULTS or name in MEDIA), "text"))
    if kind in CALLS:
        return Block("call", Text("", 0), name_of(part))
    if kind in RESULTS:
        return Block("result", Text("", 0), name_of(part))
    if kind in MEDIA:
        return Block("media", Text("", 0), MEDIA[kind])
    said = next((part[name] for name in ("text", "thinking", "refusal", "content", "summary") if part.get(name)), None)
    if kind in THOUGHTS or part.get("thought"):
        return Block("thought", text_of(said or ""))
    if isinstance(said, str):
        return Block("text", text_of(said))
    nested = said.get("parts") if isinstance(said, Mapping) else part.get("parts")
    texts = [one["text"] for one in listed(nested) if isinstance(one, Mapping) and isinstance(one.get("text"), str)]
    return Block("text", text_of("\n".join(texts))) if texts else Block("other", text_of(dict(part)), kind)


def continues(body: Mapping[str, Any]) -> bool:
    """Whether the request goes on with a conversation, whose instructions were shown at its beginning."""
    known = body.get("_cylestio_metadata")
    return isinstance(known, Mapping) and known.get("from_index") not in (0, None)


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def name_of(part: Mapping[str, Any]) -> str:
    """Of the tool that a part calls."""
    for place in (part, part.get("function"), part.get("functionCall"), part.get("functionResponse")):
        if isinstance(place, Mapping) and isinstance(place.get("name"), str):
            return str(place["name"])[:200]
    return ""
