-- Policy of the Miami Police Department: Departmental Order 16, chapter 4.
-- 4.5.3.4 refers to a paragraph 4.5.4.3 that does not exist; 4.5.3.3 is meant.
-- 4.1 speaks of imminent threats, the closed list of 4.5.1 does not: the list counts.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('MI', $policy$
{
  "title": "Facial Recognition Technology",
  "number": "Departmental Order 16, chapter 4",
  "issued": null,
  "revised": null,
  "distribution": null,
  "purposes": [
    {"code": "criminal_investigation", "description": "Potential suspects, witnesses or victims in a criminal investigation", "class": "criminal_justice", "clause": "MI-4.5.1.a"},
    {"code": "internal_affairs", "description": "Persons involved in an Internal Affairs investigation", "class": "administrative", "clause": "MI-4.5.1.b"},
    {"code": "needs_assistance", "description": "In need of help and unable to identify themselves", "class": "assistance", "clause": "MI-4.5.1.c"},
    {"code": "deceased", "description": "Unidentified deceased", "class": "assistance", "clause": "MI-4.5.1.d"},
    {"code": "lawfully_detained", "description": "Lawfully detained, refusing to identify or not to be identified", "class": "criminal_justice", "clause": "MI-4.5.1.e", "fields": ["limb"]}
  ],
  "rules": [
    {"rule": "account_in_order", "clause": "MI-4.5.4", "value": true},
    {"rule": "units", "clause": "MI-4.5", "value": ["Real Time Crime Center"]},
    {"rule": "unit_exception_by", "clause": "MI-4.2", "value": "chief"},
    {"rule": "purpose_listed", "clause": "MI-4.5.1", "value": true},
    {"rule": "purpose_fields", "clause": "MI-4.5.1.e", "value": true},
    {"rule": "case_number", "clause": "MI-4.5.3.1", "value": "if applicable"},
    {"rule": "incident_type", "clause": "MI-4.5.3.1", "value": true},
    {"rule": "attestation", "clause": "MI-4.5.2.c", "value": true},
    {"rule": "request_desk", "clause": "MI-4.5.3.1", "value": true},
    {"rule": "subsequent", "clause": "MI-4.5.3.4", "value": true},
    {"rule": "pace", "clause": "MI-4.5.2.d", "value": {"searches": 30, "minutes": 10, "probes": 15}},
    {"rule": "still_only", "clause": "MI-4.3.1", "value": true},
    {"rule": "activation_by", "clause": "MI-4.2", "value": "chief"},
    {"rule": "limitations_acknowledged", "clause": "MI-4.4.b", "value": true},
    {"rule": "agreement", "clause": "MI-4.5.4", "value": true},
    {"rule": "evaluator", "clause": "MI-4.3.4.1.a", "value": ["lead_investigator", "arresting_officer"]},
    {"rule": "corroboration", "clause": "MI-4.3.4.1.a", "value": ["reports", "interviews", "line-up", "latent prints", "DNA"]},
    {"rule": "dispositions", "clause": "MI-4.5.3.2.c", "value": true},
    {"rule": "all_results", "clause": "MI-4.5.3.2.a", "value": true},
    {"rule": "probe_quality_acknowledged", "clause": "MI-4.3.4.1.b", "value": true},
    {"rule": "not_sole_basis", "clause": "MI-4.3.2", "value": ["arrest"]},
    {"rule": "outcome_notice", "clause": "MI-4.5.3.3.b", "value": true},
    {"rule": "outcome_days", "clause": "MI-4.5.3.3.b", "value": 30},
    {"rule": "systems", "clause": "MI-4.3.5", "value": ["FACES", "commercial platform"]},
    {"rule": "audit_months", "clause": "MI-4.5.5", "value": 1},
    {"rule": "auditor", "clause": "MI-4.5.5", "value": "rtcc_supervisor"},
    {"rule": "audit_days", "clause": "MI-4.5.5", "value": 7},
    {"rule": "time_zone", "clause": "MI-4.5.5", "value": "America/New_York"}
  ]
}
$policy$);
