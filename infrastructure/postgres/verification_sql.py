"""The statements with which a database is verified; what `Tables` says goes for them too."""

from .queries import CATALOGUE, COUNTER, EVENTS

INDEXED = ("catalogue", "events")
"""The tables whose indexes are compared with them."""

# What is wrong with the feed and the counters, a sentence each.
FIND_FLAWS = f"""
SELECT 'the catalogue does not know the session of global position ' || min(e.global_position)
FROM {EVENTS} WHERE NOT EXISTS (SELECT FROM {CATALOGUE} WHERE c.number = e.session) GROUP BY e.session
UNION ALL
SELECT 'global positions ' || (before + 1) || ' to ' || (global_position - 1) || ' are missing'
FROM (SELECT e.global_position, lag(e.global_position, 1, 0::bigint) OVER (ORDER BY e.global_position) AS before
      FROM {EVENTS}) AS feed
WHERE global_position > before + 1
UNION ALL
SELECT 'global positions ' || (present + 1) || ' to ' || given || ' are missing'
FROM (SELECT n.global_position AS given, (SELECT coalesce(max(e.global_position), 0) FROM {EVENTS}) AS present
      FROM {COUNTER}) AS counted
WHERE given > present
UNION ALL
SELECT 'the counter of global positions has ' || count(*) || ' rows: expected 1'
FROM {COUNTER} HAVING count(*) <> 1
UNION ALL
SELECT 'the counter of sessions is ' || given || ': expected ' || newest || ' or more; it was lowered'
FROM (SELECT max(c.number) AS newest,
             coalesce(pg_sequence_last_value(
                 pg_get_serial_sequence('"{{schema}}".{{prefix}}catalogue', 'number')::regclass
             ), 0) AS given
      FROM {CATALOGUE}) AS numbered
WHERE given < newest
"""

# Whether temporary tables can be created.
MAY_MAKE_TEMPORARY = """
SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
       AND has_database_privilege(current_database(), 'TEMPORARY')
"""

# The names of the tables, views and functions that are temporary in this connection.
TEMPORARY_NAMES = """
SELECT relname::text FROM pg_catalog.pg_class
WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'v')
UNION
SELECT proname::text FROM pg_catalog.pg_proc WHERE pronamespace = pg_my_temp_schema()
"""

# The tables, views and functions of these names, and what is put onto them: name and definition of each.
OBJECTS = """
WITH own AS MATERIALIZED (
    SELECT c.* FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY(%(names)s) AND c.relkind NOT IN ('i', 'S', 'c')
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
"""

# The indexes of some tables: name, table and definition.
INDEXES = """
SELECT i.relname, c.relname, pg_get_indexdef(i.oid)
FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_am AS m ON m.oid = i.relam
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relname = ANY(%(names)s) AND m.amname = 'btree'
      AND x.indisvalid
"""
