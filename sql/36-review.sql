-- A second person compares without knowing what the first one found.

CREATE TABLE facesnxt.review (
    review_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    person_id uuid NOT NULL,
    reviewer uuid NOT NULL,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE (search_id, person_id, reviewer),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.review (reviewer);
COMMENT ON TABLE facesnxt.review IS
'Who was asked to compare a pair blindly; until the answer that person sees no candidate and no conclusion of the search';
COMMENT ON COLUMN facesnxt.review.reviewer IS 'Account that reviews: neither the searcher nor anyone who compared before';

CREATE FUNCTION facesnxt.ask_review(search_id uuid, person_id uuid, reviewer regrole) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    second CONSTANT uuid := (SELECT a.account_id FROM facesnxt.account_of(reviewer, 'member') a WHERE a.agency_id = actor.agency_id);
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_candidate(actor, 'review', person_id);
    PERFORM facesnxt.check_evaluator(actor, 'review', person_id);
    IF second IS NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'review', person_id, 'NX302', 'blind_review', 'SP-III.F',
            format('review refused: "%s" has no active account of your agency', reviewer), 'A member of the agency reviews.',
            'Ask another person.');
    END IF;
    IF second = actor.account_id OR EXISTS (
            SELECT FROM facesnxt.search s WHERE s.search_id = ask_review.search_id AND s.account_id = second)
        OR EXISTS (
            SELECT FROM facesnxt.comparison c WHERE c.search_id = ask_review.search_id AND c.account_id = second)
        OR EXISTS (
            SELECT FROM facesnxt.delivery d WHERE d.search_id = ask_review.search_id AND d.recipient = second)
        OR EXISTS (
            SELECT FROM facesnxt.access_log l WHERE l.search_id = ask_review.search_id AND l.account_id = second)
    THEN
        PERFORM facesnxt.refuse_step(actor, 'review', person_id, 'NX354', 'blind_review', 'SP-III.F',
            'review refused: the reviewer is not another person',
            'Whoever searched, compared, asks, received or looked at the list has seen rank, score or a conclusion.', 'Ask a person who has not.');
    END IF;
    INSERT INTO facesnxt.review (search_id, person_id, reviewer, account_id, acting_role, session_role)
    VALUES (search_id, person_id, second, actor.account_id, actor.acting_role, actor.session_role)
    RETURNING review_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.ask_review(uuid, uuid, regrole) IS 'Asks another person of the agency to compare a pair blindly (NX354)';
