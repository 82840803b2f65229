-- Writes the entries of a store that is being restored.
--
-- ARGV: 2 the restoring's own token, 3 the time to live in milliseconds (0: for good), then per entry: session, the
-- global position of its first row, position, digest, time, messages, bytes, updated, user, key and origin (each
-- behind '=', or ''), labels. Answers 1, or 0 if this is not the process that is restoring.

if redis.call('GET', base .. 'restoring') ~= ARGV[2] then
    return 0
end

local function set_if_given(entry, field, value)
    if value ~= '' then
        redis.call('HSET', entry, field, value:sub(2))
    end
end

for at = 4, #ARGV, 12 do
    local session, started, entry = ARGV[at], ARGV[at + 1], key('entry', ARGV[at])
    redis.call(
        'HSET', entry, 'started', started, 'position', ARGV[at + 2], 'digest', ARGV[at + 3], 'time', ARGV[at + 4],
        'messages', ARGV[at + 5], 'bytes', ARGV[at + 6], 'updated', ARGV[at + 7], 'labels', ARGV[at + 11]
    )
    set_if_given(entry, 'user', ARGV[at + 8])
    set_if_given(entry, 'key', ARGV[at + 9])
    set_if_given(entry, 'forked_from', ARGV[at + 10])
    redis.call('ZADD', base .. 'catalogue', started, session)
    if ARGV[at + 8] ~= '' then
        redis.call('ZADD', key('user', ARGV[at + 8]:sub(2)), started, session)
    end
    if ARGV[at + 9] ~= '' then
        redis.call('SET', key('key', ARGV[at + 9]:sub(2)), session)
    end
    keep(session, tonumber(ARGV[3]))
end
return 1
