#!/bin/bash
# index_real.sh - the index on templates of real photographs, and whether what
# its calibration promises holds for real mates.
#
# Of FACESNXT_DATA/vectors: MODELS (all *.f32 there: 128 float32 a row, in the
# order of lfw_names.txt, a folder for each person). PROBES (all) photos of
# people with several are searched for in all rows but their own. First without
# lists: mates and recall@50 against the exact scan. Then for each of LISTS
# ("16 64"), RECALLS ("0.9 0.99") and SIMILARITIES ("0.5 0.65"): of the mates at
# least that similar, how many are found, and the same for those that are hardly
# more similar, since the promise is for each mate and not for the average.
. "$(dirname "$0")/tool/index_common.sh"

vectors=${FACESNXT_DATA:-}/vectors
if [ ! -e "$vectors/lfw_names.txt" ] || ! compgen -G "$vectors/*.f32" >/dev/null; then
    echo "left out: no templates of real photographs in FACESNXT_DATA/vectors"
    exit 0
fi

# $1 a file of float32 rows: a gallery of them, id as in lfw_names.txt
load_real() {
    run <<'SQL'
SET search_path = facesnxt, public;
DROP TABLE IF EXISTS public.gallery, public.probe, public.raw;
CREATE TABLE public.raw (id serial, name text, bytes bytea);
CREATE TABLE public.gallery (id int, person int, template embedding(128));
SQL
    paste "$vectors/lfw_names.txt" <(od -An -v -tx1 -w512 "$1" | tr -d ' ' | sed 's/^/\\\\x/') |
        run -c "COPY public.raw (name, bytes) FROM STDIN"
    run -v probes="${PROBES:-1000000}" <<'SQL'
SET search_path = facesnxt, public;
INSERT INTO public.gallery
SELECT id, dense_rank() OVER (ORDER BY split_part(name, '/', 1)), bytes::embedding FROM public.raw ORDER BY id;
DROP TABLE public.raw;
CREATE TABLE public.probe AS
SELECT id, person, template FROM public.gallery g
WHERE person IN (SELECT person FROM public.gallery GROUP BY person HAVING count(*) > 1)
ORDER BY hashint4(id) LIMIT :probes;
VACUUM ANALYZE public.gallery;
-- each probe with each of its mates
DROP TABLE IF EXISTS public.mate;
CREATE TABLE public.mate AS
SELECT p.id AS probe, p.person, g.id, 1 - (g.template <=> p.template) AS similarity
FROM public.probe p JOIN public.gallery g USING (person) WHERE g.id <> p.id;
SELECT format('%s templates, %s persons, %s probes, %s pairs of mates: similarity %s on average, %s from 0.5 on',
    (SELECT count(*) FROM public.gallery), (SELECT count(DISTINCT person) FROM public.gallery),
    (SELECT count(*) FROM public.probe), count(*), avg(similarity)::numeric(4,3),
    avg((similarity >= 0.5)::int)::numeric(4,3))
FROM public.mate;
SQL
    prepare_searches
}

# every code, against the exact scan
compare() {
    sql <<'SQL'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE indexed AS
SELECT p.id, p.person, t.* FROM public.probe p, LATERAL public.try_where(p.template, 50, 'g.id <> ' || p.id) t;
SET enable_indexscan = off;
CREATE TEMP TABLE exact AS
SELECT p.id, t.* FROM public.probe p, LATERAL public.try_where(p.template, 50, 'g.id <> ' || p.id) t;
SELECT format('every code: a mate first %s against %s, in the first 50 %s against %s; recall@50 %s; late %s of %s; '
    '%s ms against %s', avg((i.person = i.persons[1])::int)::numeric(5,4),
    avg((i.person = e.persons[1])::int)::numeric(5,4),
    avg((i.person = ANY (i.persons))::int)::numeric(5,4), avg((i.person = ANY (e.persons))::int)::numeric(5,4),
    avg(public.common(i.ids, e.ids) / 50.0)::numeric(6,5), sum((i.scan->>'late')::int), sum((i.scan->>'returned')::int),
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY i.ms))::numeric(9,2),
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ms))::numeric(9,2))
FROM indexed i JOIN exact e USING (id);
SQL
}

