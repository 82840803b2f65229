"""The statements of the PostgreSQL store, each with what it answers or does; `Tables` says on which tables."""

from functools import lru_cache
from typing import NamedTuple


class Tables(NamedTuple):
    """The tables of the store: those in a schema whose names begin with a prefix."""

    schema: str
    prefix: str

    @property
    def channel(self) -> str:
        """Where appends are announced; short enough for a channel, since schema and prefix are."""
        return f"{self.schema}.{self.prefix}"

    def named(self, statement: str) -> str:
        """The statement with the names of these tables in it."""
        return _named(self, statement)


@lru_cache
def _named(tables: Tables, statement: str) -> str:
    for place in ("schema", "prefix", "channel"):
        statement = statement.replace(f"{{{place}}}", getattr(tables, place))
    return statement


EVENTS = '"{schema}".{prefix}events AS e'
CATALOGUE = '"{schema}".{prefix}catalogue AS c'
COUNTER = '"{schema}".{prefix}counter AS n'
_PAYLOAD = "CASE WHEN e.encoding IS NULL THEN coalesce(e.payload_bytes, convert_to(e.payload, 'UTF8')) END"
_COLUMNS = f"""
    e.position, e.global_position, e.time, e.name, e.branch, e.actor, e.correlation, e.cause, e.command_id,
    {_PAYLOAD}, e.payload_hash, e.digest
"""
_BODY = f"e.position, e.time, {_PAYLOAD}"
_ROW = f"%(session)s::text, {_COLUMNS}"
_OF_SESSION = f"FROM {EVENTS} WHERE e.session = (SELECT c.number FROM {CATALOGUE} WHERE c.session = %(session)s)"
# The planner is not told how many rows that is, and so expects to need few. Told that it is a full page, and knowing
# nothing of this session but the average, it would rather sort all that there is than follow the index.
_LIMIT = "LIMIT (SELECT %(limit)s::bigint)"
_ENTRY = """
    number, session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes,
    created, updated, metadata
"""

# Records a group of attempts; one row per attempt: what became of it, then, if it does not stand on the head of its
# session, that head. The functions say more.
APPEND = f"""
SELECT outcome, first_position, last_position, first_global, recorded_at, {_ENTRY}
FROM "{{schema}}".{{prefix}}append_v1(%t::jsonb, %b::bytea, %b::boolean, %b::boolean) AS a,
     LATERAL (SELECT (a.head).*) AS c
"""
APPEND_TOGETHER = APPEND.replace("append_v1", "append_together_v1")

# A page of a session's events between two positions.
READ = f"""
SELECT {_ROW} {_OF_SESSION} AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position {_LIMIT}
"""
READ_BACKWARDS = f"""
SELECT {_ROW} {_OF_SESSION} AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position DESC {_LIMIT}
"""

# A page of the messages written on a branch between two positions.
READ_MESSAGES = f"""
SELECT {_ROW} {_OF_SESSION} AND e.name = 'message.appended' AND e.branch = %(branch)s
AND e.position BETWEEN %(first)s AND %(last)s ORDER BY e.position {_LIMIT}
"""
READ_MESSAGES_BACKWARDS = f"""
SELECT {_ROW} {_OF_SESSION} AND e.name = 'message.appended' AND e.branch = %(branch)s
AND e.position BETWEEN %(first)s AND %(last)s ORDER BY e.position DESC {_LIMIT}
"""

# The same messages, of which only what is needed to make a frame of them.
READ_BODIES = READ_MESSAGES.replace(_ROW, _BODY)
READ_BODIES_BACKWARDS = READ_MESSAGES_BACKWARDS.replace(_ROW, _BODY)

# What is recorded at some positions of a session.
READ_BODIES_AT = f"""
SELECT {_BODY} {_OF_SESSION} AND e.position = ANY(%(positions)s::bigint[]) ORDER BY e.position
"""

