"""Does each host get the betas that it knows, under its own names, and is the rest named?"""

from __future__ import annotations

import pytest

from providers.anthropic.betas import BEDROCK, FOUNDRY, MANTLE, VERTEX, betas_in, passed

CLAUDE_CODE = (
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "per-turn-control-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-token-count-2026-05-13",
    "advanced-tool-use-2025-11-20",
    "effort-2025-11-24",
)


@pytest.mark.parametrize(
    ("known", "dropped"),
    [
        (FOUNDRY, (0, 4, 5)),
        (BEDROCK, (0, 1, 3, 5)),
        (MANTLE, (4, 5)),
        (VERTEX, (0, 4, 5, 7)),
    ],
    ids=["foundry", "bedrock", "mantle", "vertex"],
)
def test_betas_when_a_host_lacks_some_then_these_are_named(known: dict[str, str], dropped: tuple[int, ...]) -> None:
    found = passed(CLAUDE_CODE, known)
    assert found.left_out == tuple(f"anthropic-beta: {CLAUDE_CODE[place]}" for place in dropped)
    assert len(found.sent) == len(CLAUDE_CODE) - len(dropped)
    assert set(found.sent) <= set(known.values())


def test_beta_when_two_names_mean_the_same_then_it_is_sent_once() -> None:
    asked = ("advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19")
    assert passed(asked, MANTLE).sent == ("tool-search-tool-2025-10-19",)


def test_betas_when_they_stand_in_several_headers_then_in_their_order() -> None:
    headers = ((b"anthropic-beta", b"a, b"), (b"x-request-id", b"c"), (b"anthropic-beta", b",d,"))
    assert betas_in(headers) == ("a", "b", "d")
