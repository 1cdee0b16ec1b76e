-- The search itself, 1:N: photograph or template in, logged candidate list out.

-- Whether by an index (facesnxt.index_references()) or by a scan of the table
-- is the planner's choice. The comparison stands in the output and not in the
-- filter: it is made after the filter has left out templates of other models.
-- The model is written out, as a partial index wants to see it.
CREATE FUNCTION facesnxt.nearest(
    probe facesnxt.embedding, repositories facesnxt.repository[], places bigint)
RETURNS TABLE (person_id uuid, reference_id uuid, repository text, score real)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT r.person_id, r.reference_id, r.repository::text, (1 - (r.template OPERATOR(facesnxt.<=>) $1))::real
         FROM facesnxt.reference r
         WHERE r.model = %L AND r.repository = ANY ($2)
         ORDER BY r.template OPERATOR(facesnxt.<=>) $1
         LIMIT $3', coalesce(facesnxt.model(probe), '00000000'))
    USING probe, repositories, places;
END
$$;
COMMENT ON FUNCTION facesnxt.nearest(facesnxt.embedding, facesnxt.repository[], bigint) IS
'The most similar references of the probe''s model';
REVOKE ALL ON FUNCTION facesnxt.nearest(facesnxt.embedding, facesnxt.repository[], bigint) FROM PUBLIC;

-- References stand in the total order score, person, reference. In it the
-- first row of a person is its best, and the first k different persons are the
-- k best ones: so a prefix of that order with k persons in it is enough, and is
-- asked for until it has them. What was fetched is a prefix but for those that
-- have the last one's score, of which there may be more.
CREATE FUNCTION facesnxt.rank_persons(
    probe facesnxt.embedding, repositories facesnxt.repository[], candidates int, threshold real)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    places bigint := candidates + greatest(candidates, 20);
    fetched bigint;
    persons bigint;
    list jsonb;
BEGIN
    LOOP
        WITH found AS MATERIALIZED (
            SELECT * FROM facesnxt.nearest(probe, repositories, places)
        ), sure AS (
            SELECT f.*, row_number() OVER (ORDER BY f.score DESC, f.person_id, f.reference_id) AS position
            FROM found f
            WHERE (SELECT count(*) FROM found) < places OR f.score > (SELECT min(l.score) FROM found l)
        ), best AS (
            SELECT DISTINCT ON (s.person_id) s.* FROM sure s ORDER BY s.person_id, s.position
        ), ranked AS (
            SELECT b.*, row_number() OVER (ORDER BY b.position) AS rank FROM best b
        )
        SELECT count(*), (SELECT count(*) FROM found),
            coalesce(jsonb_agg(jsonb_build_object('rank', r.rank, 'person_id', r.person_id,
                'reference_id', r.reference_id, 'repository', r.repository, 'score', r.score) ORDER BY r.rank)
                FILTER (WHERE r.rank <= candidates AND (threshold IS NULL OR r.score >= threshold)), '[]')
        INTO persons, fetched, list
        FROM ranked r;
        EXIT WHEN persons >= candidates OR fetched < places;
        places := places * 4;
    END LOOP;
    RETURN list;
END
$$;
COMMENT ON FUNCTION facesnxt.rank_persons(facesnxt.embedding, facesnxt.repository[], int, real) IS
'The candidate list: persons, each by the best reference, ranked by score, person, reference (NM-IV.C, NM-IV.E)';
REVOKE ALL ON FUNCTION facesnxt.rank_persons(facesnxt.embedding, facesnxt.repository[], int, real) FROM PUBLIC;

-- References that have a template, and none of this model. Models are few:
-- each is found at one end of an index, and where there is no other one
-- nothing is read. Templates that a change of model has made so far are of
-- references that have an earlier one.
CREATE FUNCTION facesnxt.not_comparable(model text, repositories facesnxt.repository[]) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    others text[] := ARRAY[]::text[];
    other text := (SELECT min(r.model) FROM facesnxt.reference r);
