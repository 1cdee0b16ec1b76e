-- Policy of the St. Petersburg Police Department: General Order II-47.
-- The text ends within IV.B.2 and its section V, Audits, is not known: nothing is made up for it.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('SP', $policy$
{
  "title": "Facial Recognition Software - Face Analysis Comparison and Examination System",
  "number": "General Order II-47",
  "issued": "2022-04-01",
  "revised": "2022-05-18",
  "distribution": "all employees",
  "purposes": [
    {"code": "criminal_investigation", "description": "Investigate a crime", "class": "criminal_justice", "clause": "SP-I.B"},
    {"code": "criminal_justice", "description": "Another purpose of criminal justice", "class": "criminal_justice", "clause": "SP-I.B", "fields": ["limb"]}
  ],
  "rules": [
    {"rule": "account_in_order", "clause": "SP-IV.A.1", "value": true},
    {"rule": "purpose_listed", "clause": "SP-I.A", "value": true},
    {"rule": "purpose_classes", "clause": "SP-I.B", "value": ["criminal_justice"]},
    {"rule": "purpose_fields", "clause": "SP-I.B", "value": true},
    {"rule": "case_number", "clause": "SP-I.A", "value": "if applicable"},
    {"rule": "activation_by", "clause": "SP-IV.A.1.e", "value": "system_administrator"},
    {"rule": "department_email", "clause": "SP-IV.A.1.c.1.a", "value": true},
    {"rule": "verification_hours", "clause": "SP-IV.A.1.d", "value": 72},
    {"rule": "training", "clause": "SP-IV.A.1.f", "value": ["BFAS Information", "Cyber Security Awareness"]},
    {"rule": "training_acknowledged", "clause": "SP-IV.A.1.g", "value": true},
    {"rule": "account_manager", "clause": "SP-IV.A.2", "value": "facesnxt_administrator"},
    {"rule": "revocation_reasons", "clause": "SP-IV.A.2", "value": ["no need", "separation"]},
    {"rule": "evaluator", "clause": "SP-IV.B.2", "value": ["searcher", "investigator", "supervisor"]},
    {"rule": "confirmed_by", "clause": "SP-I.C", "value": "department"},
    {"rule": "determination_before", "clause": "SP-I.C", "value": ["arrest", "arrest warrant", "search warrant", "witness contact", "next-of-kin notice", "other"]},
    {"rule": "worksheet", "clause": "SP-III.F", "value": ["eyes", "ears", "nose", "chin", "mouth", "hair", "structure", "scars", "marks", "blemishes", "tattoos", "complexion", "gender", "age"]},
    {"rule": "not_sole_basis", "clause": "SP-I.D", "value": ["arrest"]},
    {"rule": "other_systems_registered", "clause": "SP-I.A", "value": true}
  ]
}
$policy$);
