#!/bin/bash
# index.sh - the access method facescan against the exact scan and against a
# plain read of the same codes.
#
# PERSONS (600,000, about 1 M templates) of DIM (512) dimensions in half
# precision, made by bench/tool/gallery.c; PROBES (100) normal and as many hard
# ones, new photos of enrolled people. "R" is the plain read of the bytes of the
# coarse codes, taken between the searches. Medians; one client; warm.
set -euo pipefail

persons=${PERSONS:-600000} dim=${DIM:-512} probes=${PROBES:-100}
tools=${BENCH_TOOLS:-build/bench/tool}
files=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$files"' EXIT
chmod 755 "$files"

"$tools/gallery" base "$persons" "$dim" half >"$files/base"
"$tools/gallery" normal "$probes" "$dim" half >"$files/normal"
"$tools/gallery" hard "$probes" "$dim" half >"$files/hard"

run() { psql -X -q -At -v ON_ERROR_STOP=1 "$@"; }
run -v dim="$dim" -v files="$files" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
CREATE EXTENSION IF NOT EXISTS pg_prewarm;
SET search_path = facesnxt, public;
CREATE TABLE public.gallery (id serial, person int, template embedding(:dim, half));
CREATE TABLE public.probe (kind text DEFAULT 'normal', id serial, person int, template embedding(:dim, half));
\set from '\'' :files '/base\''
COPY public.gallery (person, template) FROM :from (FORMAT binary);
\set from '\'' :files '/normal\''
COPY public.probe (person, template) FROM :from (FORMAT binary);
ALTER TABLE public.probe ALTER kind SET DEFAULT 'hard';
\set from '\'' :files '/hard\''
COPY public.probe (person, template) FROM :from (FORMAT binary);
VACUUM ANALYZE public.gallery;
SELECT pg_prewarm('public.gallery') \g /dev/null
SELECT format('%s templates of %s dimensions, table of %s', count(*), :dim, pg_size_pretty(pg_table_size('public.gallery')))
FROM public.gallery;
SET maintenance_work_mem = '256MB';
CREATE FUNCTION public.ms(statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE start timestamptz := clock_timestamp();
BEGIN
    EXECUTE statement;
    RETURN round((extract(epoch FROM clock_timestamp() - start) * 1000)::numeric, 1);
END $$;
SET max_parallel_maintenance_workers = 0;
SELECT format('build, one process                 %s ms', public.ms('CREATE INDEX gallery_template ON public.gallery USING facescan (template)'));
DROP INDEX public.gallery_template;
SET max_parallel_maintenance_workers = 2;
SELECT format('build, with parallel workers       %s ms', public.ms('CREATE INDEX gallery_template ON public.gallery USING facescan (template)'));
SELECT format('size                               %s bytes a row', round(bytes::numeric / entries, 1))
FROM index_info('public.gallery_template');
SELECT pg_prewarm('public.gallery_template') \g /dev/null

-- one search: milliseconds, the persons found, what the scan did
CREATE FUNCTION public.try(probe embedding, k int, distance float8, OUT ms float8, OUT ids int[], OUT persons int[], OUT scan jsonb)
LANGUAGE plpgsql AS $$
DECLARE start timestamptz := clock_timestamp();
BEGIN
    IF distance IS NULL THEN
        SELECT array_agg(s.id), array_agg(s.person) INTO ids, persons
        FROM (SELECT g.id, g.person FROM public.gallery g ORDER BY g.template <=> probe LIMIT k) s;
    ELSE
        SELECT array_agg(s.id), array_agg(s.person) INTO ids, persons
        FROM (SELECT g.id, g.person FROM public.gallery g WHERE within(g.template, probe, distance)
              ORDER BY g.template <=> probe LIMIT k) s;
    END IF;
    ms := extract(epoch FROM clock_timestamp() - start) * 1000;
    scan := to_jsonb(last_scan());
END $$;
SQL

# $1 probes, $2 k, $3 greatest distance or NULL; one session, warm after its first searches
measure() {
    run -v kind="$1" -v k="$2" -v distance="$3" <<'SQL'
SET search_path = facesnxt, public;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT count(*) FROM (SELECT (public.try(template, 50, NULL)).ms FROM public.probe LIMIT 5) s \g /dev/null
CREATE TEMP TABLE result AS
SELECT p.person, t.* FROM public.probe p, LATERAL public.try(p.template, :k, :distance) t WHERE p.kind = :'kind';
SELECT format('%s', percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)) FROM result;
SELECT format('found %s, late %s of %s, rounds %s, middle %s, fine %s, fetched %s',
    avg((person = ANY (coalesce(persons, '{}')))::int)::numeric(5,3), sum((scan->>'late')::int),
    sum((scan->>'returned')::int), avg((scan->>'rounds')::int)::numeric(4,2), avg((scan->>'middle')::int)::int,
    avg((scan->>'refined')::int)::int, avg((scan->>'fetched')::int)::int)
FROM result;
SQL
}

codes=$(run -c "SELECT code_pages FROM facesnxt.index_info('public.gallery_template')")
bytes=$(run -c "SELECT count(*) * (($dim + 63) / 64 * 8) FROM public.gallery")
printf '%s code pages; R reads %s bytes\n' "$codes" "$bytes"
for what in "normal 50 NULL" "hard 50 NULL" "normal 10 NULL" "normal 50 0.65"; do
    read -r kind k distance <<<"$what"
    before=$("$tools/read" "$bytes")
    mapfile -t lines < <(measure "$kind" "$k" "$distance")
    after=$("$tools/read" "$bytes")
    awk -v what="$kind, LIMIT $k${distance/NULL/}" -v ms="${lines[0]}" -v a="$before" -v b="$after" -v text="${lines[1]}" \
        'BEGIN { r = (a + b) / 2; printf "%-34s %.1f ms, R %.2f ms, ratio %.2f; %s\n", what, ms, r, ms / r, text }'
done

run <<'SQL'
SET search_path = facesnxt, public;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TEMP TABLE indexed AS
SELECT p.kind, p.id, p.person, t.* FROM public.probe p, LATERAL public.try(p.template, 50, NULL) t WHERE p.id % 4 = 0;
SET enable_indexscan = off;
-- the function keeps its plan otherwise
DISCARD PLANS;
CREATE TEMP TABLE exact AS
SELECT p.kind, p.id, t.* FROM public.probe p, LATERAL public.try(p.template, 50, NULL) t WHERE p.id % 4 = 0;
SELECT format('%s probes against the exact scan: recall@50 %s, found %s against %s, exact scan %s ms', i.kind,
    avg((SELECT count(*) FROM unnest(i.ids) x WHERE x = ANY (e.ids)) / 50.0)::numeric(6,4),
    avg((i.person = ANY (i.persons))::int)::numeric(5,3), avg((i.person = ANY (e.persons))::int)::numeric(5,3),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ms)::int)
FROM indexed i JOIN exact e USING (kind, id) GROUP BY i.kind ORDER BY i.kind DESC;
SQL
