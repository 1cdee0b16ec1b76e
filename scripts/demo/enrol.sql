-- One session's share of the enrolment; commits as it goes.
SELECT set_config('demo.part', :'part', false), set_config('demo.parts', :'parts', false);
DO $$
DECLARE
    row record;
    done integer := 0;
BEGIN
    FOR row IN
        SELECT person, number, image FROM demo.photo
        WHERE number = 1 AND mod(abs(hashtext(person)), current_setting('demo.parts')::int) = current_setting('demo.part')::int
        ORDER BY person
    LOOP
        BEGIN
            PERFORM facesnxt.enrol(row.image, facesnxt.create_person(row.person), 'driver_licence',
                                   'name in the data set', face => 'central');
        EXCEPTION WHEN SQLSTATE 'NX111' OR SQLSTATE 'NX113' THEN
            INSERT INTO demo.failure VALUES (row.person, row.number, SQLSTATE, SQLERRM);
        END;
        done := done + 1;
        IF done % 50 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END
$$;