BEGIN
    WHILE other IS NOT NULL LOOP
        IF other <> not_comparable.model AND NOT EXISTS (
            SELECT FROM facesnxt.reextraction n LEFT JOIN facesnxt.model m ON m.fingerprint = n.fingerprint
            WHERE n.fingerprint = other AND m.in_use IS NOT TRUE) THEN
            others := others || other;
        END IF;
        other := (SELECT min(r.model) FROM facesnxt.reference r WHERE r.model > other);
    END LOOP;
    IF others = '{}' THEN
        RETURN 0;
    ELSIF EXISTS (SELECT FROM facesnxt.reextraction n JOIN facesnxt.reextraction_end e USING (run_id) WHERE n.fingerprint = not_comparable.model) THEN
        -- whatever has no template of it has a row that says why
        RETURN (SELECT count(DISTINCT x.reference_id) FROM facesnxt.reextraction n JOIN facesnxt.reextracted x USING (run_id)
                WHERE n.fingerprint = not_comparable.model AND x.sqlstate IS NOT NULL
                    AND EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = x.reference_id AND r.repository = ANY (repositories))
                    AND NOT EXISTS (SELECT FROM facesnxt.reference o WHERE o.reference_id = x.reference_id AND o.model = not_comparable.model));
    END IF;
    RETURN (SELECT count(DISTINCT r.reference_id) FROM facesnxt.reference r
            WHERE r.model = ANY (others) AND r.repository = ANY (repositories)
                AND NOT EXISTS (SELECT FROM facesnxt.reference o WHERE o.reference_id = r.reference_id AND o.model = not_comparable.model));
END
$$;
COMMENT ON FUNCTION facesnxt.not_comparable(text, facesnxt.repository[]) IS 'How many references have no template of a model';
REVOKE ALL ON FUNCTION facesnxt.not_comparable(text, facesnxt.repository[]) FROM PUBLIC;

-- One comparison, and what is recorded of it. An index tells how many codes it
-- compared; without one the references are counted. In one process, because
-- the index's counts are those of one.
CREATE FUNCTION facesnxt.compare(
    probe facesnxt.embedding, repositories facesnxt.repository[], candidates int, threshold real)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted CONSTANT text := coalesce(facesnxt.model(probe), '00000000');
    indexed CONSTANT boolean := EXISTS (
        SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = 'facesnxt.reference'::regclass AND a.amname = 'facescan' AND i.indisvalid);
    parallel CONSTANT text := current_setting('max_parallel_workers_per_gather');
    before CONSTANT pg_snapshot := pg_current_snapshot();
    scan jsonb;
    list jsonb;
    compared bigint;
BEGIN
    PERFORM facesnxt.forget_last_scan();
    IF indexed THEN
        PERFORM set_config('max_parallel_workers_per_gather', '0', true);
    END IF;
    list := facesnxt.rank_persons(probe, repositories, candidates, threshold);
    IF indexed THEN
        PERFORM set_config('max_parallel_workers_per_gather', parallel, true);
    END IF;
    SELECT to_jsonb(s) INTO scan FROM facesnxt.last_scan() s WHERE s.index IS NOT NULL;
    compared := (scan->>'codes')::bigint;
    -- what an index leaves out by its bounds is improbable, but not certain
    scan := coalesce(scan, '{}') || jsonb_build_object('method', CASE WHEN scan IS NULL THEN 'table' ELSE 'index' END,
        'certified', CASE WHEN scan IS NULL THEN jsonb_array_length(list) ELSE 0 END,
        'before', before, 'cluster', facesnxt.cluster_id())
        || CASE WHEN pg_current_snapshot()::text = before::text THEN '{}' ELSE jsonb_build_object('after', pg_current_snapshot()) END;
    IF compared IS NULL THEN
        SELECT count(*) INTO compared FROM facesnxt.reference r
        WHERE r.model = wanted AND r.repository = ANY (repositories);
    END IF;
    RETURN jsonb_build_object('list', list, 'scan', scan, 'references_compared', compared,
                              'references_other_model', facesnxt.not_comparable(wanted, repositories));
END
$$;
COMMENT ON FUNCTION facesnxt.compare(facesnxt.embedding, facesnxt.repository[], int, real) IS
'The candidate list, how many references it was chosen from, and what the index did';
REVOKE ALL ON FUNCTION facesnxt.compare(facesnxt.embedding, facesnxt.repository[], int, real) FROM PUBLIC;

