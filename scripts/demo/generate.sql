-- Templates without photographs: 1,000 persons in 512 dimensions. A photograph
-- is the person's direction plus noise; 300 persons have a second one.
SELECT setseed(0.5) \g /dev/null
CREATE FUNCTION pg_temp.normal() RETURNS double precision LANGUAGE sql VOLATILE AS
    'SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())';
INSERT INTO demo.photo (person, number, file, template)
SELECT format('generated %s', lpad(p::text, 4, '0')), number, 'none', facesnxt.normalize(template::real[]::facesnxt.embedding)
FROM generate_series(1, 1000) p
CROSS JOIN LATERAL (SELECT p AS person, array_agg(pg_temp.normal()) AS z FROM generate_series(1, 512)) person
CROSS JOIN LATERAL generate_series(1, CASE WHEN p <= 300 THEN 2 ELSE 1 END) number
CROSS JOIN LATERAL (SELECT array_agg(v + 0.8 * pg_temp.normal()) AS template
                    FROM unnest(person.z) v WHERE number > 0) noisy;
-- What each photograph shows is drawn, a schematic head that is nobody's, and says so. Where the
-- face is is known, as it is when a detector has found it.
UPDATE demo.photo p SET image = d.photo, extraction = jsonb_build_object('detector', 'drawn', 'x', d.face[1], 'y', d.face[2],
    'width', d.face[3], 'height', d.face[4], 'landmarks', to_jsonb(d.landmarks),
    'eye_distance', round(sqrt((d.landmarks[3] - d.landmarks[1]) ^ 2 + (d.landmarks[4] - d.landmarks[2]) ^ 2)),
    'roll', round(degrees(atan2(d.landmarks[4] - d.landmarks[2], d.landmarks[3] - d.landmarks[1]))))
FROM demo.photo q CROSS JOIN LATERAL facesnxt.synthetic_portrait(substring(q.person FROM '[0-9]+$')::int, q.number) d
WHERE (q.person, q.number) = (p.person, p.number);
SELECT format('drawn       %s portraits of nobody, %s KB each; each decodes: %s', count(*), round(avg(length(image)) / 1000),
    bool_and((facesnxt.photo_size(image)).width = 480)) FROM demo.photo \g (tuples_only=on format=unaligned)
-- enrol() would make the template itself, had it a model
CREATE TEMP TABLE made AS SELECT p.*, facesnxt.create_person(p.person, date '1960-01-01' + (random() * 14000)::int) AS person_id,
    gen_random_uuid() AS reference_id FROM demo.photo p WHERE number = 1;
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, photo, photo_sha256, extraction, enrolled_by)
SELECT reference_id, person_id, 'drawn', image, sha256(image), extraction, current_user FROM made;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference_id, person_id, 'driver_licence', template FROM made;
SELECT facesnxt.describe_person(person_id, jsonb_build_object('gender', CASE WHEN random() < 0.5 THEN 'F' ELSE 'M' END, 'race', 'none'))
FROM made \g /dev/null
SELECT format('enrolled    %s generated references with their portraits', count(*)) FROM facesnxt.reference \g (tuples_only=on format=unaligned)
-- A search by photograph whose template is given: search() would make it.
CREATE FUNCTION demo.search_drawn(image bytea, template facesnxt.embedding, extraction jsonb, case_number text, purpose text,
    reason text DEFAULT NULL, candidates int DEFAULT 20)
RETURNS TABLE (search_id uuid, rank int, person_id uuid, reference_id uuid, repository text, score real, model text, exact boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT * FROM facesnxt.identify($1, $2, $4, $5, $6, NULL, $7, NULL, NULL, NULL, NULL, $3) $$;
