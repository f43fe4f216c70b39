"""What happens when the server starts and stops? The ASGI lifespan protocol, which Django's handler does not speak."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

log = structlog.get_logger("gateway.lifespan")


class Lifespan:
    """Calls `start` before the first connection and `stop` after the last."""

    def __init__(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        self._phases = {"lifespan.startup": start, "lifespan.shutdown": stop}

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        for phase, action in self._phases.items():
            while (await receive())["type"] != phase:
                continue
            try:
                await action()
            except Exception as error:
                log.exception("lifespan failed", phase=phase)
                await send({"type": f"{phase}.failed", "message": str(error)})
                return
            await send({"type": f"{phase}.complete"})
