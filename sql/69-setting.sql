-- Threshold, model and index: what every search depends on changes by two
-- persons, and both see what it would have meant for searches that were made.

CREATE TABLE facesnxt.setting_proposal (
    proposal_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('threshold', 'recogniser', 'detector', 'index')),
    agency_id uuid CHECK ((kind = 'threshold') = (agency_id IS NOT NULL)),
    value text,
    note text,
    evidence jsonb NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.setting_proposal IS
'Proposed changes of what every search depends on, each with what it would have changed in a sample of recent searches (NM-II.c)';
COMMENT ON COLUMN facesnxt.setting_proposal.value IS 'The threshold of searches that name none, or NULL for none; the name of a model; the fingerprint whose references are indexed';
COMMENT ON COLUMN facesnxt.setting_proposal.evidence IS 'Before and after: counts alone, nobody who was searched for or found';
SELECT facesnxt.keep_record('setting_proposal', 'facesnxt_auditor', 'facesnxt_admin');

CREATE TABLE facesnxt.setting_decision (
    proposal_id uuid PRIMARY KEY REFERENCES facesnxt.setting_proposal,
    agency_id uuid,
    adopted boolean NOT NULL,
    note text,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.setting_decision IS 'Who put a proposed setting into effect, or rejected it: somebody else than who proposed it';
SELECT facesnxt.keep_record('setting_decision', 'facesnxt_auditor', 'facesnxt_admin');

CREATE FUNCTION facesnxt.agency_threshold(agency_id uuid) RETURNS real
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT p.value::real FROM facesnxt.setting_proposal p JOIN facesnxt.setting_decision d USING (proposal_id)
            WHERE p.kind = 'threshold' AND d.adopted AND p.agency_id = agency_threshold.agency_id ORDER BY d.recorded_at DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION facesnxt.agency_threshold(uuid) IS 'The threshold of an agency''s searches that name none; NULL: all candidates';
REVOKE ALL ON FUNCTION facesnxt.agency_threshold(uuid) FROM PUBLIC;

-- What makes a change of a setting one of searches that count: that there are some.
CREATE FUNCTION facesnxt.needs_two(kind text, value text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE kind
        WHEN 'index' THEN to_regclass(format('facesnxt.%I', 'reference_template_' || value)) IS NULL
            AND EXISTS (SELECT FROM facesnxt.search s WHERE s.status = 'completed' AND s.model = value)
            -- one that was there before, as before a restore, may be made anew
            AND NOT EXISTS (SELECT FROM facesnxt.search s WHERE s.status = 'completed' AND s.model = value AND s.scan ? 'index')
        ELSE EXISTS (SELECT FROM facesnxt.model m WHERE m.kind = needs_two.kind AND m.in_use AND m.name <> value)
            AND EXISTS (SELECT FROM facesnxt.search s JOIN facesnxt.model m ON m.fingerprint = s.model
                        WHERE s.status = 'completed' AND m.kind = 'recogniser' AND m.in_use) END;
END
$$;
COMMENT ON FUNCTION facesnxt.needs_two(text, text) IS 'Whether a model or an index is one on which searches of record depend';
REVOKE ALL ON FUNCTION facesnxt.needs_two(text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.refuse_direct(kind text, value text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF facesnxt.needs_two(kind, value) THEN
        PERFORM facesnxt.refuse_on_record('setting', 'NX463', format('refused: searches depend on the %s', kind),
            'A change takes two persons, who see what it means for searches that were made (NM-II.c).',
            'facesnxt.propose_setting() proposes it, facesnxt.decide_setting() by another administrator puts it into effect.', clause => 'NM-II.c');
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_direct(text, text) IS 'Refuses, on record, to change alone what searches depend on (NX463)';
REVOKE ALL ON FUNCTION facesnxt.refuse_direct(text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.propose_setting(kind text, value text, note text DEFAULT NULL, agency text DEFAULT NULL, sample int DEFAULT 50) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner CONSTANT uuid := facesnxt.agency_named(agency);
    evidence jsonb;
    code text;
    new_id uuid;
BEGIN
    IF (CASE kind WHEN 'threshold' THEN owner IS NULL OR value::real NOT BETWEEN -1 AND 1
            WHEN 'index' THEN owner IS NOT NULL OR value !~ '^[0-9a-f]{8}$' OR value IS NULL
            ELSE owner IS NOT NULL OR NOT EXISTS (SELECT FROM facesnxt.model m WHERE m.kind = propose_setting.kind AND m.name = value) END)
        OR kind IS NULL OR sample IS NULL OR sample NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'no such setting can be proposed' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'An agency''s threshold from -1 to 1; the name of a registered recogniser or detector; the fingerprint whose references are to be indexed.';
    END IF;
    IF owner IS NULL AND NOT facesnxt.in_reach(NULL) THEN
        RAISE EXCEPTION 'models and indexes are the host''s' USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an administrator of the host.';
    END IF;
    -- an index that is tried is gone again
    BEGIN
        evidence := facesnxt.try_setting(kind, value, owner, sample);
        IF kind = 'index' THEN
            RAISE EXCEPTION USING ERRCODE = 'UNDO0', MESSAGE = evidence::text;
        END IF;
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        GET STACKED DIAGNOSTICS code = MESSAGE_TEXT;
        evidence := code::jsonb;
    END;
    INSERT INTO facesnxt.setting_proposal (kind, agency_id, value, note, evidence, acting_role, session_role)
    SELECT propose_setting.kind, owner, propose_setting.value, propose_setting.note, evidence, i.acting_role, i.session_role FROM facesnxt.session_identity() i
    RETURNING proposal_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.propose_setting(text, text, text, text, int) IS
'Proposes a threshold, model or index, with what it would have meant for recent searches; decide_setting() by somebody else puts it into effect (NM-II.c)';
REVOKE ALL ON FUNCTION facesnxt.propose_setting(text, text, text, text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.propose_setting(text, text, text, text, int) TO facesnxt_admin;

CREATE FUNCTION facesnxt.decide_setting(proposal_id uuid, adopt boolean, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proposed facesnxt.setting_proposal;
    who record;
BEGIN
    SELECT p.* INTO proposed FROM facesnxt.setting_proposal p WHERE p.proposal_id = decide_setting.proposal_id FOR UPDATE;
    SELECT i.acting_role, i.session_role INTO who FROM facesnxt.session_identity() i;
    IF proposed.proposal_id IS NULL OR NOT facesnxt.in_reach(proposed.agency_id) OR adopt IS NULL
        OR EXISTS (SELECT FROM facesnxt.setting_decision d WHERE d.proposal_id = decide_setting.proposal_id) THEN
        RAISE EXCEPTION 'no such setting is to be decided' USING ERRCODE = 'undefined_object',
            HINT = 'facesnxt.setting_proposal and facesnxt.setting_decision show what is.';
    END IF;
    IF adopt AND ARRAY[who.acting_role, who.session_role] && ARRAY[proposed.acting_role, proposed.session_role] THEN
        PERFORM facesnxt.refuse_on_record('setting', 'NX464', 'who proposed a setting cannot put it into effect',
            format('It was proposed by "%s", logged on as "%s" (NM-II.c).', proposed.acting_role, proposed.session_role),
            'Another administrator decides.', proposed.agency_id, clause => 'NM-II.c');
    END IF;
    INSERT INTO facesnxt.setting_decision (proposal_id, agency_id, adopted, note, acting_role, session_role)
    VALUES (proposed.proposal_id, proposed.agency_id, adopt, decide_setting.note, who.acting_role, who.session_role);
    IF adopt AND proposed.kind IN ('recogniser', 'detector') THEN
        PERFORM facesnxt.put_model(proposed.value);
    ELSIF adopt AND proposed.kind = 'index' THEN
        PERFORM facesnxt.make_index(proposed.value);
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.decide_setting(uuid, boolean, text) IS
'Puts a proposed setting into effect at once, or rejects it; whoever proposed it can only reject (NX464)';
REVOKE ALL ON FUNCTION facesnxt.decide_setting(uuid, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_setting(uuid, boolean, text) TO facesnxt_admin;
