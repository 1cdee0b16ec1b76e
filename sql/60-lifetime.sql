-- Which references there were at the time of a search.
--
-- A search notes the snapshots before and after its comparison; a reference
-- notes the transaction that enrolled it, and that which removed or changed it.
-- So it is known, and not guessed from clocks, what was compared. Numbers of
-- transactions mean something within one cluster: between clusters, as after a
-- restore, times are what there is.

CREATE FUNCTION facesnxt.cluster_id() RETURNS bigint
LANGUAGE sql STABLE
AS $$ SELECT c.system_identifier FROM pg_catalog.pg_control_system() c $$;
COMMENT ON FUNCTION facesnxt.cluster_id() IS 'The cluster whose numbers of transactions these are';
REVOKE ALL ON FUNCTION facesnxt.cluster_id() FROM PUBLIC;

-- Defaults and no trigger: a restore brings the values along.
ALTER TABLE facesnxt.reference_image
    ADD enrolled_xact xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    ADD enrolled_cluster bigint NOT NULL DEFAULT facesnxt.cluster_id();
COMMENT ON COLUMN facesnxt.reference_image.enrolled_xact IS 'The transaction that enrolled it, of enrolled_cluster';
CREATE TRIGGER reference_image_enrolled BEFORE UPDATE OF enrolled_by, enrolled_at, enrolled_xact, enrolled_cluster
    ON facesnxt.reference_image FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.refuse_change();
ALTER TABLE facesnxt.reference_image ENABLE ALWAYS TRIGGER reference_image_enrolled;

CREATE TABLE facesnxt.reference_end (
    end_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    reference_id uuid NOT NULL,
    person_id uuid NOT NULL,
    repository text NOT NULL,
    model text NOT NULL,
    how text NOT NULL CHECK (how IN ('removed', 'changed')),
    began_at timestamptz NOT NULL,
    began_xact xid8 NOT NULL,
    began_cluster bigint NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_xact xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    ended_cluster bigint NOT NULL DEFAULT facesnxt.cluster_id(),
    acting_role name NOT NULL,
    session_role name NOT NULL
);
CREATE INDEX ON facesnxt.reference_end (reference_id, ended_at);
COMMENT ON TABLE facesnxt.reference_end IS
'References that were removed or changed: from when until when each was there, without what it was; nothing of a face is kept';
SELECT facesnxt.keep_record('reference_end');

CREATE FUNCTION facesnxt.note_reference_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.reference_id, OLD.person_id, OLD.repository) = (NEW.reference_id, NEW.person_id, NEW.repository)
        AND OLD.template OPERATOR(facesnxt.=) NEW.template THEN
        RETURN NULL;
    END IF;
    INSERT INTO facesnxt.reference_end (reference_id, person_id, repository, model, how, began_at, began_xact, began_cluster,
        acting_role, session_role)
    SELECT gone.reference_id, gone.person_id, gone.repository::text, gone.model, CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'removed' END,
        coalesce(e.ended_at, x.made_at, i.enrolled_at, '-infinity'), coalesce(e.ended_xact, x.made_xact, i.enrolled_xact, '3'),
        coalesce(e.ended_cluster, x.made_cluster, i.enrolled_cluster, facesnxt.cluster_id()), s.acting_role, s.session_role
    FROM facesnxt.session_identity() s,
        -- of a table that is emptied all rows, else the one that is changed
        LATERAL (SELECT r.reference_id, r.person_id, r.repository, r.model FROM facesnxt.reference r WHERE TG_OP = 'TRUNCATE'
                 UNION ALL SELECT OLD.reference_id, OLD.person_id, OLD.repository, OLD.model WHERE TG_OP <> 'TRUNCATE') gone
        LEFT JOIN facesnxt.reference_image i USING (reference_id)
        LEFT JOIN LATERAL (SELECT n.* FROM facesnxt.reference_end n WHERE n.reference_id = gone.reference_id AND n.model = gone.model AND n.how = 'changed'
                           ORDER BY n.ended_at DESC LIMIT 1) e ON true
        LEFT JOIN LATERAL (SELECT m.* FROM facesnxt.reextracted m JOIN facesnxt.reextraction n USING (run_id)
                           WHERE m.reference_id = gone.reference_id AND n.fingerprint = gone.model AND m.sqlstate IS NULL LIMIT 1) x ON true;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.note_reference_end() IS 'Trigger: keeps from when until when a reference was there, and nothing of the face';
REVOKE ALL ON FUNCTION facesnxt.note_reference_end() FROM PUBLIC;
CREATE TRIGGER reference_ends AFTER UPDATE OR DELETE ON facesnxt.reference
    FOR EACH ROW EXECUTE FUNCTION facesnxt.note_reference_end();
