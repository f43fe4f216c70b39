"""What do all tests share? A bound on their time, and what they need of the machine."""

from __future__ import annotations

import faulthandler
import gc
from collections.abc import Iterator

import pytest

from tests import needs

pytest_plugins = ["tests.live_fixtures"]

MOST_SECONDS = 180


# Twenty thousand tests are many objects, all of which live to the end: to look through them again and again is a third of the
# time of their collection, and makes each full collection of garbage slow afterwards.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _never_hang() -> Iterator[None]:
    """Ends the run with all stacks shown when one test takes longer than any may."""
    faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    return needs.postgres_url()


@pytest.fixture(scope="session")
def redis_url() -> str:
    return needs.redis_url()


@pytest.fixture(scope="session")
def chromium() -> str:
    return needs.chromium()
