# photo_common.sh - what the benches of photographs share: where models and
# photographs are, and how a model comes into the database. Sourced, never run.
# Without FACESNXT_DATA the bench is left out.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

MODELS=$FACESNXT_DATA/models
LFW=$FACESNXT_DATA/faces/lfw
if [ ! -d "$LFW" ] || [ ! -d "$MODELS" ]; then
    echo "left out: no photographs or models in $FACESNXT_DATA"
    exit 0
fi

run() {
    psql -XqAt -v ON_ERROR_STOP=1 "$@"
}

# $1 role of the file, $2 NAME:RECIPE; by way of the table file (name, bytes)
load() {
    { echo 'COPY file FROM STDIN;'
      printf '%s\t\\\\x' "${2%%:*}"
      od -An -v -tx1 "$MODELS/${2%%:*}.onnx" | tr -d ' \n'
      printf '\n\\.\n'
      echo "SELECT facesnxt.load_recipe('${2##*:}', $1 => bytes, licence => 'not stated', name => name) FROM file WHERE name = '${2%%:*}';"
    } | psql -XqAt -v ON_ERROR_STOP=1 >/dev/null
}
