"""How many frames may a WebSocket client send? Small ones are counted; what carries much is bounded by its size.

A frame of six bytes costs as much work as one of a hundred thousand, so a stream of them would hold up everybody else.
Format: RFC 6455, 5.2. Only the heads are looked at, before the frames are read.
"""

from __future__ import annotations

SMALL = 1024
"""Bytes of payload below which a frame is counted, be it a message, a fragment, or a control frame."""
BURST = 1000
PER_S = 100
"""So many small frames may come at once, and so many in each second from then on."""
LONG, LONGER = 126, 127
"""Lengths that say how many bytes of length follow: two, or eight."""


class FrameMeter:
    """The budget of one connection."""

    __slots__ = ("_budget", "_head", "_now", "_skip")

    def __init__(self, now: float) -> None:
        self._budget = float(BURST)
        self._now = now
        self._skip = 0
        self._head = b""

    def allows(self, data: bytes, now: float) -> bool:
        """Whether what has come, cut anywhere, is within the budget at `now` (seconds). A no is the last answer."""
        self._budget = min(BURST, self._budget + (now - self._now) * PER_S)
        self._now = now
        if self._head:
            data, self._head = self._head + data, b""
        at, end = self._skip, len(data)
        while at < end:
            size, length = _sizes(data, at)
            if size == 0:
                self._head = data[at:]
                at = end
            else:
                self._budget -= length < SMALL
                if self._budget < 0:
                    return False
                at += size + length
        self._skip = at - end
        return True


def _sizes(data: bytes, at: int) -> tuple[int, int]:
    """The sizes of the head and of the payload of the frame that begins there; (0, 0) if they are not known yet."""
    if at + 2 > len(data):
        return 0, 0
    masked, length = divmod(data[at + 1], 128)
    more = {LONG: 2, LONGER: 8}.get(length, 0)
    if at + 2 + more > len(data):
        return 0, 0
    if more:
        length = int.from_bytes(data[at + 2 : at + 2 + more], "big")
    return 2 + more + 4 * masked, length
