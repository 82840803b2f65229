-- Writes rows as they are into a store that is being restored.
--
-- ARGV: 2 the restoring's own token, 3 how long it may pause (ms), then per row: session, position, global position,
-- command id (behind '=', or ''), time, place, columns, payload (behind '=', or '' for none).
-- Answers 1, or 0 if this is not the process that is restoring.

if redis.call('GET', base .. 'restoring') ~= ARGV[2] then
    return 0
end
redis.call('PEXPIRE', base .. 'restoring', ARGV[3])

-- An append of many rows may lie in two pages, so what is known of its command goes on.
local function note_command(session, id, position, global, time)
    local commands = key('commands', session)
    local known = redis.call('HGET', commands, id)
    local first, first_global = position, global
    if known then
        first, first_global = known:match('^%[(%d+),%d+,(%d+),')
    end
    redis.call('HSET', commands, id, '[' .. first .. ',' .. position .. ',' .. first_global .. ',' .. time .. ']')
end

for at = 4, #ARGV, 8 do
    local session, position, global, command = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    redis.call('HSET', key('events', session), position, ARGV[at + 6])
    if ARGV[at + 7] ~= '' then
        redis.call('HSET', key('payloads', session), position, ARGV[at + 7]:sub(2))
    end
    redis.call('ZADD', key('places', session), '0', ARGV[at + 5])
    redis.call('ZADD', base .. 'feed', global, reference(position, 1, session))
    if command ~= '' then
        note_command(session, command:sub(2), position, global, ARGV[at + 4])
    end
end
return 1
