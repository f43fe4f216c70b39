"""How late is the event loop? Measured by sleeping again and again, and comparing with the time that passed."""

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
