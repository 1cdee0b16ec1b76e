-- Who administers accounts and audits them: found by rights and by acts, and
-- refused where the policy forbids it.
BEGIN;
SELECT no_plan();

CREATE ROLE tap_admin LOGIN; GRANT facesnxt_admin TO tap_admin;
CREATE ROLE tap_both LOGIN; GRANT facesnxt_admin, facesnxt_auditor TO tap_both;
CREATE ROLE tap_group; GRANT facesnxt_admin, facesnxt_auditor TO tap_group;
CREATE ROLE tap_heir LOGIN; GRANT tap_group TO tap_heir;
CREATE ROLE tap_later LOGIN NOINHERIT; GRANT tap_group TO tap_later;
CREATE ROLE tap_super LOGIN SUPERUSER;
CREATE ROLE tap_sergeant LOGIN;
CREATE ROLE tap_chief LOGIN;
CREATE ROLE tap_keeper LOGIN;
CREATE ROLE tap_third LOGIN;
CREATE ROLE tap_member LOGIN;
CREATE ROLE tap_auditor LOGIN; GRANT facesnxt_auditor TO tap_auditor;

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || detail;
END $$;
CREATE FUNCTION pg_temp.found(agency text, who text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s (%s) %s %s', f.conflict, f.detail, f.clause, f.forbidden), E'\n' ORDER BY f.conflict, f.detail)
    FROM facesnxt.duty_conflicts($1) f WHERE f.role = $2 $$;

SET ROLE tap_admin;
SELECT facesnxt.create_agency('TMI', 'Miami'), facesnxt.create_agency('TNS', 'Niceville');
SELECT facesnxt.adopt_policy('TMI', 'MI'),
    facesnxt.adopt_policy('TNS', 'NS');
SELECT facesnxt.appoint('TMI', 'rtcc_supervisor', 'tap_sergeant'), facesnxt.appoint('TNS', 'chief', 'tap_chief'),
    facesnxt.appoint('TMI', 'chief', 'tap_third');
RESET ROLE;
SELECT is(pg_temp.found('TMI', 'tap_sergeant'), NULL, 'MI-4.5.5: a supervisor who audits and does not administer is no finding');
GRANT facesnxt_admin TO tap_sergeant;

SELECT is(pg_temp.found('TMI', 'tap_sergeant'),
    'administers accounts and audits them (administers by facesnxt_admin: member; audits by office: rtcc_supervisor) MI-4.5.5 f',
    'MI-4.5.5: the supervisors who administer accounts audit them: found, not forbidden');
SELECT is(pg_temp.found('TMI', 'tap_both'),
    'administers accounts and audits them (administers by facesnxt_admin: member; audits by facesnxt_auditor: member) MI-4.5.5 f',
    'MI-4.5.5: both groups');
SELECT is(pg_temp.found('TMI', 'tap_heir'),
    'administers accounts and audits them (administers by facesnxt_admin: inherited; audits by facesnxt_auditor: inherited) MI-4.5.5 f',
    'MI-4.5.5: inherited from another group');
SELECT is(pg_temp.found('TMI', 'tap_later'),
    'administers accounts and audits them (administers by facesnxt_admin: by SET ROLE; audits by facesnxt_auditor: by SET ROLE) MI-4.5.5 f',
    'MI-4.5.5: not inherited, and within reach');
SELECT is(pg_temp.found('TNS', 'tap_both'),
    'administers accounts and audits them (administers by facesnxt_admin: member; audits by facesnxt_auditor: member) NS-D.3 t',
    'NS-D.3: the same is forbidden, and who granted it is not asked');
SELECT is(pg_temp.found('TNS', r), NULL, 'NS-D.3: no finding about ' || r) FROM unnest(ARRAY['tap_admin', 'tap_auditor', 'tap_super', 'tap_chief']) r;

-- appointments
SET ROLE tap_chief;
SELECT is(pg_temp.try($$SELECT facesnxt.appoint('TNS', 'facial_recognition_administrator', 'tap_both')$$),
    'NX331 Role "tap_both" has already: facesnxt_admin: member (NS-D.3).', 'NS-D.3: an administrator is not made the auditor');
SELECT is(pg_temp.try($$SELECT facesnxt.appoint('TNS', 'facial_recognition_administrator', 'tap_later')$$),
    'NX331 Role "tap_later" has already: facesnxt_admin: by SET ROLE (NS-D.3).', 'NS-D.3: nor one who can become one');
SELECT is(pg_temp.try($$SELECT facesnxt.appoint('TNS', 'facial_recognition_administrator', 'tap_keeper')$$), 'done', 'NS-D.3: somebody else is');
RESET ROLE;
SET ROLE tap_admin;
SELECT is(pg_temp.try($$SELECT facesnxt.appoint('TNS', 'chief', 'tap_keeper')$$),
    'NX331 Role "tap_keeper" has already: office: facial_recognition_administrator (NS-D.3).',
    'NS-D.3: whoever audits does not come to decide on accounts');
SELECT is(pg_temp.try($$SELECT facesnxt.appoint('TMI', 'chief', 'tap_sergeant')$$), 'done', 'MI-4.5.5: where the policy lets them, they do');
RESET ROLE;

-- acts
SELECT is((SELECT count(*) FROM facesnxt.duty_conflicts('TMI') WHERE conflict LIKE 'audited%'), 0::bigint, 'MI-4.5.5: nobody has done both yet');
INSERT INTO facesnxt.log_access (agency_id, relations, functions, wording, right_of, acting_role, acting_oid, session_role, session_oid,
    backend_pid, requested_at)
SELECT a.agency_id, '{facesnxt.search}', '{}', 'SELECT', r, r, 1, r, 1, 1, now() FROM facesnxt.agency a, unnest(ARRAY['tap_sergeant', 'tap_auditor']) r
WHERE a.code = 'TMI';
SET ROLE tap_sergeant;
SELECT facesnxt.open_account('TMI', 'tap_member');
RESET ROLE;
INSERT INTO facesnxt.account_event (account_id, number, step, from_status, to_status, by_role, by_session)
SELECT account_id, 2, 'denied', 'pending', 'denied', 'tap_sergeant', 'tap_sergeant' FROM facesnxt.account WHERE role = 'tap_member'::regrole;
SELECT is(pg_temp.found('TMI', 'tap_auditor'), NULL, 'MI-4.5.5: reading alone is no finding');
SELECT matches(pg_temp.found('TMI', 'tap_sergeant'),
    'audited a time in which the same person administered accounts \(read the log of \S+ to \S+; 1 steps of accounts in it\) MI-4.5.5 f',
    'MI-4.5.5: who decides on accounts and reads the log of that month is found by the record');
REVOKE facesnxt_admin FROM tap_sergeant;
SELECT matches(pg_temp.found('TMI', 'tap_sergeant'), 'audited a time', 'MI-4.5.5: and stays so when the rights are gone');

-- an audit that was signed; where audits are no part of the schema yet, what is needed of them
SELECT to_regclass('facesnxt.audit_signoff') IS NULL AS absent \gset
\if :absent
CREATE TABLE facesnxt.audit_pack (pack_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), agency_id uuid, kind text, since timestamptz,
    until timestamptz, as_of timestamptz, parameters jsonb, body text, sha256 bytea, made_by_version text, tree_size bigint,
    root_hash bytea, generated_by name, session_role name);
