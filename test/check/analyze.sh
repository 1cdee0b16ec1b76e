# clang's static analyser walks the paths of the pure ring, which reads bytes
# from strangers: null pointers, dead stores, memory used after release.
. scripts/common.sh
make -s generated
include=$(make -s print-OPENBLAS_INCLUDE)
freetype=$(make -s print-FREETYPE_INCLUDE)
export include freetype

# Of a loop it follows four passes. fold.c has one of which each pass leaves
# hundreds of ways to the next: there two, or it alone takes minutes.
analyze() {
    local passes=4
    [ "$1" != src/infer/fold.c ] || passes=2
    "$CLANG" --analyze --analyzer-output text -Xclang -analyzer-werror -Xclang -analyzer-max-loop -Xclang "$passes" \
        -std=gnu99 -D_GNU_SOURCE -Isrc "-I$include" "-I$freetype" "$1"
}
export -f analyze
project_files -name '*.c' | grep -E '^src/(base|kernel|image|draw|infer|quality)/' |
    xargs -r -P "$(nproc)" -I FILE bash -c 'analyze FILE'