# A page of a session's events that are no messages.
READ_STRUCTURE = f"""
SELECT {_ROW} {_OF_SESSION} AND e.name <> 'message.appended' AND e.position BETWEEN %(first)s AND %(last)s
ORDER BY e.position {_LIMIT}
"""

# The positions of the messages of a session, as one array per branch.
READ_WRITTEN = f"""
SELECT e.branch, array_agg(e.position ORDER BY e.position)::text
{_OF_SESSION} AND e.name = 'message.appended' AND e.position > %(after)s AND e.position <= %(until)s
GROUP BY e.branch
"""

# A page of all events, in the order they were committed.
READ_ALL = f"""
SELECT c.session, {_COLUMNS} FROM {EVENTS} JOIN {CATALOGUE} ON c.number = e.session
WHERE e.global_position > %(after)s AND e.global_position <= %(until)s
ORDER BY e.global_position {_LIMIT}
"""
READ_NAMED = f"""
SELECT c.session, {_COLUMNS} FROM {EVENTS} JOIN {CATALOGUE} ON c.number = e.session
WHERE e.global_position > %(after)s AND e.global_position <= %(until)s
      AND e.name = ANY ((SELECT %(names)s::text[])::text[])
ORDER BY e.global_position {_LIMIT}
"""

NEWEST_GLOBAL_POSITION = f"SELECT coalesce(max(e.global_position), 0) FROM {EVENTS}"

FIND_ENTRY = f"SELECT {_ENTRY} FROM {CATALOGUE} WHERE c.session = %s"

# A page of the catalogue, in the order the sessions were started.
READ_ENTRIES = f"SELECT {_ENTRY} FROM {CATALOGUE} WHERE c.number > %(number)s ORDER BY c.number {_LIMIT}"

FIND_ENTRY_BY_KEY = f"SELECT {_ENTRY} FROM {CATALOGUE} WHERE c.key = %s"

# The positions that a command recorded, the first global one, and when; all NULL if it recorded nothing.
FIND_COMMAND = f"""
SELECT min(e.position), max(e.position), min(e.global_position), max(e.time)
{_OF_SESSION} AND e.command_id = %(command_id)s
"""

# Keeps all others from appending until the transaction ends.
LOCK_COUNTER = f"SELECT n.global_position FROM {COUNTER} FOR UPDATE"

# Whether there is, or was, anything in the store.
FIND_ANYTHING = f"SELECT n.global_position > 0 OR EXISTS (SELECT FROM {CATALOGUE}) FROM {COUNTER}"

RESTORE_ENTRIES = """
COPY "{schema}".{prefix}catalogue (
    session, position, time, digest, status, key, name, "user", forked_from, forked_at, messages, bytes, created,
    updated, metadata
) FROM STDIN
"""

FIND_NUMBERS = f"SELECT c.session, c.number FROM {CATALOGUE}"

RESTORE_EVENTS = """
COPY "{schema}".{prefix}events (
    session, position, global_position, time, name, branch, actor, correlation, cause, command_id, payload,
    payload_bytes, payload_hash, digest
) FROM STDIN
"""

# No global position up to the newest is ever given again.
MOVE_COUNTER = f"""
UPDATE {COUNTER} SET global_position = greatest(n.global_position, (SELECT max(e.global_position) FROM {EVENTS}))
"""

ANNOUNCE = "SELECT pg_notify('{channel}', '')"

# The states that were folded before hold what is redacted now.
DROP_SNAPSHOTS = 'DELETE FROM "{schema}".{prefix}snapshots'

# Leaves of a payload what has no words in it; once.
ERASE = """
UPDATE "{schema}".{prefix}events SET payload = %s, payload_hash = %s
WHERE session = (SELECT number FROM "{schema}".{prefix}catalogue WHERE session = %s) AND position = %s
  AND payload_hash IS NULL
"""


def select_entries(which: str) -> str:
    """The entries that conditions, an order and a limit name."""
    return f"SELECT {_ENTRY} FROM {CATALOGUE} WHERE {which}"
