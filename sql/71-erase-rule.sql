-- What an erasure does to which table: all of it stands here, and a table that
-- may hold a copy and does not stand here is a fault (facesnxt.erase_gaps()).

CREATE TABLE facesnxt.erase_rule (
    relation name NOT NULL,
    scope text NOT NULL CHECK (scope IN ('person', 'reference', 'probe', 'none', 'templates', 'candidates', 'searches', 'log', 'audits')),
    act text NOT NULL CHECK (act IN ('delete', 'blank', 'keep')),
    place int CHECK ((place IS NULL) = (act = 'keep')),
    matches text CHECK ((matches IS NULL) = (act = 'keep')),
    sets text CHECK ((sets IS NOT NULL) = (act = 'blank')),
    columns name[],
    PRIMARY KEY (relation, scope)
);
COMMENT ON TABLE facesnxt.erase_rule IS
'What an erasure of each scope does to each table; the scopes person, reference and probe are those of expungements, the last five those of retention alone';
COMMENT ON COLUMN facesnxt.erase_rule.scope IS 'none: no erasure concerns the table, or these columns of it';
COMMENT ON COLUMN facesnxt.erase_rule.place IS 'In this order, so that no row goes before those that refer to it';
COMMENT ON COLUMN facesnxt.erase_rule.matches IS
'Which rows t: $1 are the ids of the scope, $2 the SHA-256 of probes, $3 the agency of the probes';
COMMENT ON COLUMN facesnxt.erase_rule.columns IS 'Columns that are blanked, or stay: ids as pseudonyms, and what is not of a face or a person';
REVOKE ALL ON TABLE facesnxt.erase_rule FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.erase_rule TO facesnxt_auditor, facesnxt_admin;

INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches, sets, columns) VALUES
    -- a person, by person_id: whatever was known of them, and free text of records that name them
    ('reference', 'person', 'delete', 10, 't.person_id = ANY ($1)', NULL, NULL),
    ('reference_image', 'person', 'delete', 20, 't.person_id = ANY ($1)', NULL, NULL),
    ('reextracted', 'person', 'delete', 15, 't.person_id = ANY ($1)', NULL, NULL),
    ('person_detail', 'person', 'delete', 30, 't.person_id = ANY ($1)', NULL, NULL),
    ('person', 'person', 'delete', 90, 't.person_id = ANY ($1)', NULL, NULL),
    ('comparison', 'person', 'blank', 40, 't.person_id = ANY ($1) AND t.note IS NOT NULL', 'note = NULL', '{note,person_id}'),
    ('match_decision', 'person', 'blank', 40, 't.person_id = ANY ($1) AND t.note IS NOT NULL', 'note = NULL', '{note,person_id}'),
    ('confirmation', 'person', 'blank', 40, 't.person_id = ANY ($1) AND t.note IS NOT NULL', 'note = NULL', '{note,person_id}'),
    ('corroboration', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'source = ''[expunged]'', note = NULL', '{source,note,person_id}'),
    ('identification', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'basis = ''[expunged]''', '{basis,person_id}'),
    ('outcome', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'corroboration = ''[expunged]'', note = NULL', '{corroboration,note,person_id}'),
    ('action', 'person', 'blank', 40, 't.person_id = ANY ($1)',
     'basis = NULL, detail = NULL, facts = t.facts - ''overrides'', findings = ''[]''', '{basis,detail,facts,findings,person_id}'),
    ('raw_row', 'person', 'blank', 40, 't.person_id = ANY ($1)', 'columns = ''{}''', '{columns,person_id,reference_id}'),
    -- the record of what officers saw and did: who it was is a random id, which leads nowhere any more
    ('candidate', 'person', 'keep', NULL, NULL, NULL, '{person_id,reference_id}'),
    ('review', 'person', 'keep', NULL, NULL, NULL, '{person_id}'),
    ('access_log', 'person', 'keep', NULL, NULL, NULL, '{persons}'),
    -- a photograph of too little quality is named by its hash
    ('refused_step', 'person', 'blank', 40, 't.person_id = ANY ($1) AND t.sqlstate = ''NX114''', 'detail = NULL', '{detail,person_id}'),
    ('verification', 'person', 'keep', NULL, NULL, NULL, '{reference_id}'),
    -- one reference, by reference_id
    ('reference', 'reference', 'delete', 10, 't.reference_id = ANY ($1)', NULL, NULL),
    ('reference_image', 'reference', 'delete', 20, 't.reference_id = ANY ($1)', NULL, NULL),
    ('reextracted', 'reference', 'delete', 15, 't.reference_id = ANY ($1)', NULL, NULL),
    ('raw_row', 'reference', 'blank', 40, 't.reference_id = ANY ($1)', 'columns = ''{}''', '{columns}'),
    -- a probe, by the SHA-256 of all images of its family, and by search_id; the hash of an image can confirm it
    ('probe_template', 'probe', 'delete', 10, 't.search_id = ANY ($1)', NULL, NULL),
    ('request_probe', 'probe', 'delete', 20,
     't.sha256 = ANY ($2) AND EXISTS (SELECT FROM facesnxt.search_request r WHERE r.request_id = t.request_id AND r.agency_id = $3)', NULL, NULL),
    ('consent', 'probe', 'delete', 20, 't.agency_id = $3 AND t.sha256 = ANY ($2)', NULL, NULL),
    ('probe_source', 'probe', 'delete', 20, 't.agency_id = $3 AND t.sha256 = ANY ($2)', NULL, NULL),
    ('probe_derivation', 'probe', 'delete', 20, 't.agency_id = $3 AND (t.sha256 = ANY ($2) OR t.parent_sha256 = ANY ($2))', NULL, NULL),
    ('probe', 'probe', 'delete', 30, 't.agency_id = $3 AND t.sha256 = ANY ($2)', NULL, NULL),
    ('quality_notice', 'probe', 'blank', 40, 't.search_id = ANY ($1)', 'shown = ''{}''', '{shown}'),
    ('search', 'probe', 'blank', 50, 't.search_id = ANY ($1)',
     'probe_sha256 = NULL, probe_kept = false, facts = t.facts #- ''{search,probe,sha256}''',
     '{probe_sha256,facts,fields,set_aside,scan}'),
    ('verification', 'probe', 'blank', 50, 't.agency_id = $3 AND (t.probe_sha256 = ANY ($2) OR t.photo_sha256 = ANY ($2)
         OR t.probe_id = ANY (ARRAY(SELECT pg_catalog.encode(h, ''hex'') FROM unnest($2) h)))',
     'probe_sha256 = CASE WHEN t.probe_sha256 = ANY ($2) THEN NULL ELSE t.probe_sha256 END,
      photo_sha256 = CASE WHEN t.photo_sha256 = ANY ($2) THEN NULL ELSE t.photo_sha256 END,
      facts = CASE WHEN pg_catalog.decode(t.probe_id, ''hex'') = ANY ($2) THEN t.facts #- ''{search,probe,sha256}'' ELSE t.facts END',
     '{probe_sha256,photo_sha256,facts,fields,set_aside,identity}'),
    ('access_log', 'probe', 'blank', 50, 't.agency_id = $3 AND t.sha256 = ANY ($2)', 'sha256 = NULL', '{sha256}'),
    ('raw_statement', 'probe', 'blank', 50, 't.agency_id = $3 AND t.probe IS NOT NULL
         AND pg_catalog.decode(facesnxt.probe_shape(NULL, t.probe)->>''sha256'', ''hex'') = ANY ($2)',
     'probe = NULL, statement = ''[expunged]''', '{probe,statement}'),
    -- what is neither of a face nor of a person that is searched for
    ('event_tile', 'none', 'keep', NULL, NULL, NULL, '{hash}'),
    ('checkpoint', 'none', 'keep', NULL, NULL, NULL, '{root}'),
    ('log_check', 'none', 'keep', NULL, NULL, NULL, '{root}'),
    -- salted: facesnxt.audit_forget() takes salt, key and image away
    ('event', 'none', 'keep', NULL, NULL, NULL, '{commitment,hash}'),
    ('pending_event', 'none', 'keep', NULL, NULL, NULL, '{digest}'),
    ('email_token', 'none', 'keep', NULL, NULL, NULL, '{sha256}'),
    ('mail', 'none', 'keep', NULL, NULL, NULL, '{body}'),
    ('model', 'none', 'keep', NULL, NULL, NULL, '{sha256,onnx}'),
    ('policy_rule', 'none', 'keep', NULL, NULL, NULL, '{value}'),
    ('policy_version', 'none', 'keep', NULL, NULL, NULL, '{document}'),
    ('shipped_policy', 'none', 'keep', NULL, NULL, NULL, '{document}'),
    -- what an officer stated: it goes with the record of the search
    ('exigent_papers', 'none', 'keep', NULL, NULL, NULL, '{fields}'),
    ('external_search', 'none', 'keep', NULL, NULL, NULL, '{fields,facts}'),
    ('report', 'none', 'keep', NULL, NULL, NULL, '{items}'),
    ('ticket', 'none', 'keep', NULL, NULL, NULL, '{set_aside,facts,request}');

