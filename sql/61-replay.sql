-- An old search again: the same probe, model, repositories, limit and
-- threshold, and the references as they were then, each of them compared.
--
-- It is an act of audit and not a search: no case is worked on, and whoever
-- was not on the list then is counted, with rank and score, and not named.

CREATE TABLE facesnxt.replay (
    replay_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    agency_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('replay', 'recall')),
    ground text,
    method text NOT NULL,
    compared bigint NOT NULL,
    gone bigint NOT NULL,
    uncertain bigint NOT NULL,
    same int NOT NULL,
    moved int NOT NULL,
    changed int NOT NULL,
    missing int NOT NULL,
    missed int NOT NULL,
    not_comparable int NOT NULL,
    certified int,
    model_registered boolean NOT NULL,
    list jsonb NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    client_address inet,
    application text,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.replay (search_id, recorded_at);
CREATE INDEX ON facesnxt.replay (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.replay IS
'Old searches that auditors ran again: who, when, on what ground, and how the list then differs from an exact one of the same references';
COMMENT ON COLUMN facesnxt.replay.method IS 'How the search compared: table or index';
COMMENT ON COLUMN facesnxt.replay.compared IS 'References that were there then and are there unchanged: compared again';
COMMENT ON COLUMN facesnxt.replay.gone IS 'References that were there then and have been removed or changed: nobody can compare them again';
COMMENT ON COLUMN facesnxt.replay.uncertain IS 'References that were enrolled or changed while the search went on: left out unless they were on the list';
COMMENT ON COLUMN facesnxt.replay.missing IS 'Persons on the list that an exact list would not have';
COMMENT ON COLUMN facesnxt.replay.missed IS 'Persons that an exact list has and the list did not';
COMMENT ON COLUMN facesnxt.replay.not_comparable IS 'Persons on the list whose reference is gone; they keep the score that was recorded';
COMMENT ON COLUMN facesnxt.replay.certified IS 'So many leading ranks are those of the exact list; NULL where references are gone that might have been on it';
SELECT facesnxt.keep_record('replay', 'facesnxt_auditor');

-- ---- the comparison

-- The order is the one of rank_persons(). It is not by the operator, so no
-- index serves it; all that is compared is compared exactly.
CREATE FUNCTION facesnxt.rank_then(
    probe facesnxt.embedding, model text, repositories facesnxt.repository[], moment facesnxt.moment, listed uuid[],
    OUT compared bigint, OUT uncertain bigint, INOUT places bigint, OUT best jsonb)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH since AS MATERIALIZED (
        SELECT s.reference_id, bool_and(s.perhaps) AS perhaps FROM facesnxt.references_since(moment, rank_then.model) s GROUP BY s.reference_id
    ), left_out AS (
        SELECT s.reference_id FROM since s WHERE NOT (s.perhaps AND s.reference_id = ANY (listed))
    ), scored AS MATERIALIZED (
        SELECT r.person_id, r.reference_id, (1 - (r.template OPERATOR(facesnxt.<=>) probe))::real AS score
        FROM facesnxt.reference r
        WHERE r.model = rank_then.model AND r.repository = ANY (repositories)
            AND NOT EXISTS (SELECT FROM left_out o WHERE o.reference_id = r.reference_id)
    ), top AS (
        SELECT s.* FROM scored s ORDER BY s.score DESC, s.person_id, s.reference_id LIMIT places
    ), persons AS (
        SELECT DISTINCT ON (t.person_id) t.* FROM top t ORDER BY t.person_id, t.score DESC, t.reference_id
    )
    SELECT (SELECT count(*) FROM scored),
        (SELECT count(*) FROM since s WHERE s.perhaps AND s.reference_id <> ALL (listed)
            AND EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = s.reference_id AND r.model = rank_then.model
                            AND r.repository = ANY (repositories))),
        (SELECT count(*) FROM top),
        (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM persons p)
    INTO compared, uncertain, places, best;
END
$$;
COMMENT ON FUNCTION facesnxt.rank_then(facesnxt.embedding, text, facesnxt.repository[], facesnxt.moment, uuid[], bigint) IS
'The best persons among the first places of all references that were there at a moment, by exact comparison';
REVOKE ALL ON FUNCTION facesnxt.rank_then(facesnxt.embedding, text, facesnxt.repository[], facesnxt.moment, uuid[], bigint) FROM PUBLIC;

-- What the list was and what it is, a row for each person on one of them. A
-- candidate whose reference is gone competes by the score that was recorded,
-- so that nobody moves up into its place and looks missed.
CREATE FUNCTION facesnxt.diff_then(searched facesnxt.search, best jsonb, gone uuid[])
RETURNS TABLE (verdict text, person_id uuid, was_rank int, now_rank int, was_score real, now_score real)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH was AS (
        SELECT c.*, c.reference_id = ANY ($3)
            OR NOT EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = c.reference_id AND r.model = ($1).model) AS lost
        FROM facesnxt.candidate c WHERE c.search_id = ($1).search_id
    ), every AS (
        SELECT b.person_id, b.reference_id, b.score, false AS lost
        FROM jsonb_to_recordset($2) AS b (person_id uuid, reference_id uuid, score real)
        UNION ALL
        SELECT w.person_id, w.reference_id, w.score, true FROM was w WHERE w.lost
    ), persons AS (
        SELECT DISTINCT ON (e.person_id) e.* FROM every e ORDER BY e.person_id, e.score DESC, e.reference_id
    ), now AS (
        SELECT p.*, row_number() OVER (ORDER BY p.score DESC, p.person_id, p.reference_id)::int AS rank FROM persons p
        WHERE ($1).threshold IS NULL OR p.score >= ($1).threshold
    )
    SELECT CASE WHEN n.person_id IS NULL THEN 'missing' WHEN w.person_id IS NULL THEN 'new' WHEN n.lost THEN 'not comparable'
            WHEN abs(n.score - w.score) > 1e-6 THEN 'score changed' WHEN n.rank <> w.rank THEN 'moved' ELSE 'same' END,
        coalesce(w.person_id, n.person_id), w.rank, n.rank, w.score, n.score
    FROM (SELECT * FROM now WHERE now.rank <= ($1).candidate_limit) n FULL JOIN was w USING (person_id)