# $1 target_recall, $2 mate_similarity
promise() {
    sql -v recall="$1" -v similarity="$2" -v rows="$ROWS" <<'SQL'
SET max_parallel_workers_per_gather = 0;
SET facesnxt.target_recall = :recall;
SET facesnxt.mate_similarity = :similarity;
-- a little more than the distance: the bound itself is rounded
CREATE TEMP TABLE inside AS
SELECT p.id, p.person, t.* FROM public.probe p,
    LATERAL public.try_where(p.template, NULL,
        format('within(g.template, $1, %s) AND g.id <> %s', 1 - :similarity + 1e-6, p.id)) t;
CREATE TEMP TABLE best AS
SELECT p.id, p.person, t.* FROM public.probe p, LATERAL public.try_where(p.template, 50, 'g.id <> ' || p.id) t;
CREATE TEMP TABLE pair AS
SELECT m.*, coalesce(m.id = ANY (i.ids), false) AS found FROM public.mate m JOIN inside i ON i.id = m.probe
WHERE m.similarity >= :similarity;
-- the few people with hundreds of photos have most of the pairs: so each person counts once, too
CREATE TEMP VIEW person AS
SELECT person, avg(found::int) AS share, avg(found::int) FILTER (WHERE similarity < :similarity + 0.05) AS share_near
FROM pair GROUP BY person;
SELECT format('  %s at %s: of %s pairs %s found (mean of %s persons %s); of %s up to %s: %s (%s persons, %s)%s',
    :recall, :similarity, count(*), avg(found::int)::numeric(6,5), (SELECT count(*) FROM person),
    (SELECT avg(share)::numeric(5,4) FROM person), count(*) FILTER (WHERE similarity < :similarity + 0.05),
    :similarity + 0.05, (avg(found::int) FILTER (WHERE similarity < :similarity + 0.05))::numeric(6,5),
    (SELECT count(share_near) FROM person), (SELECT avg(share_near)::numeric(5,4) FROM person),
    -- by more than twice the standard error of so many persons
    CASE WHEN (SELECT avg(share_near) FROM person) <
        :recall - 2 * sqrt(:recall * (1 - :recall) / nullif((SELECT count(share_near) FROM person), 0))
        THEN '; LESS THAN PROMISED' END)
FROM pair;
SELECT format('      reads %s of the codes; LIMIT 50: a mate for %s of %s probes with one so similar; %s ms',
    (SELECT (avg((scan->>'codes')::int) / :rows)::numeric(4,3) FROM inside),
    avg((person = ANY (persons))::int)::numeric(5,4), count(*),
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric(9,2))
FROM best b WHERE EXISTS (SELECT FROM pair WHERE probe = b.id);
SQL
}

# $1 target_recall: with the similarity that the mates nearest to each probe typically have, whether one is found
typical() {
    sql -v recall="$1" <<'SQL'
SET max_parallel_workers_per_gather = 0;
SET facesnxt.target_recall = :recall;
SELECT set_config('facesnxt.mate_similarity', round(avg(best)::numeric, 2)::text, false) AS similarity,
    round(stddev(best)::numeric, 2) AS deviation
FROM (SELECT max(similarity) AS best FROM public.mate GROUP BY probe) m \gset
SELECT format('  %s at %s, the mean of the nearest mates (deviation %s): LIMIT 50 has one for %s of %s probes '
    '(mean of %s persons %s)', :recall, :similarity, :deviation, (sum(found * n) / sum(n))::numeric(5,4), sum(n),
    count(*), avg(found)::numeric(5,4))
FROM (SELECT person, avg((person = ANY ((public.try_where(template, 50, 'g.id <> ' || id)).persons))::int) AS found,
        count(*) AS n
    FROM public.probe GROUP BY person) s;
SQL
}

prepare_database
mapfile -t files < <(compgen -G "$vectors/*.f32" | LC_ALL=C sort)
for file in "${files[@]}"; do
    model=$(basename "$file" .f32)
    [ -z "${MODELS:-}" ] || [[ " $MODELS " == *" $model "* ]] || continue
    echo "$model"
    load_real "$file"
    ROWS=$(run -c "SELECT count(*) FROM public.gallery")
    build template "lists = 1"
    compare
    for lists in ${LISTS:-16 64}; do
        build template "lists = $lists"
        echo "$lists lists"
        for recall in ${RECALLS:-0.9 0.99}; do
            for similarity in ${SIMILARITIES:-0.5 0.65}; do
                promise "$recall" "$similarity"
            done
            typical "$recall"
        done
    done
    echo
done
