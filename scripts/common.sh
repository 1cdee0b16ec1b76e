# common.sh - what every script here shares: where things are, how to become
# root, how to run a child so that a signal reaches it.  Sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A caller may name another PostgreSQL; else Debian's 15, which packages.sh installs.
export PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}

# The clang of Debian 12; another Debian has another.
export CLANG=${CLANG:-clang-14}

# Test data: absolute, because some suites run in another folder. Where it is
# absent, what needs it says so and skips.
FACESNXT_DATA=${FACESNXT_DATA:-$ROOT/../shared/data}
if [ -d "$FACESNXT_DATA" ]; then
    FACESNXT_DATA=$(cd "$FACESNXT_DATA" && pwd)
fi
export FACESNXT_DATA

# A make above must not hand its job slots and flags down to the makes here.
unset MAKEFLAGS MAKELEVEL MFLAGS

# How many tests or checks run at a time; each server of theirs takes memory.
JOBS=${JOBS:-$(nproc)}
[ "$JOBS" -le 4 ] || JOBS=4
export JOBS

# Output of other programs is read here, so it is asked for in English; what is
# installed must be readable for the server's user.
export LC_ALL=C.UTF-8
# PostgreSQL::Test forgets LC_ALL, and its clusters are to be UTF-8 all the same
export LANG=C.UTF-8
unset LANGUAGE
umask 022

heading() {
    printf '\n==== %s\n' "$*"
}

complain() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
}

# How to become root: prints nothing for root itself, the sudo command for
# someone who may use it; fails where neither works. A password is asked for
# only where somebody can type one.
root_prefix() {
    if [ "$(id -u)" -eq 0 ]; then
        return 0
    fi
    command -v sudo >/dev/null || return 1
    if sudo -n true 2>/dev/null; then
        echo "sudo -n"
    elif [ -t 0 ] && [ -z "${CI:-}" ]; then
        echo sudo
    else
        return 1
    fi
}

# Runs a command in a process group of its own and returns its status. The
# shell waits instead of being blocked, so that its traps run at once, and
# end_child can end the whole group.
CHILD=
run_child() {
    local status=0
    set -m
    "$@" <&0 &
    CHILD=$!
    set +m
    wait "$CHILD" || status=$?
    CHILD=
    return "$status"
}

end_child() {
    if [ -n "$CHILD" ] && kill -TERM -- "-$CHILD" 2>/dev/null; then
        # a child that has clean-up of its own gets time for it
        for _ in $(seq 1 150); do
            kill -0 -- "-$CHILD" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$CHILD" 2>/dev/null || true
    fi
    CHILD=
}

# $1 is a function that cleans up: it runs once, however the script ends.
clean_up_with() {
    # shellcheck disable=SC2064 # the name is meant to be expanded now
    trap "status=\$?; trap '' INT TERM HUP; end_child; $1; exit \$status" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

# The files of the project that people write, relative to ROOT, one per line.
# find and not git: a tarball and another user's clone are checked too.
project_files() {
    (cd "$ROOT" && find . \( -name .git -o -path ./build -o -path ./results -o -name tmp_check \) -prune \
        -o -type f "$@" -print |
        grep -vE '\.(o|bc|so|d|pyc)$|/onnx\.pb-c\.|^\./facesnxt--[^/]*\.sql$' | sed 's,^\./,,' | LC_ALL=C sort)
}
