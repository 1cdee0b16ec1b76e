-- Photographic line-ups: the candidate among five others who look alike to a
-- description and unlike to a template, at places that chance decides and the
-- record keeps. To show somebody in one is an action about a candidate, so the
-- gate of actions (sql/38-gate.sql) judges it first.

CREATE TABLE facesnxt.lineup (
    lineup_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    account_id uuid NOT NULL,
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    action_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reference_id uuid NOT NULL,
    criteria jsonb NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.lineup (agency_id, recorded_at);
CREATE INDEX ON facesnxt.lineup (search_id);
COMMENT ON TABLE facesnxt.lineup IS
'Photographic line-ups: of which candidate of which search, who composed it, when, how the fillers were chosen, and the permitted action that it is (NM-VI.D, NS-32.6.7, MI-4.3.4.1.a)';
COMMENT ON COLUMN facesnxt.lineup.person_id IS 'The candidate';
COMMENT ON COLUMN facesnxt.lineup.criteria IS
'What fillers had to share (gender, race, age within so many years of a year of birth), the similarity below which they had to be, and of how many they were drawn';

CREATE TABLE facesnxt.lineup_place (
    lineup_id uuid NOT NULL REFERENCES facesnxt.lineup,
    position int NOT NULL CHECK (position BETWEEN 1 AND 6),
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reference_id uuid NOT NULL,
    photo_sha256 bytea,
    suspect boolean NOT NULL,
    similarity real NOT NULL,
    PRIMARY KEY (lineup_id, position),
    UNIQUE (lineup_id, person_id)
);
COMMENT ON TABLE facesnxt.lineup_place IS 'Who stood where in a line-up, by which photograph';
COMMENT ON COLUMN facesnxt.lineup_place.similarity IS 'Greatest cosine similarity to a reference of the candidate or to the probe; of the candidate, the score of the search';
SELECT facesnxt.keep_record(kept, 'facesnxt_auditor') FROM pg_catalog.unnest(ARRAY['lineup', 'lineup_place']::name[]) kept;

INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches, sets, columns) VALUES
    ('lineup', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'criteria = ''{}''', '{criteria,person_id,reference_id}'),
    ('lineup_place', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'photo_sha256 = NULL', '{photo_sha256,person_id,reference_id}'),
    ('lineup_place', 'reference', 'blank', 40, 't.reference_id = ANY ($1)', 'photo_sha256 = NULL', '{photo_sha256}'),
    ('lineup_place', 'searches', 'delete', 8,
     'EXISTS (SELECT FROM facesnxt.lineup l WHERE l.lineup_id = t.lineup_id AND l.search_id = ANY ($1))', NULL, NULL),
    ('lineup', 'searches', 'delete', 9, 't.search_id = ANY ($1)', NULL, NULL);

CREATE VIEW facesnxt.my_lineups WITH (security_barrier) AS
    SELECT l.lineup_id, l.search_id, s.case_number, l.acting_role, l.recorded_at
    FROM facesnxt.lineup l JOIN facesnxt.search s USING (search_id)
    WHERE l.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_lineups IS 'Line-ups of the acting role''s agency, without who stood where: that is lineup_key()''s, which is logged';
REVOKE ALL ON TABLE facesnxt.my_lineups FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_lineups TO facesnxt_investigator;

-- ---- whom to choose

