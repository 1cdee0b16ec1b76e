#!/bin/bash
# chain.sh - the chain of events under SESSIONS (8) sessions that make EVENTS
# (1,000,000) changes while backends are killed KILLS (3) times, each of which
# takes the server through crash recovery. Prints how fast changes were made
# and chained, whether each one that was acknowledged is in the chain, how long
# audit_verify() and facesnxt-verify take, and that single changes of the log
# are found at that size.
set -euo pipefail
sessions=${SESSIONS:-8} events=${EVENTS:-1000000} kills=${KILLS:-3} rows=${ROWS:-50}
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT
verify=$("$PG_CONFIG" --bindir)/facesnxt-verify
ask() { psql -X -q -At -v ON_ERROR_STOP=1 -c "$1"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
until_up() { until psql -X -q -At -c 'SELECT NOT pg_is_in_recovery()' 2>/dev/null | grep -q t; do sleep 0.2; done; }

psql -X -q -At -v ON_ERROR_STOP=1 -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS facesnxt'
each=$((events / sessions / rows))

# one session: transactions of ROWS changes each; what is printed was committed. The one that a crash cut short is not
# made again: it may be there or not.
work_session() { # $1 its number
    local next=1 last
    while [ "$next" -le "$each" ]; do
        for ((i = next; i <= each; i++)); do
            echo "SELECT '$1-$i' FROM (SELECT count(facesnxt.create_person('$1-$i')) FROM generate_series(1, $rows)) t;"
        done | psql -X -q -At >>"$work/acknowledged.$1" 2>/dev/null || true
        last=$(tail -n 1 "$work/acknowledged.$1" 2>/dev/null | cut -d- -f2)
        next=$((${last:-0} + 1))
        if [ "$next" -le "$each" ]; then
            next=$((next + 1))
            until_up
        fi
    done
}
started=$(now)
pids=()
for ((s = 1; s <= sessions; s++)); do
    : >"$work/acknowledged.$s"
    work_session "$s" &
    pids+=($!)
done
# a record now and then, as there always is one: it starts the writer again after a crash
while sleep 0.5; do
    ask "SELECT facesnxt.audit_write('chain', facesnxt.attempt() || '{\"step\": \"chain\"}', NULL)" >/dev/null 2>&1 || true
done &
records=$!
trap 'kill "$records" 2>/dev/null || true; rm -rf "$work"' EXIT
killed=0
while [ "$killed" -lt "$kills" ]; do
    sleep $((2 + RANDOM % 4))
    victim=$(ask "SELECT pid FROM pg_stat_activity WHERE query LIKE '%create_person%' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1" 2>/dev/null || true)
    if [[ $victim =~ ^[1-9][0-9]*$ ]] && kill -KILL "$victim"; then
        killed=$((killed + 1))
    fi
    [ "$(cat "$work"/acknowledged.* | wc -l)" -lt $((each * sessions * 9 / 10)) ] || break
done
echo "killed $killed of $sessions sessions, each with a crash of the server"
for pid in "${pids[@]}"; do wait "$pid"; done
made=$(since "$started")
kill "$records" 2>/dev/null || true
until_up
psql -X -q -c 'SELECT facesnxt.audit_checkpoint()' -At | sed '/^$/d' >"$work/checkpoint"
printf 'changes made in %s s, all chained after %s s\n' "$made" "$(since "$started")"

cat "$work"/acknowledged.[0-9]* >"$work/acknowledged"
psql -X -q -At -v ON_ERROR_STOP=1 <<SQL
CREATE TEMP TABLE acknowledged (name text);
\copy acknowledged FROM '$work/acknowledged'
SELECT format('%s events; %s transactions acknowledged, %s of them without all their %s rows; %s rows without exactly one event; %s pending',
    (SELECT count(*) FROM facesnxt.event), (SELECT count(*) FROM acknowledged),
    (SELECT count(*) FROM acknowledged LEFT JOIN (SELECT name, count(*) AS n FROM facesnxt.person GROUP BY name) p USING (name)
        WHERE p.n IS DISTINCT FROM $rows), $rows,
    (SELECT count(*) FROM facesnxt.person p LEFT JOIN (SELECT row_key, count(*) AS n FROM facesnxt.event WHERE relation = 'person' GROUP BY 1) e
        ON e.row_key = p.person_id::text WHERE e.n IS DISTINCT FROM 1),
    (SELECT count(*) FROM facesnxt.pending_event));
SQL
started=$(now)
printf 'audit_verify: %s' "$(ask "SELECT string_agg(concat_ws(', ', severity, finding), '; ') FROM facesnxt.audit_verify('$(cat "$work/checkpoint")')")"
printf ' (%s s)\n' "$(since "$started")"
started=$(now)
ask 'COPY (SELECT facesnxt.audit_export()) TO STDOUT' >"$work/log"
printf 'export: %s MB in %s s\n' "$(($(stat -c %s "$work/log") / 1000000))" "$(since "$started")"
started=$(now)
"$verify" "$work/log" "$work/checkpoint" | tr '\n' ';'
printf ' (facesnxt-verify, %s s)\n' "$(since "$started")"

# the same log with one thing done to it, anywhere
lines=$(wc -l <"$work/log")
try() { # $1 what, $2 command that writes the changed log
    local at=$((2 + (RANDOM * 32768 + RANDOM) % (lines - 40)))
    eval "$2" >"$work/changed"
    if "$verify" "$work/changed" "$work/checkpoint" >"$work/said"; then
        echo "NOT FOUND: $1 at line $at"
        return 1
    fi
    echo "found: $1 at line $at: $(head -n 1 "$work/said")"
}
# shellcheck disable=SC2016 # evaluated in try
{
    try 'an event edited' 'awk -v n=$at "NR == n { sub(/.........\$/, \"AAAAAAAA=\") } { print }" "$work/log"'
    try 'an event removed' 'sed "${at}d" "$work/log"'
    try 'two events exchanged' 'sed "${at}{h;d};$((at + 1)){G}" "$work/log"'
    try 'the last 30 cut off' 'head -n $((lines - 30)) "$work/log"'
}
