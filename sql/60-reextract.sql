-- A change of the recogniser: templates of every reference are made anew from
-- the photographs that are kept, beside the old ones, and searches go on with
-- the old ones until somebody else puts the new model in use.

CREATE TABLE facesnxt.reextraction (
    run_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    model text NOT NULL,
    fingerprint text NOT NULL,
    detector text NOT NULL,
    detector_fingerprint text NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.reextraction IS 'Runs that make templates of all references by another recogniser: by which detector, and who began it (NM-II.c)';
SELECT facesnxt.keep_record('reextraction', 'facesnxt_auditor', 'facesnxt_admin');

-- Written in the transaction that writes the template, so there is one row for
-- each reference that is through, and none for any other.
CREATE TABLE facesnxt.reextracted (
    run_id uuid NOT NULL REFERENCES facesnxt.reextraction,
    reference_id uuid NOT NULL REFERENCES facesnxt.reference_image,
    person_id uuid NOT NULL,
    sqlstate text,
    message text,
    extraction jsonb,
    made_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    made_xact xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    made_cluster bigint NOT NULL DEFAULT facesnxt.cluster_id(),
    PRIMARY KEY (run_id, reference_id),
    CHECK ((sqlstate IS NULL) = (extraction IS NOT NULL))
);
CREATE INDEX ON facesnxt.reextracted (reference_id);
CREATE INDEX reextracted_failed ON facesnxt.reextracted (run_id) WHERE sqlstate IS NOT NULL;
COMMENT ON TABLE facesnxt.reextracted IS 'What became of each reference in a run: a template, or why there is none';
COMMENT ON COLUMN facesnxt.reextracted.extraction IS 'Box and quality of the face, as extract() reported them to this run';
SELECT facesnxt.keep_record('reextracted');

-- Once a run has ended every reference has a template of its model or a row
-- that says why not; one that is enrolled later by another model gets such a
-- row with its enrolment. So what a search by that model cannot find is known
-- without counting all the others.
CREATE TABLE facesnxt.reextraction_end (
    run_id uuid PRIMARY KEY REFERENCES facesnxt.reextraction,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.reextraction_end IS 'Runs that were through all references';
SELECT facesnxt.keep_record('reextraction_end', 'facesnxt_auditor', 'facesnxt_admin');

CREATE FUNCTION facesnxt.note_late(reference_id uuid, person_id uuid, model text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- a run that is about to end waits for this enrolment and finds it
    LOCK TABLE facesnxt.reextraction_end IN ROW SHARE MODE;
    INSERT INTO facesnxt.reextracted (run_id, reference_id, person_id, sqlstate, message)
    SELECT DISTINCT ON (n.fingerprint) n.run_id, note_late.reference_id, note_late.person_id, 'NX207', 'it was enrolled by another model after the run had ended'
    FROM facesnxt.reextraction n JOIN facesnxt.reextraction_end e USING (run_id)
    WHERE n.fingerprint <> note_late.model
    ORDER BY n.fingerprint, e.ended_at DESC;
END
$$;
COMMENT ON FUNCTION facesnxt.note_late(uuid, uuid, text) IS 'Notes for runs that have ended that a new reference has no template of their model';
REVOKE ALL ON FUNCTION facesnxt.note_late(uuid, uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.end_reextraction(run_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    run CONSTANT facesnxt.reextraction := (SELECT n FROM facesnxt.reextraction n WHERE n.run_id = end_reextraction.run_id);
BEGIN
    IF run.run_id IS NULL OR NOT facesnxt.in_reach(NULL) OR current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN false;
    ELSIF EXISTS (SELECT FROM facesnxt.reextraction_end e WHERE e.run_id = run.run_id) THEN
        RETURN true;
    END IF;
    LOCK TABLE facesnxt.reextraction_end IN EXCLUSIVE MODE;
    IF facesnxt.reextraction_remaining(run.run_id) > 0 THEN
        RETURN false;
    END IF;
    INSERT INTO facesnxt.reextraction_end (run_id, acting_role, session_role)
    SELECT run.run_id, i.acting_role, i.session_role FROM facesnxt.session_identity() i
    ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;
COMMENT ON FUNCTION facesnxt.end_reextraction(uuid) IS 'Ends a run, unless references remain';
REVOKE ALL ON FUNCTION facesnxt.end_reextraction(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.end_reextraction(uuid) TO facesnxt_admin;

CREATE FUNCTION facesnxt.reextraction_remaining(run_id uuid) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*)
    FROM facesnxt.reextraction n JOIN facesnxt.reference_image i
        ON NOT EXISTS (SELECT FROM facesnxt.reextracted x WHERE x.run_id = n.run_id AND x.reference_id = i.reference_id)
            AND NOT EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = i.reference_id AND r.model = n.fingerprint)
            AND EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = i.reference_id)
    WHERE n.run_id = $1
$$;
COMMENT ON FUNCTION facesnxt.reextraction_remaining(uuid) IS 'How many references a run has yet to come to';
REVOKE ALL ON FUNCTION facesnxt.reextraction_remaining(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.reextraction_remaining(uuid) TO facesnxt_admin, facesnxt_auditor;

CREATE FUNCTION facesnxt.begin_reextraction(model text, detector text DEFAULT NULL, again boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    recogniser CONSTANT facesnxt.model := (SELECT m FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.name = begin_reextraction.model);
    -- without a detector a run goes on with that of the last one, whatever is in use by now
    run facesnxt.reextraction := (SELECT n FROM facesnxt.reextraction n WHERE n.fingerprint = recogniser.fingerprint ORDER BY n.started_at DESC LIMIT 1);
    finder facesnxt.model := (SELECT m FROM facesnxt.model m WHERE m.kind = 'detector'
        AND CASE WHEN begin_reextraction.detector IS NOT NULL THEN m.name = begin_reextraction.detector
                 WHEN run.run_id IS NOT NULL THEN m.fingerprint = run.detector_fingerprint ELSE m.in_use END);
BEGIN
    IF NOT facesnxt.in_reach(NULL) THEN
        RAISE EXCEPTION 'the models are the host''s'
            USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an administrator of the host.';
    END IF;
    IF recogniser.name IS NULL OR finder.name IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'NX204', MESSAGE = 'no such recogniser or detector is registered',
            DETAIL = format('Given: %s and %s.', coalesce(quote_literal(model), 'NULL'), coalesce(quote_literal(detector), 'the detector in use')),
            HINT = 'Load it with facesnxt.load_recipe() or facesnxt.load_model().';
    END IF;
    LOCK TABLE facesnxt.reextraction IN SHARE ROW EXCLUSIVE MODE;
    run := (SELECT n FROM facesnxt.reextraction n WHERE n.fingerprint = recogniser.fingerprint ORDER BY n.started_at DESC LIMIT 1);
    IF run.run_id IS NOT NULL AND again IS NOT TRUE
        -- what came after the end of the last one is of a new run
        AND NOT EXISTS (SELECT FROM facesnxt.reextracted x
                        WHERE x.run_id = run.run_id AND x.sqlstate = 'NX207' AND NOT EXISTS (
                            SELECT FROM facesnxt.reference r WHERE r.reference_id = x.reference_id AND r.model = run.fingerprint)) THEN
        IF detector IS NOT NULL AND run.detector_fingerprint <> finder.fingerprint THEN
            RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('this run finds faces by detector "%s"', run.detector),
                DETAIL = 'Templates of one run are made alike.', HINT = 'Name no detector, or begin another run: again => true.';
        END IF;
        RETURN run.run_id;
    END IF;
    INSERT INTO facesnxt.reextraction (model, fingerprint, detector, detector_fingerprint, acting_role, session_role)
    SELECT recogniser.name, recogniser.fingerprint, finder.name, finder.fingerprint, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING reextraction.run_id INTO run.run_id;
    RETURN run.run_id;
END
$$;
COMMENT ON FUNCTION facesnxt.begin_reextraction(text, text, boolean) IS
'The run by which a recogniser makes templates of all references: the latest, or a new one; again: what failed is tried once more, by another detector perhaps';
REVOKE ALL ON FUNCTION facesnxt.begin_reextraction(text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.begin_reextraction(text, text, boolean) TO facesnxt_admin;

-- What is wrong with a photograph is noted and the run goes on; whatever else
-- happens, as a cancel or a full disk, ends it.
CREATE FUNCTION facesnxt.is_photo_failure(sqlstate text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 ~ '^NX1' OR $1 IN ('NX201', 'NX206') $$;
COMMENT ON FUNCTION facesnxt.is_photo_failure(text) IS 'Whether an error says that one photograph gives no template';
REVOKE ALL ON FUNCTION facesnxt.is_photo_failure(text) FROM PUBLIC;

-- The references after one, in the order of their ids, that nobody else is at.
CREATE FUNCTION facesnxt.reextract_batch(run_id uuid, after uuid, size int, OUT last uuid, OUT done boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- a batch walks the ids, however many references there are
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_variable
DECLARE
    run CONSTANT facesnxt.reextraction := (SELECT n FROM facesnxt.reextraction n WHERE n.run_id = reextract_batch.run_id);
    claimed uuid[];
    old record;
    made facesnxt.extraction;
    failure text;
    message text;
BEGIN
    IF NOT facesnxt.in_reach(NULL) OR run.run_id IS NULL OR size IS NULL OR size NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'no such run, or no such batch' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'facesnxt.begin_reextraction() gives a run; a batch is of 1 to 10000 references.';
    END IF;
    IF NOT EXISTS (SELECT FROM facesnxt.model m WHERE m.name = run.model AND m.fingerprint = run.fingerprint)
        OR NOT EXISTS (SELECT FROM facesnxt.model m WHERE m.name = run.detector AND m.fingerprint = run.detector_fingerprint) THEN
        RAISE EXCEPTION USING ERRCODE = 'NX204', MESSAGE = 'the models of this run are not registered any more',
            DETAIL = format('%s (%s) and %s (%s).', run.model, run.fingerprint, run.detector, run.detector_fingerprint),
            HINT = 'Load them as they were, or begin another run: again => true.';
    END IF;
    done := false;
    -- an expungement waits for the batch, or the batch for it
    claimed := ARRAY(
        SELECT i.reference_id FROM facesnxt.reference_image i
        WHERE i.reference_id > coalesce(after, '00000000-0000-0000-0000-000000000000')
            AND NOT EXISTS (SELECT FROM facesnxt.reextracted x WHERE x.run_id = run.run_id AND x.reference_id = i.reference_id)
            AND NOT EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = i.reference_id AND r.model = run.fingerprint)
            AND EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = i.reference_id)
        ORDER BY i.reference_id LIMIT size FOR NO KEY UPDATE OF i SKIP LOCKED);
    FOREACH last IN ARRAY claimed LOOP
        SELECT i.person_id, i.photo, i.extraction, r.repository INTO old
        FROM facesnxt.reference_image i JOIN LATERAL (
            SELECT o.repository FROM facesnxt.reference o WHERE o.reference_id = i.reference_id LIMIT 1) r ON true
        WHERE i.reference_id = last
            -- another session may have been through before the lock
            AND NOT EXISTS (SELECT FROM facesnxt.reextracted x WHERE x.run_id = run.run_id AND x.reference_id = i.reference_id)
            AND NOT EXISTS (SELECT FROM facesnxt.reference o WHERE o.reference_id = i.reference_id AND o.model = run.fingerprint);
        CONTINUE WHEN NOT FOUND;
        failure := NULL;
        message := NULL;
        made := NULL;
        IF old.photo IS NULL THEN
            failure := 'NX206';
            message := 'no photograph is kept, a template alone was handed over';
        ELSE
            BEGIN
                -- the face that was enrolled, by the box in which it was found
                SELECT * INTO made FROM facesnxt.extract(old.photo, CASE WHEN old.extraction->>'x' IS NULL THEN 'only'
                    ELSE format('at %s %s %s %s', old.extraction->>'x', old.extraction->>'y', old.extraction->>'width', old.extraction->>'height') END,
                    run.detector, run.model);
            EXCEPTION WHEN OTHERS THEN
                failure := SQLSTATE;
                message := SQLERRM;
                IF NOT facesnxt.is_photo_failure(failure) THEN
                    RAISE;
                END IF;
            END;
        END IF;
        IF failure IS NULL THEN
            INSERT INTO facesnxt.reference (reference_id, person_id, repository, quality, template)
            VALUES (last, old.person_id, old.repository, made.sharpness, made.template);
        END IF;
        INSERT INTO facesnxt.reextracted (run_id, reference_id, person_id, sqlstate, message, extraction)
        VALUES (run.run_id, last, old.person_id, failure, message, CASE WHEN failure IS NULL THEN to_jsonb(made) - 'template' END);
        done := true;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.reextract_batch(uuid, uuid, int) IS
'Makes templates of up to so many references for a run, the first after an id that no other session is at: the last of them, NULL at the end; done: whether any was made or failed';
REVOKE ALL ON FUNCTION facesnxt.reextract_batch(uuid, uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.reextract_batch(uuid, uuid, int) TO facesnxt_admin;

-- It commits after each batch, so it has the caller's rights and search_path,
-- and uses no operator.
CREATE PROCEDURE facesnxt.reextract(model text, detector text DEFAULT NULL, batch int DEFAULT 50, again boolean DEFAULT false)
LANGUAGE plpgsql
AS $$
DECLARE
    run CONSTANT uuid := facesnxt.begin_reextraction(model, detector, again);
    step record;
    last uuid;
    found boolean;
BEGIN
    COMMIT;
    LOOP
        last := NULL;
        found := false;
        LOOP
            SELECT b.last, b.done INTO step FROM facesnxt.reextract_batch(run, last, batch) b;
            COMMIT;
            EXIT WHEN step.last IS NULL;
            last := step.last;
            found := found OR step.done;
        END LOOP;
        -- what others left, or what was enrolled meanwhile
        EXIT WHEN NOT found;
    END LOOP;
    -- not as long as another session is at some
    PERFORM facesnxt.end_reextraction(run);
    COMMIT;
END
$$;
COMMENT ON PROCEDURE facesnxt.reextract(text, text, int, boolean) IS
'Makes templates of all references by another recogniser, beside those that there are, committing each batch; called again it goes on, and several sessions share the work. reextraction_progress shows how far';
REVOKE ALL ON PROCEDURE facesnxt.reextract(text, text, int, boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE facesnxt.reextract(text, text, int, boolean) TO facesnxt_admin;

CREATE FUNCTION facesnxt.template_coverage(model text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present CONSTANT text := (SELECT m.fingerprint FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.in_use);
    proposed CONSTANT text := (SELECT m.fingerprint FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.name = template_coverage.model);
BEGIN
    RETURN jsonb_build_object('before', (SELECT count(*) FROM facesnxt.reference r WHERE r.model = present),
        'after', (SELECT count(*) FROM facesnxt.reference r WHERE r.model = proposed),
        'lost', (SELECT count(*) FROM facesnxt.reference r WHERE r.model = present
                     AND NOT EXISTS (SELECT FROM facesnxt.reference o WHERE o.reference_id = r.reference_id AND o.model = proposed)));
END
$$;
COMMENT ON FUNCTION facesnxt.template_coverage(text) IS
'References with a template of the model in use, with one of another model, and those that would be found no more if that were in use';
REVOKE ALL ON FUNCTION facesnxt.template_coverage(text) FROM PUBLIC;

CREATE VIEW facesnxt.reextraction_progress WITH (security_barrier) AS
    SELECT n.run_id, n.model, n.fingerprint, n.detector, n.started_at,
        d.made, d.failed, facesnxt.reextraction_remaining(n.run_id) AS remaining, d.last_at, e.ended_at,
        round(((d.made + d.failed) / nullif(extract(epoch FROM d.last_at - n.started_at), 0))::numeric, 1) AS per_second,
        coalesce(m.in_use, false) AS in_use,
        to_regclass(format('facesnxt.%I', 'reference_template_' || n.fingerprint)) IS NOT NULL AS indexed
    FROM facesnxt.reextraction n
        LEFT JOIN facesnxt.reextraction_end e USING (run_id)
        LEFT JOIN facesnxt.model m ON m.fingerprint = n.fingerprint,
        LATERAL (SELECT count(*) FILTER (WHERE x.sqlstate IS NULL) AS made, count(x.sqlstate) AS failed, max(x.made_at) AS last_at
                 FROM facesnxt.reextracted x WHERE x.run_id = n.run_id) d
    WHERE (SELECT facesnxt.bound_to()) IS NULL;
COMMENT ON VIEW facesnxt.reextraction_progress IS
'To the host, each run of reextract(): references that it made templates of, that failed, that remain; whether its model is in use and indexed';
REVOKE ALL ON TABLE facesnxt.reextraction_progress FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.reextraction_progress TO facesnxt_admin, facesnxt_auditor;

CREATE VIEW facesnxt.reextraction_failure WITH (security_barrier) AS
    SELECT x.run_id, n.model, x.reference_id, x.sqlstate, x.message, x.made_at,
        EXISTS (SELECT FROM facesnxt.reference r WHERE r.reference_id = x.reference_id AND r.model = n.fingerprint) AS made_since
    FROM facesnxt.reextracted x JOIN facesnxt.reextraction n USING (run_id)
    WHERE x.sqlstate IS NOT NULL AND (SELECT facesnxt.bound_to()) IS NULL;
COMMENT ON VIEW facesnxt.reextraction_failure IS 'To the host, references of which a run could not make a template, why, and whether a later one did';
REVOKE ALL ON TABLE facesnxt.reextraction_failure FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.reextraction_failure TO facesnxt_admin, facesnxt_auditor;
