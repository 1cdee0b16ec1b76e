#!/bin/bash
# test.sh [suite]... - prepares what the suites need, runs them all (or those
# named), goes on after a failing one, and ends with a count.
#
#   unit       test/unit/*_test.c under the address and undefined sanitizers
#   regress    test/sql, the Makefile's REGRESS list
#   isolation  test/specs, the Makefile's ISOLATION list
#   tap        test/t/*.pl, or TAP_TESTS="test/t/A.pl test/t/B.pl": servers of their own, crashes, replicas
#   pgtap      test/pgtap/*.sql
#   lint       test/check/*.sh
#
# Each suite that needs a server has a throw-away cluster to itself, so that
# no suite sees another's roles. Programs of unit and tap, and the checks of
# lint, run JOBS at a time (as many as processors, at most 4): each has a server
# or files of its own. Suites that do one thing after the other run beside the
# rest, and are printed when they are through. A suite leaves "passed failed skipped" in
# build/test/SUITE.counts and its logs in build/test/SUITE/.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(unit regress isolation tap pgtap lint)
results=$ROOT/build/test

# The servers of tests are killed, not unplugged: what the kernel has is enough.
# While autovacuum analyses a table, VACUUM frees nothing that it may still see.
cluster=(scripts/cluster.sh -c fsync=off -c autovacuum=off -c max_prepared_transactions=10)

# $1 suite, then --run=... and the tests; none is no failure.
tap() {
    local suite=$1
    shift
    if [ ! -e "${*: -1}" ]; then
        echo "no tests yet"
        echo "0 0 0" >"$results/$suite.counts"
        return 0
    fi
    perl scripts/tap.pl --counts="$results/$suite.counts" "$@"
}

# $1 suite, $2 the list to leave empty: PGXS runs both lists in one target and
# stops between them.
installcheck() {
    local suite=$1 status=0 output=$ROOT/build/$1 log=$results/$1.log passed failed
    rm -rf "$output"
    "${cluster[@]}" make -s PG_CONFIG="$PG_CONFIG" "$2=" installcheck 2>&1 | tee "$log" || status=$?
    # 15 prints "test NAME ... ok", from 16 on it is TAP
    passed=$(grep -cE '^(test|    ) .*\.\.\. ok|^ok ' "$log" || true)
    failed=$(grep -cE '^(test|    ) .*\.\.\. (FAILED|failed)|^not ok ' "$log" || true)
    if [ -s "$output/regression.diffs" ]; then
        cat "$output/regression.diffs"
    fi
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi
    echo "$passed $failed 0" >"$results/$suite.counts"
    return "$status"
}

suite_unit() {
    make -s -j"$(nproc)" unit-programs || return 1
    tap unit --jobs="$JOBS" build/unit/*_test
}

suite_regress() {
    installcheck regress ISOLATION
}

suite_isolation() {
    installcheck isolation REGRESS
}

suite_pgtap() {
    local database=facesnxt_pgtap
    # shellcheck disable=SC2016 # expanded where the cluster is
    "${cluster[@]}" bash -euc '
        createdb "$1"; export PGDATABASE=$1; shift
        psql -Xq -c "CREATE EXTENSION facesnxt" -c "CREATE EXTENSION pgtap"
        "$@"' - "$database" scripts/test.sh --pgtap
}

suite_lint() {
    "${cluster[@]}" scripts/lint.sh "$results/lint.counts"
}

# A step to a version that does not exist, where servers look for such, while
# the tests run; UPGRADE is empty where this user may not lay it there.
UPGRADE=
STEP=
lay_upgrade() {
    local folder version prefix=
    folder=$("$PG_CONFIG" --sharedir)/extension
    version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" facesnxt.control)
    [ -w "$folder" ] || prefix=$(root_prefix) || return 0
    STEP=$folder/facesnxt--$version--$version.step.sql
    $prefix install -m 644 test/data/upgrade.sql "$STEP"
    UPGRADE=$version.step
}

# PostgreSQL::Test makes clusters, which root cannot: for root the tests run as
# user postgres, on a copy, because that user may be unable to read this tree.
STAGE=
AS=()
suite_tap() {
    local status=0 perl5 log
    perl5=$(dirname "$("$PG_CONFIG" --pgxs)")/../test/perl
    clean_up_with leave_stage
    STAGE=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
    mkdir -p "$STAGE/build/test"
    cp -R test scripts "$STAGE"
    lay_upgrade
    if [ "$(id -u)" -eq 0 ]; then
        chown -R postgres: "$STAGE"
        AS=(runuser -u postgres --)
    fi
    cd "$STAGE" || return 1
    run_child ${AS[@]+"${AS[@]}"} env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
        PATH="$("$PG_CONFIG" --bindir):$PATH" PERL5LIB="$perl5:$STAGE/test/perl" PG_CONFIG="$PG_CONFIG" \
        PG_REGRESS="$(dirname "$perl5")/regress/pg_regress" \
        FACESNXT_UPGRADE="$UPGRADE" TESTDIR="$STAGE" TESTDATADIR="$STAGE/tmp_check" TESTLOGDIR="$STAGE/tmp_check/log" \
        scripts/test.sh --tap || status=$?
    cd "$ROOT" || return 1
    mkdir -p "$results/tap"
    cp "$STAGE/build/test/tap.counts" "$results/" 2>/dev/null || true
    cp "$STAGE"/tmp_check/log/* "$results/tap/" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        # of each test that failed or did not come to its end, what it did last
        for log in "$results"/tap/regress_log_*; do
            if [ -e "$log" ] && { grep -q ' not ok ' "$log" || ! grep -qE '\) 1\.\.[0-9]+$' "$log"; }; then
                printf '\n-- %s\n' "$log"
                tail -n 60 "$log"
            fi
        done
    fi
    exit "$status" # through leave_stage: each suite is a process of its own
}

# Servers of a test that was killed are stopped before their files go.
leave_stage() {
    local left
    cd "$ROOT" || return
    [ -n "$STAGE" ] || return 0
    [ -z "$STEP" ] || rm -f "$STEP" 2>/dev/null || $(root_prefix) rm -f "$STEP"
    for left in "$STAGE"/tmp_check/*/pgdata/postmaster.pid; do
        [ ! -e "$left" ] || (cd "$STAGE" && ${AS[@]+"${AS[@]}"} "$("$PG_CONFIG" --bindir)/pg_ctl" \
            --pgdata="$(dirname "$left")" --silent --mode=immediate stop) || true
    done
    rm -rf "$STAGE"
}