CREATE TABLE facesnxt.audit_signoff (pack_id uuid, agency_id uuid, accepted boolean, findings text, office text, clause text,
    administers boolean, signed_by name, session_role name, signed_at timestamptz DEFAULT now());
\endif
SELECT is((SELECT count(*) FROM facesnxt.duty_conflicts('TMI') WHERE detail LIKE 'signed%'), 0::bigint, 'MI-4.5.5: nothing was signed');
INSERT INTO facesnxt.audit_pack (agency_id, kind, since, until, as_of, parameters, body, sha256, made_by_version, tree_size, root_hash,
    generated_by, session_role)
SELECT agency_id, 'monthly', now() - days * interval '1 day', now() - (days - 2) * interval '1 day', now(), '{}', '', sha256(''), '0', 0, sha256(''),
    'tap_sergeant', 'tap_sergeant'
FROM facesnxt.agency, unnest(ARRAY[1, 9]) days WHERE code = 'TMI';
INSERT INTO facesnxt.audit_signoff (pack_id, agency_id, accepted, findings, office, clause, administers, signed_by, session_role)
SELECT pack_id, agency_id, true, 'none', 'rtcc_supervisor', 'MI-4.5.5', true, 'tap_sergeant', 'tap_sergeant'
FROM facesnxt.audit_pack WHERE generated_by = 'tap_sergeant';
SELECT is((SELECT count(*) FROM facesnxt.duty_conflicts('TMI') WHERE role = 'tap_sergeant' AND detail LIKE 'signed the audit of%'), 1::bigint,
    'MI-4.5.5: the signature under the audit of that time is a finding, and under that of another is none');

-- whose findings
SELECT ok(has_function_privilege('tap_auditor', 'facesnxt.duty_conflicts(text)', 'EXECUTE'), 'auditors ask for conflicts');
SELECT ok(NOT has_function_privilege('tap_admin', 'facesnxt.duty_conflicts(text)', 'EXECUTE'), 'administrators do not');
SET ROLE tap_admin;
SELECT facesnxt.open_account('TMI', 'tap_auditor');
SET ROLE tap_auditor;
SELECT is((SELECT string_agg(DISTINCT f.agency_code, ',') FROM facesnxt.duty_conflicts() f), 'TMI', 'SP-II.A: an agency''s auditor sees that agency''s');
SELECT is((SELECT count(*) FROM facesnxt.duty_conflicts('TNS')), 0::bigint, 'SP-II.A: and nothing of another');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
