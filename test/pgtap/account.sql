-- Who may do what about accounts, and what the tests of rules say of facts alone.
BEGIN;
SELECT no_plan();

CREATE ROLE tap_nobody;
CREATE ROLE tap_member; GRANT facesnxt_member TO tap_member;
CREATE ROLE tap_inv; GRANT facesnxt_investigator TO tap_inv;
CREATE ROLE tap_aud; GRANT facesnxt_auditor TO tap_aud;
CREATE ROLE tap_adm; GRANT facesnxt_admin TO tap_adm;
CREATE ROLE tap_mail; GRANT facesnxt_mailer TO tap_mail;

CREATE TEMP TABLE allowed (name text, member boolean, adm boolean, mail boolean);
INSERT INTO allowed VALUES
    ('register_account', true, false, false), ('request_verification', true, false, false), ('verify_address', true, false, false),
    ('approve_registration', true, false, false), ('decide_account', true, false, false), ('take_course', true, false, false),
    ('acknowledge_training', true, false, false), ('acknowledge_limitations', true, false, false), ('accept_agreement', true, false, false),
    ('grant_unit_exception', true, false, false),
    ('appoint', true, true, false), ('record_course', true, true, false), ('report_violation', true, true, false),
    ('suspend_account', true, true, false), ('revoke_account', true, true, false),
    ('open_account', false, true, false), ('set_account_status', false, true, false), ('admit', false, true, false),
    ('define_office', false, true, false), ('end_appointment', false, true, false), ('add_email_domain', false, true, false),
    ('enrol_member', false, true, false), ('separate_member', false, true, false), ('define_course', false, true, false),
    ('publish_agreement', false, true, false), ('record_mou', false, true, false), ('end_mou', false, true, false),
    ('set_unit', false, true, false), ('sweep_inactive', false, true, false),
    ('take_mail', false, false, true),
    ('account_step', false, false, false), ('enter_account', false, false, false), ('end_account', false, false, false),
    ('set_membership', false, false, false), ('go_on', false, false, false), ('managed_account', false, false, false),
    ('require_steps', false, false, false), ('account_facts', false, false, false), ('lacks', false, false, false),
    ('queue_mail', false, false, false), ('account_of', false, false, false), ('require_account', false, false, false), ('reissue_licences', false, false, false), ('check_account', false, false, false);
SELECT results_eq(
    format('SELECT has_function_privilege(r, %s, ''EXECUTE'') FROM unnest(ARRAY[''tap_nobody'', ''tap_inv'', ''tap_aud'', ''tap_member'', ''tap_adm'', ''tap_mail'']) r', p.oid),
    ARRAY[false, false, false, a.member, a.adm, a.mail], a.name || ' is executable by whom it should be')
FROM allowed a JOIN pg_proc p ON p.proname = a.name AND p.pronamespace = 'facesnxt'::regnamespace;
SELECT is((SELECT count(*) FROM pg_proc p WHERE p.proname = a.name AND p.pronamespace = 'facesnxt'::regnamespace), 1::bigint, a.name || ' is one function')
FROM allowed a;

-- records: nobody writes them, members read none but by their views, and each has its guard
CREATE TEMP TABLE kept AS
SELECT t FROM unnest(ARRAY['account_event', 'appointment', 'appointment_end', 'registration_approval', 'email_domain', 'email_token', 'roster',
    'course_version', 'course_assignment', 'course_result', 'agreement_version', 'acknowledgement', 'mou', 'mou_end', 'unit_membership',
    'unit_exception', 'violation', 'mail', 'mail_taken']) t;
SELECT is(has_table_privilege(r, format('facesnxt.%I', t), 'INSERT,UPDATE,DELETE,TRUNCATE'), false, format('%s cannot write %s', r, t))
FROM kept, unnest(ARRAY['tap_member', 'tap_inv', 'tap_aud', 'tap_adm', 'tap_mail']) r;
SELECT is(has_any_column_privilege(r, format('facesnxt.%I', t), 'SELECT'), false, format('%s cannot read %s', r, t))
FROM kept, unnest(ARRAY['tap_member', 'tap_inv', 'tap_mail']) r;
SELECT is((SELECT array_agg(g.tgenabled::text) FROM pg_trigger g WHERE g.tgrelid = format('facesnxt.%I', t)::regclass AND NOT g.tgisinternal
           AND g.tgfoid = 'facesnxt.refuse_change'::regproc), ARRAY['A'], t || ' has its guard, always on')
