#!/bin/bash
# tenants.sh - many agencies in one database: whether one ever sees a row of
# another, and what a search costs under a policy.
#
# AGENCIES (240) with the policy EXAMPLE, ACCOUNTS (10,000) among them, PERSONS
# (600,000, about 1 M references) of DIM (512) dimensions in half precision.
# CLIENTS (8) investigators of different agencies search for SECONDS_OF_WORK
# (60); after each search they look at everything they can see. Case numbers
# begin with the agency's code, so that what belongs to whom is known without
# asking the extension; at the end the owner counts again.
. "$(dirname "$0")/tool/index_common.sh"

agencies=${AGENCIES:-240} accounts=${ACCOUNTS:-10000} clients=${CLIENTS:-8} seconds=${SECONDS_OF_WORK:-60}
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

prepare_database
make_tables "${PERSONS:-600000}" "${DIM:-512}" 50
run -v agencies="$agencies" -v accounts="$accounts" <<'SQL'
SET search_path = facesnxt, public;
CREATE TEMP TABLE who AS SELECT person, gen_random_uuid() AS person_id FROM public.gallery GROUP BY person;
INSERT INTO facesnxt.person (person_id, name) SELECT person_id, 'Person ' || person FROM who;
CREATE TEMP TABLE what AS
SELECT gen_random_uuid() AS reference_id, w.person_id, g.id, g.template
FROM public.gallery g JOIN who w USING (person);
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by)
SELECT reference_id, person_id, 'fingerprints', 'bench' FROM what;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template)
SELECT reference_id, person_id, CASE id % 3 WHEN 0 THEN 'booking' ELSE 'driver_licence' END::facesnxt.repository,
    with_model(template, '0000000a')
FROM what;
DROP TABLE what, who;
UPDATE public.probe SET template = with_model(template, '0000000a');
GRANT SELECT ON public.probe TO PUBLIC;
VACUUM ANALYZE facesnxt.reference;
SELECT index_references('0000000a') \g /dev/null
SELECT pg_prewarm(index_references('0000000a')), pg_prewarm('facesnxt.reference') \g /dev/null
SELECT create_agency('A' || i, 'Agency ' || i) FROM generate_series(1, :agencies) i \g /dev/null
SELECT adopt_policy('A' || i, 'EXAMPLE') FROM generate_series(1, :agencies) i \g /dev/null
SELECT open_case('A' || i, format('A%s-%s', i, j), 'robbery') FROM generate_series(1, :agencies) i, generate_series(1, 3) j \g /dev/null
SELECT format('CREATE ROLE t_%s LOGIN IN ROLE facesnxt_investigator', i) FROM generate_series(1, :accounts) i \gexec
SELECT open_account('A' || 1 + i % :agencies, format('t_%s', i)::regrole) FROM generate_series(1, :accounts) i \g /dev/null
SELECT set_account_status(format('t_%s', i)::regrole, 'active', 'bench') FROM generate_series(1, :accounts) i \g /dev/null
-- or autovacuum does it while the clock runs
VACUUM ANALYZE;
CHECKPOINT;
SQL
printf '%s agencies, %s accounts, %s references\n' "$(run -c "SELECT count(*) FROM facesnxt.agency")" \
    "$(run -c "SELECT count(*) FROM facesnxt.account WHERE status = 'active'")" \
    "$(run -c "SELECT count(*) FROM facesnxt.reference")"

# what a client runs: a search, and a division by zero for any row of another agency
client_script() {
    cat <<SQL
\set probe random(1, 50)
\set number random(1, 3)
SELECT count(*) FROM facesnxt.search_template((SELECT template FROM public.probe WHERE kind = 'normal' AND id = :probe),
    '$1-' || :number, 'suspect', 'bench');
SELECT 1 / (count(*) = 0)::int FROM facesnxt.my_searches WHERE case_number NOT LIKE '$1-%';
SELECT 1 / (count(*) = 0)::int FROM facesnxt.my_cases WHERE case_number NOT LIKE '$1-%';
SELECT 1 / (count(*) = 0)::int FROM facesnxt.my_candidates c
WHERE NOT EXISTS (SELECT FROM facesnxt.my_searches s WHERE s.search_id = c.search_id AND s.case_number LIKE '$1-%');
SQL
}

