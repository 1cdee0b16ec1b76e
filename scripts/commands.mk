# commands.mk - the commands of this folder beside PGXS's own.
#
#   demo                     the main job; FACESNXT_DATA=dir, or PHOTOS=dir DETECTOR=file RECOGNISER=file
#   test                     every suite, then a summary
#   unit check-regress check-isolation check-tap check-pgtap lint      one suite each
#   patient                  the index, its server killed (ROUNDS=56) and under many clients (SECONDS_OF_WORK=600)
#   fuzz                     FUZZ_SECONDS=600 for each fuzzer, FUZZERS="a b" for some
#   conformance              the ONNX project's node tests: a table by operator; fails when one fails
#   bench                    BENCHES="a b" for some
#
# And how the pure ring is built without PostgreSQL, in three flavours under
# build/: asan (unit tests), fuzz (clang's libFuzzer), bench (as installed).
# Tests, fuzzers and benchmarks are picked up by the name of their file.

.PHONY: demo test patient conformance unit check-regress check-isolation check-tap check-pgtap lint fuzz bench
.PHONY: packages test-packages output-folders unit-programs fuzz-programs bench-programs generated

export FACESNXT_DATA PHOTOS DETECTOR RECOGNISER FUZZ_SECONDS FUZZERS BENCHES

demo:
	@scripts/prepare.sh demo
	@scripts/cluster.sh scripts/demo.sh

test:
	@scripts/test.sh

unit lint:
	@scripts/test.sh $@

check-regress check-isolation check-tap check-pgtap:
	@scripts/test.sh $(@:check-%=%)

patient:
	@ROUNDS=$(or $(ROUNDS),56) SECONDS_OF_WORK=$(or $(SECONDS_OF_WORK),600) \
		TAP_TESTS="test/t/30_index_crash.pl test/t/31_index_concurrent.pl" scripts/test.sh tap

fuzz:
	@scripts/fuzz.sh

bench:
	@scripts/bench.sh

conformance:
	@scripts/conformance.sh

packages:
	@scripts/packages.sh demo

test-packages:
	@scripts/packages.sh test

# pg_regress makes the last folder of a path only
output-folders:
	@mkdir -p build

# ---- the generated message code comes first, wherever it is compiled

GENERATED = $(if $(filter %/onnx.pb-c.o,$(PURE)),src/infer/onnx.pb-c.h)
$(OBJS) $(OBJS:.o=.bc): | $(GENERATED)
generated: $(GENERATED)

# PGXS knows no dependencies on headers: any change of one rebuilds all
$(OBJS) $(OBJS:.o=.bc): $(filter-out $(GENERATED),$(wildcard src/*.h src/*/*.h))

# ---- flavours of the pure ring

PURE_FLAGS = -std=gnu99 -D_GNU_SOURCE -g -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Isrc $(OPENBLAS_FLAGS) $(FREETYPE_FLAGS) -MMD -MP
PURE_LIBS = -ljpeg -lprotobuf-c -lcrypto -lm
CLANG ?= clang-14
FUZZ_CC ?= $(CLANG)

# gcc 14 misplaces vectors of 64 bytes in the frames by which it finds what is used after return
ASAN_COMPILE = gcc -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	--param asan-use-after-return=0 $(PURE_FLAGS)
FUZZ_COMPILE = $(FUZZ_CC) -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all $(PURE_FLAGS)
BENCH_COMPILE = gcc -O2 $(PURE_FLAGS)

build/asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(ASAN_COMPILE) -c -o $@ $<

build/fuzz/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(FUZZ_COMPILE) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

build/bench/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -c -o $@ $<

$(addprefix build/asan/,$(CODE)): ASAN_COMPILE += $(CODE_CFLAGS)
$(addprefix build/bench/,$(CODE)): BENCH_COMPILE += $(CODE_CFLAGS)

build/asan/libpure.a: $(addprefix build/asan/,$(PURE) $(VERIFY))
build/fuzz/libpure.a: $(addprefix build/fuzz/,$(PURE) $(VERIFY))
build/bench/libpure.a: $(addprefix build/bench/,$(PURE) $(VERIFY))
build/asan/libpure.a build/fuzz/libpure.a build/bench/libpure.a:
	@rm -f $@
	ar rcs $@ $^

UNIT_PROGRAMS = $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/*_test.c))
FUZZ_PROGRAMS = $(patsubst test/fuzz/%.c,build/fuzz/%,$(wildcard test/fuzz/*_fuzz.c))
BENCH_PROGRAMS = $(patsubst bench/%.c,build/bench/%,$(wildcard bench/*.c bench/tool/*.c))

unit-programs: $(UNIT_PROGRAMS)
fuzz-programs: $(FUZZ_PROGRAMS)
bench-programs: $(BENCH_PROGRAMS)

build/unit/%: build/asan/test/unit/%.o build/asan/libpure.a
	@mkdir -p $(@D)
	$(ASAN_COMPILE) -o $@ $^ $(PURE_LIBS)

build/fuzz/%: build/fuzz/test/fuzz/%.o build/fuzz/libpure.a
	$(FUZZ_COMPILE) -fsanitize=fuzzer,address,undefined -o $@ $^ $(PURE_LIBS)

# called by test/check/compare_opencv.py
build/bench/run_model: build/bench/test/check/run_model.o build/bench/libpure.a
	$(BENCH_COMPILE) -o $@ $^ $(PURE_LIBS)

build/bench/%: build/bench/bench/%.o build/bench/libpure.a
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -o $@ $^ $(PURE_LIBS)

.SECONDARY: $(patsubst %.c,build/asan/%.o,$(wildcard test/unit/*_test.c)) \
	$(patsubst %.c,build/fuzz/%.o,$(wildcard test/fuzz/*_fuzz.c)) \
	$(patsubst %.c,build/bench/%.o,$(wildcard bench/*.c bench/tool/*.c))

-include $(patsubst %.o,build/asan/%.d,$(PURE)) $(patsubst %.o,build/fuzz/%.d,$(PURE))
-include $(patsubst %.o,build/bench/%.d,$(PURE) $(VERIFY) src/verify/main.o) $(wildcard build/*/test/*/*.d build/bench/bench/*.d)

# The value of a variable, for scripts: make -s print-REGRESS
print-%:
	@echo $($*)
