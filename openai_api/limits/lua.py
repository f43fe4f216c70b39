"""How does Redis count? As `counting.py` does, in Lua: each step of a store is one script, and its clock is the server's.

    NAME       FIXED: hash i (window), t (total) · BUCKET: hash l (level), a (at) · SLIDING: hash of slices, t (total), n (newest)
               HELD: hash s (spent), h (held), k (told what was spent), a:HOLD (amounts)
    NAME:o     SLIDING: list of slices, the oldest first
    NAME:h     HELD: sorted set of holds by the time until which they are held

A counter is seven arguments: kind, take, most ("" for none), window, burst, keep, seeded. Numbers are whole, up to 2^53, which
Lua has exactly.
"""

from __future__ import annotations

from openai_api.limits.counting import GRAIN, SLACK, SLICES
from openai_api.limits.store import MOST, NEVER, PLACE_MS

LONGEST_S = 10**9
"""What Redis may keep."""
CLOCK = "local time = redis.call('TIME'); local now = time[1] * 1000 + math.floor(time[2] / 1000)"
"""The one line that tests replace, to set the clock by hand."""
COMMON = f"""
{CLOCK}
local MOST, NEVER, PLACE, SLICES, SLACK, GRAIN, LONGEST = {MOST}, {NEVER}, {PLACE_MS}, {SLICES}, {SLACK}, {GRAIN}, {LONGEST_S}
local call, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min

local function counter(place)
  local at = place + 1
  return {{kind = ARGV[at], take = tonumber(ARGV[at + 1]), most = tonumber(ARGV[at + 2]), window = tonumber(ARGV[at + 3]),
    burst = tonumber(ARGV[at + 4]), keep = tonumber(ARGV[at + 5]), seeded = ARGV[at + 6] == '1'}}
end

local function numbers(key, ...)
  local found = call('HMGET', key, ...)
  for i = 1, #found do found[i] = tonumber(found[i] or nil) end
  return found
end

local function left(c, used)
  if not c.most then return MOST end
  return max(0, c.most - used)
end

local fixed, sliding, bucket, held = {{}}, {{}}, {{}}, {{}}

function fixed.move(key, c)
  local length, found = c.window * SLICES, numbers(key, 'i', 't')
  c.index, c.total = found[1] or 0, found[2] or 0
  local index = floor(now / length)
  if index > c.index then
    c.index, c.total = index, 0
  elseif index < c.index and c.index * length - now > SLACK * c.window then
    c.index = index
  end
  c.moved = c.index ~= found[1]
  return length
end

function fixed.save(key, c)
  call('HSET', key, 'i', c.index, 't', c.total)
  call('EXPIRE', key, c.window * 2 + 1)
end

function fixed.wait(key, c)
  local length = fixed.move(key, c)
  if c.moved then fixed.save(key, c) end
  if not c.most or c.total + c.take <= c.most then return 0 end
  if c.take > c.most then return NEVER end
  return (c.index + 1) * length - now
end

function fixed.add(key, c)
  c.total = c.total + c.take
  fixed.save(key, c)
end

function fixed.found(key, c)
  local reset = 0
  if c.total > 0 then reset = (c.index + 1) * c.window * SLICES - now end
  return c.total, left(c, c.total), reset
end

function fixed.settle(key, c, at, used)
  local length = fixed.move(key, c)
  if c.index == floor(at / length) or used > c.take then c.total = max(0, c.total + used - c.take) end
  fixed.save(key, c)
end

function sliding.move(key, c)
  local order, found = key .. ':o', numbers(key, 't', 'n')
  local total, newest, index = found[1] or 0, found[2], floor(now / c.window)
  if newest and newest > index then
    if newest - index <= SLACK then
      index = newest
    else
      call('DEL', key, order)
      call('HSET', key, index, total, 't', total, 'n', index)
      call('RPUSH', order, index)
      newest = index
    end
  end
  local first, before = call('LINDEX', order, 0), total
  while first and index - first > SLICES do
    call('LPOP', order)
    total = total - (call('HGET', key, first) or 0)
    call('HDEL', key, first)
    first = call('LINDEX', order, 0)
  end
  if total ~= before then call('HSET', key, 't', total) end
  c.index, c.total, c.newest = index, total, newest
end

function sliding.count(key, c, more)
  if call('HEXISTS', key, c.index) == 0 then call('RPUSH', key .. ':o', c.index) end
  call('HINCRBY', key, c.index, more)
  c.total, c.newest = c.total + more, c.index
  call('HSET', key, 't', c.total, 'n', c.index)
  call('EXPIRE', key, c.window + ceil(c.window / 100) + 1)
  call('EXPIRE', key .. ':o', c.window + ceil(c.window / 100) + 1)
end

function sliding.wait(key, c)
  sliding.move(key, c)
  if not c.most then return 0 end
  local over = c.total + c.take - c.most
  if over <= 0 then return 0 end
  if c.take > c.most then return NEVER end
  for begun = 0, SLICES, 50 do
    local some = call('LRANGE', key .. ':o', begun, begun + 49)
    if #some == 0 then return NEVER end
    local counts = call('HMGET', key, unpack(some))
    for i = 1, #some do
      over = over - (counts[i] or 0)
      if over <= 0 then return (some[i] + SLICES + 1) * c.window - now end
    end
  end
  return NEVER
end

function sliding.add(key, c)
  sliding.count(key, c, c.take)
end

function sliding.found(key, c)
  local reset = 0
  if c.total > 0 then reset = (c.newest + SLICES + 1) * c.window - now end
  return c.total, left(c, c.total), reset
end

function sliding.settle(key, c, at, used)
  local index, more = floor(at / c.window), used - c.take
  sliding.move(key, c)
  local counted = call('HGET', key, index)
  if counted then
    more = max(more, -counted)
    call('HINCRBY', key, index, more)
    call('HSET', key, 't', c.total + more)
  elseif more > 0 then
    sliding.count(key, c, more)
  end
end

function bucket.move(key, c)
  local found = numbers(key, 'l', 'a')
  c.flow = (c.most or MOST) / (c.window * 1000)
  c.level = min(c.burst, (found[1] or MOST) + max(0, now - (found[2] or 0)) * c.flow)
end

function bucket.save(key, c)
  call('HSET', key, 'l', string.format('%.17g', c.level), 'a', now)
  call('EXPIRE', key, min(LONGEST, ceil((c.burst - c.level) / c.flow / 1000) + 1))
end

function bucket.wait(key, c)
  bucket.move(key, c)
  bucket.save(key, c)
  if c.level + GRAIN >= c.take then return 0 end
  if c.take > c.burst then return NEVER end
  return ceil((c.take - c.level - GRAIN) / c.flow)
end

function bucket.add(key, c)
  c.level = c.level - c.take
  bucket.save(key, c)
end

function bucket.found(key, c)
  local remaining, missing, reset = max(0, floor(c.level + GRAIN)), c.burst - c.level, 0
  if missing > GRAIN then reset = ceil(missing / c.flow) end
  return c.burst - remaining, remaining, reset
end

function bucket.settle(key, c, at, used)
  bucket.move(key, c)
  c.level = min(c.burst, c.level + c.take - used)
  bucket.save(key, c)
end

function held.drop(key, hold)
  local amount = call('HGET', key, 'a:' .. hold)
  if amount then
    call('HDEL', key, 'a:' .. hold)
    if amount ~= '0' then call('HINCRBY', key, 'h', '-' .. amount) end
  end
  call('ZREM', key .. ':h', hold)
end

function held.keep(key, c)
  call('EXPIRE', key, c.keep)
  call('EXPIRE', key .. ':h', c.keep)
end

function held.hold(key, hold, amount, till)
  call('HSET', key, 'a:' .. hold, amount)
  call('HINCRBY', key, 'h', amount)
  call('ZADD', key .. ':h', till, hold)
end

function held.wait(key, c)
  for _, hold in ipairs(call('ZRANGEBYSCORE', key .. ':h', '-inf', now, 'LIMIT', 0, 1000)) do held.drop(key, hold) end
  local found = numbers(key, 's', 'h', 'k')
  c.spent, c.held, c.unknown = found[1] or 0, found[2] or 0, c.seeded and not found[3]
  if not c.most or c.spent + c.held + c.take <= c.most then return 0 end
  if c.spent + c.take > c.most then return NEVER end
  return PLACE
end

function held.add(key, c, hold, till)
  c.held = c.held + c.take
  held.hold(key, hold, c.take, till)
  held.keep(key, c)
end

function held.found(key, c)
  local used = c.spent + c.held
  return used, left(c, used), 0
end

function held.settle(key, c, at, used, hold)
  held.drop(key, hold)
  if used ~= 0 then call('HINCRBY', key, 's', used) end
  held.keep(key, c)
end

local kinds = {{f = fixed, s = sliding, b = bucket, h = held}}
"""
TAKE = f"""{COMMON}
local hold, till, notes = ARGV[1], now + ARGV[2], ARGV[3]
local cs, waits, good, unknown = {{}}, {{}}, 1, 0
for i = 1, #KEYS - 1 do
  local c = counter(3 + (i - 1) * 7)
  cs[i], waits[i] = c, kinds[c.kind].wait(KEYS[i], c)
  if waits[i] ~= 0 then good = 0 end
  if c.unknown then unknown = unknown + 1 end
end
if unknown > 0 then good = 0 end
if good == 1 then
  for i, c in ipairs(cs) do kinds[c.kind].add(KEYS[i], c, hold, till) end
  if notes ~= '' then call('XADD', KEYS[#KEYS], '*', 'notes', notes) end
end
local said = {{good, now, unknown}}
for i, c in ipairs(cs) do
  local used, remaining, reset = kinds[c.kind].found(KEYS[i], c)
  local at = 3 + (i - 1) * 5
  said[at + 1], said[at + 2], said[at + 3], said[at + 4] = used, remaining, reset, waits[i]
  said[at + 5] = c.unknown and 1 or 0
end
return said
"""
"""Arguments: the hold, how long it is held (ms), notes; then the counters. The last key is the stream of notes."""
SETTLE = f"""{COMMON}
local hold, at, notes = ARGV[1], tonumber(ARGV[2]), ARGV[3]
for i = 1, #KEYS - 1 do
  local place = 3 + (i - 1) * 8
  local c = counter(place)
  kinds[c.kind].settle(KEYS[i], c, at, tonumber(ARGV[place + 8]), hold)
end
if notes ~= '' then call('XADD', KEYS[#KEYS], '*', 'notes', notes) end
return 1
"""
"""Arguments: the hold, the time of the take, notes; then each counter with what was used of it."""
RENEW = f"""{COMMON}
local till = now + ARGV[2]
for i = 2, #KEYS do
  local key, at = KEYS[i], 2 + (i - 2) * 3
  local hold, amount, keep = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if call('ZSCORE', key .. ':h', hold) then
    call('ZADD', key .. ':h', till, hold)
  else
    held.hold(key, hold, amount, till)
  end
  held.keep(key, {{keep = keep}})
end
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
call('ZADD', KEYS[1], till, ARGV[1])
call('PEXPIRE', KEYS[1], ARGV[2])
return call('ZCARD', KEYS[1])
"""
"""Says how many workers there are. Arguments: the worker, how long it and its holds count as alive (ms); then each hold, with its
amount and how long its counter is kept. The first key is the set of workers."""
FILL = f"""{COMMON}
for i, key in ipairs(KEYS) do
  local spent = numbers(key, 's')[1] or 0
  call('HSET', key, 's', string.format('%d', max(spent, tonumber(ARGV[2 * i - 1]))), 'k', 1)
  held.keep(key, {{keep = ARGV[2 * i]}})
end
return 1
"""
"""Arguments: what was spent of each counter, and how long it is kept."""
CHARGE = f"""{COMMON}
for i, key in ipairs(KEYS) do
  local c = counter((i - 1) * 7)
  if c.seeded then
    call('HDEL', key, 'k')
  else
    kinds[c.kind].wait(key, c)
    kinds[c.kind].add(key, c)
  end
end
return now
"""
"""Counts what was admitted elsewhere, whatever the limits say, and asks of `seeded` counters to be told what was spent; says what
time it is. Arguments: the counters."""
FORGET = """
for _, key in ipairs(KEYS) do
  if redis.call('HDEL', key, 'k') == 1 then redis.call('HSET', key, 's', 0) end
end
return 1
"""
