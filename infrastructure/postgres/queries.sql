-- The statements of the PostgreSQL store: the name, a description, the statement. infrastructure/sql_files.py loads
-- them.
-- Tables.named (queries.py) replaces {schema}, {prefix} and {channel}.
--
-- LIMIT has a subquery, so that the planner does not know the number of rows and expects few. If it knew that a full
-- page is wanted, it would sort all there is instead of following the index, as it knows only averages of a session.

-- append --
-- Record a group of attempts. One row per attempt: its outcome and, if it is not based on the head of its session,
-- that head. append_v1.sql says more.
SELECT outcome, first_position, last_position, first_global, recorded_at,
       number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}append_v1(%t::jsonb, %b::bytea, %b::boolean, %b::boolean) AS a,
     LATERAL (SELECT (a.head).*) AS c

-- append_together --
-- The same for attempts of which all are recorded or none. append_together_v1.sql says more.
SELECT outcome, first_position, last_position, first_global, recorded_at,
       number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}append_together_v1(%t::jsonb, %b::bytea, %b::boolean, %b::boolean) AS a,
     LATERAL (SELECT (a.head).*) AS c

-- read --
-- A page of a session's events between two positions.
SELECT %(session)s::text, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position LIMIT (SELECT %(limit)s::bigint)

-- read_backwards --
-- The same page from its end.
SELECT %(session)s::text, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position DESC LIMIT (SELECT %(limit)s::bigint)

-- read_messages --
-- A page of the messages written on a branch between two positions.
SELECT %(session)s::text, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name = 'message.appended' AND e.branch = %(branch)s
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position LIMIT (SELECT %(limit)s::bigint)

-- read_messages_backwards --
-- The same page of messages from its end.
SELECT %(session)s::text, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name = 'message.appended' AND e.branch = %(branch)s
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position DESC LIMIT (SELECT %(limit)s::bigint)

-- read_bodies --
-- The same messages: only the columns that a page of messages needs.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.global_position, e.actor, e.correlation
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name = 'message.appended' AND e.branch = %(branch)s
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position LIMIT (SELECT %(limit)s::bigint)

-- read_bodies_backwards --
-- The same bodies from the end of the page.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.global_position, e.actor, e.correlation
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name = 'message.appended' AND e.branch = %(branch)s
  AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position DESC LIMIT (SELECT %(limit)s::bigint)

-- read_bodies_at --
-- The same columns of the events at some positions of a session.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.global_position, e.actor, e.correlation
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.position = ANY(%(positions)s::bigint[])
ORDER BY e.position

-- read_structure --
-- A page of a session's events that are not messages.
SELECT %(session)s::text, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name <> 'message.appended' AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position LIMIT (SELECT %(limit)s::bigint)

-- read_written --
-- The positions of the messages of a session, as one array per branch.
SELECT e.branch, array_agg(e.position ORDER BY e.position)::text
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.name = 'message.appended' AND e.position > %(after)s AND e.position <= %(until)s
GROUP BY e.branch

-- read_all --
-- A page of the events of all sessions, in the order they were committed.
SELECT c.session,
    e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e JOIN "{schema}".{prefix}catalogue AS c ON c.number = e.session
WHERE e.global_position > %(after)s AND e.global_position <= %(until)s
ORDER BY e.global_position LIMIT (SELECT %(limit)s::bigint)

-- read_named --
-- A page of the events of all sessions that have one of some stored names.
SELECT c.session,
    e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END,
       e.payload_hash, e.digest
FROM "{schema}".{prefix}events AS e JOIN "{schema}".{prefix}catalogue AS c ON c.number = e.session
WHERE e.global_position > %(after)s AND e.global_position <= %(until)s
      AND e.name = ANY ((SELECT %(names)s::text[])::text[])
ORDER BY e.global_position LIMIT (SELECT %(limit)s::bigint)

-- newest_global_position --
-- The global position of the newest event; 0 if there is none.
SELECT coalesce(max(e.global_position), 0) FROM "{schema}".{prefix}events AS e

