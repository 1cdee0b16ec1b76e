#!/bin/sh
#
# The unit tests of whatever has a NEON tier (kernels, codes, convolutions) on
# arm64: cross compiles them and runs them under emulation of the processor
# (seven minutes).
#
#		test/check/arm64.sh
#
# On Debian: apt-get install gcc-aarch64-linux-gnu qemu-user
# Skips, with a line that says so, where one of the two is missing.  Those of
# convolutions need OpenBLAS for arm64 as well: ARM64_LIBRARIES names the folders
# of its libopenblas.so.0 and of what that needs, separated by colons.  On an
# arm64 machine the unit tests themselves test NEON.

set -e
cd "$(dirname "$0")/../.."

compiler=${ARM64_CC:-aarch64-linux-gnu-gcc}
emulator=${ARM64_EMULATOR:-qemu-aarch64}

for tool in "$compiler" "$emulator"; do
	if ! command -v "$tool" >/dev/null; then
		echo "1..0 # SKIP $tool is not installed"
		exit 0
	fi
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# $1 the test, $2 the files that it needs; then what the emulator is told.  The header of OpenBLAS is the
# same on all machines.
run() {
	name=$1
	sources=$2
	shift 2
	# shellcheck disable=SC2086
	"$compiler" -std=gnu99 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Isrc \
		-idirafter /usr/include/x86_64-linux-gnu/openblas-serial \
		"test/unit/$name.c" $sources src/kernel/*.c src/base/base.c src/base/blas.c -lm -ldl -o "$folder/$name"
	echo "# $name"
	"$emulator" -L /usr/aarch64-linux-gnu "$@" "$folder/$name" >"$folder/output" || status=$?
	cat "$folder/output"
	if ! grep -q '^ok .*neon' "$folder/output"; then
		echo "not ok - the NEON tier was not tested"
		status=1
	fi
}

status=0
run kernel_test ''
run code_test "$(echo src/code/*.c)"
if [ -n "$ARM64_LIBRARIES" ]; then
	run conv_test "$(echo src/infer/conv*.c)" -E "LD_LIBRARY_PATH=$ARM64_LIBRARIES"
else
	echo "# conv_test left out: ARM64_LIBRARIES names no OpenBLAS"
fi
exit "$status"
