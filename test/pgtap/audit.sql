-- Who may do what with references, records and the functions of the audit.
BEGIN;
SELECT no_plan();

CREATE ROLE tap_nobody;
CREATE ROLE tap_inv; GRANT facesnxt_investigator TO tap_inv;
CREATE ROLE tap_aud; GRANT facesnxt_auditor TO tap_aud;
CREATE ROLE tap_adm; GRANT facesnxt_admin TO tap_adm;

-- PUBLIC has nothing but the schema's name, on tables and views
SELECT is(has_table_privilege('tap_nobody', c.oid, 'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER'), false,
    'PUBLIC has no right on ' || c.relname)
FROM pg_class c WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY c.relname;

-- nobody but the owner writes any table of the policy or the audit
SELECT is(has_table_privilege(r, format('facesnxt.%I', t), 'INSERT,UPDATE,DELETE,TRUNCATE'), false,
    format('%s cannot write %s', r, t))
FROM unnest(ARRAY['tap_inv', 'tap_aud', 'tap_adm']) r,
    unnest(ARRAY['agency', 'policy_version', 'account', 'case_file', 'person', 'reference', 'reference_image',
                 'probe', 'probe_template', 'search', 'candidate', 'outcome']) t;

-- NM-IV.B, SP-III.A: templates and images are out of everyone's reach
SELECT is(has_any_column_privilege(r, format('facesnxt.%I', t), 'SELECT'), false, format('%s cannot read %s', r, t))
FROM unnest(ARRAY['tap_inv', 'tap_aud', 'tap_adm']) r,
    unnest(ARRAY['person', 'reference', 'reference_image', 'probe', 'probe_template']) t;
SELECT is(has_any_column_privilege('tap_inv', format('facesnxt.%I', t), 'SELECT'), false,
    'an investigator reads ' || t || ' through a view only')
FROM unnest(ARRAY['search', 'candidate', 'outcome', 'account', 'case_file']) t;
SELECT is(has_table_privilege('tap_aud', format('facesnxt.%I', t), 'SELECT'), true, 'an auditor reads ' || t)
FROM unnest(ARRAY['search', 'candidate', 'outcome', 'account', 'agency', 'policy_rule', 'case_file']) t;
SELECT is(has_table_privilege('tap_inv', format('facesnxt.%I', v), 'SELECT'), true, 'an investigator reads ' || v)
FROM unnest(ARRAY['my_searches', 'my_candidates', 'my_outcomes', 'my_cases']) v;

-- NM-IV.B: nor does the log give what the tables do not: states of rows, and the salts by which a guess could be confirmed
SELECT is(has_column_privilege('tap_aud', 'facesnxt.event', c, 'SELECT'), c NOT IN ('image', 'salt'), format('NM-IV.B: an auditor and the column "%s" of events', c))
FROM unnest(ARRAY['seq', 'row_key', 'commitment', 'hash', 'image', 'salt']) c;

-- functions of this area: exactly these, by group
CREATE TEMP TABLE allowed (name text, inv boolean, aud boolean, adm boolean);
INSERT INTO allowed VALUES
    ('search', true, false, false), ('search_template', true, false, false), ('record_outcome', true, false, false),
    ('my_agency', true, true, true),
    ('create_agency', false, false, true), ('adopt_policy', false, false, true), ('open_account', false, false, true),
    ('set_account_status', false, false, true), ('open_case', false, false, true), ('close_case', false, false, true),
    ('create_person', false, false, true), ('enrol', false, false, true), ('enrol_template', false, false, true),
    ('session_identity', false, false, false), ('agency_named', false, false, false), ('gate', false, false, false),
    ('audit_write', false, false, false), ('audit_attempt', false, false, false), ('audit_apply', false, false, false),
    ('refuse_change', false, false, false), ('nearest', false, false, false), ('rank_persons', false, false, false),
    ('raise', false, false, false), ('refuse', false, false, false), ('identify', false, false, false);
SELECT is((SELECT count(*)::int FROM pg_proc p WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.proname = a.name), 1,
    a.name || ' is one function') FROM allowed a;
SELECT results_eq(
    format('SELECT has_function_privilege(r, %s, ''EXECUTE'') FROM unnest(ARRAY[''tap_nobody'', ''tap_inv'', ''tap_aud'', ''tap_adm'']) r', p.oid),
    ARRAY[false, a.inv, a.aud, a.adm], a.name || ' is executable by whom it should be')
FROM allowed a JOIN pg_proc p ON p.proname = a.name AND p.pronamespace = 'facesnxt'::regnamespace;

-- definers pin their search_path
SELECT is(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], true, p.proname || ' pins its search_path')
FROM pg_proc p WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.prosecdef;
SELECT is(p.proparallel, 'u'::"char", p.proname || ' is parallel unsafe')
FROM pg_proc p WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.proname IN ('search', 'search_template', 'audit_write');
-- views hide rows from leaky functions
SELECT is(c.reloptions @> ARRAY['security_barrier=true'], true, c.relname || ' is a security barrier')
FROM pg_class c WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'v';
-- records are append-only on replicas, too
SELECT is((SELECT array_agg(t.tgenabled::text) FROM pg_trigger t WHERE t.tgrelid = format('facesnxt.%I', r)::regclass AND NOT t.tgisinternal
           AND t.tgfoid = 'facesnxt.refuse_change'::regproc),
    ARRAY['A'], r || ' has its guard, always on')
FROM unnest(ARRAY['probe', 'probe_template', 'search', 'candidate', 'outcome']) r;
-- what the writer inserts into refers only to what the writer inserts into
SELECT is((SELECT count(*)::int FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = format('facesnxt.%I', r)::regclass
           AND f.confrelid <> 'facesnxt.search'::regclass), 0, r || ' has no key to a table that callers lock')
FROM unnest(ARRAY['probe', 'probe_template', 'search', 'candidate']) r;

SELECT * FROM finish();
ROLLBACK;
