-- Appends a group of attempts as append_v1 does, but only if none has to be refused. If one has, nothing is recorded,
-- and what could have been answers `moved`, with the head that its session has. No two of them have the same command.
CREATE OR REPLACE FUNCTION "{schema}".{prefix}append_together_v1(
    attempts jsonb, payloads bytea, founding boolean, again boolean
) RETURNS TABLE (
    outcome text, first_position bigint, last_position bigint, first_global bigint, recorded_at bigint,
    head "{schema}".{prefix}catalogue
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    outcomes text[];
    firsts bigint[];
    lasts bigint[];
    globals bigint[];
    times bigint[];
    undone boolean := false;
BEGIN
    BEGIN
        SELECT array_agg(a.outcome ORDER BY a.n), array_agg(a.first_position ORDER BY a.n),
               array_agg(a.last_position ORDER BY a.n), array_agg(a.first_global ORDER BY a.n),
               array_agg(a.recorded_at ORDER BY a.n)
        INTO outcomes, firsts, lasts, globals, times
        FROM "{schema}".{prefix}append_v1(attempts, payloads, founding, again)
             WITH ORDINALITY AS a (outcome, first_position, last_position, first_global, recorded_at, head, n);
        IF NOT outcomes <@ ARRAY['recorded', 'repeated'] THEN
            RAISE EXCEPTION USING ERRCODE = 'HN001', MESSAGE = 'not all of the group can be recorded';
        END IF;
    EXCEPTION WHEN SQLSTATE 'HN001' THEN
        undone := true;
    END;
    RETURN QUERY
    SELECT CASE WHEN undone AND a.outcome = 'recorded' THEN 'moved' ELSE a.outcome END,
           a.first_position, a.last_position, a.first_global, a.recorded_at, c
    FROM unnest(outcomes, firsts, lasts, globals, times)
         WITH ORDINALITY AS a (outcome, first_position, last_position, first_global, recorded_at, n)
    LEFT JOIN "{schema}".{prefix}catalogue AS c ON undone AND c.session = attempts -> (a.n - 1)::integer ->> 'session'
    ORDER BY a.n;
END
$$;
