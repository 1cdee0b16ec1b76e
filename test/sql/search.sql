-- The candidate list: by person, exact, in a total order, recorded as returned.
\pset tuples_only on
SELECT count(facesnxt.enrol_template(facesnxt.with_model(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding, '0000000a'),
    p.id, CASE i % 2 WHEN 0 THEN 'booking' ELSE 'driver_licence' END, 'fingerprint')) = 24
FROM (SELECT j, facesnxt.create_person('Person ' || j) AS id FROM generate_series(1, 12) j) p, generate_series(p.j, p.j + 1) i;
-- twenty equal references of one person must not crowd out the others
SELECT count(facesnxt.enrol_template(facesnxt.with_model('[1,0,0]', '0000000a'), p.id, 'booking', 'fingerprint')) = 200
FROM (SELECT facesnxt.create_person('Many') AS id) p, generate_series(1, 200);
-- another model
SELECT facesnxt.enrol_template(facesnxt.with_model('[1,0,0]', '0000000b'), facesnxt.create_person('Other'), 'booking', 'fingerprint') IS NOT NULL;
SET ROLE regress_nm;
-- NM-IV.C: by person; NM-IV.E: ranked, in a total order; NM-IV.F: recorded as returned
CREATE TEMP TABLE list AS
SELECT * FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000a'), '22-1', 'criminal', 'list', candidates => 8);
SELECT count(*) = 8 AND array_agg(rank ORDER BY rank) = '{1,2,3,4,5,6,7,8}' FROM list;
SELECT count(DISTINCT person_id) = 8 AND count(DISTINCT search_id) = 1 AND bool_and(exact) AND bool_and(model = '0000000a') FROM list;
SELECT bool_and(a.score > b.score OR (a.score = b.score AND a.person_id < b.person_id))
FROM list a JOIN list b ON b.rank = a.rank + 1;
SELECT score = 1 FROM list WHERE rank = 1;
RESET ROLE;
-- the same list by another way: all persons, sorted
SELECT array_agg(person_id ORDER BY rank) = (
    SELECT array_agg(person_id ORDER BY score DESC, person_id) FROM (
        SELECT person_id, max((1 - (template OPERATOR(facesnxt.<=>) facesnxt.with_model('[1,0,0]', '0000000a')))::real) AS score
        FROM facesnxt.reference WHERE model = '0000000a' GROUP BY person_id
        ORDER BY score DESC, person_id LIMIT 8) o)
FROM list;
-- recorded as returned
SELECT count(*) = 8 FROM list l JOIN facesnxt.candidate c USING (search_id, rank, person_id, reference_id, repository, score, model);
SELECT status = 'completed' AND acting_role = 'regress_nm' AND agency = 'NM' AND case_number = '22-1' AND incident_type = 'robbery'
    AND purpose = 'criminal' AND reason = 'list' AND references_compared = 224 AND references_other_model = 1
    AND candidates = 8 AND candidate_limit = 8 AND exact AND repositories = '{driver_licence,booking}'
    AND requested_at <= recorded_at
FROM facesnxt.search WHERE search_id = (SELECT DISTINCT search_id FROM list);
SELECT facesnxt.model(template) = '0000000a' AND template::text = '[1,0,0]@0000000a'
FROM facesnxt.probe_template WHERE search_id = (SELECT DISTINCT search_id FROM list);
-- one repository, a threshold, fewer persons than places
SET ROLE regress_nm;
SELECT count(*) = 12 AND bool_and(repository = 'driver_licence')
FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000a'), '22-1', 'criminal', repositories => '{driver_licence}', candidates => 50);
SELECT count(*) = 6 AND min(score) >= 0.87
FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000a'), '22-1', 'criminal', threshold => 0.87);
SELECT count(*) = 13 FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000a'), '22-1', 'criminal', candidates => 50);
-- no candidate is a result too, and it is recorded
SELECT count(*) = 0 FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000a'), '22-1', 'criminal', 'nobody', threshold => 2);
SELECT status = 'completed' AND candidates = 0 FROM facesnxt.my_searches WHERE reason = 'nobody';
SELECT count(*) = 0 FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '0000000c'), '22-1', 'criminal', 'other model');
SELECT references_compared = 0 AND references_other_model = 225 FROM facesnxt.my_searches WHERE reason = 'other model';
-- an agency sees its own searches and candidates
SELECT count(*) = 8 FROM facesnxt.my_candidates WHERE search_id = (SELECT search_id FROM facesnxt.my_searches WHERE reason = 'list');
SET ROLE regress_sp;
SELECT count(*) = 0 FROM facesnxt.my_searches;
SELECT count(*) = 0 FROM facesnxt.my_candidates;
RESET ROLE;