# Latency of one client: the whole search, the same search without policy, and
# the comparison alone as the owner makes it. Without policy, the gate finds the
# account and asks no rule; the record is written as ever. In turns, because the
# machine's minutes differ.
latency() { # $1 role, $2 statement
    printf '%s\n' '\set probe random(1, 50)' "$2" >"$work/one.sql"
    pgbench -n -U "$1" -c 1 -T 8 -f "$work/one.sql" 2>/dev/null | awk '/^latency average/ { print $4 }'
}
probe="(SELECT template FROM public.probe WHERE kind = 'normal' AND id = :probe)"
run -c "SELECT pg_get_functiondef('facesnxt.gate(jsonb)'::regprocedure)" >"$work/gate.sql"
echo ';' >>"$work/gate.sql"
sed '/^AS \$function\$/,$d' "$work/gate.sql" >"$work/open.sql"
cat >>"$work/open.sql" <<'SQL'
AS $function$
DECLARE
    verdict facesnxt.verdict;
BEGIN
    SELECT a.account_id, a.agency_id, g.code, facesnxt.policy_in_force(a.agency_id, clock_timestamp()), '{}'::jsonb
    INTO verdict.account_id, verdict.agency_id, verdict.agency, verdict.version_id, verdict.facts
    FROM facesnxt.account a JOIN facesnxt.agency g USING (agency_id)
    WHERE a.role = (request->'identity'->>'acting_oid')::oid AND a.status = 'active';
    RETURN verdict;
END
$function$;
SQL
searched=() open=() compared=()
for ((i = 1; i <= 5; i++)); do
    searched+=("$(latency t_1 "SELECT count(*) FROM facesnxt.search_template($probe, 'A2-1', 'suspect', 'bench');")")
    run -f "$work/open.sql"
    open+=("$(latency t_1 "SELECT count(*) FROM facesnxt.search_template($probe, 'A2-1', 'suspect', 'bench');")")
    run -f "$work/gate.sql"
    compared+=("$(latency postgres "SELECT facesnxt.compare($probe, enum_range(NULL::facesnxt.repository), 20, NULL);")")
done
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
awk -v s="$(median "${searched[@]}")" -v o="$(median "${open[@]}")" -v c="$(median "${compared[@]}")" 'BEGIN {
    printf "one search %.1f ms, without policy %.1f ms (ratio %.2f), the comparison alone %.1f ms\n", s, o, s / o, c }'

status=0
for ((i = 1; i <= clients; i++)); do
    client_script "A$((i + 1))" >"$work/$i.sql"
    pgbench -n -U "t_$i" -c 1 -T "$seconds" -f "$work/$i.sql" >"$work/$i.log" 2>&1 &
done
wait
for ((i = 1; i <= clients; i++)); do
    if ! grep -q 'number of failed transactions: 0' "$work/$i.log"; then
        cat "$work/$i.log"
        status=1
    fi
done
printf '%s clients for %s s: %s searches, latency of one with its looks %s ms\n' "$clients" "$seconds" \
    "$(run -c "SELECT count(*) FROM facesnxt.search WHERE status = 'completed'")" \
    "$(cat "$work"/*.log | awk '/^latency average/ { sum += $4; n++ } END { printf "%.0f", sum / n }')"
wrong=$(run <<'SQL'
SELECT count(*) FROM facesnxt.search s JOIN facesnxt.account a ON a.role = s.acting_oid::regrole
WHERE s.case_number NOT LIKE s.agency || '-%' OR s.agency_id <> a.agency_id;
SQL
)
echo "searches that the owner finds under a wrong agency: $wrong"
[ "$wrong" = 0 ] && exit "$status"
exit 1
