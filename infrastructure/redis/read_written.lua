-- A page of the places of a session's messages, in the order of branches and positions.
--
-- ARGV: 2 session, 3 and 4 the bounds of the places, 5 how many at most.
--
-- Answers: the place to go on behind ('' at the end), then per branch its number and its positions, packed.

local limit = tonumber(ARGV[5])
local found = redis.call('ZRANGEBYLEX', key('places', ARGV[2]), ARGV[3], ARGV[4], 'LIMIT', 0, limit)
local answer, branch, positions = {#found == limit and found[limit] or ''}, nil, nil

local function finish()
    if branch then
        answer[#answer + 1], answer[#answer + 2] = branch, table.concat(positions)
    end
end

for _, place in ipairs(found) do
    local own = place:sub(2, 9)
    if own ~= branch then
        finish()
        branch, positions = own, {}
    end
    positions[#positions + 1] = place:sub(10)
end
finish()
return answer
