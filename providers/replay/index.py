"""Which recorded answer is the one to a request? Found by what was asked; read from the disk when it is needed."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from providers.errors import CallerError
from providers.recordings.lines import Damaged, Line
from providers.recordings.reading import NoRecording, Place, Reading, Recorded
from providers.replay import folder
from providers.replay.matching import differences, key_of, same, value_of
from providers.types import Wire

NEAREST = 200
"""Recorded requests that are looked at for the nearest one."""
MOST_PLACES = 10_000
"""Differences that are counted."""
State = tuple[tuple[Path, int, int], ...]


class NotRecorded(CallerError):
    """No recorded request equals this one."""

    def __init__(self, message: str) -> None:
        super().__init__(404, message, error_type="not_found_error", code="not_recorded")


class Asked(NamedTuple):
    """What a request is known by. `models` are the names that its model may have in a recording; `value` its body, without the
    model."""

    wire: Wire
    models: tuple[str, ...]
    streamed: bool
    value: Any


class Kept(NamedTuple):
    """A recorded exchange: where its lines are, and its model."""

    wire: Wire
    model: str
    streamed: bool
    redacted: bool
    request_at: Place
    answer_at: Place


class Index:
    """The exchanges below one path. `bodies` says that requests must be equal, else the answers of a wire come in their order;
    `again` that the last answer is given again when all have been. Used in threads; reads the files again when they change."""

    def __init__(self, path: str, *, bodies: bool, again: bool) -> None:
        self._path = path
        self._bodies = bodies
        self._again = again
        self._lock = threading.Lock()
        self._state: State | None = None
        self._by_key: dict[bytes, list[Kept]] = {}
        self._kept: list[Kept] = []
        self._given: dict[bytes, int] = {}

    def answer(self, asked: Asked) -> Line:
        """The line of the answer. Blocks. Raises `NotRecorded`."""
        try:
            with self._lock:
                self._refresh()
                kept = self._next(asked)
            return kept.answer_at.line()
        except NoRecording as error:
            raise NotRecorded(f"Nothing is recorded at {self._path!r}. {error}") from error
        except OSError as error:
            raise NotRecorded(f"The recordings at {self._path!r} cannot be read: {error.strerror}.") from error
        except Damaged as error:
            raise NotRecorded("The recorded answer cannot be read.") from error

    def _refresh(self) -> None:
        files = folder.files(self._path)
        state = tuple((file, (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)
        if state == self._state:
            return
        self._by_key, self._kept = defaultdict(list), []
        for recorded in Reading().exchanges(files):
            self._add(recorded)
        self._state = state

    def _add(self, recorded: Recorded) -> None:
        wire, body = recorded.wire, recorded.request.body
        if wire is None or body is None or body.truncated or recorded.answer_at is None:
            return
        try:
            data = body.data()
        except Damaged:
            return
        streamed = recorded.request.is_streaming
        streamed = recorded.streamed if streamed is None else streamed
        model = recorded.request.model or ""
        kept = Kept(wire, model, streamed, body.redacted, recorded.request_at, recorded.answer_at)
        value = value_of(data) if self._bodies else None
        self._by_key[key_of(wire, model, streamed, value)].append(kept)
        self._kept.append(kept)

    def _next(self, asked: Asked) -> Kept:
        value = asked.value if self._bodies else None
        for model in asked.models:
            key = key_of(asked.wire, model, asked.streamed, value)
            if found := self._by_key.get(key) or self._redacted(asked, model):
                return self._in_turn(key, found)
        raise NotRecorded(self._miss(asked))

    def _in_turn(self, key: bytes, found: list[Kept]) -> Kept:
        number = self._given.get(key, 0)
        if number >= len(found) and not self._again:
            raise NotRecorded(f"The {len(found)} recorded answers to this request have been given.")
        self._given[key] = number + 1
        return found[min(number, len(found) - 1)]

    def _redacted(self, asked: Asked, model: str) -> list[Kept]:
        """Recorded requests that lost credentials, and equal this one beside them."""
        if not self._bodies:
            return []
        like = (kept for kept in self._kept if kept.redacted and self._alike(kept, asked) and kept.model == model)
        return [kept for kept in like if same(_value(kept), asked.value)]

    def _miss(self, asked: Asked) -> str:
        """Says what is nearest, and where it differs, without what anybody said."""
        alike = [kept for kept in self._kept if self._alike(kept, asked)]
        models = sorted({kept.model for kept in alike} - set(asked.models))
        if not alike:
            kind = "streams" if asked.streamed else "whole answers"
            return f"No {kind} of {asked.wire.value} are recorded at {self._path!r}."
        known = [kept for kept in alike if kept.model in asked.models]
        if not known:
            return f"Nothing is recorded of this model. Recorded: {', '.join(models[:10])}."
        kept, places = _nearest(known[-NEAREST:], asked)
        more = f", and in {len(places) - 1} other places" if len(places) > 1 else ""
        return f"No recorded request equals this one. The nearest ({kept.request_at}) differs in {places[0]!r}{more}."

    @staticmethod
    def _alike(kept: Kept, asked: Asked) -> bool:
        return kept.wire is asked.wire and kept.streamed is asked.streamed


def _nearest(known: Iterable[Kept], asked: Asked) -> tuple[Kept, list[str]]:
    """The recorded request that differs in the fewest places, and these."""
    found = [(kept, _places(_value(kept), asked.value)) for kept in known]
    return min(found, key=lambda pair: len(pair[1]))


def _places(recorded: Any, asked: Any) -> list[str]:
    places = [place for _, place in zip(range(MOST_PLACES), differences(recorded, asked, ""), strict=False)]
    return places or ["the spelling of a number"]


def _value(kept: Kept) -> Any:
    """What was asked, read again. Raises `Damaged`, `OSError`."""
    body = kept.request_at.line().body
    return value_of(body.data()) if body is not None else None
