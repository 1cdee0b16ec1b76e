-- The type facesnxt.embedding: a face template. Type, input and output, casts.
--
-- Nothing here is revoked from PUBLIC: these functions compute on the values
-- that they are given and read no table. Who may see a template is decided by
-- the privileges on the tables that hold templates.

CREATE TYPE facesnxt.embedding;

CREATE FUNCTION facesnxt.embedding_in(cstring, oid, integer) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION facesnxt.embedding_in(cstring, oid, integer) IS 'input of embedding';

CREATE FUNCTION facesnxt.embedding_out(facesnxt.embedding) RETURNS cstring
    AS 'MODULE_PATHNAME', 'embedding_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION facesnxt.embedding_out(facesnxt.embedding) IS 'output of embedding';

CREATE FUNCTION facesnxt.embedding_recv(internal, oid, integer) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_recv(internal, oid, integer) IS 'binary input of embedding';

CREATE FUNCTION facesnxt.embedding_send(facesnxt.embedding) RETURNS bytea
    AS 'MODULE_PATHNAME', 'embedding_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION facesnxt.embedding_send(facesnxt.embedding) IS 'binary output of embedding';

CREATE FUNCTION facesnxt.embedding_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'embedding_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_typmod_in(cstring[]) IS 'input of the type modifier of embedding';

CREATE FUNCTION facesnxt.embedding_typmod_out(integer) RETURNS cstring
    AS 'MODULE_PATHNAME', 'embedding_typmod_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_typmod_out(integer) IS 'output of the type modifier of embedding';

CREATE FUNCTION facesnxt.embedding_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'embedding_typanalyze' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_typanalyze(internal) IS
    'statistics of a column of templates: share of NULLs and width, never a value';

-- Storage main: compressing templates gains nothing, and of a row too wide for
-- its page they are moved out last, so that a scan reads them in place. A
-- 512-dimensional half template takes 1,036 bytes.
CREATE TYPE facesnxt.embedding (
    INPUT = facesnxt.embedding_in,
    OUTPUT = facesnxt.embedding_out,
    RECEIVE = facesnxt.embedding_recv,
    SEND = facesnxt.embedding_send,
    TYPMOD_IN = facesnxt.embedding_typmod_in,
    TYPMOD_OUT = facesnxt.embedding_typmod_out,
    ANALYZE = facesnxt.embedding_typanalyze,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = main
);
COMMENT ON TYPE facesnxt.embedding IS
    'face template of 1 to 16,000 elements: embedding(dim) in float32, embedding(dim, half) in float16';

-- ---- casts
--
-- Arrays and templates turn into each other on assignment: an implicit cast
-- would let an array function take a template and lose its model unnoticed.
-- What is in a bytea has to be said, so those casts are explicit.

CREATE FUNCTION facesnxt.embedding(facesnxt.embedding, integer, boolean) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_to_embedding' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding(facesnxt.embedding, integer, boolean) IS
    'fit a template to a type modifier: the dimension must be right, the precision is converted';
CREATE CAST (facesnxt.embedding AS facesnxt.embedding)
    WITH FUNCTION facesnxt.embedding(facesnxt.embedding, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (facesnxt.embedding AS facesnxt.embedding) IS 'fit a template to a type modifier';

CREATE FUNCTION facesnxt.embedding(real[], integer, boolean) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_of_real_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding(real[], integer, boolean) IS 'template of the numbers of an array, model not stated';
CREATE CAST (real[] AS facesnxt.embedding)
    WITH FUNCTION facesnxt.embedding(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS facesnxt.embedding) IS 'template of the numbers of an array, model not stated';

CREATE FUNCTION facesnxt.embedding(double precision[], integer, boolean) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_of_double_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding(double precision[], integer, boolean) IS
    'template of the numbers of an array, rounded to float32, model not stated';
CREATE CAST (double precision[] AS facesnxt.embedding)
    WITH FUNCTION facesnxt.embedding(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS facesnxt.embedding) IS
    'template of the numbers of an array, rounded to float32, model not stated';

CREATE FUNCTION facesnxt.embedding(bytea, integer, boolean) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_of_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding(bytea, integer, boolean) IS
    'template of little-endian float32 numbers, model not stated';
CREATE CAST (bytea AS facesnxt.embedding)
    WITH FUNCTION facesnxt.embedding(bytea, integer, boolean);
COMMENT ON CAST (bytea AS facesnxt.embedding) IS 'template of little-endian float32 numbers, model not stated';

CREATE FUNCTION facesnxt.embedding_to_real_array(facesnxt.embedding) RETURNS real[]
    AS 'MODULE_PATHNAME', 'embedding_to_real_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_to_real_array(facesnxt.embedding) IS 'elements of a template';
CREATE CAST (facesnxt.embedding AS real[])
    WITH FUNCTION facesnxt.embedding_to_real_array(facesnxt.embedding) AS ASSIGNMENT;
COMMENT ON CAST (facesnxt.embedding AS real[]) IS 'elements of a template';

CREATE FUNCTION facesnxt.embedding_to_double_array(facesnxt.embedding) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'embedding_to_double_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_to_double_array(facesnxt.embedding) IS 'elements of a template';
CREATE CAST (facesnxt.embedding AS double precision[])
    WITH FUNCTION facesnxt.embedding_to_double_array(facesnxt.embedding) AS ASSIGNMENT;
COMMENT ON CAST (facesnxt.embedding AS double precision[]) IS 'elements of a template';

CREATE FUNCTION facesnxt.embedding_to_bytea(facesnxt.embedding) RETURNS bytea
    AS 'MODULE_PATHNAME', 'embedding_to_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.embedding_to_bytea(facesnxt.embedding) IS
    'elements of a template as little-endian float32 numbers';
CREATE CAST (facesnxt.embedding AS bytea)
    WITH FUNCTION facesnxt.embedding_to_bytea(facesnxt.embedding);
COMMENT ON CAST (facesnxt.embedding AS bytea) IS 'elements of a template as little-endian float32 numbers';

-- ---- what a template says about itself

CREATE FUNCTION facesnxt.dimensions(facesnxt.embedding) RETURNS integer
    AS 'MODULE_PATHNAME', 'embedding_dimensions' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.dimensions(facesnxt.embedding) IS 'number of elements of a template';

-- PRECISION and NORMALIZE are keywords: these two functions need the schema.
CREATE FUNCTION facesnxt.precision(facesnxt.embedding) RETURNS text
    AS 'MODULE_PATHNAME', 'embedding_precision' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.precision(facesnxt.embedding) IS
    'float or half; to be called with the schema, as PRECISION is a keyword';

CREATE FUNCTION facesnxt.model(facesnxt.embedding) RETURNS text
    AS 'MODULE_PATHNAME', 'embedding_model' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.model(facesnxt.embedding) IS
    'fingerprint of the model that made a template, eight hexadecimal digits; NULL when it is not stated';

CREATE FUNCTION facesnxt.with_model(facesnxt.embedding, text) RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'embedding_with_model' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.with_model(facesnxt.embedding, text) IS
    'the template with this fingerprint as its model; 00000000 states none';
