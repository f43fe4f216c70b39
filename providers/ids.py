"""Where do ids come from that nobody can guess? From the system's random numbers, fetched for many ids at once.

A system call for each would also give the interpreter's lock away, for which the event loop then waits.
"""

from __future__ import annotations

import os
import sys
from collections import deque

CHARACTERS = 48
FETCHED = 128
_unused: deque[str] = deque()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_unused.clear)  # a copy of this process must not give the same ones


def unique() -> str:
    """48 hexadecimal characters that were never given before. For any thread."""
    try:
        return _unused.pop()
    except IndexError:
        fetched = os.urandom(FETCHED * CHARACTERS // 2).hex()
        _unused.extend(fetched[place : place + CHARACTERS] for place in range(CHARACTERS, len(fetched), CHARACTERS))
        return fetched[:CHARACTERS]


def mint(prefix: str) -> str:
    """A new id of that kind: `msg_…`, `resp_…`."""
    return f"{prefix}_{unique()}"
