# facesnxt: a PostgreSQL extension built with PGXS.
#
#   make demo         install what is missing, run the main job on real photographs
#   make test         install what is missing, run every test
#   make, make install, make installcheck: as for any PGXS extension
#   make lint | fuzz | bench, and more: scripts/commands.mk

.DEFAULT_GOAL := all

EXTENSION = facesnxt
# (VERSION itself is PGXS's: the server's)
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" facesnxt.control)
MODULE_big = facesnxt

# ---- pure ring: no PostgreSQL header

BASE = src/base/base.o src/base/blas.o src/base/decimal.o src/base/template_text.o

CHAIN = src/chain/event.o src/chain/merkle.o

KERNEL = src/kernel/dispatch.o src/kernel/scalar.o src/kernel/avx2.o src/kernel/avx512.o \
	src/kernel/neon.o

CODE = src/code/cluster.o src/code/rotate.o src/code/encode.o src/code/query.o src/code/scalar.o src/code/avx2.o \
	src/code/avx512.o src/code/neon.o

# what encodes gains by -O3; without fused multiply-adds all tiers give the same codes
CODE_CFLAGS = -O3 -fno-math-errno -ffp-contract=off
$(CODE): CFLAGS += $(CODE_CFLAGS)
# loops over the words of a page become vector code
src/index/filter.o: CFLAGS += -O3

IMAGE = src/image/image.o src/image/jpeg.o src/image/encode.o src/image/enhance.o src/image/exif.o \
	src/image/hash.o src/image/still.o src/image/thumbnail.o \
	src/image/transform.o

DRAW = src/draw/draw.o src/draw/place.o src/draw/freetype.o src/draw/text.o src/draw/sheet.o src/draw/compare.o \
	src/draw/portrait.o

INFER = src/infer/conv.o src/infer/conv_general.o src/infer/conv_product.o \
	src/infer/conv_depthwise.o src/infer/conv_scalar.o src/infer/conv_neon.o \
	src/infer/conv_avx2.o src/infer/conv_avx512.o \
	src/infer/onnx.pb-c.o src/infer/heap.o src/infer/names.o src/infer/tensor.o \
	src/infer/attribute.o src/infer/graph_read.o src/infer/graph.o src/infer/fold.o src/infer/plan.o \
	src/infer/place.o src/infer/run.o \
	src/infer/stride.o src/infer/window.o src/infer/ops.o src/infer/ops_unary.o \
	src/infer/ops_binary.o src/infer/ops_shape.o src/infer/ops_constant.o src/infer/ops_move.o \
	src/infer/ops_pad.o src/infer/ops_select.o src/infer/ops_cut.o src/infer/ops_conv.o src/infer/ops_deconv.o src/infer/ops_quantize.o \
	src/infer/ops_pool.o src/infer/ops_norm.o src/infer/ops_matmul.o src/infer/ops_reduce.o \
	src/infer/ops_resize.o \
	src/infer/feed.o src/infer/head.o src/infer/head_yunet.o src/infer/head_scrfd.o \
	src/infer/head_ultraface.o src/infer/detect.o src/infer/align.o src/infer/recognise.o src/infer/quality.o

QUALITY = src/quality/assess.o src/quality/detail.o src/quality/frame.o src/quality/geometry.o src/quality/light.o

# ---- server ring

TYPE = \
	src/type/embedding.o \
	src/type/embedding_analyze.o \
	src/type/embedding_avg.o \
	src/type/embedding_cast.o \
	src/type/embedding_distance.o \
	src/type/embedding_order.o

INDEX = \
	src/index/handler.o \
	src/index/options.o \
	src/index/cost.o \
	src/index/clause.o \
	src/index/layout.o \
	src/index/meta.o \
	src/index/blob.o \
	src/index/extent.o \
	src/index/word.o \
	src/index/filter.o \
	src/index/entry.o \
	src/index/lists.o \
	src/index/build.o \
	src/index/build_sample.o \
	src/index/build_lists.o \
	src/index/build_sort.o \
	src/index/build_progress.o \
	src/index/calibrate.o \
	src/index/build_parallel.o \
	src/index/insert.o \
	src/index/scan.o \
	src/index/bounds.o \
	src/index/memory.o \
	src/index/pages.o \
	src/index/share.o \
	src/index/workers.o \
	src/index/coarse.o \
	src/index/condition.o \
	src/index/pass.o \
	src/index/guess.o \
	src/index/middle.o \
	src/index/many.o \
	src/index/recall.o \
	src/index/fine.o \
	src/index/exact.o \
	src/index/info.o \
	src/index/check.o \
	src/index/check_rows.o \
	src/index/within.o \
	src/index/vacuum.o