-- find_entry --
-- The catalogue entry of a session.
SELECT number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %s

-- find_entry_by_key --
-- The catalogue entry of the session that has a key.
SELECT number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}catalogue AS c WHERE c.key = %s

-- read_entries --
-- A page of the catalogue, in the order the sessions were started.
SELECT number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}catalogue AS c WHERE c.number > %(number)s
ORDER BY c.number LIMIT (SELECT %(limit)s::bigint)

-- find_command --
-- The positions that a command recorded, the first global one, and when; all NULL if it recorded nothing.
SELECT min(e.position), max(e.position), min(e.global_position), max(e.time)
FROM "{schema}".{prefix}events AS e
WHERE e.session = (SELECT c.number FROM "{schema}".{prefix}catalogue AS c WHERE c.session = %(session)s)
  AND e.command_id = %(command_id)s

-- lock_counter --
-- Keep all others from appending until the transaction ends.
SELECT n.global_position FROM "{schema}".{prefix}counter AS n FOR UPDATE

-- find_anything --
-- Whether there is, or was, anything in the store.
SELECT n.global_position > 0 OR EXISTS (SELECT FROM "{schema}".{prefix}catalogue)
FROM "{schema}".{prefix}counter AS n

-- restore_entries --
-- Write catalogue entries as they are.
COPY "{schema}".{prefix}catalogue (
    session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes, created,
    updated, metadata
) FROM STDIN

-- find_numbers --
-- The numbers of the sessions.
SELECT c.session, c.number FROM "{schema}".{prefix}catalogue AS c

-- restore_events --
-- Write events as they are.
COPY "{schema}".{prefix}events (
    session, position, global_position, time, name, branch, actor, correlation, cause, command_id, payload,
    payload_bytes, payload_hash, digest
) FROM STDIN

-- move_counter --
-- Move the counter to the newest event, so that no global position is assigned twice.
UPDATE "{schema}".{prefix}counter AS n
SET global_position = greatest(n.global_position, (SELECT max(e.global_position) FROM "{schema}".{prefix}events AS e))

-- announce --
-- Wake the readers that wait for events.
SELECT pg_notify('{channel}', '')

-- erase --
-- Replace a payload by what a redaction leaves of it; once.
UPDATE "{schema}".{prefix}events SET payload = %s, payload_hash = %s
WHERE session = (SELECT number FROM "{schema}".{prefix}catalogue WHERE session = %s) AND position = %s
  AND payload_hash IS NULL

-- drop_snapshots --
-- Delete all snapshots: states folded before a redaction hold what is redacted now.
DELETE FROM "{schema}".{prefix}snapshots

-- select_entries --
-- Entries of the catalogue; the caller adds conditions, an order and a limit.
SELECT number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM "{schema}".{prefix}catalogue AS c

-- find_flaws --
-- What is wrong with the feed and the counters, a sentence each.
SELECT 'the catalogue does not know the session of global position ' || min(e.global_position)
FROM "{schema}".{prefix}events AS e
WHERE NOT EXISTS (SELECT FROM "{schema}".{prefix}catalogue AS c WHERE c.number = e.session) GROUP BY e.session
UNION ALL
SELECT 'global positions ' || (before + 1) || ' to ' || (global_position - 1) || ' are missing'
FROM (SELECT e.global_position, lag(e.global_position, 1, 0::bigint) OVER (ORDER BY e.global_position) AS before
      FROM "{schema}".{prefix}events AS e) AS feed
WHERE global_position > before + 1
UNION ALL
SELECT 'global positions ' || (present + 1) || ' to ' || given || ' are missing'
FROM (SELECT n.global_position AS given,
             (SELECT coalesce(max(e.global_position), 0) FROM "{schema}".{prefix}events AS e) AS present
      FROM "{schema}".{prefix}counter AS n) AS counted
