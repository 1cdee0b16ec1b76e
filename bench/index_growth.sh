#!/bin/bash
# index_growth.sh - how the index grows: build, size and time against rows.
#
# SIZES ("100000 1000000 4000000 10000000") rows of DIM (512) dimensions, half
# precision; one table that grows from size to size, so that each row is made
# once and every size is a prefix of the next. A size for which the disk or the
# memory is too small is left out. PROBES (50) normal probes; MEMORY (512MB) is
# maintenance_work_mem. Lists are those of the default, where it has any. Times
# in ms: R, the best 50 and 10 without lists, by one process and with the
# server's scan workers, and the best 50 with lists at a target_recall of 0.99,
# by one process and with workers; LISTS: so many at all sizes. The speed-up by
# workers is that of searches by one process and by several in turns, and beside
# it stands what two reads at once take: on a virtual machine both depend on
# where its processors are at the time. Also build/bench/index_growth.svg.
. "$(dirname "$0")/tool/index_common.sh"

dim=${DIM:-512} probes=${PROBES:-50}
MEMORY=${MEMORY:-512MB}
mapfile -t sizes < <(tr ' ' '\n' <<<"${SIZES:-100000 1000000 4000000 10000000}" | grep . | sort -n)
largest=${sizes[-1]}
# shellcheck disable=SC2154 # set by what is sourced
folder=$(dirname "$tools")
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

# One stream of rows, read piece by piece: after the header of 19 bytes all rows
# are of one length. 1.67 rows a person, and some more to be sure.
exec 3< <(exec "$tools/gallery" base $((largest * 61 / 100 + 1000)) "$dim" half 2>/dev/null)
head -c 19 <&3 >"$work/header"
row_bytes=$(($("$tools/gallery" normal 1 "$dim" half | wc -c) - 21))
more_rows() {
    { cat "$work/header"; head -c $(($1 * row_bytes)) <&3; printf '\377\377'; } |
        run -c "COPY public.gallery (person, template) FROM STDIN (FORMAT binary)"
}

# Bytes that a table and an index of so many rows take, about.
table_bytes() { awk -v n="$1" -v row=$((row_bytes + 42)) 'BEGIN { printf "%.0f", n / int(8168 / row) * 8192 }'; }
entry_bytes=$((dim * 60 / 100))

# Whether $1 rows fit, of which $2 are there; says why not. The build with lists
# sorts into temporary files as large as the index; 3 GB are for the log.
fits() {
    local disk memory need_disk need_memory
    disk=$(df -B1 --output=avail "$PGHOST" | tail -1)
    memory=$(awk '/^MemAvailable/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)
    need_disk=$(($(table_bytes $(($1 - $2))) + $1 * entry_bytes * 2 + 3000000000))
    need_memory=$(($1 * entry_bytes + $(code_bytes "$1" "$dim") + 1000000000))
    if [ "$need_disk" -gt "$disk" ]; then
        echo "left out: $1 rows take $((need_disk / 1000000)) MB of disk, there are $((disk / 1000000))"
        return 1
    elif [ "$need_memory" -gt "$memory" ]; then
        echo "left out: $1 rows take $((need_memory / 1000000)) MB of memory, there are $((memory / 1000000))"
        return 1
    fi
}

# Searches by one process and with workers, which take turns from one probe to
# the next, in one session; $1 is how many rows are asked for. Ten rounds, each
# behind a read of R's bytes and two of them at once. Sets MS, the median of the
# rounds with workers, SPEED_UP, that of the rounds' ratios, and TWO, what two
# reads take; says what the ratio was in the rounds where two reads took 1.25
# times as long as one at most.
in_turns() {
    local k=$1 rounds=10 round workers range fast fast_ratio
    local read="\"$tools/read\" $BYTES"
    IFS='|' read -r MS SPEED_UP TWO workers range fast fast_ratio < <({
        cat <<SQL
CREATE TEMP TABLE read (round serial, one float8, two float8);
CREATE TEMP TABLE turn (round serial, alone float8, shared float8, workers float8);
SELECT public.try_with(0, template, $k) FROM public.probe WHERE id <= 5 \\g /dev/null
SQL
        for ((round = 0; round < rounds; round++)); do
            cat <<SQL
\\copy read (one, two) FROM PROGRAM '{ $read; { $read & $read; wait; } | sort -n | tail -1; } | paste -s'
INSERT INTO turn (alone, shared, workers)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE most_workers = 0),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE most_workers > 0),
    avg(workers) FILTER (WHERE most_workers > 0)
FROM generate_series(0, 1) sweep, (SELECT * FROM public.probe WHERE id % $rounds = $round OFFSET 0) p,
    LATERAL public.try_with((id / $rounds + sweep) % 2 * 16, p.template, $k) t;
SQL
        done
        cat <<'SQL'
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY shared),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)::numeric(5,2),
    (percentile_cont(0.5) WITHIN GROUP (ORDER BY two))::numeric(8,2), avg(workers)::numeric(5,1),
    format('%s-%s', min(ratio)::numeric(5,2), max(ratio)::numeric(5,2)), count(*) FILTER (WHERE even),
    coalesce((percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) FILTER (WHERE even))::numeric(5,2)::text, '-')
