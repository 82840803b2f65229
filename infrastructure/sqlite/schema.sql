-- The record in SQLite, as a new database gets it. docs/record-format.md says what the columns mean.

-- The steps that brought this database here.
CREATE TABLE migrations (
    number  INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    applied INTEGER NOT NULL
) STRICT;

-- One row per session, kept in the transaction that appends.
CREATE TABLE catalogue (
    number   INTEGER PRIMARY KEY,   -- events name their session by it
    session  TEXT NOT NULL UNIQUE,
    key      TEXT UNIQUE,
    name     TEXT,
    user     TEXT,
    forked_from TEXT,               -- the session that this one goes on from, and the position there
    forked_at   INTEGER,
    status   TEXT NOT NULL,
    position INTEGER NOT NULL,
    time     INTEGER NOT NULL,      -- microseconds since 1970, UTC, as all times here
    digest   BLOB NOT NULL,
    messages INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    metadata TEXT NOT NULL CHECK (json_valid(metadata))
) STRICT;

CREATE INDEX catalogue_by_name ON catalogue (name) WHERE name IS NOT NULL;
CREATE INDEX catalogue_by_user ON catalogue (user) WHERE user IS NOT NULL;
CREATE INDEX catalogue_by_origin ON catalogue (forked_from) WHERE forked_from IS NOT NULL;

CREATE TABLE events (
    global_position INTEGER PRIMARY KEY AUTOINCREMENT CHECK (global_position > 0),   -- never used twice
    session      INTEGER NOT NULL REFERENCES catalogue (number),
    position     INTEGER NOT NULL CHECK (position >= 0),
    time         INTEGER NOT NULL,
    name         TEXT NOT NULL,
    branch       INTEGER,
    actor        TEXT,
    correlation  TEXT,
    cause        INTEGER,
    command_id   TEXT,
    encoding     TEXT,     -- NULL: the payload is JSON text
    payload      ANY,
    payload_hash BLOB,     -- NULL until the words are taken out of the payload; then its hash as it was
    digest       BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_by_position ON events (session, position);
CREATE INDEX messages_by_branch ON events (session, branch, position) WHERE name = 'message.appended';
CREATE INDEX structure_by_position ON events (session, position) WHERE name <> 'message.appended';
CREATE INDEX events_by_command ON events (session, command_id) WHERE command_id IS NOT NULL;

-- What is on the record stays as it is. The one way out: the words are taken out of the payload of a message, which
-- leaves its hash, once the record says that the message was redacted.
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
WHEN NOT (
    old.payload_hash IS NULL AND length(new.payload_hash) = 32
    AND new.payload = json_object(
        'branch', json_extract(old.payload, '$.branch'),
        'content', json_object('type', json_extract(old.payload, '$.content.type'))
    )
    AND (new.global_position, new.session, new.position, new.time, new.name, new.digest)
      = (old.global_position, old.session, old.position, old.time, old.name, old.digest)
    AND (new.branch, new.encoding, new.actor, new.correlation, new.cause, new.command_id)
     IS (old.branch, old.encoding, old.actor, old.correlation, old.cause, old.command_id)
    AND EXISTS (
        SELECT 1 FROM events AS redaction INDEXED BY structure_by_position
        WHERE redaction.session = old.session AND redaction.position > old.position
          AND redaction.name <> 'message.appended' AND redaction.name = 'message.redacted'
          AND json_extract(redaction.payload, '$.message') = old.position
    )
)
BEGIN
    SELECT RAISE(ABORT, 'events are not changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are not deleted');
END;

CREATE TRIGGER sessions_are_not_deleted BEFORE DELETE ON catalogue
BEGIN
    SELECT RAISE(ABORT, 'sessions are not deleted');
END;

-- How far each projection has read; moved in the transaction that writes what it answers with.
CREATE TABLE checkpoints (
    projection      TEXT NOT NULL,
    source          TEXT NOT NULL,      -- the application that it follows
    global_position INTEGER NOT NULL,
    PRIMARY KEY (projection, source)
) STRICT, WITHOUT ROWID;

-- States that were folded before; any of them may be deleted at any time.
CREATE TABLE snapshots (
    purpose  TEXT NOT NULL,             -- whose they are
    session  TEXT NOT NULL,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    state    BLOB NOT NULL,
    PRIMARY KEY (purpose, session, position)
) STRICT;
