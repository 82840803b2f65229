-- Records attempts, each if its head is still the head of its session, and answers each.
--
-- ARGV: 2 the token of this call, 3 the time to live in milliseconds (0: for good), 4 whether all go together ('1'),
-- 5 who calls, then per attempt: session, the head's position and digest ('' if it is not on the record), whether any
-- other head would do ('1'), command id and key (each behind '=', or '' for none), the entry's position, digest, time,
-- messages, bytes, updated, created and status, its user and origin (as key), its labels ('' if they and the status
-- stay), the number of rows, per row: place, columns, payload; the number of rows that the attempt redacts, and of each
-- how it is stored afterwards: position, columns (but for the token of the call that wrote it), payload.
--
-- Answers per attempt: {'recorded', first global position}, {'repeated', what the command recorded},
-- {'moved', the entry, field by field}, {'taken'}, or {'waiting'} while it is the turn of another.
--
-- Whoever was too late, and would do with any head, has a turn of its own: for a moment nobody else appends to the
-- session. Without it, who has just appended knows the head at once, and would always be faster than who must make a
-- new attempt.
--
-- Redis checks whether it may write (memory, disk, role) at the first write of a script and never after it; so all
-- that can be refused is refused before, and the first write is one that needs memory.

local token, ttl, together, caller = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5]
local TURN = 200  -- milliseconds, if it is not taken

if redis.call('EXISTS', base .. 'restoring') == 1 then
    return redis.error_reply('TURNLOG another process is restoring the store')
end
if redis.call('EXISTS', key('cancelled', token)) == 1 then
    return {}
end

local at = 5

local function taken()
    at = at + 1
    return ARGV[at]
end

local function given()
    local value = taken()
    return value ~= '' and value:sub(2) or nil
end

