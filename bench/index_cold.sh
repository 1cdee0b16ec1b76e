#!/bin/bash
# index_cold.sh - what a search costs whose index and table are not in memory.
#
# PERSONS (600,000, about 1 M templates) of DIM (512) dimensions in half
# precision; without lists, then with LISTS (one in 488 rows, 2048 for 1 M), by
# one process, on a cluster of its own. Before each of ROUNDS (7), which is of a
# probe of its own, the server is restarted, so that its buffers are empty, and
# the files are dropped from the system's cache (bench/tool/evict). The session
# has searched another index, so that it has its library and catalog. Cold is
# its first search, warm the median of five more with that probe. What was read
# is what the system has in its cache then, with what it read ahead; beside it a
# plain read of the index's file, as cold. On a virtual machine the disk may be
# the host's memory. Medians.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/cluster.sh"

persons=${PERSONS:-600000} dim=${DIM:-512} rounds=${ROUNDS:-7}
clean_up_with cluster_stop
cluster_start -c shared_buffers="${SHARED_BUFFERS:-2GB}" -c autovacuum=off -c shared_preload_libraries=facesnxt
# after it, which forgets the settings of sessions
. "$(dirname "${BASH_SOURCE[0]}")/tool/index_common.sh"

# A relation's file, its further segments and its forks.
files_of() {
    local path
    path=$CLUSTER/data/$(run -c "SELECT pg_relation_filepath('$1')")
    find "$(dirname "$path")" -regextype posix-extended -regex "$path([._].*)?"
}

# Drops index and table from all caches. The server writes what has changed when it stops.
make_cold() {
    cluster_program pg_ctl --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log" --silent --wait --timeout=120 \
        restart </dev/null
    # shellcheck disable=SC2154 # set by what is sourced
    "$tools/evict" "${files[@]}" >/dev/null
}

# The medians of columns.
medians() {
    awk '{ for (i = 1; i <= NF; i++) print i, $i }' | sort -k 1,1n -k 2,2g |
        awk '{ v[$1, ++n[$1]] = $2 }
            END { for (i = 1; i in n; i++)
                printf "%s%s", (i == 1 ? "" : " "), (v[i, int((n[i] + 1) / 2)] + v[i, int(n[i] / 2) + 1]) / 2 }'
}

# What is built: sets files, and plain, MB/s of a plain read of the index's file.
look_at_files() {
    local index start
    mapfile -t index < <(files_of public.gallery_template)
    mapfile -t files < <(files_of public.gallery)
    files+=("${index[@]}")
    plain=$(for _ in 1 2 3; do
        make_cold
        start=$EPOCHREALTIME
        cat "${index[@]}" >/dev/null
        awk -v bytes="$(index_bytes)" -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { print bytes / 1e6 / (to - from) }'
    done | medians)
    printf '%-42s %7.0f MB/s: %s bytes\n' "plain read of the index, cold" "$plain" "$(index_bytes)"
}

# $1 label, $2 rows asked for, the rest are settings
cold() {
    local label=$1 k=$2 round setting
    shift 2
    for ((round = 1; round <= rounds; round++)); do
        make_cold
        {
            for setting in "max_parallel_workers_per_gather = 0" "$@"; do echo "SET $setting;"; done
            cat <<'SQL'
SELECT template FROM public.probe WHERE kind = 'normal' AND id = :round \gset
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM public.probe ORDER BY template <=> :'template' LIMIT 5) s \g /dev/null
RESET enable_seqscan;
SELECT ms AS cold FROM public.try(:'template', :k, NULL) \gset
-- the function is called anew for each turn because its arguments have the turn in them
SELECT :cold, percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms)
FROM generate_series(1, 5) turn, LATERAL public.try(:'template', :k + 0 * turn, NULL) t;
SQL
        } | sql -F ' ' -v round="$round" -v k="$k" | tr '\n' ' '
        "$tools/evict" "${files[@]}"
    done | medians | awk -v label="$label" -v plain="$plain" '{
        rate = $3 / 1e3 / $1
        printf "%-42s %7.1f ms cold, %.1f warm (ratio %.0f); read %.1f MB, %.0f MB/s, %.2f of the plain read\n",
            label, $1, $2, $1 / $2, $3 / 1e6, rate, rate / plain }'
}

prepare_database
make_tables "$persons" "$dim" "$rounds"
run -c "CREATE INDEX probe_template ON public.probe USING facescan (template)"

build template "lists = 1"
look_at_files
for k in 50 10; do
    cold "every code, LIMIT $k" "$k"
done

build template "lists = ${LISTS:-$(lists_for "$ROWS")}"
printf 'with lists: %s lists\n' "$(sql -c "SELECT lists FROM index_info('public.gallery_template')")"
look_at_files
for k in 50 10; do
    cold "every code, LIMIT $k" "$k"
    cold "0.99 at 0.65, LIMIT $k" "$k" "facesnxt.target_recall = 0.99" "facesnxt.mate_similarity = 0.65"
done