CREATE FUNCTION facesnxt.raise(sqlstate text, message text, detail text, hint text) RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'facesnxt_raise';
COMMENT ON FUNCTION facesnxt.raise(text, text, text, text) IS 'Raises an error of these parts; detail and hint may be NULL';
REVOKE ALL ON FUNCTION facesnxt.raise(text, text, text, text) FROM PUBLIC;

-- Records a refusal and raises it. Does not return.
CREATE FUNCTION facesnxt.refuse(request jsonb, refusal jsonb, probe bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.audit_write('refusal', request || jsonb_build_object('refusal', refusal), probe);
    PERFORM facesnxt.raise(refusal->>'code', refusal->>'message', refusal->>'detail', refusal->>'hint');
END
$$;
COMMENT ON FUNCTION facesnxt.refuse(jsonb, jsonb, bytea) IS 'Records a refused attempt, then raises it with its SQLSTATE';
REVOKE ALL ON FUNCTION facesnxt.refuse(jsonb, jsonb, bytea) FROM PUBLIC;

-- Every code is looked at, by wide bounds, and scores are recorded with all
-- their digits, whatever the session set.
CREATE FUNCTION facesnxt.identify(
    image bytea, given facesnxt.embedding, case_number text, purpose text, reason text,
    repositories text[], candidates int, threshold real, face text, fields jsonb, overrides jsonb, extraction jsonb DEFAULT NULL)
RETURNS TABLE (search_id uuid, rank int, person_id uuid, reference_id uuid, repository text,
    score real, model text, exact boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET facesnxt.target_recall = 1 SET facesnxt.probes = 0 SET facesnxt.wide_bounds = on SET extra_float_digits = 1
AS $$
DECLARE
    request jsonb;
    verdict facesnxt.verdict;
    probe facesnxt.embedding := given;
    made record;
    searched facesnxt.repository[];
    commits bigint;
    failure jsonb;
    answer jsonb;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'search refused on a standby'
            USING ERRCODE = 'NX402', DETAIL = 'A standby cannot keep the record of a search.',
                  HINT = 'Search on the primary.';
    END IF;

    request := facesnxt.make_request(case_number, purpose, reason, fields, repositories, overrides)
        || jsonb_build_object('candidate_limit', candidates, 'threshold', threshold,
                              'probe_sha256', encode(sha256(image), 'hex'),
                              'probe', facesnxt.probe_shape(image, given));

    commits := facesnxt.commits();
    verdict := facesnxt.gate(request);
    IF verdict.code IS NOT NULL THEN
        PERFORM facesnxt.refuse(request, to_jsonb(verdict) - 'facts', image);
    END IF;

    IF threshold IS NULL THEN
        threshold := facesnxt.agency_threshold(verdict.agency_id);
        request := request || jsonb_build_object('threshold', threshold);
    END IF;

    -- A failure from here on is an attempt too: it is recorded with its own
    -- SQLSTATE and raised again. A cancel is not caught.
    BEGIN
        IF image IS NULL AND probe IS NULL THEN
            RAISE EXCEPTION 'search refused: no probe'
                USING ERRCODE = 'null_value_not_allowed', HINT = 'Hand over a photograph or a template (NM-V.B).';
        END IF;
        IF candidates IS NULL OR candidates NOT BETWEEN 2 AND 50 THEN
            RAISE EXCEPTION 'search refused: the candidate list cannot have % places', coalesce(candidates::text, 'NULL')
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for 2 to 50 candidates.';
        END IF;
        IF threshold = 'NaN' THEN
            RAISE EXCEPTION 'search refused: the threshold is not a number'
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a similarity from -1 to 1, or NULL.';
        END IF;
        searched := coalesce(repositories::facesnxt.repository[], enum_range(NULL::facesnxt.repository));
        IF cardinality(searched) = 0 OR array_position(searched, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'search refused: the list of repositories is empty or has a null'
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Name repositories, or give NULL for all.';
        END IF;

        IF probe IS NULL THEN
            SELECT * INTO made FROM facesnxt.extract(image, face, NULL::text, NULL::text);
            probe := made.template;
            request := request || jsonb_build_object('extraction', to_jsonb(made) - 'template'
                || facesnxt.probe_warnings(verdict.agency_id, made.quality));
        ELSE
            request := request || jsonb_build_object('extraction', extraction); -- where the face is that it was made of elsewhere
        END IF;
        request := request || jsonb_build_object(
            'template', probe::text, 'model', coalesce(facesnxt.model(probe), '00000000'),
            'repositories', to_jsonb(searched));

        request := request || facesnxt.compare(probe, searched, candidates, threshold);
    EXCEPTION WHEN OTHERS THEN
        DECLARE
            code text;
            message text;
            detail text;
            hint text;
        BEGIN
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            failure := jsonb_build_object('code', code, 'message', message, 'detail', nullif(detail, ''),
                                          'hint', nullif(hint, ''));
        END;
    END;
    IF failure IS NOT NULL THEN
        PERFORM facesnxt.refuse(request, failure, image);
    END IF;

    -- No candidate leaves before this has returned.
    answer := facesnxt.audit_write('search', request || facesnxt.judged(verdict, commits), image);
    IF answer->>'code' IS NOT NULL THEN
        PERFORM facesnxt.raise(answer->>'code', answer->>'message', answer->>'detail', answer->>'hint');
    END IF;
    IF answer->>'search_id' IS NULL THEN
        RAISE EXCEPTION 'audit record could not be confirmed' USING ERRCODE = 'NX403';
    END IF;

    RETURN QUERY
    SELECT (answer->>'search_id')::uuid, l.rank, l.person_id, l.reference_id, l.repository, l.score,
        request->>'model', coalesce((request->'scan'->>'every_code')::boolean, true)
    FROM jsonb_to_recordset(request->'list')
        AS l (rank int, person_id uuid, reference_id uuid, repository text, score real)
    WHERE facesnxt.still_in()
    ORDER BY l.rank;
END
$$;
COMMENT ON FUNCTION facesnxt.identify(bytea, facesnxt.embedding, text, text, text, text[], int, real, text, jsonb, jsonb, jsonb) IS
'What search() and search_template() have in common: gate, template, comparison, record, list';
REVOKE ALL ON FUNCTION facesnxt.identify(bytea, facesnxt.embedding, text, text, text, text[], int, real, text, jsonb, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.search(
    probe bytea, case_number text, purpose text, reason text DEFAULT NULL, repositories text[] DEFAULT NULL,
    candidates int DEFAULT 20, threshold real DEFAULT NULL, face text DEFAULT 'only',
    fields jsonb DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS TABLE (search_id uuid, rank int, person_id uuid, reference_id uuid, repository text,
    score real, model text, exact boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM facesnxt.identify(probe, NULL, case_number, purpose, reason, repositories, candidates, threshold, face, fields, overrides) $$;
COMMENT ON FUNCTION facesnxt.search(bytea, text, text, text, text[], int, real, text, jsonb, jsonb) IS
'Searches for the face on a photograph: the list of candidates, committed to the audit before the first row is returned; refused unless the agency''s policy in force allows it';
REVOKE ALL ON FUNCTION facesnxt.search(bytea, text, text, text, text[], int, real, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.search(bytea, text, text, text, text[], int, real, text, jsonb, jsonb) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.search_template(
    probe facesnxt.embedding, case_number text, purpose text, reason text DEFAULT NULL,
    repositories text[] DEFAULT NULL, candidates int DEFAULT 20, threshold real DEFAULT NULL,
    fields jsonb DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS TABLE (search_id uuid, rank int, person_id uuid, reference_id uuid, repository text,
    score real, model text, exact boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM facesnxt.identify(NULL, probe, case_number, purpose, reason, repositories, candidates, threshold, NULL, fields, overrides) $$;
COMMENT ON FUNCTION facesnxt.search_template(facesnxt.embedding, text, text, text, text[], int, real, jsonb, jsonb) IS
'Searches for a face by a template that was made before; otherwise as search()';
REVOKE ALL ON FUNCTION facesnxt.search_template(facesnxt.embedding, text, text, text, text[], int, real, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.search_template(facesnxt.embedding, text, text, text, text[], int, real, jsonb, jsonb) TO facesnxt_investigator;
