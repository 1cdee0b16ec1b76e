-- The same photograph twice, and one face under two identities: findings that
-- somebody resolves. Nothing is refused by them, and nobody is merged.

-- Two hashes that differ in at most three bits agree in one of four bands.
CREATE FUNCTION facesnxt.hash_bands(hash bigint) RETURNS int[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY[(hash & 65535)::int, 65536 + ((hash >> 16) & 65535)::int, 131072 + ((hash >> 32) & 65535)::int, 196608 + ((hash >> 48) & 65535)::int] $$;
COMMENT ON FUNCTION facesnxt.hash_bands(bigint) IS 'The four quarters of a hash, each with its place, as an index finds them';
REVOKE ALL ON FUNCTION facesnxt.hash_bands(bigint) FROM PUBLIC;
CREATE INDEX reference_image_hash ON facesnxt.reference_image USING gin (facesnxt.hash_bands((extraction->>'photo_hash')::bigint));

CREATE TABLE facesnxt.duplicate (
    duplicate_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('same photograph', 'like photograph', 'two identities')),
    person_id uuid NOT NULL,
    reference_id uuid NOT NULL,
    other_person_id uuid NOT NULL,
    other_reference_id uuid NOT NULL,
    score real,
    distance int,
    clause text,
    found_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((kind = 'two identities') = (score IS NOT NULL)),
    CHECK ((kind = 'like photograph') = (distance IS NOT NULL))
);
CREATE UNIQUE INDEX ON facesnxt.duplicate (reference_id, other_reference_id, kind);
CREATE INDEX ON facesnxt.duplicate (person_id);
CREATE INDEX ON facesnxt.duplicate (other_person_id);
COMMENT ON TABLE facesnxt.duplicate IS
'References that may be duplicates: the same bytes, a copy of the photograph, or like faces under two identities (NP-VI.A.5); the finding is a lead, somebody resolves it';
COMMENT ON COLUMN facesnxt.duplicate.score IS 'Cosine similarity of the two templates';
COMMENT ON COLUMN facesnxt.duplicate.distance IS 'Bits in which the perceptual hashes differ';
SELECT facesnxt.keep_record('duplicate', 'facesnxt_auditor', 'facesnxt_admin');

CREATE TABLE facesnxt.duplicate_resolution (
    duplicate_id uuid PRIMARY KEY REFERENCES facesnxt.duplicate,
    conclusion text NOT NULL CHECK (conclusion IN ('one person', 'two persons', 'same photograph kept', 'not the same photograph', 'to be investigated')),
    reason text NOT NULL CHECK (reason <> ''),
    resolved_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.duplicate_resolution IS 'What somebody concluded about a possible duplicate, and on what ground; it changes no person and no reference';
SELECT facesnxt.keep_record('duplicate_resolution', 'facesnxt_auditor', 'facesnxt_admin');

INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches) VALUES
    ('duplicate_resolution', 'person', 'delete', 5, 'EXISTS (SELECT FROM facesnxt.duplicate d WHERE d.duplicate_id = t.duplicate_id
        AND (d.person_id = ANY ($1) OR d.other_person_id = ANY ($1)))'),
    ('duplicate', 'person', 'delete', 6, 't.person_id = ANY ($1) OR t.other_person_id = ANY ($1)'),
    ('duplicate_resolution', 'reference', 'delete', 5, 'EXISTS (SELECT FROM facesnxt.duplicate d WHERE d.duplicate_id = t.duplicate_id
        AND (d.reference_id = ANY ($1) OR d.other_reference_id = ANY ($1)))'),
    ('duplicate', 'reference', 'delete', 6, 't.reference_id = ANY ($1) OR t.other_reference_id = ANY ($1)');

CREATE FUNCTION facesnxt.note_duplicate(kind text, mine uuid, other uuid, score real, distance int) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    noted bigint;
BEGIN
    INSERT INTO facesnxt.duplicate (kind, reference_id, person_id, other_reference_id, other_person_id, score, distance, clause, found_by, session_role)
    SELECT note_duplicate.kind, m.reference_id, m.person_id, o.reference_id, o.person_id, note_duplicate.score, note_duplicate.distance,
        CASE WHEN m.person_id <> o.person_id THEN 'NP-VI.A.5' END, i.acting_role, i.session_role
    FROM facesnxt.reference_image m, facesnxt.reference_image o, facesnxt.session_identity() i
    WHERE m.reference_id = mine AND o.reference_id = other
        AND NOT EXISTS (SELECT FROM facesnxt.duplicate d WHERE d.kind = note_duplicate.kind AND d.reference_id = other AND d.other_reference_id = mine)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN noted > 0;
