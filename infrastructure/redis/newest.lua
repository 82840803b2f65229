-- The newest global position of a row that is there, and the newest that was given out. '' in front of them if there
-- was more to pass over than one call should: ask again.
--
-- ARGV: 2 how many to pass over at most.

forget_expired(100)
local given_out = text(last_global_position())
local skipped = 0
for _ = 1, tonumber(ARGV[2]) do
    local found = redis.call('ZREVRANGE', base .. 'feed', skipped, skipped, 'WITHSCORES')
    if #found == 0 then
        return {'0', given_out}
    end
    local verdict = looked_at(found[1], tonumber(found[2]))
    if verdict == 'there' then
        return {found[2], given_out}
    end
    if verdict == 'lost' then
        skipped = skipped + 1
    end
end
return {'', given_out}
