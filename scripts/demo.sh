#!/bin/bash
# demo.sh - the main job on real photographs, inside a throw-away cluster.
#
# One photograph of every person is enrolled, another of everyone who has two
# is searched for, and what the searches recorded is turned into the figures of
# ISO/IEC 19795. Then one investigator's session is shown.
#
#   FACESNXT_DATA   folder with faces/lfw and models (default ../shared/data)
#   PHOTOS          a folder of one's own: PERSON/PHOTO.jpg
#   DETECTOR, RECOGNISER   ONNX files of one's own
#
# Without photographs or models the same session runs on generated templates, with drawn portraits of nobody.
# The sheets of the search that is shown are left in build/demo.

. "$(dirname "$0")/common.sh"
here=$ROOT/scripts/demo

photos=${PHOTOS:-$FACESNXT_DATA/faces/lfw}
detector=${DETECTOR:-$FACESNXT_DATA/models/yunet_n_320_320.onnx}
recogniser=${RECOGNISER:-$FACESNXT_DATA/models/mobilefacenet.kennethwang.onnx}
sessions=$(nproc)
[ "$sessions" -le 4 ] || sessions=4

sql() {
    psql -X -q -v ON_ERROR_STOP=1 "$@"
}

# Milliseconds since the epoch, and a rate from a count and a start.
now_ms() {
    date +%s%3N
}
rate() {
    awk -v n="$1" -v ms="$(($(now_ms) - $2))" 'BEGIN { printf "%.0f", n * 1000 / (ms + 1) }'
}

# A file's bytes as base64 on stdin of psql would need a type; COPY takes hex.
load_model() {
    local name=$1 kind=$2 file=$3
    {
        echo 'COPY demo.file (name, bytes) FROM STDIN;'
        printf '%s\t\\\\x' "$name"
        od -An -v -tx1 "$file" | tr -d ' \n'
        printf '\n\\.\n'
        # the preparation of the pixels is stated where it is not the family's usual one
        if [[ $file == *mobilefacenet.kennethwang.onnx ]]; then
            echo "SELECT facesnxt.load_model(name, '$kind', bytes, 'not stated', channel_order => 'BGR') FROM demo.file WHERE name = '$name';"
        else
            echo "SELECT facesnxt.load_model(name, '$kind', bytes, 'not stated') FROM demo.file WHERE name = '$name';"
        fi
    } | sql -At | sed "s,^,$kind $(basename "$file")  fingerprint ,"
}

# $1 SQL run by each session with :part and :parts set; $2 role; $3 a query that counts what is done; $4 of how many.
in_sessions() {
    local statement=$1 role=$2 counter=$3 total=$4 part pids=() pid status=0
    for ((part = 0; part < sessions; part++)); do
        sql -U "$role" -v part="$part" -v parts="$sessions" -f "$statement" >/dev/null &
        pids+=($!)
    done
    while sleep 4 && kill -0 "${pids[@]}" 2>/dev/null; do
        echo "  $(sql -U postgres -Atc "$counter") of $total"
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || status=$?
    done
    return "$status"
}

heading "a new database"
sql -f "$here/prepare.sql"
echo "extension facesnxt $(sql -Atc "SELECT extversion FROM pg_extension WHERE extname = 'facesnxt'"), agency, purposes, a case, an investigator"

if [ -d "$photos" ] && [ -e "$detector" ] && [ -e "$recogniser" ]; then
    heading "models"
    load_model detector detector "$detector"
    load_model recogniser recogniser "$recogniser"

    heading "photographs of $photos"
    start=$(now_ms)
    { echo 'COPY demo.photo (person, number, file, image) FROM STDIN;'
      perl "$here/photo-copy.pl" "$photos" 2; echo '\.'; } | sql
    count=$(sql -Atc 'SELECT count(*) FROM demo.photo')
    echo "read        $count photographs, $(rate "$count" "$start") a second"

    sql -At -f "$here/stages.sql"

    total=$(sql -Atc 'SELECT count(*) FROM demo.photo WHERE number = 1')
    heading "enrolment: one photograph of each of $total persons, $sessions sessions"
    start=$(now_ms)
    in_sessions "$here/enrol.sql" postgres 'SELECT count(*) FROM facesnxt.reference' "$total"
    echo "enrolled    $(sql -Atc 'SELECT count(*) FROM facesnxt.reference') references, $(rate "$total" "$start") a second"

    total=$(sql -Atc 'SELECT count(*) FROM demo.photo WHERE number = 2')
    heading "identification: another photograph of each of $total persons, $sessions sessions, each search on record"
    start=$(now_ms)
    in_sessions "$here/identify.sql" investigator 'SELECT count(*) FROM facesnxt.search' "$total"
    echo "searched    $total probes, $(rate "$total" "$start") a second"
    probe="SELECT p.image FROM demo.photo p WHERE p.number = 2 ORDER BY p.person LIMIT 1"
    search="facesnxt.search((SELECT image FROM demo.probe), 'DEMO-2', 'suspect', candidates => 8, face => 'central')"
