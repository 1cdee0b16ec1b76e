-- How often chance alone would give a candidate: FPIR of a search, estimated
-- from comparisons of references of different persons (ISO/IEC 19795-1).

CREATE TABLE facesnxt.impostor_sample (
    sample_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    model text NOT NULL,
    number int NOT NULL,
    templates int NOT NULL,
    comparisons bigint NOT NULL,
    blocks int NOT NULL,
    bins int NOT NULL,
    pairs bigint[] NOT NULL,
    counts bigint[] NOT NULL,
    tail_bin int NOT NULL,
    seed text NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE (model, number)
);
COMMENT ON TABLE facesnxt.impostor_sample IS
'Versions of the impostor distribution of a model: similarities of references of different persons, as counts, one reference of each person, in blocks that share no person';
COMMENT ON COLUMN facesnxt.impostor_sample.pairs IS 'Comparisons in each block';
COMMENT ON COLUMN facesnxt.impostor_sample.counts IS 'For each block, how many comparisons are at least as similar as the lower edge of each bin of -1 to 1';
COMMENT ON COLUMN facesnxt.impostor_sample.tail_bin IS 'From this bin on a tail is fitted, for what is too rare to be counted';
SELECT facesnxt.keep_record('impostor_sample', 'facesnxt_auditor', 'facesnxt_admin');

-- References of different persons, in twenty blocks by their place; NULL of too few.
CREATE FUNCTION facesnxt.impostors_among(chosen uuid[], model text) RETURNS facesnxt.impostor_sample
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    in_blocks CONSTANT int := 20;
    in_bins CONSTANT int := 1024;
    made facesnxt.impostor_sample;
BEGIN
    IF cardinality(chosen) < 10 * in_blocks THEN
        RETURN NULL;
    END IF;
    WITH counted AS MATERIALIZED (
        SELECT f.n % in_blocks AS block, count(*) AS size, facesnxt.score_counts(array_agg(r.template), array_agg(f.n::int), in_bins) AS counts
        FROM unnest(chosen) WITH ORDINALITY f (reference_id, n) JOIN facesnxt.reference r USING (reference_id)
        WHERE r.model = impostors_among.model GROUP BY 1
    ), binned AS MATERIALIZED (
        SELECT c.block, u.n, u.bin FROM counted c, unnest(c.counts) WITH ORDINALITY AS u (n, bin)
    )
    SELECT sum(c.size), sum(c.size * (c.size - 1) / 2), in_blocks, in_bins, array_agg(c.size * (c.size - 1) / 2 ORDER BY c.block),
        (SELECT array_agg(b.n ORDER BY b.block, b.bin) FROM binned b),
        -- the last bin that two hundred comparisons reach, or as many as there are
        (SELECT coalesce(max(t.bin) FILTER (WHERE t.n >= 200), 1) - 1 FROM (SELECT b.bin, sum(b.n) AS n FROM binned b GROUP BY b.bin) t)
    INTO made.templates, made.comparisons, made.blocks, made.bins, made.pairs, made.counts, made.tail_bin
    FROM counted c;
    RETURN made;
END
$$;
COMMENT ON FUNCTION facesnxt.impostors_among(uuid[], text) IS 'The impostor distribution of references, each of another person; NULL of less than 200';
REVOKE ALL ON FUNCTION facesnxt.impostors_among(uuid[], text) FROM PUBLIC;

