-- What accounts are judged by: who holds which office, approvals, the roster,
-- courses, agreements, memoranda and units. All of it is appended to.

CREATE TABLE facesnxt.office (
    office text PRIMARY KEY CHECK (office <> ''),
    sole boolean NOT NULL,
    appointed_by text REFERENCES facesnxt.office,
    clause text,
    description text NOT NULL,
    shipped boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE facesnxt.office IS 'Offices that policies name; whoever holds one by an appointment acts in it';
COMMENT ON COLUMN facesnxt.office.sole IS 'One holder at a time in each agency: a new one follows the former (NS-D.3)';
COMMENT ON COLUMN facesnxt.office.appointed_by IS 'Office that appoints; NULL: an administrator';
INSERT INTO facesnxt.office (office, sole, appointed_by, clause, shipped, description) VALUES
    ('chief', true, NULL, NULL, true, 'Chief of police; a designee is appointed as such'),
    ('supervisor', false, NULL, NULL, true, 'Supervisor, of one unit or of the agency'),
    ('investigative_section_commander', true, NULL, NULL, true, 'Commander of the Investigative Section'),
    ('investigative_section_major', true, NULL, NULL, true, 'Major over the Investigative Section'),
    ('system_administrator', false, NULL, NULL, true, 'Approves or denies accounts'),
    ('facesnxt_administrator', false, NULL, NULL, true, 'Manages accounts for the department'),
    ('facial_recognition_administrator', true, 'chief', 'NS-D.3', true, 'Oversight and technical contact, designated by the Chief'),
    ('program_administrator', false, NULL, NULL, true, 'Reviews and performs audits'),
    ('intel_supervisor', false, NULL, NULL, true, 'Audits are asked for through this office'),
    ('rtcc_supervisor', false, NULL, NULL, true, 'Supervisor of the Real Time Crime Center'),
    ('trainer', false, NULL, NULL, true, 'Says who passed a course');
SELECT pg_catalog.pg_extension_config_dump('facesnxt.office', 'WHERE NOT shipped');
REVOKE ALL ON TABLE facesnxt.office FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.office TO facesnxt_auditor, facesnxt_admin, facesnxt_member;

CREATE TABLE facesnxt.appointment (
    appointment_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    office text NOT NULL REFERENCES facesnxt.office,
    role regrole NOT NULL,
    unit text,
    designee boolean NOT NULL,
    email text,
    until_at timestamptz
);
CREATE INDEX ON facesnxt.appointment (role);
COMMENT ON TABLE facesnxt.appointment IS 'Who was appointed to which office, from when, for which unit and until when (NS-D.3)';
CREATE TABLE facesnxt.appointment_end (
    appointment_id uuid PRIMARY KEY REFERENCES facesnxt.appointment,
    reason text NOT NULL CHECK (reason <> '')
);
COMMENT ON TABLE facesnxt.appointment_end IS 'Appointments that ended before their term';

CREATE TABLE facesnxt.registration_approval (
    approval_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    applicant regrole NOT NULL,
    office text NOT NULL REFERENCES facesnxt.office,
    persons regrole[] NOT NULL,
    note text
);
CREATE INDEX ON facesnxt.registration_approval (applicant);
COMMENT ON TABLE facesnxt.registration_approval IS 'Who approved a registration before it was made, each another person (NM-V.A.2, NP-VI.D.2.a)';
COMMENT ON COLUMN facesnxt.registration_approval.persons IS 'Roles of the person who approved: the acting one, and the one that logged on unless it is a gateway''s';

CREATE TABLE facesnxt.email_domain (
    agency_id uuid REFERENCES facesnxt.agency,
    domain text CHECK (domain = pg_catalog.lower(domain) AND domain ~ '^[a-z0-9.-]+\.[a-z]+$'),
    PRIMARY KEY (agency_id, domain)
);
COMMENT ON TABLE facesnxt.email_domain IS 'The agency''s own e-mail domains (SP-IV.A.1.c.1.a)';
CREATE TABLE facesnxt.email_token (
    sha256 bytea PRIMARY KEY CHECK (pg_catalog.length(sha256) = 32),
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    email text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ON facesnxt.email_token (account_id);
COMMENT ON TABLE facesnxt.email_token IS 'SHA-256 of the tokens that were mailed to verify an address, and until when each holds (SP-IV.A.1.d)';

CREATE TABLE facesnxt.roster (
    entry_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    payroll_number text NOT NULL CHECK (payroll_number <> ''),
    name text NOT NULL,
    email text CHECK (email = pg_catalog.lower(email)),
    sworn boolean NOT NULL DEFAULT true,
    separated boolean NOT NULL DEFAULT false
);
CREATE INDEX ON facesnxt.roster (agency_id, payroll_number);
COMMENT ON TABLE facesnxt.roster IS 'The agency''s staff, sworn and civilian (SP-II.A, MI-4.2); the newest entry of a payroll number counts';

CREATE TABLE facesnxt.course_version (
    agency_id uuid REFERENCES facesnxt.agency,
    course text CHECK (course <> ''),
    version int CHECK (version > 0),
    retake boolean NOT NULL,
    instructions text,
    PRIMARY KEY (agency_id, course, version)
);
COMMENT ON TABLE facesnxt.course_version IS 'Courses and their versions (SP-IV.A.1.f)';
COMMENT ON COLUMN facesnxt.course_version.retake IS 'Whoever passed an earlier version must pass this one';
CREATE TABLE facesnxt.course_assignment (
    account_id uuid REFERENCES facesnxt.account,
    agency_id uuid NOT NULL,
    course text,
    version int,
    PRIMARY KEY (account_id, course, version),
    FOREIGN KEY (agency_id, course, version) REFERENCES facesnxt.course_version
);
COMMENT ON TABLE facesnxt.course_assignment IS 'Courses that an account was told to take, once it was approved';
CREATE TABLE facesnxt.course_result (
    result_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id uuid NOT NULL,
    course text NOT NULL,
    version int NOT NULL,
    passed boolean NOT NULL,
    FOREIGN KEY (account_id, course, version) REFERENCES facesnxt.course_assignment
);
CREATE INDEX ON facesnxt.course_result (account_id);
COMMENT ON TABLE facesnxt.course_result IS 'Who passed which version of a course, and who did not';

CREATE TABLE facesnxt.agreement_version (
    agency_id uuid REFERENCES facesnxt.agency,
    number int,
    body text NOT NULL CHECK (body <> ''),
    PRIMARY KEY (agency_id, number)
);
COMMENT ON TABLE facesnxt.agreement_version IS 'User agreements, or terms of service; the newest one is in force (NM-V.A.1, MI-4.5.4)';
CREATE TABLE facesnxt.acknowledgement (
    acknowledgement_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    kind text NOT NULL CHECK (kind IN ('agreement', 'limitations', 'training')),
    agreement int,
    payroll_number text,
    CHECK ((kind = 'agreement') = (agreement IS NOT NULL) AND (kind = 'training') = (payroll_number IS NOT NULL))
);
CREATE INDEX ON facesnxt.acknowledgement (account_id);
COMMENT ON TABLE facesnxt.acknowledgement IS
'What a person accepted or acknowledged: an agreement, the limits and bias of face recognition (MI-4.4.b), the training by payroll number (SP-IV.A.1.g)';

CREATE TABLE facesnxt.mou (
    mou_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    title text NOT NULL,
    parties text[] NOT NULL CHECK (pg_catalog.cardinality(parties) > 0),
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    CHECK (from_at < until_at)
);
COMMENT ON TABLE facesnxt.mou IS 'Memoranda of understanding of an agency: the other parties, and the term (NM-V.E.1)';
CREATE TABLE facesnxt.mou_end (
    mou_id uuid PRIMARY KEY REFERENCES facesnxt.mou,
    reason text NOT NULL CHECK (reason <> '')
);
COMMENT ON TABLE facesnxt.mou_end IS 'Memoranda that ended before their term';

CREATE TABLE facesnxt.unit_membership (
    membership_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    role regrole NOT NULL,
    unit text NOT NULL CHECK (unit <> '')
);
CREATE INDEX ON facesnxt.unit_membership (role);
COMMENT ON TABLE facesnxt.unit_membership IS 'Who was put into which unit; the newest row counts, a second one is a transfer (NM-VII.E.2)';
CREATE TABLE facesnxt.unit_exception (
    exception_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    office text NOT NULL REFERENCES facesnxt.office,
    until_at timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> '')
);
CREATE INDEX ON facesnxt.unit_exception (account_id);
COMMENT ON TABLE facesnxt.unit_exception IS 'Members of other units who may search: let by whom, until when (NM-VI.A, NS-32.6.1)';

CREATE TABLE facesnxt.violation (
    violation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    kind text NOT NULL CHECK (kind <> ''),
    description text NOT NULL CHECK (description <> ''),
    search_id uuid
);
CREATE INDEX ON facesnxt.violation (account_id);
COMMENT ON TABLE facesnxt.violation IS 'Violations of a policy, to which a revocation refers (NM-V.D, NM-IX.A.7)';
ALTER TABLE facesnxt.account_event ADD FOREIGN KEY (violation_id) REFERENCES facesnxt.violation;

CREATE TABLE facesnxt.mail (
    mail_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    account_id uuid REFERENCES facesnxt.account,
    recipient_role regrole NOT NULL,
    recipient text,
    kind text NOT NULL,
    body jsonb NOT NULL
);
COMMENT ON TABLE facesnxt.mail IS 'What is to be mailed; NOTIFY facesnxt_mail tells a program that sends it by take_mail()';
COMMENT ON COLUMN facesnxt.mail.body IS 'What the mail says; never a token, which is made when the mail is taken';
CREATE TABLE facesnxt.mail_taken (
    mail_id uuid PRIMARY KEY REFERENCES facesnxt.mail
);
COMMENT ON TABLE facesnxt.mail_taken IS 'Mails that were handed to the program that sends them';

-- Each row says who made it; nobody changes it.
DO $$
DECLARE
    kept name;
BEGIN
    FOREACH kept IN ARRAY ARRAY['account_event', 'appointment', 'appointment_end', 'registration_approval', 'email_domain',
        'email_token', 'roster', 'course_version', 'course_assignment', 'course_result', 'agreement_version', 'acknowledgement',
        'mou', 'mou_end', 'unit_membership', 'unit_exception', 'violation', 'mail', 'mail_taken']::name[]
    LOOP
        IF kept <> 'account_event' THEN
            EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I
                ADD by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
                ADD by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
                ADD at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()', kept);
        END IF;
        PERFORM facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin');
    END LOOP;
END
$$;
