#!/bin/bash
# year.sh - reports on a year of activity of AGENCIES (240) with SEARCHES
# (100,000) attempts (tool/year.sql): how long each takes for one agency and
# for the network, whether any of them reads a large table from end to end,
# and whether its numbers are those of an independent recount (tool/recount.pl).
# SAMPLES=dir writes what the psql scripts print there.
. "$(dirname "$0")/tool/index_common.sh"

agencies=${AGENCIES:-240} searches=${SEARCHES:-100000}
# every so manieth agency, odd: the policies come in turns of four
step20=$(((agencies + 19) / 20 | 1)) step12=$(((agencies + 11) / 12 | 1))
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT
run -c 'CREATE EXTENSION IF NOT EXISTS facesnxt'
started=$SECONDS
run -v agencies="$agencies" -v searches="$searches" -f "$here/tool/year.sql" >/dev/null
run -c 'CREATE ROLE host_auditor LOGIN IN ROLE facesnxt_auditor'
printf '%s agencies, %s attempts, %s candidates, %s comparisons; made in %s s\n' "$(run -c 'SELECT count(*) FROM facesnxt.agency')" \
    "$(run -c 'SELECT count(*) FROM facesnxt.search')" "$(run -c 'SELECT count(*) FROM facesnxt.candidate')" \
    "$(run -c 'SELECT count(*) FROM facesnxt.comparison')" $((SECONDS - started))

# one line: what, median and slowest of a report for 20 agencies, rows read by sequential scans of tables of more than 5,000 rows
status=0
read_whole="SELECT coalesce(string_agg(relname, ' '), 'none') FROM pg_stat_user_tables t JOIN before b USING (relid)
    WHERE t.schemaname = 'facesnxt' AND t.n_live_tup > 5000 AND t.seq_tup_read > b.seq_tup_read"
measure() { # $1 what, $2 statement with :agency
    local i times=()
    run -c 'DROP TABLE IF EXISTS before' -c 'CREATE TABLE before AS SELECT relid, seq_tup_read FROM pg_stat_user_tables' 2>/dev/null
    for ((i = 1; i <= agencies; i += step20)); do
        times+=("$(psql -X -q -U host_auditor -v agency="A$(printf %03d "$i")" 2>&1 <<SQL | awk '/^Time:/ { print $2 } /ERROR/ { print > "/dev/stderr" }'
\o /dev/null
\timing on
$2
SQL
        )")
    done
    run -c 'SELECT pg_sleep(1.2)' >/dev/null
    local whole
    whole=$(run -c "$read_whole")
    printf '%s\n' "${times[@]}" | sort -n | awk -v what="$1" -v whole="$whole" '{ v[NR] = $1 }
        END { printf "%-34s median %6.0f ms, slowest %6.0f ms; large tables read from end to end: %s\n", what, v[int((NR + 1) / 2)], v[NR], whole
            exit (v[NR] > 2000 || whole != "none") }' || status=1
}
measure 'monthly report' "SELECT * FROM facesnxt.monthly_report(:'agency', '2023-05-01', '2024-02-01');"
for kind in quarterly annual 'log extract' 'licence use' statistics overdue; do
    measure "$kind" "SELECT * FROM facesnxt.audit_report(:'agency', '$kind', '2023-05-01', '2024-02-01');"
done
measure 'monthly report, sealed' "SELECT facesnxt.make_pack(:'agency', 'monthly', '2023-05-01');"
measure 'bundle of a case, sealed' "SELECT facesnxt.case_bundle(:'agency', '23-7');"
measure 'the same, computed again' "SELECT r.same FROM facesnxt.audit_pack p, facesnxt.recompute_pack(p.pack_id) r WHERE p.parameters->>'case_number' = '23-7'
    AND p.agency_id = (SELECT agency_id FROM facesnxt.agency WHERE code = :'agency') LIMIT 1;"
