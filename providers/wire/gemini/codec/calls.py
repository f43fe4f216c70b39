"""How is a call written in Gemini's format, whose arguments are an object and whose names have a form of their own?

Names of functions begin with a letter or an underscore and have at most 64 letters, digits, `_`, `-`, `.` and `:`
(google-genai 3.6.1, `FunctionDeclaration`).
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from providers.canonical.blocks import ToolCall
from providers.canonical.extra import Json
from providers.canonical.functions import MOST_NAME, full_name, sent_arguments, sent_name
from providers.canonical.tools import ToolRef

INPUT = "input"
"""The one argument of a call whose arguments are no object."""
FORM = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
OTHERS = re.compile(r"[^A-Za-z0-9_.:-]")


def google_name(name: str) -> str:
    """The name of a function. One that Gemini does not take is changed, and told apart by a hash."""
    if FORM.fullmatch(name):
        return name
    made = OTHERS.sub("_", name)
    made = made if FORM.match(made) else f"_{made}"
    return f"{made[: MOST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def name_of(ref: ToolRef) -> str:
    """What a tool is called upstream."""
    return google_name(full_name(ref.namespace, ref.name))


def called_name(call: ToolCall) -> str:
    return google_name(sent_name(call))


def args_of(call: ToolCall) -> tuple[Json | None, bool]:
    """The arguments as an object, None if there are none, and whether they are what was said: what is no object becomes the one
    argument of it."""
    text = sent_arguments(call)
    if not text.strip():
        return None, True
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return {INPUT: text}, False
    return (value, True) if isinstance(value, dict) else ({INPUT: value}, False)
