#!/bin/bash
# lint.sh [COUNTS] - runs every check of test/check, prints what each finds.
#
# A check is a script that prints its findings and ends non-zero if there are
# any; one that lacks a tool which is not asked for prints "1..0 # SKIP why" and
# ends with zero. It runs with the project's root as its folder; those that ask a server
# have one (PGHOST is set by cluster.sh). As many run at a time as there are
# processors; a check that changes anything changes what is its own.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

found=$(mktemp -d)
clean_up_with 'rm -rf "$found"'
export found

run_check() {
    local name status=0
    name=$(basename "$1" .sh)
    bash "$1" >"$found/$name" 2>&1 || status=$?
    echo "$status" >"$found/$name.status"
}
export -f run_check
run_child xargs -P "$JOBS" -I CHECK bash -c 'run_check CHECK' < <(printf '%s\n' test/check/*.sh)

passed=0 failed=0 skipped=0
for check in test/check/*.sh; do
    name=$(basename "$check" .sh)
    findings=$(cat "$found/$name")
    status=$(cat "$found/$name.status")
    if [ "$status" -eq 0 ] && [[ $findings == "1..0 # SKIP"* ]]; then
        echo "skipped $name: ${findings#1..0 # SKIP }"
        skipped=$((skipped + 1))
    elif [ "$status" -eq 0 ]; then
        echo "ok      $name"
        passed=$((passed + 1))
    else
        echo "FAILED  $name"
        printf '%s\n' "$findings"
        failed=$((failed + 1))
    fi
done
if [ -n "${1:-}" ]; then
    echo "$passed $failed $skipped" >"$1"
fi
[ "$failed" -eq 0 ]
