"""How many tokens does an answer of Ollama say it used? `prompt_eval_count` and `eval_count`, of which zeros are left out.

Format: Ollama of August 2026, `api/types.go`, `Metrics`; they stand in a whole answer, in the last line of a stream, and in the
answer to `/api/embed`. Thoughts are among those that were evaluated.
"""

from __future__ import annotations

import msgspec

from providers.bytes.patch import Fields
from providers.types import Usage

INPUT, OUTPUT = "prompt_eval_count", "eval_count"
MOST = 2**53


def usage_of(fields: Fields) -> Usage | None:
    """The usage; None where no count is told."""
    if INPUT not in fields.spans and OUTPUT not in fields.spans:
        return None
    sent, received = count_in(fields.raw(INPUT)), count_in(fields.raw(OUTPUT))
    return None if sent is None and received is None else Usage(sent or 0, received or 0)


def count_in(raw: bytes | None) -> int | None:
    """A count, None for what is none."""
    try:
        value = msgspec.json.decode(raw or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return counted(value)


def counted(value: object) -> int | None:
    """The count that a decoded value is, None if it is none."""
    return value if type(value) is int and 0 <= value <= MOST else None
