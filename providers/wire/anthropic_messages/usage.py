"""How many tokens does an answer say it used?

Format: Anthropic's reference of October 2026, `usage`: `input_tokens` has neither what was read from the cache nor what was
written to it. In a stream, `message_start` has the input and `message_delta` the output; what the later one repeats counts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.patch import Fields
from providers.types import Usage

MOST = 2**53


class Details(msgspec.Struct):
    """Of the output."""

    thinking_tokens: Any = None


class Written(msgspec.Struct):
    """Of what was written to the cache."""

    ephemeral_1h_input_tokens: Any = None


class Counts(msgspec.Struct):
    """The counts of a `usage`, as they came; `with_later` puts those of a later event over them."""

    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_read_input_tokens: Any = None
    output_tokens_details: Details | None = None
    cache_creation: Written | None = None
    service_tier: Any = None

    def with_later(self, later: Counts) -> Counts:
        said = {name: value for name in self.__struct_fields__ if (value := getattr(later, name)) is not None}
        return msgspec.structs.replace(self, **said)

    def usage(self) -> Usage | None:
        """None if nothing is counted."""
        read, written = count(self.cache_read_input_tokens), count(self.cache_creation_input_tokens)
        sent, received = count(self.input_tokens), count(self.output_tokens)
        if sent is None and received is None and read is None and written is None:
            return None
        thought = count(self.output_tokens_details.thinking_tokens) if self.output_tokens_details else None
        total = (sent or 0) + (read or 0) + (written or 0)
        kept = count(self.cache_creation.ephemeral_1h_input_tokens) if self.cache_creation else None
        return Usage(
            total,
            received or 0,
            read or 0,
            min(thought or 0, received or 0),
            written or 0,
            min(kept or 0, written or 0),
            service_tier=tier_of(self.service_tier),
        )


_decode = msgspec.json.Decoder(Counts | None).decode


def counts_in(raw: bytes | None) -> Counts | None:
    """The counts in the JSON of a usage; None for what is no usage."""
    if raw is None:
        return None
    try:
        counts: Counts | None = _decode(raw)
        return counts
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def usage_of(fields: Fields) -> Usage | None:
    """The usage of a whole message; None when it is absent, null or unreadable, or counts no tokens."""
    counts = counts_in(fields.raw("usage"))
    return None if counts is None else counts.usage()


def tier_of(value: Any) -> str:
    """The tier that served; "" for the standard one."""
    return value if isinstance(value, str) and value != "standard" else ""


def count(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    return value if type(value) is int and 0 <= value <= MOST else None
