-- What is wrong with the sessions of a page of the catalogue: they are gone although their time has not come ('lost'),
-- or they have other places than events ('places').
--
-- ARGV: 2 where to begin behind, 3 how many at most. Answers: where to go on behind ('' at the end), then per session
-- that something is wrong with what it is, and its id.

repeat until forget_expired(1000) < 1000
local limit = tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', base .. 'catalogue', '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local page = {#found == 2 * limit and found[#found] or ''}

local function note(wrong, session)
    page[#page + 1], page[#page + 2] = wrong, session
end

for i = 1, #found, 2 do
    local session = found[i]
    if redis.call('EXISTS', key('entry', session)) == 0 then
        note('lost', session)
    elseif redis.call('ZCARD', key('places', session)) ~= redis.call('HLEN', key('events', session)) then
        note('places', session)
    end
end
return page
