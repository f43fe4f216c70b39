"""Who sees the events of a stream on their way to the outlet, whatever that is, and what becomes of them there?"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol

from openai_api.errors import ApiError
from providers.bytes.event import Event
from providers.bytes.framing import SSE, Framing
from providers.bytes.sse import Frames
from providers.offload import LARGE, offload
from providers.wire.openai.framing import DONE

PLAIN = (list, tuple)


class Tap(Protocol):
    """Sees the events of one stream in order, and may change, drop or add some. Called in the event loop, so it must not
    block; what it gives may have to be awaited. Comments and `[DONE]` are not events. A stream without taps makes no calls per
    event. Raises `ApiError`, which ends the stream."""

    def event(self, event: Event) -> Iterable[Event] | Awaitable[Iterable[Event]]:
        """What goes on: the event as it is, or changed, with others before or after it, or nothing."""
        ...

    def end(self) -> Iterable[Event] | Awaitable[Iterable[Event]]:
        """What is added after the last event, in front of `[DONE]`. Not called for a stream that is cut off."""
        ...


class Stopped(Exception):
    """A tap has ended the stream with `error`. `frames` are those that all taps had let through before, none if no event was
    among them: where the network has cut a stream does not decide what is heard of it."""

    def __init__(self, frames: Frames, error: ApiError) -> None:
        super().__init__(error.message)
        self.frames = frames
        self.error = error


async def tapped(taps: Sequence[Tap], frames: Frames, framing: Framing = SSE, *, last: bool = False) -> Frames:
    """The frames after all taps, each of which sees what those before it let through. `last`: no more come. Raises `Stopped`."""
    out: Frames = []
    told = False
    size = sum(map(len, frames))
    for event in _events(frames, framing) if size <= LARGE else await offload(size, _read, frames, framing):
        if not _is_told(event):
            out.append(event.frame)
            continue
        passed = [made.frame for made in await _kept(_through(taps, [event]), out if told else [])]
        told = told or bool(passed)
        out += passed
    if last:
        place = len(out) - 1 if out and Event(out[-1], framing).data.strip() == DONE else len(out)
        out[place:place] = [made.frame for made in await _kept(_ends(taps), out[:place] if told else [])]
    return out


async def _kept(made: Awaitable[Iterable[Event]], before: Frames) -> Iterable[Event]:
    try:
        return await made
    except ApiError as error:
        raise Stopped(before, error) from error


async def _awaited(made: Iterable[Event] | Awaitable[Iterable[Event]]) -> Iterable[Event]:
    return await made if inspect.isawaitable(made) else made


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


async def _through(taps: Sequence[Tap], events: Iterable[Event]) -> Iterable[Event]:
    for tap in taps:
        passed: list[Event] = []
        for event in events:
            made = tap.event(event)
            passed += made if isinstance(made, PLAIN) else await _awaited(made)
        events = passed
    return events


async def _ends(taps: Sequence[Tap]) -> list[Event]:
    """What the taps add at the end, each seen by those behind it."""
    out: list[Event] = []
    for number, tap in enumerate(taps, 1):
        added = tap.end()
        out += await _through(taps[number:], added if isinstance(added, PLAIN) else await _awaited(added))
    return out
