"""What does a call mean of a function that stands for something else: a custom tool, a search, a tool of a namespace?"""

from __future__ import annotations

import json
import re

import msgspec

from providers.canonical.blocks import ToolCall
from providers.canonical.tools import CallKind, SentTools

BEGUN_INPUT = re.compile(r'\s*\{\s*"input"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
"""A custom tool's input that was cut off, or is not written as JSON has it."""
HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")
ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')


def as_sent(call: ToolCall, sent: SentTools) -> ToolCall | None:
    """The call as the client knows it; None for one of a tool that may not be called."""
    if not sent.may_call(call.name):
        return None
    ref = sent.refs.get(call.name)
    if ref is None:
        return call
    kind = CallKind(ref.kind)
    arguments = custom_input(call.arguments) if kind is CallKind.CUSTOM else call.arguments
    return msgspec.structs.replace(call, name=ref.name, namespace=ref.namespace, kind=kind, arguments=arguments)


def told_in_pieces(kind: CallKind) -> bool:
    """Whether arguments that come in pieces mean something before all have come: the input of a custom tool stands within."""
    return kind is CallKind.FUNCTION


def custom_input(arguments: str) -> str:
    """The input that stands in the arguments, perhaps cut off, or the arguments if the model did not keep the form."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        begun = BEGUN_INPUT.match(arguments)
        return _unescaped(begun[1]) if begun else arguments
    if not isinstance(value, dict) or "input" not in value:
        return arguments
    made = value["input"]
    return made if isinstance(made, str) else msgspec.json.encode(made).decode()


def _unescaped(text: str) -> str:
    """The text of a string; a backslash that begins no escape stands for itself, half an escape at the end is left out."""
    text = ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", HALF_ESCAPE.sub("", text))
    made: str = json.loads(f'"{text}"', strict=False)
    return made.encode("utf-8", "ignore").decode()
