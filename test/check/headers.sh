# Each header compiles alone: it includes what it uses, so that the order of
# includes in a file means nothing. Headers of the server ring may count on
# postgres.h, which by PostgreSQL's rule every file of it includes first.
#
# Without an include guard a file is a fragment, included several times on
# purpose; it says so by "includes this after" and what must be defined before.
. scripts/common.sh
make -s generated
status=0
while read -r header; do
    flags="-std=gnu99 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc -I$(make -s print-OPENBLAS_INCLUDE) -I$(make -s print-FREETYPE_INCLUDE)"
    if ! grep -qE '^#ifndef F(X|ACESNXT)_[A-Z0-9_]+_H$' "$header"; then
        if ! grep -q 'includes this after' "$header"; then
            echo "$header: no include guard FX_..._H"
            status=1
        fi
        continue
    fi
    first=
    case $header in
        src/base/* | src/kernel/* | src/code/* | src/image/* | src/draw/* | src/infer/* | src/quality/* | test/*) ;;
        *)
            flags+=" -isystem $("$PG_CONFIG" --includedir-server) -Wno-unused-parameter -Wno-sign-compare"
            first='#include "postgres.h"'
            ;;
    esac
    # shellcheck disable=SC2086 # words
    printf '%s\n#include "%s"\n' "$first" "$ROOT/$header" | gcc $flags -x c - || status=1
done < <(project_files -name '*.h')
exit "$status"
