# facesnxt: a PostgreSQL extension built with PGXS.
#
#   make demo         install what is missing, run the main job on real photographs
#   make test         install what is missing, run every test
#   make, make install, make installcheck: as for any PGXS extension
#   make lint | fuzz | bench

EXTENSION = facesnxt
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" facesnxt.control)
MODULE_big = facesnxt

# ---- pure ring: no PostgreSQL header

BASE = src/base/base.o src/base/decimal.o src/base/template_text.o

KERNEL = src/kernel/dispatch.o src/kernel/scalar.o src/kernel/avx2.o src/kernel/avx512.o \
	src/kernel/neon.o

IMAGE =

INFER =

# ---- server ring

TYPE = \
	src/type/embedding.o \
	src/type/embedding_analyze.o \
	src/type/embedding_avg.o \
	src/type/embedding_cast.o \
	src/type/embedding_distance.o \
	src/type/embedding_order.o

AUDIT = src/audit/writer.o src/audit/worker.o

SESSION = src/session/identity.o src/session/raise.o

BIND =

PURE = $(BASE) $(KERNEL) $(IMAGE) $(INFER)
OBJS = src/facesnxt.o src/guc.o $(PURE) $(TYPE) $(AUDIT) $(SESSION) $(BIND)

# ---- SQL: numbered parts, in this order

SQL_PARTS = \
	sql/01-schema.sql \
	sql/02-embedding.sql \
	sql/03-distance.sql \
	sql/20-agency.sql \
	sql/21-case.sql \
	sql/22-reference.sql \
	sql/23-gate.sql \
	sql/30-audit.sql \
	sql/31-search.sql \
	sql/32-outcome.sql \
	sql/33-identify.sql

DATA = $(wildcard sql/updates/*.sql)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

# ---- tests that `make installcheck` runs against a running server

REGRESS = embedding embedding_cast distance order avg \
	agency search refusal outcome immutable

ISOLATION = revocation

REGRESS_OPTS = --inputdir=test --load-extension=facesnxt
ISOLATION_OPTS = --inputdir=test --load-extension=facesnxt

EXTRA_CLEAN = $(DATA_built) build src/infer/onnx.pb-c.c src/infer/onnx.pb-c.h

# ---- libraries: a backend must not have BLAS threads, so the serial OpenBLAS
# is linked by its own folder and found there at run time

MULTIARCH := $(shell $(CC) -print-multiarch)
OPENBLAS_LIB ?= /usr/lib/$(MULTIARCH)/openblas-serial
OPENBLAS_INCLUDE ?= /usr/include/$(MULTIARCH)/openblas-serial

PG_CPPFLAGS = -I$(srcdir)/src -I$(OPENBLAS_INCLUDE)
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare
SHLIB_LINK = -L$(OPENBLAS_LIB) -Wl,-rpath,$(OPENBLAS_LIB) -lopenblas -ljpeg -lprotobuf-c -lm

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(DATA_built): $(SQL_PARTS) facesnxt.control
	cat $(SQL_PARTS) > $@

src/infer/onnx.pb-c.c src/infer/onnx.pb-c.h: src/infer/onnx.proto
	protoc-c --proto_path=src/infer --c_out=src/infer src/infer/onnx.proto
