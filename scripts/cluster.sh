#!/bin/bash
# cluster.sh [-c setting=value]... command [argument]... - runs a command with
# a throw-away PostgreSQL cluster, whose exit status it returns.
#
# The cluster lives in a temporary folder, listens on a Unix socket there and
# on nothing else, and is stopped and deleted however the command ends. The
# server never runs as root: for root it runs as user postgres. The command
# finds PGHOST, PGPORT, PGUSER (the superuser "postgres") and PGDATABASE set.
#
# Sourced, it gives cluster_start [-c setting=value]... and cluster_stop.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

CLUSTER=

# Runs one of the server's programs as the user that owns the cluster, in the
# cluster's folder: that user may be unable to enter the caller's.
cluster_program() {
    local program
    program=$("$PG_CONFIG" --bindir)/$1
    shift
    (
        cd "$CLUSTER"
        if [ "$(id -u)" -eq 0 ]; then
            exec runuser -u postgres -- "$program" "$@"
        else
            exec "$program" "$@"
        fi
    )
}

cluster_start() {
    local base=${TMPDIR:-/tmp}

    # a socket's path is limited to 107 bytes, the name in it takes 14
    if [ ${#base} -gt 60 ]; then
        base=/tmp
    fi
    if [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; then
        complain "a server does not run as root, and there is no user \"postgres\" to run it as"
        return 1
    fi
    CLUSTER=$(mktemp -d "$base/facesnxt.XXXXXX")
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres: "$CLUSTER"
    fi

    unset PGDATA PGOPTIONS PGSERVICE PGSERVICEFILE PGPASSFILE PGPASSWORD PGHOSTADDR PGSSLMODE PGAPPNAME
    export PGHOST=$CLUSTER PGPORT=5432 PGUSER=postgres PGDATABASE=postgres

    if ! cluster_program initdb --pgdata="$CLUSTER/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C --no-sync >"$CLUSTER/initdb.log" 2>&1; then
        cat "$CLUSTER/initdb.log" >&2
        return 1
    fi
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$CLUSTER'"
        echo "unix_socket_permissions = 0700"
        while [ "${1:-}" = -c ]; do
            echo "${2%%=*} = '${2#*=}'"
            shift 2
        done
    } >>"$CLUSTER/data/postgresql.conf"
    if ! cluster_program pg_ctl --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log" --silent \
        --wait --timeout=120 start </dev/null; then
        cat "$CLUSTER/server.log" >&2
        return 1
    fi
}

cluster_stop() {
    [ -n "$CLUSTER" ] || return 0
    if [ -e "$CLUSTER/data/postmaster.pid" ]; then
        cluster_program pg_ctl --pgdata="$CLUSTER/data" --silent --mode=fast --timeout=60 stop ||
            cluster_program pg_ctl --pgdata="$CLUSTER/data" --silent --mode=immediate --timeout=60 stop || true
    fi
    rm -rf "$CLUSTER"
    CLUSTER=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    settings=()
    while [ "${1:-}" = -c ]; do
        settings+=(-c "$2")
        shift 2
    done
    if [ $# -eq 0 ]; then
        complain "usage: cluster.sh [-c setting=value]... command [argument]..."
        exit 2
    fi
    clean_up_with cluster_stop
    cluster_start ${settings[@]+"${settings[@]}"}
    run_child "$@"
fi
