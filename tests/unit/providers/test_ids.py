"""Are ids unique, in all threads and in a copy of the process?"""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from providers.ids import FETCHED, mint, unique


def test_ids_when_made_by_many_threads_are_all_different() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [name for part in threads.map(lambda _: [unique() for _ in range(10 * FETCHED)], range(8)) for name in part]
    assert len(set(made)) == len(made) == 80 * FETCHED
    assert all(re.fullmatch("[0-9a-f]{48}", name) for name in made)


def test_id_when_minted_begins_with_its_kind() -> None:
    assert re.fullmatch("msg_[0-9a-f]{48}", mint("msg"))


@pytest.mark.skipif(sys.platform == "win32", reason="no process is copied there")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_id_when_the_process_is_copied_is_not_given_twice() -> None:
    unique()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, unique().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as told:
        assert told.read() != unique()
