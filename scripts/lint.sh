#!/bin/bash
# lint.sh [COUNTS] - runs every check of test/check, prints what each finds.
#
# A check is a script that prints its findings and ends non-zero if there are
# any. It runs with the project's root as its folder; those that ask a server
# have one (PGHOST is set by cluster.sh).

. "$(dirname "$0")/common.sh"
cd "$ROOT"

passed=0 failed=0
for check in test/check/*.sh; do
    name=$(basename "$check" .sh)
    status=0
    findings=$(bash "$check" 2>&1) || status=$?
    if [ "$status" -eq 0 ]; then
        echo "ok      $name"
        passed=$((passed + 1))
    else
        echo "FAILED  $name"
        printf '%s\n' "$findings"
        failed=$((failed + 1))
    fi
done
if [ -n "${1:-}" ]; then
    echo "$passed $failed 0" >"$1"
fi
[ "$failed" -eq 0 ]