WHERE given > present
UNION ALL
SELECT 'the counter of global positions has ' || count(*) || ' rows: expected 1'
FROM "{schema}".{prefix}counter AS n HAVING count(*) <> 1
UNION ALL
SELECT 'the counter of sessions is ' || given || ': expected ' || newest || ' or more; it was lowered'
FROM (SELECT max(c.number) AS newest,
             coalesce(pg_sequence_last_value(
                 pg_get_serial_sequence('"{schema}".{prefix}catalogue', 'number')::regclass
             ), 0) AS given
      FROM "{schema}".{prefix}catalogue AS c) AS numbered
WHERE given < newest

-- may_make_temporary --
-- Whether temporary tables can be created.
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
       AND has_database_privilege(current_database(), 'TEMPORARY')

-- temporary_names --
-- The names of the tables, views and functions that are temporary in this connection.
SELECT relname::text FROM pg_catalog.pg_class
WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'v')
UNION
SELECT proname::text FROM pg_catalog.pg_proc WHERE pronamespace = pg_my_temp_schema()

-- objects --
-- The tables, views and functions of these names, and what is attached to them: name and definition of each.
WITH own AS MATERIALIZED (
    SELECT c.* FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY(%(names)s)
  AND c.relkind NOT IN ('i', 'S', 'c')
)
SELECT CASE relkind WHEN 'r' THEN 'table ' WHEN 'v' THEN 'view ' ELSE 'relation ' END || relname,
       concat_ws(' ', relkind, replace(relpersistence::text, 't', 'p'), relrowsecurity, relforcerowsecurity,
                 (SELECT count(*) FROM pg_catalog.pg_inherits AS i WHERE own.oid IN (i.inhparent, i.inhrelid)),
                 CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END)
FROM own
UNION ALL
SELECT 'column ' || relname || '.' || attname,
       concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
                 attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid))
FROM own JOIN pg_catalog.pg_attribute AS a ON attrelid = own.oid
LEFT JOIN pg_catalog.pg_attrdef AS d ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'v'
UNION ALL
SELECT 'constraint ' || relname || '.' || conname, concat_ws(' ', pg_get_constraintdef(k.oid), convalidated)
FROM own JOIN pg_catalog.pg_constraint AS k ON conrelid = own.oid
WHERE contype <> 'n'     -- the column says it
UNION ALL
SELECT 'index ' || i.relname, concat_ws(' ', pg_get_indexdef(i.oid), indisvalid, indisready, indislive)
FROM own JOIN pg_catalog.pg_index AS x ON indrelid = own.oid JOIN pg_catalog.pg_class AS i ON i.oid = indexrelid
UNION ALL
SELECT 'trigger ' || relname || '.' || tgname, concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
FROM own JOIN pg_catalog.pg_trigger AS t ON tgrelid = own.oid
WHERE NOT tgisinternal
UNION ALL
SELECT 'trigger of the constraint ' || conname, string_agg(tgenabled::text, ' ')
FROM own JOIN pg_catalog.pg_trigger AS t ON tgrelid = own.oid JOIN pg_catalog.pg_constraint AS k ON k.oid = tgconstraint
WHERE tgisinternal GROUP BY conname
UNION ALL
SELECT 'rule ' || relname || '.' || rulename, concat_ws(' ', pg_get_ruledef(r.oid), ev_enabled)
FROM own JOIN pg_catalog.pg_rewrite AS r ON ev_class = own.oid
WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'policy ' || relname || '.' || polname,
       concat_ws(' ', polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM own JOIN pg_catalog.pg_policy AS p ON polrelid = own.oid
UNION ALL
SELECT 'function ' || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc AS p
WHERE pronamespace = %(schema)s::regnamespace AND proname = ANY(%(names)s) AND prokind = 'f'

-- indexes --
-- The B-tree indexes of some tables: name, table and definition.
SELECT i.relname, c.relname, pg_get_indexdef(i.oid)
FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY(%(names)s) AND m.amname = 'btree'
      AND x.indisvalid
