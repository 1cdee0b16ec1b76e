#!/bin/bash
# fresh.sh [root|user|neither]... - tries the two commands on a fresh Debian 12.
#
# For each way (default: all three) a minimal Debian with git, make and sudo is
# made by debootstrap in a temporary folder, this repository's HEAD is cloned
# into it, and there
#
#   root      runs make demo and make test in a folder that nobody else can read
#   user      does the same as an ordinary user with sudo, without a terminal
#   neither   an ordinary user without sudo: make demo must say what to install
#
# Then it looks for what must not be left: processes, clusters, temporary
# files, files of another owner, changes in the clone. The system runs in
# namespaces of its own and sees nothing of this one but, read-only, the test
# data. Needs root, debootstrap, a network, 2 GB; not a part of make test.
# FRESH_BASE=folder keeps the bare system there for the next time; FRESH_ONCE=1
# leaves out the second run of the tests.

. "$(dirname "$0")/common.sh"

ways=("$@")
[ ${#ways[@]} -gt 0 ] || ways=(root user neither)
if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
    complain "it needs root and debootstrap"
    exit 1
fi

work=$(mktemp -d /var/tmp/facesnxt-fresh.XXXXXX)
forget() {
    # mounts live in the namespaces and went with them
    rm -rf --one-file-system "$work"
}
clean_up_with forget
chmod 755 "$work"
base=${FRESH_BASE:-$work/base}
if [ ! -e "$base/usr/bin/git" ]; then
    heading "debootstrap"
    debootstrap --variant=minbase --include=git,make,sudo bookworm "$base" >"$work/debootstrap.log" ||
        { tail "$work/debootstrap.log"; exit 1; }
fi
git clone -q --bare "$ROOT" "$work/facesnxt.git"

cat >"$work/outer.sh" <<'OUTER'
set -eu
system=$1 data=$2 way=$3
mount --make-rprivate /
mount -t proc proc "$system/proc"
mount -t tmpfs tmpfs "$system/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$system/dev/pts"
mkdir -p "$system/srv/data"
if [ -d "$data" ]; then
    mount --bind "$data" "$system/srv/data"
    mount -o remount,bind,ro "$system/srv/data"
fi
exec chroot "$system" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CI=true FACESNXT_DATA=/srv/data FRESH_ONCE="${FRESH_ONCE:-}" /bin/bash /srv/inner.sh "$way"
OUTER

cat >"$work/inner.sh" <<'INNER'
set -eu
way=$1 bad=0
useradd -m -s /bin/bash tester
[ "$way" != user ] || echo 'tester ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/tester
case $way in
    root) as=(env) ;;
    *) as=(runuser -u tester --) ;;
esac
mkdir -m 700 /srv/clone
[ "$way" = root ] || chown -R tester: /srv/clone /srv/facesnxt.git
"${as[@]}" git clone -q file:///srv/facesnxt.git /srv/clone/facesnxt
cd /srv/clone/facesnxt

wrong() {
    echo "WRONG ($way): $*"
    bad=1
}
look() {
    local entry name
    for entry in /proc/[0-9]*; do
        name=$(cat "$entry/comm" 2>/dev/null) || continue
        case ${entry#/proc/} in
            1 | $$ | "$BASHPID") ;;
            *) [ "$name" = bash ] || [ "$name" = cat ] || wrong "still running after $1: $name" ;;
        esac
    done
    for entry in /tmp/* /var/tmp/* /dev/shm/* /etc/postgresql-common/createcluster.d/* /etc/postgresql/*; do
        [ ! -e "$entry" ] || wrong "left after $1: $entry"
    done
    [ -z "$("${as[@]}" git status --porcelain)" ] || wrong "$1 changed the clone"
    [ "$way" = root ] || [ -z "$(find . -user root -print -quit)" ] || wrong "$1 left files of root"
}
run() {
    local started=$SECONDS status=0
    echo "---- $way: $*"
    "${as[@]}" env PATH="$PATH" "$@" </dev/null 2>&1 || status=$?
    echo "---- $way: $*: status $status, $((SECONDS - started)) s"
    return "$status"
}
if [ "$way" = neither ]; then
    ! output=$(run make demo) || wrong "make demo did not stop"
    echo "$output"
    grep -q 'apt-get install -y .*postgresql-15' <<<"$output" || wrong "no command to run"
else
    run make demo || wrong "make demo"
    look "make demo"
    run make demo || wrong "the second make demo"
    run make test || wrong "make test"
    look "make test"
    if [ -z "${FRESH_ONCE:-}" ]; then
        run make clean >/dev/null || wrong "make clean"
        run .ci/run || wrong "the second make test"
    fi
fi
look "the end"
exit "$bad"
INNER

status=0
for way in "${ways[@]}"; do
    heading "fresh Debian: $way"
    system=$work/$way
    cp -a "$base" "$system"
    cp -a "$work/facesnxt.git" "$work/inner.sh" "$system/srv/"
    chmod -R a+rX "$system/srv/facesnxt.git"
    run_child unshare --mount --pid --ipc --uts --fork --kill-child bash "$work/outer.sh" \
        "$system" "$FACESNXT_DATA" "$way" || { echo "FAILED: $way"; status=1; }
    rm -rf --one-file-system "$system"
done
exit "$status"
