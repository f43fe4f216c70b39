"""How are recordings shown to interceptors? One exchange after the other, in one thread, to those that look at exchanges."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai_api.hooks.specs import BuiltHook
from openai_api.observing.fold import Bodies, Fold
from openai_api.observing.replayed import Replayed
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript
from providers.recordings.lines import Damaged
from providers.recordings.reading import Reading

log = logging.getLogger("gateway.replay")
LONGEST_S = 3600.0
"""A pause between two exchanges is not kept up longer than that."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: `speed` 1 is the recorded pace, 0 as fast as can be; `delay` are seconds between exchanges."""

    speed: float = 0.0
    delay: float = 0.0

    def wait(self, before: float | None, now: float) -> None:
        """Waits between the ends of two exchanges, in seconds since the epoch."""
        pause = self.delay
        if self.speed and before is not None:
            pause += min(max(0.0, now - before) / self.speed, LONGEST_S)
        if pause and before is not None:
            time.sleep(pause)


class Replay:
    """Shows exchanges to observers and, folded, to sinks of events. One that fails sees the next exchange all the same."""

    def __init__(self, hooks: Sequence[BuiltHook], idle_s: float) -> None:
        self.reading = Reading()
        self.shown = self.unanswered = self.failures = 0
        self._hooks = hooks
        self._fold = Fold(Bodies.ALL, idle_s)

    def run(self, files: list[Path], pace: Pace) -> None:
        """Shows all exchanges of the files. Raises `OSError`."""
        before: float | None = None
        for transcript in self._transcripts(files):
            pace.wait(before, transcript.ended)
            self._tell(self._fold.due(transcript.ended))
            self._each("observe", transcript.record.model, transcript)
            self._tell(self._fold.events(transcript))
            before = transcript.ended
            self.shown += 1
        self._tell(self._fold.due(time.time()))
        for name in ("tick", "close"):
            self._each(name, None)

    def _transcripts(self, files: list[Path]) -> Iterator[Transcript]:
        replayed = Replayed()
        for recorded in self.reading.exchanges(files):
            try:
                yield replayed.transcript(recorded)
            except Damaged:
                self.reading.damaged += 1
                continue
            self.unanswered += recorded.answer is None

    def _tell(self, events: Iterable[SessionEvent]) -> None:
        told = list(events)
        if told:
            self._each("take_events", told[0].model or None, told)

    def _each(self, method: str, model: str | None, *arguments: Any) -> None:
        for built in self._hooks:
            call: Callable[..., Any] | None = getattr(built.hook, method, None)
            if call is None or (arguments and not built.applies(model, None)):
                continue
            try:
                call(*arguments)
            except Exception:
                self.failures += 1
                log.exception("an interceptor failed", extra={"interceptor": built.name})
