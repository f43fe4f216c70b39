"""Which session is a request part of? Put together from what it names, what it says, and what is remembered."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

import msgspec

from openai_api.sessions.conversation import Conversation, conversation_of
from openai_api.sessions.named import Headers, named_in, named_within
from openai_api.sessions.store import Found, Lookup, Memory, Shared, new_id
from openai_api.sessions.told import READERS
from providers.offload import LARGE, offload
from providers.types import Call

RETRIED = b"x-stainless-retry-count"
"""How often OpenAI's and Anthropic's SDKs have sent the same request before."""


class Belonging(msgspec.Struct, frozen=True):
    """What a request is part of: the fields of its record."""

    session: str = ""
    agent: str = ""
    tags: dict[str, str] = {}
    new: bool = False
    seen: int = 0


class Mode(StrEnum):
    """Whether sessions that requests do not name are found: always, never, or (`AUTO`) where somebody looks at sessions."""

    AUTO = "auto"
    ON = "on"
    EXPLICIT = "explicit"


class Sessions:
    """The sessions of this process, and of all workers where they are `shared`."""

    def __init__(self, mode: Mode, *, memory: Memory | None = None, shared: Shared | None = None) -> None:
        self._mode = mode
        self._memory = memory or Memory()
        self._shared = shared

    async def stop(self) -> None:
        if self._shared is not None:
            await self._shared.stop()

    def counters(self) -> tuple[int, int]:
        """Sessions that this process remembers, and how often those of all workers could not be reached."""
        return len(self._memory), 0 if self._shared is None else self._shared.failures

    def guesses(self, *, used: bool) -> bool:
        """Whether sessions that requests do not name are found; `used` says that somebody looks at them."""
        return self._mode is Mode.ON or (used and self._mode is Mode.AUTO)

    async def find(self, call: Call, headers: Headers, client: str, tenant: str, *, generates: bool, used: bool) -> Belonging:
        """What the call is part of; `generates` is false of one that is only counted. Raises 400 `invalid_headers`."""
        named = named_in(headers)
        session, agent = named.session or named_within(call), named.agent
        guesses = self.guesses(used=used)
        if not (guesses or used):
            return Belonging(session, agent, named.tags)
        owner = owner_of(client, tenant)
        told: Conversation | None = None
        if guesses and generates and call.wire in READERS:
            told = await _read(call, f"{owner}:{session}", again=headers.get(RETRIED, b"0") != b"0")
        if told is not None:
            found = await self._looked_up(Lookup(owner, session, call.response.previous_id or "", told.paths, told.whole))
            seen = told.counts[found.path] if found.path >= 0 else 0
            return Belonging(found.session, agent or told.agent, named.tags, found.new, seen)
        if not session:
            return Belonging("", agent, named.tags)
        found = await self._looked_up(Lookup(owner, session))
        return Belonging(found.session, agent, named.tags, found.new)

    async def answered(self, client: str, tenant: str, session: str, response: str) -> None:
        """The response, under the id that clients know, is part of the session."""
        owner = owner_of(client, tenant)
        self._memory.answered(owner, session, response)
        if self._shared is not None:
            await self._shared.answered(owner, session, response)

    async def _looked_up(self, lookup: Lookup) -> Found:
        if self._shared is None:
            return self._memory.find(lookup)
        known = self._memory.known(lookup)  # one that has begun while the others could not be reached
        found = await self._shared.find(lookup, known or new_id())
        if found is None:
            return self._memory.find(lookup)
        self._memory.note(lookup, found)
        return msgspec.structs.replace(found, new=False) if found.new and found.session == known else found


async def _read(call: Call, scope: str, *, again: bool) -> Conversation | None:
    if len(call.body) > LARGE:
        return await offload(len(call.body), conversation_of, call, scope, again=again)
    return conversation_of(call, scope, again=again)


@lru_cache(maxsize=4096)
def owner_of(client: str, tenant: str) -> str:
    """Stands for a key, and a tenant of its, in what is remembered."""
    return sha256(f"{client}\0{tenant}".encode()).hexdigest()[:24]
