"""What do all tests share? A bound on their time and on what they may reach."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator

import pytest

MOST_SECONDS = 120


@pytest.fixture(autouse=True)
def _never_hang() -> Iterator[None]:
    """Ends the run with all stacks shown when one test takes longer than any may."""
    faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