FROM turn JOIN read USING (round), LATERAL (SELECT alone / shared AS ratio, two <= 1.25 * one AS even) r;
SQL
    } | sql)
    printf '%-42s %7.1f ms, speed-up %s (%s); workers %s; two reads at once %s ms, as fast as one in %s rounds: %s\n' \
        "$ROWS rows, best $k, workers, in turns" "$MS" "$SPEED_UP" "$range" "$workers" "$TWO" "$fast" "$fast_ratio"
}

prepare_database
run -v dim="$dim" <<'SQL'
SET search_path = facesnxt, public;
CREATE TABLE public.gallery (id serial, person int, template embedding(:dim, half))
    WITH (autovacuum_enabled = off);
CREATE TABLE public.probe (kind text DEFAULT 'normal', id serial, person int, template embedding(:dim, half),
    similarity float8);
SQL
load probe normal "$probes" "$dim" half
prepare_searches
run <<'SQL'
-- one search with so many workers at most: milliseconds, and how many read
CREATE FUNCTION public.try_with(INOUT most_workers int, probe facesnxt.embedding, k int,
    OUT ms float8, OUT workers int)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('facesnxt.scan_workers_per_search', most_workers::text, false);
    SELECT t.ms, (t.scan->>'workers')::int INTO ms, workers FROM public.try(probe, k, NULL) t;
END $$;
SQL
printf '%s dimensions, shared_buffers %s, maintenance_work_mem %s\n' "$dim" "$(run -c "SHOW shared_buffers")" "$MEMORY"

there=0
for rows in "${sizes[@]}"; do
    fits "$rows" "$there" || continue
    more_rows $((rows - there))
    there=$rows
    run -c "VACUUM ANALYZE public.gallery"
    ROWS=$(run -c "SELECT count(*) FROM public.gallery")
    # shellcheck disable=SC2034 # read by what is sourced
    BYTES=$(code_bytes "$ROWS" "$dim")
    build template "lists = 1"
    flat_build=$BUILD size=$(bytes_a_row)
    measure normal 50 NULL
    best50=$MS r=$R
    report "$rows rows, best 50" "$DETAIL"
    measure normal 10 NULL
    best10=$MS
    report "$rows rows, best 10"
    in_turns 50
    both50=$MS speedup50=$SPEED_UP
    in_turns 10
    both10=$MS speedup10=$SPEED_UP
    lists=1 lists_build=- lists50=- listsboth=-
    if [ "$rows" -ge 2000000 ] || [ -n "${LISTS:-}" ]; then
        build template "${LISTS:+lists = $LISTS}"
        lists=$(sql -c "SELECT lists FROM index_info('public.gallery_template')")
        lists_build=$BUILD
        measure normal 50 NULL "facesnxt.target_recall = 0.99" "facesnxt.mate_similarity = 0.65"
        lists50=$MS
        report "$rows rows, $lists lists, best 50" "share of codes $SHARE"
        measure normal 50 NULL "facesnxt.target_recall = 0.99" "facesnxt.mate_similarity = 0.65" "$WITH_WORKERS"
        listsboth=$MS
    fi
    run -c "DROP INDEX public.gallery_template"
    lists50=$(awk -v ms="$lists50" 'BEGIN { print ms == "-" ? ms : sprintf("%.1f", ms) }')
    listsboth=$(awk -v ms="$listsboth" 'BEGIN { print ms == "-" ? ms : sprintf("%.1f", ms) }')
    echo "$ROWS $flat_build $size $r $best50 $best10 $both50 $both10 $lists $lists_build $lists50 $listsboth" \
        "$TWO $speedup50 $speedup10" >>"$work/table"
done
exec 3<&-
[ -e "$work/table" ] || exit 0

