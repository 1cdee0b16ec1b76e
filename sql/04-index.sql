-- The access method facescan: templates in the order of their distance to a
-- probe, with filter columns.

CREATE FUNCTION facesnxt.facescan_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'facesnxt_facescan_handler' LANGUAGE C;
COMMENT ON FUNCTION facesnxt.facescan_handler(internal) IS 'handler of the access method facescan';

CREATE ACCESS METHOD facescan TYPE INDEX HANDLER facesnxt.facescan_handler;
COMMENT ON ACCESS METHOD facescan IS 'face templates by distance: every code is scanned, so no mate is missed';

-- ---- the first column: the template, and by which distance it is ordered

CREATE FUNCTION facesnxt.metric_cosine() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_metric_cosine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.metric_cosine() IS 'support function of embedding_cosine_ops';
CREATE FUNCTION facesnxt.metric_l2() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_metric_l2' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.metric_l2() IS 'support function of embedding_l2_ops';
CREATE FUNCTION facesnxt.metric_inner() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_metric_inner' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.metric_inner() IS 'support function of embedding_ip_ops';

-- ---- a greatest distance: the function is what is written, the operator what an index knows

CREATE TYPE facesnxt.probe_range AS (probe facesnxt.embedding, distance double precision);
COMMENT ON TYPE facesnxt.probe_range IS 'a probe and the greatest cosine distance from it';

CREATE FUNCTION facesnxt.within_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'facesnxt_within_support' LANGUAGE C STRICT;
COMMENT ON FUNCTION facesnxt.within_support(internal) IS 'planner support of within';
CREATE FUNCTION facesnxt.within(template facesnxt.embedding, probe facesnxt.embedding, distance double precision)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'facesnxt_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    SUPPORT facesnxt.within_support;
COMMENT ON FUNCTION facesnxt.within(facesnxt.embedding, facesnxt.embedding, double precision) IS
    'whether the cosine distance of two templates is at most this; a facescan index finds those that are';
CREATE FUNCTION facesnxt.within_range(facesnxt.embedding, facesnxt.probe_range) RETURNS boolean
    AS 'MODULE_PATHNAME', 'facesnxt_within_range' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.within_range(facesnxt.embedding, facesnxt.probe_range) IS
    'implementation of <@ operator';
