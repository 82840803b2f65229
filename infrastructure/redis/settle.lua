-- What became of a call whose answer was lost: what it recorded, or nothing. If it recorded nothing it never will:
-- should it still be on its way to the server, it finds itself cancelled.
--
-- ARGV: 2 the token of that call, 3 how long it may still be on its way (ms), 4 whether all went together ('1'), then
-- per attempt: session, last position, number of rows, command id (behind '=', or '').
--
-- Answers as append.lua does, or nothing at all if nothing was recorded.

local token, together = ARGV[2], ARGV[4] == '1'
local ending = ',"' .. token .. '"]'  -- of the columns of every row that the call wrote
local answers, ran = {}, false

for at = 5, #ARGV, 4 do
    local session, last, count, command = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3]:sub(2)
    local columns = count > 0 and redis.call('HGET', key('events', session), last)
    local known = command ~= '' and redis.call('HGET', key('commands', session), command)
    local answer
    if columns and columns:sub(-#ending) == ending then
        ran = true
        answer = {'recorded', text(tonumber(columns:match('^%[(%d+)')) - count + 1)}
    elseif known then
        answer = {'repeated', known}
    elseif count == 0 and together then
        answer = {'recorded', text(last_global_position() + 1)}
    else
        answer = {'moved', unpack(redis.call('HGETALL', key('entry', session)))}
    end
    answers[#answers + 1] = answer
end

if ran then
    return answers
end
redis.call('SET', key('cancelled', token), '1', 'PX', ARGV[3])
return {}
