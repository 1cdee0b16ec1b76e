-- The tests of all rules, by the name that facesnxt.rule has for them.

DO $$
DECLARE
    test regprocedure;
    branches text;
BEGIN
    FOR test IN SELECT p.oid FROM pg_catalog.pg_proc p
                WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.prorettype = 'facesnxt.finding'::regtype LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', test);
        EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS %L', test, 'Tests a rule of facesnxt.rule: NULL, or what is wrong');
    END LOOP;

    -- Written out, so that the plans of the tests are kept for the session.
    SELECT pg_catalog.string_agg(pg_catalog.format(E'        WHEN %L THEN\n            found := facesnxt.%I(version_id, value, facts);\n',
                                                   t.test, t.test), '' ORDER BY t.test)
    INTO branches
    FROM (SELECT DISTINCT k.test FROM facesnxt.rule k WHERE k.test IS NOT NULL) t;
    EXECUTE pg_catalog.format($function$
        CREATE FUNCTION facesnxt.run_test(test text, version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
        LANGUAGE plpgsql STABLE
        SET search_path = pg_catalog, pg_temp
        AS %L$function$, pg_catalog.concat(E'\nDECLARE\n    found facesnxt.finding;\nBEGIN\n    CASE test\n',
            branches, E'    END CASE;\n    RETURN found;\nEND\n'));
END
$$;
COMMENT ON FUNCTION facesnxt.run_test(text, uuid, jsonb, jsonb) IS 'The test of a rule, by its name; a name that is not there is an error';
REVOKE ALL ON FUNCTION facesnxt.run_test(text, uuid, jsonb, jsonb) FROM PUBLIC;