echo
awk 'BEGIN { print "    rows | build flat | bytes/row |      R | two reads | best 50 |   / R | best 10 |   / R |" \
         " 50, work. | speed-up | 10, work. | speed-up | lists |    build | best 50 | workers" }
     { if ($4 == 0) $4 = 0.001
       printf "%8d | %10.0f | %9.1f | %6.2f | %9.2f |", $1, $2, $3, $4, $13
       printf " %7.1f | %5.2f | %7.1f | %5.2f |", $5, $5 / $4, $6, $6 / $4
       printf " %9.1f | %8.2f | %9.1f | %8.2f | %5s | %8s | %7s | %7s\n", $7, $14, $8, $15, $9, $10, $11, $12
     }' "$work/table"

# the least squares of log ms against log rows
awk 'function slope(k,   i, sx, sy, sxx, sxy) {
         for (i = 1; i <= n; i++) { sx += x[i]; sy += y[i, k]; sxx += x[i] ^ 2; sxy += x[i] * y[i, k] }
         return n > 1 ? sprintf("%.2f", (n * sxy - sx * sy) / (n * sxx - sx ^ 2)) : "-"
     }
     { n++; x[n] = log($1); y[n, 1] = log($4 > 0 ? $4 : 0.001)
       y[n, 2] = log($5); y[n, 3] = log($6); y[n, 4] = log($7); y[n, 5] = log($2) }
     END { printf "slope of log ms against log rows: R %s, best 50 %s, best 10 %s, best 50 with workers %s, build %s\n",
         slope(1), slope(2), slope(3), slope(4), slope(5) }' "$work/table"

# Both axes are logarithmic: ms and R against rows. R has two digits behind the
# point, so that of a very small table is 0.
mkdir -p "$folder"
awk 'function lg(v) { return log(v) / log(10) }
     function px(v) { return 70 + (lg(v) - x0) / (x1 - x0) * 520 }
     function py(v) { return 330 - (lg(v) - y0) / (y1 - y0) * 300 }
     function floor(v) { return v < int(v) ? int(v) - 1 : int(v) }
     function least(v) { return v < 0.001 ? 0.001 : v }
     { n++; rows[n] = $1; ms[n, 1] = least($4); ms[n, 2] = least($5); ms[n, 3] = least($6); ms[n, 4] = least($7) }
     END {
         split("R, plain read of the codes;best 50;best 10;best 50, workers", name, ";")
         split("#888888 #c0392b #2471a3 #1e8449", colour, " ")
         low = high = ms[1, 1]
         for (i = 1; i <= n; i++)
             for (k = 1; k <= 4; k++) { if (ms[i, k] < low) low = ms[i, k]; if (ms[i, k] > high) high = ms[i, k] }
         x0 = floor(lg(rows[1])); x1 = floor(lg(rows[n]) - 1e-9) + 1
         y0 = floor(lg(low)); y1 = floor(lg(high)) + 1
         print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"660\" height=\"390\"" \
             " font-family=\"sans-serif\" font-size=\"12\">"
         print "<rect width=\"660\" height=\"390\" fill=\"white\"/>"
         for (i = x0; i <= x1; i++)
             printf "<path d=\"M%.1f 30V330\" stroke=\"#dddddd\"/>" \
                 "<text x=\"%.1f\" y=\"346\" text-anchor=\"middle\">%d</text>\n", px(10 ^ i), px(10 ^ i), 10 ^ i
         for (i = y0; i <= y1; i++)
             printf "<path d=\"M70 %.1fH590\" stroke=\"#dddddd\"/>" \
                 "<text x=\"64\" y=\"%.1f\" text-anchor=\"end\">%g ms</text>\n", py(10 ^ i), py(10 ^ i) + 4, 10 ^ i
         print "<text x=\"330\" y=\"20\" text-anchor=\"middle\">a search of facescan against rows</text>"
         for (k = 1; k <= 4; k++) {
             line = ""
             for (i = 1; i <= n; i++) {
                 line = line (i > 1 ? " " : "") sprintf("%.1f,%.1f", px(rows[i]), py(ms[i, k]))
                 printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
                     px(rows[i]), py(ms[i, k]), colour[k]
             }
             printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
                 line, colour[k]
             printf "<text x=\"%d\" y=\"375\" fill=\"%s\">%s</text>\n", 70 + (k - 1) * 150, colour[k], name[k]
         }
         print "</svg>"
     }' "$work/table" >"$folder/index_growth.svg"
echo "plot: $folder/index_growth.svg"
