-- A page of the entries in a list, in its order, or from its end.
--
-- ARGV: 2 the list, as its key goes on behind the prefix, 3 and 4 the lowest and the highest value, 5 and 6 the value and
-- the session to begin behind ('' and '' for the first page), 7 how many at most, 8 how many bytes, about, 9 whether
-- from the end ('1').
--
-- Answers: the value and the session to go on behind ('' and '' at the end), then per session its id and the fields of
-- its entry.

local name, value, session = base .. ARGV[2], ARGV[5], ARGV[6]
local limit, budget, backwards = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
forget_expired(1000)

-- As the server orders members: Lua's own way would ask for the language of the machine.
local function is_before(one, other)
    for i = 1, math.min(#one, #other) do
        local a, b = one:byte(i), other:byte(i)
        if a ~= b then
            return a < b
        end
    end
    return #one < #other
end

local function count_to(highest)
    return redis.call('ZCOUNT', name, '-inf', highest)
end

-- How many members stand before the place to begin behind, if there is no such member, or if it is not to be counted.
local function count_before(counted)
    local low, high = count_to('(' .. value), count_to(value)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local member = redis.call('ZRANGE', name, middle, middle)[1]
        if is_before(member, session) or (counted and member == session) then
            low = middle + 1
        else
            high = middle
        end
    end
    return low
end

local first, last = count_to('(' .. ARGV[3]), count_to(ARGV[4]) - 1
if value ~= '' and backwards then
    last = math.min(last, count_before(false) - 1)
elseif value ~= '' then
    first = math.max(first, count_before(true))
end
local found = {}
if first <= last and backwards then
    local behind = redis.call('ZCARD', name) - 1
    found = redis.call('ZREVRANGE', name, behind - last, behind - math.max(first, last - limit + 1), 'WITHSCORES')
elseif first <= last then
    found = redis.call('ZRANGE', name, first, math.min(last, first + limit - 1), 'WITHSCORES')
end

local page = {'', ''}
if #found == 2 * limit then
    page = {found[#found], found[#found - 1]}
end
for i = 1, #found, 2 do
    local fields = redis.call('HGETALL', key('entry', found[i]))
    if #fields > 0 then
        page[#page + 1] = {found[i], unpack(fields)}
        for _, field in ipairs(fields) do
            budget = budget - #field
        end
        if budget <= 0 and i + 1 < #found then
            page[1], page[2] = found[i + 1], found[i]
            break
        end
    end
end
return page
