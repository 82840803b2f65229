-- A page of the rows of all sessions, in the order they were committed. What has expired is passed over, and forgotten.
--
-- ARGV: 2 and 3 global positions to begin behind and to end with, 4 how many rows at most, 5 how many bytes, about,
-- 6 how many rows to look at, then stored names, if only rows with these are wanted.
--
-- Answers: the global position to go on behind ('' at the end), then per row its session, position, columns, payload.

local after, last_wanted = tonumber(ARGV[2]), tonumber(ARGV[3])
local limit, budget, looks = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local wanted = #ARGV > 6 and {} or nil
for i = 7, #ARGV do
    wanted[ARGV[i]] = true
end

forget_expired(100)
local page, count = {''}, 0

local function show(session, position, global)
    local field = text(position)
    local columns = redis.call('HGET', key('events', session), field)
    if columns and columns:match('^%[(%d+)') == text(global) and (not wanted or wanted[cjson.decode(columns)[3]]) then
        local payload = redis.call('HGET', key('payloads', session), field)
        local size = #page
        page[size + 1], page[size + 2], page[size + 3], page[size + 4] = session, field, columns, payload
        count, budget = count + 1, budget - #columns - (payload and #payload or 0)
    end
end

local found = redis.call('ZRANGEBYSCORE', base .. 'feed', '(' .. text(after), '+inf', 'WITHSCORES', 'LIMIT', 0, looks)
for i = 1, #found, 2 do
    local last = tonumber(found[i + 1])
    local verdict, first, length, session = looked_at(found[i], last)
    if verdict ~= 'there' then
        after, looks = last, looks - 1
    else
        for global = math.max(last - length, after) + 1, last do
            if global > last_wanted then
                return page
            end
            if count == limit or budget <= 0 or looks <= 0 then
                page[1] = text(after)
                return page
            end
            show(session, first + global - (last - length + 1), global)
            after, looks = global, looks - 1
        end
    end
end
if #found == 2 * tonumber(ARGV[6]) then
    page[1] = text(after)
end
return page
