-- A member whose account is not active comes as far as the gate, which refuses
-- the search and records the attempt; without this it would fail unrecorded.
DO $$
DECLARE
    door regprocedure;
BEGIN
    FOR door IN SELECT p.oid FROM pg_catalog.pg_proc p
                WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.proname IN ('search', 'search_template', 'verify', 'verify_template') LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO facesnxt_member', door);
    END LOOP;
END
$$;