CREATE OPERATOR facesnxt.<@ (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.probe_range, FUNCTION = facesnxt.within_range,
    RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR facesnxt.<@ (facesnxt.embedding, facesnxt.probe_range) IS 'within a range; write within()';

CREATE TYPE facesnxt.probe_range_l2 AS (probe facesnxt.embedding, distance double precision);
COMMENT ON TYPE facesnxt.probe_range_l2 IS 'a probe and the greatest Euclidean distance from it';

CREATE FUNCTION facesnxt.within_l2_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'facesnxt_within_l2_support' LANGUAGE C STRICT;
COMMENT ON FUNCTION facesnxt.within_l2_support(internal) IS 'planner support of within_l2';
CREATE FUNCTION facesnxt.within_l2(template facesnxt.embedding, probe facesnxt.embedding, distance double precision)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'facesnxt_within_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
    SUPPORT facesnxt.within_l2_support;
COMMENT ON FUNCTION facesnxt.within_l2(facesnxt.embedding, facesnxt.embedding, double precision) IS
    'whether the Euclidean distance of two templates is at most this; a facescan index finds those that are';
CREATE FUNCTION facesnxt.within_range_l2(facesnxt.embedding, facesnxt.probe_range_l2) RETURNS boolean
    AS 'MODULE_PATHNAME', 'facesnxt_within_range_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION facesnxt.within_range_l2(facesnxt.embedding, facesnxt.probe_range_l2) IS
    'implementation of <@ operator';
CREATE OPERATOR facesnxt.<@ (
    LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.probe_range_l2, FUNCTION = facesnxt.within_range_l2,
    RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR facesnxt.<@ (facesnxt.embedding, facesnxt.probe_range_l2) IS 'within a range; write within_l2()';

CREATE OPERATOR CLASS facesnxt.embedding_cosine_ops DEFAULT FOR TYPE facesnxt.embedding USING facescan AS
    OPERATOR 1 facesnxt.<=> (facesnxt.embedding, facesnxt.embedding) FOR ORDER BY pg_catalog.float_ops,
    OPERATOR 2 facesnxt.<@ (facesnxt.embedding, facesnxt.probe_range),
    FUNCTION 1 (facesnxt.embedding) facesnxt.metric_cosine();
COMMENT ON OPERATOR CLASS facesnxt.embedding_cosine_ops USING facescan IS 'order by cosine distance';

CREATE OPERATOR CLASS facesnxt.embedding_l2_ops FOR TYPE facesnxt.embedding USING facescan AS
    OPERATOR 1 facesnxt.<-> (facesnxt.embedding, facesnxt.embedding) FOR ORDER BY pg_catalog.float_ops,
    OPERATOR 2 facesnxt.<@ (facesnxt.embedding, facesnxt.probe_range_l2),
    FUNCTION 1 (facesnxt.embedding) facesnxt.metric_l2();
COMMENT ON OPERATOR CLASS facesnxt.embedding_l2_ops USING facescan IS 'order by Euclidean distance';

CREATE OPERATOR CLASS facesnxt.embedding_ip_ops FOR TYPE facesnxt.embedding USING facescan AS
    OPERATOR 1 facesnxt.<#> (facesnxt.embedding, facesnxt.embedding) FOR ORDER BY pg_catalog.float_ops,
    FUNCTION 1 (facesnxt.embedding) facesnxt.metric_inner();
COMMENT ON OPERATOR CLASS facesnxt.embedding_ip_ops USING facescan IS 'order by negative inner product';

-- ---- further columns: what a scan is restricted to
--
-- Support function 2 says how a value is stored. Types with an order take
-- ranges; text is stored as a hash and takes = alone.

CREATE FUNCTION facesnxt.filter_signed() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_filter_signed' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.filter_signed() IS 'support function of filter columns: stored as a signed number';
CREATE FUNCTION facesnxt.filter_unsigned() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_filter_unsigned' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.filter_unsigned() IS 'support function of filter columns: stored as an unsigned number';
CREATE FUNCTION facesnxt.filter_prefix() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_filter_prefix' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.filter_prefix() IS 'support function of filter columns: the first eight bytes are stored';
CREATE FUNCTION facesnxt.filter_hash() RETURNS integer
    AS 'MODULE_PATHNAME', 'facesnxt_filter_hash' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.filter_hash() IS 'support function of filter columns: a hash is stored';

-- Integers of all sizes are one family: a smallint column takes `= 5` as well.
CREATE OPERATOR FAMILY facesnxt.facescan_integer_ops USING facescan;
COMMENT ON OPERATOR FAMILY facesnxt.facescan_integer_ops USING facescan IS 'filter columns of integers';

CREATE OPERATOR CLASS facesnxt.facescan_int2_ops DEFAULT FOR TYPE smallint USING facescan
    FAMILY facesnxt.facescan_integer_ops AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_int2_ops USING facescan IS 'filter column of type smallint';

CREATE OPERATOR CLASS facesnxt.facescan_int4_ops DEFAULT FOR TYPE integer USING facescan
    FAMILY facesnxt.facescan_integer_ops AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_int4_ops USING facescan IS 'filter column of type integer';

CREATE OPERATOR CLASS facesnxt.facescan_int8_ops DEFAULT FOR TYPE bigint USING facescan
    FAMILY facesnxt.facescan_integer_ops AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_int8_ops USING facescan IS 'filter column of type bigint';

ALTER OPERATOR FAMILY facesnxt.facescan_integer_ops USING facescan ADD
    OPERATOR 1 pg_catalog.< (smallint, integer), OPERATOR 2 pg_catalog.<= (smallint, integer), OPERATOR 3 pg_catalog.= (smallint, integer), OPERATOR 4 pg_catalog.>= (smallint, integer), OPERATOR 5 pg_catalog.> (smallint, integer),
    OPERATOR 1 pg_catalog.< (smallint, bigint), OPERATOR 2 pg_catalog.<= (smallint, bigint), OPERATOR 3 pg_catalog.= (smallint, bigint), OPERATOR 4 pg_catalog.>= (smallint, bigint), OPERATOR 5 pg_catalog.> (smallint, bigint),
    OPERATOR 1 pg_catalog.< (integer, smallint), OPERATOR 2 pg_catalog.<= (integer, smallint), OPERATOR 3 pg_catalog.= (integer, smallint), OPERATOR 4 pg_catalog.>= (integer, smallint), OPERATOR 5 pg_catalog.> (integer, smallint),
    OPERATOR 1 pg_catalog.< (integer, bigint), OPERATOR 2 pg_catalog.<= (integer, bigint), OPERATOR 3 pg_catalog.= (integer, bigint), OPERATOR 4 pg_catalog.>= (integer, bigint), OPERATOR 5 pg_catalog.> (integer, bigint),
    OPERATOR 1 pg_catalog.< (bigint, smallint), OPERATOR 2 pg_catalog.<= (bigint, smallint), OPERATOR 3 pg_catalog.= (bigint, smallint), OPERATOR 4 pg_catalog.>= (bigint, smallint), OPERATOR 5 pg_catalog.> (bigint, smallint),
    OPERATOR 1 pg_catalog.< (bigint, integer), OPERATOR 2 pg_catalog.<= (bigint, integer), OPERATOR 3 pg_catalog.= (bigint, integer), OPERATOR 4 pg_catalog.>= (bigint, integer), OPERATOR 5 pg_catalog.> (bigint, integer);

CREATE OPERATOR CLASS facesnxt.facescan_date_ops DEFAULT FOR TYPE date USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_date_ops USING facescan IS 'filter column of type date';

CREATE OPERATOR CLASS facesnxt.facescan_timestamp_ops DEFAULT FOR TYPE timestamp USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_timestamp_ops USING facescan IS 'filter column of type timestamp';

CREATE OPERATOR CLASS facesnxt.facescan_timestamptz_ops DEFAULT FOR TYPE timestamptz USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_signed();
COMMENT ON OPERATOR CLASS facesnxt.facescan_timestamptz_ops USING facescan IS 'filter column of type timestamptz';

CREATE OPERATOR CLASS facesnxt.facescan_oid_ops DEFAULT FOR TYPE oid USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_unsigned();
COMMENT ON OPERATOR CLASS facesnxt.facescan_oid_ops USING facescan IS 'filter column of type oid';

CREATE OPERATOR CLASS facesnxt.facescan_bool_ops DEFAULT FOR TYPE boolean USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_unsigned();
COMMENT ON OPERATOR CLASS facesnxt.facescan_bool_ops USING facescan IS 'filter column of type boolean';

CREATE OPERATOR CLASS facesnxt.facescan_char_ops DEFAULT FOR TYPE "char" USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_unsigned();
COMMENT ON OPERATOR CLASS facesnxt.facescan_char_ops USING facescan IS 'filter column of type "char"';

CREATE OPERATOR CLASS facesnxt.facescan_enum_ops DEFAULT FOR TYPE anyenum USING facescan AS
    OPERATOR 3 pg_catalog.=,
    FUNCTION 2 facesnxt.filter_unsigned();
COMMENT ON OPERATOR CLASS facesnxt.facescan_enum_ops USING facescan IS 'filter column of type enum: = alone';

CREATE OPERATOR CLASS facesnxt.facescan_uuid_ops DEFAULT FOR TYPE uuid USING facescan AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 2 facesnxt.filter_prefix();
COMMENT ON OPERATOR CLASS facesnxt.facescan_uuid_ops USING facescan IS 'filter column of type uuid';

CREATE OPERATOR CLASS facesnxt.facescan_text_ops DEFAULT FOR TYPE text USING facescan AS
    OPERATOR 3 pg_catalog.=,
    FUNCTION 2 facesnxt.filter_hash();
COMMENT ON OPERATOR CLASS facesnxt.facescan_text_ops USING facescan IS 'filter column of type text, as a hash: = alone';

-- ---- what an index and a scan say of themselves
--
-- Nothing here is for everyone: the counts include rows that a policy hides.

CREATE FUNCTION facesnxt.last_scan(
    OUT index regclass, OUT lists bigint, OUT pages bigint, OUT codes bigint, OUT survivors bigint, OUT middle bigint,
    OUT refined bigint, OUT fetched bigint, OUT returned bigint, OUT late bigint, OUT rounds integer,
    OUT every_code boolean, OUT workers integer, OUT deviations real)
    AS 'MODULE_PATHNAME', 'facesnxt_last_scan' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION facesnxt.last_scan() IS
    'what the last facescan scan of this session did: lists and code pages read; codes scored, survivors of the pass, codes bounded by their second and by all bits; rows fetched, returned, and returned later than their distance says; workers that shared the pass; how many standard deviations bounds lay above estimates, NULL where codes were left out; NULL before the first';
REVOKE ALL ON FUNCTION facesnxt.last_scan() FROM PUBLIC;
CREATE FUNCTION facesnxt.forget_last_scan() RETURNS void
    AS 'MODULE_PATHNAME', 'facesnxt_forget_last_scan' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION facesnxt.forget_last_scan() IS 'makes last_scan() NULL, so that what it says afterwards is of a later scan';
REVOKE ALL ON FUNCTION facesnxt.forget_last_scan() FROM PUBLIC;

CREATE FUNCTION facesnxt.index_info(
    index regclass, OUT version integer, OUT metric text, OUT dimension integer, OUT model text,
    OUT bits integer, OUT lists integer, OUT filter_columns integer, OUT entries bigint, OUT without_code bigint,
    OUT tail bigint, OUT free bigint, OUT code_pages bigint, OUT pages bigint, OUT bytes bigint, OUT calibration jsonb)
    AS 'MODULE_PATHNAME', 'facesnxt_index_info' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.index_info(regclass) IS
    'a facescan index: format version, metric, dimension, model, bits a dimension, lists; entries, those of them without a code (NULL, zero and like templates) and those in no list (every scan reads them; REINDEX puts them into lists), free slots, code pages, pages and bytes in all; with lists, for each similarity of a mate and each recall the share of the codes that is read';
REVOKE ALL ON FUNCTION facesnxt.index_info(regclass) FROM PUBLIC;

CREATE FUNCTION facesnxt.index_check(index regclass) RETURNS TABLE (block bigint, problem text)
    AS 'MODULE_PATHNAME', 'facesnxt_index_check' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION facesnxt.index_check(regclass) IS
    'checks the structure of a facescan index and every visible row of its table against it; no row returned means no problem found';
REVOKE ALL ON FUNCTION facesnxt.index_check(regclass) FROM PUBLIC;
