-- How often chance gives a candidate: the estimate against what is counted, on templates at random and on photographs.
BEGIN;
SELECT no_plan();
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;
CREATE ROLE chance_aud; GRANT facesnxt_auditor TO chance_aud;
CREATE ROLE chance_else; GRANT facesnxt_auditor TO chance_else;
CREATE ROLE chance_inv; GRANT facesnxt_investigator TO chance_inv;

-- probes at random: directions in 32 dimensions, of which the share beyond a similarity is known
CREATE FUNCTION pg_temp.anyone(seed int) RETURNS facesnxt.embedding LANGUAGE sql AS $$
    SELECT facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[33])::facesnxt.embedding, '0000002a'), 0, seed)
$$;
CREATE FUNCTION pg_temp.truth(similarity float8, dimensions int) RETURNS float8 LANGUAGE sql AS $$
    SELECT sum(power(sin(a), dimensions - 2)) FILTER (WHERE a <= acos(similarity)) / sum(power(sin(a), dimensions - 2)) FROM (SELECT pi() * i / 10000 AS a FROM generate_series(1, 9999) i) v
$$;
CREATE TEMP TABLE someone AS SELECT i, md5('person ' || i)::uuid AS id, md5('reference ' || i)::uuid AS reference FROM generate_series(1, 4000) i;
INSERT INTO facesnxt.person (person_id, name) SELECT id, 'Anyone' FROM someone;
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by) SELECT reference, id, 'fingerprint', 'test' FROM someone;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference, id, 'booking', pg_temp.anyone(i) FROM someone;
SELECT throws_ok($$SELECT facesnxt.sample_impostors('0000002b')$$, '55000', NULL, 'without references there is no distribution');
SELECT facesnxt.sample_impostors('0000002a', 4000, 'one') AS sample \gset
SELECT is((SELECT (number, templates, comparisons, blocks, bins)::text FROM facesnxt.impostor_sample WHERE sample_id = :'sample'), '(1,4000,398000,20,1024)', 'a sample says of what it is');
SELECT facesnxt.sample_impostors('0000002a', 4000, 'one') AS again, facesnxt.sample_impostors('0000002a', 2000, 'two') AS other \gset
SELECT is((SELECT counts FROM facesnxt.impostor_sample WHERE sample_id = :'again'), (SELECT counts FROM facesnxt.impostor_sample WHERE sample_id = :'sample'), 'and can be made again by its seed');
SELECT is((SELECT array_agg(number ORDER BY number) FROM facesnxt.impostor_sample WHERE model = '0000002a'), '{1,2,3}', 'each is a version');
SELECT is(f.basis, 'counted', format('at %s it is counted', t)),
    ok(pg_temp.truth(t, 32) BETWEEN f.low AND f.high, format('FMR at %s: %s is in %s to %s', t, pg_temp.truth(t, 32), f.low, f.high)),
    ok(f.high / f.low < 1.6, format('and the interval at %s is no bigger than it must be: %s', t, f.high / f.low))
FROM unnest('{0,0.1,0.3,0.5}'::float8[]) t, facesnxt.impostor_sample s, facesnxt.false_match_rate(s, t) f WHERE s.sample_id = :'sample';
SELECT is(f.basis, 'tail', format('at %s the tail is fitted', t)),
    ok(f.high >= pg_temp.truth(t, 32), format('FMR at %s: %s is not above %s', t, pg_temp.truth(t, 32), f.high)),
    ok(f.low <= 100 * pg_temp.truth(t, 32), format('nor far below %s', f.low))
