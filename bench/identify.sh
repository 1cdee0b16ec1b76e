#!/bin/bash
# identify.sh - how well each detector and recogniser find people, on real
# photographs through the extension's SQL.
#
# Of FACESNXT_DATA/faces/lfw the first photograph of everybody is enrolled
# (facesnxt.staged, enrol_staged) with the first recogniser, and the templates
# of the others are made of those references (reextract). The second photograph
# of whoever has two is searched for by rank_persons(), as searches do. Rates
# are those of ISO/IEC 19795-1: a photograph without a template counts as a
# miss. The threshold of an FPIR is the quantile of the best candidate of
# searches without a mate: the probes with theirs left out, and everybody
# enrolled among the others. Intervals are Wilson's, 95 %, the threshold taken
# as given. Last LFW's verification protocol on faces/lfw_pairs_shared.txt: ten
# folds in the order of the file, the threshold of each from the other nine.
#
# DETECTORS, RECOGNISERS: names of ../shared/data/models without .onnx, each
# with its recipe; PERSONS: so many of the enrolled; PAIRS=no: no verification.
# Without FACESNXT_DATA it is left out.
. "$(dirname "$0")/tool/photo_common.sh"

pairs=$FACESNXT_DATA/faces/lfw_pairs_shared.txt
detectors=${DETECTORS:-yunet_n_320_320:yunet yunet_n_dynamic:yunet face_detection_yunet_2023mar:yunet scrfd_500m_kps:scrfd scrfd_2.5g_kps:scrfd}
recognisers=${RECOGNISERS:-mobilefacenet.kennethwang:mobilefacenet-bgr mobilefacenet.facegate:mobilefacenet-rgb}
sessions=$(nproc)
[ "$sessions" -le 4 ] || sessions=4

# $1: a statement that each session runs with :part of :parts
in_sessions() {
    local part pids=() pid
    for ((part = 0; part < sessions; part++)); do
        run -v part="$part" -v parts="$sessions" -c "SET client_min_messages = error" -f "$1" >/dev/null &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
}

run <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
CREATE TABLE file (name text PRIMARY KEY, bytes bytea);
CREATE TABLE photo (person text, number integer, file text, image bytea, PRIMARY KEY (person, number));
ALTER TABLE photo ALTER image SET STORAGE EXTERNAL;
-- the same photograph, or one person with the names exchanged or spelt otherwise
CREATE TABLE alias (person text PRIMARY KEY, other text);
INSERT INTO alias VALUES ('Raul_Ibanez', 'Carlos_Beltran'), ('Ricky_Ray', 'Bart_Hendricks'), ('Takahiro_Mori', 'Shinya_Taniguchi'),
    ('Dai_Chul_Chyung', 'Chyung_Dai-chul'), ('Morgan_Hentzen', 'Claire_Hentzen'), ('Talisa_Soto', 'Talisa_Bratt'),
    ('Uday_Hussein', 'Odai_Hussein'), ('Nan_Wang', 'Wang_Nan'), ('Jon_Gruden', 'John_Gruden');
