-- A page of a session's rows between two positions.
--
-- ARGV: 2 session, 3 and 4 the first and the last position, 5 how many at most, 6 how many bytes, about, 7 whether
-- from the end ('1').
--
-- Answers: where to go on ('' at the end), then per row its position, its columns and its payload.

local session, limit, budget = ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6])
local position, stop, step = tonumber(ARGV[3]), tonumber(ARGV[4]), 1
local head = redis.call('HGET', key('entry', session), 'position')
if not head then
    return {''}
end
head = tonumber(head)
if ARGV[7] == '1' then
    position, stop, step = math.min(stop, head), position, -1
end

local events, payloads = key('events', session), key('payloads', session)
local page, looks = {''}, 0
while (stop - position) * step >= 0 do
    if looks == limit or budget <= 0 then
        page[1] = text(position)
        return page
    end
    local field = text(position)
    local columns = redis.call('HGET', events, field)
    if columns then
        local payload = redis.call('HGET', payloads, field)
        page[#page + 1], page[#page + 2], page[#page + 3] = field, columns, payload
        budget = budget - #columns - (payload and #payload or 0)
    elseif position > head then
        break  -- a row behind the head should not be there, but if it is, it is shown
    end
    looks, position = looks + 1, position + step
end
return page
