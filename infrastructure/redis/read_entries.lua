-- A page of the entries in an index, in the order the sessions were started.
--
-- ARGV: 2 the index, as its key goes on behind the prefix, 3 where to begin behind, 4 how many at most, 5 how many
-- bytes, about.
--
-- Answers: where to go on behind ('' at the end), then per session its id and the fields of its entry.

local budget, limit = tonumber(ARGV[5]), tonumber(ARGV[4])
forget_expired(1000)
local found = redis.call('ZRANGEBYSCORE', base .. ARGV[2], '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local page = {#found == 2 * limit and found[#found] or ''}
for i = 1, #found, 2 do
    local fields = redis.call('HGETALL', key('entry', found[i]))
    if #fields > 0 then
        page[#page + 1] = {found[i], unpack(fields)}
        for _, field in ipairs(fields) do
            budget = budget - #field
        end
        if budget <= 0 and i + 1 < #found then
            page[1] = found[i + 1]
            break
        end
    end
end
return page
