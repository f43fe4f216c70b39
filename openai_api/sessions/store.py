"""What is remembered of sessions, and how is one found again? In this process, within bounds; `shared.py` keeps the same for all.

Of a conversation only digests of its beginnings are kept. One that goes on says again all that was said before: the digest of
that is known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import msgspec

from providers.ids import unique

VARIANT = "89ab"
MOST_SESSIONS = 10_000
IDLE_S = 3600.0
MOST_PATHS = 16
"""Beginnings that are remembered of a session: the last ones. A client that goes back further begins another session."""
MOST_ALIKE = 64
"""Sessions of one beginning that are remembered: many conversations begin with the same words."""


class Lookup(msgspec.Struct, frozen=True):
    """What a request says of its session. `owner` stands for the key: two keys never share a session. `session` is the id if the
    request names it, `previous` the response that it goes on from. `paths` are digests of its beginnings, the longest first;
    `whole` is that of all of it, b"" of what is no conversation."""

    owner: str
    session: str = ""
    previous: str = ""
    paths: tuple[bytes, ...] = ()
    whole: bytes = b""


class Found(msgspec.Struct, frozen=True):
    """The session of a request; `path` is the place of the beginning that was known, -1 if none was."""

    session: str
    new: bool
    path: int


class Shared(Protocol):
    """Sessions of all workers. None and False say that they cannot be reached now."""

    @property
    def failures(self) -> int: ...

    async def stop(self) -> None: ...

    async def find(self, lookup: Lookup, fresh: str) -> Found | None:
        """The session of the request; one that begins there has the id `fresh`."""
        ...

    async def answered(self, owner: str, session: str, response: str) -> bool: ...


def new_id() -> str:
    """A UUID of the fourth version: 122 random bits. (The class of that name takes four times as long.)"""
    made = unique()
    return f"{made[:8]}-{made[8:12]}-4{made[12:15]}-{VARIANT[int(made[15], 16) & 3]}{made[16:19]}-{made[19:31]}"


class _Session:
    __slots__ = ("current", "id", "paths", "used")

    def __init__(self, session: str) -> None:
        self.id = session
        self.current = b""
        self.paths: list[bytes] = []
        self.used = 0.0


class Memory:
    """Sessions of this process: at most `most`, each until it was idle for `idle_s` seconds."""

    def __init__(self, most: int = MOST_SESSIONS, idle_s: float = IDLE_S, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._idle_s, self._clock = most, idle_s, clock
        self._sessions: OrderedDict[tuple[str, str], _Session] = OrderedDict()
        self._at: dict[bytes, list[_Session]] = {}
        self._responses: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, lookup: Lookup) -> Found:
        """The session of the request, which is now as far as the request goes."""
        now = self._clock()
        if self._used_before(now - self._idle_s):
            self._forget(now - self._idle_s)
        session, place = self._session_of(lookup, now)
        key = lookup.owner, session or new_id()
        found = self._sessions.get(key)
        new = found is None
        if found is None:
            found = self._begun(key)
        else:
            self._sessions.move_to_end(key)
        found.used = now
        if lookup.whole:
            self._moved(found, lookup.whole)
        return Found(key[1], new, place)

    def known(self, lookup: Lookup) -> str:
        """The session of the request, if it is remembered, else ""."""
        session, _ = self._session_of(lookup, self._clock())
        return session if (lookup.owner, session) in self._sessions else ""

    def note(self, lookup: Lookup, found: Found) -> None:
        """Takes over what was found elsewhere."""
        self.find(Lookup(lookup.owner, found.session, "", lookup.paths, lookup.whole))

    def answered(self, owner: str, session: str, response: str) -> None:
        """A response is part of the session, to be found by its id."""
        self._responses[owner, response] = session, self._clock()
        self._responses.move_to_end((owner, response))
        if len(self._responses) > self._most:
            self._responses.popitem(last=False)

    def _session_of(self, lookup: Lookup, now: float) -> tuple[str, int]:
        """The id, "" if none is known, and which of the beginnings is known."""
        session = lookup.session or self._continued(lookup, now)
        place, alike = self._known(lookup.paths)
        if not session and alike:
            session = _first_still_there(alike, lookup.paths[place])
        return session, place

    def _continued(self, lookup: Lookup, now: float) -> str:
        if not lookup.previous:
            return ""
        session, at = self._responses.get((lookup.owner, lookup.previous), ("", 0.0))
        return session if at >= now - self._idle_s else ""

    def _known(self, paths: tuple[bytes, ...]) -> tuple[int, list[_Session]]:
        """The longest beginning that is known, and which sessions have come to it."""
        for place, path in enumerate(paths):
            if alike := self._at.get(path):
                return place, alike
        return -1, []

    def _begun(self, key: tuple[str, str]) -> _Session:
        begun = self._sessions[key] = _Session(key[1])
        if len(self._sessions) > self._most:
            self._drop(self._sessions.popitem(last=False)[1])
        return begun

    def _moved(self, session: _Session, whole: bytes) -> None:
        """The session has come to these words."""
        session.current = whole
        if whole in session.paths:
            self._leave(session, whole)
            session.paths.remove(whole)
        session.paths.append(whole)
        alike = self._at.get(whole)
        if alike is None:
            self._at[whole] = [session]
        else:
            alike.append(session)
            if len(alike) > MOST_ALIKE:
                alike.pop(0).paths.remove(whole)
        if len(session.paths) > MOST_PATHS:
            self._leave(session, session.paths.pop(0))

    def _used_before(self, moment: float) -> bool:
        """Whether the session that was used the longest ago was so before that moment; those used last stand at the end."""
        for session in self._sessions.values():
            return session.used < moment
        return False

    def _forget(self, moment: float) -> None:
        """Drops the sessions that were idle for too long."""
        while self._used_before(moment):
            self._drop(self._sessions.popitem(last=False)[1])

    def _drop(self, session: _Session) -> None:
        for path in session.paths:
            self._leave(session, path)

    def _leave(self, session: _Session, path: bytes) -> None:
        alike = self._at[path]
        alike.remove(session)
        if not alike:
            del self._at[path]


def _first_still_there(alike: list[_Session], path: bytes) -> str:
    """Of the sessions that have come to the same words the first that has gone no further, else the last."""
    for session in alike:
        if session.current == path:
            return session.id
    return alike[-1].id
