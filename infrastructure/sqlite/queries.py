"""The statements of the SQLite store, each with what it answers or does."""

_PAYLOAD = "CASE WHEN e.encoding IS NULL THEN CAST(e.payload AS BLOB) ELSE turnlog_plain(e.encoding, e.payload) END"
_ROW = f"""
    c.session, e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause,
    e.command_id, {_PAYLOAD}, e.payload_hash, e.digest
"""
_BODY = f"e.position, e.time, {_PAYLOAD}"
_FEED_BODY = f"c.session, e.position, e.global_position, e.time, e.name, e.branch, {_PAYLOAD}"
_OF_SESSION = "FROM catalogue AS c JOIN events AS e ON e.session = c.number WHERE c.session = ?"
_ENTRY = """
    number, session, position, time, digest, status, key, name, user, forked_from, forked_at, messages, bytes,
    created, updated, metadata
"""

# A page of a session's events between two positions.
READ = f"""
SELECT {_ROW} {_OF_SESSION} AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?
"""
READ_BACKWARDS = f"""
SELECT {_ROW} {_OF_SESSION} AND e.position BETWEEN ? AND ?
ORDER BY e.position DESC LIMIT ?
"""

# A page of the messages written on a branch between two positions.
READ_MESSAGES = f"""
SELECT {_ROW} {_OF_SESSION} AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?
"""
READ_MESSAGES_BACKWARDS = f"""
SELECT {_ROW} {_OF_SESSION} AND e.branch = ? AND e.name = 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position DESC LIMIT ?
"""

# The same messages, of which only what is needed to make a frame of them.
READ_BODIES = READ_MESSAGES.replace(_ROW, _BODY)
READ_BODIES_BACKWARDS = READ_MESSAGES_BACKWARDS.replace(_ROW, _BODY)

# What is recorded at some positions of a session.
READ_BODIES_AT = f"""
SELECT {_BODY} {_OF_SESSION} AND e.position IN (SELECT value FROM json_each(?)) ORDER BY e.position
"""

# A page of a session's events that are no messages.
READ_STRUCTURE = f"""
SELECT {_ROW} {_OF_SESSION} AND e.name <> 'message.appended' AND e.position BETWEEN ? AND ?
ORDER BY e.position LIMIT ?
"""

# The positions of the messages of a session, as one JSON array per branch.
READ_WRITTEN = """
SELECT e.branch, json_group_array(e.position)
FROM catalogue AS c JOIN events AS e INDEXED BY messages_by_branch ON e.session = c.number
WHERE c.session = ? AND e.name = 'message.appended' AND e.position > ? AND e.position <= ?
GROUP BY e.branch
"""

# A page of all events, in the order they were committed.
READ_ALL = f"""
SELECT {_ROW} FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ? ORDER BY e.global_position LIMIT ?
"""
READ_NAMED = f"""
SELECT {_ROW} FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.global_position > ? AND e.global_position <= ? AND e.name IN (SELECT value FROM json_each(?))
ORDER BY e.global_position LIMIT ?
"""

# The same events, of which only what is needed to make a frame of them.
READ_ALL_BODIES = READ_ALL.replace(_ROW, _FEED_BODY)
READ_NAMED_BODIES = READ_NAMED.replace(_ROW, _FEED_BODY)

NEWEST_GLOBAL_POSITION = "SELECT coalesce(max(global_position), 0) FROM events"

FIND_ENTRY = f"SELECT {_ENTRY} FROM catalogue WHERE session = ?"

# The last global position that was given out, also if its event was taken away by hand.
LAST_GLOBAL_POSITION = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"

# A page of the catalogue, in the order the sessions were started.
READ_ENTRIES = f"SELECT {_ENTRY} FROM catalogue WHERE number > ? ORDER BY number LIMIT ?"

# The positions that a command recorded, the first global one, and when; all NULL if it recorded nothing.
FIND_COMMAND = f"""
SELECT min(e.position), max(e.position), min(e.global_position), max(e.time) {_OF_SESSION} AND e.command_id = ?
"""

FIND_KEY = "SELECT session FROM catalogue WHERE key = ?"

FIND_ENTRY_BY_KEY = f"SELECT {_ENTRY} FROM catalogue WHERE key = ?"

ADD_ENTRY = """
INSERT INTO catalogue (session, status, position, time, digest, messages, bytes, created, updated, metadata)
VALUES (?, 'unstarted', 0, 0, x'', 0, 0, 0, 0, '{}')
"""

# If it fails, the transaction is rolled back: a trigger would otherwise cost a statement journal.
_EVENT = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_EVENT = f"""
INSERT OR ROLLBACK INTO events (session, position, global_position, time, name, branch, actor, correlation, cause,
                                command_id, encoding, payload, payload_hash, digest)
VALUES {_EVENT}
"""

# A group of events in one statement, which is faster than one by one.
GROUP = 50
ADD_EVENTS = ADD_EVENT.replace(_EVENT, ", ".join([_EVENT] * GROUP))

# Replaces a payload by what a redaction leaves of it; once.
ERASE = """
UPDATE events SET encoding = NULL, payload = ?, payload_hash = ?
WHERE session = (SELECT number FROM catalogue WHERE session = ?) AND position = ? AND payload_hash IS NULL
"""

# The states that were folded before hold what is redacted now.
DROP_SNAPSHOTS = "DELETE FROM snapshots"

# The entry of a session that goes on.
MOVE_ENTRY = """
UPDATE catalogue SET position = ?, time = ?, digest = ?, messages = ?, bytes = ?, updated = ? WHERE number = ?
"""

# The entry of a session that is started, named, archived and so on.
LABEL_ENTRY = """
UPDATE catalogue
SET status = ?, key = ?, name = ?, user = ?, forked_from = ?, forked_at = ?, created = ?, metadata = ?
WHERE number = ?
"""

# What is wrong with the store as a whole, a sentence each.
FIND_FLAWS = """
SELECT 'the catalogue does not know the session of global position ' || min(global_position)
FROM events WHERE session NOT IN (SELECT number FROM catalogue) GROUP BY session
UNION ALL
SELECT 'global positions ' || (before + 1) || ' to ' || (global_position - 1) || ' are missing'
FROM (SELECT global_position, lag(global_position, 1, 0) OVER (ORDER BY global_position) AS before FROM events)
WHERE global_position > before + 1
"""


def select_entries(which: str) -> str:
    """The entries that conditions, an order and a limit name."""
    return f"SELECT {_ENTRY} FROM catalogue WHERE {which}"
