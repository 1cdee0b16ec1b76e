-- Who runs searches again, and what is known of how exact each was.

-- The search, if whoever asks may run it again; else an error on record.
CREATE FUNCTION facesnxt.replayable(search_id uuid) RETURNS facesnxt.search
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    searched facesnxt.search;
    who record;
BEGIN
    SELECT i.* INTO who FROM facesnxt.session_identity() i;
    SELECT s.* INTO searched FROM facesnxt.search s
    WHERE s.search_id = replayable.search_id AND s.status = 'completed' AND facesnxt.in_reach(s.agency_id);
    -- another agency's search and one that does not exist look the same
    IF searched.search_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('replay', 'NX460', 'replay refused: no such search was completed', NULL,
            'SELECT * FROM facesnxt.search_exactness shows what there is.', clause => 'SP-II.A', search_id => search_id);
    ELSIF EXISTS (SELECT FROM facesnxt.account a WHERE a.account_id = searched.account_id AND a.role IN (who.acting_oid, who.session_oid)) THEN
        PERFORM facesnxt.refuse_on_record('replay', 'NX461', 'replay refused: it is your own search',
            'Who searched does not audit the search.', 'Another auditor runs it again.', searched.agency_id, 'auditor',
            clause => 'NM-VII.A', search_id => search_id);
    ELSIF NOT EXISTS (SELECT FROM facesnxt.probe_template t WHERE t.search_id = replayable.search_id) THEN
        PERFORM facesnxt.refuse_on_record('replay', 'NX462', 'replay refused: the template of the probe is no longer kept',
            'Without it nothing can be compared again.', 'The record of the search says what it returned.', searched.agency_id,
            search_id => search_id);
    END IF;
    RETURN searched;
