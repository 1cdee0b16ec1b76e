#!/bin/bash
# revocation.sh [rounds] - how long after the commit of a revocation a session
# with a running search and an idle one with an open cursor are gone, and a new
# login is refused. A throw-away server; prints the median and the maximum.
#
# The sweeper's own record says when it saw the commit and when the last session
# was gone (facesnxt.revocation_latency); the login is timed here, from the
# return of the revocation to the refusal, and one that succeeds is counted.

. "$(dirname "${BASH_SOURCE[0]}")/../scripts/cluster.sh"

rounds=${1:-100}
clean_up_with cluster_stop
cluster_start -c max_worker_processes=16
run() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

run <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION facesnxt;
CREATE ROLE bench_inv LOGIN;
GRANT facesnxt_investigator TO bench_inv;
SELECT FROM facesnxt.create_agency('B', 'Bench');
SELECT FROM facesnxt.adopt_policy('B', 'EXAMPLE');
SELECT FROM facesnxt.open_account('B', 'bench_inv');
SELECT FROM facesnxt.open_case('B', '1', 'robbery');
SELECT count(facesnxt.enrol_template(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding,
    facesnxt.create_person('Person ' || i), 'booking', 'fingerprint')) FROM generate_series(1, 100) i;
CREATE TABLE login (ms real, let_in boolean);
SQL

search="facesnxt.search_template('[1,0,0]', '1', 'suspect', 'bench', candidates => 5)"
mkfifo "$CLUSTER/idle"
chmod a+rw "$CLUSTER/idle"
for ((round = 1; round <= rounds; round++)); do
    run -c "SELECT facesnxt.set_account_status('bench_inv', 'active', NULL)" >/dev/null
    psql -XqAt -U bench_inv -c "SELECT count(*) FROM generate_series(1, 1000000), LATERAL $search s" >/dev/null 2>&1 &
    busy=$!
    psql -XqAt -U bench_inv <"$CLUSTER/idle" >/dev/null 2>&1 &
    idle=$!
    exec 9>"$CLUSTER/idle"
    echo "BEGIN; DECLARE c CURSOR FOR SELECT rank FROM $search; FETCH 1 FROM c;" >&9
    until [ "$(run -c "SELECT count(*) FILTER (WHERE state = 'idle in transaction') = 1 AND count(*) FILTER (WHERE state = 'active') = 1
        FROM pg_stat_activity WHERE usename = 'bench_inv'")" = t ]; do sleep 0.02; done
    run -c "SELECT facesnxt.set_account_status('bench_inv', 'suspended', 'bench')" >/dev/null
    begun=$(date +%s%N)
    let_in=false
    if psql -XqAt -U bench_inv -c 'SELECT 1' >/dev/null 2>&1; then
        let_in=true
    fi
    ended=$(date +%s%N)
    run -c "INSERT INTO login VALUES (($ended - $begun) / 1e6, $let_in)"
    until [ "$(run -c 'SELECT count(*) FROM facesnxt.revocation_latency WHERE last_gone_at IS NULL')" = 0 ]; do sleep 0.02; done
    exec 9>&-
    wait "$busy" "$idle" || true
done

run <<'SQL'
\pset tuples_only off
\pset format aligned
SELECT count(*) AS rounds, min(sessions_ended) AS sessions_each, bool_and(complete) AS complete,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM latency) * 1000)::numeric, 1) AS median_ms,
    round(extract(epoch FROM max(latency)) * 1000, 1) AS max_ms,
    round(extract(epoch FROM max(last_gone_at - decided_at)) * 1000, 1) AS max_ms_from_decision
FROM facesnxt.revocation_latency;
SELECT count(*) AS logins, count(*) FILTER (WHERE let_in) AS let_in, round(max(ms)::numeric, 1) AS max_ms_to_refusal FROM login;
SQL
