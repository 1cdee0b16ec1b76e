-- Whether what a document says of a rule means anything. A value that no test
-- understands would be a rule that nobody keeps, or a gate that fails.

CREATE FUNCTION facesnxt.texts_in(value jsonb, known text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT facesnxt.check_value('texts', value) AND NOT EXISTS (
        SELECT FROM jsonb_array_elements_text(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) t
        WHERE t <> ALL (known))
$$;
COMMENT ON FUNCTION facesnxt.texts_in(jsonb, text[]) IS 'Whether a value is an array of texts, none but these';
REVOKE ALL ON FUNCTION facesnxt.texts_in(jsonb, text[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.number_in(value jsonb, low numeric, high numeric, whole boolean DEFAULT true) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number'
        THEN (value #>> '{}')::numeric BETWEEN low AND high AND (NOT whole OR (value #>> '{}')::numeric % 1 = 0)
        ELSE false END
$$;
COMMENT ON FUNCTION facesnxt.number_in(jsonb, numeric, numeric, boolean) IS 'Whether a value is a number between these';
REVOKE ALL ON FUNCTION facesnxt.number_in(jsonb, numeric, numeric, boolean) FROM PUBLIC;

-- The value is of the rule's kind already.
CREATE FUNCTION facesnxt.rule_value_fault(rule text, value jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known text[];
    means boolean;
BEGIN
    known := CASE rule
        WHEN 'pace' THEN '{searches,probes,minutes}'
        WHEN 'exigent' THEN '{hours,papers,purposes}'
        WHEN 'mou' THEN enum_range(NULL::facesnxt.repository)::text[]
        WHEN 'report' THEN '{kind,days,items}'
        WHEN 'retention' THEN '{probes,templates,candidates,searches,log,audits}'
        WHEN 'burst' THEN '{searches,minutes}'
        WHEN 'public_records' THEN '{statute,exempt}' END;
    IF known IS NOT NULL AND EXISTS (SELECT FROM jsonb_object_keys(value) k WHERE k <> ALL (known)) THEN
        RETURN format('the value of rule "%s" has other keys than %s', rule, array_to_string(known, ', '));
    END IF;
    means := CASE
        WHEN rule IN ('inactivity_days', 'outcome_days', 'retention_days', 'substantiation_days', 'audit_months', 'memorandum_months', 'audit_days')
            THEN facesnxt.number_in(value, 0, 100000)
        WHEN rule = 'licences' THEN facesnxt.number_in(value, 0, 1000000000)
        WHEN rule = 'verification_hours' THEN facesnxt.number_in(value, 0, 10000, false)
        WHEN rule = 'case_number' THEN value #>> '{}' IN ('required', 'if applicable', 'later')
        WHEN rule = 'purpose_classes' THEN facesnxt.texts_in(value, '{criminal_justice,administrative,assistance,safety}')
        WHEN rule IN ('not_sole_basis', 'determination_before', 'supervisor_before')
            THEN facesnxt.texts_in(value, ARRAY(SELECT k.kind FROM facesnxt.action_kind k UNION ALL SELECT 'any'))
        WHEN rule = 'worksheet' THEN facesnxt.texts_in(value, ARRAY(SELECT f.feature FROM facesnxt.comparison_feature f))
        -- what is left out is not bounded; nobody looks further back than a day
        WHEN rule = 'pace' THEN value ?| '{searches,probes}' AND facesnxt.number_in(value->'minutes', 1, 1440, false)
            AND facesnxt.number_in(coalesce(value->'searches', '1'), 1, 200) AND facesnxt.number_in(coalesce(value->'probes', '1'), 1, 200)
        WHEN rule = 'burst' THEN facesnxt.number_in(value->'searches', 1, 10000) AND facesnxt.number_in(value->'minutes', 1, 1440, false)
        WHEN rule = 'substantiation' THEN facesnxt.texts_in(value,
            '{report,outcome,corroboration,case,fields,exigent,dispositions,anomaly,override}')
        WHEN rule = 'publication_threshold' THEN facesnxt.number_in(value, 2, 1000)
        WHEN rule = 'time_zone' THEN EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = value #>> '{}')
        WHEN rule = 'exigent' THEN facesnxt.number_in(value->'hours', 0, 10000, false)
            AND facesnxt.texts_in(value->'papers', ARRAY(SELECT r.rule FROM facesnxt.rule r WHERE r.area IN ('case', 'purpose')))
            AND facesnxt.check_value('texts', coalesce(value->'purposes', '[]'))
        WHEN rule = 'mou' THEN NOT EXISTS (SELECT FROM jsonb_each(value) e WHERE NOT facesnxt.check_value('texts', e.value))
        WHEN rule = 'report' THEN facesnxt.readable(value->>'kind') IS NOT NULL AND jsonb_typeof(value->'kind') = 'string'
            AND facesnxt.number_in(coalesce(value->'days', '0'), 0, 100000) AND facesnxt.check_value('texts', coalesce(value->'items', '[]'))
        -- what says who searched is kept for a year, and audits for three, whatever is asked
        WHEN rule = 'retention' THEN NOT EXISTS (SELECT FROM jsonb_each(value) e WHERE NOT facesnxt.number_in(
            e.value, CASE WHEN e.key IN ('searches', 'log') THEN 365 WHEN e.key = 'audits' THEN 1095 ELSE 0 END, 100000))
        WHEN rule = 'public_records' THEN facesnxt.readable(value->>'statute') IS NOT NULL
            AND jsonb_typeof(coalesce(value->'exempt', 'false')) = 'boolean'
        WHEN rule = 'anomalies' THEN facesnxt.anomaly_settings_known(value)
        ELSE true END;
    IF means IS NOT TRUE THEN
        RETURN format('the value of rule "%s" means nothing: %s', rule, left(value::text, 100));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.rule_value_fault(text, jsonb) IS 'Why a value of the right kind means nothing to a rule, or NULL';
REVOKE ALL ON FUNCTION facesnxt.rule_value_fault(text, jsonb) FROM PUBLIC;
