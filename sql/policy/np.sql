-- Policy of the North Port Police Department: Standard Operating Procedure 302.02.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('NP', $policy$
{
  "title": "Facial Recognition Technology",
  "number": "Standard Operating Procedure 302.02",
  "issued": "2022-05-09",
  "revised": null,
  "distribution": null,
  "purposes": [
    {"code": "reasonable_suspicion", "description": "Reasonable suspicion that an identifiable individual has committed, is involved in or is planning a crime", "class": "criminal_justice", "clause": "NP-VI.A.1", "fields": ["suspicion", "limb"]},
    {"code": "active_investigation", "description": "An active or ongoing criminal investigation, or an imminent threat", "class": "criminal_justice", "clause": "NP-VI.A.2"},
    {"code": "unable_to_identify", "description": "Lacks the capacity or is unable to identify: incapacitated, deceased or at risk", "class": "assistance", "clause": "NP-VI.A.3", "fields": ["limb"]},
    {"code": "tip", "description": "Investigate or corroborate tips and leads", "class": "criminal_justice", "clause": "NP-VI.A.4", "fields": ["tip"]},
    {"code": "identity_fraud", "description": "Inaccurate, conflicting or false licences or identification", "class": "criminal_justice", "clause": "NP-VI.A.5", "fields": ["conflicting_documents"]},
    {"code": "witness_or_victim", "description": "Potential witnesses or victims", "class": "criminal_justice", "clause": "NP-VI.A.6"},
    {"code": "critical_incident", "description": "Response to a critical incident", "class": "safety", "clause": "NP-VI.A.7", "fields": ["incident"]},
    {"code": "concealing_identity", "description": "Concealing the identity, with reasonable suspicion of a crime", "class": "criminal_justice", "clause": "NP-VI.A.8", "fields": ["concealment", "suspicion"]}
  ],
  "rules": [
    {"rule": "account_in_order", "clause": "NP-VI.D.2", "value": true},
    {"rule": "units", "clause": "NP-II", "value": ["Investigative Units"]},
    {"rule": "purpose_listed", "clause": "NP-VI.A", "value": true},
    {"rule": "purpose_fields", "clause": "NP-VI.A", "value": true},
    {"rule": "consent", "clause": "NP-VI.A.3.note", "value": true},
    {"rule": "capture_basis", "clause": "NP-VI.B.5", "value": ["none"]},
    {"rule": "case_number", "clause": "NP-VI.A.2", "value": "if applicable"},
    {"rule": "case_open", "clause": "NP-VI.A.2", "value": true},
    {"rule": "exigent", "clause": "NP-VI.A.2", "value": {"hours": 24, "papers": ["case_number", "purpose_fields", "consent"], "purposes": ["active_investigation", "critical_incident"]}},
    {"rule": "attestation", "clause": "NP-VI.B.7.e", "value": true},
    {"rule": "registration_approvals", "clause": "NP-VI.D.2.a", "value": ["supervisor"]},
    {"rule": "training", "clause": "NP-VI.C.3.b", "value": ["FACESNXT online training"]},
    {"rule": "one_address", "clause": "NP-VI.D.2.c", "value": true},
    {"rule": "inactivity_days", "clause": "NP-VI.C.2.c.note", "value": 90},
    {"rule": "licences", "clause": "NP-VI.C.2.c", "value": 10},
    {"rule": "revocation_reasons", "clause": "NP-VI.C.2.c.note", "value": ["inactivity"]},
    {"rule": "original_untouched", "clause": "NP-VI.B.2", "value": true},
    {"rule": "evaluator", "clause": "NP-V.3", "value": ["case_officer"]},
    {"rule": "confirmed_by", "clause": "NP-VI.B.3", "value": "case_officer"},
    {"rule": "determination_before", "clause": "NP-VI.B.3", "value": ["any"]},
    {"rule": "supervisor_before", "clause": "NP-VI.C.1", "value": ["any"]},
    {"rule": "not_sole_basis", "clause": "NP-VI.B.1", "value": ["arrest"]},
    {"rule": "systems", "clause": "NP-VI.D.1", "value": ["FACESNXT"]},
    {"rule": "public_records", "clause": "NP-VI.B.6", "value": {"statute": "Florida statutes", "exempt": true}},
    {"rule": "audit_months", "clause": "NP-VI.C.2.c", "value": 12},
    {"rule": "auditor", "clause": "NP-VI.C.2.b", "value": "program_administrator"},
    {"rule": "audit_request_by", "clause": "NP-VI.C.2.a", "value": "intel_supervisor"},
    {"rule": "audit_days", "clause": "NP-VI.C.2.c", "value": 7},
    {"rule": "time_zone", "clause": "NP-VI.C.2.c", "value": "America/New_York"},
    {"rule": "publication_threshold", "clause": "NP-VI.C.2", "value": 10}
  ]
}
$policy$);
