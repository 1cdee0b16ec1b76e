# Warnings are errors, by both compilers: gcc builds the module, clang builds
# the bitcode that goes with it and the fuzzers. Optimised, because some
# warnings (use before initialisation, overflow) come from the optimiser.
# The server ring takes PostgreSQL's headers as system headers, so that only
# this project's own lines are judged. A function that stands in a table (of
# operators, of inner loops) need not use every parameter of its kind.
. scripts/common.sh
make -s generated
flags="-O2 -Wall -Wextra -Werror -Wno-unused-parameter -Isrc -I$(make -s print-OPENBLAS_INCLUDE) -I$(make -s print-FREETYPE_INCLUDE) -D_GNU_SOURCE"
server="$flags -Wno-sign-compare -isystem $("$PG_CONFIG" --includedir-server)"

compile() { # flags on the command line, files on standard input
    for compiler in gcc "$CLANG"; do
        # shellcheck disable=SC2086 # words
        xargs -r -P "$(nproc)" -I FILE $compiler $1 -c -o /dev/null FILE <"$files"
    done
}
files=$(mktemp)
trap 'rm -f "$files"' EXIT

project_files -name '*.c' | grep -E '^(src/(base|kernel|image|infer|quality)|test/unit|test/fuzz|bench)/' >"$files"
compile "-std=gnu99 $flags"
project_files -name '*.c' | grep -E '^src/' | grep -vE '^src/(base|kernel|image|infer|quality)/' >"$files"
compile "-std=gnu99 $server"
