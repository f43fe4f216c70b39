"""Who sees the events of a stream on their way to the outlet, whatever that is, and what becomes of them there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from providers.bytes.event import Event
from providers.bytes.framing import SSE, Framing
from providers.bytes.sse import Frames
from providers.offload import LARGE, offload
from providers.wire.openai.framing import DONE


class Tap(Protocol):
    """Sees the events of one stream in order, and may change, drop or add some. Called in the event loop, so it must not
    block. Comments and `[DONE]` are not events. A stream without taps makes no calls per event."""

    def event(self, event: Event) -> Iterable[Event]:
        """What goes on: the event as it is, or changed, with others before or after it, or nothing."""
        ...

    def end(self) -> Iterable[Event]:
        """What is added after the last event, in front of `[DONE]`. Not called for a stream that is cut off."""
        ...


async def tapped(taps: Sequence[Tap], frames: Frames, framing: Framing = SSE, *, last: bool = False) -> Frames:
    """The frames after all taps, each of which sees what those before it let through; `last` if no more come."""
    out: Frames = []
    size = sum(map(len, frames))
    for event in _events(frames, framing) if size <= LARGE else await offload(size, _read, frames, framing):
        out += [made.frame for made in _through(taps, [event])] if _is_told(event) else [event.frame]
    if last:
        place = len(out) - 1 if out and Event(out[-1], framing).data.strip() == DONE else len(out)
        out[place:place] = [made.frame for made in _ends(taps)]
    return out


def _events(frames: Frames, framing: Framing) -> list[Event]:
    return [Event(frame, framing) for frame in frames]


def _read(frames: Frames, framing: Framing) -> list[Event]:
    """The events with their fields found: one may be a whole picture, and to look through that is no work for the loop."""
    events = _events(frames, framing)
    for event in events:
        _ = event.fields
    return events


def _is_told(event: Event) -> bool:
    return event.data.strip() not in (b"", DONE)


def _through(taps: Sequence[Tap], events: Iterable[Event]) -> Iterable[Event]:
    for tap in taps:
        events = [made for event in events for made in tap.event(event)]
    return events


def _ends(taps: Sequence[Tap]) -> list[Event]:
    """What the taps add at the end, each seen by those behind it."""
    return [made for number, tap in enumerate(taps, 1) for made in _through(taps[number:], tap.end())]
