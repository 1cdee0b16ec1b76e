-- The gate of actions: nobody is arrested, nor a witness contacted, on a
-- candidate list alone. Facts in, findings out, as with searches, judged on
-- committed rows by the policy in force; permitted or refused, it is recorded
-- whatever becomes of the caller's transaction.

CREATE TABLE facesnxt.action_kind (
    kind text PRIMARY KEY,
    description text NOT NULL
);
COMMENT ON TABLE facesnxt.action_kind IS 'What can be done about a candidate that a policy has a say in';
INSERT INTO facesnxt.action_kind (kind, description) VALUES
    ('arrest', 'Arrest of the person'),
    ('arrest warrant', 'Application for a warrant to arrest the person'),
    ('search warrant', 'Application for a warrant to search'),
    ('line-up', 'The person is shown in a line-up, in person or by photograph'),
    ('witness contact', 'Contact with the person as a witness, or with a witness about the person'),
    ('next-of-kin notice', 'Notice to the next of kin'),
    ('other', 'Any other action about the person');

CREATE TABLE facesnxt.quality_notice (
    notice_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    shown jsonb NOT NULL,
    weighing text NOT NULL CHECK (weighing <> ''),
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.quality_notice (search_id, account_id);
COMMENT ON TABLE facesnxt.quality_notice IS 'Who was shown what quality a probe has, and how it was weighed (MI-4.3.4.1.b)';

CREATE TABLE facesnxt.action (
    action_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    status text NOT NULL CHECK (status IN ('permitted', 'refused')),
    kind text NOT NULL,
    search_id uuid NOT NULL,
    person_id uuid,
    basis text,
    sqlstate text,
    rule text,
    clause text,
    message text,
    detail text,
    findings jsonb NOT NULL,
    facts jsonb,
    version_id uuid,
    agency_id uuid,
    account_id uuid,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    client_address inet,
    application text,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((status = 'refused') = (sqlstate IS NOT NULL)),
    CHECK (status = 'refused' OR (facts IS NOT NULL AND version_id IS NOT NULL AND account_id IS NOT NULL))
);
CREATE INDEX ON facesnxt.action (search_id);
CREATE INDEX ON facesnxt.action (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.action IS
'Actions about a candidate that were asked for, permitted or refused, with the facts they were judged by (NM-VI.E, NS-32.6.7, NP-VI.C.1); it has no key to what a caller can lock';
COMMENT ON COLUMN facesnxt.action.findings IS 'Every rule that was broken; those set aside for a reason have it (NM-IV.J)';

-- ---- quality of the probe

CREATE FUNCTION facesnxt.probe_quality(search_id uuid) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
    SELECT jsonb_build_object('measured', t.extraction IS NOT NULL, 'candidates', s.candidates, 'exact', s.exact,
        'best_score', (SELECT max(c.score) FROM facesnxt.candidate c WHERE c.search_id = $1)) || coalesce(t.extraction, '{}')
    FROM facesnxt.search s LEFT JOIN facesnxt.probe_template t ON t.search_id = s.search_id
    WHERE s.search_id = $1
$$;
COMMENT ON FUNCTION facesnxt.probe_quality(uuid) IS 'What is known of a probe''s quality, and what the search gave; measured is false where a template was handed over';
REVOKE ALL ON FUNCTION facesnxt.probe_quality(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.show_probe_quality(search_id uuid) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT facesnxt.probe_quality(a.search_id) FROM facesnxt.search_actor($1) a $$;
COMMENT ON FUNCTION facesnxt.show_probe_quality(uuid) IS 'Shows the quality of a probe as it was measured for the search, and what the search gave (MI-4.3.4.1.b)';
REVOKE ALL ON FUNCTION facesnxt.show_probe_quality(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.show_probe_quality(uuid) TO facesnxt_requester, facesnxt_investigator;

-- What was shown is handed back: nobody acknowledges what was not looked at.
CREATE FUNCTION facesnxt.acknowledge_probe_quality(search_id uuid, shown jsonb, weighing text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
BEGIN
    IF shown IS DISTINCT FROM facesnxt.probe_quality(search_id) OR facesnxt.readable(weighing) IS NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'quality acknowledgement', NULL, 'NX361', 'probe_quality_acknowledged', 'MI-4.3.4.1.b',
            'acknowledgement refused: it is not of what is shown', 'Quality and result of the search are weighed in the decision.',
            'Hand back what facesnxt.show_probe_quality() shows, and say how it was weighed.');
    END IF;
    INSERT INTO facesnxt.quality_notice (search_id, shown, weighing, account_id, acting_role, session_role)
    VALUES (search_id, shown, weighing, actor.account_id, actor.acting_role, actor.session_role);
END
$$;
COMMENT ON FUNCTION facesnxt.acknowledge_probe_quality(uuid, jsonb, text) IS
'Acknowledges the quality of a probe as shown, and says how it and the results were weighed (MI-4.3.4.1.b, NX361)';
REVOKE ALL ON FUNCTION facesnxt.acknowledge_probe_quality(uuid, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.acknowledge_probe_quality(uuid, jsonb, text) TO facesnxt_requester, facesnxt_investigator;

-- ---- facts and judgement

CREATE FUNCTION facesnxt.action_facts(search_id uuid, person_id uuid, kind text, account_id uuid, overrides jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'kind', $3,
        'candidate', EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = $1 AND c.person_id = $2),
        'undisposed', to_jsonb(facesnxt.undisposed($1)),
        'conclusion', facesnxt.latest_conclusion($1, $2, false),
        'review', facesnxt.latest_conclusion($1, $2, true),
        'decision', (SELECT jsonb_build_object('matched', d.matched, 'this_person', d.person_id = $2, 'capacities', d.capacities)
                     FROM facesnxt.match_decision d WHERE d.search_id = $1 ORDER BY d.recorded_at DESC LIMIT 1),
        'corroboration', facesnxt.items_of($1, $2),
        'identifications', (SELECT coalesce(jsonb_agg(jsonb_build_object('capacities', i.capacities, 'items', i.items)), '[]')
                            FROM facesnxt.identification i WHERE i.search_id = $1 AND i.person_id = $2),
        'confirmations', (SELECT coalesce(jsonb_agg(jsonb_build_object('items', f.items, 'searcher', f.account_id = s.account_id)), '[]')
                          FROM facesnxt.confirmation f WHERE f.search_id = $1 AND f.person_id = $2),
        'quality_acknowledged', EXISTS (SELECT FROM facesnxt.quality_notice n WHERE n.search_id = $1 AND n.account_id = $4),
        'quality', facesnxt.probe_quality($1),
        'overrides', coalesce(nullif($5, 'null'), '{}'))
    FROM facesnxt.search s WHERE s.search_id = $1
$$;
COMMENT ON FUNCTION facesnxt.action_facts(uuid, uuid, text, uuid, jsonb) IS 'Everything that judge_action() reads of an action';
REVOKE ALL ON FUNCTION facesnxt.action_facts(uuid, uuid, text, uuid, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.judge_action(version_id uuid, facts jsonb)
RETURNS TABLE (rule text, clause text, sqlstate text, message text, detail text, hint text, reason_against text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.policy_rule;
    kind CONSTANT text := facts->>'kind';
    counting CONSTANT uuid[] := facesnxt.counting(version_id, facts->'corroboration');
BEGIN
    FOR asked IN
        SELECT r.* FROM facesnxt.policy_rule r
            JOIN unnest(ARRAY['evaluator', 'dispositions', 'blind_review', 'not_sole_basis', 'determination_before',
                              'probe_quality_acknowledged', 'supervisor_before']) WITH ORDINALITY AS o (rule, place) ON o.rule = r.rule
        WHERE r.version_id = judge_action.version_id ORDER BY o.place
    LOOP
        message := NULL;
        CASE asked.rule
            WHEN 'evaluator' THEN
                IF NOT coalesce((facts->'decision'->>'matched')::boolean AND (facts->'decision'->>'this_person')::boolean
                    AND facts->>'conclusion' = 'possible match'
                    AND (SELECT bool_or(asked.value ? c) FROM jsonb_array_elements_text(facts->'decision'->'capacities') c), false) THEN
                    sqlstate := 'NX355';
                    message := 'action refused: the search was not evaluated as a match with this person';
                    detail := format('It is evaluated by: %s.', (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(asked.value) v));
                    hint := 'facesnxt.compare_candidate() and facesnxt.decide_match() come first.';
                END IF;
            WHEN 'dispositions' THEN
                IF asked.value = 'true' AND jsonb_array_length(facts->'undisposed') > 0 THEN
                    sqlstate := 'NX352';
                    message := 'action refused: candidates are not disposed of';
                    detail := format('Of the candidates shown, these have no conclusion: rank %s.',
                                     (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(facts->'undisposed') v));
                    hint := 'facesnxt.compare_candidate() each of them, not only the first.';
                END IF;
            WHEN 'blind_review' THEN
                IF asked.value = 'true' AND facts->>'review' IS DISTINCT FROM 'possible match' THEN
                    sqlstate := 'NX354';
                    message := 'action refused: no second person agrees';
                    detail := format('Conclusion of the blind review: %s.', coalesce(facts->>'review', 'none yet'));
                    hint := 'facesnxt.ask_review() asks somebody who has not seen the first conclusion.';
                END IF;
            WHEN 'not_sole_basis' THEN
                IF (asked.value ? kind OR asked.value ? 'any') AND cardinality(counting) = 0 THEN
                    sqlstate := 'NX357';
                    message := 'action refused: its only basis is a search';
                    detail := 'A result alone is not probable cause.';
                    hint := 'facesnxt.add_corroboration() records what else there is.';
                END IF;
            WHEN 'determination_before' THEN
                IF (asked.value ? kind OR asked.value ? 'any') AND NOT EXISTS (
                    SELECT FROM jsonb_array_elements(facts->'identifications') i
                    WHERE ARRAY(SELECT jsonb_array_elements_text(i->'capacities')) && facesnxt.confirmers(version_id)
                        AND ARRAY(SELECT jsonb_array_elements_text(i->'items'))::uuid[] && counting) THEN
                    sqlstate := 'NX358';
                    message := 'action refused: the person''s identity was not determined';
                    detail := format('Action rests on the agency''s own determination, by: %s.',
                                     array_to_string(facesnxt.confirmers(version_id), ', '));
                    hint := 'facesnxt.determine_identity() records it with its basis.';
                END IF;
            WHEN 'probe_quality_acknowledged' THEN
                IF asked.value = 'true' AND kind IN ('arrest', 'arrest warrant') AND facts->'quality_acknowledged' <> 'true' THEN
                    sqlstate := 'NX361';
                    message := 'action refused: the quality of the probe is not acknowledged';
                    detail := format('To be weighed by whoever decides: %s.', facts->>'quality');
                    hint := 'facesnxt.show_probe_quality(), then facesnxt.acknowledge_probe_quality().';
                END IF;
            WHEN 'supervisor_before' THEN
                IF (asked.value ? kind OR asked.value ? 'any') AND NOT EXISTS (
                    SELECT FROM jsonb_array_elements(facts->'confirmations') f
                    WHERE f->'searcher' = 'false' AND ARRAY(SELECT jsonb_array_elements_text(f->'items'))::uuid[] && counting) THEN
                    sqlstate := 'NX359';
                    message := 'action refused: no supervisor confirmed the corroboration';
                    detail := 'A supervisor who did not search confirms it before the action.';
                    hint := 'facesnxt.confirm_corroboration() by a supervisor of the case.';
                END IF;
        END CASE;
        IF message IS NOT NULL THEN
            rule := asked.rule;
            clause := asked.clause;
            reason_against := NULL;
            IF asked.force = 'should' THEN
                reason_against := facesnxt.readable(facts->'overrides'->>asked.rule);
                hint := concat(hint, format(' It is a rule that can be set aside for a reason: overrides => {"%s": "..."}.', asked.rule));
            END IF;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.judge_action(uuid, jsonb) IS
'What a version of a policy finds fault with in an action, from its facts alone: any policy can judge an old action';
REVOKE ALL ON FUNCTION facesnxt.judge_action(uuid, jsonb) FROM PUBLIC;
