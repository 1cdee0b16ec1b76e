-- The type: text, binary, type modifier, model, storage, statistics.
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

-- ---- text

SELECT given::embedding::text = printed
FROM (VALUES
    ('[1,2,3]', '[1,2,3]'),
    ('[0.1]', '[0.1]'),
    (E' [ 1 ,\t-2.5 ,\n3e2 ] ', '[1,-2.5,300]'),
    ('[+1,.5,5.,1E-3]', '[1,0.5,5,0.001]'),
    ('[-0]', '[-0]'),
    ('[3.4028235e38,-3.4028235e38,1e-45]', '[3.4028235e+38,-3.4028235e+38,1e-45]'),
    ('[1e-60,-1e-60]', '[0,-0]'),
    ('[0.333333333333333333333]', '[0.33333334]'),
    ('[16777217]', '[1.6777216e+07]'),
    ('[1]@00C0FFEE', '[1]@00c0ffee'),
    ('[1]@00000000', '[1]')
) AS cases(given, printed);

-- 16,000 elements, and what is printed is what is read.
SELECT dimensions(text::embedding) = 16000, text::embedding::text = text
FROM (SELECT '[' || string_agg(i::text, ',') || ']' FROM generate_series(1, 16000) AS i) AS long(text);

SELECT pg_temp.refused(format('SELECT %L::facesnxt.embedding', given)) FROM (VALUES
    (1, ''), (2, '1,2'), (3, '[]'), (4, '[ ]'), (5, '[1,,2]'), (6, '[1,2'), (7, '[1,2]]'), (8, '[1,2] x'),
    (9, '[1,nan]'), (10, '[1,-Infinity]'), (11, '[0x1p3]'), (12, '[1,1e39]'), (13, '[1]@123'), (14, '[1]@123456789'),
    (15, '[1 2]'), (16, '[é]')
) AS cases(nr, given) ORDER BY nr;
SELECT pg_temp.refused(format('SELECT %L::facesnxt.embedding', '[' || repeat('0,', 16000) || '0]'));

-- ---- type modifier

CREATE TEMP TABLE modified (
    a embedding, b embedding(3), c embedding(3, half), d embedding(3, HALF), e embedding(3, float32), f embedding(3, 'float')
);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum;

SELECT pg_temp.refused(format('SELECT NULL::facesnxt.embedding(%s)', modifier)) FROM (VALUES
    (1, '0'), (2, '16001'), (3, '-1'), (4, '99999999999999999999'), (5, 'half'), (6, '3, quarter'), (7, '3, half, 1'),
    (8, '''3x''')
) AS cases(nr, modifier) ORDER BY nr;

SELECT facesnxt.precision('[1,2]'::embedding) = 'float',
    facesnxt.precision('[1,2]'::embedding(2)) = 'float',
    facesnxt.precision('[1,2]'::embedding(2, half)) = 'half',
    facesnxt.precision('[1,2]'::embedding(2, half)::embedding) = 'half',
    facesnxt.precision('[1,2]'::embedding(2, half)::embedding(2)) = 'float';

-- To half rounds to nearest even; back to float32 is exact.
SELECT given::embedding(1, half)::text = kept FROM (VALUES
    ('[0.1]', '[0.099975586]'), ('[2049]', '[2048]'), ('[2051]', '[2052]'), ('[2049.0002]', '[2050]'), ('[65504]', '[65504]'),
    ('[65519.99]', '[65504]'), ('[-65519.99]', '[-65504]'), ('[6e-8]', '[5.9604645e-08]'), ('[2e-8]', '[0]')
) AS cases(given, kept);
SELECT '[0.1]@0000abcd'::embedding(1, half)::embedding(1)::text = '[0.099975586]@0000abcd';

SELECT pg_temp.refused(format('SELECT %s', expression)) FROM (VALUES
    (1, $$'[1,2]'::facesnxt.embedding(3)$$),
    (2, $$'[1,2]'::facesnxt.embedding::facesnxt.embedding(3, half)$$),
    (3, $$'[1,65520]'::facesnxt.embedding(2, half)$$),
    (4, $$'[-1e30,0]'::facesnxt.embedding::facesnxt.embedding(2, half)$$)
) AS cases(nr, expression) ORDER BY nr;
SELECT pg_temp.refused(format('SELECT %L::facesnxt.embedding(1000, half)', '[' || repeat('0,', 999) || '1e5]'));

