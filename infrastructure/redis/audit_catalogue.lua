-- What is wrong with the sessions of a page of the catalogue: they are gone although their time has not come ('lost'),
-- they have other places than events ('places'), or do not stand where they belong in the lists of sessions ('lists').
--
-- ARGV: 2 where to begin behind, 3 how many at most. Answers: where to go on behind ('' at the end), then per session
-- that something is wrong with what it is, and its id.

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

local function note(wrong, session)
    page[#page + 1], page[#page + 2] = wrong, session
end

for i = 1, #found, 2 do
    local session = found[i]
    if redis.call('EXISTS', key('entry', session)) == 0 then
        note('lost', session)
    elseif redis.call('ZCARD', key('places', session)) ~= redis.call('HLEN', key('events', session)) then
        note('places', session)
    elseif not is_listed(session) then
        note('lists', session)
    end
end
return page