# The inner half of a suite, called where its cluster or its user is.
case ${suites[0]} in
    --pgtap)
        # several results of one row are lines of their own
        tap pgtap --run="psql -XqAt -F '"$'\n'"' -v ON_ERROR_STOP=1 -f" test/pgtap/*.sql
        exit
        ;;
    --tap)
        export FACESNXT_TEMPLATE=$PWD/template
        perl test/perl/template.pl "$FACESNXT_TEMPLATE" >/dev/null
        if [ -n "${TAP_TESTS:-}" ]; then
            read -ra programs <<<"$TAP_TESTS"
        else
            # the longest first, so that none is left alone at the end: two, then
            # those on the index, which have the highest numbers
            long=(test/t/13_whole.pl test/t/03_refused.pl)
            mapfile -t programs < <(printf '%s\n' "${long[@]}"
                printf '%s\n' test/t/*.pl | grep -vxF -f <(printf '%s\n' "${long[@]}") | sort -r)
        fi
        tap tap --run="perl" --jobs="$JOBS" "${programs[@]}"
        exit
        ;;
esac

# Runs a suite, and notes how it ended and after how many seconds.
run_suite() {
    local status=0 started=$SECONDS
    run_child "suite_$1" || status=$?
    echo "$status $((SECONDS - started))" >"$results/$1.status"
}

# Those that run beside the others, one after the other, in a process group of their own.
BESIDE=
run_beside() {
    local suite
    [ $# -gt 0 ] || return 0
    set -m
    (
        clean_up_with true
        for suite in "$@"; do
            run_suite "$suite" >"$results/$suite.out" 2>&1
        done
    ) </dev/null &
    BESIDE=$!
    set +m
}
end_beside() {
    [ -n "$BESIDE" ] || return 0
    # shellcheck disable=SC2034 # end_child reads it
    CHILD=$BESIDE
    end_child
}

clean_up_with end_beside
for suite in "${suites[@]}"; do
    if ! declare -F "suite_$suite" >/dev/null; then
        complain "there is no suite \"$suite\""
        exit 2
    fi
done
for program in ${TAP_TESTS:-}; do
    if [ ! -e "$program" ]; then
        complain "TAP_TESTS: there is no $program"
        exit 2
    fi
done
started=$SECONDS
if [ "${suites[*]}" = unit ]; then
    run_child scripts/prepare.sh test packages
else
    run_child scripts/prepare.sh test
fi

rm -rf "$results"
mkdir -p "$results"
beside=()
if [ "$JOBS" -gt 1 ] && [ ${#suites[@]} -gt 1 ]; then
    for suite in "${suites[@]}"; do
        case $suite in
            regress | isolation | pgtap) beside+=("$suite") ;;
        esac
    done
fi
run_beside ${beside[@]+"${beside[@]}"}
for suite in "${suites[@]}"; do
    if [[ " ${beside[*]-} " != *" $suite "* ]]; then
        heading "$suite"
        run_suite "$suite"
    fi
done
if [ -n "$BESIDE" ]; then
    wait "$BESIDE" || true
    BESIDE=
    for suite in "${beside[@]}"; do
        heading "$suite"
        cat "$results/$suite.out"
    done
fi

total_passed=0 total_failed=0 total_skipped=0
summary=
for suite in "${suites[@]}"; do
    passed=0 failed=0 skipped=0 status=1 seconds=0
    if [ -e "$results/$suite.status" ]; then
        read -r status seconds <"$results/$suite.status"
    fi
    if [ -e "$results/$suite.counts" ]; then
        read -r passed failed skipped <"$results/$suite.counts"
    fi
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1 # it broke down before it could count
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
    summary+=$(printf '%-10s %5d passed %4d failed %4d skipped %5d s' \
        "$suite" "$passed" "$failed" "$skipped" "$seconds")$'\n'
done

heading "summary ($((SECONDS - started)) s)"
printf '%s' "$summary"
line="$total_passed passed, $total_failed failed"
if [ "$total_skipped" -gt 0 ]; then
    line+=", $total_skipped skipped"
fi
echo "$line"
[ "$total_failed" -eq 0 ]
