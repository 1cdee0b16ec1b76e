#!/bin/bash
# prepare.sh LEVEL - packages, build, install: what demo and test start with.
#
# Building never needs root; installing uses it only where the server's
# folders are not writable and something has changed since the last time.

. "$(dirname "$0")/common.sh"
cd "$ROOT"

level=${1:-demo}
upto=${2:-install}

heading "packages"
scripts/packages.sh "$level"
[ "$upto" != packages ] || exit 0

heading "build"
make -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" all
echo "built for $("$PG_CONFIG" --version)"
[ "$upto" != build ] || exit 0

heading "install"
extension_folder=$("$PG_CONFIG" --sharedir)/extension
library_folder=$("$PG_CONFIG" --pkglibdir)

installed() {
    local file
    cmp -s facesnxt.so "$library_folder/facesnxt.so" || return 1
    for file in facesnxt.control facesnxt--*.sql sql/updates/*.sql; do
        [ ! -e "$file" ] || cmp -s "$file" "$extension_folder/$(basename "$file")" || return 1
    done
}

if installed; then
    echo "already there: $library_folder/facesnxt.so"
elif [ -w "$extension_folder" ] && [ -w "$library_folder" ]; then
    make -s PG_CONFIG="$PG_CONFIG" install
elif prefix=$(root_prefix); then
    # shellcheck disable=SC2086 # the prefix is several words or none
    $prefix make -s PG_CONFIG="$PG_CONFIG" install
else
    complain "$library_folder is not writable, and neither root nor sudo is at hand. As root, run:

    make -C $ROOT PG_CONFIG=$PG_CONFIG install
"
    exit 1
fi
