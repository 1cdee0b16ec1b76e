-- Many templates against each other, and intervals of what is counted.

CREATE FUNCTION facesnxt.same_faces(templates facesnxt.embedding[], threshold double precision) RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'facesnxt_same_faces';
COMMENT ON FUNCTION facesnxt.same_faces(facesnxt.embedding[], double precision) IS
'For each template, in the order given, the place of the first that stands for its face: the first that it is as similar to as the threshold, else itself';
REVOKE ALL ON FUNCTION facesnxt.same_faces(facesnxt.embedding[], double precision) FROM PUBLIC;

CREATE FUNCTION facesnxt.like_faces(a facesnxt.embedding[], b facesnxt.embedding[], threshold double precision)
RETURNS TABLE (a_place integer, b_place integer, similarity double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'facesnxt_like_faces';
COMMENT ON FUNCTION facesnxt.like_faces(facesnxt.embedding[], facesnxt.embedding[], double precision) IS
'Pairs of a template of one array and one of the other, by their places, that are at least as similar as the threshold';
REVOKE ALL ON FUNCTION facesnxt.like_faces(facesnxt.embedding[], facesnxt.embedding[], double precision) FROM PUBLIC;

CREATE FUNCTION facesnxt.score_counts(templates facesnxt.embedding[], persons integer[], bins integer) RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'facesnxt_score_counts';
COMMENT ON FUNCTION facesnxt.score_counts(facesnxt.embedding[], integer[], integer) IS
'Of all pairs of templates of different persons, how many are at least as similar as the lower edge of each of so many equal parts of -1 to 1';
REVOKE ALL ON FUNCTION facesnxt.score_counts(facesnxt.embedding[], integer[], integer) FROM PUBLIC;

-- Wilson's score interval of a share.
CREATE FUNCTION facesnxt.wilson(hits bigint, trials bigint, z double precision DEFAULT 1.959964,
    OUT low double precision, OUT high double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT greatest(0, (p + z2 / (2 * n) - w) / (1 + z2 / n)), least(1, (p + z2 / (2 * n) + w) / (1 + z2 / n))
    FROM (SELECT $1::double precision / nullif($2, 0) AS p, nullif($2, 0)::double precision AS n, $3 * $3 AS z2) v,
        LATERAL (SELECT $3 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) AS w) u
$$;
COMMENT ON FUNCTION facesnxt.wilson(bigint, bigint, double precision) IS
'Wilson''s score interval of hits among trials, 95 % unless another normal quantile is given; NULL of no trials';
REVOKE ALL ON FUNCTION facesnxt.wilson(bigint, bigint, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.wilson(bigint, bigint, double precision) TO facesnxt_auditor;
