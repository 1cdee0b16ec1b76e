# clang's static analyser walks the paths of the pure ring, which reads bytes
# from strangers: null pointers, dead stores, memory used after release.
. scripts/common.sh
make -s generated
project_files -name '*.c' | grep -E '^src/(base|kernel|image|infer)/' |
    xargs -r -P "$(nproc)" -I FILE clang-14 --analyze --analyzer-output text -Xclang -analyzer-werror \
        -std=gnu99 -Isrc "-I$(make -s print-OPENBLAS_INCLUDE)" FILE
