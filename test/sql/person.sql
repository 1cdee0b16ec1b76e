-- What is known of a person, who sees it, and whom a reference may show. It
-- uses the searches of request.sql.
\pset tuples_only on
\set SHOW_CONTEXT never
SET ROLE regress_admin;
SELECT facesnxt.create_person('P. Erson', '1990-02-03') AS person \gset
SELECT facesnxt.describe_person(:'person', '{"street": "1 Main St"}');
SELECT facesnxt.describe_person(:'person', '{"address": "1 Main St, Miami"}');
SELECT facesnxt.describe_person(:'person', '{"city": "12 Main St, Miami"}');
SELECT facesnxt.describe_person(:'person', '{"zip": "Main St"}');
SELECT facesnxt.describe_person(:'person', '[]');
SELECT facesnxt.describe_person('00000000-0000-0000-0000-000000000000', '{}');
SELECT facesnxt.describe_person(:'person', '{"customer_number": "C-1", "city": "Miami", "state": "FL", "zip": "33101", "gender": "F",
    "height": "5-07", "licence_number": "L-1", "licence_issued": "2020-05-06"}');
SELECT facesnxt.describe_person(:'person', '{"race": "W", "city": "Coral Gables"}');
SELECT * FROM facesnxt.person_detail;
RESET ROLE;
SELECT city = 'Coral Gables' AND state = 'FL' AND race = 'W' AND changed_by = 'regress_admin' FROM facesnxt.person_detail;
-- exactly these columns
SELECT array_agg(attname::text ORDER BY attnum) = '{person_id,customer_number,city,state,zip,gender,height,licence_number,licence_issued,race,changed_by,changed_at}'
FROM pg_attribute WHERE attrelid = 'facesnxt.person_detail'::regclass AND attnum > 0;
-- whom a reference may show
SET ROLE regress_admin;
SELECT facesnxt.enrol_template('[1,2,3]', :'person', 'booking', '');
SELECT facesnxt.enrol_template('[1,2,3]', :'person', 'booking', ' Unknown');
SELECT facesnxt.enrol_template('[1,2,3]', :'person', 'booking', 'facial recognition');
RESET ROLE;
INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, enrolled_by)
VALUES (:'person', 'fingerprint', jpeg(1), sha256(jpeg(1)), 'x');
INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, enrolled_by)
VALUES (:'person', 'fingerprint', jpeg(99), sha256(jpeg(99)), 'x') RETURNING reference_id AS reference \gset
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template)
VALUES (:'reference', :'person', 'driver_licence', facesnxt.with_model('[1,0,0.05]', '000000a1'));
-- a search that has this person as its third candidate
SET ROLE regress_desk;
SELECT search_id AS last FROM facesnxt.search_template(facesnxt.with_model('[0.7,0.7,0.2]', '000000a1'), 'M-1', 'criminal_investigation',
    candidates => 50, fields => jsonb_build_object('attested', true, 'request', (SELECT request_id FROM facesnxt.my_requests WHERE requested_by = 'regress_detective' AND case_number = 'M-1'))) LIMIT 1 \gset
SELECT rank FROM facesnxt.my_candidates WHERE search_id = :'last' AND person_id = :'person' \gset
-- no table shows it
SELECT name FROM facesnxt.person;
SELECT city FROM facesnxt.person_detail;
SELECT photo FROM facesnxt.reference_image;
-- views name fields
SELECT * FROM facesnxt.view_candidate(:'last', :rank, '{}');
SELECT * FROM facesnxt.view_candidate(:'last', :rank, '{name,street}');
SELECT * FROM facesnxt.view_candidate(:'last', 51, '{name}');
SELECT * FROM facesnxt.view_candidate('00000000-0000-0000-0000-000000000000', 1, '{name}');
BEGIN;
SELECT array_agg(concat(field, '=', value) ORDER BY field) = '{city=Coral Gables,date_of_birth=1990-02-03,name=P. Erson,photo=}' AND bool_or(photo = jpeg(99))
FROM facesnxt.view_candidate(:'last', :rank, '{name,date_of_birth,city,photo}');
ROLLBACK;
-- another agency's
SET ROLE regress_np;
SELECT * FROM facesnxt.view_candidate(:'last', :rank, '{name}');
SELECT * FROM facesnxt.export_candidates(:'last', 'me', 'curiosity', '{name}');
-- exports name a recipient and a ground, and leave nobody out where the policy says so
SET ROLE regress_desk;
SELECT * FROM facesnxt.export_candidates(:'last', '', 'subpoena 7', '{name}');
SELECT * FROM facesnxt.export_candidates(:'last', 'State Attorney', NULL, '{name}');
SELECT * FROM facesnxt.export_candidates(:'last', 'State Attorney', 'subpoena 7', '{name}', '{1}');
SELECT count(*) = (SELECT count(*) FROM facesnxt.my_candidates WHERE search_id = :'last') * 2 AND count(DISTINCT access_id) = 1
FROM facesnxt.export_candidates(:'last', 'State Attorney', 'subpoena 7', '{name,gender}');
-- who saw which field of whom
SELECT * FROM facesnxt.access_log;
RESET ROLE;
SELECT array_agg(concat(kind, ' ', acting_role, ' ', field, ' ', recipient, ' ', ground) ORDER BY recorded_at, field)
    = '{"view regress_desk city  ","view regress_desk date_of_birth  ","view regress_desk name  ","view regress_desk photo  ","export regress_desk gender State Attorney subpoena 7","export regress_desk name State Attorney subpoena 7"}'
FROM facesnxt.field_view WHERE person_id = :'person';
SELECT array_agg(concat_ws(' ', acting_role, kind, sqlstate, fields) ORDER BY recorded_at) FROM facesnxt.access_log WHERE kind IN ('view', 'export') AND sqlstate IS NOT NULL;
UPDATE facesnxt.access_log SET acting_role = 'x';
DELETE FROM facesnxt.access_log;