CREATE TRIGGER reference_all_end BEFORE TRUNCATE ON facesnxt.reference
    FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.note_reference_end();
ALTER TABLE facesnxt.reference ENABLE ALWAYS TRIGGER reference_ends;
ALTER TABLE facesnxt.reference ENABLE ALWAYS TRIGGER reference_all_end;

-- Written so that it becomes part of the query.
CREATE FUNCTION facesnxt.was_seen(
    xact xid8, cluster bigint, at timestamptz, snapshot pg_snapshot, snapshot_cluster bigint, snapshot_at timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN $2 = $5 AND $4 IS NOT NULL THEN pg_catalog.pg_visible_in_snapshot($1, $4) ELSE $3 <= $6 END
$$;
COMMENT ON FUNCTION facesnxt.was_seen(xid8, bigint, timestamptz, pg_snapshot, bigint, timestamptz) IS
'Whether what a transaction did was there for a snapshot: by its number within one cluster, else by the time';
REVOKE ALL ON FUNCTION facesnxt.was_seen(xid8, bigint, timestamptz, pg_snapshot, bigint, timestamptz) FROM PUBLIC;

CREATE TYPE facesnxt.moment AS (before pg_snapshot, after pg_snapshot, cluster bigint, began timestamptz, ended timestamptz);
COMMENT ON TYPE facesnxt.moment IS 'When a search compared: by the snapshots before and after, and by the clock';

CREATE FUNCTION facesnxt.moment_of(searched facesnxt.search) RETURNS facesnxt.moment
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW(($1).scan->>'before', coalesce(($1).scan->>'after', ($1).scan->>'before'), ($1).scan->>'cluster',
               ($1).requested_at, ($1).recorded_at)::facesnxt.moment
$$;
COMMENT ON FUNCTION facesnxt.moment_of(facesnxt.search) IS 'When a search compared, from its record';
REVOKE ALL ON FUNCTION facesnxt.moment_of(facesnxt.search) FROM PUBLIC;

-- What is there now and was not then, or was another one; perhaps it was when
-- it came while the search went on.
CREATE FUNCTION facesnxt.references_since(moment facesnxt.moment, model text) RETURNS TABLE (reference_id uuid, perhaps boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT i.reference_id,
        facesnxt.was_seen(i.enrolled_xact, i.enrolled_cluster, i.enrolled_at, moment.after, moment.cluster, moment.ended)
    FROM facesnxt.reference_image i
    WHERE NOT facesnxt.was_seen(i.enrolled_xact, i.enrolled_cluster, i.enrolled_at, moment.before, moment.cluster, moment.began)
    UNION
    -- a template that another model made of a photograph that was there
    SELECT x.reference_id,
        facesnxt.was_seen(x.made_xact, x.made_cluster, x.made_at, moment.after, moment.cluster, moment.ended)
    FROM facesnxt.reextraction n JOIN facesnxt.reextracted x USING (run_id)
    WHERE n.fingerprint = references_since.model AND x.sqlstate IS NULL
        AND NOT facesnxt.was_seen(x.made_xact, x.made_cluster, x.made_at, moment.before, moment.cluster, moment.began)
    UNION
    SELECT e.reference_id,
        bool_and(facesnxt.was_seen(e.ended_xact, e.ended_cluster, e.ended_at, moment.after, moment.cluster, moment.ended))
    FROM facesnxt.reference_end e
    WHERE e.how = 'changed' AND e.model = references_since.model
        AND NOT facesnxt.was_seen(e.ended_xact, e.ended_cluster, e.ended_at, moment.before, moment.cluster, moment.began)
    GROUP BY e.reference_id;
END
$$;
COMMENT ON FUNCTION facesnxt.references_since(facesnxt.moment, text) IS
'References that were enrolled, changed or made anew for a model since, each once or more; perhaps: while the search went on';
REVOKE ALL ON FUNCTION facesnxt.references_since(facesnxt.moment, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.references_gone(moment facesnxt.moment, model text, repositories text[])
RETURNS TABLE (reference_id uuid, person_id uuid, how text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT e.reference_id, e.person_id, e.how
    FROM facesnxt.reference_end e
    WHERE e.model = references_gone.model AND e.repository = ANY (repositories)
        AND facesnxt.was_seen(e.began_xact, e.began_cluster, e.began_at, moment.after, moment.cluster, moment.ended)
        AND NOT facesnxt.was_seen(e.ended_xact, e.ended_cluster, e.ended_at, moment.before, moment.cluster, moment.began);
END
$$;
COMMENT ON FUNCTION facesnxt.references_gone(facesnxt.moment, text, text[]) IS 'References that were there then and have been removed or changed';
REVOKE ALL ON FUNCTION facesnxt.references_gone(facesnxt.moment, text, text[]) FROM PUBLIC;
