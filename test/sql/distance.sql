-- Distances against slow, obvious versions of them; norm and normalize.
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

CREATE FUNCTION pg_temp.inner(a embedding, b embedding) RETURNS double precision IMMUTABLE LANGUAGE sql
RETURN (SELECT sum(x * y) FROM unnest(a::double precision[], b::double precision[]) AS u(x, y));

CREATE FUNCTION pg_temp.l2(a embedding, b embedding) RETURNS double precision IMMUTABLE LANGUAGE sql
RETURN (SELECT sqrt(sum((x - y) ^ 2)) FROM unnest(a::double precision[], b::double precision[]) AS u(x, y));

-- The sum of the magnitudes that an inner product adds up: its rounding error is relative to that.
CREATE FUNCTION pg_temp.size(a embedding, b embedding) RETURNS double precision IMMUTABLE LANGUAGE sql
RETURN (SELECT sum(abs(x * y)) FROM unnest(a::double precision[], b::double precision[]) AS u(x, y));

SELECT setseed(0.125) IS NOT NULL;
-- 65536 + n is the type modifier of embedding(n, half).
CREATE TEMP TABLE pair AS
SELECT n, a::embedding AS fa, b::embedding AS fb, embedding(a, n + 65536, false) AS ha, embedding(b, n + 65536, false) AS hb
FROM unnest(array(SELECT generate_series(1, 70)) || array[127, 128, 129, 255, 256, 257, 511, 512, 513, 1100, 16000]) AS n,
    LATERAL (SELECT array(SELECT random() - 0.5 FROM generate_series(1, n)), array(SELECT random() - 0.5 FROM generate_series(1, n))) AS r(a, b);
CREATE TEMP VIEW mixed AS
SELECT n, fa AS a, fb AS b FROM pair UNION ALL SELECT n, ha, hb FROM pair
UNION ALL SELECT n, fa, hb FROM pair UNION ALL SELECT n, ha, fb FROM pair;

