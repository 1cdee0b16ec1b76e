#!/bin/bash
# index.sh - the access method facescan against the exact scan and against a
# plain read of the same codes; without lists and with them.
#
# PERSONS (600,000, about 1 M templates) of DIM (512, then 128) dimensions in
# half precision, made by bench/tool/gallery.c; PROBES (100) normal and as many
# hard ones, new photos of enrolled people, and MATES (3,000) of each kind that
# tell how many mates a target_recall finds. LISTS (2048 for 1 M). "R" is the
# plain read of the bytes of the coarse codes, taken before and after each line.
# Searches are by one process; what the server's scan workers save is beside it.
# Medians; one client; warm: the time is that of the second search with a probe.
# ORDERS (1,000) probes of each kind tell how many lists differ from the exact ones.
# Up to 200 probes at once (search_many) and one by one, best 10, in turns: ms a probe.
. "$(dirname "$0")/tool/index_common.sh"

persons=${PERSONS:-600000} probes=${PROBES:-100} mates=${MATES:-3000} orders=${ORDERS:-1000}
searches=("normal 50 NULL" "hard 50 NULL" "normal 10 NULL" "hard 10 NULL" "normal 50 0.65" "hard 50 0.65")

label() { # kind, k, distance
    local text="$1, LIMIT $2"
    [ "$3" = NULL ] || text="$text within $3"
    echo "$text"
}

# label, kind, k, distance, settings: the same search with the server's scan workers; $MS is what it took alone
shared() {
    local alone=$MS
    measure "$2" "$3" "$4" "$WITH_WORKERS" "${@:5}"
    report "  workers: $1" "alone $(ratio "$alone" "$MS") times; $DETAIL"
    MS=$alone
}

# kind, k, distance: by wide bounds, which the recorded search has; $MS is what it took by those of the default
wide() {
    local narrow=$MS
    measure "$1" "$2" "$3" "facesnxt.wide_bounds = on"
    report "  wide bounds: $(label "$1" "$2" "$3")" "$(ratio "$MS" "$narrow") times as long; $DETAIL"
    MS=$narrow
}

# kind, k, distance: with a target_recall below 1; sets MS and the others as measure does. $4 is what every code took.
targeted() {
    local similarity=0.65
    [ "$1" = normal ] || similarity=0.5
    ALIKE_FROM=$similarity measure "$1" "$2" "$3" \
        "facesnxt.target_recall = 0.99" "facesnxt.mate_similarity = $similarity"
    report "0.99 at $similarity: $(label "$1" "$2" "$3")" "$ALIKE with a mate from $similarity on; share of codes $SHARE;" \
        "against every code $(ratio "$MS" "$4"), flat $(ratio "$MS" "${flat_ms[$1 $2 $3]}"); $DETAIL"
    shared "0.99 at $similarity: $(label "$1" "$2" "$3")" "$1" "$2" "$3" \
        "facesnxt.target_recall = 0.99" "facesnxt.mate_similarity = $similarity"
}

# The best 10 of up to 200 probes: all at once, one by one as rescans of one scan, which keep what it has allocated, and
# as searches of their own, each of which begins and ends a scan.
many() {
    local line
    line=$(sql <<'SQL'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE chosen AS SELECT row_number() OVER (ORDER BY id, kind) AS place, template
FROM public.probe ORDER BY 1 LIMIT 200;
CREATE TEMP VIEW at_once AS SELECT probe AS place, "row" FROM search_many('public.gallery_template',
    (SELECT array_agg(template ORDER BY place) FROM chosen), 10);
CREATE TEMP VIEW one_by_one AS SELECT place, "row" FROM chosen p, LATERAL
    (SELECT ctid AS "row" FROM public.gallery g ORDER BY g.template <=> p.template LIMIT 10) s;
CREATE TEMP VIEW alone AS SELECT place, ids FROM chosen p, LATERAL public.try(p.template, 10, NULL);
CREATE TEMP TABLE turn AS SELECT public.ms('SELECT count("row") FROM at_once') AS at_once,
    public.ms('SELECT count("row") FROM one_by_one') AS one_by_one, public.ms('SELECT count(ids) FROM alone') AS alone
FROM generate_series(1, 6);
SELECT (SELECT count(*) FROM chosen), percentile_cont(0.5) WITHIN GROUP (ORDER BY at_once),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY one_by_one), percentile_cont(0.5) WITHIN GROUP (ORDER BY alone),
    (SELECT round(count(a)::numeric / count(*), 4) FROM one_by_one LEFT JOIN at_once a USING (place, "row"))
FROM turn;
SQL
    )
    awk -F'|' '{ printf "%-42s %7.1f ms a probe; one by one, LATERAL %.1f (%.2f times), as searches of their own %.1f; " \
        "of the rows found one by one %s\n", $1 " probes at once, LIMIT 10", $2 / $1, $3 / $1, $3 / $2, $4 / $1, $5 }' \
        <<<"$line"
}

# How many lists differ in any place from those of bounds of five deviations, which a greatest distance has.
orders() {
    local k
    for k in 100 50 10; do
        sql -v k="$k" -v probes="$orders" <<'SQL'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE chosen AS SELECT kind, id, template FROM public.mate WHERE id IN
    (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id) AS place FROM public.mate) s WHERE place <= :probes);
