#!/bin/bash
# conformance.sh - the ONNX project's node tests of FACESNXT_DATA, counted by
# operator, and why those that do not apply do not. Ends non-zero when one fails,
# or when there are none.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

scripts/prepare.sh demo packages
make -s build/unit/onnx_conformance_test
if [ ! -d "$FACESNXT_DATA/onnx" ]; then
    complain "there are no node tests at $FACESNXT_DATA/onnx: set FACESNXT_DATA to the folder of test data"
    exit 1
fi
status=0
output=$(build/unit/onnx_conformance_test 2>&1) || status=$?
# the facts that failed, with what was said about them, and then the table
grep -E '^not ok|^# test_|^# element' <<<"$output" || true
sed -n '/^# operator /,$ s/^# //p' <<<"$output"
exit "$status"