CREATE DOMAIN pg_temp.face AS embedding(2, half) CHECK (facesnxt.model(VALUE) IS NOT NULL);
SELECT '[1,2]@00000001'::pg_temp.face;
SELECT pg_temp.refused($$SELECT '[1,2]'::pg_temp.face$$);

-- ---- model

SELECT model('[1]@0012abcd') = '0012abcd', model('[1]') IS NULL,
    with_model('[1]', '0012ABCD')::text = '[1]@0012abcd',
    with_model('[1]@0012abcd', '00000000')::text = '[1]',
    facesnxt.precision(with_model('[1]'::embedding(1, half), '00000001')) = 'half';
SELECT pg_temp.refused(format('SELECT facesnxt.with_model(%L, %L)', '[1]', model))
FROM (VALUES (1, ''), (2, '123'), (3, '0123456789'), (4, 'arcface!')) AS cases(nr, model) ORDER BY nr;

-- ---- binary: offset, value

SELECT embedding_send('[1,-2]@deadbeef') = '\x00020000deadbeef3f800000c0000000',
    embedding_send('[1,-2]'::embedding(2, half)) = '\x00020100000000003c00c000';

-- ---- COPY both ways keeps values, precision and model

CREATE TEMP TABLE kept (id int, e embedding(4, half), f embedding(4), g embedding);
SELECT setseed(0.5) IS NOT NULL;
INSERT INTO kept
SELECT i, random_values::embedding(4, half), random_values::embedding(4), with_model(random_values::embedding(4, half), '0000000a')
FROM generate_series(1, 500) AS i,
    LATERAL (SELECT array(SELECT (random() - 0.5) * 10 ^ (i % 8 - 4) FROM generate_series(1, 4))) AS v(random_values);
UPDATE kept SET e = with_model(e, lpad(to_hex(id), 8, '0')) WHERE id % 2 = 0;
INSERT INTO kept VALUES (501, NULL, NULL, NULL);

CREATE TEMP TABLE back (LIKE kept);
\copy kept TO 'results/embedding.txt'
\copy back FROM 'results/embedding.txt'
SELECT count(*) = 501 AND bool_and(k.e IS NOT DISTINCT FROM b.e AND k.f IS NOT DISTINCT FROM b.f AND k.g IS NOT DISTINCT FROM b.g
        AND model(k.e) IS NOT DISTINCT FROM model(b.e)
        AND facesnxt.precision(k.e) IS NOT DISTINCT FROM facesnxt.precision(b.e)
        AND embedding_send(k.e) IS NOT DISTINCT FROM embedding_send(b.e)
        AND embedding_send(k.f) IS NOT DISTINCT FROM embedding_send(b.f))
FROM kept AS k JOIN back AS b USING (id);

-- Text says nothing of the precision: a column without modifier gets equal values in float32.
SELECT bool_and(facesnxt.precision(k.g) = 'half' AND facesnxt.precision(b.g) = 'float') FROM kept AS k JOIN back AS b USING (id) WHERE id <= 500;

TRUNCATE back;
\copy kept TO 'results/embedding.bin' (FORMAT binary)
\copy back FROM 'results/embedding.bin' (FORMAT binary)
SELECT count(*) = 501 AND bool_and(embedding_send(k.e) IS NOT DISTINCT FROM embedding_send(b.e)
        AND embedding_send(k.f) IS NOT DISTINCT FROM embedding_send(b.f)
        AND embedding_send(k.g) IS NOT DISTINCT FROM embedding_send(b.g))
FROM kept AS k JOIN back AS b USING (id);

-- Binary input obeys the type modifier.
CREATE TEMP TABLE narrow (e embedding(4, half));
\copy (SELECT f FROM kept WHERE id <= 500) TO 'results/embedding.bin' (FORMAT binary)
\copy narrow FROM 'results/embedding.bin' (FORMAT binary)
SELECT count(*) = 500 AND bool_and(facesnxt.precision(e) = 'half') FROM narrow;
CREATE TEMP TABLE other (e embedding(5));
\copy other FROM 'results/embedding.bin' (FORMAT binary)

