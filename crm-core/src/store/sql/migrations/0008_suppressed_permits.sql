-- What permits knows whether its contact point is suppressed, so that no statement hashes one. All of
-- the table follows from the ledger, and is written anew.

DROP TABLE crm_consent_permit;

CREATE TABLE crm_consent_permit (
    -- What follows from the ledger: events that permit, and against which nothing stands for ever.
    subject_id BLOB NOT NULL,              -- 16 bytes: the record
    event_id BLOB NOT NULL,                -- 16 bytes
    channel TEXT NOT NULL,
    purpose TEXT NOT NULL,
    controller TEXT,                       -- NULL: every one, or where something is permitted none in particular
    basis TEXT NOT NULL,
    proof INTEGER NOT NULL,                -- 0 none, 1 one step, 2 request and confirmation
    notice TEXT,
    language TEXT,
    notice_version INTEGER,
    valid_from INTEGER NOT NULL,           -- microseconds UTC: given, and no restriction of a time lasts
    valid_until INTEGER,                   -- microseconds UTC
    paused_until INTEGER,                  -- microseconds UTC
    active_at INTEGER NOT NULL,            -- microseconds UTC: given or last used
    by_guardian INTEGER NOT NULL,          -- 0 or 1
    minor_until INTEGER,                   -- microseconds UTC
    is_suppressed INTEGER NOT NULL,        -- 0 or 1: whether the contact point of the event is
    PRIMARY KEY (subject_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_permit_by_purpose ON crm_consent_permit (purpose, channel);
CREATE INDEX crm_consent_permit_suppressed ON crm_consent_permit (subject_id) WHERE is_suppressed;

-- An erasure keeps the name of the type, as the row of the journal has it: a list may name a type that
-- the file does not know.

CREATE TABLE crm_erasure_before AS
SELECT e.seq, e.record_id, coalesce(j.entity_type, t.name) AS entity_type, e.erased_at, e.reason
FROM crm_erasure e JOIN crm_type t ON t.id = e.type_id LEFT JOIN crm_journal j ON j.seq = e.seq;

DROP TABLE crm_erasure;

CREATE TABLE crm_erasure (
    -- Records of persons that were erased. It says nothing about them.
    seq INTEGER PRIMARY KEY,               -- of the row in the journal
    record_id BLOB NOT NULL UNIQUE,        -- 16 bytes
    entity_type TEXT NOT NULL,             -- by name: the file may not know it
    erased_at INTEGER NOT NULL,            -- microseconds UTC
    reason TEXT NOT NULL
) STRICT;

INSERT INTO crm_erasure (seq, record_id, entity_type, erased_at, reason)
SELECT seq, record_id, entity_type, erased_at, reason FROM crm_erasure_before;

DROP TABLE crm_erasure_before;
