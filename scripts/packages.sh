#!/bin/bash
# packages.sh LEVEL - installs what is missing of Debian's packages.
#
#   demo   what building, installing and running needs
#   test   that, and what the tests and checks need
#
# A second run finds everything there and calls no apt. Installing Debian's
# server would make and start a cluster of its own; a drop-in prevents that
# while the package is being installed for the first time, and goes afterwards.
# A server that was there before is never touched.

. "$(dirname "$0")/common.sh"

level=${1:-demo}

# the version of a server of Debian's that PG_CONFIG names
version=$(sed -n 's,.*/postgresql/\([0-9][0-9]*\)/bin/pg_config$,\1,p' <<<"$PG_CONFIG")
version=${version:-15}

# package                    why
demo_packages="
gcc                          the compiler
libc6-dev                    its C library
postgresql-$version                the server
postgresql-server-dev-$version     its headers and PGXS
libopenblas-serial-dev       matrix products, without threads
libjpeg62-turbo-dev          photographs
libprotobuf-c-dev            ONNX files
libfreetype-dev              text on sheets
fonts-dejavu-core            its font
libssl-dev                   SHA-256 for facesnxt-verify
protobuf-c-compiler          turns the ONNX message subset into C
"
test_packages="
perl                         runs the test harness (TAP::Harness)
libipc-run-perl              TAP tests: PostgreSQL::Test needs IPC::Run
postgresql-$version-pgtap          pgTAP tests
postgresql-$version-plpgsql-check  checks every plpgsql function
cppcheck                     a second opinion on the C code
$CLANG                     static analysis and fuzzers
libclang-rt-${CLANG#clang-}-dev           the sanitizers of clang
shellcheck                   checks the scripts
"

case $level in
    demo) wanted=$demo_packages ;;
    test) wanted=$demo_packages$test_packages ;;
    *) complain "the level is demo or test, not \"$level\""; exit 2 ;;
esac
mapfile -t names < <(awk 'NF { print $1 }' <<<"$wanted")

missing_packages() {
    local installed
    # it fails when it knows nothing of one of them
    installed=$({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${names[@]}" 2>/dev/null || true; } |
        awk '$1 == "installed" { print $2 }')
    grep -vxF -f <(printf '%s\n' "$installed") <(printf '%s\n' "${names[@]}") || true
}

if ! command -v dpkg-query >/dev/null; then
    complain "this is not Debian: install by hand what corresponds to: ${names[*]}"
    exit 1
fi
mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -eq 0 ]; then
    echo "all ${#names[@]} packages are there"
    exit 0
fi
echo "missing: ${missing[*]}"

if ! prefix=$(root_prefix); then
    complain "these packages must be installed, and neither root nor sudo is at hand. As root, run:

    apt-get update && apt-get install -y --no-install-recommends ${missing[*]}
"
    exit 1
fi
as_root() {
    # shellcheck disable=SC2086 # the prefix is several words or none
    $prefix env DEBIAN_FRONTEND=noninteractive "$@"
}

drop_in_folder=/etc/postgresql-common/createcluster.d
drop_in=$drop_in_folder/facesnxt-install.conf
remove_drop_in() {
    if [ -e "$drop_in" ]; then
        as_root rm -f "$drop_in"
        if [ -n "${made_folder:-}" ]; then
            as_root rmdir --ignore-fail-on-non-empty "$drop_in_folder"
        fi
    fi
}
if printf '%s\n' "${missing[@]}" | grep -qx "postgresql-$version"; then
    clean_up_with remove_drop_in
    [ -d "$drop_in_folder" ] || made_folder=yes
    as_root mkdir -p "$drop_in_folder"
    echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
fi

apt_options=(-y --no-install-recommends -o DPkg::Lock::Timeout=600)
update() {
    as_root apt-get -qq -o DPkg::Lock::Timeout=600 update
}
install_missing() {
    as_root apt-get -qq "${apt_options[@]}" install "${missing[@]}"
}

# The lists of packages are fetched when one of them is unknown, or when an
# install failed, as it does with lists that are too old.
known=$(apt-cache policy "${missing[@]}" 2>/dev/null | grep -c '^  Candidate: [^(]' || true)
if [ "$known" -ne ${#missing[@]} ]; then
    update
    install_missing
else
    install_missing || { update && install_missing; }
fi

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ]; then
    complain "still missing after apt-get: ${missing[*]}"
    exit 1
fi
