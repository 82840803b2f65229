-- The record in PostgreSQL: migration 1. docs/record-format.md says what the columns mean.
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

-- There is none by `updated`: every append moves it, and an entry that stays on its page needs no index to follow.
CREATE INDEX {prefix}catalogue_by_start ON "{schema}".{prefix}catalogue (created, session COLLATE "C");
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
    payload_hash  bytea,   -- NULL until the content is redacted; then the hash of the payload as it was recorded
    digest        bytea NOT NULL
);

CREATE UNIQUE INDEX {prefix}events_by_position ON "{schema}".{prefix}events (session, position);
CREATE INDEX {prefix}messages_by_branch ON "{schema}".{prefix}events (session, branch, position)
    WHERE name = 'message.appended';
CREATE INDEX {prefix}structure_by_position ON "{schema}".{prefix}events (session, position)
    WHERE name <> 'message.appended';
CREATE INDEX {prefix}branch_changes ON "{schema}".{prefix}events (session, branch, position)
    WHERE name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone');
CREATE INDEX {prefix}events_by_command ON "{schema}".{prefix}events (session, command_id)
    WHERE command_id IS NOT NULL;

-- Events do not change. The one exception: the payload of an event that a later event of its session redacts becomes what
-- that redaction says is left of it, and its hash is kept.
CREATE FUNCTION "{schema}".{prefix}keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF old.payload_hash IS NULL AND length(new.payload_hash) = 32
            AND (new.global_position, new.session, new.position, new.time, new.name, new.digest)
              = (old.global_position, old.session, old.position, old.time, old.name, old.digest)
            AND (new.branch, new.encoding, new.actor, new.correlation, new.cause, new.command_id, new.payload_bytes)
                IS NOT DISTINCT FROM
                (old.branch, old.encoding, old.actor, old.correlation, old.cause, old.command_id, old.payload_bytes)
            AND EXISTS (
                SELECT FROM "{schema}".{prefix}events AS redaction
                WHERE redaction.session = old.session AND redaction.position > old.position
                  AND redaction.name <> 'message.appended'
                  AND CASE redaction.name
                      WHEN 'message.redacted' THEN redaction.payload::json ->> 'message' = old.position::text
                      WHEN 'event.redacted' THEN redaction.payload::json ->> 'event' = old.position::text
                      END
                  AND redaction.payload::json ->> 'left' = new.payload
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

-- The planner needs no statistics of contents, and these would keep what is redacted.
ALTER TABLE "{schema}".{prefix}events ALTER COLUMN payload SET STATISTICS 0, ALTER COLUMN payload_bytes SET STATISTICS 0;
ALTER TABLE "{schema}".{prefix}catalogue ALTER COLUMN metadata SET STATISTICS 0;

-- One row per redaction whose content may still be in the server's files: in versions of rows that are not visible any
-- more, and in the write-ahead log. It is written in the transaction that redacts, and deleted by a vacuum.
CREATE TABLE IF NOT EXISTS "{schema}".{prefix}pending_scrubs (
    token text PRIMARY KEY
);

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

-- For readers in SQL. The columns are those of frames and of Parquet files (projections/record_columns.py), and mean the
-- same. Sessions and branches are as they are now; events and messages as they were written, one row each, whichever
-- branches show them. A session that continues another has only its own events and messages here. Where a text has a NUL
-- character, which PostgreSQL has no room for, the views have the replacement character.
CREATE FUNCTION "{schema}".{prefix}as_json(payload text) RETURNS json LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN position('\u0000' IN payload) = 0 THEN payload::json
                ELSE replace(replace(payload, '\\', '\u005c'), '\u0000', '\ufffd')::json END
$$;

CREATE FUNCTION "{schema}".{prefix}as_time(microseconds bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT timestamptz '1970-01-01 00:00:00+00' + microseconds * interval '1 microsecond'
$$;

CREATE VIEW "{schema}".{prefix}sessions AS
SELECT c.session, c.key, c.name, CASE WHEN c."user" IS NOT NULL OR c.forked_from IS NULL THEN c."user" ELSE (
           WITH RECURSIVE lineage AS (
               SELECT c.forked_from, c."user", 0 AS depth
               UNION ALL
               SELECT a.forked_from, a."user", depth + 1
               FROM lineage JOIN "{schema}".{prefix}catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT "user" FROM lineage WHERE "user" IS NOT NULL ORDER BY depth LIMIT 1
       ) END AS "user",
       c.status, c.position, c.messages, c.bytes, c.forked_from, c.forked_at,
       "{schema}".{prefix}as_time(c.created) AS created_at, "{schema}".{prefix}as_time(c.updated) AS updated_at,
       "{schema}".{prefix}as_json(c.metadata) AS metadata
FROM "{schema}".{prefix}catalogue AS c;

CREATE VIEW "{schema}".{prefix}branches AS
SELECT session, coalesce(renamed, created ->> 'name') AS branch, created ->> 'id' AS branch_id,
       number AS branch_number, created ->> 'user' AS branch_user, (created ->> 'parent')::bigint AS parent_number,
       (created ->> 'at')::bigint AS forked_at, created_position, removed_position, messages, created_at
FROM (
    SELECT c.session, e.branch AS number, "{schema}".{prefix}as_json(e.payload) AS created, e.position AS created_position,
           "{schema}".{prefix}as_time(e.time) AS created_at,
           (SELECT "{schema}".{prefix}as_json(later.payload) ->> 'name' FROM "{schema}".{prefix}events AS later
            WHERE later.session = e.session AND later.name <> 'message.appended'
              AND later.name = 'branch.renamed' AND later.branch = e.branch
            ORDER BY later.position DESC LIMIT 1) AS renamed,
           (SELECT later.position FROM "{schema}".{prefix}events AS later
            WHERE later.session = e.session AND later.name <> 'message.appended'
              AND later.name = 'branch.removed' AND later.branch = e.branch) AS removed_position,
           (SELECT count(*) FROM "{schema}".{prefix}events AS message
            WHERE message.session = e.session AND message.branch = e.branch
              AND message.name = 'message.appended')
           + (SELECT count(*) FROM "{schema}".{prefix}events AS system
              WHERE system.session = e.session AND system.name <> 'message.appended'
                AND system.name = 'branch.system_set' AND system.branch = e.branch
                AND (system.payload IS NULL
                     OR json_typeof("{schema}".{prefix}as_json(system.payload) -> 'content') = 'object')) AS messages
    FROM "{schema}".{prefix}events AS e JOIN "{schema}".{prefix}catalogue AS c ON c.number = e.session
    WHERE e.name <> 'message.appended' AND e.name = 'branch.created'
) AS made;

-- The text of a message is that of domain/parts.py. What calls a tool is shown as its name and its arguments; NULL if a
-- part calls none.
CREATE FUNCTION "{schema}".{prefix}call_text(part json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN name = '' AND given::text = '{}' THEN ''      -- of a redacted call, nothing is left
                ELSE name || '(' || CASE json_typeof(given) WHEN 'string' THEN given #>> '{}' WHEN 'null' THEN ''
                                         ELSE coalesce(given::text, '') END || ')' END
    FROM (
        SELECT part -> 'function' ->> 'name' AS name, part -> 'function' -> 'arguments' AS given, 1 AS place
        WHERE json_typeof(part -> 'function' -> 'name') = 'string'
        UNION ALL
        SELECT part -> 'custom' ->> 'name', part -> 'custom' -> 'input', 2
        WHERE json_typeof(part -> 'custom' -> 'name') = 'string'
        UNION ALL
        SELECT part ->> 'name', coalesce(part -> 'input', part -> 'arguments'), 3
        WHERE json_typeof(part -> 'name') = 'string'
          AND part ->> 'type' IN ('function_call', 'custom_tool_call', 'mcp_call', 'tool_use', 'server_tool_use', 'mcp_tool_use')
    ) AS calls
    ORDER BY place LIMIT 1
$$;

-- The text or refusal that a part has itself, or the part if it is text.
CREATE FUNCTION "{schema}".{prefix}own_text(part json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN json_typeof(part) = 'string' THEN part #>> '{}'
                WHEN json_typeof(part -> 'text') = 'string' THEN part ->> 'text'
                WHEN json_typeof(part -> 'refusal') = 'string' THEN part ->> 'refusal' END
$$;

CREATE FUNCTION "{schema}".{prefix}part_kind(part json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN json_typeof(part -> 'type') = 'string' THEN part ->> 'type' END
$$;

-- The text of the parts in a part; what is nested deeper is no text.
CREATE FUNCTION "{schema}".{prefix}held_text(held json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(nullif(coalesce(
               "{schema}".{prefix}own_text(part), '[' || "{schema}".{prefix}part_kind(part) || ']'
           ), ''), E'\n' ORDER BY place), '')
    FROM json_array_elements(held) WITH ORDINALITY AS parts (part, place)
$$;

-- What a body says: itself, what the parts of a list say, one per line, or JSON; NULL if there is none.
CREATE FUNCTION "{schema}".{prefix}body_text(body json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN json_typeof(body) <> 'array' THEN body #>> '{}' ELSE (
        SELECT CASE WHEN bool_and(own IS NOT NULL OR kind IS NOT NULL) AND bool_or(own IS NOT NULL OR class IS NOT NULL)
                    THEN coalesce(string_agg(nullif(shown, ''), E'\n' ORDER BY place),
                                  string_agg('[' || kind || ']', E'\n' ORDER BY place) FILTER (WHERE class = 'reasoning'), '')
                    ELSE body::text END
        FROM (
            SELECT place, kind, class, own,
                   CASE WHEN class = 'reasoning' THEN NULL
                        WHEN class = 'call' AND json_typeof(part -> 'name') = 'string' THEN "{schema}".{prefix}call_text(part)
                        WHEN own IS NOT NULL THEN own
                        WHEN class = 'holder' AND json_typeof(held) = 'string' THEN held #>> '{}'
                        WHEN class = 'holder' AND json_typeof(held) = 'array' THEN "{schema}".{prefix}held_text(held)
                        ELSE '[' || kind || ']' END AS shown
            FROM (
                SELECT part, place, kind, "{schema}".{prefix}own_text(part) AS own,
                       CASE WHEN coalesce(json_typeof(part -> 'content'), 'null') = 'null' THEN part -> 'output'
                            ELSE part -> 'content' END AS held,
                       CASE
                           WHEN kind IN ('thinking', 'redacted_thinking', 'reasoning') THEN 'reasoning'
                           WHEN kind IN ('function_call', 'custom_tool_call', 'mcp_call', 'tool_use', 'server_tool_use',
                                         'mcp_tool_use') THEN 'call'
                           WHEN kind IN ('message', 'tool_result', 'mcp_tool_result', 'search_result',
                                         'function_call_output', 'custom_tool_call_output') THEN 'holder'
                           WHEN kind IN ('image', 'image_url', 'input_image', 'audio', 'input_audio', 'file', 'input_file',
                                         'document', 'container_upload', 'image_generation_call', 'computer_call_output')
                           THEN 'media'
                       END AS class
                FROM (
                    SELECT part, place, "{schema}".{prefix}part_kind(part) AS kind
                    FROM json_array_elements(body) WITH ORDINALITY AS parts (part, place)
                ) AS kinds
            ) AS classes
        ) AS lines
    ) END
$$;

-- What a model said, the reason why it refused, and the tools that it calls, one per line.
CREATE FUNCTION "{schema}".{prefix}answer_text(content json) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws(E'\n',
        CASE WHEN (content -> 'assistant_response')::text <> '[]'
             THEN nullif("{schema}".{prefix}body_text(content -> 'assistant_response'), '') END,
        nullif(content ->> 'refusal', ''),
        CASE WHEN json_typeof(content -> 'extra' -> 'audio' -> 'transcript') = 'string'
             THEN nullif(content -> 'extra' -> 'audio' ->> 'transcript', '') END,
        (SELECT string_agg(coalesce("{schema}".{prefix}call_text(part), part::text), E'\n' ORDER BY place)
         FROM json_array_elements(content -> 'tool_calls') WITH ORDINALITY AS calls (part, place)),
        CASE WHEN json_typeof(content -> 'extra' -> 'function_call') <> 'null' THEN coalesce(
            "{schema}".{prefix}call_text(json_build_object('function', content -> 'extra' -> 'function_call')),
            '{"function":' || (content -> 'extra' -> 'function_call') || '}') END)
$$;

-- The name of a branch is that which it had when the event was recorded; it may be on the record of a session that this
-- one continues, and so may the user.
CREATE VIEW "{schema}".{prefix}recorded_events AS
SELECT c.session, e.position, e.global_position, "{schema}".{prefix}as_time(e.time) AS created_at, e.name,
       (
           WITH RECURSIVE lineage AS (
               SELECT c.number, c.forked_from, c.forked_at, e.position AS until, 0 AS depth
               UNION ALL
               SELECT a.number, a.forked_from, a.forked_at, lineage.forked_at, depth + 1
               FROM lineage JOIN "{schema}".{prefix}catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT "{schema}".{prefix}as_json(label.payload) ->> 'name'
           FROM lineage JOIN "{schema}".{prefix}events AS label ON label.session = lineage.number
           WHERE label.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND label.name IN ('branch.created', 'branch.renamed') AND label.branch = e.branch
             AND label.position <= lineage.until
           ORDER BY depth, label.position DESC LIMIT 1
       ) AS branch,
       (
           WITH RECURSIVE lineage AS (
               SELECT c.number, c.forked_from, c.forked_at, e.position AS until, 0 AS depth
               UNION ALL
               SELECT a.number, a.forked_from, a.forked_at, lineage.forked_at, depth + 1
               FROM lineage JOIN "{schema}".{prefix}catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT "{schema}".{prefix}as_json(label.payload) ->> 'id'
           FROM lineage JOIN "{schema}".{prefix}events AS label ON label.session = lineage.number
           WHERE label.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND label.name = 'branch.created' AND label.branch = e.branch
             AND label.position <= lineage.until
           ORDER BY depth, label.position DESC LIMIT 1
       ) AS branch_id,
       e.branch AS branch_number,
       CASE WHEN c."user" IS NOT NULL OR c.forked_from IS NULL THEN c."user" ELSE (
           WITH RECURSIVE lineage AS (
               SELECT c.forked_from, c."user", 0 AS depth
               UNION ALL
               SELECT a.forked_from, a."user", depth + 1
               FROM lineage JOIN "{schema}".{prefix}catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT "user" FROM lineage WHERE "user" IS NOT NULL ORDER BY depth LIMIT 1
       ) END AS "user",
       e.actor, e.correlation AS correlation_id, e.cause AS causation, e.command_id,
       "{schema}".{prefix}as_json(e.payload) AS payload,
       e.payload_hash IS NOT NULL AS redacted, encode(e.digest, 'hex') AS digest
FROM "{schema}".{prefix}events AS e JOIN "{schema}".{prefix}catalogue AS c ON c.number = e.session;

CREATE VIEW "{schema}".{prefix}messages AS
SELECT session || '/' || position AS id, session, position, global_position, created_at, "user", branch, branch_id,
       content ->> 'type' AS type,
       CASE content ->> 'type'
           WHEN 'system' THEN 'system' WHEN 'instruction' THEN 'user' WHEN 'assistant_response' THEN 'assistant'
           WHEN 'action_request' THEN 'assistant' WHEN 'action_response' THEN 'tool'
           ELSE content ->> 'role' END AS role,
       coalesce(CASE content ->> 'type'
           WHEN 'system' THEN content ->> 'system_message'
           WHEN 'instruction' THEN "{schema}".{prefix}body_text(content -> 'instruction')
           WHEN 'assistant_response' THEN "{schema}".{prefix}answer_text(content)
           WHEN 'action_request' THEN coalesce("{schema}".{prefix}call_text(json_build_object('function', json_build_object(
               'name', coalesce(content ->> 'function', ''), 'arguments', coalesce(content -> 'arguments', '{}')
           ))), '')
           WHEN 'action_response' THEN
               coalesce(content ->> 'error', "{schema}".{prefix}body_text(content -> 'result'))
           ELSE content ->> 'text' END, '') AS text,
       content, payload ->> 'sender' AS sender, payload ->> 'recipient' AS recipient,
       coalesce(payload ->> 'origin', 'authored') AS origin,
       CASE content ->> 'type' WHEN 'assistant_response' THEN content ->> 'model' END AS model,
       CASE content ->> 'type' WHEN 'assistant_response' THEN (content -> 'usage' ->> 'input_tokens')::bigint END
           AS input_tokens,
       CASE content ->> 'type' WHEN 'assistant_response' THEN (content -> 'usage' ->> 'output_tokens')::bigint END
           AS output_tokens,
       coalesce(payload -> 'metadata', '{}') AS metadata, actor, correlation_id,
       EXISTS (
           SELECT FROM "{schema}".{prefix}events AS retraction
           WHERE retraction.session = session_number AND retraction.branch = branch_number
             AND retraction.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND retraction.name = 'message.retracted' AND retraction.position > written.position
             AND ("{schema}".{prefix}as_json(retraction.payload) ->> 'message')::bigint = written.position
             AND NOT EXISTS (
                 SELECT FROM "{schema}".{prefix}events AS undo
                 WHERE undo.session = session_number AND undo.branch = branch_number
                   AND undo.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
                   AND undo.name = 'branch.change_undone' AND undo.position > retraction.position
                   AND ("{schema}".{prefix}as_json(undo.payload) ->> 'undone')::bigint = retraction.position
             )
       ) AS retracted
FROM (
    SELECT r.*, c.number AS session_number, r.payload -> 'content' AS content
    FROM "{schema}".{prefix}recorded_events AS r JOIN "{schema}".{prefix}catalogue AS c USING (session)
    WHERE r.name IN ('message.appended', 'branch.system_set')
) AS written
WHERE content ->> 'type' IS NOT NULL;
