"""How do streams of OpenAI's formats end, and how is a name written into an answer?"""

from __future__ import annotations

from functools import lru_cache

import msgspec

DONE = b"[DONE]"
"""The data of the last event."""


@lru_cache(maxsize=1024)
def json_string(text: str) -> bytes:
    """The text as a JSON string."""
    return msgspec.json.encode(text)
