"""How are events of a Messages stream sent?

Format: Anthropic's reference of October 2026, "Streaming messages": server-sent events whose name is their `type`; the last is
`message_stop`, without `[DONE]`.
"""

from __future__ import annotations

from typing import Any

import msgspec

ID_PREFIX = "msg"
CLOSING = b""


def frame_of(event: dict[str, Any]) -> bytes:
    """The frame of one event."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))