FROM unnest('{0.72,0.76}'::float8[]) t, facesnxt.impostor_sample s, facesnxt.false_match_rate(s, t) f WHERE s.sample_id = :'sample';
-- of twenty samples one misses the truth, or four when luck is bad
CREATE TEMP TABLE drawn AS SELECT facesnxt.sample_impostors('0000002a', 1000, i::text) AS sample_id FROM generate_series(1, 20) i;
SELECT cmp_ok((SELECT count(*)::int FROM drawn JOIN facesnxt.impostor_sample s USING (sample_id), facesnxt.false_match_rate(s, 0.4) f WHERE pg_temp.truth(0.4, 32) NOT BETWEEN f.low AND f.high), '<=', 4, 'a 95 % interval has the truth in it');
SELECT is(facesnxt.any_of(1e-12, 1000), 1e-9::float8, 'a tiny rate stays exact');
SELECT ok(abs(facesnxt.any_of(0.01, 100) - 0.633967658726771) < 1e-12, '1 - (1 - FMR) ^ N'), ok(abs(facesnxt.any_of(1e-7, 10000000) - 0.632120577) < 1e-8, 'at small rates, too');

-- brute force: 3,000 probes of nobody against the first 300 persons
CREATE TEMP TABLE brute AS SELECT (SELECT array_agg(pg_temp.anyone(100000 + i)) FROM generate_series(1, 3000) i) AS a, (SELECT array_agg(pg_temp.anyone(i)) FROM generate_series(1, 300) i) AS b;
CREATE TEMP TABLE hit AS SELECT t, count(DISTINCT l.a_place) / 3000.0 AS share
FROM unnest('{0.45,0.5,0.55,0.6}'::float8[]) t, brute, LATERAL facesnxt.like_faces(a, b, t) l GROUP BY t;
SELECT ok(h.share BETWEEN facesnxt.any_of(f.low, 300) - 3 * sqrt(h.share * (1 - h.share) / 3000) AND facesnxt.any_of(f.high, 300) + 3 * sqrt(h.share * (1 - h.share) / 3000),
    format('MI-4.3.4.1.b: FPIR(300, %s) is counted as %s, estimated as %s', h.t, round(h.share, 4), round(facesnxt.any_of(f.rate, 300)::numeric, 4)))
FROM hit h, facesnxt.impostor_sample s, facesnxt.false_match_rate(s, h.t) f WHERE s.sample_id = :'sample';

