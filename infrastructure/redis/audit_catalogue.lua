-- The sessions of a page of the catalogue that are gone although their time has not come.
--
-- ARGV: 2 where to begin behind, 3 how many at most. Answers: where to go on behind ('' at the end), then the ids.

repeat until forget_expired(1000) < 1000
local limit = tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', base .. 'catalogue', '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local page = {#found == 2 * limit and found[#found] or ''}
for i = 1, #found, 2 do
    if redis.call('EXISTS', key('entry', found[i])) == 0 then
        page[#page + 1] = found[i]
    end
end
return page
