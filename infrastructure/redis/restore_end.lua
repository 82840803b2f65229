-- Ends a restoring: from here on the store has events, and goes on behind the last of them.
--
-- ARGV: 2 the restoring's own token, 3 the last global position. Answers 1, also when it is asked a second time, or 0
-- if this is not the process that is restoring.

if redis.call('GET', base .. 'restoring') ~= ARGV[2] then
    return last_global_position() == tonumber(ARGV[3]) and 1 or 0
end
if ARGV[3] ~= '0' then
    announce(tonumber(ARGV[3]))
end
redis.call('DEL', base .. 'restoring')
return 1
