-- Records that are appended to and never changed.

-- One function refuses every change of a record, for every role. It is an
-- obstacle that a superuser can only remove knowingly, not a proof.
CREATE FUNCTION facesnxt.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of "%" refused: records are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'NX309', DETAIL = 'What was searched, by whom and with what result is never changed.',
              HINT = 'Add a new record that corrects the old one.';
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE of a record (NX309)';
REVOKE ALL ON FUNCTION facesnxt.refuse_change() FROM PUBLIC;
