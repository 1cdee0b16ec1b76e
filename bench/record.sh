#!/bin/bash
# record.sh - what it costs to commit the record of a search: 200 searches over
# ten references, one session, with the disk flush of the server's defaults;
# beside it a plain INSERT with its commit, as the price of one flush.
set -euo pipefail

psql -X -q -At -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
SELECT facesnxt.create_agency('BENCH', 'bench') \g /dev/null
SELECT facesnxt.adopt_policy('BENCH', 'EXAMPLE') \g /dev/null
SELECT facesnxt.open_case('BENCH', '1', 'bench'), facesnxt.open_account('BENCH', current_user::regrole) \g /dev/null
SELECT facesnxt.set_account_status(current_user::regrole, 'active', NULL) \g /dev/null
SELECT facesnxt.enrol_template(ARRAY[cos(i), sin(i), 0]::real[]::facesnxt.embedding, facesnxt.create_person('P' || i), 'booking', 'none')
FROM generate_series(1, 10) i \g /dev/null
CREATE TABLE plain (i integer);
CREATE PROCEDURE pg_temp.measure(label text, statement text) LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz;
    ms double precision[];
BEGIN
    FOR i IN 1..200 LOOP
        start := clock_timestamp();
        EXECUTE statement;
        COMMIT;
        ms := ms || (extract(epoch FROM clock_timestamp() - start) * 1000)::double precision;
    END LOOP;
    RAISE INFO '%', (SELECT format('%s median %s ms, 95 %% %s ms', rpad(label, 28),
            round((percentile_cont(0.5) WITHIN GROUP (ORDER BY v))::numeric, 2),
            round((percentile_cont(0.95) WITHIN GROUP (ORDER BY v))::numeric, 2)) FROM unnest(ms) v);
END
$$;
\set VERBOSITY terse
SET client_min_messages = info;
CALL pg_temp.measure('INSERT and commit', 'INSERT INTO plain VALUES (1)');
CALL pg_temp.measure('search with its record', $$SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '1', 'p')$$);
SQL
