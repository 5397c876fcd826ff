-- The shared rate budget's book in Redis. One run of this script is one atomic step.
-- Times are microseconds since 1970. The rules are those of pace.py and line.py; one suite of tests holds all books.
--
-- KEYS: calls  a sorted set of tickets by their moments; a ticket begins with i (interactive) or b (batch)
--       pace   a hash: paused until, lowered to, clean since; run: the server run whose memory it is
-- ARGV: verb, now (empty: the server's time), limit, window, soon, and what the verb needs

local calls, pace = KEYS[1], KEYS[2]
local verb, limit, window = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local SECOND, MINUTE, DAY_MS, PATIENT_WINDOWS = 1000000, 60000000, 86400000, 5

local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * SECOND + time[2]
end
local soon = now + tonumber(ARGV[5])

local stored = redis.call('HMGET', pace, 'run', 'paused', 'lowered', 'since')
local paused, lowered, since = tonumber(stored[2]) or 0, tonumber(stored[3]), tonumber(stored[4])

local function after(moment)
  return '(' .. string.format('%.0f', moment)
end

local function limit_at(moment)
  if not lowered then
    return limit
  end
  local clean = math.max(math.floor((moment - since) / MINUTE), 0)
  return math.min(limit, lowered + clean * math.max(math.floor(limit / 20), 1))
end

-- Until when calls may have been granted that this server does not remember; nil: it remembers them all.
local function forgotten(server)
  local stats = redis.call('INFO', 'commandstats') .. redis.call('INFO', 'stats')
  if stored[1] or stats:find('cmdstat_flush') or not stats:find('evicted_keys:0') then
    return now
  end
  local up = tonumber(server:match('uptime_in_seconds:(%d+)')) * SECOND
  return up < window and math.min(now, now - up + SECOND) or nil
end

-- An empty book, or one of another run of the server, is believed only if nothing can have been forgotten;
-- otherwise the last window counts as used up.
local function mistrust()
  local server = redis.call('INFO', 'server')
  local run = server:match('run_id:(%w+)')
  if stored[1] ~= run then
    local lost = forgotten(server)
    if lost then
      paused = math.max(paused, lost + window)
    end
    redis.call('HSET', pace, 'run', run, 'paused', paused)
  end
  redis.call('PEXPIRE', pace, DAY_MS)
end

local function nth_newest(n)
  return tonumber(redis.call('ZREVRANGE', calls, n - 1, n - 1, 'WITHSCORES')[2])
end

local function first_free()
  local latest = nth_newest(1)
  local free = math.max(now, paused, latest and latest + 1 or 0)
  local nth = nth_newest(limit_at(free))
  return nth and math.max(free, nth + window) or free
end

-- Whether a moment is farther off than all who wait can make it: the clock has been set back.
local function from_the_future()
  local waiting = redis.call('ZCOUNT', calls, after(soon), '+inf')
  local windows = math.floor(waiting / limit_at(now)) + PATIENT_WINDOWS
  return waiting > 0 and nth_newest(1) > math.max(now, paused) + windows * window
end

-- Forget what a wrong clock promised; the calls that were made of it count as used up in the last minute.
local function begin_anew()
  paused = math.max(now + window, paused)
  redis.call('HSET', pace, 'paused', paused)
  redis.call('ZREMRANGEBYSCORE', calls, after(now), '+inf')
end

-- The line of who waits, as ticket, moment, ticket, moment, ... and where in it a newcomer joins.
local function place_in_line(kind)
  local line = redis.call('ZRANGEBYSCORE', calls, after(soon), '+inf', 'WITHSCORES')
  local last = redis.call('ZREVRANGEBYSCORE', calls, soon, '-inf', 'LIMIT', 0, 1)[1]
  local before = last and last:sub(1, 1) == kind and -1 or -3
  for place = #line - 1, 1, -2 do
    if line[place]:sub(1, 1) == kind then
      before = place
      break
    end
  end
  return line, math.min(before + 4, #line + 1)
end

local function reserve(ticket, patience)
  mistrust()
  local free = first_free()
  if free > soon and from_the_future() then
    begin_anew()
    free = first_free()
  end
  local line, place = {}, 1
  if free > soon then
    line, place = place_in_line(ticket:sub(1, 1))
  end
  local at = tonumber(line[place + 1]) or free
  if patience and at - now > patience then
    return { 0, at - now }
  end
  for each = place, #line, 2 do
    redis.call('ZADD', calls, line[each + 3] or free, line[each])
  end
  redis.call('ZADD', calls, at, ticket)
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - 2 * window)
  redis.call('PEXPIRE', calls, math.ceil((free - now + 2 * window) / 1000))
  return { 1, at - now }
end

local function look(ticket)
  local at = redis.call('ZSCORE', calls, ticket)
  return at and tonumber(at) - now
end

local function slow_down(pause)
  mistrust()
  if now >= paused then
    lowered = math.max(math.floor(limit_at(now) * 3 / 4), 1)
    redis.call('HSET', pace, 'lowered', lowered)
  end
  paused = math.max(now + pause, paused)
  redis.call('HSET', pace, 'paused', paused, 'since', paused)
  redis.call('ZREMRANGEBYSCORE', calls, after(soon), '+inf')
end

local function standing()
  mistrust()
  local used = redis.call('ZCOUNT', calls, after(now - MINUTE), soon)
  local waiting = redis.call('ZCOUNT', calls, after(soon), '+inf')
  return { limit_at(now), used, waiting, math.max(paused - now, 0) }
end

if verb == 'reserve' then
  return reserve(ARGV[6], tonumber(ARGV[7]))
elseif verb == 'look' then
  return look(ARGV[6])
elseif verb == 'slow_down' then
  return slow_down(tonumber(ARGV[6]))
end
return standing()
