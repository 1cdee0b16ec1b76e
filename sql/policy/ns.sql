-- Policy of the New Smyrna Beach Police Department: 32-6.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('NS', $policy$
{
  "title": "Face Analysis Comparison and Examination System",
  "number": "32-6",
  "issued": "2022-05-01",
  "revised": null,
  "distribution": null,
  "purposes": [
    {"code": "criminal_investigation", "description": "Suspects, victims or witnesses during a criminal investigation", "class": "criminal_justice", "clause": "NS-32.6.2.1"},
    {"code": "lawfully_detained", "description": "Lawfully detained, refusing to identify and not to be identified by other means", "class": "criminal_justice", "clause": "NS-32.6.2.2", "fields": ["other_means"]},
    {"code": "threat", "description": "Reasonable belief of a threat to public safety or public health", "class": "safety", "clause": "NS-32.6.2.3", "fields": ["threat", "health_threat"]},
    {"code": "unable_to_identify", "description": "Unable to identify themselves: incapacitated, deceased or at risk", "class": "assistance", "clause": "NS-32.6.2.4", "fields": ["limb"]}
  ],
  "rules": [
    {"rule": "account_in_order", "clause": "NS-32.6.11.2", "value": true},
    {"rule": "units", "clause": "NS-32.6.1", "value": ["Criminal Investigations Unit"]},
    {"rule": "unit_exception_by", "clause": "NS-32.6.1", "value": "chief"},
    {"rule": "purpose_listed", "clause": "NS-32.6.2", "value": true},
    {"rule": "purpose_fields", "clause": "NS-32.6.2", "value": true},
    {"rule": "chief_first", "clause": "NS-32.6.2.3", "value": true},
    {"rule": "case_number", "clause": "NS-32.6.6", "value": "later"},
    {"rule": "incident_type", "clause": "NS-32.6.6.1", "value": true},
    {"rule": "case_open", "clause": "NS-32.6.2.1", "value": true},
    {"rule": "exigent", "clause": "NS-32.6.2.3", "value": {"hours": 24, "papers": ["incident_type", "purpose_fields", "reason"], "purposes": ["threat"]}},
    {"rule": "reason", "clause": "NS-32.6.6.2", "value": true},
    {"rule": "attestation", "clause": "NS-32.6.5.3", "value": true},
    {"rule": "activation_by", "clause": "NS-32.6.11.1", "value": "chief"},
    {"rule": "training", "clause": "NS-32.6.11.2", "value": ["FACESNXT online training"]},
    {"rule": "one_address", "clause": "NS-32.6.11.3", "value": true},
    {"rule": "revocation_reasons", "clause": "NS-32.6.10", "value": ["separation", "misuse", "dissemination"]},
    {"rule": "evaluator", "clause": "NS-C", "value": ["searcher"]},
    {"rule": "confirmed_by", "clause": "NS-32.6.4", "value": "independent means"},
    {"rule": "determination_before", "clause": "NS-C", "value": ["arrest", "arrest warrant", "search warrant", "witness contact", "next-of-kin notice", "other"]},
    {"rule": "corroboration", "clause": "NS-32.6.7", "value": ["line-up", "DAVID photo", "booking photo", "interviews", "other admissible evidence"]},
    {"rule": "admissible", "clause": "NS-32.6.3.a", "value": true},
    {"rule": "supervisor_before", "clause": "NS-32.6.7", "value": ["arrest", "witness contact", "next-of-kin notice"]},
    {"rule": "not_sole_basis", "clause": "NS-32.6.3.b", "value": ["arrest"]},
    {"rule": "report", "clause": "NS-32.6.6", "value": {"kind": "incident report", "days": 7, "items": ["investigation type", "reason", "officer", "results", "person identified", "chief notice"]}},
    {"rule": "outcome_days", "clause": "NS-32.6.6.4", "value": 30},
    {"rule": "other_systems_registered", "clause": "NS-32.6.6", "value": true},
    {"rule": "public_records", "clause": "NS-32.6.12", "value": {"statute": "FSS 119, Directive 26-1", "exempt": false}},
    {"rule": "audit_months", "clause": "NS-32.6.9", "value": 12},
    {"rule": "auditor", "clause": "NS-D.3", "value": "facial_recognition_administrator"},
    {"rule": "auditor_apart", "clause": "NS-D.3", "value": true},
    {"rule": "audit_days", "clause": "NS-32.6.9", "value": 7},
    {"rule": "time_zone", "clause": "NS-32.6.9", "value": "America/New_York"}
  ]
}
$policy$);
