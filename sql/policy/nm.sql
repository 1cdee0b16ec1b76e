-- Policy of the North Miami Police Department: Standard Operating Procedures 400.23.
-- Its second section VII, Authorized use, is counted as VIII here, as in its own list of contents.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('NM', $policy$
{
  "title": "Face Analysis Comparison & Examination System Next (FACESNXT)",
  "number": "Standard Operating Procedures 400.23",
  "issued": "2022-07-08",
  "revised": null,
  "distribution": "all members",
  "purposes": [
    {"code": "criminal_investigation", "description": "Potential suspects, witnesses or victims in a criminal investigation", "class": "criminal_justice", "clause": "NM-VIII.A.1"},
    {"code": "lawfully_detained", "description": "Lawfully detained, refusing to identify or not to be identified", "class": "criminal_justice", "clause": "NM-VIII.A.2", "fields": ["limb"]},
    {"code": "internal_affairs", "description": "Persons involved in an Internal Affairs investigation", "class": "administrative", "clause": "NM-VIII.A.3"},
    {"code": "needs_assistance", "description": "In need of help and unable to identify themselves", "class": "assistance", "clause": "NM-VIII.A.4"},
    {"code": "deceased", "description": "Unidentified deceased", "class": "assistance", "clause": "NM-VIII.A.5"}
  ],
  "rules": [
    {"rule": "account_in_order", "clause": "NM-V.E.3", "value": true},
    {"rule": "mou", "clause": "NM-V.E.1", "value": {"driver_licence": ["sheriff", "dhsmv"], "booking": ["sheriff"]}},
    {"rule": "units", "clause": "NM-VI.A", "value": ["Investigative Section", "Accident Investigative Unit"]},
    {"rule": "unit_exception_by", "clause": "NM-VI.A", "value": "chief"},
    {"rule": "purpose_listed", "clause": "NM-VIII.A", "value": true},
    {"rule": "purpose_fields", "clause": "NM-VIII.A.2", "value": true},
    {"rule": "case_number", "clause": "NM-VI.B.1", "value": "required"},
    {"rule": "case_open", "clause": "NM-IX.A.2", "value": true},
    {"rule": "case_assigned", "force": "should", "clause": "NM-IX.A.2", "value": true},
    {"rule": "reason", "clause": "NM-VI.C", "value": true},
    {"rule": "attestation", "clause": "NM-IX.A.5", "value": true},
    {"rule": "registration_approvals", "clause": "NM-V.A.2", "value": ["supervisor", "investigative_section_commander"]},
    {"rule": "training", "clause": "NM-V.E.3", "value": ["FACESNXT online training"]},
    {"rule": "agreement", "clause": "NM-V.A.1", "value": true},
    {"rule": "account_manager", "clause": "NM-VII.E", "value": "investigative_section_commander"},
    {"rule": "revocation_reasons", "clause": "NM-VII.E", "value": ["separation", "transfer", "misuse", "dissemination"]},
    {"rule": "evaluator", "clause": "NM-VI.D", "value": ["searcher"]},
    {"rule": "confirmed_by", "clause": "NM-V.E.2", "value": "searcher"},
    {"rule": "determination_before", "clause": "NM-V.E.2", "value": ["arrest", "arrest warrant", "search warrant"]},
    {"rule": "corroboration", "clause": "NM-VI.D", "value": ["reports", "interviews", "line-up", "latent prints", "DNA"]},
    {"rule": "not_sole_basis", "clause": "NM-VI.E", "value": ["arrest warrant", "search warrant", "arrest"]},
    {"rule": "report", "clause": "NM-VI.C", "value": {"kind": "case report", "days": 7, "items": ["reason", "match"]}},
    {"rule": "outcome_days", "clause": "NM-VI.C", "value": 30},
    {"rule": "pii_views_logged", "clause": "NM-V.C", "value": true},
    {"rule": "audit_months", "clause": "NM-VII.B", "value": 1},
    {"rule": "memorandum_months", "clause": "NM-VII.C", "value": 3},
    {"rule": "memorandum_to", "clause": "NM-VII.C", "value": "investigative_section_major"},
    {"rule": "auditor", "clause": "NM-VII.B", "value": "investigative_section_commander"},
    {"rule": "substantiation_days", "clause": "NM-VII.B", "value": 7},
    {"rule": "audit_days", "clause": "NM-VII.B", "value": 7},
    {"rule": "time_zone", "clause": "NM-VII.B", "value": "America/New_York"}
  ]
}
$policy$);
