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

-- ---- at enrolment

CREATE FUNCTION facesnxt.look_for_duplicates(reference_id uuid, similarity real DEFAULT 0.6) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mine facesnxt.reference_image;
    found int := 0;
    other record;
BEGIN
    SELECT r.* INTO mine FROM facesnxt.reference_image r WHERE r.reference_id = look_for_duplicates.reference_id;
    -- with less likeness it would be a search for whoever looks like a photograph, of no case and by no policy
    IF mine.reference_id IS NULL OR similarity IS NULL OR similarity NOT BETWEEN 0.5 AND 1 THEN
        RAISE EXCEPTION 'no such reference, or no such similarity' USING ERRCODE = 'invalid_parameter_value', HINT = 'A similarity is 0.5 to 1.';
    END IF;
    FOR other IN
        SELECT 'same photograph' AS kind, r.reference_id, NULL::real AS score, NULL::int AS distance FROM facesnxt.reference_image r
        WHERE r.photo_sha256 = mine.photo_sha256 AND r.reference_id <> mine.reference_id
        UNION ALL
        SELECT 'like photograph', r.reference_id, NULL, facesnxt.hash_distance((r.extraction->>'photo_hash')::bigint, (mine.extraction->>'photo_hash')::bigint)
        FROM facesnxt.reference_image r
        WHERE facesnxt.hash_bands((r.extraction->>'photo_hash')::bigint) && facesnxt.hash_bands((mine.extraction->>'photo_hash')::bigint)
            AND facesnxt.hash_distance((r.extraction->>'photo_hash')::bigint, (mine.extraction->>'photo_hash')::bigint) <= 6
            AND r.reference_id <> mine.reference_id AND r.photo_sha256 <> mine.photo_sha256
        UNION ALL
        SELECT 'two identities', n.reference_id, n.score, NULL FROM facesnxt.reference t,
            facesnxt.nearest(t.template, enum_range(NULL::facesnxt.repository),
                -- the person's own come first
                20 + (SELECT count(*) FROM facesnxt.reference o WHERE o.person_id = mine.person_id)) n
        WHERE t.reference_id = mine.reference_id AND n.person_id <> mine.person_id AND n.score >= similarity
    LOOP
        found := found + facesnxt.note_duplicate(other.kind, mine.reference_id, other.reference_id, other.score, other.distance)::int;
    END LOOP;
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
    next record;
BEGIN
    FOR next IN SELECT r.reference_id FROM facesnxt.reference_image r WHERE r.enrolled_at >= since ORDER BY r.enrolled_at, r.reference_id LOOP
        found := found + facesnxt.look_for_duplicates(next.reference_id, similarity);
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION facesnxt.hunt_duplicates(timestamptz, real) IS 'look_for_duplicates() of every reference that was enrolled since then; with an index of references it takes a search each';
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
