-- A policy to begin with, for an agency that writes its own.

INSERT INTO facesnxt.shipped_policy (code, document) VALUES ('EXAMPLE', $policy$
{
  "title": "A policy to begin with",
  "purposes": [
    {"code": "suspect", "description": "Identify a suspect of a criminal investigation", "class": "criminal_justice", "clause": "EXAMPLE-1.a"},
    {"code": "witness_or_victim", "description": "Identify a witness or victim of a crime", "class": "criminal_justice", "clause": "EXAMPLE-1.b"},
    {"code": "deceased", "description": "Identify a deceased person", "class": "assistance", "clause": "EXAMPLE-1.c"}
  ],
  "rules": [
    {"rule": "purpose_listed", "clause": "EXAMPLE-1", "value": true},
    {"rule": "case_number", "clause": "EXAMPLE-2", "value": "required"},
    {"rule": "case_open", "clause": "EXAMPLE-2", "value": true}
  ]
}
$policy$);