END
$$;
COMMENT ON FUNCTION facesnxt.replayable(uuid) IS 'A completed search that the acting role may run again; refused on record (NX460 to NX462)';
REVOKE ALL ON FUNCTION facesnxt.replayable(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.replay(search_id uuid, ground text DEFAULT NULL)
RETURNS TABLE (replay_id uuid, verdict text, person_id uuid, was_rank int, now_rank int, was_score real, now_score real, note text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made facesnxt.replay;
BEGIN
    replay_id := facesnxt.run_again(facesnxt.replayable(search_id), 'replay', ground);
    SELECT r.* INTO STRICT made FROM facesnxt.replay r WHERE r.replay_id = replay.replay_id;
    RETURN QUERY
    SELECT made.replay_id, l.verdict, l.person_id, l.was_rank, l.now_rank, l.was_score, l.now_score,
        CASE l.verdict WHEN 'new' THEN 'should have been on the list; not named: a replay gives no lead'
            WHEN 'missing' THEN 'an exact list of the references of then does not have this person'
            WHEN 'not comparable' THEN 'the reference was removed or changed since; the recorded score stands' END
    FROM jsonb_to_recordset(made.list) AS l (verdict text, person_id uuid, was_rank int, now_rank int, was_score real, now_score real)
    ORDER BY coalesce(l.was_rank, l.now_rank), l.was_rank IS NULL;
    verdict := 'limit';
    FOR note IN
        SELECT format('%s %s', v.number, v.what)
        FROM (VALUES
            (made.gone, 'references that were compared then have been removed or changed and cannot be compared again'),
            (made.uncertain, 'references were enrolled or changed while the search went on and are left out'),
            ((NOT made.model_registered)::int, 'model is not registered any more: the templates are compared, the probe cannot be extracted anew'),
            ((SELECT count(*) FROM facesnxt.search s WHERE s.search_id = replay.search_id
              AND (s.scan->>'before' IS NULL OR (s.scan->>'cluster')::bigint <> facesnxt.cluster_id())),
             'search kept no snapshot of this cluster: what was there then follows from times')) AS v (number, what)
        WHERE v.number > 0
    LOOP
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.replay(uuid, text) IS
'Runs a completed search of one''s agency again, exactly, with its own probe, model, repositories, limit and threshold on the references of then, and tells how the list differs; recorded, no lead (NX460 to NX462)';
REVOKE ALL ON FUNCTION facesnxt.replay(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.replay(uuid, text) TO facesnxt_auditor;

CREATE VIEW facesnxt.search_exactness WITH (security_barrier, security_invoker) AS
    SELECT s.search_id, s.agency_id, s.recorded_at, s.acting_role, s.candidates, s.exact,
        coalesce(s.scan->>'method', CASE WHEN s.scan ? 'index' THEN 'index' ELSE 'table' END) AS method,
        CASE WHEN s.scan ? 'codes' THEN r.compared + r.gone ELSE s.references_compared END AS visible,
        (s.scan->>'codes')::bigint AS codes, (s.scan->>'survivors')::bigint AS survivors, (s.scan->>'refined')::bigint AS refined,
        (s.scan->>'fetched')::bigint AS rechecked, (s.scan->>'late')::bigint AS late,
        (s.scan->>'deviations')::real AS deviations,
        greatest((s.scan->>'certified')::int, r.certified) AS certified,
        r.replay_id, r.recorded_at AS replayed_at, r.missed, r.missing
    FROM facesnxt.search s
        LEFT JOIN LATERAL (SELECT p.* FROM facesnxt.replay p WHERE p.search_id = s.search_id ORDER BY p.recorded_at DESC LIMIT 1) r ON true
    WHERE s.status = 'completed';
COMMENT ON VIEW facesnxt.search_exactness IS
'How exact each search was: references visible (of an index: once it was replayed), codes scored, refined and rechecked against the row, rows that came later than their distance, how many standard deviations its bounds lay above what codes say, and how many leading ranks are certain';
REVOKE ALL ON TABLE facesnxt.search_exactness FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.search_exactness TO facesnxt_auditor;

CREATE FUNCTION facesnxt.measured_recall(agency text, since timestamptz, until timestamptz, sample int DEFAULT 20)
RETURNS TABLE (method text, searches bigint, replayed bigint, not_kept bigint, exact_candidates bigint, found bigint, recall double precision,
    whole bigint, whole_low double precision, whole_high double precision, first_rank bigint, gone bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    chosen facesnxt.search;
    made uuid[] := ARRAY[]::uuid[];
BEGIN
    IF sample IS NULL OR sample NOT BETWEEN 1 AND 10000 OR since IS NULL OR until IS NULL THEN
        RAISE EXCEPTION 'a sample is of 1 to 10000 searches of a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR chosen IN
        SELECT s.* FROM facesnxt.search s JOIN facesnxt.probe_template t USING (search_id)
        WHERE s.agency_id = of_agency AND s.status = 'completed' AND s.recorded_at >= since AND s.recorded_at < until
        ORDER BY random() LIMIT sample
    LOOP
        made := made || facesnxt.run_again(chosen, 'recall', format('sample of %s to %s', since, until));
    END LOOP;
    RETURN QUERY
    WITH counted AS (
        SELECT r.*, r.same + r.moved + r.changed + r.not_comparable AS had, r.missed = 0 AS is_whole,
            r.list @> '[{"was_rank": 1, "now_rank": 1}]' OR r.list = '[]' AS first_same
        FROM facesnxt.replay r WHERE r.replay_id = ANY (made)
    ), every AS (
        SELECT coalesce(s.scan->>'method', CASE WHEN s.scan ? 'index' THEN 'index' ELSE 'table' END) AS method, count(*) AS searches,
            count(*) FILTER (WHERE NOT EXISTS (SELECT FROM facesnxt.probe_template t WHERE t.search_id = s.search_id)) AS not_kept
        FROM facesnxt.search s
        WHERE s.agency_id = of_agency AND s.status = 'completed' AND s.recorded_at >= since AND s.recorded_at < until
        GROUP BY 1
    )
    SELECT e.method, e.searches, count(c.replay_id), e.not_kept, coalesce(sum(c.had + c.missed), 0), coalesce(sum(c.had), 0),
        sum(c.had)::double precision / nullif(sum(c.had + c.missed), 0), count(*) FILTER (WHERE c.is_whole), w.low, w.high,
        count(*) FILTER (WHERE c.first_same), coalesce(sum(c.gone), 0)::bigint
    FROM every e LEFT JOIN counted c ON c.method = e.method,
        LATERAL (SELECT count(*) FILTER (WHERE d.is_whole) AS whole, count(*) AS n FROM counted d WHERE d.method = e.method) n,
        LATERAL facesnxt.wilson(n.whole, n.n) w
    GROUP BY e.method, e.searches, e.not_kept, w.low, w.high
    ORDER BY e.method;
END
$$;
COMMENT ON FUNCTION facesnxt.measured_recall(text, timestamptz, timestamptz, int) IS
'Replays a random sample of an agency''s searches and counts what their lists lack: recall, how many lists are whole (95 % by Wilson), how many first ranks are right; each replay is recorded';
REVOKE ALL ON FUNCTION facesnxt.measured_recall(text, timestamptz, timestamptz, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.measured_recall(text, timestamptz, timestamptz, int) TO facesnxt_auditor;