local attempts = {}
while at < #ARGV do
    local attempt = {
        session = taken(), head = taken(), digest = taken(), any = taken() == '1', command = given(), own_key = given(),
        position = taken(), new_digest = taken(), time = taken(), messages = taken(), bytes = taken(),
        updated = taken(), created = taken(), status = taken(), user = given(), origin = given(), labels = taken(), count = tonumber(taken()),
    }
    attempt.rows = at
    at = at + 3 * attempt.count
    attempt.redacted = tonumber(taken())
    attempt.erasures = at
    at = at + 3 * attempt.redacted
    attempts[#attempts + 1] = attempt
end

-- Check ----------------------------------------------------------------------------------------------------

local heads, turns, owners, commands, refused, broken = {}, {}, {}, {}, false, nil

local function head_of(session)
    if not heads[session] then
        local found = redis.call('HMGET', key('entry', session), 'position', 'digest')
        heads[session] = {position = found[1], digest = found[2] or ''}
    end
    return heads[session]
end

local function turn_of(session)
    if turns[session] == nil then
        turns[session] = redis.call('GET', key('turn', session))
    end
    return turns[session]
end

local function take_turn(session)
    if not turn_of(session) then
        redis.call('SET', key('turn', session), caller, 'PX', TURN)
        turns[session] = caller
    end
end

local function is_known(attempt)
    local here = commands[attempt.session]
    return here and here[attempt.command] or redis.call('HEXISTS', key('commands', attempt.session), attempt.command) == 1
end

local function is_taken(attempt)
    local owner = owners[attempt.own_key] or redis.call('GET', key('key', attempt.own_key))
    return owner and owner ~= attempt.session
end

local function verdict(attempt)
    if attempt.command and is_known(attempt) then
        return 'repeated'
    end
    local head, turn = head_of(attempt.session), turn_of(attempt.session)
    if turn and turn ~= caller then
        refused = true
        return 'waiting'
    end
    if head.digest ~= attempt.digest or (head.position or attempt.head) ~= attempt.head then
        refused = true
        if attempt.any then
            take_turn(attempt.session)
        end
        return 'moved'
    end
    if redis.call('HEXISTS', key('events', attempt.session), text(tonumber(attempt.head) + 1)) == 1 then
        broken = attempt.session
    end
    if attempt.own_key and attempt.labels ~= '' and is_taken(attempt) then
        refused = true
        return 'taken'
    end
    if attempt.count > 0 then
        heads[attempt.session] = {position = attempt.position, digest = attempt.new_digest}
        if attempt.own_key then
            owners[attempt.own_key] = attempt.session
        end
        if attempt.command then
            commands[attempt.session] = commands[attempt.session] or {}
            commands[attempt.session][attempt.command] = true
        end
    end
    return 'recorded'
end

for _, attempt in ipairs(attempts) do
    attempt.verdict = verdict(attempt)
end
if broken then
    return redis.error_reply('TURNLOG session ' .. broken .. ' has rows behind its head; verify says where')
end

-- Write ----------------------------------------------------------------------------------------------------

local before = last_global_position()
local newest = before
if before == 0 and redis.call('EXISTS', base .. 'feed') == 1 then
    return redis.error_reply('TURNLOG it has a feed and no last global position: a restoring broke off; restore it again')
end

local function write_rows(attempt)
    local columns, payloads, places = {}, {}, {}
    for i = 1, attempt.count do
        local row, position = attempt.rows + 3 * (i - 1), text(tonumber(attempt.head) + i)
        columns[2 * i - 1], columns[2 * i] = position, '[' .. text(newest + i) .. ',' .. ARGV[row + 2]
        payloads[2 * i - 1], payloads[2 * i] = position, ARGV[row + 3]
        places[2 * i - 1], places[2 * i] = '0', ARGV[row + 1]
    end
    put('HSET', key('events', attempt.session), columns)
    put('HSET', key('payloads', attempt.session), payloads)
    put('ZADD', key('places', attempt.session), places)
end

-- What an entry is found by. A session that is started a second time may get other names.
local function write_names(attempt)
    local entry = key('entry', attempt.session)
    local old = redis.call('HMGET', entry, 'started', 'user', 'key')
    local started, user, own_key = old[1], old[2], old[3]
    unlist(attempt.session, user or attempt.user)
    if user and user ~= attempt.user then
        redis.call('ZREM', base .. 'expiries', expiring(attempt.session, started, user))
    end
    if own_key and own_key ~= attempt.own_key then
        redis.call('DEL', key('key', own_key))
    end
    for field, value in pairs({user = attempt.user or false, key = attempt.own_key or false,
                               forked_from = attempt.origin or false}) do
        if value then
            redis.call('HSET', entry, field, value)
        else
            redis.call('HDEL', entry, field)
        end
    end
    list('created', attempt.status, attempt.user, attempt.session, attempt.created)
    if attempt.own_key then
        redis.call('SET', key('key', attempt.own_key), attempt.session)
    end
end

local function write_entry(attempt)
    local entry = key('entry', attempt.session)
    local first = text(newest + 1)
    redis.call(
        'HSET', entry, 'position', attempt.position, 'digest', attempt.new_digest, 'time', attempt.time,
        'messages', attempt.messages, 'bytes', attempt.bytes, 'updated', attempt.updated
    )
    if attempt.labels ~= '' then
        if attempt.digest == '' then
            redis.call('HSET', entry, 'started', first)
            redis.call('ZADD', base .. 'catalogue', first, attempt.session)
        end
        redis.call('HSET', entry, 'labels', attempt.labels, 'status', attempt.status, 'created', attempt.created)
        write_names(attempt)
    end
    list('updated', attempt.status, attempt.user, attempt.session, attempt.updated)
end

-- Replaces payloads by what redactions leave of them. States that were folded before are forgotten; until the server's
-- files are rewritten, the call stands among those that have left something there.
local function erase(attempt)
    local events, payloads = key('events', attempt.session), key('payloads', attempt.session)
    for i = attempt.erasures + 1, attempt.erasures + 3 * attempt.redacted, 3 do
        local before = redis.call('HGET', events, ARGV[i])
        local writer = before and before:match(',("[^"]*")%]$')
        if writer then
            redis.call('HSET', events, ARGV[i], ARGV[i + 1] .. writer .. ']')
            redis.call('HSET', payloads, ARGV[i], ARGV[i + 2])
        end
    end
    if attempt.redacted > 0 then
        for _, name in ipairs(redis.call('SMEMBERS', base .. 'snapshots')) do
            redis.call('DEL', name)
        end
        redis.call('DEL', base .. 'snapshots')
        redis.call('SADD', base .. 'pending_scrubs', token)
    end
end

local function write(attempt)
    local first = tonumber(attempt.head) + 1
    attempt.global = newest + 1
    if attempt.count == 0 then
        return
    end
    write_rows(attempt)
    write_entry(attempt)
    erase(attempt)
    newest = newest + attempt.count
    if attempt.command then
        local recorded = text(first) .. ',' .. attempt.position .. ',' .. text(attempt.global) .. ',' .. attempt.time
        redis.call('HSET', key('commands', attempt.session), attempt.command, '[' .. recorded .. ']')
    end
    if redis.call('ZADD', base .. 'feed', text(newest), reference(first, attempt.count, attempt.session)) == 0 then
        count_forgotten(attempt.count)  -- the same place of an earlier session of this id, which has expired
    end
end

local touched = {}
if not (together and refused) then
    for _, attempt in ipairs(attempts) do
        if attempt.verdict == 'recorded' then
            write(attempt)
            touched[attempt.session] = attempt.count > 0 or touched[attempt.session]
        end
    end
end
for session, written in pairs(touched) do
    if written then
        keep(session, ttl)
        if turns[session] == caller then
            redis.call('DEL', key('turn', session))
        end
    end
end
if newest > before then
    announce(newest)
    if ttl > 0 then
        forget_expired(10 + #attempts)
        sweep(2 + 2 * #attempts)
    end
end

-- Answer ---------------------------------------------------------------------------------------------------

local answers = {}
for i, attempt in ipairs(attempts) do
    local recorded = attempt.verdict == 'repeated'
        and redis.call('HGET', key('commands', attempt.session), attempt.command)
    if recorded then
        answers[i] = {'repeated', recorded}
    elseif attempt.verdict == 'taken' or attempt.verdict == 'waiting' then
        answers[i] = {attempt.verdict}
    elseif attempt.global then
        answers[i] = {'recorded', text(attempt.global)}
    else
        answers[i] = {'moved', unpack(redis.call('HGETALL', key('entry', attempt.session)))}
    end
end
return answers
