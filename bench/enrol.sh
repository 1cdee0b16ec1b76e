#!/bin/bash
# enrol.sh - enrolment: photographs a second by one session and by two, what
# the records cost, memory, and OpenCV's pipeline in the same run.
#
# PHOTOS (200) photographs of FACESNXT_DATA/faces/lfw, ROUNDS (3), DETECTOR and
# RECOGNISER with their recipes. In each round: templates alone (extract() in
# one session), enrolment from facesnxt.staged by one session and by two
# (enrol_staged: photograph, person, template, events of the log, and the row
# leaves the table), and cv2.dnn in one process and in two, which stores
# nothing. Sessions are warm: their models are parsed. Medians. Memory is the
# peak of one process that is its own (Linux: RssAnon after the round, VmHWM
# with what it shares with others).
. "$(dirname "$0")/tool/photo_common.sh"

detector=${DETECTOR:-yunet_n_320_320:yunet}
recogniser=${RECOGNISER:-mobilefacenet.kennethwang:mobilefacenet-bgr}
side=${SIDE:-320}
photos=${PHOTOS:-200}
python=
for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c 'import cv2' 2>/dev/null; then
        python=$candidate
        break
    fi
done

median() {
    sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

mapfile -t files < <(find "$LFW" -name '*_0001.jpg' | LC_ALL=C sort | head -n "$photos")
photos=${#files[@]}
run -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS facesnxt' \
    -c 'CREATE TABLE file (name text PRIMARY KEY, bytes bytea)' -c 'CREATE TABLE photo (image bytea)' \
    -c 'CREATE TABLE taken (what text, rate double precision, own_kb bigint, peak_kb bigint)'
load detector "$detector"
load recogniser "$recogniser"
for file in "${files[@]}"; do
    printf '\\\\x%s\n' "$(od -An -v -tx1 "$file" | tr -d ' \n')"
done | run -c 'COPY photo FROM STDIN'

# $1 what, $2 how many sessions, $3 the statement of each: all begin at one instant
timed() {
    local n pids=() start
    start=$(run -c "SELECT clock_timestamp() + interval '1.5 s'")
    for ((n = 0; n < $2; n++)); do
        run <<SQL >>"$work/$1" &
SELECT count(facesnxt.extract(image, 'best')) FROM (SELECT image FROM photo LIMIT 1) p \\g /dev/null
SELECT pg_sleep(greatest(extract(epoch FROM '$start'::timestamptz - clock_timestamp()), 0)) \\g /dev/null
$3 \\g /dev/null
SELECT extract(epoch FROM clock_timestamp() - '$start'::timestamptz), substring(s FROM 'RssAnon:\s+(\d+)'), substring(s FROM 'VmHWM:\s+(\d+)')
FROM pg_read_file('/proc/self/status') s;
SQL
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        wait "$n"
    done
    # the slowest session ends it
    sort -t '|' -k 1 -n "$work/$1" | tail -n 1 | { IFS='|' read -r seconds own peak
        run -c "INSERT INTO taken VALUES ('$1', $photos / $seconds, $own, $peak)"; }
    rm "$work/$1"
}
stage="INSERT INTO facesnxt.staged (photo, name, repository, identity_source, face) SELECT image, 'any', 'booking', 'name in the data set', 'best' FROM photo"
opencv() {
    "$python" "$ROOT/bench/tool/enrol_opencv.py" "$2" "$MODELS/${detector%%:*}.onnx" "$side" "${detector##*:}" \
        "$MODELS/${recogniser%%:*}.onnx" "${files[@]}" | { read -r rate peak
        run -c "INSERT INTO taken VALUES ('$1', $rate, NULL, $peak)"; }
}

work=$(mktemp -d "${TMPDIR:-/tmp}/enrol.XXXXXX")
clean_up_with "rm -rf '$work'"
for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    timed extract 1 "SELECT count(facesnxt.extract(image, 'best')) FROM photo"
    run -c "$stage"
    timed one 1 'CALL facesnxt.enrol_staged()'
    run -c "$stage"
    timed two 2 'CALL facesnxt.enrol_staged(20)'
    if [ -n "$python" ]; then
        opencv opencv1 1
        opencv opencv2 2
    fi
done

echo "$photos photographs, ${detector%%:*}, ${recogniser%%:*}, ${ROUNDS:-3} rounds, medians; photographs a second"
declare -A of=([opencv1]=0 [opencv2]=0)
for what in extract one two opencv1 opencv2; do
    rate=$(run -c "SELECT rate FROM taken WHERE what = '$what'" | median)
    [ -n "$rate" ] || continue
    of[$what]=$rate
    printf '%-38s %8.1f   memory of a process, MB: %s\n' "$(case $what in
        extract) echo 'templates alone, one session' ;; one) echo 'enrolled, one session' ;; two) echo 'enrolled, two sessions' ;;
        opencv1) echo 'cv2.dnn, templates alone, one process' ;; *) echo 'cv2.dnn, templates alone, two' ;; esac)" "$rate" \
        "$(run -c "SELECT concat_ws(', ', 'own ' || max(own_kb) / 1024, 'peak with shared ' || max(peak_kb) / 1024) FROM taken WHERE what = '$what'")"
done
awk -v e="${of[extract]}" -v o="${of[one]}" -v t="${of[two]}" -v c="${of[opencv1]}" -v d="${of[opencv2]}" 'BEGIN {
    printf "two sessions against one: %.2f; records, events and storage: %.2f ms a photograph, %.0f %% of it\n", t / o, 1000 / o - 1000 / e, 100 * (1 - o / e)
    if (c > 0) printf "against cv2.dnn: templates %.2f times, enrolled %.2f times, two of each %.2f times as many\n", e / c, o / c, t / d }'
echo "events a photograph, staging included: $(run -c "SELECT round(count(*) / (SELECT count(*) FROM facesnxt.reference)::numeric, 1)
    FROM (SELECT relation FROM facesnxt.event UNION ALL SELECT relation FROM facesnxt.pending_event) e
    WHERE relation IN ('staged', 'person', 'reference', 'reference_image')")," \
    "bytes beside the photograph: $(run -c "SELECT (sum(pg_total_relation_size(c.oid)) / (SELECT count(*) FROM facesnxt.reference) - (SELECT avg(length(image)) FROM photo))::bigint
        FROM pg_class c WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relname IN ('person', 'reference', 'reference_image', 'event')")"