SELECT count(*) = 4 * 81, bool_and(abs(inner_product(a, b) - pg_temp.inner(a, b)) <= 1e-5 * pg_temp.size(a, b)),
    bool_and(negative_inner_product(a, b) = -inner_product(a, b)),
    bool_and(abs(l2_distance(a, b) - pg_temp.l2(a, b)) <= 1e-5 * pg_temp.l2(a, b)),
    bool_and(abs(cosine_similarity(a, b) - pg_temp.inner(a, b) / (norm(a) * norm(b))) <= 1e-5),
    bool_and(cosine_distance(a, b) = 1 - cosine_similarity(a, b)),
    bool_and(abs(norm(a) - sqrt(pg_temp.inner(a, a))) <= 1e-12 * norm(a)),
    bool_and((a <=> b) = cosine_distance(a, b) AND (a <-> b) = l2_distance(a, b) AND (a <#> b) = -inner_product(a, b))
FROM mixed;
SELECT bool_and((a <=> b) = (b <=> a) AND (a <-> b) = (b <-> a) AND (a <#> b) = (b <#> a)),
    bool_and((a <=> a) BETWEEN 0 AND 1e-6), bool_and((a <-> a) = 0),
    bool_and(cosine_similarity(a, b) BETWEEN -1 AND 1), bool_and(cosine_similarity(a, a) <= 1)
FROM mixed;

-- The plain kernels and the best ones say the same.
CREATE TEMP TABLE best AS SELECT row_number() OVER () AS nr, a, b, a <=> b AS c, a <-> b AS l, a <#> b AS i FROM mixed;
SET facesnxt.kernel_tier = scalar;
SELECT bool_and(abs((a <=> b) - c) <= 1e-5 AND abs((a <-> b) - l) <= 1e-5 * l AND abs((a <#> b) - i) <= 1e-5 * pg_temp.size(a, b)) FROM best;
RESET facesnxt.kernel_tier;

-- Exact cases.
SELECT '[3,4]'::embedding <-> '[0,0]' = 5, '[1,2,3]'::embedding <#> '[4,5,6]' = -32, inner_product('[1,2,3]', '[4,5,6]') = 32,
    '[1,0]'::embedding <=> '[0,1]' = 1, '[1,0]'::embedding <=> '[-1,0]' = 2, '[1,0]'::embedding <=> '[7,0]' = 0,
    norm('[3,4]') = 5, norm('[0]') = 0;

-- A zero vector is at a right angle to everything, itself included.
SELECT cosine_distance('[0,0]', '[1,2]') = 1, cosine_distance('[1,2]', '[-0,0]') = 1, cosine_distance('[0,0]', '[0,0]') = 1,
    cosine_similarity('[0,0]', '[0,0]') = 0, l2_distance('[0,0]', '[0,0]') = 0, inner_product('[0,0]', '[1,2]') = 0;

-- Magnitudes at which sums in float32 overflow or vanish.
SELECT cosine_distance('[3e38,3e38]', '[3e38,3e38]') < 1e-15, cosine_distance('[3e38,0]', '[-3e38,0]') = 2,
    abs(l2_distance('[3e38,0]', '[-3e38,0]') / 6e38 - 1) < 1e-6, abs(inner_product('[3e38,3e38]', '[3e38,3e38]') / 1.8e77 - 1) < 1e-6,
    abs(inner_product('[3e38,3e38]', '[3e38,-3e38]')) = 0, abs(norm('[3e38,0]') / 3e38 - 1) < 1e-6,
    cosine_distance('[1e-30,0]', '[1e-30,0]') = 0, cosine_distance('[1e-30,0]', '[0,1e-30]') = 1, cosine_distance('[1e-45]', '[-1e-45]') = 2,
    abs(l2_distance('[1e-30,0]', '[-1e-30,0]') / 2e-30 - 1) < 1e-6, abs(inner_product('[1e-30]', '[1e-30]') / 1e-60 - 1) < 1e-6,
    cosine_distance('[1e-30,1e-30]', '[3e38,3e38]') < 1e-15;

-- ---- normalize

SELECT bool_and(abs(norm(facesnxt.normalize(a)) - 1) < CASE facesnxt.precision(a) WHEN 'half' THEN 1e-3 ELSE 1e-6 END),
    bool_and((facesnxt.normalize(a) <=> a) < 1e-6 OR facesnxt.precision(a) = 'half'),
    bool_and(facesnxt.precision(facesnxt.normalize(a)) = facesnxt.precision(a))
FROM mixed;
SELECT facesnxt.normalize('[3,4]@0000000a')::text = '[0.6,0.8]@0000000a', facesnxt.normalize('[0,0]')::text = '[0,0]',
    facesnxt.normalize('[3e38,3e38]')::text = '[0.70710677,0.70710677]', facesnxt.normalize('[1e-45]')::text = '[1]';

-- ---- what cannot be compared

SELECT pg_temp.refused(format('SELECT %s', expression)) FROM (VALUES
    (1, $$'[1,2]'::facesnxt.embedding OPERATOR(facesnxt.<=>) '[1,2,3]'$$),
    (2, $$'[1,2]@0000000a'::facesnxt.embedding OPERATOR(facesnxt.<->) '[1,2]@0000000b'$$),
    (3, $$'[1,2]@0000000a'::facesnxt.embedding OPERATOR(facesnxt.<#>) '[1,2]'$$)
) AS cases(nr, expression) ORDER BY nr;
SELECT function, left(pg_temp.refused(format('SELECT facesnxt.%I(%L, %L)', function, '[1]', '[1,2]')), 5) = 'NX001',
    left(pg_temp.refused(format('SELECT facesnxt.%I(%L, %L)', function, '[1]@00000001', '[1]@00000002')), 5) = 'NX002'
FROM unnest(array['cosine_distance', 'cosine_similarity', 'l2_distance', 'inner_product', 'negative_inner_product']) AS function;
SELECT with_model('[1,0]', '0000000a') <=> '[1,0]@0000000a' = 0, cosine_distance(NULL, '[1]') IS NULL;

-- ---- as declared

SELECT oprname, oprcom::regoperator FROM pg_operator
WHERE oprleft = 'facesnxt.embedding'::regtype AND oprname IN ('<=>', '<->', '<#>') ORDER BY oprname COLLATE "C";
SELECT bool_and(provolatile = 'i' AND proisstrict AND proparallel = 's' AND NOT proleakproof) FROM pg_proc
WHERE pronamespace = 'facesnxt'::regnamespace AND proname = ANY (array['cosine_distance', 'cosine_similarity', 'l2_distance',
    'inner_product', 'negative_inner_product', 'norm', 'normalize', 'dimensions', 'model', 'with_model', 'precision']);
