-- A page of a session's rows by their places: the messages of a branch, or what is no message.
--
-- ARGV: 2 session, 3 and 4 the bounds of the places ('[' or '(' in front), 5 how many at most, 6 how many bytes,
-- about, 7 whether from the end ('1').
--
-- Answers: the place to go on behind ('' at the end), then per row its position, its columns and its payload.

local session, limit, budget = ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6])
local places, events, payloads = key('places', session), key('events', session), key('payloads', session)
local found
if ARGV[7] == '1' then
    found = redis.call('ZREVRANGEBYLEX', places, ARGV[4], ARGV[3], 'LIMIT', 0, limit)
else
    found = redis.call('ZRANGEBYLEX', places, ARGV[3], ARGV[4], 'LIMIT', 0, limit)
end

local page = {#found == limit and found[limit] or ''}
for i, place in ipairs(found) do
    local field = text(struct.unpack('>I8', place, #place - 7))
    local columns = redis.call('HGET', events, field)
    if columns then
        local payload = redis.call('HGET', payloads, field)
        page[#page + 1], page[#page + 2], page[#page + 3] = field, columns, payload
        budget = budget - #columns - (payload and #payload or 0)
        if budget <= 0 and i < #found then
            page[1] = place
            break
        end
    end
end
return page
