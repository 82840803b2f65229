-- The newest global position of a row that is there, and the newest that was given out.
--
-- ARGV: 2 how many members of the feed to look at, at most, 3 how many to leave out, from the newest on.
--
-- Answers: the newest ('' if it was not found so soon: ask again), the newest given out, how many to leave out then.

forget_expired(100)
local given_out, left_out = text(last_global_position()), tonumber(ARGV[3])
for _ = 1, tonumber(ARGV[2]) do
    local found = redis.call('ZREVRANGE', base .. 'feed', left_out, left_out, 'WITHSCORES')
    if #found == 0 then
        return {'0', given_out, '0'}
    end
    local verdict = looked_at(found[1], tonumber(found[2]))
    if verdict == 'there' then
        return {found[2], given_out, '0'}
    end
    if verdict == 'lost' then
        left_out = left_out + 1
    end
end
return {'', given_out, text(left_out)}
