-- The record in SQLite: migration 1. docs/record-format.md says what the columns mean.

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

CREATE INDEX catalogue_by_start ON catalogue (created, session);
CREATE INDEX catalogue_by_use ON catalogue (updated, session);
CREATE INDEX catalogue_by_name ON catalogue (name) WHERE name IS NOT NULL;
CREATE INDEX catalogue_by_user ON catalogue (user) WHERE user IS NOT NULL;
CREATE INDEX catalogue_by_origin ON catalogue (forked_from) WHERE forked_from IS NOT NULL;

CREATE TABLE events (
    global_position INTEGER PRIMARY KEY AUTOINCREMENT CHECK (global_position > 0),   -- never used twice
    session      INTEGER NOT NULL REFERENCES catalogue (number) DEFERRABLE INITIALLY DEFERRED,
    position     INTEGER NOT NULL CHECK (position >= 0),
    time         INTEGER NOT NULL,
    name         TEXT NOT NULL,
    branch       INTEGER,
    actor        TEXT,
    correlation  TEXT,
    cause        INTEGER,
    command_id   TEXT,
    encoding     TEXT,     -- NULL: the payload is JSON text; zstd1: it is compressed
    payload      ANY,
    payload_hash BLOB,     -- NULL until the content is redacted; then the hash of the payload as it was recorded
    digest       BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_by_position ON events (session, position);
CREATE INDEX messages_by_branch ON events (session, branch, position) WHERE name = 'message.appended';
CREATE INDEX structure_by_position ON events (session, position) WHERE name <> 'message.appended';
CREATE INDEX branch_changes ON events (session, branch, position)
    WHERE name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone');
CREATE INDEX events_by_command ON events (session, command_id) WHERE command_id IS NOT NULL;

-- Events do not change. The one exception: the payload of an event that a later event of its session redacts becomes what
-- that redaction says is left of it, and its hash is kept.
CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
WHEN NOT (
    old.payload_hash IS NULL AND length(new.payload_hash) IS 32 AND new.encoding IS NULL
    AND (new.global_position, new.session, new.position, new.time, new.name, new.digest)
      = (old.global_position, old.session, old.position, old.time, old.name, old.digest)
    AND (new.branch, new.actor, new.correlation, new.cause, new.command_id)
     IS (old.branch, old.actor, old.correlation, old.cause, old.command_id)
    AND EXISTS (
        SELECT 1 FROM events AS redaction INDEXED BY structure_by_position
        WHERE redaction.session = old.session AND redaction.position > old.position
          AND redaction.name <> 'message.appended' AND redaction.name IN ('message.redacted', 'event.redacted')
          AND coalesce(
              json_extract(redaction.payload, '$.message'), json_extract(redaction.payload, '$.event')
          ) = old.position
          AND json_extract(redaction.payload, '$.left') = new.payload
    )
)
BEGIN
    SELECT RAISE(ABORT, 'events are not changed');
END;

-- REPLACE deletes the rows in its way without firing a trigger on DELETE, so a row in its way is an error here. Without
-- events, max() is NULL and nothing is an error. ROLLBACK, and the deferred reference above, spare each insert a
-- statement journal, which takes longer than the check.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN new.global_position <= (SELECT max(global_position) FROM events)
    OR new.position <> (SELECT max(position) + 1 FROM events WHERE session = new.session)
BEGIN
    SELECT RAISE(ROLLBACK, 'events are not replaced, only appended');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are not deleted');
END;

CREATE TRIGGER sessions_are_not_deleted BEFORE DELETE ON catalogue
BEGIN
    SELECT RAISE(ABORT, 'sessions are not deleted');
END;

CREATE TRIGGER sessions_are_not_replaced BEFORE INSERT ON catalogue
WHEN EXISTS (SELECT 1 FROM catalogue WHERE number = new.number OR session = new.session OR key = new.key)
BEGIN
    SELECT RAISE(ABORT, 'sessions are not replaced');
END;

CREATE TRIGGER sessions_stay_the_same BEFORE UPDATE OF number, session ON catalogue
BEGIN
    SELECT RAISE(ABORT, 'sessions keep their number and id');
END;

CREATE TRIGGER keys_are_not_taken BEFORE UPDATE OF key ON catalogue
WHEN EXISTS (SELECT 1 FROM catalogue WHERE key = new.key AND number <> old.number)
BEGIN
    SELECT RAISE(ABORT, 'a key is not taken from another session');
END;

-- One row per redaction whose content may still be in the files: in the write-ahead log, in a full-text index, or in the
-- unused part of a page. It is written in the transaction that redacts, and deleted once the files were cleaned.
CREATE TABLE pending_scrubs (
    token TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

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

-- For readers in SQL. The columns are those of frames and of Parquet files (projections/record_columns.py) and mean the
-- same. Sessions and branches are as they are now; events and messages as they were written, one row each, whichever
-- branches show them. Times are ISO 8601 in UTC. A session that continues another has only its own events and messages
-- here. Where a text has a NUL character, at which SQLite ends a text, the views have the replacement character. Of a
-- compressed event, the views have all but its payload, and what is in the payload is NULL.
CREATE VIEW sessions AS
SELECT c.session, c.key, c.name,
       CASE WHEN c.user IS NOT NULL OR c.forked_from IS NULL THEN c.user ELSE (
           WITH RECURSIVE lineage (forked_from, user, depth) AS (
               SELECT c.forked_from, c.user, 0
               UNION ALL
               SELECT a.forked_from, a.user, depth + 1
               FROM lineage JOIN catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT user FROM lineage WHERE user IS NOT NULL ORDER BY depth LIMIT 1
       ) END AS user,
       c.status, c.position, c.messages, c.bytes, c.forked_from, c.forked_at,
       strftime('%Y-%m-%dT%H:%M:%S', c.created / 1000000, 'unixepoch') || printf('.%06dZ', c.created % 1000000) AS created_at,
       strftime('%Y-%m-%dT%H:%M:%S', c.updated / 1000000, 'unixepoch') || printf('.%06dZ', c.updated % 1000000) AS updated_at,
       c.metadata
FROM catalogue AS c;

CREATE VIEW branches AS
SELECT c.session,
       coalesce(
           (SELECT json_extract(later.payload, '$.name')
            FROM events AS later INDEXED BY branch_changes
            WHERE later.session = e.session
              AND later.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
              AND later.name = 'branch.renamed' AND later.branch = e.branch
            ORDER BY later.position DESC LIMIT 1),
           json_extract(e.payload, '$.name')
       ) AS branch,
       json_extract(e.payload, '$.id') AS branch_id,
       e.branch AS branch_number,
       json_extract(e.payload, '$.user') AS branch_user,
       json_extract(e.payload, '$.parent') AS parent_number,
       json_extract(e.payload, '$.at') AS forked_at,
       e.position AS created_position,
       (SELECT later.position FROM events AS later INDEXED BY structure_by_position
        WHERE later.session = e.session AND later.name <> 'message.appended'
          AND later.name = 'branch.removed' AND later.branch = e.branch) AS removed_position,
       (SELECT count(*) FROM events AS message INDEXED BY messages_by_branch
        WHERE message.session = e.session AND message.branch = e.branch
          AND message.name = 'message.appended')
       + (SELECT count(*) FROM events AS system INDEXED BY structure_by_position
          WHERE system.session = e.session AND system.name <> 'message.appended'
            AND system.name = 'branch.system_set' AND system.branch = e.branch
            AND (system.encoding IS NOT NULL OR json_type(system.payload, '$.content') = 'object')) AS messages,
       strftime('%Y-%m-%dT%H:%M:%S', e.time / 1000000, 'unixepoch') || printf('.%06dZ', e.time % 1000000) AS created_at
FROM events AS e JOIN catalogue AS c ON c.number = e.session
WHERE e.name <> 'message.appended' AND e.name = 'branch.created';

-- The name of a branch is that which it had when the event was recorded; it may be on the record of a session that this
-- one continues, and so may the user.
CREATE VIEW recorded_events AS
SELECT c.session, e.position, e.global_position,
       strftime('%Y-%m-%dT%H:%M:%S', e.time / 1000000, 'unixepoch') || printf('.%06dZ', e.time % 1000000) AS created_at,
       e.name,
       (
           WITH RECURSIVE lineage (number, forked_from, forked_at, until, depth) AS (
               SELECT c.number, c.forked_from, c.forked_at, e.position, 0
               UNION ALL
               SELECT a.number, a.forked_from, a.forked_at, lineage.forked_at, depth + 1
               FROM lineage JOIN catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT json_extract(label.payload, '$.name')
           FROM lineage JOIN events AS label INDEXED BY branch_changes ON label.session = lineage.number
           WHERE label.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND label.name IN ('branch.created', 'branch.renamed') AND label.branch = e.branch
             AND label.position <= lineage.until
           ORDER BY depth, label.position DESC LIMIT 1
       ) AS branch,
       (
           WITH RECURSIVE lineage (number, forked_from, forked_at, until, depth) AS (
               SELECT c.number, c.forked_from, c.forked_at, e.position, 0
               UNION ALL
               SELECT a.number, a.forked_from, a.forked_at, lineage.forked_at, depth + 1
               FROM lineage JOIN catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT json_extract(label.payload, '$.id')
           FROM lineage JOIN events AS label INDEXED BY branch_changes ON label.session = lineage.number
           WHERE label.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND label.name = 'branch.created' AND label.branch = e.branch
             AND label.position <= lineage.until
           ORDER BY depth, label.position DESC LIMIT 1
       ) AS branch_id,
       e.branch AS branch_number,
       CASE WHEN c.user IS NOT NULL OR c.forked_from IS NULL THEN c.user ELSE (
           WITH RECURSIVE lineage (forked_from, user, depth) AS (
               SELECT c.forked_from, c.user, 0
               UNION ALL
               SELECT a.forked_from, a.user, depth + 1
               FROM lineage JOIN catalogue AS a ON a.session = lineage.forked_from
           )
           SELECT user FROM lineage WHERE user IS NOT NULL ORDER BY depth LIMIT 1
       ) END AS user,
       e.actor, e.correlation AS correlation_id, e.cause AS causation, e.command_id,
       CASE WHEN e.encoding IS NULL THEN e.payload END AS payload,
       e.payload_hash IS NOT NULL AS redacted, lower(hex(e.digest)) AS digest
FROM events AS e JOIN catalogue AS c ON c.number = e.session;

-- The text of a message is that of domain/parts.py: `body` is what is said, with the parts of a list one per line, and
-- `calls` are the tools that are called.
CREATE VIEW messages AS
SELECT session || '/' || position AS id, session, position, global_position, created_at, user, branch, branch_id, type,
       CASE type WHEN 'system' THEN 'system' WHEN 'instruction' THEN 'user' WHEN 'assistant_response' THEN 'assistant'
                 WHEN 'action_request' THEN 'assistant' WHEN 'action_response' THEN 'tool'
                 ELSE json_extract(payload, '$.content.role') END AS role,
       CASE WHEN type IN ('assistant_response', 'action_request') THEN
                substr(coalesce(char(10) || nullif(body, ''), '')
                    || coalesce(char(10) || nullif(json_extract(payload, '$.content.refusal'), ''), '')
                    || CASE WHEN json_type(payload, '$.content.extra.audio.transcript') = 'text'
                            THEN char(10) || json_extract(payload, '$.content.extra.audio.transcript') ELSE '' END
                    || coalesce(char(10) || nullif(calls, ''), ''), 2)
            WHEN payload IS NOT NULL THEN coalesce(body, '') END AS text,
       json_extract(payload, '$.content') AS content,
       json_extract(payload, '$.sender') AS sender, json_extract(payload, '$.recipient') AS recipient,
       CASE WHEN payload IS NOT NULL THEN coalesce(json_extract(payload, '$.origin'), 'authored') END AS origin,
       CASE type WHEN 'assistant_response' THEN json_extract(payload, '$.content.model') END AS model,
       CASE type WHEN 'assistant_response' THEN json_extract(payload, '$.content.usage.input_tokens') END AS input_tokens,
       CASE type WHEN 'assistant_response' THEN json_extract(payload, '$.content.usage.output_tokens') END AS output_tokens,
       CASE WHEN payload IS NOT NULL THEN coalesce(json_extract(payload, '$.metadata'), '{}') END AS metadata,
       actor, correlation_id,
       EXISTS (
           SELECT 1 FROM events AS retraction INDEXED BY branch_changes
           WHERE retraction.session = session_number AND retraction.branch = branch_number
             AND retraction.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
             AND retraction.name = 'message.retracted' AND retraction.position > written.position
             AND json_extract(retraction.payload, '$.message') = written.position
             AND NOT EXISTS (
                 SELECT 1 FROM events AS undo INDEXED BY branch_changes
                 WHERE undo.session = session_number AND undo.branch = branch_number
                   AND undo.name IN ('branch.created', 'branch.renamed', 'message.retracted', 'branch.change_undone')
                   AND undo.name = 'branch.change_undone' AND undo.position > retraction.position
                   AND json_extract(undo.payload, '$.undone') = retraction.position
             )
       ) AS retracted
FROM (
    SELECT *,
           CASE json_type(payload, said)
               WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
               WHEN 'array' THEN (
                   SELECT CASE WHEN min(is_part) AND max(is_known)
                               THEN coalesce(group_concat(nullif(shown, ''), char(10)), group_concat(hidden, char(10)), '')
                               WHEN written.type = 'assistant_response' AND count(*) = 0 THEN ''
                               ELSE json_extract(payload, said) END
                   FROM (
                       SELECT string IS NOT NULL OR kind IS NOT NULL OR own IS NOT NULL AS is_part,
                              string IS NOT NULL OR own IS NOT NULL OR class IS NOT NULL AS is_known,
                              CASE class WHEN 'reasoning' THEN '[' || kind || ']' END AS hidden,
                              CASE
                                  WHEN string IS NOT NULL THEN string
                                  WHEN class = 'reasoning' THEN NULL
                                  WHEN class = 'call' AND json_type(part, '$.name') = 'text'
                                  THEN json_extract(part, '$.name') || '(' || CASE
                                      WHEN json_type(part, given) IN ('true', 'false') THEN json_type(part, given)
                                      ELSE coalesce(json_extract(part, given), '') END || ')'
                                  WHEN own IS NOT NULL THEN own
                                  WHEN class = 'holder' AND json_type(part, held) = 'text' THEN json_extract(part, held)
                                  WHEN class = 'holder' AND json_type(part, held) = 'array' THEN (
                                      SELECT coalesce(group_concat(nullif(line, ''), char(10)), '')
                                      FROM (
                                          SELECT CASE inner_part.type
                                              WHEN 'text' THEN inner_part.value
                                              WHEN 'object' THEN coalesce(
                                                  CASE WHEN json_type(inner_part.value, '$.text') = 'text'
                                                       THEN json_extract(inner_part.value, '$.text') END,
                                                  CASE WHEN json_type(inner_part.value, '$.refusal') = 'text'
                                                       THEN json_extract(inner_part.value, '$.refusal') END,
                                                  CASE WHEN json_type(inner_part.value, '$.type') = 'text'
                                                       THEN '[' || json_extract(inner_part.value, '$.type') || ']' END
                                              ) END AS line
                                          FROM json_each(part, held) AS inner_part ORDER BY inner_part.key
                                      )
                                  )
                                  ELSE '[' || kind || ']' END AS shown
                       FROM (
                           SELECT *,
                                  CASE
                                      WHEN kind IN ('thinking', 'redacted_thinking', 'reasoning') THEN 'reasoning'
                                      WHEN kind IN ('function_call', 'custom_tool_call', 'mcp_call', 'tool_use',
                                                    'server_tool_use', 'mcp_tool_use') THEN 'call'
                                      WHEN kind IN ('message', 'tool_result', 'mcp_tool_result', 'search_result',
                                                    'function_call_output', 'custom_tool_call_output') THEN 'holder'
                                      WHEN kind IN ('image', 'image_url', 'input_image', 'audio', 'input_audio', 'file',
                                                    'input_file', 'document', 'container_upload',
                                                    'image_generation_call', 'computer_call_output') THEN 'media'
                                  END AS class
                           FROM (
                               SELECT CASE item.type WHEN 'text' THEN item.value END AS string,
                                      CASE item.type WHEN 'object' THEN item.value END AS part,
                                      CASE WHEN item.type = 'object' AND json_type(item.value, '$.type') = 'text'
                                           THEN json_extract(item.value, '$.type') END AS kind,
                                      CASE WHEN item.type <> 'object' THEN NULL
                                           WHEN json_type(item.value, '$.text') = 'text'
                                           THEN json_extract(item.value, '$.text')
                                           WHEN json_type(item.value, '$.refusal') = 'text'
                                           THEN json_extract(item.value, '$.refusal') END AS own,
                                      CASE WHEN item.type = 'object' AND json_type(item.value, '$.input') IS NULL
                                           THEN '$.arguments' ELSE '$.input' END AS given,
                                      CASE WHEN item.type = 'object'
                                                AND coalesce(json_type(item.value, '$.content'), 'null') = 'null'
                                           THEN '$.output' ELSE '$.content' END AS held
                               FROM json_each(payload, said) AS item ORDER BY item.key
                           )
                       )
                   )
               )
               ELSE CAST(json_extract(payload, said) AS TEXT) END AS body,
           (
               SELECT group_concat(
                   CASE WHEN name IS NULL THEN value
                        WHEN name = '' AND value = '{}' THEN NULL      -- of a redacted call, nothing is left
                        ELSE name || '(' || coalesce(value, '') || ')' END, char(10))
               FROM (
                   SELECT CASE WHEN named IS NOT NULL THEN json_extract(call, named) END AS name,
                          CASE WHEN named IS NULL THEN whole
                               WHEN json_type(call, given) IN ('true', 'false') THEN json_type(call, given)
                               ELSE json_extract(call, given) END AS value
                   FROM (
                       SELECT call, whole,
                              CASE WHEN json_type(call, '$.function.name') = 'text' THEN '$.function.name'
                                   WHEN json_type(call, '$.custom.name') = 'text' THEN '$.custom.name'
                                   WHEN json_extract(call, '$.type') IN ('function_call', 'custom_tool_call', 'mcp_call',
                                                                         'tool_use', 'server_tool_use', 'mcp_tool_use')
                                        AND json_type(call, '$.name') = 'text' THEN '$.name' END AS named,
                              CASE WHEN json_type(call, '$.function.name') = 'text' THEN '$.function.arguments'
                                   WHEN json_type(call, '$.custom.name') = 'text' THEN '$.custom.input'
                                   WHEN json_type(call, '$.input') IS NULL THEN '$.arguments' ELSE '$.input' END AS given
                       FROM (
                           SELECT CASE item.type WHEN 'object' THEN item.value END AS call,
                                  CASE WHEN item.type IN ('object', 'array') THEN item.value
                                       WHEN item.type IN ('true', 'false', 'null') THEN item.type
                                       ELSE json_quote(item.value) END AS whole
                           FROM json_each(CASE
                               WHEN written.type = 'action_request' THEN json_array(json_object('function', json_object(
                                   'name', coalesce(json_extract(payload, '$.content.function'), ''),
                                   'arguments', json(coalesce(json_extract(payload, '$.content.arguments'), '{}')))))
                               WHEN written.type <> 'assistant_response' THEN NULL
                               WHEN coalesce(json_type(payload, '$.content.extra.function_call'), 'null') = 'null'
                                   THEN json_extract(payload, '$.content.tool_calls')
                               ELSE json_insert(
                                   coalesce(json_extract(payload, '$.content.tool_calls'), '[]'), '$[#]',
                                   json_object('function', json_extract(payload, '$.content.extra.function_call'))
                               ) END) AS item
                           ORDER BY item.key
                       )
                   )
               )
           ) AS calls
    FROM (
        SELECT *, CASE type
            WHEN 'system' THEN '$.content.system_message'
            WHEN 'instruction' THEN '$.content.instruction'
            WHEN 'assistant_response' THEN '$.content.assistant_response'
            WHEN 'action_request' THEN '$.content.text'
            WHEN 'action_response' THEN
                CASE WHEN json_type(payload, '$.content.error') = 'text' THEN '$.content.error' ELSE '$.content.result' END
            ELSE '$.content.text'
        END AS said
        FROM (
            SELECT session, position, global_position, created_at, user, branch, branch_id, branch_number, actor,
                   correlation_id,
                   (SELECT c.number FROM catalogue AS c WHERE c.session = r.session) AS session_number,
                   CASE WHEN instr(payload, '\u0000') = 0 THEN payload
                        ELSE replace(replace(payload, '\\', '\u005c'), '\u0000', '\ufffd') END AS payload,
                   json_extract(payload, '$.content.type') AS type
            FROM recorded_events AS r
            WHERE name IN ('message.appended', 'branch.system_set')
        )
    ) AS written
) AS written
WHERE type IS NOT NULL OR payload IS NULL;
