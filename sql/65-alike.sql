-- Which searches show one face: what only a store of the probes can tell.

-- Each search and the first one that stands for its face. Models are compared
-- apart: their templates have nothing in common.
CREATE FUNCTION facesnxt.probe_faces(searches uuid[], threshold double precision) RETURNS TABLE (search_id uuid, face uuid)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH kept AS (
        SELECT array_agg(s.search_id ORDER BY s.recorded_at, s.search_id) AS ids,
            array_agg(t.template ORDER BY s.recorded_at, s.search_id) AS templates
        FROM unnest(searches) w (search_id) JOIN facesnxt.search s USING (search_id) JOIN facesnxt.probe_template t USING (search_id)
        GROUP BY facesnxt.model(t.template), facesnxt.dimensions(t.template)
    )
    SELECT k.ids[l.place], k.ids[l.label]
    FROM kept k, LATERAL unnest(facesnxt.same_faces(k.templates, threshold)) WITH ORDINALITY AS l (label, place);
END
$$;
COMMENT ON FUNCTION facesnxt.probe_faces(uuid[], double precision) IS
'Searches with the one that stands for the face of each: the earliest that its probe is as similar to as the threshold';
REVOKE ALL ON FUNCTION facesnxt.probe_faces(uuid[], double precision) FROM PUBLIC;

-- Earlier searches that show a face of the time. A month at a time, so that not
-- all of the past lies in memory at once.
CREATE FUNCTION facesnxt.earlier_alike(agency_id uuid, since timestamptz, until timestamptz, back timestamptz, threshold double precision)
RETURNS SETOF uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH kept AS NOT MATERIALIZED (
        SELECT s.search_id, t.template, s.recorded_at, facesnxt.model(t.template) AS model, facesnxt.dimensions(t.template) AS dimensions
        FROM facesnxt.search s JOIN facesnxt.probe_template t USING (search_id)
        WHERE s.agency_id = earlier_alike.agency_id AND s.status = 'completed'
    ), fresh AS MATERIALIZED (
        SELECT k.model, k.dimensions, array_agg(k.template) AS templates
        FROM kept k WHERE k.recorded_at >= since AND k.recorded_at < until GROUP BY k.model, k.dimensions
    ), past AS (
        SELECT k.model, k.dimensions, array_agg(k.search_id) AS ids, array_agg(k.template) AS templates
        FROM kept k WHERE k.recorded_at >= back AND k.recorded_at < since
        GROUP BY k.model, k.dimensions, date_trunc('month', k.recorded_at)
    )
    SELECT DISTINCT p.ids[l.b_place]
    FROM past p JOIN fresh f ON f.model IS NOT DISTINCT FROM p.model AND f.dimensions = p.dimensions,
        LATERAL facesnxt.like_faces(f.templates, p.templates, threshold) l;
END
$$;
COMMENT ON FUNCTION facesnxt.earlier_alike(uuid, timestamptz, timestamptz, timestamptz, double precision) IS
'part of faced_searches(): searches before a time whose probe is like one of that time';
REVOKE ALL ON FUNCTION facesnxt.earlier_alike(uuid, timestamptz, timestamptz, timestamptz, double precision) FROM PUBLIC;

