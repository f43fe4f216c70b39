"""Where is a large body worked upon? In a thread, so that the event loop can serve others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

LARGE = 256 * 1024
"""Bytes above which a body is made or read in a thread."""
P = ParamSpec("P")
R = TypeVar("R")


async def aside(size: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Does work upon `size` bytes, in a thread if that takes long."""
    return await asyncio.to_thread(work, *args, **kwargs) if size > LARGE else work(*args, **kwargs)