-- of a search: at its threshold and at each candidate
SELECT facesnxt.create_agency('CHANCE', 'Chance'), facesnxt.create_agency('ELSE_CHANCE', 'Else') \g /dev/null
SELECT facesnxt.adopt_policy(a, 'EXAMPLE') FROM unnest('{CHANCE,ELSE_CHANCE}'::text[]) a \g /dev/null
SELECT facesnxt.open_account('ELSE_CHANCE', 'chance_else') \g /dev/null
INSERT INTO facesnxt.search (status, agency_id, agency, account_id, version_id, purpose, reason, facts, probe_kept, model, requested_at, repositories, candidate_limit, threshold,
    references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT 'completed', a.agency_id, 'CHANCE', gen_random_uuid(), facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'criminal', 'chance', '{}', false, m, now(), '{booking}', 10, 0.5,
    300, 0, 2, true, 'x', 10, 'x', 10, 1, now() FROM facesnxt.agency a, unnest('{0000002a,0000002b}'::text[]) m WHERE a.code = 'CHANCE';
INSERT INTO facesnxt.candidate SELECT s.search_id, r, gen_random_uuid(), gen_random_uuid(), 'booking', 1 - r * 0.25, s.model FROM facesnxt.search s, generate_series(1, 2) r WHERE s.reason = 'chance';
SELECT search_id AS search FROM facesnxt.search WHERE reason = 'chance' AND model = '0000002a' \gset
SELECT search_id AS unknown FROM facesnxt.search WHERE reason = 'chance' AND model = '0000002b' \gset
SELECT is((SELECT array_agg((f.rank, f.score, f.searched, f.basis)::text ORDER BY f.rank NULLS FIRST) FROM facesnxt.fpir(:'search', :'sample') f),
    '{"(,0.5,300,counted)","(1,0.75,300,tail)","(2,0.5,300,counted)"}', 'MI-4.3.4.1.b: a search tells how often chance gives such a candidate');
SELECT ok(f.fpir BETWEEN f.low AND f.high AND f.low > 0 AND f.high < 1, format('%s to %s', f.low, f.high)) FROM facesnxt.fpir(:'search') f;
SELECT throws_ok(format('SELECT facesnxt.fpir(%L)', :'unknown'), '55000', NULL, 'a model of which no sample was taken');
\ir common/try.psql
SELECT is(pg_temp.try(r, format('SELECT facesnxt.fpir(%L)', :'search')), e, format('%s asks for the rate of a search: %s', r, e))
FROM (VALUES ('chance_aud', 'done'), ('chance_else', 'NX460'), ('chance_inv', '42501')) v (r, e);

-- photographs, where there are some: templates of LFW, a person a line
\set folder `echo "${FACESNXT_DATA:-../shared/data}"`
\set names :folder '/vectors/lfw_names.txt'
\set present `test -r "${FACESNXT_DATA:-../shared/data}/vectors/lfw_names.txt" && echo true || echo false`
\if :present
CREATE TEMP TABLE photo_name (n serial, name text);
CREATE TEMP TABLE photo (n serial, numbers text);
\copy photo_name (name) FROM PROGRAM 'cat "${FACESNXT_DATA:-../shared/data}/vectors/lfw_names.txt"'
\copy photo (numbers) FROM PROGRAM 'od -An -v -w512 -tf4 "$(ls "${FACESNXT_DATA:-../shared/data}"/vectors/*kennethwang*.f32 | head -1)"'
CREATE TEMP TABLE face AS SELECT DISTINCT ON (person) person, md5('person ' || person)::uuid AS id, md5('reference ' || person)::uuid AS reference,
    facesnxt.with_model(('[' || regexp_replace(btrim(p.numbers), '\s+', ',', 'g') || ']')::facesnxt.embedding, '0000002c') AS template
FROM photo p JOIN (SELECT n, regexp_replace(regexp_replace(name, '^.*/', ''), '_\d+(\.jpg)?$', '') AS person FROM photo_name) m USING (n) ORDER BY person, n;
SELECT cmp_ok((SELECT count(*)::int FROM face), '>', 2000, 'templates of photographs');
-- half of the persons are enrolled and make the sample, the other half are strangers
INSERT INTO facesnxt.person (person_id, name) SELECT id, person FROM face WHERE md5(person) < '8';
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by) SELECT reference, id, 'fingerprint', 'test' FROM face WHERE md5(person) < '8';
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference, id, 'booking', template FROM face WHERE md5(person) < '8';
SELECT facesnxt.sample_impostors('0000002c', 20000, 'one') AS real, (SELECT count(*) FROM face WHERE md5(person) < '8') AS enrolled, (SELECT count(*) FROM face WHERE md5(person) >= '8') AS strangers \gset
CREATE TEMP TABLE hit_real AS SELECT t, (SELECT count(DISTINCT l.a_place) FROM facesnxt.like_faces((SELECT array_agg(template) FROM face WHERE md5(person) >= '8'),
    (SELECT array_agg(template) FROM face WHERE md5(person) < '8'), t) l)::numeric / :strangers AS share FROM unnest('{0.3,0.35,0.4,0.45}'::float8[]) t;
-- faces differ in how like others they are, which a rate of comparisons does not know: within a factor of two
SELECT ok(h.share BETWEEN facesnxt.any_of(f.low, :enrolled) / 2 - 3 * sqrt(h.share * (1 - h.share) / :strangers) AND facesnxt.any_of(f.high, :enrolled) * 2 + 3 * sqrt(h.share * (1 - h.share) / :strangers),
    format('MI-4.3.4.1.b: photographs, FPIR(%s, %s) is counted as %s, estimated as %s (%s to %s, %s)', :enrolled, h.t, round(h.share, 4), round(facesnxt.any_of(f.rate, :enrolled)::numeric, 4),
        round(facesnxt.any_of(f.low, :enrolled)::numeric, 4), round(facesnxt.any_of(f.high, :enrolled)::numeric, 4), f.basis))
FROM hit_real h, facesnxt.impostor_sample s, facesnxt.false_match_rate(s, h.t) f WHERE s.sample_id = :'real';
\else
SELECT skip('no templates of photographs in FACESNXT_DATA', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