network() { # $1 what, $2 statement
    psql -X -q -U host_auditor <<SQL | awk -v what="$1" '/^Time:/ { printf "%-34s %6.0f ms for all agencies\n", what, $2 }'
\o /dev/null
\timing on
$2
SQL
}
network 'monthly reports' "SELECT count(*) FROM facesnxt.agency a, facesnxt.monthly_report(a.code, '2023-05-01', '2024-02-01') r;"
network 'audits that are overdue' "SELECT * FROM facesnxt.overdue_audits('2024-02-01');"

# ---- every sealed text is what the records give
psql -X -q -At -U host_auditor -c "
    SELECT format('packs computed again: %s the same, %s not', count(*) FILTER (WHERE same), count(*) FILTER (WHERE NOT same))
    FROM (SELECT bool_and(r.same) AS same FROM facesnxt.audit_pack p, facesnxt.recompute_pack(p.pack_id) r GROUP BY p.pack_id) p"

# ---- counted again: of 12 agencies, of all policies in turn, as the year ended and in the midst of it. Who reads has
# the agencies' time zone, the copies are made in UTC: days are the same to both.
chosen="(substr(g.code, 2)::int - 1) % $step12 = 0"
mkdir "$work/tables"
read_as_auditor() { # $1 file, $2 query
    PGOPTIONS="$PGOPTIONS -c timezone=America/New_York" run -U host_auditor -c "COPY ($2) TO STDOUT (HEADER)" >"$work/$1"
}
now=$(run -c 'SELECT clock_timestamp()')
read_as_auditor reports "
    SELECT k.kind, g.code AS agency, k.day, extract(epoch FROM k.as_of) AS as_of, r.section, r.line, r.value, r.detail
    FROM facesnxt.agency g CROSS JOIN (
            SELECT v.kind, d::date AS day, '2024-02-01 00:00Z'::timestamptz AS as_of
            FROM (VALUES ('monthly', 1), ('quarterly', 3), ('annual', 12), ('log extract', 1), ('licence use', 12), ('overdue', 12), ('statistics', 12)) v (kind, months),
                generate_series('2023-01-15'::date, '2023-12-15', make_interval(months => v.months)) d
            UNION ALL SELECT k, '2023-05-15', '2023-05-20 12:34:56Z' FROM unnest('{monthly,quarterly,annual,log extract,licence use,overdue,statistics}'::text[]) k
            UNION ALL VALUES ('overdue', '2023-05-15'::date, '$now'::timestamptz)) k,
        facesnxt.audit_report(g.code, k.kind, k.day, k.as_of) r
    WHERE $chosen"
read_as_auditor published "
    SELECT g.code AS agency, '2023-05-15' AS day, extract(epoch FROM t) AS as_of, r.line, r.month, r.published
    FROM facesnxt.agency g CROSS JOIN (VALUES ('2024-02-01 00:00Z'::timestamptz), ('2023-05-20 12:34:56Z')) k (t), facesnxt.public_statistics(g.code, '2023-05-15', t) r
    WHERE $chosen"
# findings of anomalies() are none of the reports' own: they are handed to them, and to the recount
read_as_auditor tables/anomaly "
    SELECT g.code AS agency, extract(epoch FROM d AT TIME ZONE z) AS since, extract(epoch FROM (d + make_interval(months => v.months)) AT TIME ZONE z) AS until, s AS search_id
    FROM facesnxt.agency g CROSS JOIN (VALUES (1), (3), (12)) v (months) CROSS JOIN (VALUES ('America/New_York')) k (z)
        CROSS JOIN generate_series('2023-01-01'::timestamp, '2023-12-01', make_interval(months => v.months)) d
        CROSS JOIN LATERAL (SELECT DISTINCT unnest(a.searches) AS s
            FROM facesnxt.anomalies(g.code, d AT TIME ZONE z, (d + make_interval(months => v.months)) AT TIME ZONE z) a) a
    WHERE $chosen"
run -c "COPY (SELECT g.code AS agency, c AS case_number, extract(epoch FROM t) AS as_of, l.section, l.line, l.value, l.detail
    FROM facesnxt.agency g CROSS JOIN unnest('{23-7,23-1,23-100}'::text[]) c CROSS JOIN (VALUES ('2024-02-01 00:00Z'::timestamptz), ('2023-05-20 12:34:56Z')) k (t),
        facesnxt.pack_lines('defence', g.agency_id, NULL, NULL, t, jsonb_build_object('case_number', c)) l
    WHERE $chosen) TO STDOUT (HEADER)" >"$work/bundles"
