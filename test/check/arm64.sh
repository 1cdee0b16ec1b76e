#!/bin/sh
#
# The kernels' unit test on arm64, the proof that the NEON tier works: cross
# compiles it and runs it under emulation of the processor (about a minute).
#
#		test/check/arm64.sh
#
# On Debian: apt-get install gcc-aarch64-linux-gnu qemu-user
# Skips, with a line that says so, where one of the two is missing.  On an
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

# static, so that the emulator needs no arm64 libraries
"$compiler" -std=gnu99 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -Isrc \
	test/unit/kernel_test.c src/kernel/*.c src/base/base.c -lm -o "$folder/kernel_test"
"$emulator" "$folder/kernel_test" >"$folder/output" || status=$?
cat "$folder/output"
if [ -n "$status" ]; then
	exit "$status"
fi
if ! grep -q '^ok .* neon: every half to float' "$folder/output"; then
	echo "the NEON tier was not tested"
	exit 1
fi