-- What the fillers are to be like: as stated, else as the candidate's record
-- says. Nothing of it is shown to whoever asks.
CREATE FUNCTION facesnxt.lineup_description(person_id uuid, stated jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('gender', lower(btrim(coalesce($2->>'gender', d.gender))), 'race', lower(btrim(coalesce($2->>'race', d.race))),
        'born', coalesce(current_date - ($2->>'age')::int * 365, CASE WHEN isfinite(p.date_of_birth) THEN p.date_of_birth END),
        'height', lower(btrim(coalesce($2->>'height', d.height))), 'stated', $2 IS NOT NULL)
    FROM facesnxt.person p LEFT JOIN facesnxt.person_detail d USING (person_id) WHERE p.person_id = $1
$$;
COMMENT ON FUNCTION facesnxt.lineup_description(uuid, jsonb) IS 'Gender, race, birth and height by which the fillers of a line-up are chosen';
REVOKE ALL ON FUNCTION facesnxt.lineup_description(uuid, jsonb) FROM PUBLIC;

-- Whoever is on the list of the search is no filler: the person who is looked
-- for may be another of them. Nor is whoever looks like the candidate or the
-- probe to the model, nor two who look like each other: each face stands for one
-- person who is known not to be the candidate.
CREATE FUNCTION facesnxt.choose_fillers(search_id uuid, suspect uuid, repository facesnxt.repository, description jsonb, years int, below real, wanted int)
RETURNS TABLE (person_id uuid, reference_id uuid, similarity real, pool int)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_model CONSTANT text := (SELECT s.model FROM facesnxt.search s WHERE s.search_id = choose_fillers.search_id);
    alike facesnxt.embedding[] := ARRAY(SELECT r.template FROM facesnxt.reference r WHERE r.person_id = suspect AND r.model = of_model
        UNION ALL SELECT t.template FROM facesnxt.probe_template t WHERE t.search_id = choose_fillers.search_id AND t.model = of_model);
    taken facesnxt.embedding[] := ARRAY[]::facesnxt.embedding[];
    offered record;
    chosen int := 0;
BEGIN
    FOR offered IN
        WITH described AS MATERIALIZED (
            SELECT p.person_id, abs(p.date_of_birth - (description->>'born')::date) AS apart,
                lower(btrim(d.height)) IS DISTINCT FROM description->>'height' AS other_height
            FROM facesnxt.person_detail d JOIN facesnxt.person p USING (person_id)
            WHERE lower(btrim(d.gender)) = description->>'gender' AND lower(btrim(d.race)) = description->>'race'
                AND p.person_id <> suspect AND isfinite(p.date_of_birth)
                AND abs(p.date_of_birth - (description->>'born')::date) <= years * 366
                AND NOT EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = choose_fillers.search_id AND c.person_id = p.person_id)
                AND EXISTS (SELECT FROM facesnxt.reference r JOIN facesnxt.reference_image i USING (reference_id)
                            WHERE r.person_id = p.person_id AND r.repository = choose_fillers.repository AND r.model = of_model
                                AND i.photo IS NOT NULL)
            ORDER BY other_height, apart, p.person_id LIMIT 300
        ), unlike AS MATERIALIZED (
            SELECT d.*, l.score FROM described d CROSS JOIN LATERAL (
                SELECT max(1 - (r.template OPERATOR(facesnxt.<=>) a))::real AS score
                FROM facesnxt.reference r CROSS JOIN unnest(alike) a WHERE r.person_id = d.person_id AND r.model = of_model) l
            WHERE l.score < below ORDER BY d.other_height, d.apart, d.person_id LIMIT 60
        )
        SELECT u.person_id, u.score, r.reference_id, r.template, count(*) OVER () AS pool
        FROM unlike u CROSS JOIN LATERAL (
            SELECT r.reference_id, r.template FROM facesnxt.reference r JOIN facesnxt.reference_image i USING (reference_id)
            WHERE r.person_id = u.person_id AND r.repository = choose_fillers.repository AND r.model = of_model AND i.photo IS NOT NULL
            ORDER BY i.enrolled_at DESC, r.reference_id LIMIT 1) r
        ORDER BY gen_random_uuid() -- of the server's strong source of chance
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM unnest(taken) t WHERE 1 - (t OPERATOR(facesnxt.<=>) offered.template) >= below);
        taken := taken || offered.template;
        person_id := offered.person_id;
        reference_id := offered.reference_id;
        similarity := offered.score;
        pool := offered.pool;
        RETURN NEXT;
        chosen := chosen + 1;
        EXIT WHEN chosen = wanted;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.choose_fillers(uuid, uuid, facesnxt.repository, jsonb, int, real, int) IS
'Persons by chance who fit a description and have a photograph of the same repository, and whose templates are all unlike those of the candidate, of the probe and of each other';
REVOKE ALL ON FUNCTION facesnxt.choose_fillers(uuid, uuid, facesnxt.repository, jsonb, int, real, int) FROM PUBLIC;

-- ---- composing one

