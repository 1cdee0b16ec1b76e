-- One session's share of the searches, as the investigator.
SELECT set_config('demo.part', :'part', false), set_config('demo.parts', :'parts', false);
DO $$
DECLARE
    row record;
BEGIN
    FOR row IN
        SELECT person, number, image, template, extraction FROM demo.photo
        WHERE number = 2 AND mod(abs(hashtext(person)), current_setting('demo.parts')::int) = current_setting('demo.part')::int
        ORDER BY person
    LOOP
        BEGIN
            IF row.template IS NULL THEN
                PERFORM facesnxt.search(row.image, 'DEMO-1', 'suspect', row.person, candidates => 50, face => 'central');
            ELSE
                PERFORM demo.search_drawn(row.image, row.template, row.extraction, 'DEMO-1', 'suspect', row.person, 50);
            END IF;
        EXCEPTION WHEN SQLSTATE 'NX111' OR SQLSTATE 'NX113' THEN
            INSERT INTO demo.failure VALUES (row.person, row.number, SQLSTATE, SQLERRM);
        END;
    END LOOP;
END
$$;
