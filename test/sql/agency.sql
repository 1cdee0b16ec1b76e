-- Agencies, purposes, accounts and cases: what the other tests use.
\pset tuples_only on
\set VERBOSITY terse
CREATE ROLE regress_nm LOGIN;
CREATE ROLE regress_sp LOGIN;
CREATE ROLE regress_admin LOGIN;
GRANT facesnxt_investigator TO regress_nm, regress_sp;
GRANT facesnxt_admin TO regress_admin;
SET ROLE regress_admin;
SELECT facesnxt.create_agency('NM', 'North Miami') IS NOT NULL AND facesnxt.create_agency('SP', 'St. Petersburg') IS NOT NULL;
SELECT facesnxt.create_agency('NM', 'twice');
SELECT count(facesnxt.adopt_policy(a, document => '{"title": "Test",
    "purposes": [{"code": "criminal", "description": "criminal investigation", "class": "criminal_justice", "clause": "SP-I.B"}],
    "rules": [{"rule": "purpose_listed", "clause": "SP-I.A", "value": true}, {"rule": "case_open", "clause": "NS-32.6.2.1", "value": true},
        {"rule": "case_number", "clause": "NM-VI.B.1", "value": "required"}]}')) = 2
FROM unnest(ARRAY['NM', 'SP']) a;
SELECT facesnxt.adopt_policy('XX', 'EXAMPLE');
SELECT facesnxt.open_account('NM', 'regress_nm') IS NOT NULL AND facesnxt.open_account('SP', 'regress_sp') IS NOT NULL;
SELECT status = 'pending' AND status_by = 'regress_admin' FROM facesnxt.account WHERE role = 'regress_nm'::regrole;
-- one account for each role
SELECT facesnxt.open_account('SP', 'regress_nm');
-- a pending account has no agency to speak for
SET ROLE regress_nm;
SELECT facesnxt.my_agency() IS NULL;
SET ROLE regress_admin;
SELECT facesnxt.set_account_status('regress_nm', 'active', NULL), facesnxt.set_account_status('regress_sp', 'active', NULL);
SELECT facesnxt.set_account_status('regress_nm', 'suspended', '');
SELECT facesnxt.set_account_status('regress_nm', 'holiday', 'x');
SELECT facesnxt.set_account_status('regress_admin', 'active', NULL);
-- revoked is for ever
RESET ROLE;
CREATE ROLE regress_gone;
SET ROLE regress_admin;
SELECT facesnxt.open_account('SP', 'regress_gone') IS NOT NULL;
SELECT facesnxt.set_account_status('regress_gone', 'revoked', 'separated');
SELECT facesnxt.set_account_status('regress_gone', 'active', NULL);
-- cases
SELECT facesnxt.open_case(a, n, 'robbery') IS NOT NULL FROM (VALUES ('NM', '22-1'), ('NM', '22-9'), ('SP', 'S-7')) v (a, n);
SELECT facesnxt.open_case('NM', '22-1', 'robbery');
SELECT facesnxt.close_case('NM', '22-9');
SELECT facesnxt.close_case('NM', '22-9');
SELECT facesnxt.close_case('SP', '22-1');
-- each agency sees its own
SET ROLE regress_nm;
SELECT array_agg(case_number || ' ' || status ORDER BY case_number) = '{22-1 open,22-9 closed}' FROM facesnxt.my_cases;
SET ROLE regress_sp;
SELECT array_agg(case_number) = '{S-7}' FROM facesnxt.my_cases;
-- the session says who acts
RESET ROLE;
SELECT acting_role = current_user AND acting_oid = current_user::regrole AND session_role = session_user
    AND backend_pid = pg_backend_pid() AND backend_start <= now() AND application = current_setting('application_name')
FROM facesnxt.session_identity();
