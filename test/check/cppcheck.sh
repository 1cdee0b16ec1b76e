# cppcheck reads the C code a second time: leaks, bounds, wrong formats. What
# it gets wrong is suppressed at the line, by a cppcheck-suppress comment that
# says why. PostgreSQL's headers are left out: cppcheck_macros.h
# stands in for the few macros of them that read like syntax. Casts from bytes
# to floats are not reported: the layout of templates and tensors is written
# out here, and little-endian IEEE 754 is asked of the machine.
. scripts/common.sh
make -s generated
mkdir -p build/cppcheck
cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
    --suppress=preprocessorErrorDirective:src/infer/onnx.pb-c.h --suppress=missingIncludeSystem --suppress=invalidPointerCast \
    --cppcheck-build-dir=build/cppcheck -j "$(nproc)" --template=gcc \
    --include=test/check/cppcheck_macros.h -D__x86_64__ -Isrc -i src/infer/onnx.pb-c.c src test bench
