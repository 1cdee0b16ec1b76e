-- What each stage costs, on up to 300 photographs in one session.
CREATE TEMP TABLE sample AS SELECT image FROM demo.photo ORDER BY md5(file) LIMIT 300;
DO $$ BEGIN PERFORM facesnxt.extract(image, 'best') FROM (SELECT image FROM sample LIMIT 1) s; EXCEPTION WHEN OTHERS THEN NULL; END $$;
CREATE FUNCTION pg_temp.rate(label text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := clock_timestamp();
    n bigint;
    seconds double precision;
BEGIN
    EXECUTE statement INTO n;
    seconds := extract(epoch FROM clock_timestamp() - start);
    RETURN format('%s %s photographs, %s a second in one session', rpad(label, 11), n, round((n / seconds)::numeric));
END
$$;
CREATE FUNCTION pg_temp.template(image bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM facesnxt.extract(image, 'central');
    RETURN true;
EXCEPTION WHEN SQLSTATE 'NX111' OR SQLSTATE 'NX113' THEN
    RETURN false;
END
$$;
SELECT pg_temp.rate('detected', 'SELECT count(n) FROM (SELECT (SELECT count(*) FROM facesnxt.detect(image)) AS n FROM sample) s');
SELECT pg_temp.rate('templates', 'SELECT count(pg_temp.template(image)) FROM sample');
