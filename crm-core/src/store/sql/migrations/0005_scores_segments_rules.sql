-- Segments, scores and rules, and when what depends on time is to be asked again.

CREATE TABLE crm_timer (
    room INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (room, owner, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_timer_by_due ON crm_timer (due_at);

CREATE TABLE crm_score_model (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    filled INTEGER,
    latest INTEGER
) STRICT;

CREATE TABLE crm_score_version (
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    version INTEGER NOT NULL,
    definition TEXT NOT NULL,
    published_at INTEGER,
    retired_at INTEGER,
    PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_score (
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    record_id BLOB NOT NULL,
    version INTEGER NOT NULL,
    threshold TEXT,
    as_of INTEGER NOT NULL,
    until INTEGER,
    fixed INTEGER NOT NULL,
    fading INTEGER NOT NULL,
    sheet BLOB NOT NULL,
    PRIMARY KEY (model, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_score_by_rank ON crm_score (model, version, fixed, fading DESC, record_id);
CREATE INDEX crm_score_by_until ON crm_score (model, version, until) WHERE until IS NOT NULL;

CREATE TABLE crm_score_crossing (
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    record_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    threshold TEXT NOT NULL,
    is_up INTEGER NOT NULL,
    at INTEGER NOT NULL,
    score INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (model, record_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_score_points (
    -- Points that were added to what records score; the row of the journal says why.
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    seq INTEGER NOT NULL,                  -- of the row in the journal
    group_name TEXT NOT NULL,              -- of the model
    points INTEGER NOT NULL,               -- whole points
    at INTEGER NOT NULL,                   -- microseconds UTC: since when they count
    PRIMARY KEY (model, record_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_segment (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE crm_segment_member (
    segment INTEGER NOT NULL REFERENCES crm_segment (id),
    record_id BLOB NOT NULL,
    entered_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (segment, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_segment_change (
    segment INTEGER NOT NULL REFERENCES crm_segment (id),
    record_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    is_member INTEGER NOT NULL,
    PRIMARY KEY (segment, record_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_segment_change_by_time ON crm_segment_change (segment, at, is_member);

CREATE TABLE crm_rule (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    uid BLOB NOT NULL,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

-- Consent: what it is about, the ledger, and what follows from it.

CREATE TABLE crm_channel (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_party (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_policy (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_purpose (
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_notice (
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    asks_again INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (name, language, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_consent_event (
    subject_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    kind TEXT NOT NULL,
    channel TEXT,
    purpose TEXT,
    controller TEXT,
    contact_point TEXT,
    basis TEXT,
    proof INTEGER NOT NULL,
    notice TEXT,
    language TEXT,
    notice_version INTEGER,
    occurred_at INTEGER NOT NULL,
    expires_at INTEGER,
    supersedes BLOB,
    by_guardian INTEGER NOT NULL,
    frequency_most INTEGER,
    frequency_within TEXT,
    PRIMARY KEY (subject_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_consent_permit (
    subject_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    purpose TEXT NOT NULL,
    controller TEXT,
    basis TEXT NOT NULL,
    proof INTEGER NOT NULL,
    notice TEXT,
    language TEXT,
    notice_version INTEGER,
    valid_from INTEGER NOT NULL,
    valid_until INTEGER,
    paused_until INTEGER,
    active_at INTEGER NOT NULL,
    by_guardian INTEGER NOT NULL,
    minor_until INTEGER,
    PRIMARY KEY (subject_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_permit_by_purpose ON crm_consent_permit (purpose, channel);

CREATE TABLE crm_consent_block (
    subject_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT,
    purpose TEXT,
    controller TEXT,
    until INTEGER,
    PRIMARY KEY (subject_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_consent_request (
    token BLOB PRIMARY KEY,
    body TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_request_by_end ON crm_consent_request (expires_at);
CREATE INDEX crm_consent_request_by_subject ON crm_consent_request (body ->> '$.subject.id');

CREATE TABLE crm_consent_link (
    token BLOB PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    subject_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    purpose TEXT,
    controller TEXT,
    contact_point TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_learned_score (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    score TEXT NOT NULL,
    archived_at INTEGER,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE crm_person_link (
    a_id BLOB NOT NULL,
    b_id BLOB NOT NULL,
    a_type INTEGER NOT NULL REFERENCES crm_type (id),
    b_type INTEGER NOT NULL REFERENCES crm_type (id),
    linked_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (a_id, b_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_person_link_by_other ON crm_person_link (b_id);

CREATE INDEX crm_consent_link_by_subject ON crm_consent_link (subject_id);

CREATE INDEX crm_journal_by_rule_subject ON crm_journal (body ->> '$.id')
    WHERE kind IN ('event_emitted', 'rule_ran', 'rule_skipped');
CREATE INDEX crm_journal_by_visitor ON crm_journal (body ->> '$.visitor')
    WHERE kind IN ('visitor_identified', 'visitor_released');
CREATE INDEX crm_journal_by_person ON crm_journal (body ->> '$.a.id')
    WHERE kind IN ('people_linked', 'people_unlinked');
CREATE INDEX crm_journal_by_other_person ON crm_journal (body ->> '$.b.id')
    WHERE kind IN ('people_linked', 'people_unlinked');
CREATE INDEX crm_journal_by_file ON crm_journal (body ->> '$.hash')
    WHERE kind = 'file_added';

CREATE INDEX crm_choice_by_record ON crm_choice (record_id);

CREATE INDEX crm_activity_by_former_subject ON crm_activity (subject)
    WHERE subject IS NOT NULL AND superseded_by IS NOT NULL;

CREATE TABLE crm_retention (
    name TEXT PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_erasure (
    seq INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    erased_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE crm_suppression (
    hash BLOB PRIMARY KEY,
    record_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_suppression_by_record ON crm_suppression (record_id);

CREATE TABLE crm_consent_proof (
    record_id BLOB NOT NULL,
    event_id BLOB NOT NULL,
    keep_until INTEGER NOT NULL,
    proof TEXT NOT NULL,
    PRIMARY KEY (record_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_proof_by_end ON crm_consent_proof (keep_until);

-- The chain of the journal. The engine fills it for the rows that are there.

ALTER TABLE crm_actor ADD COLUMN salt BLOB;
ALTER TABLE crm_actor ADD COLUMN commitment BLOB;
ALTER TABLE crm_journal ADD COLUMN salt BLOB;
ALTER TABLE crm_journal ADD COLUMN commitment BLOB;
ALTER TABLE crm_journal ADD COLUMN hash BLOB;
