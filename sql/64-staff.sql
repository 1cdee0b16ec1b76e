-- Faces of staff: held by consent, to tell when one of them is searched for.
--
-- A member gives the face and takes it back, nobody else does. What is held is
-- the template, which no role reads; an auditor sees the finding alone.

CREATE TABLE facesnxt.staff_face (
    account_id uuid PRIMARY KEY REFERENCES facesnxt.account,
    agency_id uuid NOT NULL,
    template facesnxt.embedding NOT NULL
);
COMMENT ON TABLE facesnxt.staff_face IS 'Templates of members of staff who consented: compared with probes by anomalies(), with nothing else, and read by no role';
REVOKE ALL ON TABLE facesnxt.staff_face FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.staff_face', '');

CREATE TABLE facesnxt.staff_consent (
    consent_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    step text NOT NULL CHECK (step IN ('given', 'withdrawn')),
    statement text CHECK (step = 'withdrawn' OR statement <> ''),
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.staff_consent IS 'Who of the staff let the own face be held, in what words, and who took it back; without the face';
SELECT facesnxt.keep_record('staff_consent', 'facesnxt_auditor');

CREATE TABLE facesnxt.staff_person (
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (account_id, person_id)
);
COMMENT ON TABLE facesnxt.staff_person IS 'Members of staff whom references show, such as by their licence: a search that finds them first is a finding';
SELECT facesnxt.keep_record('staff_person');

CREATE FUNCTION facesnxt.give_staff_face(
    statement text, photo bytea DEFAULT NULL, template facesnxt.embedding DEFAULT NULL, face text DEFAULT 'only')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.acting_account('asking');
    given facesnxt.embedding := template;
BEGIN
    IF who.account_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('face of staff', 'NX302', 'refused: the acting role has no account that stands', NULL,
            'Ask the administrator of your agency.', clause => 'SP-IV.A.1');
    END IF;
    IF facesnxt.readable(statement) IS NULL OR num_nonnulls(photo, template) <> 1 THEN
        RAISE EXCEPTION 'consent is given in words, with one photograph or one template' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say in "statement" to what you consent.';
    END IF;
    IF photo IS NOT NULL THEN
        SELECT e.template INTO given FROM facesnxt.extract(photo, face, NULL::text, NULL::text) e;
    END IF;
    INSERT INTO facesnxt.staff_face AS f (account_id, agency_id, template) VALUES (who.account_id, who.agency_id, given)
    ON CONFLICT (account_id) DO UPDATE SET template = excluded.template;
    INSERT INTO facesnxt.staff_consent (agency_id, account_id, step, statement, acting_role, session_role)
    SELECT who.agency_id, who.account_id, 'given', give_staff_face.statement, i.acting_role, i.session_role FROM facesnxt.session_identity() i;
END
$$;
COMMENT ON FUNCTION facesnxt.give_staff_face(text, bytea, facesnxt.embedding, text) IS
'Lets the own face be held, so that searches for it are a finding (NM-IX.A.1); the photograph is not kept, the template is read by nobody';
REVOKE ALL ON FUNCTION facesnxt.give_staff_face(text, bytea, facesnxt.embedding, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.give_staff_face(text, bytea, facesnxt.embedding, text) TO facesnxt_member;

CREATE FUNCTION facesnxt.withdraw_staff_face() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.acting_account('any');
BEGIN
    IF who.account_id IS NULL OR who.status = 'revoked' THEN
        PERFORM facesnxt.refuse_on_record('face of staff', 'NX302', 'refused: the acting role has no account that stands',
            'With a revoked account its face is gone already.', 'Ask the administrator of your agency.', clause => 'SP-IV.A.1');
    END IF;
    DELETE FROM facesnxt.staff_face f WHERE f.account_id = who.account_id;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO facesnxt.staff_consent (agency_id, account_id, step, acting_role, session_role)
    SELECT who.agency_id, who.account_id, 'withdrawn', i.acting_role, i.session_role FROM facesnxt.session_identity() i;
    RETURN true;
END
$$;
COMMENT ON FUNCTION facesnxt.withdraw_staff_face() IS 'Takes the own face back: its template is deleted; false where none was held';
REVOKE ALL ON FUNCTION facesnxt.withdraw_staff_face() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.withdraw_staff_face() TO facesnxt_member;

-- Who is no longer of the staff has no face here.
CREATE FUNCTION facesnxt.forget_staff_face() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    WITH gone AS (
        DELETE FROM facesnxt.staff_face f WHERE f.account_id = NEW.account_id RETURNING f.account_id, f.agency_id
    )
    INSERT INTO facesnxt.staff_consent (agency_id, account_id, step, statement, acting_role, session_role)
    SELECT g.agency_id, g.account_id, 'withdrawn', 'the account was revoked', NEW.by_role, NEW.by_session FROM gone g;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.forget_staff_face() IS 'Trigger: with an account that is revoked goes the face of its holder';
REVOKE ALL ON FUNCTION facesnxt.forget_staff_face() FROM PUBLIC;
CREATE TRIGGER account_event_face AFTER INSERT ON facesnxt.account_event
    FOR EACH ROW WHEN (NEW.step = 'revoked') EXECUTE FUNCTION facesnxt.forget_staff_face();

CREATE FUNCTION facesnxt.link_staff(role regrole, person_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    linked facesnxt.account;
BEGIN
    SELECT a.* INTO linked FROM facesnxt.account a WHERE a.role = link_staff.role;
    IF linked.account_id IS NULL OR NOT facesnxt.in_reach(linked.agency_id) THEN
        PERFORM facesnxt.refuse_on_record('face of staff', 'NX301', format('role "%s" has no account', role), NULL,
            'An administrator of the same agency links its staff.', clause => 'SP-II.A', about => role);
    END IF;
    INSERT INTO facesnxt.staff_person (account_id, agency_id, person_id, acting_role, session_role)
    SELECT linked.account_id, linked.agency_id, link_staff.person_id, i.acting_role, i.session_role FROM facesnxt.session_identity() i
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION facesnxt.link_staff(regrole, uuid) IS 'Says that a person whom references show is the holder of an account';
REVOKE ALL ON FUNCTION facesnxt.link_staff(regrole, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.link_staff(regrole, uuid) TO facesnxt_admin;

-- Which searches of a time show a member of staff, or find one first.
CREATE FUNCTION facesnxt.staff_searches(agency_id uuid, since timestamptz, until timestamptz, threshold double precision)
RETURNS TABLE (search_id uuid, staff uuid)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH held AS (
        SELECT facesnxt.model(f.template) AS model, facesnxt.dimensions(f.template) AS dimensions,
            array_agg(f.template ORDER BY f.account_id) AS templates, array_agg(f.account_id ORDER BY f.account_id) AS staff
        FROM facesnxt.staff_face f WHERE f.agency_id = staff_searches.agency_id GROUP BY 1, 2
    ), probes AS (
        SELECT facesnxt.model(t.template) AS model, facesnxt.dimensions(t.template) AS dimensions,
            array_agg(t.template ORDER BY s.search_id) AS templates, array_agg(s.search_id ORDER BY s.search_id) AS searches
        FROM facesnxt.search s JOIN facesnxt.probe_template t USING (search_id)
        WHERE s.agency_id = staff_searches.agency_id AND s.recorded_at >= since AND s.recorded_at < until
        GROUP BY 1, 2
    )
    SELECT p.searches[l.a_place], h.staff[l.b_place]
    FROM probes p JOIN held h ON h.model IS NOT DISTINCT FROM p.model AND h.dimensions = p.dimensions,
        LATERAL facesnxt.like_faces(p.templates, h.templates, threshold) l
    UNION
    SELECT s.search_id, o.account_id
    FROM facesnxt.search s JOIN facesnxt.candidate c USING (search_id) JOIN facesnxt.staff_person o ON o.person_id = c.person_id
    WHERE s.agency_id = staff_searches.agency_id AND o.agency_id = staff_searches.agency_id AND s.recorded_at >= since AND s.recorded_at < until
        AND c.rank = 1 AND c.score >= staff_searches.threshold;
END
$$;
COMMENT ON FUNCTION facesnxt.staff_searches(uuid, timestamptz, timestamptz, double precision) IS
'Searches of a time whose probe is like the face of a member of the agency''s staff, or which found one first';
REVOKE ALL ON FUNCTION facesnxt.staff_searches(uuid, timestamptz, timestamptz, double precision) FROM PUBLIC;
