"""How does every prompt get a text of the operator's? Put before or behind the system prompt, or what the user says.

The same request is always decorated alike, and a text that stands there already is not put there again: turns of a session begin
as the one before, so that caches of prompts keep their worth. Only the last user's text is another one with each turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import msgspec

from openai_api.hooks.context import HookContext
from openai_api.hooks.request import HookRequest
from providers.offload import offload
from providers.types import Wire

MOST_CHARACTERS = 100_000
SYSTEM = ("system", "developer")
USER = ("user",)
Json = dict[str, Any]


class Position(StrEnum):
    SYSTEM = "system"
    FIRST_USER = "first_user"
    LAST_USER = "last_user"


class PromptDecoratorOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    prefix: Annotated[str, msgspec.Meta(description="What is put before the text.", max_length=MOST_CHARACTERS)] = ""
    suffix: Annotated[str, msgspec.Meta(description="What is put behind it.", max_length=MOST_CHARACTERS)] = ""
    position: Annotated[
        Position, msgspec.Meta(description="system: the system prompt, which is made if there is none; first_user; last_user.")
    ] = Position.SYSTEM
    separator: Annotated[str, msgspec.Meta(description="What stands between them.", max_length=100)] = "\n\n"

    def __post_init__(self) -> None:
        if not self.prefix and not self.suffix:
            raise ValueError("give a prefix or a suffix")


class _Talk(NamedTuple):
    """Where a wire has its messages, their contents and the system prompt: one of the messages if `system` is "". `lists`
    says that a content is always a list; `block` makes an element of one."""

    messages: str
    content: str
    block: Callable[[str], Json]
    system: str = ""
    lists: bool = False


def _typed(kind: str) -> Callable[[str], Json]:
    return lambda text: {"type": kind, "text": text}


def _part(text: str) -> Json:
    return {"text": text}


TALKS: Mapping[Wire, _Talk] = MappingProxyType(
    {
        Wire.OPENAI_CHAT: _Talk("messages", "content", _typed("text")),
        Wire.OLLAMA: _Talk("messages", "content", _typed("text")),
        Wire.OPENAI_RESPONSES: _Talk("input", "content", _typed("input_text"), "instructions"),
        Wire.ANTHROPIC_MESSAGES: _Talk("messages", "content", _typed("text"), "system"),
        Wire.GEMINI: _Talk("contents", "parts", _part, "systemInstruction", lists=True),
    }
)


class PromptDecorator:
    """Puts a text before or behind the system prompt, the first or the last text of the user."""

    name = "prompt_decorator"
    Options = PromptDecoratorOptions

    def __init__(self, options: PromptDecoratorOptions) -> None:
        self._options = options

    async def before_request(self, context: HookContext, request: HookRequest) -> None:
        talk = TALKS.get(request.wire)
        if talk is not None:
            await offload(len(request.raw), self._edit, talk, request)

    def _edit(self, talk: _Talk, request: HookRequest) -> None:
        body = request.body
        if self._options.position is not Position.SYSTEM:
            self._user(talk, body)
        elif talk.system:
            self._system(talk, body)
        else:
            self._system_message(talk, body)

    def _system(self, talk: _Talk, body: Json) -> None:
        name = next((name for name in (talk.system, "system_instruction") if talk.lists and name in body), talk.system)
        if talk.lists:
            content = body.setdefault(name, {})
            if isinstance(content, dict):
                self._put(talk, content, talk.content)
        else:
            self._put(talk, body, name)

    def _system_message(self, talk: _Talk, body: Json) -> None:
        messages = body.get(talk.messages)
        if not isinstance(messages, list):
            return
        for message in messages:
            if isinstance(message, dict) and message.get("role") in SYSTEM:
                self._put(talk, message, talk.content)
                return
        message = {"role": "system"}
        self._put(talk, message, talk.content)
        messages.insert(0, message)

    def _user(self, talk: _Talk, body: Json) -> None:
        messages = body.get(talk.messages)
        if isinstance(messages, str):  # of Responses, all of it the user's
            self._put(talk, body, talk.messages)
            return
        if not isinstance(messages, list):
            return
        last = self._options.position is Position.LAST_USER
        for message in reversed(messages) if last else messages:
            if isinstance(message, dict) and message.get("role", "user") in USER and _says(message.get(talk.content)):
                self._put(talk, message, talk.content)
                return

    def _put(self, talk: _Talk, holder: Json, key: str) -> None:
        value = holder.get(key)
        if isinstance(value, list):
            holder[key] = self._in_blocks(talk, value)
        elif isinstance(value, str) and value:
            holder[key] = self._in_text(value)
        elif value is None or value == "":
            texts = [text for text in (self._options.prefix, self._options.suffix) if text]
            holder[key] = [talk.block(text) for text in texts] if talk.lists else self._options.separator.join(texts)

    def _in_text(self, text: str) -> str:
        prefix, suffix, between = self._options.prefix, self._options.suffix, self._options.separator
        if prefix and not text.startswith(prefix):
            text = f"{prefix}{between}{text}"
        return f"{text}{between}{suffix}" if suffix and not text.endswith(suffix) else text

    def _in_blocks(self, talk: _Talk, blocks: list[Any]) -> list[Any]:
        prefix, suffix = self._options.prefix, self._options.suffix
        if prefix and not (blocks and _text_of(blocks[0]).startswith(prefix)):
            blocks = [talk.block(prefix), *blocks]
        return (
            [*blocks, talk.block(suffix)] if suffix and not _text_of(blocks[-1] if blocks else None).endswith(suffix) else blocks
        )


def _text_of(block: Any) -> str:
    text = block.get("text") if isinstance(block, dict) else None
    return text if isinstance(text, str) else ""


def _says(content: Any) -> bool:
    """Whether the content has a text: of a message that only gives the results of tools the user has said nothing."""
    return bool(content) if isinstance(content, str) else isinstance(content, list) and any(map(_text_of, content))
