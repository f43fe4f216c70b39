"""How long may an answer take by default, and what does an operator's own value change?"""

from __future__ import annotations

from typing import Any

import pytest

from providers.types import TargetTimeouts, Timeouts


@pytest.mark.parametrize(
    ("own", "whole", "streamed"),
    [
        ({}, (5, 900, 900, 900), (5, 600, 300, 3600)),
        ({"connect": 1}, (1, 900, 900, 900), (1, 600, 300, 3600)),
        ({"first_byte": 20}, (5, 20, 900, 900), (5, 20, 300, 3600)),
        ({"idle": 10}, (5, 900, 10, 900), (5, 600, 10, 3600)),
        ({"total": 1200}, (5, 1200, 1200, 1200), (5, 600, 300, 1200)),
        ({"connect": 1, "first_byte": 2, "idle": 3, "total": 4}, (1, 2, 3, 4), (1, 2, 3, 4)),
    ],
)
def test_timeouts_when_some_are_set_then_they_hold_for_both_kinds_and_the_rest_is_by_kind(
    own: dict[str, Any], whole: tuple[float, ...], streamed: tuple[float, ...]
) -> None:
    timeouts = TargetTimeouts.of(**own)
    assert timeouts.when(streamed=False) == Timeouts(*whole)
    assert timeouts.when(streamed=True) == Timeouts(*streamed)