FROM kept;
SELECT is((SELECT count(*)::int FROM pg_attribute a WHERE a.attrelid = format('facesnxt.%I', t)::regclass
           AND a.attname IN ('by_role', 'by_session', 'at') AND a.attnotnull), 3, t || ' says who wrote it, acting and logged on, and when')
FROM kept;
SELECT is((SELECT array_agg(a.attname ORDER BY a.attname) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r' AND a.attname ~ 'password|token|secret'), NULL,
    'SP-IV.A.1.c.1.b: no table has a place for a password or a token');

-- facts alone: no account, agency or memorandum of these exists
CREATE TEMP TABLE made AS SELECT facesnxt.create_agency(c, c) FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c;
CREATE TEMP TABLE version AS SELECT c, facesnxt.adopt_policy(c) AS id FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c;
SELECT is(ARRAY(SELECT g.clause FROM version v, facesnxt.account_gaps(v.id, '{}') g WHERE v.c = w.c), w.clauses,
    format('%s: an account with nothing lacks %s', w.c, array_to_string(w.clauses, ', ')))
FROM (VALUES
    ('SP', '{SP-IV.A.1.c.1.a,SP-IV.A.1.d,SP-IV.A.1.e,SP-IV.A.1.f,SP-IV.A.1.f,SP-IV.A.1.g}'::text[]),
    ('NM', '{NM-V.A.2,NM-V.A.2,NM-V.E.3,NM-V.A.1}'),
    ('NS', '{NS-32.6.11.1,NS-32.6.11.2}'),
    ('NP', '{NP-VI.D.2.a,NP-VI.C.3.b}'),
    ('MI', '{MI-4.2,MI-4.4.b,MI-4.5.4}')) w (c, clauses);
CREATE FUNCTION pg_temp.says(code text, test text, rule text, facts jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SELECT f.detail FROM facesnxt.%I($1, facesnxt.policy_value($1, $2), $3) f', test)
    INTO answer USING (SELECT v.id FROM version v WHERE v.c = code), rule, facts;
    RETURN coalesce(answer, 'nothing');
END
$$;
SELECT is(pg_temp.says('NM', 'test_mou', 'mou', f), says, w)
FROM (VALUES
    ('{"account": {"mou": [{"parties": ["sheriff", "dhsmv"]}]}, "repositories": null}'::jsonb, 'nothing', 'NM-V.E.1: the tri-party memorandum opens all'),
    ('{"account": {"agency": "NM", "mou": [{"parties": ["sheriff"]}, {"parties": ["dhsmv"]}]}, "repositories": ["driver_licence"]}',
     'Not in force for agency NM: one with sheriff and dhsmv, which "driver_licence" needs.', 'NM-V.E.1: two memoranda do not add up to one'),
    ('{"account": {"agency": "NM", "mou": []}, "repositories": ["booking"]}',
     'Not in force for agency NM: one with sheriff, which "booking" needs.', 'NM-V.E.1: none opens nothing')) x (f, says, w);
SELECT is(pg_temp.says(c, 'test_unit', 'units', f), says, w)
FROM (VALUES
    ('NM', '{"account": {"unit": "Accident Investigative Unit"}}'::jsonb, 'nothing', 'NM-VI.A: a unit that may search'),
    ('NM', '{"account": {}}', 'Unit of the account: none; units that may: Investigative Section, Accident Investigative Unit.', 'NM-VI.A: no unit may not'),
    ('MI', '{"requested_at": "2022-06-01 12:00", "account": {"unit": "Homicide", "unit_exception": {"until": "2022-06-01 12:01"}}}', 'nothing',
     'MI-4.2: an exception that holds'),
    ('MI', '{"requested_at": "2022-06-01 12:00", "account": {"unit": "Homicide", "unit_exception": {"until": "2022-06-01 11:59"}}}',
     'Unit of the account: Homicide; units that may: Real Time Crime Center.', 'MI-4.2: one that does not'),
    ('NP', '{"requested_at": "2022-06-01 12:00", "account": {"unit": "Patrol", "unit_exception": {"until": "2022-06-01 12:01"}}}',
     'Unit of the account: Patrol; units that may: Investigative Units.', 'NP-II: an exception that the policy does not know')) x (c, f, says, w);
SELECT is(pg_temp.says('NS', 'test_one_address', 'one_address', f), says, w)
FROM (VALUES
    ('{"account": {"addresses": ["10.0.0.1"]}}'::jsonb, 'nothing', 'NS-32.6.11.3: one address'),
    ('{"account": {"addresses": ["10.0.0.1", "10.0.0.2"]}}',
     'Sessions come from 10.0.0.1, 10.0.0.2; who logs on keeps the password to themselves.', 'NS-32.6.11.3: two')) x (f, says, w);

-- one lookup: how an account stands, and that SET ROLE chooses whose it is
SELECT facesnxt.create_agency('EX', 'EX'), facesnxt.adopt_policy('EX', 'EXAMPLE') \gset
CREATE ROLE tap_pending; CREATE ROLE tap_asks; CREATE ROLE tap_active; CREATE ROLE tap_off; CREATE ROLE tap_off_asks; CREATE ROLE tap_gone;
GRANT facesnxt_requester TO tap_asks, tap_off_asks;
CREATE TEMP TABLE opened AS SELECT r, facesnxt.open_account('EX', r) AS id
FROM unnest('{tap_pending,tap_asks,tap_active,tap_off,tap_off_asks,tap_gone}'::regrole[]) r;
SELECT facesnxt.set_account_status(r, 'active', 'trained') FROM opened WHERE r::text IN ('tap_active', 'tap_off', 'tap_off_asks', 'tap_gone') \g /dev/null
SELECT facesnxt.set_account_status(r, 'suspended', 'leave') FROM opened WHERE r::text IN ('tap_off', 'tap_off_asks') \g /dev/null
SELECT facesnxt.set_account_status('tap_gone', 'revoked', 'separation') \g /dev/null
SELECT is((SELECT string_agg(s, ' ' ORDER BY n) FROM unnest('{any,asking,member,active}'::text[]) WITH ORDINALITY AS x (s, n)
           WHERE (facesnxt.account_of(w.role::regrole, s)).account_id = o.id), w.stands, format('SP-IV.A.1: %s stands as: %s', w.role, w.stands))
FROM (VALUES ('tap_pending', 'any asking'), ('tap_asks', 'any asking member'), ('tap_active', 'any asking member active'),
             ('tap_off', 'any'), ('tap_off_asks', 'any'), ('tap_gone', 'any')) w (role, stands) JOIN opened o ON o.r = w.role::regrole;
SELECT is((facesnxt.account_of('tap_active'::regrole, 'anything else')).account_id, NULL, 'a standing that there is not is nobody''s');
SELECT is((facesnxt.account_of('tap_nobody'::regrole, 'any')).account_id, NULL, 'SP-IV.A.1: a role without account');
SELECT is((facesnxt.acting_account()).account_id, NULL, 'SP-IV.B.1: who is logged on has none');
GRANT SELECT ON opened TO tap_active, tap_off, tap_nobody;
GRANT facesnxt_member, facesnxt_investigator TO tap_active, tap_off;
SET LOCAL ROLE tap_active;
CREATE TEMP TABLE acted AS SELECT (facesnxt.acting_account('active')).account_id AS id, (SELECT count(*) FROM facesnxt.my_account) AS seen;
RESET ROLE;
SELECT is((SELECT id FROM acted), (SELECT id FROM opened WHERE r = 'tap_active'::regrole), 'SP-IV.B.1: the account is the acting role''s');
SELECT is((SELECT seen FROM acted), 1::bigint, 'SP-IV.B.1: and no other is seen');
SET LOCAL ROLE tap_off;
CREATE TEMP TABLE acted_off AS SELECT (facesnxt.acting_account('active')).account_id AS id, facesnxt.my_agency() AS agency;
RESET ROLE;
SELECT is((SELECT concat(id, agency) FROM acted_off), '', 'SP-IV.A.2: a suspended account is none that is active');

SELECT * FROM finish();
ROLLBACK;
