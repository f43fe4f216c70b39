"""How do all workers agree on sessions? Redis keeps for all what `Memory` keeps for one, and looks it up in one step.

    signalbox:session:{OWNER}:s:SESSION     the digest of how far it has come, until it was idle for too long
    signalbox:session:{OWNER}:p:DIGEST      the sessions that have come to these words, in their order
    signalbox:session:{OWNER}:r:RESPONSE    the session of a response

The owner stands in braces, so that all that a script touches lies on one server of a cluster.
"""

from __future__ import annotations

from openai_api.redis_link.link import ANSWER_S, RedisLink, script
from openai_api.sessions.store import IDLE_S, MOST_ALIKE, Found, Lookup

PREFIX = "signalbox:session:"
FIND = """
local base, idle = KEYS[1], ARGV[1]
local session, fresh, whole = ARGV[2], ARGV[4], ARGV[5]
local place = -1
if session == '' and ARGV[3] ~= '' then
  session = redis.call('GET', base .. 'r:' .. ARGV[3]) or ''
end
if session ~= '' then
  for i = 7, #ARGV do
    if redis.call('EXISTS', base .. 'p:' .. ARGV[i]) == 1 then place = i - 7; break end
  end
else
  for i = 7, #ARGV do
    local latest = ''
    for _, id in ipairs(redis.call('LRANGE', base .. 'p:' .. ARGV[i], 0, -1)) do
      local current = redis.call('GET', base .. 's:' .. id)
      if current then latest = id end
      if current == ARGV[i] then break end
    end
    if latest ~= '' then session = latest; place = i - 7; break end
  end
end
if session == '' then session = fresh end
local key = base .. 's:' .. session
local new = 1 - redis.call('EXISTS', key)
if whole ~= '' or new == 1 then
  redis.call('SET', key, whole, 'EX', idle)
else
  redis.call('EXPIRE', key, idle)
end
if whole ~= '' then
  local path = base .. 'p:' .. whole
  redis.call('LREM', path, 0, session)
  redis.call('RPUSH', path, session)
  redis.call('LTRIM', path, ARGV[6], -1)
  redis.call('EXPIRE', path, idle)
end
return {session, new, place}
"""
ANSWERED = """
redis.call('SET', KEYS[1] .. 'r:' .. ARGV[3], ARGV[2], 'EX', ARGV[1])
return redis.call('EXPIRE', KEYS[1] .. 's:' .. ARGV[2], ARGV[1])
"""


_find, _answered = script(FIND), script(ANSWERED)


class RedisSessions:
    """A `Shared` at the Redis server of that address, for which a request waits `answer_s` at most."""

    def __init__(self, url: str, idle_s: float = IDLE_S, answer_s: float = ANSWER_S) -> None:
        told = "sessions are not shared: redis is away", "sessions are shared again"
        self._link = RedisLink(url, (_find, _answered), answer_s, *told)
        self._idle = str(int(idle_s))

    @property
    def failures(self) -> int:
        return self._link.failures

    async def stop(self) -> None:
        await self._link.stop()

    async def find(self, lookup: Lookup, fresh: str) -> Found | None:
        told = (self._idle, lookup.session, lookup.previous, fresh, lookup.whole.hex(), str(-MOST_ALIKE))
        said = await self._link.run(_find, _base(lookup.owner), *told, *[path.hex() for path in lookup.paths])
        if said is None:
            return None
        session, new, path = said
        return Found(session.decode(), bool(new), path)

    async def answered(self, owner: str, session: str, response: str) -> bool:
        return await self._link.run(_answered, _base(owner), self._idle, session, response) is not None


def _base(owner: str) -> str:
    return f"{PREFIX}{{{owner}}}:"
