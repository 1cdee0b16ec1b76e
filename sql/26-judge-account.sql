-- The tests of rules that ask who searches.

CREATE FUNCTION facesnxt.test_account(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the account is not in order',
        format('Missing: %s.', string_agg(format('%s (%s)', g.missing, g.clause), '; ' ORDER BY g.place, g.missing)),
        format('Next: %s.', (array_agg(g.next_step ORDER BY g.place, g.missing))[1])
    FROM facesnxt.account_gaps(version_id, facts->'account') g
    WHERE value = 'true'
    HAVING count(*) > 0
    INTO found;
    RETURN found;
END
$$;

-- Whether or not anybody has swept: sweep_inactive() takes the account away.
CREATE FUNCTION facesnxt.test_inactivity(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the account was not used for too long',
        format('Last used at %s; the policy removes an account after %s days without use.', facts->'account'->>'used_at', value),
        'Ask the administrator of your agency: the account is to be removed, or suspended and activated anew.'
    WHERE (facts->'account'->>'used_at')::timestamptz
        <= (facts->>'requested_at')::timestamptz - (value #>> '{}')::numeric * interval '1 day'
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_one_address(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the account is in use from several addresses',
        format('Sessions come from %s; who logs on keeps the password to themselves.',
               (SELECT string_agg(a, ', ' ORDER BY a) FROM jsonb_array_elements_text(facts->'account'->'addresses') a)),
        'Close the other sessions; if they are not yours, change the password and tell the administrator of your agency.'
    WHERE value = 'true' AND jsonb_array_length(coalesce(facts->'account'->'addresses', '[]')) > 1
    INTO found;
    RETURN found;
END
$$;

-- One memorandum has all parties that a repository needs; any will do for a
-- repository of which the policy says nothing.
CREATE FUNCTION facesnxt.test_mou(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: no memorandum of understanding opens a repository',
        format('Not in force for agency %s: one with %s.', facts->'account'->>'agency', string_agg(format('%s, which "%s" needs',
            coalesce((SELECT string_agg(p, ' and ') FROM jsonb_array_elements_text(coalesce($2->w.repository, '[]')) p), 'anybody'),
            w.repository), '; one with ' ORDER BY w.repository)),
        'Name the repositories that a memorandum in force opens; an administrator records one: facesnxt.record_mou().'
    FROM (SELECT jsonb_array_elements_text(CASE jsonb_typeof(facts->'repositories') WHEN 'array' THEN facts->'repositories' ELSE '[]' END)
          UNION
          SELECT k FROM jsonb_object_keys($2) k WHERE jsonb_typeof(facts->'repositories') IS DISTINCT FROM 'array') AS w (repository)
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(coalesce(facts->'account'->'mou', '[]')) m
                      WHERE m->'parties' @> coalesce($2->w.repository, '[]'))
    HAVING count(*) > 0
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_unit(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the unit may not search',
        format('Unit of the account: %s; units that may: %s.', coalesce(facts->'account'->>'unit', 'none'),
               (SELECT string_agg(u, ', ') FROM jsonb_array_elements_text(value) u)),
        coalesce((SELECT format('Others need a named exception by: %s (facesnxt.grant_unit_exception()).', r.value #>> '{}')
                  FROM facesnxt.policy_rule r WHERE r.version_id = $1 AND r.rule = 'unit_exception_by'),
                 'The policy knows no exception.')
    WHERE NOT coalesce(value ? (facts->'account'->>'unit'), false)
        AND NOT (EXISTS (SELECT FROM facesnxt.policy_rule r WHERE r.version_id = $1 AND r.rule = 'unit_exception_by')
                 AND coalesce((facts->'account'->'unit_exception'->>'until')::timestamptz > (facts->>'requested_at')::timestamptz, false))
    INTO found;
    RETURN found;
END
$$;
