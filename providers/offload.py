"""Where is a large body worked upon? In a thread, so that the event loop can serve others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

LARGE = 256 * 1024
"""Bytes above which a body is made or read in a thread."""
WORKER = ThreadPoolExecutor(1, "offload")
"""One thread: such work holds the interpreter's lock, and several at once would leave the event loop no turn."""
P = ParamSpec("P")
R = TypeVar("R")


async def offload(size: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Does work upon `size` bytes, in a thread if that takes long."""
    if size <= LARGE:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(WORKER, partial(work, *args, **kwargs))
