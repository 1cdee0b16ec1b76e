-- Each query lists what breaks one rule: an empty output is a clean catalog.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ': '

-- what belongs to the extension
CREATE TEMP TABLE member AS
SELECT d.classid, d.objid
FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_extension AS e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid
WHERE d.deptype = 'e' AND e.extname = 'facesnxt';

-- The manual is made of comments: functions, types, relations, operators and
-- operator classes each have one.
SELECT 'no comment', pg_catalog.pg_describe_object(m.classid, m.objid, 0)
FROM member AS m
WHERE m.classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_class'::regclass,
                    'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_opclass'::regclass)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = m.objid AND c.relkind IN ('S', 'i')
                  AND m.classid = 'pg_catalog.pg_class'::regclass)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_description AS d
                  WHERE d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = 0)
ORDER BY 2;

-- What runs with its owner's rights must not be led astray by the caller's
-- search_path or temporary objects.
SELECT 'SECURITY DEFINER without search_path = pg_catalog, pg_temp', p.oid::regprocedure
FROM member AS m
JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.prosecdef
  AND NOT coalesce(p.proconfig, '{}') @> '{"search_path=pg_catalog, pg_temp"}'
ORDER BY p.oid::regprocedure::text;

-- PUBLIC may compute with values that it already has, and nothing else.
-- Each name here is a plain computation on the type, without access to tables.
SELECT 'executable by PUBLIC', p.oid::regprocedure
FROM member AS m
JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.proname NOT IN (
    SELECT name FROM (VALUES
        ('embedding'), ('embedding_in'), ('embedding_out'), ('embedding_recv'), ('embedding_send'),
        ('embedding_typmod_in'), ('embedding_typmod_out'), ('embedding_typanalyze'),
        ('embedding_to_real_array'), ('embedding_to_double_array'), ('embedding_to_bytea'),
        ('embedding_lt'), ('embedding_le'), ('embedding_eq'), ('embedding_ne'), ('embedding_ge'), ('embedding_gt'),
        ('embedding_cmp'), ('embedding_hash'), ('embedding_hash_extended'),
        ('dimensions'), ('precision'), ('model'), ('with_model'), ('norm'), ('normalize'),
        ('cosine_distance'), ('cosine_similarity'), ('l2_distance'), ('inner_product'), ('negative_inner_product'),
        ('avg'), ('embedding_avg_accum'), ('embedding_avg_combine'), ('embedding_avg_serialize'),
        ('embedding_avg_deserialize'), ('embedding_avg_final'),
        ('within'), ('within_l2'), ('within_range'), ('within_range_l2'), ('within_support'), ('within_l2_support'),
        ('facescan_handler'), ('metric_cosine'), ('metric_l2'), ('metric_inner'),
        ('filter_signed'), ('filter_unsigned'), ('filter_prefix'), ('filter_hash')
    ) AS allowed (name))
  AND EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS acl
              WHERE acl.grantee = 0)
ORDER BY p.oid::regprocedure::text;

-- What is on the list must still be harmless.
SELECT 'executable by PUBLIC and SECURITY DEFINER', p.oid::regprocedure
FROM member AS m
JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid AND m.classid = 'pg_catalog.pg_proc'::regclass
WHERE p.prosecdef
  AND EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS acl
              WHERE acl.grantee = 0)
ORDER BY p.oid::regprocedure::text;

-- No relation, and no schema beyond USAGE, is PUBLIC's.
SELECT 'granted to PUBLIC: ' || acl.privilege_type, c.oid::regclass
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
CROSS JOIN pg_catalog.aclexplode(c.relacl) AS acl
WHERE acl.grantee = 0
ORDER BY c.oid::regclass::text;

SELECT 'granted to PUBLIC: ' || acl.privilege_type, 'schema ' || n.nspname
FROM pg_catalog.pg_namespace AS n
CROSS JOIN pg_catalog.aclexplode(n.nspacl) AS acl
WHERE n.nspname = 'facesnxt' AND acl.grantee = 0 AND acl.privilege_type <> 'USAGE'
ORDER BY 2;

-- Every table has a key by which its rows are named, and is dumped with its
-- rows: what an extension's table holds is lost by pg_dump otherwise.
SELECT 'no primary key', c.oid::regclass
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
WHERE c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p')
ORDER BY c.oid::regclass::text;

-- What the extension itself brings is not dumped with the database.
SELECT 'not marked by pg_extension_config_dump', c.oid::regclass
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
WHERE c.relkind IN ('r', 'p', 'S')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e
                  WHERE e.extname = 'facesnxt' AND c.oid = ANY (e.extconfig))
  AND c.relname NOT IN ('rule', 'purpose_field', 'shipped_policy', 'erase_rule', 'anomaly_kind')
ORDER BY c.oid::regclass::text;

-- Whose rows are an agency's are guarded by row-level security, its owner included.
SELECT 'rows of an agency without forced row-level security', c.oid::regclass
FROM member AS m
JOIN pg_catalog.pg_class AS c ON c.oid = m.objid AND m.classid = 'pg_catalog.pg_class'::regclass
WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
  AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid
              AND a.attname IN ('agency_id', 'account_id', 'case_id', 'search_id'))
  AND EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) AS acl WHERE acl.grantee <> c.relowner)
ORDER BY c.oid::regclass::text;

-- All that stands in the schema belongs to the extension, so that DROP
-- EXTENSION leaves nothing and an upgrade forgets nothing.
SELECT 'in the schema but not of the extension', c.oid::regclass
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM member AS m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid)
ORDER BY c.oid::regclass::text;