copy() { # $1 table, $2 time, $3 other columns, of table t and agency g; $4 key and $5 table that its agency hangs on
    local hung='JOIN facesnxt.agency g USING (agency_id)'
    [ -z "${5:-}" ] || hung="JOIN facesnxt.$5 h USING ($4) JOIN facesnxt.agency g ON g.agency_id = h.agency_id"
    run -c "COPY (SELECT g.code AS agency, extract(epoch FROM $2) AS at, $3 FROM facesnxt.$1 t $hung WHERE $chosen) TO STDOUT (HEADER)" >"$work/tables/$1"
}
of_search() { copy "$1" "${3:-t.recorded_at}" "t.search_id, $2" search_id search; }
epoch() { printf 'extract(epoch FROM %s) AS %s' "t.$1" "$1"; }
copy search t.recorded_at "t.search_id, t.account_id, t.acting_role AS name, t.purpose, t.status, t.sqlstate, t.clause, t.case_number, t.incident_type, t.probe_id,
    t.candidates, t.exact, array_to_string(t.repositories, ',') AS repositories, t.fields->>'parent_search' IS NOT NULL AS further,
    coalesce(t.fields->>'exigent', 'false')::boolean AS exigent, t.set_aside <> '{}' AS set_aside, t.facts->'case'->>'status' AS case_status,
    (t.facts->'case'->>'assigned')::boolean AS case_assigned, (t.facts->'search'->'request'->>'assigned')::boolean AS asked_by_assigned,
    (SELECT string_agg(f, ',') FROM facesnxt.policy_purpose p, unnest(p.fields) f
     WHERE p.version_id = t.version_id AND p.code = t.purpose AND NOT t.fields ? f) AS empty"
run >"$work/tables/candidate" -c "COPY (SELECT t.search_id, count(*) AS candidates FROM facesnxt.candidate t JOIN facesnxt.search s USING (search_id)
    JOIN facesnxt.agency g USING (agency_id) WHERE $chosen GROUP BY t.search_id) TO STDOUT (HEADER)"
of_search comparison 't.person_id, t.review_id IS NOT NULL AS blind'
of_search match_decision t.matched
of_search corroboration 't.item_id, t.person_id'
of_search withdrawal t.item_id
of_search identification t.person_id
of_search report t.kind
of_search outcome 't.determination, t.person_id'
of_search outcome_notice t.identified
of_search exigent_papers "(SELECT coalesce(string_agg(k, ','), '') FROM jsonb_object_keys(t.fields) k) AS fields" t.completed_at
copy action t.recorded_at 't.search_id, t.account_id, t.status, t.kind'
copy access_log t.recorded_at "t.search_id, t.account_id, t.kind, t.sqlstate, t.recipient, cardinality(t.ranks) AS ranks, array_to_string(t.fields, ',') AS fields"
copy refused_step t.recorded_at 't.search_id, t.account_id, t.step'
copy verification t.recorded_at 't.account_id, t.status, t.case_number'
copy ticket t.opened_at 't.ticket_id, t.account_id'
copy raw_statement t.recorded_at 'h.account_id, t.status, h.case_number, (SELECT count(*) FROM facesnxt.raw_row r WHERE r.statement_id = t.statement_id) AS rows' ticket_id ticket
copy external_search t.recorded_at 't.platform, t.status'
copy platform t.recorded_at 't.name, t.kind'
copy account NULL::timestamptz 't.account_id, t.role AS name'
copy account_event t.at 't.account_id, t.number, t.step, t.to_status, t.reason' account_id account
copy violation t.at t.kind account_id account
copy revocation t.decided_at t.role
copy mou t.at "t.mou_id, t.title, cardinality(t.parties) AS parties, $(epoch from_at), $(epoch until_at)"
copy mou_end t.at t.mou_id mou_id mou
copy discrepancy t.recorded_at 't.discrepancy_id, t.opened_by, t.description'
copy discrepancy_resolution t.recorded_at t.discrepancy_id
copy audit_pack t.recorded_at "t.pack_id, t.kind, $(epoch since), $(epoch until), $(epoch as_of)"
copy audit_signoff t.signed_at 't.pack_id, t.accepted'
copy audit_submission t.submitted_at t.pack_id
copy audit_request t.recorded_at 't.request_id, t.requested_by, t.subject'
copy audit_request_step t.recorded_at 't.request_id, t.step'
copy public_request t.recorded_at 't.public_id, t.subject'
copy public_decision t.decided_at t.public_id public_id public_request
copy policy_decision t.effective_from t.adopted version_id policy_version
copy policy_purpose NULL::timestamptz t.code version_id policy_version
copy policy_rule NULL::timestamptz "t.rule, t.clause, t.value #>> '{}' AS value" version_id policy_version
run >>"$work/tables/policy_rule" -c "COPY (
    SELECT g.code, NULL, r.rule || '_' || e.key, r.clause, e.value #>> '{}' FROM facesnxt.policy_rule r JOIN facesnxt.policy_version v USING (version_id)
        JOIN facesnxt.agency g USING (agency_id) CROSS JOIN LATERAL jsonb_each(r.value) e
    WHERE r.rule IN ('report', 'exigent') AND e.key IN ('days', 'hours') AND $chosen) TO STDOUT"
