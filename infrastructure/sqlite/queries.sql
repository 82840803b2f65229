-- The statements of the SQLite store: the name, a description, the statement. infrastructure/sql_files.py loads them.
-- turnlog_plain is a function of the connection that decompresses a payload.

-- read --
-- A page of a session's events between two positions.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?

-- read_backwards --
-- The same page from its end.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.position BETWEEN ? AND ?
ORDER BY e.position DESC LIMIT ?

-- read_messages --
-- A page of the messages written on a branch between two positions.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?

-- read_messages_backwards --
-- The same page of messages from its end.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position DESC LIMIT ?

-- read_bodies --
-- The same messages: only the columns that a page of messages needs.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.global_position, e.actor, e.correlation
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?

-- read_bodies_backwards --
-- The same bodies from the end of the page.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.global_position, e.actor, e.correlation
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position DESC LIMIT ?

-- read_bodies_at --
-- The same columns of the events at some positions of a session.
SELECT e.position, e.time,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.global_position, e.actor, e.correlation
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.position IN (SELECT value FROM json_each(?))
ORDER BY e.position

-- read_structure --
-- A page of a session's events that are not messages.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.name <> 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?

-- read_written --
-- The positions of the messages of a session, as one JSON array per branch.
SELECT e.branch, json_group_array(e.position)
FROM catalogue AS c JOIN events AS e INDEXED BY messages_by_branch ON e.session = c.number
WHERE c.session = ? AND e.name = 'message.appended' AND e.position > ? AND e.position <= ?
GROUP BY e.branch

-- read_all --
-- A page of the events of all sessions, in the order they were committed.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ?
ORDER BY e.global_position LIMIT ?

-- read_named --
-- A page of the events of all sessions that have one of some stored names.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
       e.command_id,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.payload_hash, e.digest
FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ? AND e.name IN (SELECT value FROM json_each(?))
ORDER BY e.global_position LIMIT ?

-- read_all_bodies --
-- A page of the events of all sessions: only the columns that a frame of messages needs.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.actor, e.correlation
FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ?
ORDER BY e.global_position LIMIT ?

-- read_named_bodies --
-- The same columns of the events that have one of some stored names.
SELECT c.session, e.position, e.global_position, e.time, e.name, e.branch,
       CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END,
       e.actor, e.correlation
FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ? AND e.name IN (SELECT value FROM json_each(?))
ORDER BY e.global_position LIMIT ?

-- newest_global_position --
-- The global position of the newest event; 0 if there is none.
SELECT coalesce(max(global_position), 0) FROM events

-- last_global_position --
-- The last global position that was assigned, even if its event was removed by hand.
SELECT seq FROM sqlite_sequence WHERE name = 'events'

-- find_entry --
-- The catalogue entry of a session.
SELECT number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM catalogue WHERE session = ?

-- find_head --
-- The catalogue entry of a session, and the last global position that was assigned.
SELECT number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
       created, updated, metadata, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)
FROM catalogue WHERE session = ?

-- find_entry_by_key --
-- The catalogue entry of the session that has a key.
SELECT number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM catalogue WHERE key = ?

-- find_key --
-- The session that has a key.
SELECT session FROM catalogue WHERE key = ?

-- read_entries --
-- A page of the catalogue, in the order the sessions were started.
SELECT number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM catalogue WHERE number > ?
ORDER BY number LIMIT ?

-- find_command --
-- The positions that a command recorded, the first global one, and when; all NULL if it recorded nothing.
SELECT min(e.position), max(e.position), min(e.global_position), max(e.time)
FROM catalogue AS c JOIN events AS e ON e.session = c.number
WHERE c.session = ? AND e.command_id = ?

-- add_entry --
-- The entry of a session that has no events yet.
INSERT INTO catalogue (session, status, position, time, digest, messages, bytes, created, updated, metadata)
VALUES (?, 'unstarted', 0, 0, x'', 0, 0, 0, 0, '{}')

-- add_event --
-- Add an event. If it fails, the transaction is rolled back: a trigger would otherwise need a statement journal.
INSERT OR ROLLBACK INTO events (session, position, global_position, time, name, branch, actor, correlation, cause,
                                command_id, encoding, payload, payload_hash, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- move_entry --
-- Update the entry of a session to which events were appended.
UPDATE catalogue SET position = ?, time = ?, digest = ?, messages = ?, bytes = ?, updated = ? WHERE number = ?

-- label_entry --
-- Update the entry of a session that was started, named, archived and so on.
UPDATE catalogue
SET status = ?, key = ?, name = ?, user = ?, forked_from = ?, forked_at = ?, created = ?, metadata = ?
WHERE number = ?

-- erase --
-- Replace a payload by what a redaction leaves of it; once.
UPDATE events SET encoding = NULL, payload = ?, payload_hash = ?
WHERE session = (SELECT number FROM catalogue WHERE session = ?) AND position = ? AND payload_hash IS NULL

-- drop_snapshots --
-- Delete all snapshots: states folded before a redaction hold what is redacted now.
DELETE FROM snapshots

-- find_flaws --
-- What is wrong with the store as a whole, a sentence each.
SELECT 'the catalogue does not know the session of global position ' || min(global_position)
FROM events WHERE session NOT IN (SELECT number FROM catalogue) GROUP BY session
UNION ALL
SELECT 'global positions ' || (before + 1) || ' to ' || (global_position - 1) || ' are missing'
FROM (SELECT global_position, lag(global_position, 1, 0) OVER (ORDER BY global_position) AS before FROM events)
WHERE global_position > before + 1

-- select_entries --
-- Entries of the catalogue; the caller adds conditions, an order and a limit.
SELECT number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
       created, updated, metadata
FROM catalogue