CREATE FUNCTION one_name(person text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce((SELECT a.other FROM alias a WHERE a.person = $1), $1) $$;
CREATE TABLE pair (n integer GENERATED ALWAYS AS IDENTITY, line text, fold integer, same boolean, a text, a_number integer, b text, b_number integer);
-- templates of what is not enrolled: second photographs and those of pairs
CREATE TABLE made (detector text, recogniser text, person text, number integer, template facesnxt.embedding, code text,
                   PRIMARY KEY (detector, recogniser, person, number));
CREATE TABLE result (detector text, recogniser text, person text, failed boolean, mate_rank integer, mate_score real, other_score real);
SQL
{ echo 'COPY photo FROM STDIN;'
  perl "$ROOT/scripts/demo/photo-copy.pl" "$LFW" 1000000
  echo '\.'; } | run
if [ -n "${PERSONS:-}" ]; then
    run -c "DELETE FROM photo WHERE person NOT IN (SELECT DISTINCT person FROM photo ORDER BY person LIMIT $PERSONS)"
fi
if [ "${PAIRS:-yes}" = yes ] && [ -e "$pairs" ]; then
    { printf 'COPY pair (line) FROM STDIN;\n'; sed 's/\t/ /g' "$pairs"; echo '\.'; } | run
fi
run <<'SQL' >/dev/null
UPDATE pair SET same = f[4] IS NULL, a = f[1], a_number = f[2]::int, b = CASE WHEN f[4] IS NULL THEN f[1] ELSE f[3] END,
    b_number = coalesce(f[4], f[3])::int
FROM (SELECT n, string_to_array(line, ' ') AS f FROM pair) s WHERE s.n = pair.n;
DELETE FROM pair p WHERE NOT EXISTS (SELECT FROM photo WHERE (person, number) = (p.a, p.a_number)) OR NOT EXISTS (SELECT FROM photo WHERE (person, number) = (p.b, p.b_number));
-- a fold begins where pairs of one person follow on pairs of two
UPDATE pair SET fold = s.fold
FROM (SELECT n, count(*) FILTER (WHERE begins) OVER (ORDER BY n) AS fold
      FROM (SELECT n, same AND NOT coalesce(lag(same) OVER (ORDER BY n), false) AS begins FROM pair) b) s WHERE s.n = pair.n;
DELETE FROM photo p WHERE number > 2 AND NOT EXISTS (SELECT FROM pair WHERE (a, a_number) = (p.person, p.number) OR (b, b_number) = (p.person, p.number));
ANALYZE;
CREATE FUNCTION tried(image bytea, detector text, recogniser text, OUT template facesnxt.embedding, OUT code text) LANGUAGE plpgsql AS $$
BEGIN
    template := (facesnxt.extract(image, 'central', detector, recogniser)).template;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE !~ '^NX1' THEN
        RAISE;
    END IF;
    code := SQLSTATE;
END
$$;
SQL

work=$(mktemp -d "${TMPDIR:-/tmp}/identify.XXXXXX")
clean_up_with "rm -rf '$work'"
cat >"$work/others.sql" <<'SQL'
INSERT INTO made
SELECT w.detector, w.recogniser, p.person, p.number, t.template, t.code
FROM photo p, wanted w, LATERAL tried(p.image, w.detector || '.detector', w.recogniser || '.recogniser') t
WHERE p.number > 1 AND mod(abs(hashtext(p.file)), :parts) = :part;
SQL
cat >"$work/search.sql" <<'SQL'
WITH probe AS (
    SELECT m.person, one_name(m.person) AS one, true AS mated, m.template FROM made m JOIN wanted USING (detector, recogniser) WHERE m.number = 2
    UNION ALL
    SELECT e.person, one_name(e.person), false, e.template FROM enrolled e
)
INSERT INTO result
SELECT w.detector, w.recogniser, p.person, p.template IS NULL,
    CASE WHEN p.mated THEN coalesce(min(c.rank) FILTER (WHERE n.one = p.one), 0) END,
    max(c.score) FILTER (WHERE p.mated AND n.one = p.one), max(c.score) FILTER (WHERE n.one <> p.one)
FROM wanted w, probe p
    LEFT JOIN LATERAL jsonb_to_recordset(facesnxt.rank_persons(p.template, enum_range(NULL::facesnxt.repository), 50, NULL)) AS c (rank int, person_id uuid, score real)
        ON p.template IS NOT NULL
    LEFT JOIN named n ON n.person_id = c.person_id
WHERE mod(abs(hashtext(p.person)), :parts) = :part
GROUP BY w.detector, w.recogniser, p.person, p.one, p.mated, p.template IS NULL;
SQL
echo "CALL facesnxt.enrol_staged()" >"$work/enrol.sql"

# each detector has a copy of this database, once the writer of its records has gone
everything=$PGDATABASE
for detector in $detectors; do
    until createdb -T "$everything" one 2>/dev/null; do
        sleep 1
    done
    export PGDATABASE=one
    run -c 'TRUNCATE made, result'
    for recogniser in $recognisers; do
        load recogniser "$recogniser"
    done
    load detector "$detector"
    first=
    for recogniser in $recognisers; do
        run -c "DROP TABLE IF EXISTS wanted, named CASCADE" \
            -c "CREATE TABLE wanted AS SELECT '${detector%%:*}'::text AS detector, '${recogniser%%:*}'::text AS recogniser" 2>/dev/null
        if [ -z "$first" ]; then
            first=$recogniser
            run -c "SELECT facesnxt.use_model('${detector%%:*}.detector'), facesnxt.use_model('${recogniser%%:*}.recogniser')" >/dev/null
            run -c "INSERT INTO facesnxt.staged (photo, name, repository, identity_source, face) SELECT image, person, 'booking', 'name in the data set', 'central' FROM photo WHERE number = 1"
            in_sessions "$work/enrol.sql"
        else
            echo "CALL facesnxt.reextract('${recogniser%%:*}.recogniser', '${detector%%:*}.detector', again => :part = 0)" >"$work/again.sql"
            sessions=1 in_sessions "$work/again.sql"
        fi
        in_sessions "$work/others.sql"
        run <<'SQL'
CREATE TABLE named AS SELECT p.person_id, p.name AS person, one_name(p.name) AS one FROM facesnxt.person p;
CREATE UNIQUE INDEX ON named (person_id);
CREATE VIEW enrolled AS
    SELECT n.person, r.template FROM facesnxt.reference r JOIN named n USING (person_id) JOIN facesnxt.model m ON m.fingerprint = r.model
        JOIN wanted w ON m.name = w.recogniser || '.recogniser';
ANALYZE facesnxt.reference, named;
SQL
        in_sessions "$work/search.sql"
        run <<'SQL'
INSERT INTO made SELECT w.detector, w.recogniser, p.person, 1, e.template, CASE WHEN e.template IS NULL THEN 'failed' END
FROM wanted w, photo p LEFT JOIN enrolled e USING (person) WHERE p.number = 1;
SQL
    done
    run -c 'COPY made TO STDOUT' | PGDATABASE=$everything run -c 'COPY made FROM STDIN'
    run -c 'COPY result TO STDOUT' | PGDATABASE=$everything run -c 'COPY result FROM STDIN'
    export PGDATABASE=$everything
    run -c 'DROP DATABASE one WITH (FORCE)'
done

echo "$(run -c "SELECT count(*) FROM photo WHERE number = 1") persons enrolled, $(run -c "SELECT count(*) FROM photo WHERE number = 2") probes with a mate; 95 % intervals by Wilson"
psql -Xq -P pager=off -P footer=off -v ON_ERROR_STOP=1 <<'SQL'
CREATE FUNCTION pg_temp.share(hits bigint, trials bigint) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s [%s, %s]', round(hits / trials::numeric, 4), round(low::numeric, 4), round(high::numeric, 4)) FROM facesnxt.wilson(hits, trials)
$$;
WITH quantile AS (
    SELECT detector, recogniser, count(other_score) AS non_mated,
        percentile_disc(0.99) WITHIN GROUP (ORDER BY other_score) AS one_percent,
        percentile_disc(0.999) WITHIN GROUP (ORDER BY other_score) AS tenth
    FROM result GROUP BY 1, 2
), mated AS (
    SELECT detector, recogniser, count(*) AS n, count(*) FILTER (WHERE mate_rank = 1) AS first, count(*) FILTER (WHERE mate_rank BETWEEN 1 AND 20) AS twenty,
        count(*) FILTER (WHERE coalesce(mate_score, -1) <= one_percent) AS missed_one, count(*) FILTER (WHERE coalesce(mate_score, -1) <= tenth) AS missed_tenth,
        min(non_mated) AS non_mated, min(one_percent) AS one_percent, min(tenth) AS tenth
    FROM result JOIN quantile USING (detector, recogniser) WHERE mate_rank IS NOT NULL GROUP BY 1, 2
), failure AS (
    SELECT detector, recogniser, count(*) AS tried, count(*) FILTER (WHERE code IS NOT NULL) AS failed FROM made GROUP BY 1, 2
)
SELECT detector, replace(recogniser, 'mobilefacenet.', '') AS recogniser, pg_temp.share(first, n) AS "rank 1", pg_temp.share(twenty, n) AS "top 20",
    pg_temp.share(missed_one, n) AS "FNIR at FPIR 1 %", round(one_percent::numeric, 3) AS "from",
    pg_temp.share(missed_tenth, n) AS "FNIR at FPIR 0.1 %", round(tenth::numeric, 3) AS "from ", pg_temp.share(failed, tried) AS "failure to extract",
    format('%s, %s', non_mated, tried) AS "non-mated, photographs"
FROM mated JOIN failure USING (detector, recogniser) ORDER BY 1, 2;
SQL
if [ "$(run -c 'SELECT count(DISTINCT fold) FROM pair')" -gt 1 ]; then
    echo "LFW's verification protocol on $(run -c 'SELECT count(*) FROM pair') pairs in $(run -c 'SELECT max(fold) FROM pair') folds (view 2, thresholds from the other folds)"
    psql -Xq -P pager=off -P footer=off -v ON_ERROR_STOP=1 <<'SQL'
CREATE TEMP TABLE scored AS
SELECT a.detector, a.recogniser, p.n, p.fold, p.same,
    -- a photograph without a template is like nobody
    coalesce((1 - (a.template OPERATOR(facesnxt.<=>) b.template))::real, -1) AS score
FROM pair p JOIN made a ON (a.person, a.number) = (p.a, p.a_number)
    JOIN made b ON (b.person, b.number) = (p.b, p.b_number) AND (b.detector, b.recogniser) = (a.detector, a.recogniser);
-- at each threshold of a hundredth of a unit's tenth: right decisions of each fold
CREATE TEMP TABLE decided AS
SELECT s.detector, s.recogniser, s.fold, t / 500.0 AS threshold, count(*) AS pairs,
    count(*) FILTER (WHERE (s.score >= t / 500.0) = s.same) AS good
FROM scored s, generate_series(-100, 500) t GROUP BY 1, 2, 3, 4;
WITH trained AS (
    SELECT d.detector, d.recogniser, f.fold, d.threshold, sum(d.good) AS good
    FROM decided d JOIN (SELECT DISTINCT fold FROM decided) f ON f.fold <> d.fold GROUP BY 1, 2, 3, 4
), best AS (
    -- the middle of the best ones
    SELECT DISTINCT detector, recogniser, fold, percentile_disc(0.5) WITHIN GROUP (ORDER BY threshold) AS threshold
    FROM (SELECT t.*, max(good) OVER (PARTITION BY detector, recogniser, fold) AS most FROM trained t) m WHERE good = most GROUP BY 1, 2, 3
), tested AS (
    SELECT b.*, d.good / d.pairs::numeric AS accuracy FROM best b JOIN decided d USING (detector, recogniser, fold, threshold)
)
SELECT t.detector, replace(t.recogniser, 'mobilefacenet.', '') AS recogniser,
    format('%s +- %s', round(avg(t.accuracy), 4), round((stddev_samp(t.accuracy) / sqrt(count(*)))::numeric, 4)) AS "accuracy, mean and standard error",
    round(avg(t.threshold)::numeric, 3) AS threshold,
    (SELECT format('%s, %s', round(avg(s.score) FILTER (WHERE s.same)::numeric, 3), round(avg(s.score) FILTER (WHERE NOT s.same)::numeric, 3))
     FROM scored s WHERE s.detector = t.detector AND s.recogniser = t.recogniser AND s.score > -1) AS "mean score of genuine, impostor pairs"
FROM tested t GROUP BY t.detector, t.recogniser ORDER BY 1, 2;
SQL
fi
