"""What does a stream of Gemini's tell, chunk by chunk?

Format: google-genai 3.6.1, `GenerateContentResponse`: each chunk is a whole response with what is new. Why it stops is told with
the last one, by some older upstreams with every one; so it is believed at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.answer import Answer, Stop
from providers.canonical.events import Beside, Ended, Event, Failed, Finished, Started, UsageTold
from providers.canonical.extra import Extra, Json
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.gemini.codec.answers.decode import MISFITS, CallIds, head_of
from providers.wire.gemini.codec.answers.stops import UNTOLD, blocked, stop_of
from providers.wire.gemini.codec.answers.usage import used_in
from providers.wire.gemini.codec.spelling import GIVEN
from providers.wire.gemini.codec.streams.candidate import CandidateReader
from providers.wire.gemini.codec.words import WIRE, WORDS
from providers.wire.gemini.errors import failure_in, failure_told

ERROR = "error"
"""The name of an event that is one, whatever it says."""


class StreamDecoder:
    """One stream. `sent` says what the calls of it mean."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._sent = sent
        self._ids: CallIds | None = None
        self._candidates: dict[int, CandidateReader] = {}
        self._stops: dict[int, tuple[str, Any]] = {}
        """Why each candidate stops, as far as it is known."""
        self._blocked: Stop | None = None
        self._begun = False
        """Whether a usage has been told."""
        self._untold: Any = None
        """The last usage, if it has not been told."""

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What a chunk tells. Raises `InvalidResponse` for one that cannot be read."""
        if name == ERROR:
            return (Failed(failure_told(frame)),)
        if not isinstance(frame, dict):
            raise InvalidResponse("a chunk is no object")
        failure = failure_in(frame)
        if failure is not None:
            return (Failed(failure),)
        try:
            return self._events(frame)
        except MISFITS as error:
            raise InvalidResponse("a chunk cannot be read") from error

    def end(self) -> Sequence[Event]:
        """What is closed by the end, and that it is one, if every candidate has said why it stops."""
        events: list[Event] = []
        stops: dict[int, Stop] = {}
        for index, reader in self._candidates.items():
            reader.close(events)
            if index in self._stops:
                reason, message = self._stops[index]
                stops[index] = stop_of(reason, message, ("candidates", index), called=reader.called)
        if not self._candidates and self._blocked is not None:
            stops[0] = self._blocked
        self._tell_usage(events)
        events += [Finished(stop, index) for index, stop in stops.items()]
        if stops and stops.keys() >= self._candidates.keys():
            events.append(Ended())
        return events

    def _events(self, frame: Json) -> Sequence[Event]:
        events: list[Event] = []
        if self._ids is None:
            self._ids = CallIds(frame.get("responseId"))
            events.append(Started(Answer(wire=WIRE, words=WORDS, **head_of(frame))))
        if "usageMetadata" in frame:  # every chunk has one: the first tells what was sent, and the last counts
            self._untold = frame["usageMetadata"]
            if not self._begun:
                self._tell_usage(events)
        candidates = frame.get("candidates")
        if not isinstance(candidates, list | None):
            raise InvalidResponse("the candidates are no list")
        lost: tuple[str, ...] = ()
        ends = False
        for number, candidate in enumerate(candidates or ()):
            if type(candidate) is not dict:
                raise InvalidResponse("a candidate is no object")
            reader, is_last = self._candidate(candidate, number, self._ids, events)
            ends, lost = ends or is_last, lost + reader.lost
        if "promptFeedback" in frame:
            self._blocked = blocked(frame["promptFeedback"]) or self._blocked
        if ends:
            self._tell_usage(events)
        events.append(Beside(Extra(WIRE, {GIVEN: frame}, lost)))
        return events

    def _candidate(self, candidate: Json, number: int, ids: CallIds, events: list[Event]) -> tuple[CandidateReader, bool]:
        """Adds its events; gives what has read it, and whether it may be at its end."""
        index = candidate.get("index", number)
        if type(index) is not int:
            raise InvalidResponse("the index of a candidate is no number")
        reader = self._candidates.get(index)
        if reader is None:
            reader = self._candidates[index] = CandidateReader(index, self._sent, ids)
        reader.read(candidate, events)
        reason = candidate.get("finishReason")
        if not isinstance(reason, str | None):
            raise InvalidResponse("the finish reason is no text")
        if (reason or "") in UNTOLD:
            return reader, False
        self._stops[index] = (str(reason), candidate.get("finishMessage"))
        return reader, True

    def _tell_usage(self, events: list[Event]) -> None:
        used = None if self._untold is None else used_in(self._untold, ("usageMetadata",))
        self._untold = None
        if used is not None:
            self._begun = True
            events.append(UsageTold(used))
