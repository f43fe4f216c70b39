"""Who has said what in a conversation, as each wire has it? Only what tells one conversation from another is read.

Formats: OpenAI's chat completions and responses, Anthropic's messages, Gemini's `generateContent`, Ollama's chat, all of November
2026. What a model thinks is left out: clients may leave it out the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from providers.types import Call, Wire

BILLING = "x-anthropic-billing-header"
"""What the first block of Claude Code's system prompt begins with. It changes with each request."""
SYSTEM = ("system", "developer")
THOUGHT = frozenset({"reasoning", "thinking", "redacted_thinking"})
CLIENTS_OWN = ("_output", "_response")
"""Ends of the types of items that clients make."""


Said = tuple[bool, Any]
"""One message: whether the model has made it, and what counts of it, None if nothing does."""


class Told(NamedTuple):
    """A conversation. `system` is what stands outside its messages; `prompt` the first message of the system's, if any."""

    system: str
    prompt: str
    said: Sequence[Said]


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None
    id: str | None = None
    tool_use_id: str | None = None
    content: msgspec.Raw = msgspec.Raw()


class _Named(msgspec.Struct):
    id: str | None = None


class _Message(msgspec.Struct):
    """A message of a chat."""

    role: str = ""
    content: str | list[_Part] | None = None
    tool_calls: list[_Named] | None = None
    tool_call_id: str | None = None


class _Item(msgspec.Struct):
    """An item of a response's input."""

    type: str | None = None
    role: str | None = None
    content: str | list[_Part] | None = None
    id: str | None = None
    call_id: str | None = None
    output: msgspec.Raw = msgspec.Raw()


class _Function(msgspec.Struct):
    name: str | None = None
    args: msgspec.Raw = msgspec.Raw()
    arguments: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()


class _GeminiPart(msgspec.Struct):
    text: str | None = None
    thought: bool | None = None
    function_call: _Function | None = None
    function_response: _Function | None = None
    functionCall: _Function | None = None  # noqa: N815 - both spellings, as protocol buffers have them
    functionResponse: _Function | None = None  # noqa: N815


class _Content(msgspec.Struct):
    role: str | None = None
    parts: list[_GeminiPart] | None = None


class _OllamaCall(msgspec.Struct):
    function: _Function | None = None


class _OllamaMessage(msgspec.Struct):
    role: str = ""
    content: str | None = None
    tool_calls: list[_OllamaCall] | None = None
    tool_name: str | None = None


_messages = msgspec.json.Decoder(list[_Message]).decode
_input = msgspec.json.Decoder(str | list[_Item]).decode
_text_or_parts = msgspec.json.Decoder(str | list[_Part] | None).decode
_contents = msgspec.json.Decoder(str | _Content | list[str | _Content]).decode
_instruction = msgspec.json.Decoder(str | _Content | None).decode
_maybe = msgspec.json.Decoder(str | None).decode
_ollama = msgspec.json.Decoder(list[_OllamaMessage]).decode


def _chat(call: Call) -> Told:
    messages = _messages(call.fields.raw("messages") or b"[]")
    said: list[Said] = []
    prompt = None
    for one in messages:
        content, role, ids = one.content, one.role, one.tool_call_id
        text = content if type(content) is str else _text(content)
        if prompt is None and role in SYSTEM:
            prompt = text
        made = [call.id for call in one.tool_calls] if one.tool_calls else ids
        said.append((role == "assistant", (role, text, made)))
    return Told("", prompt or "", said)


def _anthropic(call: Call) -> Told:
    system = _text_or_parts(call.fields.raw("system") or b"null")
    messages = _messages(call.fields.raw("messages") or b"[]")
    return Told(_without_billing(system), "", [(one.role == "assistant", _anthropic_message(one)) for one in messages])


def _without_billing(system: str | list[_Part] | None) -> str:
    if isinstance(system, list) and system and (system[0].text or "").startswith(BILLING):
        return _text(system[1:])
    return _text(system)


def _anthropic_message(message: _Message) -> Any:
    content = message.content
    if content is None or isinstance(content, str):
        return message.role, content or "", []
    ids = [(part.id, part.tool_use_id, _result(part)) for part in content if part.id or part.tool_use_id]
    return message.role, _text(content), ids


def _result(part: _Part) -> str:
    """The text of a tool's result, in whichever form it has."""
    raw = bytes(part.content)
    if part.type != "tool_result" or not raw:
        return ""
    return _text(_text_or_parts(raw))


def _responses(call: Call) -> Told:
    raw = call.fields.raw("instructions")
    system = _instructions(raw) if raw else ""
    told = _input(call.fields.raw("input") or b'""')
    if isinstance(told, str):
        return Told(system, "", [(False, ("user", told))] if told else [])
    prompt = next((one for one in told if one.role in SYSTEM), None)
    said = [(_is_models(one), _item(one)) for one in told]
    return Told(system, "" if prompt is None else _text(prompt.content), said)


def _instructions(raw: bytes) -> str:
    """A text; of anything else the JSON."""
    return _maybe(raw) or "" if raw[:1] in b'"n' else raw.decode()


def _is_models(item: _Item) -> bool:
    if item.role is not None:
        return item.role == "assistant"
    return bool(item.type) and item.type != "message" and not str(item.type).endswith(CLIENTS_OWN)


def _item(item: _Item) -> Any:
    if item.role is not None:
        return item.role, _text(item.content)
    if item.type in THOUGHT:
        return None
    return item.type, item.call_id or item.id, bytes(item.output)


def _gemini(call: Call) -> Told:
    raw = next((raw for name in ("systemInstruction", "system_instruction") if (raw := call.fields.raw(name))), b"null")
    told = _contents(call.fields.raw("contents") or b"[]")
    contents = told if isinstance(told, list) else [told]
    said = [(not isinstance(one, str) and one.role == "model", _content(one)) for one in contents]
    system = _instruction(raw)
    return Told("" if system is None else _spoken(system), "", said)


def _content(content: str | _Content) -> Any:
    if isinstance(content, str):
        return "user", content, []
    made = [one for part in content.parts or () for one in _functions(part)]
    return content.role or "user", _spoken(content), made


def _functions(part: _GeminiPart) -> list[Any]:
    found = (part.function_call or part.functionCall, part.function_response or part.functionResponse)
    return [(one.name, bytes(one.args), bytes(one.response)) for one in found if one is not None]


def _spoken(content: str | _Content) -> str:
    """What is said in a content, without what is thought."""
    if isinstance(content, str):
        return content
    return "".join([part.text for part in content.parts or () if part.text and not part.thought])


def _ollama_chat(call: Call) -> Told:
    messages = _ollama(call.fields.raw("messages") or b"[]")
    prompt = next((one.content for one in messages if one.role in SYSTEM), None)
    return Told("", prompt or "", [(one.role == "assistant", _ollama_message(one)) for one in messages])


def _ollama_message(message: _OllamaMessage) -> Any:
    functions = [one.function for one in message.tool_calls or () if one.function is not None]
    made = [(function.name, bytes(function.arguments)) for function in functions]
    return message.role, message.content or "", made or message.tool_name


def _text(content: str | list[_Part] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join([part.text for part in content if part.text])


READERS: Mapping[Wire, Callable[[Call], Told]] = {
    Wire.OPENAI_CHAT: _chat,
    Wire.OPENAI_RESPONSES: _responses,
    Wire.ANTHROPIC_MESSAGES: _anthropic,
    Wire.GEMINI: _gemini,
    Wire.OLLAMA: _ollama_chat,
}
"""Wires whose calls are conversations, and how each is read."""