-- The searches of a time and earlier ones of the same face, case or image. A
-- case is named at the query or linked later; an image is the original that a
-- probe goes back to.
CREATE FUNCTION facesnxt.faced_searches(agency_id uuid, since timestamptz, until timestamptz, settings jsonb)
RETURNS TABLE (search_id uuid, account_id uuid, role name, at timestamptz, fresh boolean, face uuid, case_key text, case_number text, image text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    back CONSTANT timestamptz := since - make_interval(days => (settings->>'look_back_days')::int);
    alike CONSTANT double precision := (settings->>'same_face')::double precision;
BEGIN
    RETURN QUERY
    WITH RECURSIVE up (sha, top) AS (
        SELECT d.sha256, d.parent_sha256 FROM facesnxt.probe_derivation d WHERE d.agency_id = faced_searches.agency_id
        UNION
        SELECT u.sha, d.parent_sha256 FROM up u JOIN facesnxt.probe_derivation d ON d.agency_id = faced_searches.agency_id AND d.sha256 = u.top
    ), original AS (
        SELECT encode(u.sha, 'hex') AS image, min(encode(u.top, 'hex')) AS top FROM up u
        WHERE NOT EXISTS (SELECT FROM up o WHERE o.sha = u.top) GROUP BY u.sha
    ), linked AS (
        SELECT DISTINCT ON (l.search_id) l.search_id, l.case_id FROM facesnxt.case_link l ORDER BY l.search_id, l.recorded_at DESC
    ), base AS MATERIALIZED (
        SELECT s.search_id, s.account_id, s.acting_role AS role, s.recorded_at AS at, s.recorded_at >= since AS fresh,
            coalesce(s.case_id::text, l.case_id::text, s.case_number) AS case_key, coalesce(s.case_number, c.case_number) AS case_number,
            coalesce(o.top, s.probe_id) AS image
        FROM facesnxt.search s
            LEFT JOIN linked l USING (search_id)
            LEFT JOIN facesnxt.case_file c ON c.case_id = l.case_id
            LEFT JOIN original o ON o.image = s.probe_id
        WHERE s.agency_id = faced_searches.agency_id AND s.status = 'completed' AND s.recorded_at >= back AND s.recorded_at < until
    ), concerned AS (
        SELECT b.search_id FROM base b WHERE b.fresh
        UNION SELECT b.search_id FROM base b WHERE b.case_key IN (SELECT f.case_key FROM base f WHERE f.fresh)
        UNION SELECT b.search_id FROM base b WHERE b.image IN (SELECT f.image FROM base f WHERE f.fresh)
        UNION SELECT e FROM facesnxt.earlier_alike(agency_id, since, until, back, alike) e
    )
    SELECT b.search_id, b.account_id, b.role, b.at, b.fresh, f.face, b.case_key, b.case_number, b.image
    FROM facesnxt.probe_faces(ARRAY(SELECT c.search_id FROM concerned c), alike) f JOIN base b USING (search_id);
END
$$;
COMMENT ON FUNCTION facesnxt.faced_searches(uuid, timestamptz, timestamptz, jsonb) IS
'part of face_anomalies(): searches of a time and earlier ones that have to do with them, with face, case and image';
REVOKE ALL ON FUNCTION facesnxt.faced_searches(uuid, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.face_anomalies(agency_id uuid, since timestamptz, until timestamptz, settings jsonb)
RETURNS SETOF facesnxt.anomaly
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    similar_at CONSTANT text := format('similar at %s or more', settings->>'same_face');
    repeat_time CONSTANT interval := make_interval(days => (settings->>'repeat_days')::int);
    crowd_time CONSTANT interval := make_interval(mins => (settings->>'crowd_minutes')::int);
    crowd CONSTANT int := (settings->>'crowd_faces')::int;
    found record;
BEGIN
    FOR found IN
    WITH f AS MATERIALIZED (
        SELECT * FROM facesnxt.faced_searches(agency_id, since, until, settings)
    ),
    -- cases that a search was put into together are related
    belongs AS (
        SELECT f.search_id, f.case_key FROM f WHERE f.case_key IS NOT NULL
        UNION SELECT l.search_id, l.case_id::text FROM facesnxt.case_link l JOIN f USING (search_id)
    ), related AS (
        SELECT DISTINCT a.case_key AS one, b.case_key AS other FROM belongs a JOIN belongs b USING (search_id) WHERE a.case_key <> b.case_key
    ), face_case AS (
        SELECT f.face, f.case_key, min(f.at) AS began FROM f WHERE f.case_key IS NOT NULL GROUP BY f.face, f.case_key
    ), first_case AS (
        SELECT DISTINCT ON (c.face) c.face, c.case_key FROM face_case c ORDER BY c.face, c.began, c.case_key
    ), apart AS (
        SELECT c.face, 1 + count(*) AS cases
        FROM face_case c JOIN first_case i ON i.face = c.face AND i.case_key <> c.case_key
        WHERE NOT EXISTS (SELECT FROM related r WHERE r.one = i.case_key AND r.other = c.case_key)
        GROUP BY c.face HAVING 1 + count(*) >= (settings->>'unrelated_cases')::int
    ), repeated AS (
        SELECT f.*, count(*) OVER (PARTITION BY f.face, f.account_id ORDER BY f.at RANGE BETWEEN repeat_time PRECEDING AND CURRENT ROW) AS times FROM f
    ), near AS (
        SELECT f.*, count(*) OVER w AS times, array_agg(f.face) OVER w AS faces FROM f
        WINDOW w AS (PARTITION BY f.account_id ORDER BY f.at RANGE BETWEEN crowd_time PRECEDING AND CURRENT ROW)
    ), dense AS (
        SELECT n.account_id, n.at, n.search_id, d.faces FROM near n, LATERAL (SELECT count(DISTINCT x) AS faces FROM unnest(n.faces) x) d
        WHERE n.fresh AND n.times >= crowd AND d.faces >= crowd
    ), islands AS (
        SELECT d.*, sum(d.apart) OVER (PARTITION BY d.account_id ORDER BY d.at, d.search_id) AS island
        FROM (SELECT d.*, (d.at - lag(d.at) OVER (PARTITION BY d.account_id ORDER BY d.at, d.search_id) <= crowd_time IS NOT TRUE)::int AS apart FROM dense d) d
    ), crowds AS (
        SELECT i.account_id, min(i.at) - crowd_time AS since, max(i.at) AS until, max(i.faces) AS faces FROM islands i GROUP BY i.account_id, i.island
    ), every (kind, about, tells, number, search_id, account_id, role, at, fresh, case_number, face) AS (
        SELECT 'one face, unrelated cases', f.face::text, 'cases', a.cases, f.search_id, f.account_id, f.role, f.at, f.fresh, f.case_number, f.face
        FROM f JOIN apart a USING (face)
        UNION ALL
        SELECT 'same face repeatedly', concat(f.face, f.account_id), 'searches', r.times, f.search_id, f.account_id, f.role, f.at, f.fresh, f.case_number, f.face
        FROM f JOIN (SELECT p.face, p.account_id, max(p.times) AS times FROM repeated p WHERE p.fresh GROUP BY p.face, p.account_id
                     HAVING max(p.times) >= (settings->>'repeats')::int) r USING (face, account_id)
        UNION ALL
        SELECT 'case with unlike faces', f.case_key, 'faces', c.faces, f.search_id, f.account_id, f.role, f.at, f.fresh, f.case_number, f.face
        FROM f JOIN (SELECT g.case_key, count(DISTINCT g.face) AS faces FROM f g WHERE g.case_key IS NOT NULL GROUP BY g.case_key
                     HAVING count(DISTINCT g.face) >= (settings->>'faces_of_case')::int) c USING (case_key)
        UNION ALL
        SELECT 'many faces from one image', f.image, 'faces', c.faces, f.search_id, f.account_id, f.role, f.at, f.fresh, f.case_number, f.face
        FROM f JOIN (SELECT g.image, count(DISTINCT g.face) AS faces FROM f g WHERE g.image IS NOT NULL GROUP BY g.image
                     HAVING count(DISTINCT g.face) >= crowd) c USING (image)
        UNION ALL
        SELECT 'many faces in a short time', concat(c.account_id, c.since), 'faces', c.faces, f.search_id, f.account_id, f.role, f.at, f.fresh, f.case_number, f.face
        FROM f JOIN crowds c ON c.account_id = f.account_id AND f.at BETWEEN c.since AND c.until
        UNION ALL
        SELECT 'face of staff', concat(t.staff, s.account_id), a.role::text, (s.account_id = t.staff)::int, s.search_id, s.account_id, s.acting_role, s.recorded_at, true,
            s.case_number, NULL
        FROM facesnxt.staff_searches(agency_id, since, until, (settings->>'same_face')::double precision) t
            JOIN facesnxt.search s USING (search_id) JOIN facesnxt.account a ON a.account_id = t.staff
    )
    SELECT e.kind, e.about, min(e.tells) AS tells, max(e.number) AS number, count(*) AS searches, count(DISTINCT e.account_id) AS users,
        count(DISTINCT e.face) AS faces, array_agg(DISTINCT e.role) AS roles, array_remove(array_agg(DISTINCT e.case_number), NULL) AS cases,
        array_agg(e.search_id ORDER BY e.at, e.search_id) AS ids,
        (array_agg(e.search_id ORDER BY e.at, e.search_id) FILTER (WHERE e.fresh))[1] AS first_fresh, min(e.at) AS began, max(e.at) AS ended
    FROM every e GROUP BY e.kind, e.about HAVING bool_or(e.fresh)
    LOOP
        RETURN NEXT facesnxt.anomaly_of(agency_id, found.kind,
            CASE found.kind WHEN 'one face, unrelated cases' THEN CASE found.users WHEN 1 THEN 'high' ELSE 'medium' END
                WHEN 'same face repeatedly' THEN CASE WHEN cardinality(found.cases) > 1 THEN 'high' ELSE 'medium' END
                WHEN 'case with unlike faces' THEN CASE WHEN found.number >= 2 * (settings->>'faces_of_case')::int THEN 'high' ELSE 'medium' END
                WHEN 'face of staff' THEN CASE found.number WHEN 1 THEN 'medium' ELSE 'high' END
                ELSE 'high' END,
            CASE WHEN found.kind IN ('one face, unrelated cases', 'many faces in a short time') THEN '' ELSE found.about END,
            found.first_fresh, found.roles, found.cases, found.ids, found.began, found.ended,
            CASE found.kind
                WHEN 'one face, unrelated cases' THEN format('One face (%s) in %s searches by %s account(s) under %s cases that no search links: %s.',
                    similar_at, found.searches, found.users, found.number, array_to_string(found.cases, ', '))
                WHEN 'same face repeatedly' THEN format('One face (%s) searched up to %s times in %s days by one account, %s times in all, under %s case(s).',
                    similar_at, found.number, settings->>'repeat_days', found.searches, cardinality(found.cases))
                WHEN 'case with unlike faces' THEN format('%s different faces (less than %s) under one case number, in %s searches by %s account(s).',
                    found.number, similar_at, found.searches, found.users)
                WHEN 'many faces from one image' THEN format('%s different faces searched from one original image, in %s searches by %s account(s).',
                    found.number, found.searches, found.users)
                WHEN 'many faces in a short time' THEN format('Up to %s different faces within %s minutes by one account, %s searches in all.',
                    found.number, settings->>'crowd_minutes', found.searches)
                ELSE format('%s search(es) by "%s" for the face of a member of staff, "%s"%s.', found.searches, found.roles[1], found.tells,
                    CASE found.number WHEN 1 THEN ' - whoever searched' END) END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.face_anomalies(uuid, timestamptz, timestamptz, jsonb) IS 'part of anomalies(): what the faces on the probes tell';
REVOKE ALL ON FUNCTION facesnxt.face_anomalies(uuid, timestamptz, timestamptz, jsonb) FROM PUBLIC;
