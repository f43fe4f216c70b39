"""How many tokens does an answer of Gemini's say it used?

Format: google-genai 3.6.1, `GenerateContentResponseUsageMetadata`. The prompt's tokens contain those from the cache, and not what
tools have brought; the candidates' do not contain thoughts, but for some models on Vertex, whose total tells it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from providers.bytes.patch import Fields
from providers.types import Usage

FIELD = "usageMetadata"
MOST = 2**53
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class _Part(msgspec.Struct, rename="camel"):
    """Tokens of one kind."""

    modality: str | None = None
    token_count: Count | None = None


Parts = list[_Part] | None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    total_token_count: Count | None = None
    prompt_tokens_details: Parts = None
    cache_tokens_details: Parts = None
    candidates_tokens_details: Parts = None
    tool_use_prompt_tokens_details: Parts = None
    traffic_type: str | None = None
    service_tier: str | None = None


SPELLED = {field.name: field.encode_name for field in msgspec.structs.fields(_Usage)}
COUNTS = {name: spelled for name, spelled in SPELLED.items() if name.endswith("_count")}
DETAILS = {name: spelled for name, spelled in SPELLED.items() if name.endswith("_details")}
TIERS = {name: SPELLED[name] for name in ("traffic_type", "service_tier")}
STANDARD = frozenset({"", "standard", "default", "unspecified", "on_demand", "traffic_type_unspecified"})
"""What the tier is called that served where none was asked for."""
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
    told: dict[str, Any] = {name: _count(value.get(spelled)) for name, spelled in COUNTS.items()}
    told |= {name: _parts(value.get(spelled)) for name, spelled in DETAILS.items()}
    told |= {name: tier for name, spelled in TIERS.items() if isinstance(tier := value.get(spelled), str)}
    return _counted(_Usage(**told))


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
    found = Usage(sent, received, usage.cached_content_token_count or 0, thought)
    before, after = usage.prompt_tokens_details, usage.candidates_tokens_details
    told = before or after or usage.traffic_type or usage.service_tier or usage.cache_tokens_details
    return _with_details(found, usage) if told else found


def _with_details(found: Usage, usage: _Usage) -> Usage:
    before = [*(usage.prompt_tokens_details or ()), *(usage.tool_use_prompt_tokens_details or ())]
    after, tier = usage.candidates_tokens_details or (), (usage.service_tier or usage.traffic_type or "").lower()
    return msgspec.structs.replace(
        found,
        audio_input_tokens=_of("AUDIO", before),
        image_input_tokens=_of("IMAGE", before),
        audio_output_tokens=_of("AUDIO", after),
        image_output_tokens=_of("IMAGE", after),
        cached_audio_tokens=_of("AUDIO", usage.cache_tokens_details or ()),
        service_tier="" if tier in STANDARD else tier.removeprefix("on_demand_"),
    )


def _of(modality: str, parts: Iterable[_Part]) -> int:
    return sum(part.token_count or 0 for part in parts if part.modality == modality)


def _parts(value: Any) -> Parts:
    given = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return [_Part(str(one.get("modality")), _count(one.get("tokenCount"))) for one in given] or None


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
