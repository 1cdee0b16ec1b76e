#!/bin/bash
# record.sh - what it costs to be asked and to be on record: searches over ten
# references, each for another probe, beside the same comparison made by the
# owner with no gate and no record, and beside a plain INSERT with its commit,
# as the price of one flush of the disk. Then CLIENTS (8) sessions at once.
set -euo pipefail
clients=${CLIENTS:-8} seconds=${SECONDS_OF_WORK:-10}
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

psql -X -q -At -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
CREATE ROLE bench_inv LOGIN IN ROLE facesnxt_investigator;
SELECT facesnxt.create_agency('BENCH', 'bench') \g /dev/null
SELECT facesnxt.adopt_policy('BENCH', 'EXAMPLE') \g /dev/null
SELECT facesnxt.open_case('BENCH', '1', 'bench'), facesnxt.open_account('BENCH', 'bench_inv') \g /dev/null
SELECT facesnxt.set_account_status('bench_inv', 'active', NULL) \g /dev/null
SELECT facesnxt.enrol_template(ARRAY[cos(i), sin(i), 0]::real[]::facesnxt.embedding, facesnxt.create_person('P' || i), 'booking', 'fingerprints')
FROM generate_series(1, 10) i \g /dev/null
CREATE TABLE plain (i integer);
GRANT ALL ON plain TO PUBLIC;
SQL

# one line: what, median and 99 % of a transaction in ms
measure() { # $1 label, $2 role, $3 clients, $4 statement
    printf '\\set y random(1, 1000000000)\n%s\n' "$4" >"$work/script.sql"
    (cd "$work" && rm -f log.* && pgbench -n -U "$2" -c "$3" -T "$seconds" --log --log-prefix=log -f script.sql >/dev/null 2>&1)
    cat "$work"/log.* | awk '{ print $3 / 1000 }' | sort -n | awk -v what="$1" '{ v[NR] = $1 }
        END { printf "%-34s median %6.2f ms, 99 %% %6.2f ms (%d)\n", what, v[int((NR + 1) / 2)], v[int(NR * 0.99) + 1], NR }'
}
search="SELECT count(*) FROM facesnxt.search_template(format('[1,0.%s,0]', :y)::facesnxt.embedding, '1', 'suspect', 'bench');"
compare="SELECT facesnxt.compare(format('[1,0.%s,0]', :y)::facesnxt.embedding, enum_range(NULL::facesnxt.repository), 20, NULL);"
measure 'INSERT and commit' bench_inv 1 'INSERT INTO plain VALUES (1);'
measure 'comparison, no gate, no record' "$(psql -Atc 'SELECT current_user')" 1 "$compare"
measure 'search' bench_inv 1 "$search"
measure "search, $clients at once" bench_inv "$clients" "$search"
