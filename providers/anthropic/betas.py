"""Which beta features of the Messages API does each host know, and under which name?

Anthropic takes every name, also one that it does not know. The others refuse a request for a name that they do not know, so what
stands in no table is left out there, and named in the answer's `lossy`.

Source: the vendors' lists of supported features, as gateways in front of them had collected these by November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from providers.transport import RequestHeader

HEADER = b"anthropic-beta"
Betas = Mapping[str, str]
"""What a host calls each beta that it knows."""

TOOL_SEARCH = "tool-search-tool-2025-10-19"
EVERYWHERE = (
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "dangerous-tool-use-2026-09-03",
    "thinking-display-updates-2026-08-18",
)
SEARCHING = MappingProxyType({"advanced-tool-use-2025-11-20": TOOL_SEARCH, TOOL_SEARCH: TOOL_SEARCH})
"""Of the advanced use of tools these hosts have the search for tools alone, under the name that it had before."""


def _known(*names: str, **renamed: str) -> Betas:
    return MappingProxyType({**{name: name for name in (*EVERYWHERE, *names)}, **renamed})


FOUNDRY = _known(
    "advanced-tool-use-2025-11-20",
    "code-execution-2025-08-25",
    "effort-2025-11-24",
    "files-api-2025-04-14",
    "interleaved-thinking-2025-05-14",
    "mcp-client-2025-04-04",
    "mcp-client-2025-11-20",
    "per-turn-control-2026-07-01",
    "prompt-caching-scope-2026-01-05",
    "skills-2025-10-02",
    "structured-outputs-2025-11-13",
    "web-fetch-2025-09-10",
    "web-search-2025-03-05",
)
BEDROCK = _known(
    "compact-2026-01-12",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "mid-conversation-output-config-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-binding-controls-2026-08-01",
    **SEARCHING,
)
MANTLE = _known(
    "claude-code-20250219",
    "compact-2026-01-12",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "output-128k-2025-02-19",
    "per-turn-control-2026-07-01",
    "structured-outputs-2025-11-13",
    "thinking-binding-controls-2026-08-01",
    "token-efficient-tools-2025-02-19",
    "tool-examples-2025-10-29",
    "web-search-2025-03-05",
    **SEARCHING,
)
VERTEX = _known(
    "compact-2026-01-12",
    "compact-2026-09-04",
    "interleaved-thinking-2025-05-14",
    "per-turn-control-2026-07-01",
    "thinking-binding-controls-2026-08-01",
    "web-search-2025-03-05",
    **SEARCHING,
)


class Passed(NamedTuple):
    """`sent` are the names for the host, each once; `left_out` are those that it does not know, as they are told of."""

    sent: tuple[str, ...]
    left_out: tuple[str, ...] = ()


NO_BETAS = Passed(())


def passed(asked: Sequence[str], known: Betas) -> Passed:
    """What becomes of the betas that a client has asked for at a host that knows these."""
    sent = dict.fromkeys(known[name] for name in asked if name in known)
    return Passed(tuple(sent), tuple(f"{HEADER.decode()}: {name}" for name in asked if name not in known))


def betas_in(headers: Sequence[RequestHeader]) -> tuple[str, ...]:
    """The names in the header of a request, in their order."""
    lists = (value.decode("latin-1").split(",") for name, value in headers if name == HEADER)
    return tuple(name for names in lists for raw in names if (name := raw.strip()))
