-- One face against another, by a person: worksheets, dispositions, and what
-- the search comes to.

CREATE TABLE facesnxt.comparison_feature (
    feature text PRIMARY KEY,
    place int NOT NULL UNIQUE
);
COMMENT ON TABLE facesnxt.comparison_feature IS 'The features of a face that a worksheet goes through (SP-III.F)';
INSERT INTO facesnxt.comparison_feature (place, feature)
SELECT f.place, f.feature
FROM unnest(ARRAY['eyes', 'ears', 'nose', 'chin', 'mouth', 'hair', 'structure', 'scars', 'marks', 'blemishes', 'tattoos',
                  'complexion', 'gender', 'age']) WITH ORDINALITY AS f (feature, place);

CREATE TABLE facesnxt.comparison (
    comparison_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    person_id uuid NOT NULL,
    review_id uuid UNIQUE,
    conclusion text NOT NULL CHECK (conclusion IN ('excluded', 'possible match', 'inconclusive')),
    note text,
    account_id uuid NOT NULL,
    capacities text[] NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.comparison (search_id, person_id, recorded_at);
COMMENT ON TABLE facesnxt.comparison IS
'Worksheets: a candidate against the probe by a named person, and the conclusion, which disposes of the candidate; the latest counts (SP-III.F, NM-IV.G.1, MI-4.5.3.2.c)';
COMMENT ON COLUMN facesnxt.comparison.review_id IS 'The blind review that this answers; NULL for a comparison of the first kind';
COMMENT ON COLUMN facesnxt.comparison.conclusion IS 'There is no "identified": comparing faces identifies nobody';

CREATE TABLE facesnxt.comparison_finding (
    comparison_id uuid NOT NULL REFERENCES facesnxt.comparison,
    feature text NOT NULL REFERENCES facesnxt.comparison_feature,
    finding text NOT NULL CHECK (finding IN ('similar', 'different', 'not comparable')),
    PRIMARY KEY (comparison_id, feature)
);
COMMENT ON TABLE facesnxt.comparison_finding IS 'Similarities and differences, feature by feature (SP-III.F)';

CREATE TABLE facesnxt.match_decision (
    decision_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    matched boolean NOT NULL,
    person_id uuid CHECK (matched = (person_id IS NOT NULL)),
    note text,
    account_id uuid NOT NULL,
    capacities text[] NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.match_decision (search_id, recorded_at);
COMMENT ON TABLE facesnxt.match_decision IS
'Whether probe and a candidate seem to match, decided for the search by who evaluates it; still a lead. The latest counts (NM-VI.B.2)';

-- Who evaluates: the persons that the policy names, else anyone of the agency.
CREATE FUNCTION facesnxt.check_evaluator(actor facesnxt.actor, step text, person_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted CONSTANT text[] := facesnxt.policy_texts(actor.version_id, 'evaluator');
BEGIN
    IF cardinality(wanted) > 0 AND NOT wanted && actor.capacities THEN
        PERFORM facesnxt.refuse_step(actor, step, person_id, 'NX350', 'evaluator', NULL,
            format('%s refused: you do not evaluate this search', step),
            format('Its results are evaluated by: %s.', array_to_string(wanted, ', ')),
            'Have the case assigned to you in that capacity, or leave it to who has it.');
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_evaluator(facesnxt.actor, text, uuid) IS 'Refuses whom the policy does not let evaluate a search (NX350)';
REVOKE ALL ON FUNCTION facesnxt.check_evaluator(facesnxt.actor, text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.write_comparison(
    actor facesnxt.actor, person_id uuid, review_id uuid, conclusion text, features jsonb, note text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted CONSTANT text[] := facesnxt.policy_texts(actor.version_id, 'worksheet');
    given CONSTANT jsonb := coalesce(nullif(features, 'null'), '{}');
    fault text;
    new_id uuid;
BEGIN
    IF conclusion IN ('identified', 'identification', 'match', 'positive identification') THEN
        PERFORM facesnxt.refuse_step(actor, 'comparison', person_id, 'NX362', 'not_sole_basis', 'SP-I.D',
            'comparison refused: comparing faces identifies nobody', 'A candidate is a lead.',
            'Conclude "possible match"; facesnxt.determine_identity() records an identification and its basis.');
    END IF;
    IF conclusion IS NULL OR conclusion NOT IN ('excluded', 'possible match', 'inconclusive') THEN
        RAISE EXCEPTION 'there is no conclusion "%"', conclusion
            USING ERRCODE = 'invalid_parameter_value', HINT = 'excluded, possible match or inconclusive.';
    END IF;
    IF jsonb_typeof(given) <> 'object' THEN
        RAISE EXCEPTION 'the features are no object'
            USING ERRCODE = 'invalid_parameter_value', HINT = '{"eyes": "similar", "nose": "different", "ears": "not comparable"}.';
    END IF;
    SELECT format('"%s": %s', f.key, f.value) INTO fault
    FROM jsonb_each(given) f
    WHERE NOT EXISTS (SELECT FROM facesnxt.comparison_feature k WHERE k.feature = f.key)
        OR f.value NOT IN ('"similar"', '"different"', '"not comparable"')
    LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'no such finding about a face: %', fault
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'facesnxt.comparison_feature lists the features; each is similar, different or not comparable.';
    END IF;
    fault := (SELECT string_agg(w, ', ') FROM unnest(wanted) w WHERE NOT given ? w);
    IF fault IS NOT NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'comparison', person_id, 'NX353', 'worksheet', NULL,
            'comparison refused: the worksheet is not complete', format('Not compared: %s.', fault),
            'Say of each feature whether it is similar, different or not comparable.');
    END IF;
    IF cardinality(wanted) > 0 AND (
        (conclusion = 'possible match' AND NOT EXISTS (SELECT FROM jsonb_each_text(given) f WHERE f.value = 'similar'))
        OR (conclusion = 'excluded' AND NOT EXISTS (SELECT FROM jsonb_each_text(given) f WHERE f.value = 'different')))
    THEN
        PERFORM facesnxt.refuse_step(actor, 'comparison', person_id, 'NX353', 'worksheet', NULL,
            'comparison refused: the worksheet does not carry its conclusion',
            'A possible match has a similarity, an exclusion a difference.', 'Conclude as the features do.');
    END IF;
    INSERT INTO facesnxt.comparison (search_id, person_id, review_id, conclusion, note, account_id, capacities, acting_role, session_role)
    VALUES (actor.search_id, person_id, review_id, conclusion, note, actor.account_id, actor.capacities, actor.acting_role, actor.session_role)
    RETURNING comparison_id INTO new_id;
    INSERT INTO facesnxt.comparison_finding (comparison_id, feature, finding)
    SELECT new_id, f.key, f.value FROM jsonb_each_text(given) f;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.write_comparison(facesnxt.actor, uuid, uuid, text, jsonb, text) IS
'Checks a worksheet against the policy and keeps it (NX353, NX362)';
REVOKE ALL ON FUNCTION facesnxt.write_comparison(facesnxt.actor, uuid, uuid, text, jsonb, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.compare_candidate(
    search_id uuid, person_id uuid, conclusion text, features jsonb DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
BEGIN
    PERFORM facesnxt.check_candidate(actor, 'comparison', person_id);
    PERFORM facesnxt.check_evaluator(actor, 'comparison', person_id);
    RETURN facesnxt.write_comparison(actor, person_id, NULL, conclusion, features, note);
END
$$;
COMMENT ON FUNCTION facesnxt.compare_candidate(uuid, uuid, text, jsonb, text) IS
'Disposes of a candidate: the worksheet of its comparison with the probe, and the conclusion (SP-III.F, NM-IV.G.1, MI-4.5.3.2.c)';
REVOKE ALL ON FUNCTION facesnxt.compare_candidate(uuid, uuid, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.compare_candidate(uuid, uuid, text, jsonb, text) TO facesnxt_requester, facesnxt_investigator;

-- Candidates that nobody disposed of yet.
CREATE FUNCTION facesnxt.undisposed(search_id uuid) RETURNS int[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT c.rank FROM facesnxt.candidate c
        WHERE c.search_id = $1 AND NOT EXISTS (
            SELECT FROM facesnxt.comparison d
            WHERE d.search_id = c.search_id AND d.person_id = c.person_id AND d.review_id IS NULL)
        ORDER BY c.rank)
$$;
COMMENT ON FUNCTION facesnxt.undisposed(uuid) IS 'Ranks of the candidates of a search that have no disposition';
REVOKE ALL ON FUNCTION facesnxt.undisposed(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.latest_conclusion(search_id uuid, person_id uuid, reviewed boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.conclusion FROM facesnxt.comparison c
    WHERE c.search_id = $1 AND c.person_id = $2 AND (c.review_id IS NOT NULL) = $3
    ORDER BY c.recorded_at DESC LIMIT 1
$$;
COMMENT ON FUNCTION facesnxt.latest_conclusion(uuid, uuid, boolean) IS 'The last conclusion about a candidate, of those who evaluate or of those who review blindly';
REVOKE ALL ON FUNCTION facesnxt.latest_conclusion(uuid, uuid, boolean) FROM PUBLIC;

CREATE FUNCTION facesnxt.decide_match(search_id uuid, matched boolean, person_id uuid DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    left_over CONSTANT int[] := facesnxt.undisposed(search_id);
    new_id uuid;
BEGIN
    IF matched IS NULL OR matched <> (person_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a match is with one candidate, no match is with none'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'decide_match(search, true, person) or decide_match(search, false).';
    END IF;
    PERFORM facesnxt.check_evaluator(actor, 'match decision', person_id);
    IF facesnxt.policy_value(actor.version_id, 'dispositions') = 'true' AND cardinality(left_over) > 0 THEN
        PERFORM facesnxt.refuse_step(actor, 'match decision', person_id, 'NX352', 'dispositions', NULL,
            'match decision refused: candidates are not disposed of',
            format('Of the candidates shown, these have no conclusion: rank %s.', array_to_string(left_over, ', ')),
            'facesnxt.compare_candidate() each of them, not only the first.');
    END IF;
    IF matched THEN
        PERFORM facesnxt.check_candidate(actor, 'match decision', person_id);
        IF facesnxt.latest_conclusion(search_id, person_id, false) IS DISTINCT FROM 'possible match' THEN
            PERFORM facesnxt.refuse_step(actor, 'match decision', person_id, 'NX355', 'evaluator', 'NM-IV.G.1',
                'match decision refused: the candidate was not compared and found a possible match',
                'Score and rank are no comparison.', 'facesnxt.compare_candidate() comes first.');
        END IF;
    END IF;
    INSERT INTO facesnxt.match_decision (search_id, matched, person_id, note, account_id, capacities, acting_role, session_role)
    VALUES (search_id, matched, person_id, note, actor.account_id, actor.capacities, actor.acting_role, actor.session_role)
    RETURNING decision_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.decide_match(uuid, boolean, uuid, text) IS
'Decides for a search whether the probe seems to match a candidate; by who evaluates under the policy (NM-VI.B.2)';
REVOKE ALL ON FUNCTION facesnxt.decide_match(uuid, boolean, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_match(uuid, boolean, uuid, text) TO facesnxt_requester, facesnxt_investigator;