CREATE FUNCTION facesnxt.sample_impostors(model text DEFAULT NULL, templates int DEFAULT 20000, seed text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    wanted CONSTANT text := coalesce(model, (SELECT m.fingerprint FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.in_use), '00000000');
    by_seed CONSTANT text := coalesce(seed, gen_random_uuid()::text);
    made facesnxt.impostor_sample;
BEGIN
    IF templates IS NULL OR templates NOT BETWEEN 200 AND 200000 THEN
        RAISE EXCEPTION 'a sample is of 200 to 200000 templates' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    made := facesnxt.impostors_among(ARRAY(
        SELECT o.reference_id
        FROM (SELECT DISTINCT ON (r.person_id) r.person_id, r.reference_id
              FROM facesnxt.reference r WHERE r.model = wanted ORDER BY r.person_id, md5(r.reference_id::text || by_seed)) o
        ORDER BY md5(o.person_id::text || by_seed), o.person_id LIMIT templates), wanted);
    IF made.comparisons IS NULL THEN
        RAISE EXCEPTION 'too few persons have references of model %', wanted USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'An impostor distribution needs references of at least 200 persons.', HINT = 'Enrol more, or name another model.';
    END IF;
    INSERT INTO facesnxt.impostor_sample (model, number, templates, comparisons, blocks, bins, pairs, counts, tail_bin, seed, acting_role, session_role)
    SELECT wanted, 1 + (SELECT count(*) FROM facesnxt.impostor_sample s WHERE s.model = wanted), made.templates, made.comparisons, made.blocks, made.bins,
        made.pairs, made.counts, made.tail_bin, by_seed, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING sample_id INTO made.sample_id;
    RETURN made.sample_id;
END
$$;
COMMENT ON FUNCTION facesnxt.sample_impostors(text, int, text) IS
'Compares references of different persons, a random one of each, and keeps how similar they are as a version of the model''s impostor distribution';
REVOKE ALL ON FUNCTION facesnxt.sample_impostors(text, int, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.sample_impostors(text, int, text) TO facesnxt_auditor, facesnxt_admin;

-- Share of comparisons of different persons at or above a threshold. Where at
-- least twenty were, they are counted; above, an exponential tail is fitted,
-- which falls more slowly than scores do, so that it errs to the high side.
-- Comparisons that share a template are not independent, blocks are: the
-- interval is by leaving out a block at a time, on the logarithm.
CREATE FUNCTION facesnxt.false_match_rate(sample facesnxt.impostor_sample, threshold double precision,
    OUT rate double precision, OUT low double precision, OUT high double precision, OUT basis text)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    place CONSTANT double precision := least(greatest((threshold + 1) / 2 * sample.bins, 0), sample.bins);
    bin CONSTANT int := least(floor(place)::int, sample.bins - 1);
    part CONSTANT double precision := place - bin;
    u CONSTANT int := sample.tail_bin;
    -- of its own, or each look at an element would unpack the whole
    counts bigint[] := sample.counts;
    hits double precision[] := ARRAY[]::double precision[];
    above double precision[] := ARRAY[]::double precision[];
    beyond double precision[] := ARRAY[]::double precision[];
    at int;
    all_hits double precision := 0;
    all_above double precision := 0;
    all_beyond double precision := 0;
    all_pairs double precision := 0;
    share double precision;
    logs double precision[] := ARRAY[]::double precision[];
    spread double precision;
BEGIN
    IF counts IS NULL THEN
        RETURN;
    END IF;
    FOR b IN 1 .. sample.blocks LOOP
        at := (b - 1) * sample.bins + bin + 1;
        -- within a bin the scores are taken to lie evenly
        hits := hits || (counts[at] * (1 - part) + CASE WHEN bin + 1 < sample.bins THEN counts[at + 1] ELSE 0 END * part);
        above := above || counts[(b - 1) * sample.bins + u + 1]::double precision;
        beyond := beyond || (SELECT coalesce(sum(c), 0) FROM unnest(counts[(b - 1) * sample.bins + u + 2 : b * sample.bins]) c)::double precision;
        all_hits := all_hits + hits[b];
        all_above := all_above + above[b];
        all_beyond := all_beyond + beyond[b];
        all_pairs := all_pairs + sample.pairs[b];
    END LOOP;
    basis := CASE WHEN all_hits >= 20 OR bin < u THEN 'counted' ELSE 'tail' END;
    FOR b IN 0 .. sample.blocks LOOP
        IF basis = 'counted' THEN
            share := greatest(all_hits - coalesce(hits[b], 0), 0.5) / (all_pairs - coalesce(sample.pairs[b], 0));
        ELSE
            share := (all_above - coalesce(above[b], 0)) / (all_pairs - coalesce(sample.pairs[b], 0)) * power(
                (all_beyond - coalesce(beyond[b], 0)) / (all_beyond - coalesce(beyond[b], 0) + all_above - coalesce(above[b], 0)), place - u);
        END IF;
        share := greatest(share, 1e-300);
        IF b = 0 THEN
            rate := share;
        ELSE
            logs := logs || ln(share);
        END IF;
    END LOOP;
    spread := 2.093 * sqrt((sample.blocks - 1) * (SELECT var_pop(l) FROM unnest(logs) l));
    low := rate * exp(-least(spread, 600));
    high := least(1, rate * exp(least(spread, 600)));
END
$$;
COMMENT ON FUNCTION facesnxt.false_match_rate(facesnxt.impostor_sample, double precision) IS
'FMR: share of comparisons of different persons at or above a threshold, with a 95 % interval by a jackknife over blocks; basis: counted, or by a fitted tail';
REVOKE ALL ON FUNCTION facesnxt.false_match_rate(facesnxt.impostor_sample, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.false_match_rate(facesnxt.impostor_sample, double precision) TO facesnxt_auditor, facesnxt_admin;

-- 1 - (1 - rate) ^ references, also where that is tiny.
CREATE FUNCTION facesnxt.any_of(rate double precision, trials bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN $1 >= 1 THEN 1 WHEN $1 * $2 < 1e-8 THEN $1 * $2
        ELSE 1 - exp($2 * CASE WHEN $1 < 1e-6 THEN -$1 - $1 * $1 / 2 ELSE ln(1 - $1) END) END
$$;
COMMENT ON FUNCTION facesnxt.any_of(double precision, bigint) IS 'The chance that at least one of so many independent comparisons comes out, each at this rate';
REVOKE ALL ON FUNCTION facesnxt.any_of(double precision, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.any_of(double precision, bigint) TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.fpir(search_id uuid, sample_id uuid DEFAULT NULL)
RETURNS TABLE (rank int, score real, searched bigint, fmr double precision, fpir double precision, low double precision, high double precision,
    basis text, sample uuid, meaning text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    made facesnxt.search;
    known facesnxt.impostor_sample;
BEGIN
    SELECT s.* INTO made FROM facesnxt.search s WHERE s.search_id = fpir.search_id AND s.status = 'completed' AND facesnxt.in_reach(s.agency_id);
    IF made.search_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('false positive rate', 'NX460', 'no such search was completed', NULL,
            'SELECT * FROM facesnxt.search_exactness shows what there is.', clause => 'SP-II.A', search_id => search_id);
    END IF;
    SELECT i.* INTO known FROM facesnxt.impostor_sample i
    WHERE i.model = made.model AND (fpir.sample_id IS NULL OR i.sample_id = fpir.sample_id) ORDER BY i.number DESC LIMIT 1;
    IF known.sample_id IS NULL THEN
        RAISE EXCEPTION 'no impostor distribution of model % is known', made.model USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'facesnxt.sample_impostors() makes one.';
    END IF;
    RETURN QUERY
    SELECT t.rank, t.score, made.references_compared, f.rate, facesnxt.any_of(f.rate, made.references_compared),
        facesnxt.any_of(f.low, made.references_compared), facesnxt.any_of(f.high, made.references_compared), f.basis, known.sample_id,
        CASE WHEN t.rank IS NULL THEN 'share of probes of nobody who is enrolled that would have a candidate at the threshold'
            ELSE 'share of probes of nobody who is enrolled that would have a candidate of this score or more' END
    FROM (SELECT NULL::int AS rank, made.threshold AS score WHERE made.threshold IS NOT NULL
          UNION ALL SELECT c.rank, c.score FROM facesnxt.candidate c WHERE c.search_id = made.search_id) t,
        LATERAL facesnxt.false_match_rate(known, t.score) f
    ORDER BY t.rank NULLS FIRST;
END
$$;
COMMENT ON FUNCTION facesnxt.fpir(uuid, uuid) IS
'FPIR(N, T) of a search: how often chance would give a candidate among the references that were compared, at its threshold and at the score of each candidate, with 95 % intervals (MI-4.3.4.1.b)';
REVOKE ALL ON FUNCTION facesnxt.fpir(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.fpir(uuid, uuid) TO facesnxt_auditor;
