# facesnxt: a PostgreSQL extension built with PGXS.
#
#   make demo         install what is missing, run the main job on real photographs
#   make test         install what is missing, run every test
#   make, make install, make installcheck: as for any PGXS extension
#   make lint | fuzz | bench

EXTENSION = facesnxt
VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" facesnxt.control)
MODULE_big = facesnxt

# ---- pure ring: no PostgreSQL header

BASE = src/base/base.o

KERNEL = src/kernel/dispatch.o src/kernel/scalar.o src/kernel/avx2.o src/kernel/avx512.o \
	src/kernel/neon.o

IMAGE =

INFER = src/infer/conv.o src/infer/conv_general.o src/infer/conv_product.o \
	src/infer/conv_depthwise.o src/infer/conv_scalar.o src/infer/conv_neon.o \
	src/infer/conv_avx2.o src/infer/conv_avx512.o \
	src/infer/onnx.pb-c.o src/infer/heap.o src/infer/names.o src/infer/tensor.o \
	src/infer/attribute.o src/infer/graph.o src/infer/fold.o src/infer/plan.o src/infer/run.o \
	src/infer/stride.o src/infer/window.o src/infer/ops.o src/infer/ops_unary.o \
	src/infer/ops_binary.o src/infer/ops_shape.o src/infer/ops_move.o src/infer/ops_cut.o src/infer/ops_conv.o \
	src/infer/ops_pool.o src/infer/ops_norm.o src/infer/ops_matmul.o src/infer/ops_reduce.o \
	src/infer/ops_resize.o

# ---- server ring

TYPE =

AUDIT =

SESSION =

BIND =

PURE = $(BASE) $(KERNEL) $(IMAGE) $(INFER)
OBJS = src/facesnxt.o src/guc.o $(PURE) $(TYPE) $(AUDIT) $(SESSION) $(BIND)

# ---- SQL: numbered parts, in this order

SQL_PARTS = \
	sql/01-schema.sql

DATA = $(wildcard sql/updates/*.sql)
DATA_built = $(EXTENSION)--$(VERSION).sql

# ---- tests that `make installcheck` runs against a running server

REGRESS =

ISOLATION =

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

src/infer/onnx.pb-c.c: src/infer/onnx.proto
	protoc-c --proto_path=src/infer --c_out=src/infer src/infer/onnx.proto
src/infer/onnx.pb-c.h: src/infer/onnx.pb-c.c ;

# the graph's structures hold what the parser made, so its header comes first
$(filter src/infer/%,$(INFER)): src/infer/onnx.pb-c.h
