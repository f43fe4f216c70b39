"""What must be remembered of the sessions that go on? Who they are, which calls of tools wait for results, and what was counted.

Nothing of it is what was said. It is kept in a file, so that a session ends once, and a result finds its call, although the
recorder was started anew in between.
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from openai_api.recording.events import Record

SESSIONS = 10_000
WAITING = 128
"""Calls of tools of one session that may wait for their results. More than a model asks for at a time."""
RETURNED = 256
"""Results that are remembered of a session, so that none is told again."""
Key = tuple[str, str]


class Waiting(msgspec.Struct, array_like=True):
    """A call of a tool whose result has not come. `at` is when it was asked for, `span` that of its event."""

    call_id: str | None
    name: str
    span: str
    at: float


class Live(msgspec.Struct):
    """A session that goes on. `span` is that of its last event, `last` when that happened."""

    session_id: str
    client_id: str
    client_name: str
    tenant: str
    agent: str
    tags: dict[str, str]
    started: float
    last: float
    model: str = ""
    span: str = ""
    calls: int = 0
    errors: int = 0
    tools: int = 0
    waiting: list[Waiting] = []
    returned: list[str] = []

    @property
    def key(self) -> Key:
        return self.client_id, self.session_id

    def ask(self, call: Waiting) -> None:
        """A tool was called."""
        self.waiting.append(call)
        del self.waiting[:-WAITING]

    def result(self, call_id: str | None, name: str | None) -> Waiting | None:
        """The call that a result belongs to, which then waits no longer: the one of that id; where there are none, the first of
        that name, or the first."""
        for place, call in enumerate(self.waiting):
            if (call.call_id == call_id) if call_id and call.call_id else name in (None, "", call.name):
                return self.waiting.pop(place)
        return None

    def is_told(self, call_id: str | None) -> bool:
        """Whether the result of that call was told before; from now on it counts as told."""
        if not call_id:
            return False
        if call_id in self.returned:
            return True
        self.returned.append(call_id)
        del self.returned[:-RETURNED]
        return False


class Memory:
    """The sessions that go on, the one that was heard of last at the end; and the keys of those that have ended."""

    def __init__(self, most: int = SESSIONS) -> None:
        self._most = most
        self._live: OrderedDict[Key, Live] = OrderedDict()
        self._ended: OrderedDict[Key, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def find(self, record: Record) -> Live | None:
        """The session of the request, if it goes on."""
        return self._live.get((record.client_id or "", record.session))

    def begin(self, record: Record) -> tuple[Live, bool]:
        """Remembers the session of the request; whether it goes on after its end."""
        live = Live(
            session_id=record.session,
            client_id=record.client_id or "",
            client_name=record.client_name or "",
            tenant=record.tenant,
            agent=record.agent,
            tags=dict(record.tags),
            started=record.started,
            last=record.started,
        )
        self._live[live.key] = live
        resumed = live.key in self._ended
        self._ended.pop(live.key, None)
        return live, resumed

    def touch(self, live: Live, at: float) -> None:
        """Something has happened in the session."""
        live.last = max(live.last, at)
        self._live.move_to_end(live.key)

    def idle(self, since: float) -> Iterator[Live]:
        """Takes out the sessions in which nothing has happened since then."""
        while self._live and (first := next(iter(self._live.values()))).last <= since:
            yield self._end(first)

    def crowded(self) -> Iterator[Live]:
        """Takes out those that are too many, the ones that were heard of the longest time ago."""
        while len(self._live) > self._most:
            yield self._end(next(iter(self._live.values())))

    def _end(self, live: Live) -> Live:
        del self._live[live.key]
        self._ended[live.key] = None
        while len(self._ended) > self._most:
            self._ended.popitem(last=False)
        return live

    def state(self) -> bytes:
        """All of it, to be given to `restore`."""
        return msgspec.msgpack.encode(State(list(self._live.values()), list(self._ended)))

    def restore(self, state: bytes) -> None:
        """Raises `msgspec.DecodeError`."""
        found = _state.decode(state)
        self._live = OrderedDict((live.key, live) for live in sorted(found.live, key=lambda live: live.last))
        self._ended = OrderedDict.fromkeys(found.ended)


class State(msgspec.Struct):
    live: list[Live]
    ended: list[Key]


_state = msgspec.msgpack.Decoder(State)


class Kept:
    """The file of the memory. It belongs to the process that has locked it; to others it is empty and takes nothing, so that of
    several recorders one ends the sessions that were left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None

    def load(self) -> bytes:
        """What was kept, b"" if there is nothing."""
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                return b""
            self._lock = lock
            return self._path.read_bytes()
        return b""

    def keep(self, state: bytes) -> None:
        """Keeps it, as a whole or not at all."""
        if self._lock is None:
            return
        made = self._path.with_suffix(".new")
        with suppress(OSError):
            file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            try:
                written = os.write(file, state)
            finally:
                os.close(file)
            if written == len(state):
                made.replace(self._path)

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
