#!/bin/bash
# year.sh - reports on a year of activity of AGENCIES (240) with SEARCHES
# (100,000) attempts (tool/year.sql): how long each takes for one agency and
# for the network, whether any of them reads a large table from end to end,
# and whether its numbers are those of an independent recount (tool/recount.pl).
# SAMPLES=dir writes what the psql scripts print there.
. "$(dirname "$0")/tool/index_common.sh"

agencies=${AGENCIES:-240} searches=${SEARCHES:-100000}
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
    for ((i = 1; i <= agencies; i += (agencies + 19) / 20)); do
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

# ---- counted again
psql -X -q -At -F $'\t' -U host_auditor -c "
    SELECT a.code, to_char(m, 'YYYY-MM'), r.section, r.line, r.value
    FROM facesnxt.agency a CROSS JOIN generate_series('2023-01-01'::date, '2023-12-01', '1 month') m, facesnxt.monthly_report(a.code, m::date, '2024-02-01 00:00Z') r
    WHERE (substr(a.code, 2)::int - 1) % $(((agencies + 11) / 12)) = 0" >"$work/reports"
copy() { # $1 table's name in the copy, $2 query
    run -c "COPY (SELECT '$1', q.* FROM ($2) q) TO STDOUT" >>"$work/tables"
}
epoch() { printf 'extract(epoch FROM %s)' "$1"; }
code="(SELECT g.code FROM facesnxt.agency g WHERE g.agency_id = t.agency_id)"
copy rule "SELECT a.code, r.rule, r.value #>> '{}' FROM facesnxt.policy_rule r JOIN facesnxt.policy_version v USING (version_id) JOIN facesnxt.agency a USING (agency_id)
    WHERE r.rule IN ('substantiation_days', 'outcome_days')"
copy rule "SELECT a.code, 'report_days', r.value->>'days' FROM facesnxt.policy_rule r JOIN facesnxt.policy_version v USING (version_id) JOIN facesnxt.agency a USING (agency_id) WHERE r.rule = 'report'"
copy search "SELECT t.search_id, t.agency, $(epoch t.recorded_at), t.acting_role, t.purpose, t.status, t.case_number, coalesce(t.probe_id, ''), t.candidates,
    coalesce(t.fields->>'exigent', 'false')::boolean, t.set_aside <> '{}', coalesce((SELECT string_agg(f, ',') FROM unnest(p.fields) f WHERE NOT t.fields ? f), ''),
    t.facts->'case'->>'status', (t.facts->'case'->>'assigned')::boolean
    FROM facesnxt.search t JOIN facesnxt.policy_purpose p ON p.version_id = t.version_id AND p.code = t.purpose"
copy report "SELECT t.search_id, $(epoch t.recorded_at), '' FROM facesnxt.report t"
copy outcome "SELECT t.search_id, $(epoch t.recorded_at), t.determination || '|' || coalesce(t.person_id::text, '') FROM facesnxt.outcome t"
copy notice "SELECT t.search_id, $(epoch t.recorded_at), t.identified FROM facesnxt.outcome_notice t"
copy papers "SELECT t.search_id, $(epoch t.completed_at), coalesce((SELECT string_agg(k, ',') FROM jsonb_object_keys(t.fields) k), '') FROM facesnxt.exigent_papers t"
copy decision "SELECT t.search_id, $(epoch t.recorded_at), t.matched FROM facesnxt.match_decision t"
copy identification "SELECT t.search_id, $(epoch t.recorded_at), t.person_id FROM facesnxt.identification t"
copy corroboration "SELECT t.search_id, $(epoch t.recorded_at), t.person_id, t.item_id FROM facesnxt.corroboration t"
copy withdrawal "SELECT t.item_id, $(epoch t.recorded_at) FROM facesnxt.withdrawal t"
copy comparison "SELECT t.search_id, $(epoch t.recorded_at), t.person_id FROM facesnxt.comparison t WHERE t.review_id IS NULL"
copy access "SELECT $code, $(epoch t.recorded_at), t.kind, coalesce(t.sqlstate, '') FROM facesnxt.access_log t"
copy verification "SELECT $code, $(epoch t.recorded_at), t.status FROM facesnxt.verification t"
copy step "SELECT $code, $(epoch t.recorded_at), t.step FROM facesnxt.refused_step t WHERE t.agency_id IS NOT NULL"
copy raw "SELECT $code, $(epoch t.recorded_at), t.status, (SELECT count(*) FROM facesnxt.raw_row r WHERE r.statement_id = t.statement_id) FROM facesnxt.raw_statement t"
copy ticket "SELECT $code, $(epoch t.opened_at) FROM facesnxt.ticket t"
perl "$here/tool/recount.pl" "$work/reports" "$work/tables" || status=1

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
