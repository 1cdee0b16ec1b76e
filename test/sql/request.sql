-- The request desk, subsequent searches, pace and still photographs, under the
-- policy of Miami without its rules on accounts. No models are loaded here, so
-- searches are made by template, for which the rule still_only is left out.
\pset tuples_only on
\set SHOW_CONTEXT never
CREATE ROLE regress_desk LOGIN;
CREATE ROLE regress_detective LOGIN;
CREATE ROLE regress_other LOGIN;
GRANT facesnxt_requester TO regress_detective;
CREATE FUNCTION public.jpeg(n int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT '\xffd8fffe0006'::bytea || int4send(n) || decode('ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8'
        || repeat('ff', 39) || 'c0000b080008000801011100ffc40014000100000000000000000000000000000002'
        || 'ffc40014100100000000000000000000000000000000ffda0008010100003f000fffd9', 'hex') $$;
CREATE FUNCTION public.without(code text, rules text[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_set(document, '{rules}', (SELECT jsonb_agg(r) FROM jsonb_array_elements(document->'rules') r JOIN facesnxt.rule k ON k.rule = r->>'rule'
                                           WHERE k.area <> 'account' AND k.rule <> ALL (rules)))
    FROM facesnxt.shipped_policy p WHERE p.code = $1 $$;
SET ROLE regress_admin;
SELECT facesnxt.create_agency('MI', 'Miami') IS NOT NULL;
SELECT facesnxt.adopt_policy('MI', document => public.without('MI', '{still_only}')) IS NOT NULL;
SELECT count(facesnxt.open_account('MI', r)) = 2 FROM unnest(ARRAY['regress_desk', 'regress_detective']::regrole[]) r;
SELECT facesnxt.open_account('SP', 'regress_other') IS NOT NULL;
SELECT count(*) = 2 FROM unnest(ARRAY['regress_desk', 'regress_other']::regrole[]) r,
    LATERAL (SELECT facesnxt.set_account_status(r, 'active', NULL)) s;
SELECT facesnxt.open_case('MI', 'M-1', 'robbery') IS NOT NULL, facesnxt.open_case('MI', 'M-2', 'fraud') IS NOT NULL;
SELECT count(facesnxt.enrol_template(facesnxt.with_model(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding, '000000a1'),
    facesnxt.create_person('Request ' || i), 'booking', 'fingerprint')) = 5 FROM generate_series(1, 5) i;
SET ROLE regress_detective;
-- a request is whole or none
SELECT facesnxt.request_search(NULL, 'robbery');
SELECT facesnxt.request_search(ARRAY[jpeg(1)], '');
SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', 'M-9');
SELECT facesnxt.request_search(ARRAY[jpeg(1) || jpeg(2)], 'robbery');
SELECT facesnxt.request_search(ARRAY[substr(jpeg(1), 1, 100)], 'robbery');
BEGIN;
SELECT facesnxt.request_search(ARRAY[jpeg(1), jpeg(2)], 'robbery', 'M-1', 'seen on a tram') AS request \gset
ROLLBACK;
SELECT requested_by = 'regress_detective' AND case_number = 'M-1' AND incident_type = 'robbery' AND note = 'seen on a tram'
    AND probes = ARRAY[sha256(jpeg(1)), sha256(jpeg(2))] AND searches = 0 FROM facesnxt.my_requests WHERE request_id = :'request';
-- who asks cannot search
SELECT facesnxt.search_template('[1,0,0]', 'M-1', 'criminal_investigation');
SELECT * FROM facesnxt.my_candidates;
-- the desk
SET ROLE regress_desk;
SELECT request_id = :'request' FROM facesnxt.my_requests;
SELECT facesnxt.probe_photograph(probes[2]) = jpeg(2) FROM facesnxt.my_requests;
CREATE FUNCTION pg_temp.look(request text, case_number text DEFAULT 'M-1', more jsonb DEFAULT '{}', angle float8 DEFAULT 0)
RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM facesnxt.search_template(
        facesnxt.with_model(ARRAY[cos(angle), sin(angle), 0]::real[]::facesnxt.embedding, '000000a1'), case_number, 'criminal_investigation',
        fields => jsonb_build_object('attested', true, 'request', request) || more, candidates => 4) $$;
SELECT pg_temp.look(NULL);
SELECT pg_temp.look('x');
SELECT pg_temp.look('00000000-0000-0000-0000-000000000000');
SELECT pg_temp.look(:'request', 'M-2');
SELECT pg_temp.look(:'request') = 4;
-- the same request answered by whoever made it
SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', 'M-1') AS own \gset
SELECT pg_temp.look(:'own');
-- an incident type without case comes from the request
SET ROLE regress_detective;
SELECT facesnxt.request_search(ARRAY[jpeg(7)], 'missing person') AS missing \gset
SET ROLE regress_desk;
SELECT pg_temp.look(:'missing', NULL, angle => 1.5) = 4;
SELECT incident_type = 'missing person' FROM facesnxt.my_searches WHERE status = 'completed' AND case_number IS NULL;
-- another agency's request and one that is not there look the same
SET ROLE regress_other;
SELECT count(*) = 0 FROM facesnxt.my_requests;
SELECT facesnxt.request_results(:'request');
SELECT facesnxt.probe_photograph(sha256(jpeg(2)));
SET ROLE regress_detective;
-- all results go to whoever asked
SELECT count(*) = 4 AND array_agg(rank ORDER BY rank) = '{1,2,3,4}' FROM facesnxt.request_results(:'request');
SELECT facesnxt.request_results(:'own');
RESET ROLE;
SELECT bool_and(NOT partial AND candidates = 4 AND (fetched_at IS NOT NULL) = (case_number IS NOT NULL)) FROM facesnxt.delivery_state WHERE search_id IS NOT NULL;
SELECT array_agg(concat_ws(' ', kind, sqlstate) ORDER BY recorded_at) = '{photograph,"results NX399","photograph NX397",results,"results NX399"}' FROM facesnxt.access_log;

-- subsequent searches
\set VERBOSITY terse
SET ROLE regress_desk;
SELECT search_id AS first FROM facesnxt.my_searches WHERE status = 'completed' AND case_number = 'M-1' \gset
SELECT pg_temp.look(:'request');
SELECT pg_temp.look(:'request', more => '{"parent_search": "00000000-0000-0000-0000-000000000000"}');
SELECT pg_temp.look(:'request', more => jsonb_build_object('parent_search', :'first'), angle => 0.2);
SELECT pg_temp.look(:'request', more => jsonb_build_object('parent_search', :'first')) = 4;
RESET ROLE;
INSERT INTO facesnxt.identification (search_id, person_id, basis, items, account_id, capacities, acting_role, session_role)
SELECT search_id, person_id, 'latent print', ARRAY[person_id], person_id, '{}', 'x', 'x' FROM facesnxt.candidate WHERE search_id = :'first' AND rank = 2;
SET ROLE regress_desk;
SELECT pg_temp.look(:'request', more => jsonb_build_object('parent_search', :'first'));
-- what is determined last counts, and another probe is another probe
SELECT facesnxt.record_outcome(:'first', 'no match') IS NOT NULL;
SELECT pg_temp.look(:'request', more => jsonb_build_object('parent_search', :'first')) = 4;
SELECT pg_temp.look(:'request', angle => 0.3) = 4;
RESET ROLE;
SELECT array_agg(facts->'search'->'chain'->>'sequence' ORDER BY recorded_at) = '{1,1,2,3,1}' FROM facesnxt.search
WHERE acting_role = 'regress_desk' AND status = 'completed';
SELECT array_agg(concat(sqlstate, ' ', clause) ORDER BY recorded_at) FROM facesnxt.search WHERE acting_role = 'regress_desk' AND status = 'refused';

-- pace: of a rule on facts, and of the account's real searches
SELECT facesnxt.policy_in_force(agency_id, now()) AS version FROM facesnxt.agency WHERE code = 'MI' \gset
SELECT array_agg((facesnxt.test_pace(:'version', '{"searches": 3, "minutes": 10, "probes": 2}',
    jsonb_build_object('search', jsonb_build_object('pace', jsonb_build_object('ages', ages, 'other_probes', probes))))).message IS NOT NULL ORDER BY n) = '{f,t,f,t}'
FROM (VALUES (1, '[0, 5]'::jsonb, '[5]'::jsonb), (2, '[0, 5, 599]', '[5]'), (3, '[0, 5, 600]', '[5, 600]'), (4, '[0, 5]', '[0, 5]')) v (n, ages, probes);
SELECT jsonb_array_length(facesnxt.pace_facts(a, jsonb_build_object('requested_at', now(), 'probe', '{}'::jsonb))->'ages') = 5,
    jsonb_array_length(facesnxt.pace_facts(a, jsonb_build_object('requested_at', now() + interval '2 days'))->'ages') = 0
FROM facesnxt.account a WHERE role = 'regress_desk'::regrole;

-- still photographs only
SELECT array_agg(facesnxt.photo_kind(b) ORDER BY n) = '{jpeg,"several pictures",video,"several pictures",jpeg,video,video,"several pictures",other,other}' FROM (VALUES
    (1, jpeg(1)), (2, jpeg(1) || jpeg(1)), (3, jpeg(1) || '\x00000018'::bytea || 'ftypmp42'::bytea),
    (4, '\xffd8ffe20010'::bytea || 'MPF'::bytea || '\x0049492a0008000000'::bytea || '\x0000'::bytea || substr(jpeg(1), 3)),
    (5, substr(jpeg(1), 1, 60)), (6, '\x00000018'::bytea || 'ftypisom'::bytea), (7, '\x1a45dfa3'::bytea),
    (8, 'GIF89a'::bytea), (9, '\x'::bytea), (10, '\x89504e470d0a1a0a'::bytea)) v (n, b);
SELECT array_agg((facesnxt.test_still(:'version', 'true', jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('kind', k))))).message IS NULL ORDER BY n) = '{t,f,f,f,t,t}'
FROM unnest(ARRAY['jpeg', 'several pictures', 'video', 'template', 'none', NULL]) WITH ORDINALITY v (k, n);