-- ---- retention: rows by their own ids

INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches, sets, columns) VALUES
    ('probe_template', 'templates', 'delete', 10, 't.search_id = ANY ($1)', NULL, NULL),
    ('raw_statement', 'templates', 'blank', 20, 't.statement_id = ANY ($1)', 'probe = NULL, statement = ''[expunged]''', '{probe,statement}'),
    -- a candidate that somebody compared or found evidence about stays as long as the search
    ('candidate', 'candidates', 'delete', 10, 't.search_id = ANY ($1) AND NOT facesnxt.worked_on(t.search_id, t.person_id)', NULL, NULL),
    ('raw_row', 'candidates', 'delete', 20, 't.statement_id = ANY ($1)', NULL, NULL),
    ('comparison_finding', 'searches', 'delete', 10,
     'EXISTS (SELECT FROM facesnxt.comparison c WHERE c.comparison_id = t.comparison_id AND c.search_id = ANY ($1))', NULL, NULL),
    ('raw_row', 'log', 'delete', 10, 't.statement_id = ANY ($1)', NULL, NULL),
    ('raw_statement', 'log', 'delete', 20, 't.statement_id = ANY ($1)', NULL, NULL),
    ('access_log', 'log', 'delete', 30, 't.access_id = ANY ($1)', NULL, NULL),
    ('refused_step', 'log', 'delete', 30, 't.refusal_id = ANY ($1)', NULL, NULL),
    ('external_search', 'log', 'delete', 30, 't.external_id = ANY ($1)', NULL, NULL),
    ('verification', 'log', 'delete', 30, 't.verification_id = ANY ($1)', NULL, NULL);
INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches)
SELECT p.relation, 'searches', 'delete', 10 + p.place, 't.search_id = ANY ($1)'
FROM unnest(ARRAY['withdrawal', 'comparison', 'review', 'match_decision', 'identification', 'confirmation', 'corroboration', 'outcome',
                  'outcome_notice', 'quality_notice', 'report', 'delivery', 'case_link', 'exigent_papers', 'action', 'probe_template',
                  'candidate', 'search']::name[]) WITH ORDINALITY AS p (relation, place);

-- Replays, what is learnt from faces, and audits: as far as they are there.
INSERT INTO facesnxt.erase_rule (relation, scope, act, place, matches, sets, columns)
SELECT v.relation::name, v.scope, v.act, v.place, v.matches, NULL, v.columns::name[]
FROM (VALUES
    ('reference_end', 'person', 'keep', NULL::int, NULL, '{person_id,reference_id}'),
    ('staff_person', 'person', 'delete', 35, 't.person_id = ANY ($1)', NULL),
    ('replay', 'person', 'keep', NULL, NULL, '{list}'),
    ('staff_face', 'none', 'keep', NULL, NULL, '{template}'),
    ('setting_proposal', 'none', 'keep', NULL, NULL, '{evidence}'),
    ('audit_pack', 'none', 'keep', NULL, NULL, '{parameters,sha256,root_hash}'),
    ('replay', 'searches', 'delete', 10, 't.search_id = ANY ($1)', NULL),
    ('discrepancy_resolution', 'audits', 'delete', 10,
     'EXISTS (SELECT FROM facesnxt.discrepancy d WHERE d.discrepancy_id = t.discrepancy_id AND d.pack_id = ANY ($1))', NULL),
    ('discrepancy', 'audits', 'delete', 20, 't.pack_id = ANY ($1)', NULL),
    ('audit_request_step', 'audits', 'delete', 20, 't.pack_id = ANY ($1)', NULL),
    ('audit_submission', 'audits', 'delete', 20, 't.pack_id = ANY ($1)', NULL),
    ('audit_signoff', 'audits', 'delete', 20, 't.pack_id = ANY ($1)', NULL),
    ('audit_pack', 'audits', 'delete', 30, 't.pack_id = ANY ($1)', NULL)) AS v (relation, scope, act, place, matches, columns)
WHERE to_regclass('facesnxt.' || v.relation) IS NOT NULL;
