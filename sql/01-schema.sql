-- Schema and group roles. The parts of this folder are concatenated in the
-- order of the Makefile; each holds one area.

\echo Use "CREATE EXTENSION facesnxt" to load this file. \quit

COMMENT ON SCHEMA facesnxt IS 'Face search under police policy: templates, models, logged searches';
REVOKE ALL ON SCHEMA facesnxt FROM PUBLIC;
GRANT USAGE ON SCHEMA facesnxt TO PUBLIC;

-- Group roles belong to the cluster, not to this database: a second database
-- finds them there already. Membership is what a grant of use means; no
-- privilege is ever given to a person's own role.
DO $$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['facesnxt_investigator', 'facesnxt_requester', 'facesnxt_auditor', 'facesnxt_admin',
        'facesnxt_member', 'facesnxt_integrator', 'facesnxt_mailer']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END
$$;
