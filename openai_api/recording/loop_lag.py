"""How late is the event loop? Sleeps again and again and looks how much longer that took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

INTERVAL_S = 0.1


async def watch_loop(report: Callable[[float], None]) -> None:
    """Reports the lag in seconds, ten times a second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL_S
        await asyncio.sleep(INTERVAL_S)
        report(max(loop.time() - due, 0.0))
