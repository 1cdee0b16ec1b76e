-- Papers: the report of a search, the delivery of its results, and what the
-- requester says became of it.

CREATE TABLE facesnxt.report (
    report_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    kind text NOT NULL,
    number text NOT NULL CHECK (number <> ''),
    positive_match boolean NOT NULL,
    officer name NOT NULL,
    items jsonb NOT NULL,
    version_id uuid NOT NULL,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.report (search_id);
COMMENT ON TABLE facesnxt.report IS
'The paper that a search was written into: its kind, number and items, and whether there was a positive match or not (NM-VI.C, NS-32.6.6); a later one completes an earlier one';
COMMENT ON COLUMN facesnxt.report.officer IS 'Who searched, from the record of the search, never typed (NS-32.6.6.3)';

ALTER TABLE facesnxt.delivery ADD FOREIGN KEY (search_id) REFERENCES facesnxt.search;

CREATE TABLE facesnxt.outcome_notice (
    notice_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    identified boolean NOT NULL,
    note text,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.outcome_notice (search_id, recorded_at);
COMMENT ON TABLE facesnxt.outcome_notice IS
'What the requester told the desk: whether there was ultimately a positive identification; the latest counts, all stay (MI-4.5.3.3.b)';

CREATE FUNCTION facesnxt.file_report(
    search_id uuid, number text, positive_match boolean, items jsonb DEFAULT NULL, kind text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    wanted CONSTANT jsonb := coalesce(facesnxt.policy_value(actor.version_id, 'report'), '{}');
    searched facesnxt.search;
    named text;
    matched boolean;
    written jsonb := coalesce(nullif(items, 'null'), '{}');
    missing text;
    new_id uuid;
BEGIN
    SELECT s.* INTO searched FROM facesnxt.search s WHERE s.search_id = file_report.search_id;
    SELECT d.matched INTO matched FROM facesnxt.match_decision d
    WHERE d.search_id = file_report.search_id ORDER BY d.recorded_at DESC LIMIT 1;
    IF facesnxt.readable(number) IS NULL OR jsonb_typeof(written) <> 'object' THEN
        RAISE EXCEPTION 'a report has a number, and its items are an object' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name the paper in which the search is documented.';
    END IF;
    IF kind <> wanted->>'kind' THEN
        PERFORM facesnxt.refuse_step(actor, 'report', NULL, 'NX364', 'report', NULL, 'report refused: it is not of the kind that the policy asks for',
            format('A search is documented in a report of kind "%s".', wanted->>'kind'), 'Give that kind, or none.');
    END IF;
    IF written ?| ARRAY['officer', 'person identified', 'chief notice'] THEN
        PERFORM facesnxt.refuse_step(actor, 'report', NULL, 'NX364', 'report', NULL, 'report refused: it states what the record says',
            'Who searched, who was identified and when the Chief was notified come from the record, not from whoever writes.',
            'Leave out "officer", "person identified" and "chief notice".');
    END IF;
    IF positive_match IS NULL OR positive_match IS DISTINCT FROM matched THEN
        PERFORM facesnxt.refuse_step(actor, 'report', NULL, 'NX364', 'report', 'NM-VI.C',
            'report refused: it does not say whether there was a match, or not what was decided',
            format('Match decided on: %s; reported: %s.', coalesce(matched::text, 'not yet'), coalesce(positive_match::text, 'nothing')),
            'facesnxt.decide_match() comes first; report a match or that there was none.');
    END IF;
    SELECT string_agg(DISTINCT p.name, ', ') INTO named
    FROM facesnxt.identification i JOIN facesnxt.person p ON p.person_id = i.person_id WHERE i.search_id = file_report.search_id;
    written := jsonb_strip_nulls(jsonb_build_object(
            'investigation type', searched.incident_type, 'reason', searched.reason)) || written
        || jsonb_build_object('match', CASE WHEN positive_match THEN 'positive' ELSE 'none' END,
            'officer', searched.acting_role, 'person identified', coalesce(named, 'none'))
        || CASE WHEN searched.fields->>'health_threat' = 'true'
                THEN jsonb_build_object('chief notice', concat_ws(', ', searched.fields->>'chief_notified_at', searched.fields->>'chief_notified_by'))
                ELSE '{}' END;
    missing := (SELECT string_agg(w, ', ') FROM jsonb_array_elements_text(coalesce(wanted->'items', '[]')) w
                WHERE facesnxt.readable(written->>w) IS NULL
                    AND (w <> 'chief notice' OR searched.fields->>'health_threat' = 'true'));
    IF missing IS NOT NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'report', NULL, 'NX364', 'report', NULL, 'report refused: it is not complete',
            format('Missing: %s.', missing), 'Give them in "items".');
    END IF;
    INSERT INTO facesnxt.report (search_id, kind, number, positive_match, officer, items, version_id, account_id, acting_role, session_role)
    VALUES (search_id, coalesce(wanted->>'kind', kind, 'report'), number, positive_match, searched.acting_role, written, actor.version_id,
            actor.account_id, actor.acting_role, actor.session_role)
    RETURNING report_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.file_report(uuid, text, boolean, jsonb, text) IS
'Links a search with the report that documents it, with the items that the policy asks for; what the record knows is taken from it (NM-VI.C, NS-32.6.6; NX364)';
REVOKE ALL ON FUNCTION facesnxt.file_report(uuid, text, boolean, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.file_report(uuid, text, boolean, jsonb, text) TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.deliver_results(search_id uuid, recipient regrole, ranks int[] DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    whole CONSTANT int[] := ARRAY(SELECT c.rank FROM facesnxt.candidate c WHERE c.search_id = deliver_results.search_id ORDER BY c.rank);
    given CONSTANT int[] := ARRAY(SELECT w FROM unnest(whole) w WHERE deliver_results.ranks IS NULL OR w = ANY (deliver_results.ranks) ORDER BY w);
    receiver CONSTANT uuid := (SELECT a.account_id FROM facesnxt.account_of(recipient, 'member') a WHERE a.agency_id = actor.agency_id);
    new_id uuid;
BEGIN
    IF NOT 'searcher' = ANY (actor.capacities) THEN
        PERFORM facesnxt.refuse_step(actor, 'delivery', NULL, 'NX350', 'all_results', 'MI-4.5.3.2.a',
            'delivery refused: you did not search', 'Whoever searched gives the results to who asked.', 'Leave it to the searcher.');
    END IF;
    IF receiver IS NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'delivery', NULL, 'NX302', 'all_results', 'NM-IX.A.3',
            format('delivery refused: "%s" has no active account of your agency', recipient), 'Results go to members only.',
            'Results go to who asked for them.');
    END IF;
    IF given <> whole AND facesnxt.policy_value(actor.version_id, 'all_results') = 'true' THEN
        PERFORM facesnxt.refuse_step(actor, 'delivery', NULL, 'NX363', 'all_results', NULL,
            'delivery refused: it is not all results', format('The list has %s candidates, %s would be delivered.', cardinality(whole), cardinality(given)),
            'Deliver the whole list: leave "ranks" out.');
    END IF;
    INSERT INTO facesnxt.delivery (search_id, recipient, recipient_role, ranks, complete, account_id, acting_role, session_role)
    VALUES (search_id, receiver, recipient::text, given, given = whole, actor.account_id, actor.acting_role, actor.session_role)
    RETURNING delivery_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.deliver_results(uuid, regrole, int[]) IS
'Records that the results of a search were given to who asked: all of them, where the policy says so (MI-4.5.3.2.a, NX363)';
REVOKE ALL ON FUNCTION facesnxt.deliver_results(uuid, regrole, int[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.deliver_results(uuid, regrole, int[]) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.notify_outcome(search_id uuid, identified boolean, note text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    new_id uuid;
BEGIN
    IF NOT actor.capacities && ARRAY['case_officer', 'lead_investigator', 'arresting_officer'] AND NOT EXISTS (
        SELECT FROM facesnxt.delivery d WHERE d.search_id = notify_outcome.search_id AND d.recipient = actor.account_id)
    THEN
        PERFORM facesnxt.refuse_step(actor, 'outcome notice', NULL, 'NX350', 'outcome_notice', 'MI-4.5.3.3.b',
            'outcome notice refused: you did not ask for this search', 'Whoever asked tells the desk what became of it.',
            'Leave it to who received the results, or to the lead investigator.');
    END IF;
    IF identified IS NOT FALSE AND NOT EXISTS (SELECT FROM facesnxt.identification i WHERE i.search_id = notify_outcome.search_id) THEN
        PERFORM facesnxt.refuse_step(actor, 'outcome notice', NULL, 'NX358', 'not_sole_basis', 'SP-I.D',
            'outcome notice refused: nobody was identified', 'A result is not an identification.',
            'facesnxt.determine_identity() records one with its basis; false says that there was none.');
    END IF;
    INSERT INTO facesnxt.outcome_notice (search_id, identified, note, account_id, acting_role, session_role)
    VALUES (search_id, identified, note, actor.account_id, actor.acting_role, actor.session_role)
    RETURNING notice_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.notify_outcome(uuid, boolean, text) IS
'Tells the desk whether there was ultimately a positive identification; appended to the log (MI-4.5.3.3.b, NX350, NX358)';
REVOKE ALL ON FUNCTION facesnxt.notify_outcome(uuid, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.notify_outcome(uuid, boolean, text) TO facesnxt_requester, facesnxt_investigator;
