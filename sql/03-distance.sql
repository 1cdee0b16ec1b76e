-- Distances, order and fusion of templates.
--
-- Two templates are compared only if dimension (else NX001) and model (else
-- NX002) are equal; their precisions may differ. PUBLIC may call all of it,
-- for the reason given with the type.

-- ---- distances

CREATE FUNCTION facesnxt.cosine_similarity(facesnxt.embedding, facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_sql_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.cosine_similarity(facesnxt.embedding, facesnxt.embedding) IS
    'cosine of the angle between two templates, -1 to 1; 0 when one is a zero vector';

CREATE FUNCTION facesnxt.cosine_distance(facesnxt.embedding, facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_sql_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.cosine_distance(facesnxt.embedding, facesnxt.embedding) IS
    '1 - cosine similarity, 0 to 2; 1 when one is a zero vector, also of a zero vector to itself';

CREATE FUNCTION facesnxt.l2_distance(facesnxt.embedding, facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_sql_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.l2_distance(facesnxt.embedding, facesnxt.embedding) IS 'Euclidean distance of two templates';

CREATE FUNCTION facesnxt.inner_product(facesnxt.embedding, facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_sql_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.inner_product(facesnxt.embedding, facesnxt.embedding) IS 'inner product of two templates';

CREATE FUNCTION facesnxt.negative_inner_product(facesnxt.embedding, facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_sql_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.negative_inner_product(facesnxt.embedding, facesnxt.embedding) IS
    'inner product with the sign changed, so that the nearest sorts first';

CREATE OPERATOR facesnxt.<=> (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding,
    FUNCTION = facesnxt.cosine_distance, COMMUTATOR = OPERATOR(facesnxt.<=>)
);
COMMENT ON OPERATOR facesnxt.<=> (facesnxt.embedding, facesnxt.embedding) IS 'cosine distance';

CREATE OPERATOR facesnxt.<-> (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding,
    FUNCTION = facesnxt.l2_distance, COMMUTATOR = OPERATOR(facesnxt.<->)
);
COMMENT ON OPERATOR facesnxt.<-> (facesnxt.embedding, facesnxt.embedding) IS 'Euclidean distance';

CREATE OPERATOR facesnxt.<#> (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding,
    FUNCTION = facesnxt.negative_inner_product, COMMUTATOR = OPERATOR(facesnxt.<#>)
);
COMMENT ON OPERATOR facesnxt.<#> (facesnxt.embedding, facesnxt.embedding) IS 'negative inner product';

CREATE FUNCTION facesnxt.norm(facesnxt.embedding) RETURNS double precision
    AS 'MODULE_PATHNAME', 'embedding_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.norm(facesnxt.embedding) IS 'Euclidean length of a template';

CREATE FUNCTION facesnxt.normalize(facesnxt.embedding) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.normalize(facesnxt.embedding) IS
    'the template scaled to length 1, a zero vector as it is; to be called with the schema, as NORMALIZE is a keyword';

-- ---- order: dimension, then elements by value, then model

CREATE FUNCTION facesnxt.embedding_lt(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_lt(facesnxt.embedding, facesnxt.embedding) IS 'implementation of < operator';

CREATE FUNCTION facesnxt.embedding_le(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_le(facesnxt.embedding, facesnxt.embedding) IS 'implementation of <= operator';

CREATE FUNCTION facesnxt.embedding_eq(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_eq(facesnxt.embedding, facesnxt.embedding) IS 'implementation of = operator';

CREATE FUNCTION facesnxt.embedding_ne(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_ne(facesnxt.embedding, facesnxt.embedding) IS 'implementation of <> operator';

CREATE FUNCTION facesnxt.embedding_ge(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_ge(facesnxt.embedding, facesnxt.embedding) IS 'implementation of >= operator';

CREATE FUNCTION facesnxt.embedding_gt(facesnxt.embedding, facesnxt.embedding) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_gt(facesnxt.embedding, facesnxt.embedding) IS 'implementation of > operator';

CREATE FUNCTION facesnxt.embedding_cmp(facesnxt.embedding, facesnxt.embedding) RETURNS integer
    AS 'MODULE_PATHNAME', 'embedding_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_cmp(facesnxt.embedding, facesnxt.embedding) IS
    'less-equal-greater: dimension, then elements by value, then model';

CREATE FUNCTION facesnxt.embedding_hash(facesnxt.embedding) RETURNS integer
    AS 'MODULE_PATHNAME', 'embedding_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_hash(facesnxt.embedding) IS 'hash';

CREATE FUNCTION facesnxt.embedding_hash_extended(facesnxt.embedding, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'embedding_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_hash_extended(facesnxt.embedding, bigint) IS 'hash with a seed';

CREATE OPERATOR facesnxt.< (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_lt,
    COMMUTATOR = OPERATOR(facesnxt.>), NEGATOR = OPERATOR(facesnxt.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR facesnxt.< (facesnxt.embedding, facesnxt.embedding) IS 'less than';

CREATE OPERATOR facesnxt.<= (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_le,
    COMMUTATOR = OPERATOR(facesnxt.>=), NEGATOR = OPERATOR(facesnxt.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR facesnxt.<= (facesnxt.embedding, facesnxt.embedding) IS 'less than or equal';

CREATE OPERATOR facesnxt.= (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_eq,
    COMMUTATOR = OPERATOR(facesnxt.=), NEGATOR = OPERATOR(facesnxt.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR facesnxt.= (facesnxt.embedding, facesnxt.embedding) IS
    'equal: same dimension, values and model, in any precision';

CREATE OPERATOR facesnxt.<> (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_ne,
    COMMUTATOR = OPERATOR(facesnxt.<>), NEGATOR = OPERATOR(facesnxt.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR facesnxt.<> (facesnxt.embedding, facesnxt.embedding) IS 'not equal';

CREATE OPERATOR facesnxt.>= (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_ge,
    COMMUTATOR = OPERATOR(facesnxt.<=), NEGATOR = OPERATOR(facesnxt.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR facesnxt.>= (facesnxt.embedding, facesnxt.embedding) IS 'greater than or equal';

CREATE OPERATOR facesnxt.> (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = facesnxt.embedding_gt,
    COMMUTATOR = OPERATOR(facesnxt.<), NEGATOR = OPERATOR(facesnxt.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR facesnxt.> (facesnxt.embedding, facesnxt.embedding) IS 'greater than';

CREATE OPERATOR CLASS facesnxt.embedding_btree_ops DEFAULT FOR TYPE facesnxt.embedding USING btree AS
    OPERATOR 1 facesnxt.<, OPERATOR 2 facesnxt.<=, OPERATOR 3 facesnxt.=,
    OPERATOR 4 facesnxt.>=, OPERATOR 5 facesnxt.>,
    FUNCTION 1 facesnxt.embedding_cmp(facesnxt.embedding, facesnxt.embedding);
COMMENT ON OPERATOR CLASS facesnxt.embedding_btree_ops USING btree IS
    'total order of templates, for sorting and DISTINCT; nearness is not in it';

CREATE OPERATOR CLASS facesnxt.embedding_hash_ops DEFAULT FOR TYPE facesnxt.embedding USING hash AS
    OPERATOR 1 facesnxt.=,
    FUNCTION 1 facesnxt.embedding_hash(facesnxt.embedding),
    FUNCTION 2 facesnxt.embedding_hash_extended(facesnxt.embedding, bigint);
COMMENT ON OPERATOR CLASS facesnxt.embedding_hash_ops USING hash IS 'equality of templates';

-- ---- fusion

CREATE FUNCTION facesnxt.embedding_avg_accum(internal, facesnxt.embedding) RETURNS internal
    AS 'MODULE_PATHNAME', 'embedding_avg_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_avg_accum(internal, facesnxt.embedding) IS 'aggregate transition function';

CREATE FUNCTION facesnxt.embedding_avg_combine(internal, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'embedding_avg_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_avg_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION facesnxt.embedding_avg_serialize(internal) RETURNS bytea
    AS 'MODULE_PATHNAME', 'embedding_avg_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_avg_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION facesnxt.embedding_avg_deserialize(bytea, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'embedding_avg_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_avg_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION facesnxt.embedding_avg_final(internal) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_avg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION facesnxt.embedding_avg_final(internal) IS 'aggregate final function';

-- The state of a 512-dimensional template takes 4 kB; the planner is told, so
-- that it does not hash millions of groups.
CREATE AGGREGATE facesnxt.avg(facesnxt.embedding) (
    SFUNC = facesnxt.embedding_avg_accum,
    STYPE = internal,
    SSPACE = 4200,
    FINALFUNC = facesnxt.embedding_avg_final,
    COMBINEFUNC = facesnxt.embedding_avg_combine,
    SERIALFUNC = facesnxt.embedding_avg_serialize,
    DESERIALFUNC = facesnxt.embedding_avg_deserialize,
    PARALLEL = safe
);
COMMENT ON AGGREGATE facesnxt.avg(facesnxt.embedding) IS
    'template fusion: the mean of templates, not normalized; half if all are half, else float32; NULL of none';
