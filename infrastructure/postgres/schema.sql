-- The record in PostgreSQL, as a new database gets it. docs/record-format.md says what the columns mean.
-- {schema} and {prefix} stand for what the address names; both are plain lower-case identifiers.

-- The steps that brought these tables here.
CREATE TABLE "{schema}".{prefix}migrations (
    number  integer PRIMARY KEY,
    name    text NOT NULL,
    applied bigint NOT NULL         -- microseconds since 1970, UTC, as all times here
);

-- One row. Whoever appends locks it until the commit, and goes on from the last event: so global positions have no
-- gaps, and become visible in their order. The number only says below what none is given again, in case the newest
-- events are ever taken away. It is not moved by every append: the versions of the row that an hour-long query keeps
-- alive would make each append slower than the one before.
CREATE TABLE "{schema}".{prefix}counter (
    global_position bigint NOT NULL
);

INSERT INTO "{schema}".{prefix}counter (global_position) VALUES (0);

-- One row per session, kept in the transaction that appends.
CREATE TABLE "{schema}".{prefix}catalogue (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- events name their session by it
    session     text NOT NULL UNIQUE,
    key         text UNIQUE,
    name        text,
    "user"      text,
    forked_from text,               -- the session that this one goes on from, and the position there
    forked_at   bigint,
    status      text NOT NULL,
    position    bigint NOT NULL,
    time        bigint NOT NULL,
    digest      bytea NOT NULL,
    messages    bigint NOT NULL,
    bytes       bigint NOT NULL,
    created     bigint NOT NULL,
    updated     bigint NOT NULL,
    metadata    text NOT NULL       -- JSON
) WITH (fillfactor = 70);           -- room to move an entry within its page, where no index has to follow

CREATE INDEX {prefix}catalogue_by_name ON "{schema}".{prefix}catalogue (name) WHERE name IS NOT NULL;
CREATE INDEX {prefix}catalogue_by_user ON "{schema}".{prefix}catalogue ("user") WHERE "user" IS NOT NULL;
CREATE INDEX {prefix}catalogue_by_origin ON "{schema}".{prefix}catalogue (forked_from) WHERE forked_from IS NOT NULL;

CREATE TABLE "{schema}".{prefix}events (
    global_position bigint PRIMARY KEY CHECK (global_position > 0),   -- never used twice
    session       bigint NOT NULL REFERENCES "{schema}".{prefix}catalogue (number),
    position      bigint NOT NULL CHECK (position >= 0),
    time          bigint NOT NULL,
    name          text NOT NULL,
    branch        bigint,
    actor         text,
    correlation   text,
    cause         bigint,
    command_id    text,
    encoding      text,    -- NULL: the payload is JSON text
    payload       text,
    payload_bytes bytea,   -- the payload, if it is not what a text can hold
    payload_hash  bytea,   -- NULL until the words are taken out of the payload; then its hash as it was
    digest        bytea NOT NULL
);

CREATE UNIQUE INDEX {prefix}events_by_position ON "{schema}".{prefix}events (session, position);
CREATE INDEX {prefix}messages_by_branch ON "{schema}".{prefix}events (session, branch, position)
    WHERE name = 'message.appended';
CREATE INDEX {prefix}structure_by_position ON "{schema}".{prefix}events (session, position)
    WHERE name <> 'message.appended';
CREATE INDEX {prefix}events_by_command ON "{schema}".{prefix}events (session, command_id)
    WHERE command_id IS NOT NULL;

-- What is on the record stays as it is. The one way out: the words are taken out of the payload of a message, which
-- leaves its branch, the kind of content and the hash, once the record says that the message was redacted.
CREATE FUNCTION "{schema}".{prefix}keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF old.payload_hash IS NULL AND length(new.payload_hash) = 32
            AND (new.global_position, new.session, new.position, new.time, new.name, new.digest)
              = (old.global_position, old.session, old.position, old.time, old.name, old.digest)
            AND (new.branch, new.encoding, new.actor, new.correlation, new.cause, new.command_id, new.payload_bytes)
                IS NOT DISTINCT FROM
                (old.branch, old.encoding, old.actor, old.correlation, old.cause, old.command_id, old.payload_bytes)
            -- By its text: as JSON, PostgreSQL would refuse a payload with a NUL character in it.
            AND new.payload = substring(old.payload FROM '^{"branch":[0-9]+,"content":{"type":"[a-z_]+"') || '}}'
            AND EXISTS (
                SELECT FROM "{schema}".{prefix}events AS redaction
                WHERE redaction.session = old.session AND redaction.position > old.position
                  AND redaction.name <> 'message.appended'
                  AND CASE WHEN redaction.name = 'message.redacted'
                           THEN redaction.payload::json ->> 'message' = old.position::text END
            )
        THEN
            RETURN new;
        END IF;
        RAISE EXCEPTION 'events are not changed';
    END IF;
    RAISE EXCEPTION 'events are not deleted';
END
$$;

CREATE TRIGGER {prefix}events_are_not_changed BEFORE UPDATE OR DELETE ON "{schema}".{prefix}events
    FOR EACH ROW EXECUTE FUNCTION "{schema}".{prefix}keep_events();
CREATE TRIGGER {prefix}events_are_not_truncated BEFORE TRUNCATE ON "{schema}".{prefix}events
    FOR EACH STATEMENT EXECUTE FUNCTION "{schema}".{prefix}keep_events();

CREATE FUNCTION "{schema}".{prefix}keep_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'sessions are not deleted';
END
$$;

CREATE TRIGGER {prefix}sessions_are_not_deleted BEFORE DELETE OR TRUNCATE ON "{schema}".{prefix}catalogue
    FOR EACH STATEMENT EXECUTE FUNCTION "{schema}".{prefix}keep_sessions();

-- How far each projection has read; moved in the transaction that writes what it answers with.
CREATE TABLE "{schema}".{prefix}checkpoints (
    projection      text NOT NULL,
    source          text NOT NULL,      -- the application that it follows
    global_position bigint NOT NULL,
    PRIMARY KEY (projection, source)
) WITH (fillfactor = 50);               -- a checkpoint moves often, and within its page no index has to follow

-- States that were folded before; any of them may be deleted at any time.
CREATE TABLE "{schema}".{prefix}snapshots (
    purpose  text NOT NULL,             -- whose they are
    session  text NOT NULL,
    position bigint NOT NULL,
    name     text NOT NULL,
    state    bytea NOT NULL,
    PRIMARY KEY (purpose, session, position)
);
