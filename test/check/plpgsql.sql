-- plpgsql_check over every plpgsql function of the schema; a trigger function
-- is checked once for each table that it serves. The tests of rules have all
-- the same parameters, whichever each of them needs.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ': '

SELECT p.oid::regprocedure, found
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
CROSS JOIN plpgsql_check_function(p.oid, fatal_errors => false, security_warnings => true) AS found
WHERE p.pronamespace = 'facesnxt'::regnamespace
  AND p.prorettype <> 'trigger'::regtype
  AND NOT (p.prorettype = 'facesnxt.finding'::regtype AND found LIKE '%unused parameter%')
ORDER BY p.oid::regprocedure::text;

SELECT p.oid::regprocedure, t.tgrelid::regclass, found
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
JOIN (SELECT DISTINCT tgfoid, tgrelid, tgoldtable, tgnewtable FROM pg_catalog.pg_trigger WHERE NOT tgisinternal) AS t
    ON t.tgfoid = p.oid
CROSS JOIN plpgsql_check_function(p.oid, t.tgrelid, fatal_errors => false, security_warnings => true,
                                  oldtable => t.tgoldtable, newtable => t.tgnewtable) AS found
WHERE p.pronamespace = 'facesnxt'::regnamespace
ORDER BY p.oid::regprocedure::text;

SELECT p.oid::regprocedure, 'a trigger function that no trigger calls'
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'facesnxt'::regnamespace
  AND p.prorettype = 'trigger'::regtype
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = p.oid)
ORDER BY p.oid::regprocedure::text;