REVOKE ALL ON FUNCTION facesnxt.ask_review(uuid, uuid, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.ask_review(uuid, uuid, regrole) TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.check_not_blind(search_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF search_id = ANY (facesnxt.blind_searches()) THEN
        PERFORM facesnxt.refuse_on_record('step after a search', 'NX354', 'refused: you are to review this search blindly',
            'Whoever reviews has seen neither rank nor score nor a conclusion.', 'Answer the review first: SELECT * FROM facesnxt.my_reviews.',
            (SELECT s.agency_id FROM facesnxt.search s WHERE s.search_id = check_not_blind.search_id), 'blind_review', 'SP-III.F',
            search_id => search_id);
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_not_blind(uuid) IS 'Refuses to show a search to whom its review makes blind (NX354)';
REVOKE ALL ON FUNCTION facesnxt.check_not_blind(uuid) FROM PUBLIC;

-- Neither search nor person nor reference is named: only the pair.
CREATE VIEW facesnxt.my_reviews WITH (security_barrier) AS
    SELECT r.review_id, r.recorded_at AS asked_at, c.conclusion, c.recorded_at AS answered_at
    FROM facesnxt.review r
        LEFT JOIN facesnxt.comparison c ON c.review_id = r.review_id
    WHERE r.reviewer = (SELECT a.account_id FROM facesnxt.acting_account('member') a);
COMMENT ON VIEW facesnxt.my_reviews IS 'Pairs that the acting role is asked to compare blindly, and its own answers';
REVOKE ALL ON TABLE facesnxt.my_reviews FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_reviews TO facesnxt_requester, facesnxt_investigator;

-- The acting role's review and its search; one of somebody else and none look the same.
CREATE FUNCTION facesnxt.own_review(review_id uuid) RETURNS facesnxt.review
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.review;
BEGIN
    SELECT r.* INTO asked FROM facesnxt.review r
    WHERE r.review_id = own_review.review_id AND r.reviewer = (facesnxt.acting_account('member')).account_id;
    IF asked.review_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('review', 'NX307', 'you are not asked for this review', NULL,
            'SELECT * FROM facesnxt.my_reviews shows yours.', clause => 'SP-III.F');
    END IF;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION facesnxt.own_review(uuid) IS 'A review that the acting role is asked for, else an error';
REVOKE ALL ON FUNCTION facesnxt.own_review(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.review_pair(review_id uuid, OUT probe bytea, OUT reference bytea) RETURNS record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked CONSTANT facesnxt.review := facesnxt.own_review(review_id);
    pair record;
BEGIN
    SELECT s.agency_id, s.probe_sha256, c.rank, c.reference_id INTO pair
    FROM facesnxt.search s JOIN facesnxt.candidate c ON c.search_id = s.search_id AND c.person_id = asked.person_id
    WHERE s.search_id = asked.search_id;
    -- who saw them is committed before they leave
    PERFORM facesnxt.record_it('view', jsonb_build_object('kind', 'view', 'review', asked.review_id, 'search_id', asked.search_id,
        'ranks', jsonb_build_array(pair.rank), 'fields', jsonb_build_array('photo', 'probe')));
    probe := (SELECT p.image FROM facesnxt.probe p WHERE p.agency_id = pair.agency_id AND p.sha256 = pair.probe_sha256);
    reference := (SELECT i.photo FROM facesnxt.reference_image i WHERE i.reference_id = pair.reference_id);
END
$$;
COMMENT ON FUNCTION facesnxt.review_pair(uuid) IS
'The two photographs of a blind review, without rank, score, name or conclusion; NULL where only a template was handed over';
REVOKE ALL ON FUNCTION facesnxt.review_pair(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.review_pair(uuid) TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.give_review(review_id uuid, conclusion text, features jsonb DEFAULT NULL, note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked CONSTANT facesnxt.review := facesnxt.own_review(review_id);
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(asked.search_id, true);
BEGIN
    IF EXISTS (SELECT FROM facesnxt.comparison c WHERE c.review_id = give_review.review_id) THEN
        PERFORM facesnxt.refuse_step(actor, 'review', asked.person_id, 'NX365', 'blind_review', 'SP-III.F', 'the review is answered',
            'An answer given with the first one''s conclusion in sight is not blind.', 'Another person can be asked.');
    END IF;
    -- under whichever of their roles; a gateway, which has no account, lends its hand to nobody
    IF actor.searched OR EXISTS (
        SELECT FROM facesnxt.comparison c
        WHERE c.search_id = asked.search_id AND c.review_id IS NULL AND (
            actor.acting_role IN (c.acting_role, c.session_role) OR actor.session_role = c.acting_role
            OR (actor.session_role = c.session_role
                AND EXISTS (SELECT FROM facesnxt.account a WHERE a.role = to_regrole(quote_ident(c.session_role)))))) THEN
        PERFORM facesnxt.refuse_step(actor, 'review', asked.person_id, 'NX354', 'blind_review', 'SP-III.F',
            'review refused: the reviewer is not another person', 'The session is that of the searcher, or of whoever compared first.',
            'Log on as yourself.');
    END IF;
    PERFORM facesnxt.write_comparison(actor, asked.person_id, review_id, conclusion, features, note);
END
$$;
COMMENT ON FUNCTION facesnxt.give_review(uuid, text, jsonb, text) IS 'Answers a blind review, once (NX354, NX365)';
REVOKE ALL ON FUNCTION facesnxt.give_review(uuid, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.give_review(uuid, text, jsonb, text) TO facesnxt_requester, facesnxt_investigator;