END
$$;
COMMENT ON FUNCTION facesnxt.note_duplicate(text, uuid, uuid, real, int) IS 'Records a possible duplicate, unless it is recorded already, either way round';
REVOKE ALL ON FUNCTION facesnxt.note_duplicate(text, uuid, uuid, real, int) FROM PUBLIC;

-- ---- finding them

CREATE FUNCTION facesnxt.like_photographs(reference_id uuid) RETURNS TABLE (kind text, other_reference_id uuid, distance int)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'same photograph', o.reference_id, NULL::int
    FROM facesnxt.reference_image m JOIN facesnxt.reference_image o ON o.photo_sha256 = m.photo_sha256 AND o.reference_id <> m.reference_id
    WHERE m.reference_id = $1
    UNION ALL
    SELECT 'like photograph', o.reference_id, facesnxt.hash_distance((o.extraction->>'photo_hash')::bigint, (m.extraction->>'photo_hash')::bigint)
    FROM facesnxt.reference_image m JOIN facesnxt.reference_image o
        ON facesnxt.hash_bands((o.extraction->>'photo_hash')::bigint) && facesnxt.hash_bands((m.extraction->>'photo_hash')::bigint)
            AND facesnxt.hash_distance((o.extraction->>'photo_hash')::bigint, (m.extraction->>'photo_hash')::bigint) <= 6
            AND o.reference_id <> m.reference_id AND o.photo_sha256 <> m.photo_sha256
    WHERE m.reference_id = $1
$$;
COMMENT ON FUNCTION facesnxt.like_photographs(uuid) IS
'References with the same photograph, and those whose perceptual hash differs in at most six bits (all of up to three)';
REVOKE ALL ON FUNCTION facesnxt.like_photographs(uuid) FROM PUBLIC;

-- Where references have an index its codes are read once for several of them.
CREATE FUNCTION facesnxt.like_faces(reference_ids uuid[], similarity real)
RETURNS TABLE (reference_id uuid, other_reference_id uuid, score real)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mine record;
    index regclass;
BEGIN
    FOR mine IN
        SELECT t.model, array_agg(t.reference_id) AS ids, array_agg(t.person_id) AS persons, array_agg(t.template) AS templates
        FROM facesnxt.reference t WHERE t.reference_id = ANY (reference_ids) GROUP BY t.model
    LOOP
        -- one that a search would use
        SELECT i.indexrelid INTO index FROM pg_index i
        WHERE i.indexrelid = to_regclass(format('facesnxt.%I', 'reference_template_' || mine.model))
            AND i.indisvalid AND i.indisready AND NOT i.indcheckxmin;
        IF index IS NULL THEN
            RETURN QUERY SELECT m.reference_id, o.reference_id, (1 - (o.template OPERATOR(facesnxt.<=>) m.template))::real
                FROM unnest(mine.ids, mine.persons, mine.templates) AS m (reference_id, person_id, template), facesnxt.reference o
                WHERE o.model = mine.model AND o.person_id <> m.person_id
                    AND (1 - (o.template OPERATOR(facesnxt.<=>) m.template))::real >= similarity;
        ELSE
            RETURN QUERY SELECT mine.ids[n.probe], o.reference_id, (1 - n.distance)::real
                -- a little farther, for what rounding puts on the other side
                FROM facesnxt.search_many(index, mine.templates, 2147483647, 1 - similarity::float8 + 1e-6) n
                    JOIN facesnxt.reference o ON o.ctid = n."row"
                WHERE o.person_id <> mine.persons[n.probe] AND (1 - n.distance)::real >= similarity;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.like_faces(uuid[], real) IS
'For each reference those of other persons that are at least as similar to it, by templates of the same model';
REVOKE ALL ON FUNCTION facesnxt.like_faces(uuid[], real) FROM PUBLIC;

CREATE FUNCTION facesnxt.note_duplicates(reference_ids uuid[], similarity real) RETURNS int
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found int := 0;
    next record;
BEGIN
    -- with less likeness it would be a search for whoever looks like a photograph, of no case and by no policy
    IF similarity IS NULL OR similarity NOT BETWEEN 0.5 AND 1 THEN
        RAISE EXCEPTION 'no such similarity' USING ERRCODE = 'invalid_parameter_value', HINT = 'A similarity is 0.5 to 1.';
    END IF;
    FOR next IN
        SELECT p.kind, m.reference_id, p.other_reference_id, NULL::real AS score, p.distance
        FROM unnest(reference_ids) AS m (reference_id), facesnxt.like_photographs(m.reference_id) p
        UNION ALL
        SELECT 'two identities', f.reference_id, f.other_reference_id, f.score, NULL FROM facesnxt.like_faces(reference_ids, similarity) f
    LOOP
        found := found + facesnxt.note_duplicate(next.kind, next.reference_id, next.other_reference_id, next.score, next.distance)::int;
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION facesnxt.note_duplicates(uuid[], real) IS 'Records what may be duplicates of these references; how many were not recorded before (22023)';
REVOKE ALL ON FUNCTION facesnxt.note_duplicates(uuid[], real) FROM PUBLIC;

