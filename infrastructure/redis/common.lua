-- What the scripts share; each is sent behind this one.
--
-- Names of keys are made here and not passed in: all keys of a store carry the same hash tag, so they lie in one slot,
-- and the one key that is passed shows a cluster which. `docs` of what is under which name: recorder.py.
--
-- ARGV[1] is what all names begin with: '{prefix}:' or 'prefix{hash tag}:'.

local base = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function key(kind, name)
    return base .. kind .. ':' .. name
end

-- A number as text; Lua's own way would turn to 1e+15 one day.
local function text(number)
    return string.format('%.0f', number)
end

-- Writes many values under one key; what Lua can pass at once is limited.
local function put(command, name, values)
    for i = 1, #values, 1000 do
        redis.call(command, name, unpack(values, i, math.min(i + 999, #values)))
    end
end

-- The newest global position that was given out; it is also what waiting readers block on.
local function last_global_position()
    local newest = redis.call('XREVRANGE', base .. 'positions', '+', '-', 'COUNT', 1)[1]
    return newest and tonumber(newest[1]:match('^(%d+)')) or 0
end

local function announce(global)
    redis.call('XADD', base .. 'positions', 'MAXLEN', 1, text(global) .. '-0', 'at', text(now))
end

-- Time to live ---------------------------------------------------------------------------------------------

-- A session in the list of those that will expire; the user is in it because the entry will be gone by then.
local function expiring(session, started, user)
    return started .. ':' .. #user .. ':' .. user .. session
end

local function names_of(session, own_key)
    local names = {
        key('entry', session), key('events', session), key('payloads', session), key('places', session),
        key('commands', session),
    }
    if own_key then
        names[#names + 1] = key('key', own_key)
    end
    return names
end

-- Lets a session live for another while, or for good (ttl 0), and those that it goes on from at least as long.
-- One deadline for all its keys: they vanish in the same millisecond.
local function keep(session, ttl, at_least)
    local entry = redis.call('HMGET', key('entry', session), 'started', 'user', 'key', 'forked_from')
    local started, user, own_key, origin = entry[1], entry[2] or '', entry[3], entry[4]
    if not started then
        return
    end
    local left = redis.call('PTTL', key('events', session))
    if ttl == 0 then
        if left >= 0 then
            for _, name in ipairs(names_of(session, own_key)) do
                redis.call('PERSIST', name)
            end
            redis.call('ZREM', base .. 'expiries', expiring(session, started, user))
        end
    elseif not (at_least and (left < 0 or left > ttl)) then
        for _, name in ipairs(names_of(session, own_key)) do
            redis.call('PEXPIREAT', name, text(now + ttl))
        end
        redis.call('ZADD', base .. 'expiries', text(now + ttl), expiring(session, started, user))
    end
    if origin then
        keep(origin, ttl, true)
    end
end

-- Lists of sessions: of each status, and of each status of a user; each by when they were started and last used. They
-- hold the session alone, so that one that is started again under its id stands where it belongs.

local STATUSES = {'unstarted', 'active', 'archived', 'deleted'}

local function list(order, status, user, session, at)
    redis.call('ZADD', key(order, status), at, session)
    if user then
        redis.call('ZADD', key(order, status .. ':' .. user), at, session)
    end
end

local function unlist_of(session, suffix)
    for _, status in ipairs(STATUSES) do
        redis.call('ZREM', key('created', status .. suffix), session)
        redis.call('ZREM', key('updated', status .. suffix), session)
    end
end

local function unlist(session, user)
    unlist_of(session, '')
    if user then
        unlist_of(session, ':' .. user)
    end
end

-- Takes sessions that have expired out of the indexes, at most so many; answers how many it looked at.
local function forget_expired(limit)
    local found = redis.call('ZRANGEBYSCORE', base .. 'expiries', '-inf', '(' .. text(now), 'LIMIT', 0, limit)
    for _, member in ipairs(found) do
        local started, length, rest = member:match('^(%d+):(%d+):(.*)$')
        local user, session = rest:sub(1, tonumber(length)), rest:sub(tonumber(length) + 1)
        local entry = key('entry', session)
        local left = redis.call('PTTL', entry)
        if left ~= -2 and redis.call('HGET', entry, 'started') == started then
            -- Somebody gave it another time to live by hand.
            if left == -1 then
                redis.call('ZREM', base .. 'expiries', member)
            else
                redis.call('ZADD', base .. 'expiries', text(now + left + 1), member)
            end
        else
            redis.call('ZREM', base .. 'expiries', member)
            local kept = redis.call('ZSCORE', base .. 'catalogue', session)
            if kept and tonumber(kept) == tonumber(started) then
                redis.call('ZREM', base .. 'catalogue', session)
            end
            if left == -2 then
                unlist(session, user)
            elseif redis.call('HGET', entry, 'user') ~= user then
                unlist_of(session, ':' .. user)
            end
        end
    end
    return #found
end

-- The global feed ------------------------------------------------------------------------------------------

-- One member per append, under its last global position: first position, count, session. The rows are kept once, with
-- their session. What is dropped from the feed is counted, so that a gap that nobody accounts for is noticed.

local function reference(first, count, session)
    return text(first) .. ':' .. text(count) .. ':' .. session
end

local function referenced(member)
    local first, count, session = member:match('^(%d+):(%d+):(.*)$')
    return tonumber(first), tonumber(count), session
end

local function count_forgotten(count)
    redis.call('HINCRBY', base .. 'sweep', 'forgotten', text(count))
end

-- What became of rows from a global position on: 'there'; 'expired', with their session; or 'lost', if their session
-- is gone before its time.
local function fate(session, global)
    local started = redis.call('HGET', key('entry', session), 'started')
    if started then
        return tonumber(started) <= global and 'there' or 'expired'
    end
    return redis.call('ZSCORE', base .. 'catalogue', session) and 'lost' or 'expired'
end

-- The fate of a member of the feed; an expired one is dropped.
local function looked_at(member, last)
    local first, count, session = referenced(member)
    local verdict = fate(session, last - count + 1)
    if verdict == 'expired' and redis.call('ZREM', base .. 'feed', member) == 1 then
        count_forgotten(count)
    end
    return verdict, first, count, session
end

-- Looks at the next few members of the feed, round and round, so that it does not grow by what has expired.
local function sweep(limit)
    local from = redis.call('HGET', base .. 'sweep', 'at') or '0'
    local found = redis.call('ZRANGEBYSCORE', base .. 'feed', '(' .. from, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
    for i = 1, #found, 2 do
        looked_at(found[i], tonumber(found[i + 1]))
    end
    redis.call('HSET', base .. 'sweep', 'at', #found == 2 * limit and found[#found] or '0')
end
