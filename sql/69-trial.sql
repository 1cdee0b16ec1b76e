-- What a proposed threshold, model or index would have meant.

-- Recent searches as they would be with the present setting and with the
-- proposed one, among the references of today. Counts alone come out.
CREATE FUNCTION facesnxt.try_setting(kind text, value text, agency_id uuid, sample int) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET jit = off SET facesnxt.target_recall = 1 SET facesnxt.probes = 0 SET facesnxt.wide_bounds = on
AS $$
DECLARE
    tried facesnxt.search;
    probe facesnxt.embedding;
    other facesnxt.embedding;
    lists jsonb := jsonb_build_array();
    list jsonb;
    failed int := 0;
BEGIN
    IF kind = 'index' AND to_regclass(format('facesnxt.%I', 'reference_template_' || value)) IS NULL THEN
        PERFORM facesnxt.make_index(value);
        PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);
    END IF;
    FOR tried IN
        SELECT s.* FROM facesnxt.search s JOIN facesnxt.probe_template t USING (search_id)
        WHERE s.status = 'completed' AND (try_setting.agency_id IS NULL OR s.agency_id = try_setting.agency_id)
            AND (kind <> 'index' OR s.model = value) AND (kind NOT IN ('recogniser', 'detector') OR s.probe_kept)
        ORDER BY s.recorded_at DESC LIMIT sample
    LOOP
        SELECT t.template INTO probe FROM facesnxt.probe_template t WHERE t.search_id = tried.search_id;
        other := probe;
        IF kind IN ('recogniser', 'detector') THEN
            BEGIN
                SELECT e.template INTO other FROM facesnxt.probe p, facesnxt.extract(p.image, 'best',
                    CASE kind WHEN 'detector' THEN value END, CASE kind WHEN 'recogniser' THEN value END) e
                WHERE p.agency_id = tried.agency_id AND p.sha256 = tried.probe_sha256;
            EXCEPTION WHEN OTHERS THEN
                -- no face, where there was one
                failed := failed + 1;
                CONTINUE;
            END;
        END IF;
        list := facesnxt.rank_persons(other, tried.repositories::facesnxt.repository[], tried.candidate_limit,
            CASE kind WHEN 'threshold' THEN value::real ELSE tried.threshold END);
        lists := lists || jsonb_build_object('search', tried.search_id, 'after', list, 'before',
            (SELECT coalesce(jsonb_agg(jsonb_build_object('person_id', c.person_id, 'rank', c.rank, 'score', c.score)), '[]')
             FROM facesnxt.candidate c WHERE c.search_id = tried.search_id));
    END LOOP;
    RETURN jsonb_build_object('searches', jsonb_array_length(lists), 'failed', failed, 'threshold', CASE kind WHEN 'threshold' THEN value END)
        || CASE kind WHEN 'recogniser' THEN jsonb_build_object('references', facesnxt.template_coverage(value)) ELSE '{}' END || (
        WITH entry AS (
            SELECT (l.value->>'search')::uuid AS search_id, w.when_, (c.value->>'person_id')::uuid AS person_id, (c.value->>'rank')::int AS rank, (c.value->>'score')::real AS score
            FROM jsonb_array_elements(lists) l, (VALUES ('before'), ('after')) w (when_), jsonb_array_elements(l.value->w.when_) c
        ), confirmed AS (
            SELECT DISTINCT ON (o.search_id) o.search_id, o.person_id FROM facesnxt.outcome o JOIN jsonb_array_elements(lists) l ON (l.value->>'search')::uuid = o.search_id
            WHERE o.determination = 'lead confirmed' ORDER BY o.search_id, o.recorded_at DESC
        )
        SELECT jsonb_object_agg(w.when_, jsonb_build_object(
            'candidates', (SELECT count(*) FROM entry e WHERE e.when_ = w.when_),
            'searches_with_candidates', (SELECT count(DISTINCT e.search_id) FROM entry e WHERE e.when_ = w.when_),
            'confirmed', (SELECT count(*) FROM confirmed),
            'confirmed_found', (SELECT count(*) FROM confirmed f JOIN entry e USING (search_id, person_id) WHERE e.when_ = w.when_),
            'confirmed_first', (SELECT count(*) FROM confirmed f JOIN entry e USING (search_id, person_id) WHERE e.when_ = w.when_ AND e.rank = 1),
            'of_the_other_list', (SELECT count(*) FROM entry e WHERE e.when_ = w.when_ AND EXISTS (
                SELECT FROM entry o WHERE o.search_id = e.search_id AND o.person_id = e.person_id AND o.when_ <> w.when_)),
            'by_sex', (SELECT jsonb_object_agg(g.sex, jsonb_build_object('candidates', g.n, 'low', v.low, 'high', v.high))
                FROM (SELECT facesnxt.demographic_group('sex', d.gender, NULL, NULL, NULL) AS sex, count(*) AS n, sum(count(*)) OVER ()::bigint AS whole
                      FROM entry e LEFT JOIN facesnxt.person_detail d USING (person_id) WHERE e.when_ = w.when_ GROUP BY 1) g, facesnxt.wilson(g.n, g.whole) v),
            -- of the last candidate of each list, by the latest distribution of the search's model
            'mean_fpir', (SELECT avg(facesnxt.any_of((facesnxt.false_match_rate(i, e.score)).rate, s.references_compared))
                FROM (SELECT x.search_id, min(x.score) AS score FROM entry x WHERE x.when_ = w.when_ GROUP BY x.search_id) e JOIN facesnxt.search s USING (search_id)
                    JOIN LATERAL (SELECT n.* FROM facesnxt.impostor_sample n WHERE n.model = CASE WHEN kind = 'recogniser' AND w.when_ = 'after'
                        THEN (SELECT m.fingerprint FROM facesnxt.model m WHERE m.name = value) ELSE s.model END ORDER BY n.number DESC LIMIT 1) i ON true)))
        FROM (VALUES ('before'), ('after')) w (when_));
END
$$;
COMMENT ON FUNCTION facesnxt.try_setting(text, text, uuid, int) IS
'What recent searches returned and what they would return with a proposed setting: candidates, confirmed persons found, agreement, sexes, FPIR';
REVOKE ALL ON FUNCTION facesnxt.try_setting(text, text, uuid, int) FROM PUBLIC;