-- Malformed binary.
CREATE TEMP TABLE malformed (e embedding);
\! sh "$PG_ABS_SRCDIR/data/embedding_malformed.sh" results
\copy malformed FROM 'results/embedding_nan.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_infinite.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_short.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_long.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_head.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_precision.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_version.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_none.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_many.bin' (FORMAT binary)
\copy malformed FROM 'results/embedding_good.bin' (FORMAT binary)
SELECT count(*) = 1 AND bool_and(e = '[1]') FROM malformed;

-- ---- storage: templates of 512 elements stay in the row, whatever is moved out

CREATE TABLE stored (a embedding(512, half), b embedding(512, half), c embedding(512, half), photo bytea);
INSERT INTO stored
SELECT v, v, v, (SELECT decode(string_agg(md5(i::text || j::text), ''), 'hex') FROM generate_series(1, 512) AS i)
FROM generate_series(1, 10) AS j, LATERAL (SELECT array(SELECT random() - 0.5 FROM generate_series(j, j + 511))) AS w(v);
SELECT count(*) = 10 AND bool_and(pg_column_size(a) = 12 + 2 * 512) FROM stored;
SELECT reltoastrelid::regclass AS moved FROM pg_class WHERE oid = 'stored'::regclass \gset
SELECT count(DISTINCT chunk_id) = (SELECT count(*) FROM stored) FROM :moved;

-- The same rows with the storage that varlena types usually have do move templates out.
CREATE TABLE extended (LIKE stored);
ALTER TABLE extended ALTER a SET STORAGE extended, ALTER b SET STORAGE extended, ALTER c SET STORAGE extended;
INSERT INTO extended SELECT (a::real[])::embedding(512, half), (b::real[])::embedding(512, half), (c::real[])::embedding(512, half), photo FROM stored;
SELECT reltoastrelid::regclass AS moved FROM pg_class WHERE oid = 'extended'::regclass \gset
SELECT count(DISTINCT chunk_id) > (SELECT count(*) FROM extended) FROM :moved;

CREATE TABLE single (e embedding(512));
INSERT INTO single SELECT array_agg(random() - 0.5) FROM generate_series(1, 512);
SELECT pg_column_size(e) = 12 + 4 * 512 FROM single;
SELECT pg_relation_size(reltoastrelid) = 0 FROM pg_class WHERE oid = 'single'::regclass;

-- Templates that are moved out or have a short header read the same.
CREATE TABLE wide (e embedding);
SELECT reltoastrelid::regclass AS moved FROM pg_class WHERE oid = 'wide'::regclass \gset
INSERT INTO wide SELECT array(SELECT i FROM generate_series(1, n) AS i)::real[] FROM (VALUES (1), (2), (16000)) AS v(n);
SELECT count(DISTINCT chunk_id) = 1 FROM :moved;
SELECT count(*) = 3 AND bool_and(e::real[] = array(SELECT i FROM generate_series(1, dimensions(e)) AS i)::real[]) FROM wide;
SELECT bool_and(a.e <-> b.e = 0 AND a.e = b.e) FROM wide AS a JOIN wide AS b ON dimensions(a.e) = dimensions(b.e);

-- ---- statistics hold no value

CREATE TABLE analyzed (e embedding(3));
INSERT INTO analyzed SELECT CASE WHEN i % 4 = 0 THEN NULL ELSE array[1, 2, i % 3]::real[]::embedding END FROM generate_series(1, 1000) AS i;
CREATE INDEX analyzed_normal ON analyzed ((facesnxt.normalize(e)));
ANALYZE analyzed;
SELECT null_frac = 0.25, avg_width BETWEEN 13 AND 28, n_distinct = -0.75,
    most_common_vals IS NULL, most_common_freqs IS NULL, histogram_bounds IS NULL, correlation IS NULL, most_common_elems IS NULL
FROM pg_stats WHERE tablename = 'analyzed';
SELECT count(*) = 2 AND bool_and(stakind1 = 0 AND stakind2 = 0 AND stakind3 = 0 AND stakind4 = 0 AND stakind5 = 0
    AND stavalues1 IS NULL AND stavalues2 IS NULL AND stavalues3 IS NULL AND stavalues4 IS NULL AND stavalues5 IS NULL
    AND stanumbers1 IS NULL AND stanumbers2 IS NULL AND stanumbers3 IS NULL AND stanumbers4 IS NULL AND stanumbers5 IS NULL)
FROM pg_statistic WHERE starelid IN ('analyzed'::regclass, 'analyzed_normal'::regclass);

DROP TABLE stored, extended, single, wide, analyzed;
