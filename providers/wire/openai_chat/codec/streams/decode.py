"""What does a stream of chat chunks tell, chunk by chunk?

Format: OpenAI's OpenAPI document of November 2026, `chat.completion.chunk`. What of a chunk no event tells is left in its last
event, `Beside`, so that the chunk can be made again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.answer import Answer
from providers.canonical.events import Beside, Ended, Event, Failed, Started, UsageTold
from providers.canonical.extra import Extra, Json
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.openai.told_failure import failure_in, failure_told
from providers.wire.openai_chat.codec.answers.decode import MISFITS, SOURCES, groqs_own
from providers.wire.openai_chat.codec.answers.usage import used_in
from providers.wire.openai_chat.codec.streams.choice import ChoiceReader
from providers.wire.openai_chat.codec.words import WIRE, WORDS

ERROR = "error"
"""The name of an event that is one, whatever it says."""
CHUNK = "chat.completion.chunk"
HEAD = ("id", "object", "created", "model", "service_tier")
"""Fields that every chunk repeats."""
KINDS = {"id": str, "created": int, "model": str, "service_tier": str}
APART = frozenset({*HEAD, "choices", "usage"})
NONE: tuple[Event, ...] = ()


class StreamDecoder:
    """One stream. `sent` says what the calls of it mean."""

    def __init__(self, sent: SentTools = NOTHING_SENT) -> None:
        self._sent = sent
        self._head: Json | None = None
        self._first: Answer | None = None
        self._tier: str | None = None
        self._choices: dict[int, ChoiceReader] = {}

    def feed(self, frame: Json, name: str = "") -> Sequence[Event]:
        """What a chunk tells. Raises `InvalidResponse` for one that cannot be read."""
        if name == ERROR:
            return (Failed(failure_told(frame, WIRE)),)
        if not isinstance(frame, dict):
            raise InvalidResponse("a chunk is no object")
        failure = failure_in(frame, WIRE)
        if failure is not None:
            return (Failed(failure),)
        try:
            return self._events(frame)
        except MISFITS as error:
            raise InvalidResponse("a chunk cannot be read") from error

    def end(self) -> Sequence[Event]:
        """What is closed by the end, and that it is one, if every choice has said why it stops."""
        events: list[Event] = [event for choice in self._choices.values() for event in choice.close()]
        if self._choices and all(choice.finished for choice in self._choices.values()):
            events.append(Ended(self._as_at_the_end()))
        return events

    def _as_at_the_end(self) -> Answer | None:
        """The answer, if the end has told more of it than the beginning."""
        first = self._first
        if first is None or first.service_tier == self._tier:
            return None
        return Answer(wire=WIRE, words=WORDS, id=first.id, model=first.model, created=first.created, service_tier=self._tier)

    def _events(self, frame: Json) -> Sequence[Event]:
        events: list[Event] = []
        left: Json = {"rest": {name: value for name, value in frame.items() if name not in APART}}
        self._read_head(frame, left, events)
        choices, lost = frame.get("choices"), [name for name in SOURCES if frame.get(name)]
        if choices is not None:
            if type(choices) is not list:
                raise InvalidResponse("the choices are no list")
            left["choices"] = [self._choice(choice, events, lost) for choice in choices]
        elif "choices" in frame:
            left["rest"]["choices"] = None
        self._read_usage(frame, left, events)
        events.append(Beside(Extra(WIRE, left, tuple(lost))))
        return events

    def _read_head(self, frame: Json, left: Json, events: list[Event]) -> None:
        """The head, of which only what differs from that of the first chunk is left."""
        if self._head is None:
            said: Json = {name: value for name, kind in KINDS.items() if type(value := frame.get(name)) is kind}
            self._head = {**said, "object": CHUNK}
            self._first = Answer(wire=WIRE, words=WORDS, **said)
            events.append(Started(self._first))
        head, same = self._head, 0
        for name in HEAD:
            if name in frame and (name not in head or frame[name] != head[name]):
                left["rest"][name] = frame[name]
            same += name in frame and name in head
        if same != len(head):
            left["absent"] = [name for name in head if name not in frame]
        tier = frame.get("service_tier")
        if type(tier) is str:
            self._tier = tier

    def _choice(self, choice: Any, events: list[Event], lost: list[str]) -> Json:
        if type(choice) is not dict:
            raise InvalidResponse("a choice is no object")
        index = choice.get("index")
        if index is not None and type(index) is not int:
            raise InvalidResponse("the index of a choice is no number")
        reader = self._choices.get(index or 0)
        if reader is None:
            reader = self._choices[index or 0] = ChoiceReader(index or 0, self._sent)
        return reader.read(choice, events, lost)

    def _read_usage(self, frame: Json, left: Json, events: list[Event]) -> None:
        if "usage" not in frame and "x_groq" not in frame:
            return
        usage = frame.get("usage")
        used = used_in(usage, ("usage",)) if isinstance(usage, dict) else None
        if used is None:
            if "usage" in frame:
                left["rest"]["usage"] = usage
            used = groqs_own(frame)
        if used is not None:
            events.append(UsageTold(used))
