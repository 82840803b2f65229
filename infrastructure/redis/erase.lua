-- Leaves of a row what has no words in it, if the row is there and is what it was when it was read.
--
-- ARGV: 2 session, 3 position, 4 the columns as they were, 5 the columns, 6 the payload.

local events = key('events', ARGV[2])
if redis.call('HGET', events, ARGV[3]) == ARGV[4] then
    redis.call('HSET', events, ARGV[3], ARGV[5])
    redis.call('HSET', key('payloads', ARGV[2]), ARGV[3], ARGV[6])
end
