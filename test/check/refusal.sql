-- Each query lists what breaks the rule: whatever a clause or an authorisation
-- decides against is committed as a record before it is raised.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ': '

-- Errors of class NX that are raised without a record, how often, and why.
--   argument   what an authorised person gave cannot be read, or names nothing
--   cut off    the revocation is the record, and the search that it stops has one
--   owner      only the owner of the tables comes there, and could remove the check
--   writer     nothing can be recorded: that is the error
CREATE TEMP TABLE unrecorded (function text, sqlstate text, times bigint, why text, PRIMARY KEY (function, sqlstate));
INSERT INTO unrecorded VALUES
    ('use_model', 'NX204', 1, 'argument'), ('index_references', 'NX204', 1, 'argument'),
    ('check_recipe', 'NX205', 1, 'argument'), ('begin_reextraction', 'NX204', 1, 'argument'), ('reextract_batch', 'NX204', 1, 'argument'),
    ('refuse_change', 'NX309', 1, 'owner'), ('check_account', 'NX309', 1, 'owner'),
    ('propose_policy', 'NX312', 1, 'argument'), ('decide_policy', 'NX313', 2, 'argument'),
    ('appoint', 'NX339', 1, 'argument'), ('set_account_status', 'NX330', 1, 'argument'),
    ('managed_account', 'NX301', 1, 'argument'), ('record_course', 'NX301', 1, 'argument'), ('cut_off', 'NX301', 1, 'argument'),
    ('take_course', 'NX334', 1, 'argument'), ('separate_member', 'NX335', 1, 'argument'),
    ('record_mou', 'NX341', 1, 'argument'),
    ('close_case', 'NX303', 1, 'argument'), ('assign_case', 'NX303', 1, 'argument'), ('end_assignment', 'NX303', 1, 'argument'),
    ('describe_person', 'NX396', 1, 'argument'), ('complete_papers', 'NX391', 1, 'argument'),
    ('decide_public_request', 'NX398', 1, 'argument'),
    ('identify', 'NX402', 1, 'writer'), ('identify', 'NX403', 1, 'writer'), ('compare_pair', 'NX403', 1, 'writer'),
    ('write_ticket', 'NX403', 1, 'writer'),
    ('stop_if_cut_off', 'NX302', 1, 'cut off');

SELECT 'raised without a record', coalesce(r.function, u.function), coalesce(r.sqlstate, u.sqlstate),
    pg_catalog.format('%s times, expected %s', coalesce(r.times, 0), coalesce(u.times, 0))
FROM (SELECT p.proname::text AS function, m.found[1] AS sqlstate, pg_catalog.count(*) AS times
      FROM pg_catalog.pg_proc AS p
          CROSS JOIN LATERAL pg_catalog.regexp_matches(p.prosrc, 'ERRCODE\s*=\s*''(NX[0-9A-Z]{3})''', 'g') AS m (found)
      WHERE p.pronamespace = 'facesnxt'::regnamespace
      GROUP BY 1, 2) AS r
    FULL JOIN unrecorded AS u ON u.function = r.function AND u.sqlstate = r.sqlstate
WHERE r.times IS DISTINCT FROM u.times
ORDER BY 2, 3;

-- What names a clause is decided by one; identify() records what it raises.
SELECT 'names a clause without a record', p.oid::regprocedure
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.proname <> 'identify'
  AND p.prosrc ~ 'RAISE EXCEPTION[^;]*((SP|NM|NS|NP|MI)-[IVXA-Z0-9]|policy_clause)'
ORDER BY 2;

-- raise() is for those that have recorded.
SELECT 'raises what it may not have recorded', p.oid::regprocedure
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.prosrc ~ 'facesnxt\.raise\(' AND p.prosrc !~ 'facesnxt\.audit_write\('
ORDER BY 2;

-- What the writer refuses is kept in the same transaction.
SELECT 'refuses without a record', p.oid::regprocedure
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.prosrc ~ 'RETURN facesnxt\.(refusal|no_account)\('
ORDER BY 2;

-- Whatever calls one of these writes, so it is volatile.
SELECT 'records a refusal and is not volatile', p.oid::regprocedure
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.provolatile <> 'v'
  AND p.prosrc ~ 'facesnxt\.(refuse_on_record|refuse_step|search_actor|check_not_blind|require_office|check_person|require_account)\('
ORDER BY 2;
