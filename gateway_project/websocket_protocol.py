"""What does uvicorn's WebSocket protocol lack? A drain, a bound on clients that take nothing, and silence about keys."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway_project.stall_guard import StallGuard

PING_S = 20.0
"""How long a connection may be silent before it is asked whether its other end is there."""
FAREWELL_S = 1.0
"""How long the other end may take to close, once the server ends."""
log = logging.getLogger("gateway.websockets")
log.setLevel(logging.WARNING)  # at lower levels uvicorn tells every connection, with its query


class GuardedWebSocketProtocol(StallGuard, WebSocketsSansIOProtocol):
    """One connection. When the server ends, it is the application that closes it, after what it has in work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = log
        self.conn.debug = False  # it would log headers and messages

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # a refusal is complete too, which uvicorn would call an error

    def shutdown(self) -> None:
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
        else:
            self.close_timeout = FAREWELL_S
