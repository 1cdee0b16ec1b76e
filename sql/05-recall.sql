-- Many probes at once, and how often an index finds what it should.
--
-- Nothing here is for everyone: it reads the whole table.

CREATE FUNCTION facesnxt.search_many(
    index regclass, probes facesnxt.embedding[], rows bigint DEFAULT 50, greatest_distance double precision DEFAULT 'infinity')
    RETURNS TABLE (probe integer, "row" tid, distance double precision)
    AS 'MODULE_PATHNAME', 'facesnxt_search_many' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1000;
COMMENT ON FUNCTION facesnxt.search_many(regclass, facesnxt.embedding[], bigint, double precision) IS
    'for each probe, by its place in the array, the nearest rows by their ctid, none farther than the greatest distance; the codes of the index are read once for several probes';
REVOKE ALL ON FUNCTION facesnxt.search_many(regclass, facesnxt.embedding[], bigint, double precision) FROM PUBLIC;

CREATE FUNCTION facesnxt.disturb(template facesnxt.embedding, similarity double precision, seed bigint)
    RETURNS facesnxt.embedding
    AS 'MODULE_PATHNAME', 'facesnxt_disturb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.disturb(facesnxt.embedding, double precision, bigint) IS
    'a template of this cosine similarity to another one, in a direction that follows from the seed: a mate, for measurements';
REVOKE ALL ON FUNCTION facesnxt.disturb(facesnxt.embedding, double precision, bigint) FROM PUBLIC;

CREATE FUNCTION facesnxt.some_similarity(typical double precision, seed bigint) RETURNS double precision
    AS 'MODULE_PATHNAME', 'facesnxt_some_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION facesnxt.some_similarity(double precision, bigint) IS
    'how similar some mate is, which one follows from the seed, if mates typically are as similar as that, as facesnxt.mate_similarity has it';
REVOKE ALL ON FUNCTION facesnxt.some_similarity(double precision, bigint) FROM PUBLIC;

-- The two statements of index_recall(): a sample of the rows that an index
-- holds, and the nearest rows to a probe.
CREATE FUNCTION facesnxt.sample_query(index regclass, probes integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT array_agg(s.at), array_agg(s.template) FROM (SELECT t.* FROM (SELECT ctid AS at, %s AS template
        FROM %s TABLESAMPLE SYSTEM (%s)%s) t WHERE t.template IS NOT NULL ORDER BY random() LIMIT %s) s',
        pg_get_indexdef(index, 1, true), i.indrelid::regclass,
        -- ten pages for a probe
        least(1000 * probes / greatest(pg_relation_size(i.indrelid) / 8192.0, 1), 100),
        ' WHERE ' || pg_get_expr(i.indpred, i.indrelid), probes)
    FROM pg_index i WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION facesnxt.sample_query(regclass, integer) IS 'part of index_recall(): rows to try';
REVOKE ALL ON FUNCTION facesnxt.sample_query(regclass, integer) FROM PUBLIC;

CREATE FUNCTION facesnxt.nearest_query(index regclass, rows integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT array_agg(s.at) FROM (SELECT ctid AS at FROM %s%s ORDER BY %s OPERATOR(facesnxt.%s) $1 LIMIT %s) s',
        i.indrelid::regclass, ' WHERE ' || pg_get_expr(i.indpred, i.indrelid), pg_get_indexdef(index, 1, true),
        o.oprname, rows)
    FROM pg_index i
        JOIN pg_opclass c ON c.oid = i.indclass[0]
        JOIN pg_amop a ON a.amopfamily = c.opcfamily AND a.amoppurpose = 'o'
        JOIN pg_operator o ON o.oid = a.amopopr
    WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION facesnxt.nearest_query(regclass, integer) IS 'part of index_recall(): one search';
REVOKE ALL ON FUNCTION facesnxt.nearest_query(regclass, integer) FROM PUBLIC;

-- Rows of the table are disturbed to similarities about the typical one, and
-- searched for with the session's settings by the index and without it.
CREATE FUNCTION facesnxt.index_recall(
    index regclass, INOUT probes integer DEFAULT 100, rows integer DEFAULT 50,
    similarity double precision DEFAULT NULL,
    OUT found_by_index double precision, OUT found_by_scan double precision, OUT recall double precision,
    OUT share_of_codes double precision, OUT index_ms double precision, OUT exact_ms double precision)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_indexscan = on SET enable_sort = off SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    mates tid[];
    templates facesnxt.embedding[];
    entries bigint;
    probe facesnxt.embedding;
    search refcursor;
    began timestamptz;
    near tid[];
    truth tid[];
    same bigint := 0;
    wanted bigint := 0;
    hits integer := 0;
    exact_hits integer := 0;
    codes double precision := 0;
    index_times double precision[];
    exact_times double precision[];
BEGIN
    -- the first call of a session has no settings yet: it loads the library
    PERFORM facesnxt.forget_last_scan();
    similarity := coalesce(similarity, current_setting('facesnxt.mate_similarity')::double precision);
    IF probes IS NULL OR probes < 1 OR rows IS NULL OR rows < 1 THEN
        RAISE EXCEPTION 'probes and rows must be positive'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    entries := (facesnxt.index_info(index)).entries;
    EXECUTE facesnxt.sample_query(index, probes) INTO mates, templates;
    probes := coalesce(cardinality(mates), 0);
    FOR i IN 1 .. probes LOOP
        probe := facesnxt.disturb(templates[i], facesnxt.some_similarity(similarity, i), i);
        PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true),
            set_config('enable_sort', 'off', true);
        PERFORM facesnxt.forget_last_scan();
        OPEN search FOR EXECUTE facesnxt.nearest_query(index, rows) USING probe;
        began := clock_timestamp();
        FETCH search INTO near;
        index_times := index_times || extract(epoch FROM clock_timestamp() - began)::double precision * 1000;
        CLOSE search;
        IF (facesnxt.last_scan()).index IS DISTINCT FROM index THEN
            RAISE EXCEPTION 'the planner does not use index "%"', index
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Another index of the same template column may be in the way.';
        END IF;
        codes := codes + (facesnxt.last_scan()).codes;
        PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true),
            set_config('enable_sort', 'on', true);
        OPEN search FOR EXECUTE facesnxt.nearest_query(index, rows) USING probe;
        began := clock_timestamp();
        FETCH search INTO truth;
        exact_times := exact_times || extract(epoch FROM clock_timestamp() - began)::double precision * 1000;
        CLOSE search;
        hits := hits + (mates[i] = ANY (near))::integer;
        exact_hits := exact_hits + (mates[i] = ANY (truth))::integer;
        same := same + (SELECT count(*) FROM unnest(near) n WHERE n = ANY (truth));
        wanted := wanted + cardinality(truth);
    END LOOP;
    found_by_index := hits::double precision / nullif(probes, 0);
    found_by_scan := exact_hits::double precision / nullif(probes, 0);
    recall := same::double precision / nullif(wanted, 0);
    share_of_codes := codes / nullif(probes, 0) / nullif(entries, 0);
    index_ms := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(index_times) t);
    exact_ms := (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(exact_times) t);
END
$$;
COMMENT ON FUNCTION facesnxt.index_recall(regclass, integer, integer, double precision) IS
    'how often the index finds a row by a probe that is as similar to it as mates are who typically have this similarity (facesnxt.mate_similarity), with the session''s settings, and how often the exact scan does; the share of the exact scan''s rows that the index returns; medians of the times to execute';
REVOKE ALL ON FUNCTION facesnxt.index_recall(regclass, integer, integer, double precision) FROM PUBLIC;
