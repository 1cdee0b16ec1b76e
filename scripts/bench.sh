#!/bin/bash
# bench.sh - runs the benchmarks of bench/, one after another; BENCHES="a b"
# runs some of them.
#
# NAME.c is built as the extension is (-O2, no sanitizer) with the pure ring.
# NAME.sh measures through SQL: the extension is installed and the script runs
# with a throw-away cluster of SHARED_BUFFERS (2GB); for those of the index it preloads the library, with
# SCAN_WORKERS (2) that sessions have to ask for. NAME.py compares with OpenCV (Debian's
# python3-opencv) and is left out, with a line that says so, where that is not
# installed; build/bench/ holds the programs that it may call.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

scripts/prepare.sh demo
heading "build"
make -s -j"$(nproc)" bench-programs

names=()
if [ -n "${BENCHES:-}" ]; then
    read -ra names <<<"$BENCHES"
else
    mapfile -t names < <(find bench -maxdepth 1 \( -name '*.c' -o -name '*.sh' -o -name '*.py' \) \
        -printf '%f\n' | sed 's/\.[a-z]*$//' | LC_ALL=C sort -u)
fi

status=0
clean_up_with true
for name in "${names[@]}"; do
    found=
    if [ -e "bench/$name.c" ]; then
        heading "bench $name"
        run_child "build/bench/$name" || status=1
        found=yes
    fi
    if [ -e "bench/$name.sh" ]; then
        heading "bench $name (SQL)"
        settings=(-c shared_buffers="${SHARED_BUFFERS:-2GB}")
        if [[ $name == index* ]]; then
            settings+=(-c shared_preload_libraries=facesnxt -c facesnxt.scan_workers="${SCAN_WORKERS:-2}")
        fi
        run_child scripts/cluster.sh "${settings[@]}" bash "bench/$name.sh" || status=1
        found=yes
    fi
    if [ -e "bench/$name.py" ]; then
        heading "bench $name (OpenCV)"
        # another python3 may come before Debian's, which has Debian's packages
        python=
        for candidate in python3 /usr/bin/python3; do
            if [ -z "$python" ] && "$candidate" -c 'import cv2' 2>/dev/null; then
                python=$candidate
            fi
        done
        if [ -n "$python" ]; then
            run_child "$python" "bench/$name.py" || status=1
        else
            echo "left out: OpenCV is not installed; as root, run: apt-get install python3-opencv"
        fi
        found=yes
    fi
    if [ -z "$found" ]; then
        complain "there is no bench/$name"
        status=1
    fi
done
exit "$status"
