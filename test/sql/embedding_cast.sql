-- Casts between templates, arrays and bytea.
\pset tuples_only on
\pset format unaligned
SET search_path = public, facesnxt;

-- What a statement is refused with: SQLSTATE and message, detail, hint.
CREATE FUNCTION pg_temp.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n   ', state || ': ' || message, detail, hint);
END
$$;

-- ---- arrays

SELECT array[1, 2.5, -3]::real[]::embedding::text = '[1,2.5,-3]',
    array[1, 2.5, -3]::double precision[]::embedding::text = '[1,2.5,-3]',
    array[0.1]::double precision[]::embedding::text = '[0.1]',
    '[1,2.5,-3]'::embedding::real[] = array[1, 2.5, -3]::real[],
    '[1,0.1]'::embedding::double precision[] = array[1, 0.1::real]::double precision[],
    '[1,0.1]'::embedding(2, half)::real[] = array[1, 0.099975586]::real[],
    '[1,0.1]'::embedding(2, half)::double precision[] = array[1, 0.0999755859375]::double precision[],
    facesnxt.precision(array[1, 2]::real[]::embedding(2, half)) = 'half',
    '[7:9]={1,2,3}'::real[]::embedding::text = '[1,2,3]',
    array[1e-60]::double precision[]::embedding::text = '[0]';

-- Every float32 and half goes through an array and bytea unchanged.
SELECT setseed(0.25) IS NOT NULL;
-- 65536 + n is the type modifier of embedding(n, half).
CREATE TEMP TABLE random_template AS
SELECT n, v::embedding AS f, embedding(v, n + 65536, false) AS h
FROM (VALUES (1), (2), (255), (256), (257), (512), (1000), (16000)) AS d(n),
    LATERAL (SELECT array(SELECT (random() - 0.5) * 10 ^ (i % 12 - 7) FROM generate_series(1, n) AS i)::real[]) AS r(v);
SELECT count(*) = 8, bool_and(facesnxt.precision(f) = 'float' AND facesnxt.precision(h) = 'half' AND dimensions(h) = n),
    bool_and(embedding_send(f::real[]::embedding) = embedding_send(f)),
    bool_and(embedding_send(f::double precision[]::embedding) = embedding_send(f)),
    bool_and(embedding_send(f::bytea::embedding) = embedding_send(f)),
    bool_and(embedding_send(f::text::embedding) = embedding_send(f)),
    bool_and(embedding_send(embedding(h::real[], n + 65536, false)) = embedding_send(h)),
    bool_and(embedding_send(embedding(h::double precision[], n + 65536, false)) = embedding_send(h)),
    bool_and(embedding_send(embedding(h::bytea, n + 65536, false)) = embedding_send(h)),
    bool_and(h::text::embedding = h)
FROM random_template;

-- ---- bytea

SELECT '\x0000803f000000c0'::bytea::embedding::text = '[1,-2]',
    '[1,-2]@12345678'::embedding::bytea = '\x0000803f000000c0',
    '[1,-2]'::embedding(2, half)::bytea = '\x0000803f000000c0',
    facesnxt.precision('\x0000803f000000c0'::bytea::embedding(2, half)) = 'half';

-- ---- which are implicit, on assignment, explicit

SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'facesnxt.embedding'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text, casttarget::regtype::text;

CREATE TEMP TABLE assigned (e embedding(2, half), r real[], d double precision[]);
INSERT INTO assigned (e) VALUES (array[1, 2]::real[]), (array[1, 2]::double precision[]);
UPDATE assigned SET r = e, d = e;
SELECT count(*) = 2 AND bool_and(r = '{1,2}' AND d = '{1,2}') FROM assigned;

-- ---- refused

SELECT pg_temp.refused(format('SELECT %s::facesnxt.embedding', given)) FROM (VALUES
    (1, $$'{}'::real[]$$), (2, $$'{}'::double precision[]$$),
    (3, $$'{{1,2},{3,4}}'::real[]$$), (4, $$'{1,NULL,3}'::real[]$$), (5, $$'{1,2,NULL}'::double precision[]$$),
    (6, $$'{1,NaN}'::real[]$$), (7, $$'{1,2,Infinity}'::real[]$$), (8, $$'{-Infinity}'::double precision[]$$),
    (9, $$'{1,1e39}'::double precision[]$$), (10, $$array_fill(0::real, array[16001])$$),
    (11, $$'\x'::bytea$$), (12, $$'\x0000803f00'::bytea$$), (13, $$'\x0000803f0000c07f'::bytea$$),
    (14, $$'\x000080ff'::bytea$$), (15, $$decode(repeat('00', 64004), 'hex')$$)
) AS cases(nr, given) ORDER BY nr;
SELECT pg_temp.refused(format('SELECT %s::facesnxt.embedding(2, half)', given)) FROM (VALUES
    (1, $$'{1,2,3}'::real[]$$), (2, $$'{1,1e5}'::double precision[]$$), (3, $$'\x0000803f'::bytea$$)
) AS cases(nr, given) ORDER BY nr;
