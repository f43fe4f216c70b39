"""What does a request say of the cache? One field of its body, which never goes upstream.

"cache_options": {"enabled": "on" | "off" | "read_only" | "write_only", "max_age_s": 600 | null}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import msgspec

from models_catalog.snapshot import CacheUse
from openai_api.errors import invalid
from providers.bytes.patch import patch
from providers.offload import offload
from providers.types import Call

NAMES = ("cache_options", "tensorzero::cache_options")
"""Spellings of the field."""
ENABLED: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {"on": (True, True), "off": (False, False), "read_only": (True, False), "write_only": (False, True)}
)
"""Whether an answer is looked up, and whether it is kept."""
MEMBERS = ("enabled", "max_age_s")


class CacheOptions(msgspec.Struct, frozen=True):
    """What a request says; None where it leaves it to the model."""

    enabled: tuple[bool, bool] | None = None
    max_age_s: int | None = None

    def over(self, use: CacheUse) -> CacheUse:
        """What is done for this request, where the model's default is `use`."""
        if self.enabled is not None:
            use = replace(use, reads=self.enabled[0], writes=self.enabled[1])
        return use if self.max_age_s is None else replace(use, max_age_s=self.max_age_s)


async def taken_out(call: Call) -> tuple[Call, CacheOptions | None]:
    """The call without the field, and what the field says. Raises 400, which names what is wrong in it."""
    spans = call.fields.spans
    names = [name for name in NAMES if name in spans]
    if not names:
        return call, None
    if len(names) > 1:
        raise invalid("ambiguous_field", f"Send {names[0]!r} or {names[1]!r}, not both.", names[1])
    options = _read(call.fields.raw(names[0]) or b"null", names[0])
    body = await offload(len(call.body), patch, call.fields, {names[0]: None})
    return call.with_body(body), options


def _read(raw: bytes, name: str) -> CacheOptions | None:
    value = msgspec.json.decode(raw)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("invalid_type", f"The field {name!r} must be an object.", name)
    for member in value:
        if member not in MEMBERS:
            text = f"The field {name!r} has an unknown member {member!r:.60}. Allowed: {', '.join(MEMBERS)}."
            raise invalid("invalid_value", text, f"{name}.{member[:60]}")
    enabled, age = value.get("enabled"), value.get("max_age_s")
    if enabled is not None and (not isinstance(enabled, str) or enabled not in ENABLED):
        text = f"The field '{name}.enabled' must be one of {', '.join(ENABLED)}; got {enabled!r:.60}."
        raise invalid("invalid_value", text, f"{name}.enabled")
    if age is not None and (type(age) is not int or age < 0):
        text = f"The field '{name}.max_age_s' must be a whole number of seconds, at least 0, or null; got {age!r:.60}."
        raise invalid("invalid_value", text, f"{name}.max_age_s")
    return CacheOptions(None if enabled is None else ENABLED[enabled], age)
