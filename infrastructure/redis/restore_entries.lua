-- Writes the entries of a store that is being restored.
--
-- ARGV: 2 the restoring's own token, 3 the time to live in milliseconds (0: for good), then per entry: session, the
-- global position of its first row, position, digest, time, messages, bytes, updated, created, status, user, key and
-- origin (each behind '=', or ''), labels. Answers 1, or 0 if this is not the process that is restoring.

if redis.call('GET', base .. 'restoring') ~= ARGV[2] then
    return 0
end

local function set_if_given(entry, field, value)
    if value ~= '' then
        redis.call('HSET', entry, field, value:sub(2))
    end
end

for at = 4, #ARGV, 14 do
    local session, started, entry = ARGV[at], ARGV[at + 1], key('entry', ARGV[at])
    local updated, created, status, user = ARGV[at + 7], ARGV[at + 8], ARGV[at + 9], ARGV[at + 10]
    redis.call(
        'HSET', entry, 'started', started, 'position', ARGV[at + 2], 'digest', ARGV[at + 3], 'time', ARGV[at + 4],
        'messages', ARGV[at + 5], 'bytes', ARGV[at + 6], 'updated', updated, 'created', created, 'status', status,
        'labels', ARGV[at + 13]
    )
    set_if_given(entry, 'user', user)
    set_if_given(entry, 'key', ARGV[at + 11])
    set_if_given(entry, 'forked_from', ARGV[at + 12])
    redis.call('ZADD', base .. 'catalogue', started, session)
    list('created', status, user ~= '' and user:sub(2), session, created)
    list('updated', status, user ~= '' and user:sub(2), session, updated)
    if ARGV[at + 11] ~= '' then
        redis.call('SET', key('key', ARGV[at + 11]:sub(2)), session)
    end
    keep(session, tonumber(ARGV[3]))
end
return 1