$$;
COMMENT ON FUNCTION facesnxt.diff_then(facesnxt.search, jsonb, uuid[]) IS
'The recorded list against the exact one: same, moved, score changed, missing, new, not comparable';
REVOKE ALL ON FUNCTION facesnxt.diff_then(facesnxt.search, jsonb, uuid[]) FROM PUBLIC;

-- Runs one search again and has the writer record it. Whoever calls it has
-- judged that it may be.
CREATE FUNCTION facesnxt.run_again(searched facesnxt.search, kind text, ground text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET max_parallel_workers_per_gather = 0 SET extra_float_digits = 1 SET jit = off
AS $$
DECLARE
    moment CONSTANT facesnxt.moment := facesnxt.moment_of(searched);
    probe CONSTANT facesnxt.embedding := (SELECT t.template FROM facesnxt.probe_template t WHERE t.search_id = searched.search_id);
    listed CONSTANT uuid[] := ARRAY(SELECT c.reference_id FROM facesnxt.candidate c WHERE c.search_id = searched.search_id);
    gone CONSTANT uuid[] := ARRAY(SELECT g.reference_id FROM facesnxt.references_gone(moment, searched.model, searched.repositories) g);
    repositories CONSTANT facesnxt.repository[] := searched.repositories::facesnxt.repository[];
    places bigint := 40 * searched.candidate_limit;
    ranked record;
    counted record;
BEGIN
    LOOP
        SELECT * INTO ranked FROM facesnxt.rank_then(probe, searched.model, repositories, moment, listed, places);
        EXIT WHEN ranked.places < places OR jsonb_array_length(ranked.best) >= searched.candidate_limit;
        places := places * 8;
    END LOOP;
    SELECT count(*) FILTER (WHERE d.verdict = 'same') AS same, count(*) FILTER (WHERE d.verdict = 'moved') AS moved,
        count(*) FILTER (WHERE d.verdict = 'score changed') AS changed, count(*) FILTER (WHERE d.verdict = 'missing') AS missing,
        count(*) FILTER (WHERE d.verdict = 'new') AS missed, count(*) FILTER (WHERE d.verdict = 'not comparable') AS not_comparable,
        -- up to the first rank at which the lists part
        coalesce(min(least(d.was_rank, d.now_rank)) FILTER (WHERE d.verdict <> 'same' AND d.was_rank IS DISTINCT FROM d.now_rank) - 1,
                 count(*)) AS certified,
        coalesce(jsonb_agg(to_jsonb(d) || CASE d.verdict WHEN 'new' THEN '{"person_id": null}'::jsonb ELSE '{}' END
                           ORDER BY d.was_rank, d.now_rank), '[]') AS list
    INTO counted
    FROM facesnxt.diff_then(searched, ranked.best, gone) d;
    RETURN (facesnxt.record_it('replay', to_jsonb(counted) || jsonb_build_object(
        'search_id', searched.search_id, 'kind', kind, 'ground', ground, 'agency_id', searched.agency_id,
        'method', coalesce(searched.scan->>'method', CASE WHEN searched.scan ? 'index' THEN 'index' ELSE 'table' END),
        'compared', ranked.compared, 'gone', cardinality(gone), 'uncertain', ranked.uncertain,
        'certified', CASE WHEN cardinality(gone) = 0 THEN counted.certified END,
        'model_registered', EXISTS (SELECT FROM facesnxt.model m WHERE m.fingerprint = searched.model)))->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.run_again(facesnxt.search, text, text) IS 'Runs a search again, exactly, on the references of then, and records it';
REVOKE ALL ON FUNCTION facesnxt.run_again(facesnxt.search, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.apply_replay(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    INSERT INTO facesnxt.replay (search_id, agency_id, kind, ground, method, compared, gone, uncertain, same, moved, changed, missing,
        missed, not_comparable, certified, model_registered, list, acting_role, session_role, client_address, application)
    SELECT r.search_id, r.agency_id, r.kind, r.ground, r.method, r.compared, r.gone, r.uncertain, r.same, r.moved, r.changed, r.missing,
        r.missed, r.not_comparable, r.certified, r.model_registered, r.list, i.acting_role, i.session_role, i.client_address, i.application
    FROM jsonb_populate_record(NULL::facesnxt.replay, request) r, jsonb_populate_record(NULL::facesnxt.replay, request->'identity') i
    RETURNING replay_id INTO new_id;
    RETURN jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_replay(jsonb) IS 'The writer''s part of replay()';
REVOKE ALL ON FUNCTION facesnxt.apply_replay(jsonb) FROM PUBLIC;
