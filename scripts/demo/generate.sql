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
SELECT count(facesnxt.enrol_template(template, facesnxt.create_person(person), 'driver_licence', 'generated'))
FROM demo.photo WHERE number = 1 \g /dev/null
SELECT format('enrolled    %s generated references', count(*)) FROM facesnxt.reference \g (tuples_only=on format=unaligned)
