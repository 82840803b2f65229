-- Takes away what a restoring that broke off has left. A store has events once it has given out a global position;
-- until then, what is in the feed is such a rest.
--
-- ARGV: 2 the restoring's own token, 3 how many members of the feed at most. Answers how many are left, -1 if the store
-- has events, -2 if this is not the process that is restoring.

if redis.call('GET', base .. 'restoring') ~= ARGV[2] then
    return -2
end
if redis.call('EXISTS', base .. 'positions') == 1 then
    return -1
end
for _, member in ipairs(redis.call('ZRANGE', base .. 'feed', 0, tonumber(ARGV[3]) - 1)) do
    local _, _, session = referenced(member)
    local entry = redis.call('HMGET', key('entry', session), 'started', 'user', 'key')
    unlist(session, entry[2])
    if entry[1] then
        redis.call('ZREM', base .. 'expiries', expiring(session, entry[1], entry[2] or ''))
    end
    redis.call('ZREM', base .. 'catalogue', session)
    redis.call('DEL', unpack(names_of(session, entry[3])))
    redis.call('ZREM', base .. 'feed', member)
end
return redis.call('ZCARD', base .. 'feed')
