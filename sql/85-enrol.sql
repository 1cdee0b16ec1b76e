-- Enrolment of many: photographs are staged by COPY and enrolled in batches,
-- by as many sessions as there are cores. What fails stays, with its reason.

CREATE TABLE facesnxt.staged (
    staged_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    photo bytea NOT NULL,
    person_id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    name text,
    date_of_birth date,
    repository text NOT NULL,
    identity_source text NOT NULL,
    face text NOT NULL DEFAULT 'only',
    staged_by name NOT NULL DEFAULT CURRENT_USER,
    staged_session name NOT NULL DEFAULT SESSION_USER,
    staged_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    sqlstate text,
    message text,
    tried_at timestamptz
);
ALTER TABLE facesnxt.staged ALTER COLUMN photo SET STORAGE EXTERNAL;
-- statistics are copies, too
ALTER TABLE facesnxt.staged ALTER photo SET STATISTICS 0, ALTER name SET STATISTICS 0, ALTER date_of_birth SET STATISTICS 0,
    ALTER message SET STATISTICS 0;
CREATE INDEX staged_waiting ON facesnxt.staged (staged_id) WHERE sqlstate IS NULL;
CREATE INDEX ON facesnxt.staged (person_id);
COMMENT ON TABLE facesnxt.staged IS 'Photographs that wait for enrolment, and those that could not be enrolled, with the reason; what is enrolled leaves it';
COMMENT ON COLUMN facesnxt.staged.person_id IS 'The person; one that is not there yet is made of name and date_of_birth, and photographs of one person have one id';
COMMENT ON COLUMN facesnxt.staged.identity_source IS 'How the person on the photograph was identified, other than by a search (NM-IV.A)';
COMMENT ON COLUMN facesnxt.staged.face IS 'Which face of the photograph, as in extract()';
COMMENT ON COLUMN facesnxt.staged.sqlstate IS 'Why it was not enrolled; NULL again: it is tried again';
REVOKE ALL ON TABLE facesnxt.staged FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.staged', '');
SELECT pg_catalog.pg_extension_config_dump('facesnxt.staged_staged_id_seq', '');
INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches) VALUES
    ('staged', 'person', 'delete', 5, 't.person_id = ANY ($1)');

-- COPY asks for a table without policies; what waits is seen and mended through
-- the view, by who staged it or the host's administrator. A group's name can be
-- taken by members of other agencies, so who logged on counts, too. The
-- photographs come back to nobody.
GRANT INSERT (photo, person_id, name, date_of_birth, repository, identity_source, face) ON TABLE facesnxt.staged TO facesnxt_admin;
CREATE VIEW facesnxt.my_staged WITH (security_barrier) AS
    SELECT s.staged_id, s.photo, s.person_id, s.name, s.date_of_birth, s.repository, s.identity_source, s.face, s.staged_by, s.staged_at,
        s.sqlstate, s.message, s.tried_at
    FROM facesnxt.staged s
    WHERE facesnxt.is_host() OR (s.staged_by = CURRENT_USER AND s.staged_session = SESSION_USER)
    WITH CHECK OPTION;
COMMENT ON VIEW facesnxt.my_staged IS
'What one has staged, the host''s administrator all of it: to be mended (sqlstate to NULL: it is tried again) or deleted';
REVOKE ALL ON TABLE facesnxt.my_staged FROM PUBLIC;
GRANT SELECT (staged_id, person_id, name, date_of_birth, repository, identity_source, face, staged_by, staged_at, sqlstate, message, tried_at),
    UPDATE (photo, person_id, name, date_of_birth, repository, identity_source, face, sqlstate), DELETE
    ON TABLE facesnxt.my_staged TO facesnxt_admin;

