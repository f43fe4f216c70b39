"""Two codecs in a row, in the shapes in which tests ask for a conversion."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from providers.canonical.answer import Failure, Used
from providers.canonical.codec import Asked, Encoded, Traits
from providers.canonical.events import Event, Failed, UsageTold
from providers.canonical.extra import Extra
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.convert.codecs import codecs
from providers.types import Usage, Wire

Json = dict[str, Any]
CHAT, RESPONSES = Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES


class Names(tuple[str, ...]):
    """Names that are the same in any order."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple) and sorted(self) == sorted(other)

    def __hash__(self) -> int:
        return hash(frozenset(self))


@dataclass(frozen=True)
class Converted:
    """A request in the other wire, without its model; `tools` are for the decoder of its answer."""

    body: Json
    tools: SentTools
    lossy: Names


def converted(request: Json, source: Wire, target: Wire, *, returns_reasoning: bool = False) -> Converted:
    """The request of one wire in another."""
    known = codecs()
    made = known[target].encode_request(known[source].decode_request(request), Traits(returns_reasoning=returns_reasoning))
    body = {name: value for name, value in made.body.items() if name != "model"}
    return Converted(body, made.sent, Names(made.lossy))


def to_chat(request: Json, *, returns_reasoning: bool = False) -> Converted:
    return converted(request, RESPONSES, CHAT, returns_reasoning=returns_reasoning)


def to_responses(request: Json) -> Converted:
    return converted(request, CHAT, RESPONSES)


def asked(request: Json, wire: Wire, name: str, *, created: int = 1, model: str = "m", completed: int = 2) -> Asked:
    """For whom an answer is written that has that id, and is whole at the second `completed`."""
    numbers = itertools.count()
    read = codecs()[wire].decode_request(request)
    mint = lambda prefix: f"{prefix}_{next(numbers)}"  # noqa: E731
    return Asked(request=read, id=name, created=created, model=model, mint=mint, clock=lambda: completed)


class Through:
    """A stream of one wire told in another. `feed` raises what the upstream tells that went wrong."""

    def __init__(self, source: Wire, target: Wire, reader: Asked, sent: SentTools = NOTHING_SENT) -> None:
        self._source = codecs()[source]
        self._decoder = self._source.stream_decoder(sent)
        self._encoder = codecs()[target].stream_encoder(reader)

    @property
    def lossy(self) -> Names:
        return Names(self._encoder.lossy)

    def feed(self, frame: Any, name: str = "") -> list[Json]:
        return self._told(self._decoder.feed(frame, name))

    def begin(self) -> list[Json]:
        return list(self._encoder.feed(()))

    def end(self, usage: Usage | None = None) -> list[Json]:
        return self._told((*_used(usage), *self._decoder.end()))

    def fail(self, code: str, message: str, usage: Usage | None = None, more: Json | None = None) -> list[Json]:
        extra = Extra(RESPONSES, {"rest": more}) if more else None
        failed = Failed(Failure(message=message, code=code, extra=extra))
        return list(self._encoder.feed((*_used(usage), failed)))

    def _told(self, events: Sequence[Event]) -> list[Json]:
        for event in events:
            if isinstance(event, Failed):
                raise self._source.failure_of(event.failure)
        return list(self._encoder.feed(events))


def _used(usage: Usage | None) -> tuple[Event, ...]:
    return (UsageTold(Used(tokens=usage)),) if usage else ()


class ResponseWriter(Through):
    """Chat chunks told as the events of a response."""

    def __init__(self, request: Json) -> None:
        super().__init__(CHAT, RESPONSES, asked({"input": "hi"} | request, RESPONSES, "resp_1"), to_chat(request).tools)
        self.response: Json = {}

    def begin(self) -> list[Json]:
        return self._noted(super().begin())

    def chunk(self, frame: Any) -> list[Json]:
        return self._noted(self.feed(frame))

    def end(self, usage: Usage | None = None) -> list[Json]:
        return self._noted(super().end(usage))

    def fail(self, code: str, message: str, usage: Usage | None = None, more: Json | None = None) -> list[Json]:
        return self._noted(super().fail(code, message, usage, more))

    def _noted(self, events: list[Json]) -> list[Json]:
        told = [event["response"] for event in events if "response" in event]
        self.response = told[-1] if told else self.response
        return events


def to_response(request: Json, completion: Json) -> Encoded:
    """The response to a request that a whole completion amounts to."""
    reader = asked({"input": "hi"} | request, RESPONSES, "resp_1")
    return _answered(completion, CHAT, RESPONSES, reader, to_chat(request).tools)


class ChatWriter(Through):
    """Responses events told as chat chunks; the usage is told if it is wanted."""

    def __init__(self, name: str, created: int, model: str, *, include_usage: bool = False) -> None:
        request = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
        super().__init__(RESPONSES, CHAT, asked(request, CHAT, name, created=created, model=model))
        self._include_usage = include_usage
        self.usage: Json | None = None
        self.finished = False

    def event(self, event: Any) -> list[Json]:
        chunks = self.feed(event)
        self.usage = next((chunk["usage"] for chunk in chunks if chunk.get("usage")), self.usage)
        self.finished |= any(choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"])
        if self._include_usage:
            return chunks
        bare = [{name: value for name, value in chunk.items() if name != "usage"} for chunk in chunks]
        return [chunk for chunk in bare if chunk["choices"]]


def to_completion(response: Json, name: str, created: int, model: str) -> Json:
    """The completion that a whole response amounts to."""
    request = {"messages": [{"role": "user", "content": "hi"}]}
    return _answered(response, RESPONSES, CHAT, asked(request, CHAT, name, created=created, model=model)).body


def _answered(answer: Json, source: Wire, target: Wire, reader: Asked, sent: SentTools = NOTHING_SENT) -> Encoded:
    known = codecs()
    read = known[source].decode_answer(answer, sent)
    if read.failure is not None:
        raise known[source].failure_of(read.failure)
    return known[target].encode_answer(read, reader)
