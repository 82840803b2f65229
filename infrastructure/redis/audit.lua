-- A page of the feed, looked at closely.
--
-- ARGV: 2 the global position to begin behind, 3 how many members at most.
--
-- Answers: where to go on behind ('' at the end), how many global positions have been forgotten so far, the newest
-- that was given out, then per member its session, its last global position, how many it stands for, and what is wrong
-- with it: '' for nothing, 'unknown' if the catalogue does not know its session, 'lost' if its session is gone before its
-- time, or the first of its global positions that has no row.

forget_expired(1000)
local limit = tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', base .. 'feed', '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
local page = {#found == 2 * limit and found[#found] or '', '', text(last_global_position())}

local function missing(session, first, from, last)
    for global = from, last do
        local columns = redis.call('HGET', key('events', session), text(first + global - from))
        if not columns or columns:match('^%[(%d+)') ~= text(global) then
            return text(global)
        end
    end
    return ''
end

for i = 1, #found, 2 do
    local last = tonumber(found[i + 1])
    local verdict, first, count, session = looked_at(found[i], last)
    if verdict == 'there' then
        local known = redis.call('ZSCORE', base .. 'catalogue', session)
        verdict = known and missing(session, first, last - count + 1, last) or 'unknown'
    end
    if verdict ~= 'expired' then
        local size = #page
        page[size + 1], page[size + 2], page[size + 3], page[size + 4] = session, found[i + 1], text(count), verdict
    end
end
page[2] = redis.call('HGET', base .. 'sweep', 'forgotten') or '0'
return page