-- An error of one row; any other one, as a cancel or a full disk, ends the batch.
CREATE FUNCTION facesnxt.is_row_failure(sqlstate text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 ~ '^(22|23|NX1|NX3)' OR facesnxt.is_photo_failure($1) $$;
COMMENT ON FUNCTION facesnxt.is_row_failure(text) IS 'Whether an error of an enrolment is of the one row, its photograph or what is stated of it';
REVOKE ALL ON FUNCTION facesnxt.is_row_failure(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.enrol_batch(
    size int DEFAULT 50, after bigint DEFAULT NULL, detector text DEFAULT NULL, recogniser text DEFAULT NULL,
    OUT enrolled int, OUT failed int, OUT last bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- a batch walks the index of what waits, however much that is
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_sort = off
AS $$
DECLARE
    who CONSTANT name := (SELECT acting_role FROM facesnxt.session_identity());
    login CONSTANT name := (SELECT session_role FROM facesnxt.session_identity());
    host CONSTANT boolean := facesnxt.is_host();
    row facesnxt.staged;
    claimed bigint[];
    this bigint;
    made facesnxt.extraction;
    code text;
    problem text;
BEGIN
    IF size IS NULL OR size NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'a batch is of 1 to 10000 photographs' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    enrolled := 0;
    failed := 0;
    claimed := ARRAY(
        SELECT s.staged_id FROM facesnxt.staged s
        WHERE s.sqlstate IS NULL AND s.staged_id > coalesce(after, 0) AND (host OR (s.staged_by = who AND s.staged_session = login))
        ORDER BY s.staged_id LIMIT size FOR UPDATE SKIP LOCKED);
    last := (SELECT max(c) FROM unnest(claimed) c);
    -- persons in one order in all sessions, so that none waits for another one in a circle
    FOREACH this IN ARRAY ARRAY(SELECT s.staged_id FROM facesnxt.staged s WHERE s.staged_id = ANY (claimed) ORDER BY s.person_id, s.staged_id) LOOP
        SELECT s.* INTO row FROM facesnxt.staged s WHERE s.staged_id = this;
        BEGIN
            PERFORM row.repository::facesnxt.repository;
            IF row.name IS NOT NULL THEN
                INSERT INTO facesnxt.person (person_id, name, date_of_birth) VALUES (row.person_id, row.name, row.date_of_birth)
                ON CONFLICT DO NOTHING;
                IF NOT FOUND AND NOT EXISTS (SELECT FROM facesnxt.person p WHERE p.person_id = row.person_id AND p.name = row.name
                        AND (row.date_of_birth IS NULL OR p.date_of_birth = row.date_of_birth)) THEN
                    RAISE EXCEPTION 'the person of this id has another name or date of birth' USING ERRCODE = 'unique_violation';
                END IF;
            END IF;
            made := facesnxt.extract(row.photo, row.face, detector, recogniser);
            PERFORM facesnxt.keep_reference(row.photo, row.person_id, row.repository, row.identity_source, made, who);
            DELETE FROM facesnxt.staged s WHERE s.staged_id = this;
            enrolled := enrolled + 1;
        EXCEPTION WHEN OTHERS THEN
            code := SQLSTATE;
            problem := SQLERRM;
            IF NOT facesnxt.is_row_failure(code) THEN
                RAISE;
            END IF;
            UPDATE facesnxt.staged s SET sqlstate = code, message = problem, tried_at = clock_timestamp() WHERE s.staged_id = this;
            failed := failed + 1;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.enrol_batch(int, bigint, text, text) IS
'Enrols up to so many staged photographs that no other session is at, in the order in which they were staged; what fails stays with its reason. last: NULL when nothing waits';
REVOKE ALL ON FUNCTION facesnxt.enrol_batch(int, bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enrol_batch(int, bigint, text, text) TO facesnxt_admin;

-- It commits after each batch, so it has the caller's rights and search_path,
-- and uses no operator.
CREATE PROCEDURE facesnxt.enrol_staged(batch int DEFAULT 50, detector text DEFAULT NULL, recogniser text DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
    step record;
    after bigint;
BEGIN
    LOOP
        SELECT b.last INTO step FROM facesnxt.enrol_batch(batch, after, detector, recogniser) b;
        COMMIT;
        -- once more from the start: what others left, or what was staged meanwhile
        EXIT WHEN step.last IS NULL AND after IS NULL;
        after := step.last;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE facesnxt.enrol_staged(int, text, text) IS
'Enrols all that is staged, committing each batch; several sessions share the work, and one that was interrupted goes on when it is called again';
REVOKE ALL ON PROCEDURE facesnxt.enrol_staged(int, text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE facesnxt.enrol_staged(int, text, text) TO facesnxt_admin;
