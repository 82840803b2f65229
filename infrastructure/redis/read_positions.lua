-- The rows of a session at some positions.
--
-- ARGV: 2 session, 3 how many bytes, about, 4 and on the positions.
--
-- Answers: how many positions were looked at, then per row its position, its columns and its payload.

local events, payloads = key('events', ARGV[2]), key('payloads', ARGV[2])
local page, budget = {''}, tonumber(ARGV[3])
local last = #ARGV
for i = 4, #ARGV do
    local columns = redis.call('HGET', events, ARGV[i])
    if columns then
        local payload = redis.call('HGET', payloads, ARGV[i])
        page[#page + 1], page[#page + 2], page[#page + 3] = ARGV[i], columns, payload
        budget = budget - #columns - (payload and #payload or 0)
        if budget <= 0 then
            last = i
            break
        end
    end
end
page[1] = text(last - 3)
return page