CREATE TEMP TABLE narrow AS SELECT kind, id, ids FROM chosen p, LATERAL public.try(p.template, :k, NULL);
SET facesnxt.wide_bounds = on;
CREATE TEMP TABLE wide AS SELECT kind, id, ids FROM chosen p, LATERAL public.try(p.template, :k, NULL);
CREATE TEMP TABLE sure AS SELECT kind, id, t.ids FROM chosen p JOIN wide w USING (kind, id), LATERAL
    (SELECT g.template <=> p.template AS farthest FROM public.gallery g WHERE g.id = w.ids[:k]) d,
    LATERAL public.try(p.template, :k, farthest) t;
SELECT format('best %s of %s probes: %s lists differ from those of bounds of five deviations, by %s rows; by wide bounds %s, by %s',
    :k, count(*), count(*) FILTER (WHERE n.ids <> s.ids), sum(:k - public.common(n.ids, s.ids)),
    count(*) FILTER (WHERE w.ids <> s.ids), sum(:k - public.common(w.ids, s.ids)))
FROM narrow n JOIN wide w USING (kind, id) JOIN sure s USING (kind, id);
SQL
    done
}

# without lists: build, size, searches, the exact scan
flat() {
    build template "lists = 1" "max_parallel_maintenance_workers = 0"
    printf 'build, one process                         %s ms\n' "$BUILD"
    build template "lists = 1, refine_bits = 0" "max_parallel_maintenance_workers = 2"
    printf 'size, refine_bits = 0                      %s bytes a row; build %s ms\n' "$(bytes_a_row)" "$BUILD"
    build template "lists = 1" "max_parallel_maintenance_workers = 2"
    printf 'build, with parallel workers               %s ms\n' "$BUILD"
    printf 'size                                       %s bytes a row, %s code pages\n' "$(bytes_a_row)" \
        "$(sql -c "SELECT code_pages FROM index_info('public.gallery_template')")"
    for what in "${searches[@]}"; do
        read -r kind k distance <<<"$what"
        measure "$kind" "$k" "$distance"
        flat_ms[$what]=$MS
        report "$(label "$kind" "$k" "$distance")" "$DETAIL"
        shared "$(label "$kind" "$k" "$distance")" "$kind" "$k" "$distance"
        # the widest bounds, whatever the setting
        [ "$distance" != NULL ] || wide "$kind" "$k" "$distance"
        targeted "$kind" "$k" "$distance" "$MS"
    done
    many
    orders

    sql <<'SQL'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE indexed AS
SELECT p.kind, p.id, p.person, t.* FROM public.probe p, LATERAL public.try(p.template, 50, NULL) t WHERE p.id % 4 = 0;
SET enable_indexscan = off;
-- the function keeps its plan otherwise
DISCARD PLANS;
CREATE TEMP TABLE exact AS
SELECT p.kind, p.id, t.* FROM public.probe p, LATERAL public.try(p.template, 50, NULL) t WHERE p.id % 4 = 0;
SELECT format('%s probes against the exact scan: recall@50 %s, found %s against %s, exact scan %s ms, %s times '
    'the index', i.kind, avg(public.common(i.ids, e.ids) / 50.0)::numeric(6,4),
    avg((i.person = ANY (i.persons))::int)::numeric(5,3), avg((i.person = ANY (e.persons))::int)::numeric(5,3),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ms)::int,
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ms) / percentile_cont(0.5) WITHIN GROUP (ORDER BY i.ms))::int)
FROM indexed i JOIN exact e USING (kind, id) GROUP BY i.kind ORDER BY i.kind DESC;
SQL
}

# $1: with what index. Of many probes, the share whose mate is found by each of two settings.
found_of_many() {
    local kind similarity k
    for kind in normal hard; do
        similarity=0.65
        [ "$kind" = normal ] || similarity=0.5
        # a session each: what it asked for before tells how many rows it will ask for
        for k in 50 10; do
            sql -v kind="$kind" -v similarity="$similarity" -v k="$k" -v label="$1" <<'SQL'
SET max_parallel_workers_per_gather = 0;
SET facesnxt.target_recall = 0.99;
SET facesnxt.mate_similarity = :similarity;
SELECT format('0.99 at %s, %s: LIMIT %s finds %s of %s %s probes', :similarity, :'label', :k,
    avg((p.person = ANY ((public.try(p.template, :k, NULL)).persons))::int)::numeric(6,4), count(*), :'kind')
FROM public.mate p WHERE p.kind = :'kind';
SQL
        done
    done
}

# with lists: every code, then what the calibration says is enough
listed() {
    build template "lists = ${LISTS:-$(lists_for "$ROWS")}"
    printf 'with lists: %s lists, build %s ms, %s bytes a row\n' \
        "$(sql -c "SELECT lists FROM index_info('public.gallery_template')")" "$BUILD" "$(bytes_a_row)"
    for what in "${searches[@]}"; do
        read -r kind k distance <<<"$what"
        measure "$kind" "$k" "$distance"
        local all=$MS
        report "every code: $(label "$kind" "$k" "$distance")" "against flat $(ratio "$MS" "${flat_ms[$what]}")"
        targeted "$kind" "$k" "$distance" "$all"
    done
    found_of_many lists
}

prepare_database
for dim in ${DIM:-512 128}; do
    declare -A flat_ms=()
    make_tables "$persons" "$dim" "$probes"
    run -v dim="$dim" <<'SQL'
SET search_path = facesnxt, public;
DROP TABLE IF EXISTS public.mate;
CREATE TABLE public.mate (kind text, id serial, person int, template embedding(:dim, half));
SQL
    for kind in normal hard; do
        run -c "ALTER TABLE public.mate ALTER kind SET DEFAULT '$kind'"
        load mate "$kind" "$mates" "$dim" half
    done
    printf 'R reads %s bytes\n' "$BYTES"
    flat
    found_of_many "no lists"
    listed
    echo
done