# KEEP=dir keeps what it is counted from
[ -z "${KEEP:-}" ] || { mkdir -p "$KEEP" && cp -r "$work/." "$KEEP"; }
perl "$here/tool/recount.pl" "$work" || status=1

# ---- what the psql scripts print: of each policy what it asks for
if [ -n "${SAMPLES:-}" ]; then
    mkdir -p "$SAMPLES"
    scripts=$("$PG_CONFIG" --sharedir)/extension
    run >/dev/null <<'SQL'
CREATE ROLE commander LOGIN IN ROLE facesnxt_auditor, facesnxt_member;
CREATE ROLE major LOGIN IN ROLE facesnxt_member;
INSERT INTO facesnxt.appointment (agency_id, office, role, designee)
SELECT a.agency_id, v.office, v.role::regrole, false FROM facesnxt.agency a,
    (VALUES ('investigative_section_commander', 'commander'), ('investigative_section_major', 'major')) v (office, role) WHERE a.code = 'A004';
SET ROLE commander;
SELECT facesnxt.sign_pack(facesnxt.make_pack('A004', 'monthly', '2023-05-01'), true, 'inquiries were handed to the supervisors');
SELECT facesnxt.make_pack('A004', 'quarterly', '2023-05-01', '{"findings": ["Reports are filed late in one of ten searches."]}') AS memo \gset
SELECT facesnxt.sign_pack(:'memo', true, 'as stated'), facesnxt.submit_memorandum(:'memo');
SELECT facesnxt.open_discrepancy('A004', 'Two searches of May name a case that was closed.');
SQL
    sample() { # $1 script, $2 agency, the rest: more variables
        local script=$1 agency=$2 format
        local -A as=([txt]=aligned [html]=html)
        shift 2
        for format in txt html; do
            psql -X -U host_auditor -v agency="$agency" -v day=2023-05-01 "$@" -P format="${as[$format]}" -f "$scripts/facesnxt-$script.psql" 2>&1 |
                sed 's/[[:blank:]]*$//' >"$SAMPLES/$script.$format" || status=1
            ! grep -n 'ERROR' "$SAMPLES/$script.$format" || status=1
        done
    }
    for script in monthly quarterly overdue; do sample $script A004 -v as_of='2024-02-01 00:00Z'; done
    sample annual A001 -v as_of='2024-02-01 00:00Z'
    sample licences A002 -v as_of='2024-02-01 00:00Z'
    sample statistics A002 -v as_of='2024-02-01 00:00Z'
    sample log A003 -v as_of='2024-02-01 00:00Z'
    sample bundle A001 -v case_number=23-7
    sample audits A004
    sample verify A004
fi
exit "$status"
