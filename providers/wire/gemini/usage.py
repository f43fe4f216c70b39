"""How many tokens does an answer of Gemini's say it used?

Format: google-genai 3.6.1, `GenerateContentResponseUsageMetadata`. The prompt's tokens contain those from the cache, and not what
tools have brought; the candidates' do not contain thoughts, but for some models on Vertex, whose total tells it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from providers.bytes.patch import Fields
from providers.types import Usage

FIELD = "usageMetadata"
MOST = 2**53
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    total_token_count: Count | None = None


NAMES = tuple(field.encode_name for field in msgspec.structs.fields(_Usage))
_decode = msgspec.json.Decoder(_Usage | None).decode


def usage_of(fields: Fields) -> Usage | None:
    """The usage of an answer or a chunk; None when it is absent or unreadable, or counts no tokens."""
    raw = fields.raw(FIELD)
    if raw is None:
        return None
    try:
        usage = _decode(raw)
    except msgspec.DecodeError:
        return usage_in(_value(raw))
    return None if usage is None else _counted(usage)


def usage_in(value: Any) -> Usage | None:
    """The usage that a decoded object tells; what is no count counts as absent."""
    if not isinstance(value, dict):
        return None
    return _counted(_Usage(*(_count(value.get(name)) for name in NAMES)))


def _counted(usage: _Usage) -> Usage | None:
    prompt, answered, tools = usage.prompt_token_count, usage.candidates_token_count, usage.tool_use_prompt_token_count or 0
    thought, total = usage.thoughts_token_count or 0, usage.total_token_count
    if prompt is None and answered is None and total is None:
        return None
    sent = (prompt or 0) + tools
    if prompt is None and total is not None:
        sent = max(total - (answered or 0) - thought, 0)
    elif answered is None and total is not None:
        answered = max(total - sent - thought, 0)
    inside = thought > 0 and total is not None and total == sent + (answered or 0)
    received = (answered or 0) + (0 if inside else thought)
    return Usage(sent, received, usage.cached_content_token_count or 0, thought)


def _value(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _count(value: Any) -> int | None:
    """Some proxies write 64-bit numbers as texts, as protocol buffers do."""
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST or value != int(value):
        return None
    return int(value)
