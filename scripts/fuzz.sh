#!/bin/bash
# fuzz.sh - runs each fuzzer of test/fuzz for FUZZ_SECONDS (600), as many at a
# time as there are processors; FUZZERS="jpeg onnx" runs some of them.
#
# A fuzzer is NAME_fuzz.c, linked with the pure ring by clang under libFuzzer,
# address and undefined sanitizers. Its corpus grows in build/fuzz/NAME.corpus
# from run to run. Seeds come from test/fuzz/NAME.seeds/ (one input a file or
# NAME.seeds one input a line), and from the test data where it is there:
# jpeg, image: its JPEGs; onnx, model: its models and node tests.
# test/fuzz/NAME.dict is the fuzzer's dictionary. What a fuzzer finds is left
# in build/fuzz/NAME.findings/ and shown; the script then ends non-zero.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

seconds=${FUZZ_SECONDS:-600}
largest=262144 # bytes of a seed: larger ones only slow a fuzzer down
scripts/prepare.sh test packages
heading "build"
make -s -j"$(nproc)" fuzz-programs

names=()
if [ -n "${FUZZERS:-}" ]; then
    read -ra names <<<"$FUZZERS"
else
    for file in test/fuzz/*_fuzz.c; do
        [ ! -e "$file" ] || names+=("$(basename "$file" _fuzz.c)")
    done
fi
if [ ${#names[@]} -eq 0 ]; then
    complain "there is no test/fuzz/*_fuzz.c"
    exit 1
fi

# Prints the folders and patterns of seeds for a fuzzer in the test data.
data_seeds() {
    case $1 in
        *jpeg* | *image* | *photo*)
            find "$FACESNXT_DATA/jpeg" -type f -size -${largest}c -print 2>/dev/null || true
            ;;
        *onnx* | *model* | *infer*)
            find "$FACESNXT_DATA/onnx" -type f -name '*.onnx' -size -${largest}c 2>/dev/null || true
            ;;
    esac
}

seed() {
    local name=$1 corpus=build/fuzz/$1.corpus file number=0 line
    mkdir -p "$corpus" "build/fuzz/$name.findings"
    while read -r file; do
        # named by content: the same seed is copied once
        cp --no-clobber "$file" "$corpus/$(sha1sum <"$file" | cut -c1-40)" 2>/dev/null || true
    done < <(data_seeds "$name"; find "test/fuzz/$name.seeds/" -type f 2>/dev/null || true)
    if [ -f "test/fuzz/$name.seeds" ]; then
        while IFS= read -r line; do
            number=$((number + 1))
            printf '%s' "$line" >"$corpus/line-$number"
        done <"test/fuzz/$name.seeds"
    fi
    chmod -R u+w "$corpus"
    echo "$name: $(find "$corpus" -type f | wc -l) seeds"
}

fuzz_one() {
    local name=$1 status=0 options=()
    [ ! -e "test/fuzz/$name.dict" ] || options+=("-dict=test/fuzz/$name.dict")
    build/fuzz/"${name}_fuzz" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2560 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/$name.findings/" \
        ${options[@]+"${options[@]}"} "build/fuzz/$name.corpus" >"build/fuzz/$name.log" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "ok      $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") inputs," \
            "$(grep -oE 'cov: [0-9]+' "build/fuzz/$name.log" | tail -1)"
    else
        echo "FAILED  $name"
        grep -vE '^#[0-9]+' "build/fuzz/$name.log" | tail -n 60
        find "build/fuzz/$name.findings" -type f
    fi
    return "$status"
}

clean_up_with true
heading "seeds"
for name in "${names[@]}"; do
    seed "$name"
done
heading "fuzzing, $seconds s each: ${names[*]}"
export -f fuzz_one
export seconds
run_child xargs -P "$(nproc)" -I NAME bash -c 'fuzz_one NAME' < <(printf '%s\n' "${names[@]}")