AUDIT = src/audit/writer.o src/audit/box.o src/audit/worker.o src/audit/change.o src/audit/chain.o \
	src/audit/image.o src/audit/shape.o src/audit/sha256.o src/audit/sql.o src/audit/proof.o src/audit/rows.o src/audit/since.o

SESSION = src/session/identity.o src/session/raise.o

DOOR = src/door/owner.o src/door/ticket.o src/door/shape.o src/door/admit.o src/door/rows.o src/door/door.o src/door/cut.o \
	src/door/wording.o src/door/reader.o

ERASE = src/erase/erase.o src/erase/wipe.o

TRACE = src/trace/faces.o

BIND = src/bind/env.o src/bind/model.o src/bind/photo.o src/bind/quality.o src/bind/sheet.o src/bind/still.o

# what the program facesnxt-verify has beside the chain's code
VERIFY = src/verify/text.o src/verify/log.o src/verify/sha256.o

PURE = $(BASE) $(CHAIN) $(KERNEL) $(CODE) $(IMAGE) $(DRAW) $(INFER) $(QUALITY)
OBJS = src/facesnxt.o src/guc.o $(PURE) $(TYPE) $(INDEX) $(AUDIT) $(SESSION) $(DOOR) $(ERASE) $(TRACE) $(BIND)

# ---- SQL: numbered parts, in this order

SQL_PARTS = \
	sql/01-schema.sql \
	sql/02-embedding.sql \
	sql/03-distance.sql \
	sql/04-index.sql \
	sql/05-recall.sql \
	sql/10-model.sql \
	sql/10-recipe.sql \
	sql/11-photo.sql \
	sql/11-quality.sql \
	sql/12-record.sql \
	sql/13-event.sql \
	sql/20-agency.sql \
	sql/20-refusal.sql \
	sql/21-policy.sql \
	sql/21-rules.sql \
	sql/22-rule-value.sql \
	sql/22-policy-change.sql \
	sql/policy/sp.sql \
	sql/policy/nm.sql \
	sql/policy/ns.sql \
	sql/policy/np.sql \
	sql/policy/mi.sql \
	sql/policy/example.sql \
	sql/23-account.sql \
	sql/23-standing.sql \
	sql/23-dossier.sql \
	sql/23-office.sql \
	sql/23-facts.sql \
	sql/23-mail.sql \
	sql/23-register.sql \
	sql/23-decide.sql \
	sql/23-training.sql \
	sql/23-status.sql \
	sql/23-unit.sql \
	sql/23-account-views.sql \
	sql/24-case.sql \
	sql/25-reference.sql \
	sql/26-judge.sql \
	sql/26-judge-account.sql \
	sql/27-gate.sql \
	sql/28-probe.sql \
	sql/28-derive.sql \
	sql/28-enhance.sql \
	sql/29-request.sql \
	sql/29-facts.sql \
	sql/29-shape.sql \
	sql/29-tests.sql \
	sql/30-audit.sql \
	sql/31-search.sql \
	sql/32-outcome.sql \
	sql/33-identify.sql \
	sql/34-capacity.sql \
	sql/35-comparison.sql \
	sql/36-review.sql \
	sql/37-corroboration.sql \
	sql/38-action.sql \
	sql/38-gate.sql \
	sql/39-report.sql \
	sql/39-due.sql \
	sql/40-person.sql \
	sql/41-view.sql \
	sql/42-exigent.sql \
	sql/43-verify.sql \
	sql/44-platform.sql \
	sql/45-public.sql \
	sql/46-ticket.sql \
	sql/47-revocation.sql \
	sql/50-pack.sql \
	sql/50-line.sql \
	sql/51-anomaly.sql \
	sql/51-substantiate.sql \
	sql/52-month.sql \
	sql/52-query.sql \
	sql/53-seal.sql \
	sql/53-sign.sql \
	sql/53-request.sql \
	sql/54-finding.sql \
	sql/55-overdue.sql \
	sql/56-statistics.sql \
	sql/57-extract.sql \
	sql/58-bundle.sql \
	sql/59-report.sql \
	sql/60-lifetime.sql \
	sql/60-reextract.sql \
	sql/60-face.sql \
	sql/61-replay.sql \
	sql/62-exactness.sql \
	sql/62-performance.sql \
	sql/63-anomaly.sql \
	sql/64-staff.sql \
	sql/65-alike.sql \
	sql/66-habit.sql \
	sql/67-impostor.sql \
	sql/68-differential.sql \
	sql/69-trial.sql \
	sql/69-setting.sql \
	sql/70-erase.sql \
	sql/71-erase-rule.sql \
	sql/71-erase-steps.sql \
	sql/72-hold.sql \
	sql/73-expunge.sql \
	sql/74-wipe.sql \
	sql/75-retention.sql \
	sql/76-sheet.sql \
	sql/77-page.sql \
	sql/78-lineup.sql \
	sql/79-quality.sql \
	sql/79-duplicate.sql \
	sql/80-log-access.sql \
	sql/81-duties.sql \
	sql/90-verify.sql \
	sql/48-tenancy.sql \
	sql/49-account-doors.sql \
	sql/91-proof.sql \
	sql/84-reader-doors.sql \
	sql/85-enrol.sql \
	sql/95-triggers.sql

