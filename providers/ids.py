"""Where do ids come from that nobody can guess? From the system's random numbers, fetched for many ids at once.

A system call for each would also give the interpreter's lock away, for which the event loop then waits.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable
from itertools import count

CHARACTERS = 48
RESPONSE = "resp_"
ITEM = re.compile(r"[a-z]{2,5}_(?P<response>[0-9a-f]{48})[io][0-9a-f]{1,8}")
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


def item_ids(response_id: str, side: str) -> Callable[[str], str]:
    """Makes the ids of the items of a response, from which `response_of` tells it again: those of its input, with "i" for a
    `side`, or of its output, with "o"."""
    token, numbers = response_id.removeprefix(RESPONSE), count()
    return lambda prefix: f"{prefix}_{token}{side}{next(numbers):x}"


def response_of(item_id: str) -> str | None:
    """The response whose item has that id; None if it tells none."""
    match = ITEM.fullmatch(item_id)
    return RESPONSE + match["response"] if match else None
