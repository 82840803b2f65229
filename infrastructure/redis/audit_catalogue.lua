-- The sessions of a page of the catalogue, and what is wrong with each: '' for nothing, 'lost' if it is gone although its
-- time has not come, 'started' if its entry does not say where its first event is in the feed, 'key' if its key does not
-- lead to it, 'lists' if it does not stand where it belongs in the lists of sessions.
--
-- ARGV: 2 where to begin behind, 3 how many at most. Answers: where to go on behind ('' at the end), then per session
-- what is wrong and its id.

repeat until forget_expired(1000) < 1000
local limit = tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', base .. 'catalogue', '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local page = {#found == 2 * limit and found[#found] or ''}

-- Whether a session stands under a value in a list, or is not in it.
local function stands(order, name, session, value)
    local there = redis.call('ZSCORE', key(order, name), session)
    return (there and tonumber(there)) == (value and tonumber(value))
end

local function is_listed(session)
    local entry = redis.call('HMGET', key('entry', session), 'status', 'user', 'created', 'updated')
    for _, status in ipairs(STATUSES) do
        local own = status == entry[1]
        local created, updated = own and entry[3], own and entry[4]
        local well = stands('created', status, session, created) and stands('updated', status, session, updated)
        if entry[2] then
            local name = status .. ':' .. entry[2]
            well = well and stands('created', name, session, created) and stands('updated', name, session, updated)
        end
        if not well then
            return false
        end
    end
    return true
end

local function has_started(session, score)
    local started = redis.call('HGET', key('entry', session), 'started')
    local columns = redis.call('HGET', key('events', session), '1') or redis.call('HGET', key('events', session), '0')
    local first = columns and columns:match('^%[(%d+)') or started  -- an event that is missing is found elsewhere
    return started and tonumber(started) == tonumber(score) and tonumber(started) <= tonumber(first)
end

local function is_found_by_key(session)
    local own_key = redis.call('HGET', key('entry', session), 'key')
    return not own_key or redis.call('GET', key('key', own_key)) == session
end

for i = 1, #found, 2 do
    local session, wrong = found[i], ''
    if redis.call('EXISTS', key('entry', session)) == 0 then
        wrong = 'lost'
    elseif not has_started(session, found[i + 1]) then
        wrong = 'started'
    elseif not is_found_by_key(session) then
        wrong = 'key'
    elseif not is_listed(session) then
        wrong = 'lists'
    end
    page[#page + 1], page[#page + 2] = wrong, session
end
return page
