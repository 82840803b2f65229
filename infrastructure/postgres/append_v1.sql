-- Appends a group of attempts, and answers each in a row, in their order:
--
--   recorded    at these positions, from this global position on
--   repeated    its command is on the record, and recorded this then
--   moved       it does not stand on the head of its session, which is `head`; NULL if there is no such session
--   key taken   another session has the key
--
-- `attempts` is a JSON array of objects. Each names its session, the position and digest it stands on (32 bytes of
-- zero: on nothing), the entry that it makes of the session (`labels` only if they change), what its events have in
-- common, and the events: name, branch, actor, cause, digest, and where in `payloads` the payload is, and whether it is
-- text; the hash of the payload as it was, if its words are gone.
-- `founding`: some attempt stands on nothing or takes a key. `again`: this very call was made before, and its answer
-- was lost.
--
-- Locks: first the sessions, in the order of their ids, then the counter. Nobody waits for a lock that comes before one
-- he holds, so there is no deadlock. A session that is not there yet, and a key, have no row to lock: they are decided
-- by whoever holds the counter, since he sees all that was committed, and nobody commits beside him.
CREATE OR REPLACE FUNCTION "{schema}".{prefix}append_v1(
    attempts jsonb, payloads bytea, founding boolean, again boolean
) RETURNS TABLE (
    outcome text, first_position bigint, last_position bigint, first_global bigint, recorded_at bigint,
    head "{schema}".{prefix}catalogue
) LANGUAGE plpgsql
SET enable_seqscan = off    -- a plan made while there were few sessions is kept
SET lock_timeout = '30s'
AS $$
#variable_conflict use_column
DECLARE
    attempt record;
    earlier record;
    given bigint;  -- the last global position given out; NULL as long as the counter is not ours
BEGIN
    PERFORM FROM "{schema}".{prefix}catalogue AS c
    WHERE c.session = ANY (ARRAY(SELECT a ->> 'session' FROM jsonb_array_elements(attempts) AS a))
    ORDER BY c.session COLLATE "C" FOR NO KEY UPDATE;

    IF founding THEN
        SELECT n.global_position INTO given FROM "{schema}".{prefix}counter AS n FOR UPDATE;
        SELECT greatest(given, max(e.global_position)) INTO given FROM "{schema}".{prefix}events AS e;
    END IF;

    FOR attempt IN
        SELECT a.*, jsonb_array_length(a.events) AS count, l.*
        FROM jsonb_to_recordset(attempts) AS a (
            session text, position bigint, stands_on bytea, digest bytea, time bigint, messages bigint, bytes bigint,
            updated bigint, correlation text, command_id text, labels jsonb, events jsonb
        ), jsonb_to_record(coalesce(a.labels, '{}')) AS l (
            key text, name text, "user" text, forked_from text, forked_at bigint, status text, created bigint,
            metadata text
        )
    LOOP
        first_position := attempt.position + 1;
        last_position := attempt.position + attempt.count;
        first_global := NULL;
        recorded_at := attempt.time;
        SELECT c.* INTO head FROM "{schema}".{prefix}catalogue AS c WHERE c.session = attempt.session;

        -- The digest vouches for all there is to an event: if it is on the record, it was put there by this attempt.
        IF again AND attempt.count > 0 THEN
            SELECT e.global_position - attempt.count + 1 INTO first_global FROM "{schema}".{prefix}events AS e
            WHERE e.session = head.number AND e.position = last_position AND e.digest = attempt.digest;
            IF FOUND THEN
                outcome := 'recorded';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;

        IF attempt.command_id IS NOT NULL THEN
            SELECT min(e.position) AS first, max(e.position) AS last, min(e.global_position) AS first_global,
                   max(e.time) AS time
            INTO earlier FROM "{schema}".{prefix}events AS e
            WHERE e.session = head.number AND e.command_id = attempt.command_id;
            IF earlier.first IS NOT NULL THEN
                outcome := 'repeated';
                first_position := earlier.first;
                last_position := earlier.last;
                first_global := earlier.first_global;
                recorded_at := earlier.time;
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;

        IF (CASE WHEN head.number IS NULL THEN attempt.stands_on <> decode(repeat('00', 32), 'hex')
                 ELSE (head.position, head.digest) <> (attempt.position, attempt.stands_on) END)
        THEN
            outcome := 'moved';
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF attempt.key <> head.key OR attempt.key IS NOT NULL AND head.key IS NULL THEN
            IF EXISTS (SELECT FROM "{schema}".{prefix}catalogue AS c WHERE c.key = attempt.key) THEN
                outcome := 'key taken';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;

        IF given IS NULL THEN
            SELECT n.global_position INTO given FROM "{schema}".{prefix}counter AS n FOR UPDATE;
            SELECT greatest(given, max(e.global_position)) INTO given FROM "{schema}".{prefix}events AS e;
        END IF;
        outcome := 'recorded';
        first_global := given + 1;
        IF attempt.count > 0 THEN
            IF head.number IS NULL THEN
                INSERT INTO "{schema}".{prefix}catalogue AS c (
                    session, position, time, digest, messages, bytes, updated,
                    key, name, "user", forked_from, forked_at, status, created, metadata
                ) VALUES (
                    attempt.session, last_position, attempt.time, attempt.digest, attempt.messages, attempt.bytes,
                    attempt.updated, attempt.key, attempt.name, attempt."user", attempt.forked_from,
                    attempt.forked_at, attempt.status, attempt.created, attempt.metadata
                ) RETURNING c.number INTO head.number;
            ELSE
                UPDATE "{schema}".{prefix}catalogue AS c
                SET position = last_position, time = attempt.time, digest = attempt.digest,
                    messages = attempt.messages, bytes = attempt.bytes, updated = attempt.updated
                WHERE c.number = head.number;
                IF attempt.labels IS NOT NULL THEN
                    UPDATE "{schema}".{prefix}catalogue AS c
                    SET key = attempt.key, name = attempt.name, "user" = attempt."user",
                        forked_from = attempt.forked_from, forked_at = attempt.forked_at, status = attempt.status,
                        created = attempt.created, metadata = attempt.metadata
                    WHERE c.number = head.number;
                END IF;
            END IF;
            INSERT INTO "{schema}".{prefix}events (
                global_position, session, position, time, name, branch, actor, correlation, cause, command_id,
                payload, payload_bytes, payload_hash, digest
            )
            SELECT given + e.n, head.number, attempt.position + e.n, attempt.time, e.name, e.branch, e.actor,
                   attempt.correlation, e.cause, attempt.command_id,
                   CASE WHEN e.text THEN convert_from(substring(payloads FROM e.start FOR e.length), 'UTF8') END,
                   CASE WHEN NOT e.text THEN substring(payloads FROM e.start FOR e.length) END,
                   e.payload_hash, e.digest
            FROM ROWS FROM (
                jsonb_to_recordset(attempt.events)
                AS (name text, branch bigint, cause bigint, digest bytea, start integer, length integer, text boolean,
                    payload_hash bytea, actor text)
            ) WITH ORDINALITY AS e (name, branch, cause, digest, start, length, text, payload_hash, actor, n);
            given := given + attempt.count;
        END IF;
        head := NULL;
        RETURN NEXT;
    END LOOP;

    IF given IS NOT NULL THEN
        PERFORM pg_notify('{channel}', '');
    END IF;
END
$$;
