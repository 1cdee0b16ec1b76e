#!/bin/bash
# record.sh - what it costs to be asked and to be on record: searches over ten
# references, each for another probe, beside the same comparison made by the
# owner with no gate and no record, in turns with the same search with its gate
# whose record is left out, and beside a plain INSERT with its commit, as the
# price of one flush of the disk. Then SEARCHERS (50) sessions of which each
# searches once a second: what the slowest hundredth of them waits longer than
# one alone is the queue; and CLIENTS (8) at once, as fast as they can. Searches
# are made in the name of one of SEARCHERS accounts after the other.
# All of it with the library loaded by each session, and preloaded.
set -euo pipefail
clients=${CLIENTS:-8} searchers=${SEARCHERS:-50} seconds=${SECONDS_OF_WORK:-15}

if [ $# -eq 0 ]; then
    for preload in '' facesnxt; do
        echo "shared_preload_libraries = '$preload'"
        # a server that preloads also has the memory that records are handed over in from its start
        "$(dirname "$0")/../scripts/cluster.sh" -c shared_preload_libraries="$preload" \
            -c min_dynamic_shared_memory="$([ -n "$preload" ] && echo 64MB || echo 0)" bash "$0" measure
    done
    exit
fi
warm=$((seconds / 3))
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

# each searcher is an account of its own, as the policy wants it
psql -X -q -At -v ON_ERROR_STOP=1 -v searchers="$searchers" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
SELECT facesnxt.create_agency('BENCH', 'bench') \g /dev/null
SELECT facesnxt.adopt_policy('BENCH', 'EXAMPLE') \g /dev/null
SELECT facesnxt.open_case('BENCH', '1', 'bench') \g /dev/null
SELECT format('CREATE ROLE bench_%s LOGIN IN ROLE facesnxt_investigator', i) FROM generate_series(1, :searchers) i \gexec
SELECT facesnxt.open_account('BENCH', format('bench_%s', i)::regrole) FROM generate_series(1, :searchers) i \g /dev/null
SELECT facesnxt.set_account_status(format('bench_%s', i)::regrole, 'active', NULL) FROM generate_series(1, :searchers) i \g /dev/null
SELECT format('CREATE ROLE bench_gateway LOGIN') \gexec
SELECT format('GRANT bench_%s TO bench_gateway', i) FROM generate_series(1, :searchers) i \gexec
SELECT facesnxt.enrol_template(ARRAY[cos(i), sin(i), 0]::real[]::facesnxt.embedding, facesnxt.create_person('P' || i), 'booking', 'fingerprints')
FROM generate_series(1, 10) i \g /dev/null
CREATE TABLE plain (i integer);
GRANT ALL ON plain TO PUBLIC;
SQL

# One line for each statement given, which take turns at random: what it is, median and 99 % of a transaction in ms.
# The last one's stay in $median and $slow, the first one's in $before.
measure() { # $1 role, $2 clients, options of pgbench up to --, then label and statement of each
    local role=$1 count=$2 options=() scripts=() labels=() i
    shift 2
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    while [ $# -gt 0 ]; do
        printf '\\set y random(1, 1000000000)\n%s\n' "$2" >"$work/script.${#labels[@]}.sql"
        scripts+=(-f "script.${#labels[@]}.sql")
        labels+=("$1")
        shift 2
    done
    (cd "$work" && rm -f log.* && pgbench -n -U "$role" -c "$count" -T "$((seconds * ${#labels[@]}))" --log --log-prefix=log \
        "${options[@]}" "${scripts[@]}" >/dev/null 2>&1)
    for i in "${!labels[@]}"; do
        # a session's first searches fill its caches: they are another figure
        read -r median slow number <<<"$(cat "$work"/log.* | sort -k5,5n -k6,6n |
            awk -v skip="$warm" -v script="$i" 'NR == 1 { first = $5 } $4 == script && $5 >= first + skip { print $3 / 1000 }' |
            sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[int(NR * 0.99) + 1], NR }')"
        printf '%-44s median %6.2f ms, 99 %% %6.2f ms (%d)\n' "${labels[i]}" "$median" "$slow" "$number"
        [ "$i" -gt 0 ] || before=$median
    done
}
search="SELECT count(*) FROM facesnxt.search_template(format('[1,0.%s,0]', :y)::facesnxt.embedding, '1', 'suspect', 'bench');"
compare="SELECT facesnxt.compare(format('[1,0.%s,0]', :y)::facesnxt.embedding, enum_range(NULL::facesnxt.repository), 20, NULL);"
# pgbench numbers its clients from 0 on; a gateway, as records systems have one
any=$(printf '\\set n random(1, %s)\nSET ROLE bench_:n;\n%s' "$searchers" "$search")
as=$(printf '\\set n :client_id + 1\nSET ROLE bench_:n;\n%s' "$search")

measure bench_1 1 -- 'INSERT and commit' 'INSERT INTO plain VALUES (1);'
measure "$(psql -Atc 'SELECT current_user')" 1 -- 'comparison, no gate, no record' "$compare"
compared=$median
# what audit_write() is asked to write is dropped where the setting says so
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE FUNCTION facesnxt.really_write(kind text, request jsonb, attachment bytea) RETURNS jsonb LANGUAGE c PARALLEL UNSAFE
AS '$libdir/facesnxt', 'facesnxt_audit_write';
CREATE OR REPLACE FUNCTION facesnxt.audit_write(kind text, request jsonb, attachment bytea) RETURNS jsonb LANGUAGE plpgsql PARALLEL UNSAFE
AS $$
BEGIN
    IF current_setting('bench.record') = 'left out' THEN
        RETURN jsonb_build_object('search_id', gen_random_uuid());
    END IF;
    RETURN facesnxt.really_write(kind, request, attachment);
END
$$;
SQL
measure bench_gateway 1 -- 'search, its record left out' "SET bench.record = 'left out'; $any" 'search' "SET bench.record = 'made'; $any"
awk -v a="$median" -v u="$before" -v c="$compared" 'BEGIN {
    printf "the record costs %.2f ms (%.2f times the search without), the gate %.2f ms\n", a - u, a / u, u - c }'
alone=$median
psql -X -q -c "ALTER ROLE ALL SET bench.record = 'made'"
measure bench_gateway "$searchers" -R "$searchers" -- "search, $searchers searchers, each once a second" "$as"
awk -v a="$slow" -v b="$alone" 'BEGIN { printf "the queue: %.2f ms (99 %%)\n", a - b }'
measure bench_gateway "$clients" -- "search, $clients at once without pause" "$as"