-- ---- at enrolment

CREATE FUNCTION facesnxt.look_for_duplicates(reference_id uuid, similarity real DEFAULT 0.6) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found int;
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.reference_image r WHERE r.reference_id = look_for_duplicates.reference_id) THEN
        RAISE EXCEPTION 'no such reference' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    found := facesnxt.note_duplicates(ARRAY[reference_id], similarity);
    -- the findings are the host's; a number tells whether somebody is enrolled
    RETURN CASE WHEN facesnxt.in_reach(NULL) THEN found END;
END
$$;
COMMENT ON FUNCTION facesnxt.look_for_duplicates(uuid, real) IS
'Looks for the photograph of a reference, for copies of it, and for its face under another identity, and records what it finds; enrol() calls it. How many, which is told to the host alone (NP-VI.A.5)';
REVOKE ALL ON FUNCTION facesnxt.look_for_duplicates(uuid, real) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.look_for_duplicates(uuid, real) TO facesnxt_admin;

-- For the night, after an enrolment of many.
CREATE FUNCTION facesnxt.hunt_duplicates(since timestamptz DEFAULT '-infinity', similarity real DEFAULT 0.6) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found int := 0;
    batch uuid[];
BEGIN
    FOR batch IN
        SELECT array_agg(r.reference_id ORDER BY r.number)
        FROM (SELECT i.reference_id, row_number() OVER (ORDER BY i.enrolled_at, i.reference_id) - 1 AS number
              FROM facesnxt.reference_image i WHERE i.enrolled_at >= since) r
        GROUP BY r.number / 64 ORDER BY r.number / 64
    LOOP
        found := found + facesnxt.note_duplicates(batch, similarity);
    END LOOP;
    RETURN CASE WHEN facesnxt.in_reach(NULL) THEN found END;
END
$$;
COMMENT ON FUNCTION facesnxt.hunt_duplicates(timestamptz, real) IS
'look_for_duplicates() of every reference that was enrolled since then; an index of references is read once for sixteen of them';
REVOKE ALL ON FUNCTION facesnxt.hunt_duplicates(timestamptz, real) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.hunt_duplicates(timestamptz, real) TO facesnxt_admin;

CREATE FUNCTION facesnxt.resolve_duplicate(duplicate_id uuid, conclusion text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF facesnxt.readable(reason) IS NULL OR conclusion IS NULL
        OR NOT EXISTS (SELECT FROM facesnxt.duplicate d WHERE d.duplicate_id = resolve_duplicate.duplicate_id)
        OR EXISTS (SELECT FROM facesnxt.duplicate_resolution r WHERE r.duplicate_id = resolve_duplicate.duplicate_id) THEN
        RAISE EXCEPTION 'a possible duplicate is resolved once, with a conclusion and its reason' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'facesnxt.open_duplicates shows those that are not.';
    END IF;
    INSERT INTO facesnxt.duplicate_resolution (duplicate_id, conclusion, reason, resolved_by, session_role)
    SELECT resolve_duplicate.duplicate_id, resolve_duplicate.conclusion, resolve_duplicate.reason, i.acting_role, i.session_role FROM facesnxt.session_identity() i;
END
$$;
COMMENT ON FUNCTION facesnxt.resolve_duplicate(uuid, text, text) IS
'Says what a possible duplicate is: one person, two persons, same photograph kept, not the same photograph, to be investigated; and on what ground (NP-VI.A.5)';
REVOKE ALL ON FUNCTION facesnxt.resolve_duplicate(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.resolve_duplicate(uuid, text, text) TO facesnxt_admin;

CREATE VIEW facesnxt.open_duplicates WITH (security_invoker = true, security_barrier) AS
    SELECT d.* FROM facesnxt.duplicate d
    WHERE NOT EXISTS (SELECT FROM facesnxt.duplicate_resolution r WHERE r.duplicate_id = d.duplicate_id);
COMMENT ON VIEW facesnxt.open_duplicates IS 'Possible duplicates that nobody has resolved (NP-VI.A.5)';
REVOKE ALL ON facesnxt.open_duplicates FROM PUBLIC;
GRANT SELECT ON facesnxt.open_duplicates TO facesnxt_admin, facesnxt_auditor;