else
    heading "NO PHOTOGRAPHS OR MODELS FOUND: generated templates, drawn portraits"
    echo "Neither photographs nor models were found in $FACESNXT_DATA, so no face is detected"
    echo "and the figures below say nothing about any recogniser: the templates are random numbers,"
    echo "the portraits drawings of nobody, labelled SYNTHETIC."
    sql -f "$here/generate.sql"
    total=$(sql -Atc 'SELECT count(*) FROM demo.photo WHERE number = 2')
    heading "identification: $total generated probes, each search on record"
    start=$(now_ms)
    in_sessions "$here/identify.sql" investigator 'SELECT count(*) FROM facesnxt.search' "$total"
    echo "searched    $total probes, $(rate "$total" "$start") a second"
    probe="SELECT p.image, p.template, p.extraction FROM demo.photo p WHERE p.number = 2 ORDER BY p.person LIMIT 1"
    search="demo.search_drawn((SELECT image FROM demo.probe), (SELECT template FROM demo.probe), (SELECT extraction FROM demo.probe), 'DEMO-2', 'suspect', candidates => 8)"
    drawn=yes
fi

heading "identification rates, from the record of the searches"
sql -P pager=off -f "$here/report.sql"

heading "an investigator's session"
sql -c "CREATE TABLE demo.probe AS $probe" -c 'GRANT SELECT ON demo.probe TO investigator'
# The session is shown as it is typed; its errors are the point of some lines.
psql -X -a -P pager=off -P footer=off -U investigator -v VERBOSITY=verbose -v SHOW_CONTEXT=never \
    -v search="$search" -f "$here/session.sql" 2>&1 | sed -e '/^LOCATION:/d' -e 's/^psql:[^ ]*: //'

heading "what the investigator prints: sheets, each of them on record"
sheets=$ROOT/build/demo
mkdir -p "$sheets"
# $1 a file, $2 a call that gives a JPEG
sheet() {
    sql -U investigator -Atc "SELECT encode(facesnxt.$2, 'base64')" | base64 -d >"$sheets/$1"
    printf '%-24s %7d bytes  %s\n' "build/demo/$1" "$(stat -c %s "$sheets/$1")" "${2%%(*}"
}
id=$(sql -U investigator -Atc "SELECT search_id FROM facesnxt.my_searches WHERE case_number = 'DEMO-2' AND status = 'completed' ORDER BY recorded_at LIMIT 1")
sheet candidates.jpg "candidate_sheet('$id')"
sheet comparison.jpg "comparison_sheet('$id', 1)"
if [ "${drawn:-no}" = yes ]; then
    # fillers are chosen by gender, race and age, which of photographs alone nobody knows
    lineup=$(sql -U investigator -Atc "SELECT facesnxt.compose_lineup('$id', 1, 'a witness saw the person')")
    sheet line-up.jpg "lineup_sheet('$lineup')"
fi
sql -P pager=off -c "SELECT kind, acting_role, cardinality(persons) AS persons, left(encode(sha256, 'hex'), 16) AS sha256 FROM facesnxt.access_log ORDER BY recorded_at"

heading "where to look next"
cat <<'NEXT'
README.md                 what it is, and how to use it on a server of your own
docs/                     errors, settings, audit
make test                 every test;  make bench: the figures;  make fuzz: hostile input
PHOTOS=dir make demo      the same on photographs of your own (PERSON/PHOTO.jpg)
NEXT
