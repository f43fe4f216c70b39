"""Which items does another provider understand of a response that lies at an upstream?

Ids, states and hosted tools mean something only to the upstream that made them, and reasoning only to its model.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers.wire.openai_responses.items import Json

KEPT = frozenset(
    {"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "compaction"}
)
"""Types of items that any provider may take; what hosted tools brought is in the messages after them."""
UPSTREAMS_OWN = ("id", "status", "created_by")


def carried(items: Sequence[Json]) -> list[Json]:
    """The items as input for any provider."""
    taken = (item for item in items if item.get("type", "message") in KEPT)
    return [{name: value for name, value in item.items() if name not in UPSTREAMS_OWN} for item in taken]