DATA = $(wildcard sql/updates/*.sql) $(wildcard sql/psql/*.psql)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
SCRIPTS_built = build/facesnxt-verify

# ---- tests that `make installcheck` runs against a running server

REGRESS = embedding embedding_cast distance order avg \
	index index_order index_owner index_lists index_prefix index_many index_filter index_within index_error \
	agency policy search search_index refusal outcome immutable \
	request probe person verify platform

ISOLATION = revocation pack

REGRESS_OPTS = --inputdir=test --outputdir=build/regress --load-extension=facesnxt
ISOLATION_OPTS = --inputdir=test --outputdir=build/isolation --load-extension=facesnxt
REGRESS_PREP = output-folders

EXTRA_CLEAN = $(DATA_built) build src/infer/onnx.pb-c.c src/infer/onnx.pb-c.h

# ---- libraries: a backend must not have BLAS threads, so the serial OpenBLAS
# is loaded from its own folder when it is needed (src/base/blas.h)

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
OPENBLAS_LIB ?= /usr/lib/$(MULTIARCH)/openblas-serial
OPENBLAS_INCLUDE ?= /usr/include/$(MULTIARCH)/openblas-serial
OPENBLAS_FLAGS = -I$(OPENBLAS_INCLUDE) -DFX_OPENBLAS='"$(OPENBLAS_LIB)/libopenblas.so.0"'

# FreeType and a font are loaded when the first sheet is drawn (src/draw/freetype.h)
FREETYPE_INCLUDE ?= /usr/include/freetype2
FREETYPE_FLAGS = -I$(FREETYPE_INCLUDE)

PG_CPPFLAGS = -I$(srcdir)/src $(OPENBLAS_FLAGS) $(FREETYPE_FLAGS)
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare
SHLIB_LINK = -ljpeg -lprotobuf-c -lm

# ---- PostgreSQL: PG_CONFIG chooses one, else Debian's 15, else the PATH's

PG_CONFIG ?= $(firstword $(wildcard /usr/lib/postgresql/15/bin/pg_config) pg_config)
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else
all install installcheck clean:
	@echo "$(PG_CONFIG): no server headers; as root, run: scripts/packages.sh demo" >&2; exit 1
endif

$(DATA_built): $(SQL_PARTS) facesnxt.control Makefile
	cat $(SQL_PARTS) > $@

src/infer/onnx.pb-c.c src/infer/onnx.pb-c.h &: src/infer/onnx.proto
	protoc-c --proto_path=src/infer --c_out=src/infer src/infer/onnx.proto

# checks an exported log without a server: no header of it, and no library but libcrypto
build/facesnxt-verify: $(patsubst %.o,build/bench/%.o,src/base/base.o $(CHAIN) $(VERIFY) src/verify/main.o)
	$(BENCH_COMPILE) -o $@ $^ -lcrypto

include scripts/commands.mk