-- The action is judged and kept first, whatever else is wrong.
CREATE FUNCTION facesnxt.apply_lineup(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    permitted CONSTANT jsonb := facesnxt.action_apply(request || '{"kind": "line-up"}');
    new_id uuid := gen_random_uuid();
BEGIN
    IF permitted->>'code' IS NOT NULL THEN
        RETURN permitted;
    ELSIF who.account_id IS NULL THEN
        RETURN facesnxt.record_refusal('line-up', request, facesnxt.no_account());
    ELSIF request->>'why' IS NOT NULL THEN
        RETURN facesnxt.record_refusal('line-up', request, facesnxt.refusal('NX480', 'line-up refused: ' || (request->>'why'),
            'The candidate stands among five others who fit the same description and are somebody else.', request->>'hint'));
    END IF;
    INSERT INTO facesnxt.lineup (lineup_id, agency_id, account_id, search_id, action_id, person_id, reference_id, criteria, acting_role, session_role)
    SELECT new_id, who.agency_id, who.account_id, (request->>'search_id')::uuid, (permitted->>'action_id')::uuid, (request->>'person_id')::uuid,
        p.reference_id, request->'criteria', request->'identity'->>'acting_role', request->'identity'->>'session_role'
    FROM jsonb_to_recordset(request->'places') AS p (reference_id uuid, suspect boolean) WHERE p.suspect;
    INSERT INTO facesnxt.lineup_place (lineup_id, position, agency_id, person_id, reference_id, photo_sha256, suspect, similarity)
    SELECT new_id, p.position, who.agency_id, p.person_id, p.reference_id,
        (SELECT i.photo_sha256 FROM facesnxt.reference_image i WHERE i.reference_id = p.reference_id), p.suspect, p.similarity
    FROM jsonb_to_recordset(request->'places') AS p (position int, person_id uuid, reference_id uuid, suspect boolean, similarity real);
    RETURN jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_lineup(jsonb) IS 'The writer''s part of compose_lineup(): judges the action, keeps the line-up and who stands where';
REVOKE ALL ON FUNCTION facesnxt.apply_lineup(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.compose_lineup(
    search_id uuid, rank int, basis text DEFAULT NULL, description jsonb DEFAULT NULL, years int DEFAULT 8, below real DEFAULT 0.3,
    overrides jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.search;
    suspect record;
    alike jsonb;
    fillers jsonb;
    places jsonb;
    pool int;
    why text;
    hint text;
BEGIN
    IF years IS NULL OR years NOT BETWEEN 1 AND 30 OR below IS NULL OR NOT (below > -1 AND below <= 0.5) THEN
        RAISE EXCEPTION 'fillers cannot be chosen by such bounds' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Ages are 1 to 30 years apart at most; the similarity, from -1 to 0.5, is below that of one person''s photographs.';
    ELSIF description IS NOT NULL AND (jsonb_typeof(description) <> 'object' OR coalesce(description->>'age', '20') !~ '^[0-9]{1,3}$') THEN
        RAISE EXCEPTION 'the description cannot be read' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give an object such as {"gender": "M", "race": "W", "age": 35}.';
    END IF;
    found := facesnxt.sheet_search('line-up sheet', search_id, coalesce(rank, 0));
    SELECT c.person_id, c.reference_id, c.repository, c.score, i.photo IS NOT NULL AS pictured INTO suspect
    FROM facesnxt.candidate c LEFT JOIN facesnxt.reference_image i ON i.reference_id = c.reference_id
    WHERE c.search_id = found.search_id AND c.rank = compose_lineup.rank;
    alike := facesnxt.lineup_description(suspect.person_id, description);
    IF NOT suspect.pictured THEN
        why := 'no photograph of the candidate is kept';
        hint := 'A line-up needs a photograph of everybody in it.';
    ELSIF alike->>'gender' IS NULL OR alike->>'race' IS NULL OR alike->>'born' IS NULL THEN
        why := 'the candidate''s gender, race or age is not known';
        hint := 'Give "description": {"gender": "...", "race": "...", "age": ...}, as a witness described the person.';
    ELSE
        SELECT coalesce(jsonb_agg(to_jsonb(f) - 'pool' || '{"suspect": false}'), '[]'), max(f.pool) INTO fillers, pool
        FROM facesnxt.choose_fillers(found.search_id, suspect.person_id, suspect.repository::facesnxt.repository, alike, years, below, 5) f;
        IF jsonb_array_length(fillers) < 5 THEN
            why := format('%s of five fillers were found', jsonb_array_length(fillers));
            hint := 'Enrol more persons with their details, allow more "years", or a greater "below".';
        END IF;
    END IF;
    SELECT jsonb_agg(p.v || jsonb_build_object('position', p.position)) INTO places
    FROM (SELECT v, row_number() OVER (ORDER BY gen_random_uuid()) AS position
          FROM jsonb_array_elements(fillers || jsonb_build_object('person_id', suspect.person_id, 'reference_id', suspect.reference_id,
              'similarity', suspect.score, 'suspect', true)) v) p;
    RETURN (facesnxt.record_it('line-up', jsonb_build_object('search_id', found.search_id, 'person_id', suspect.person_id, 'basis', basis,
        'overrides', overrides, 'why', why, 'hint', hint, 'places', places,
        -- of the birth no more than the year is kept here
        'criteria', alike || jsonb_build_object('born', left(alike->>'born', 4), 'years', years, 'below', below, 'pool', pool, 'repository', suspect.repository)))->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.compose_lineup(uuid, int, text, jsonb, int, real, jsonb) IS
'Composes a line-up of a candidate and five fillers like in gender, race and age and unlike in template, at random places, where the policy permits the action "line-up"; its number (NX302, NX350 to NX361, NX397, NX480)';
REVOKE ALL ON FUNCTION facesnxt.compose_lineup(uuid, int, text, jsonb, int, real, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.compose_lineup(uuid, int, text, jsonb, int, real, jsonb) TO facesnxt_investigator;

-- ---- the sheet and its key

CREATE FUNCTION facesnxt.own_lineup(kind text, lineup_id uuid) RETURNS facesnxt.lineup
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.lineup;
BEGIN
    PERFORM facesnxt.check_snapshot('sheet');
    SELECT l.* INTO found FROM facesnxt.lineup l
    WHERE l.lineup_id = own_lineup.lineup_id AND l.agency_id = (facesnxt.acting_account('active')).agency_id;
    IF found.lineup_id IS NULL THEN
        PERFORM facesnxt.record_it('sheet', jsonb_build_object('kind', kind, 'lineup_id', lineup_id));
    END IF;
    PERFORM facesnxt.check_not_blind(found.search_id);
    RETURN found;
END
$$;
COMMENT ON FUNCTION facesnxt.own_lineup(text, uuid) IS 'A line-up of the acting role''s agency; else a refusal on record (NX302, NX397)';
REVOKE ALL ON FUNCTION facesnxt.own_lineup(text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.lineup_sheet(lineup_id uuid) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'line-up sheet';
    found CONSTANT facesnxt.lineup := facesnxt.own_lineup(kind, lineup_id);
    cells text[] := ARRAY[]::text[];
    pictures bytea[] := ARRAY[]::bytea[];
    shown record;
    picture bytea;
BEGIN
    FOR shown IN
        SELECT p.*, i.photo, i.extraction FROM facesnxt.lineup_place p LEFT JOIN facesnxt.reference_image i ON i.reference_id = p.reference_id
        WHERE p.lineup_id = found.lineup_id ORDER BY p.position
    LOOP
        picture := facesnxt.sheet_picture(shown.photo, kind, facesnxt.face_box(shown.extraction));
        pictures := pictures || ARRAY[picture];
        cells := cells || ARRAY[shown.position::text, NULL, NULL, 'NO LONGER KEPT', NULL];
    END LOOP;
    RETURN facesnxt.hand_out(kind, NULL, found.lineup_id, NULL, facesnxt.draw_sheet(kind,
        ARRAY[NULL, NULL, NULL, NULL, 'Line-up ' || found.lineup_id, NULL], '{}', cells, pictures));
END
$$;
COMMENT ON FUNCTION facesnxt.lineup_sheet(uuid) IS
'A line-up as JPEG: six photographs with the numbers of their places, heads of one size, and nothing that says who is who; committed first as candidate_sheet() is';
REVOKE ALL ON FUNCTION facesnxt.lineup_sheet(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.lineup_sheet(uuid) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.lineup_key(lineup_id uuid)
RETURNS TABLE ("position" int, suspect boolean, person_id uuid, reference_id uuid, photo_sha256 bytea, similarity real)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT facesnxt.lineup := facesnxt.own_lineup('line-up key', lineup_id);
BEGIN
    PERFORM facesnxt.record_it('sheet', jsonb_build_object('kind', 'line-up key', 'lineup_id', found.lineup_id));
    RETURN QUERY SELECT p.position, p.suspect, p.person_id, p.reference_id, p.photo_sha256, p.similarity
                 FROM facesnxt.lineup_place p WHERE p.lineup_id = found.lineup_id ORDER BY p.position;
END
$$;
COMMENT ON FUNCTION facesnxt.lineup_key(uuid) IS 'Who stood where in a line-up of one''s own agency; that it was looked up is committed first (NX397)';
REVOKE ALL ON FUNCTION facesnxt.lineup_key(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.lineup_key(uuid) TO facesnxt_investigator, facesnxt_auditor;
