-- The present schema of the engine's own tables, whole, as a new file gets it.
-- Entity types add a table each of their own name at run time; those are not listed here.
-- A change here needs a migration that leads an older file to the same schema.

CREATE TABLE crm_meta (
    -- Facts about the file itself, such as its id and when it was made.
    key TEXT NOT NULL PRIMARY KEY,
    value ANY
) STRICT;

CREATE TABLE crm_device (
    -- Every copy of the file that ever wrote; the journal names them by number.
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE              -- 16 bytes
) STRICT;

CREATE TABLE crm_actor (
    -- Who makes changes: a person, a rule, an import.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    salt BLOB,                             -- 32 random bytes; NULL: the name was erased
    commitment BLOB                        -- SHA-256 of salt and name, which the chain of the journal hashes
) STRICT;

CREATE TABLE crm_type (
    -- The entity types; each has a table of the same name.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,              -- JSON, without the attributes
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_attribute (
    -- The attributes of a type, in the order in which they are shown.
    id INTEGER PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER,                   -- microseconds UTC; NULL while in use
    UNIQUE (type_id, name)
) STRICT;

CREATE TABLE crm_choice (
    -- Which records hold an option of an indexed attribute of kind choices.
    attribute_id INTEGER NOT NULL REFERENCES crm_attribute (id),
    option TEXT NOT NULL,
    record_id BLOB NOT NULL,               -- 16 bytes
    PRIMARY KEY (attribute_id, option, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_choice_by_record ON crm_choice (record_id);

CREATE TABLE crm_journal (
    -- Every change, in order, written in the transaction that makes it.
    seq INTEGER PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES crm_device (id),
    device_seq INTEGER NOT NULL,           -- counts the changes of that device
    hlc INTEGER NOT NULL,                  -- hybrid logical clock
    tx INTEGER NOT NULL,                   -- the first seq of the same transaction
    actor INTEGER NOT NULL REFERENCES crm_actor (id),
    cause TEXT,
    kind TEXT NOT NULL,
    entity_type TEXT,
    record_id BLOB,                        -- 16 bytes; an association has no entity type beside it
    body TEXT NOT NULL,                    -- JSON: the new values only
    salt BLOB,                             -- 32 random bytes; NULL: cause and body were erased
    commitment BLOB,                       -- of a row that was erased: SHA-256 of salt, cause and body
    hash BLOB                              -- SHA-256 of the hash before, the row and its commitment
) STRICT;

CREATE INDEX crm_journal_by_record ON crm_journal (record_id, seq) WHERE record_id IS NOT NULL;

-- What is about a record and stands under another id, or under none.
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
CREATE INDEX crm_journal_by_lifecycle ON crm_journal (body ->> '$.name')
    WHERE kind = 'lifecycle_defined';
-- What definitions said before, and which contact points came back. A statement that asks for one of
-- these kinds is answered by it.
CREATE INDEX crm_journal_by_kind ON crm_journal (kind)
    WHERE kind = 'activity_kind_defined' OR kind = 'association_type_defined'
    OR kind = 'attribute_defined' OR kind = 'lifecycle_defined' OR kind = 'party_defined'
    OR kind = 'purpose_defined' OR kind = 'retention_defined' OR kind = 'rule_defined'
    OR kind = 'score_defined' OR kind = 'segment_defined' OR kind = 'suppression_lifted'
    OR kind = 'type_defined' OR kind = 'view_saved';

CREATE TABLE crm_file (
    -- Attached files, each kept once by its content.
    hash BLOB NOT NULL PRIMARY KEY,        -- SHA-256
    size INTEGER NOT NULL,                 -- bytes
    created_at INTEGER NOT NULL            -- microseconds UTC
) STRICT;

CREATE TABLE crm_file_piece (
    -- The content of an attached file, in pieces that are read one at a time.
    hash BLOB NOT NULL REFERENCES crm_file (hash),
    number INTEGER NOT NULL,               -- from 0
    bytes BLOB NOT NULL,
    PRIMARY KEY (hash, number)
) STRICT;

CREATE TABLE crm_activity_kind (
    -- The kinds of activities. One with properties has a table crm_activity_<name>, a column for each part.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,              -- JSON, with the properties
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_visitor (
    -- Those who are known by a key of the host's only, and the record that they turned out to be.
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    record_type INTEGER REFERENCES crm_type (id),
    record_id BLOB                         -- 16 bytes; NULL while unknown
) STRICT;

CREATE INDEX crm_visitor_by_record ON crm_visitor (record_id) WHERE record_id IS NOT NULL;

CREATE TABLE crm_activity (
    -- What happened. Its row in the journal says who recorded it, when and why.
    seq INTEGER PRIMARY KEY,               -- of that row
    id BLOB NOT NULL UNIQUE,               -- 16 bytes
    kind INTEGER NOT NULL REFERENCES crm_activity_kind (id),
    at INTEGER NOT NULL,                   -- microseconds UTC
    subject_type INTEGER REFERENCES crm_type (id),
    subject BLOB,                          -- 16 bytes; that of its visitor, if it has one
    visitor INTEGER REFERENCES crm_visitor (id),
    channel TEXT,
    direction TEXT,
    amount INTEGER,                        -- minor units of the currency
    currency TEXT,
    key TEXT,                              -- the host's, so that the same is not recorded twice
    supersedes BLOB,                       -- the id of the activity that it corrects
    superseded_by BLOB                     -- the id of its correction; such a one no longer counts
) STRICT;

CREATE INDEX crm_activity_by_subject ON crm_activity (subject, at, kind)
    WHERE subject IS NOT NULL AND superseded_by IS NULL;
-- Those that no longer count, for the few who ask for all activities of a record.
CREATE INDEX crm_activity_by_former_subject ON crm_activity (subject)
    WHERE subject IS NOT NULL AND superseded_by IS NOT NULL;
CREATE INDEX crm_activity_by_visitor ON crm_activity (visitor, at) WHERE visitor IS NOT NULL;
CREATE UNIQUE INDEX crm_activity_by_key ON crm_activity (key) WHERE key IS NOT NULL;

CREATE TABLE crm_activity_link (
    -- Other records that an activity concerns.
    seq INTEGER NOT NULL REFERENCES crm_activity (seq),
    record_id BLOB NOT NULL,               -- 16 bytes
    role TEXT NOT NULL,                    -- empty where none is named
    record_type INTEGER NOT NULL REFERENCES crm_type (id),
    at INTEGER NOT NULL,                   -- that of the activity
    PRIMARY KEY (seq, record_id, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_activity_link_by_record ON crm_activity_link (record_id, at);

CREATE TABLE crm_association_type (
    -- The types of associations. One with attributes has a table crm_association_<name>, a column for each part.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,              -- JSON, with the attributes
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_association (
    -- Directed links between records.
    seq INTEGER PRIMARY KEY,               -- of the row in the journal that made it
    id BLOB NOT NULL UNIQUE,               -- 16 bytes
    type INTEGER NOT NULL REFERENCES crm_association_type (id),
    version INTEGER NOT NULL,
    from_type INTEGER NOT NULL REFERENCES crm_type (id),
    from_id BLOB NOT NULL,                 -- 16 bytes
    to_type INTEGER NOT NULL REFERENCES crm_type (id),
    to_id BLOB NOT NULL,                   -- 16 bytes
    role TEXT,
    is_primary INTEGER NOT NULL,           -- 0 or 1
    valid_from INTEGER,                    -- the first day, in days since 1970-01-01; NULL: always
    valid_to INTEGER,                      -- the last day; NULL: for ever
    created_at INTEGER NOT NULL,           -- microseconds UTC
    updated_at INTEGER NOT NULL,
    archived_at INTEGER                    -- NULL while in use
) STRICT;

CREATE INDEX crm_association_by_from ON crm_association (from_id, type, to_id);
CREATE INDEX crm_association_by_to ON crm_association (to_id, type, from_id);

CREATE TABLE crm_consumer (
    -- To whom the host forwards the changes, and up to where each has acknowledged.
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,                  -- of the journal; 0: nothing
    acknowledged_at INTEGER NOT NULL       -- microseconds UTC
) STRICT;

CREATE TABLE crm_import (
    -- The imports that were begun from a plan: how far each is, and what it did.
    id BLOB NOT NULL PRIMARY KEY,          -- 16 bytes; the cause of its changes is import:<id>
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    plan BLOB NOT NULL,                    -- SHA-256 of the table and the request
    state TEXT NOT NULL,                   -- unfinished, finished, reverting or reverted
    actor INTEGER NOT NULL REFERENCES crm_actor (id),
    started_at INTEGER NOT NULL,           -- microseconds UTC
    updated_at INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,            -- its changes lie after this one of the journal
    last_seq INTEGER NOT NULL,             -- and not after this one
    created INTEGER NOT NULL,              -- rows of the table, by what became of them
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    associations INTEGER NOT NULL DEFAULT 0, -- what it added beside the records of its rows
    activities INTEGER NOT NULL DEFAULT 0,
    others INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE crm_view (
    -- Queries that are kept under a name.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_searched (
    -- What has words in crm_search: one row for each record or activity, by the same number.
    seq INTEGER PRIMARY KEY,               -- of the row in the journal that created or recorded it
    type INTEGER REFERENCES crm_type (id), -- of a record; NULL for an activity
    kind INTEGER REFERENCES crm_activity_kind (id), -- of an activity; NULL for a record
    is_archived INTEGER NOT NULL           -- 0 or 1
) STRICT;

-- The words of each, folded: small letters without accents, between two attributes the sign of a paragraph.
CREATE VIRTUAL TABLE crm_search USING fts5(words, tokenize = 'ascii', prefix = '2');

-- What is changed or taken out leaves no word behind.
INSERT INTO crm_search (crm_search, rank) VALUES ('secure-delete', 1);

CREATE TABLE crm_lifecycle (
    -- Stages in order, through which the records of a type go.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_stage (
    -- Where each record stands in each lifecycle.
    lifecycle INTEGER NOT NULL REFERENCES crm_lifecycle (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    id BLOB NOT NULL,                      -- 16 bytes; the journal has its changes under this id
    stage TEXT,                            -- NULL: it has not entered any
    reached TEXT,                          -- the furthest stage of this cycle
    last TEXT,                             -- the last one of those in order
    cycle INTEGER NOT NULL,                -- from 1
    visits INTEGER NOT NULL,               -- rows of crm_stage_visit; the last one lasts
    entered_at INTEGER,                    -- microseconds UTC
    seq INTEGER NOT NULL,                  -- of the row in the journal that brought it there
    PRIMARY KEY (lifecycle, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_stage_by_stage ON crm_stage (lifecycle, stage, entered_at);

CREATE TABLE crm_stage_visit (
    -- The stages to which a record came, one after the other.
    lifecycle INTEGER NOT NULL REFERENCES crm_lifecycle (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    number INTEGER NOT NULL,               -- from 1
    stage TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    entered_at INTEGER NOT NULL,           -- microseconds UTC
    exited_at INTEGER,                     -- NULL while it stands there
    cause TEXT NOT NULL,                   -- manual, initial, activity, related, condition, inactivity, rule, implied or reset
    reason TEXT,
    activity BLOB,                         -- 16 bytes: the id of the activity that moved it
    related_type INTEGER REFERENCES crm_type (id),
    related BLOB,                          -- 16 bytes: the id of the record that moved it
    seq INTEGER NOT NULL,                  -- of the row in the journal
    PRIMARY KEY (lifecycle, record_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_stage_visit_by_stage ON crm_stage_visit (lifecycle, stage, entered_at);

CREATE TABLE crm_timer (
    -- When a room is to look at a record again, because time alone may change what holds for it.
    room INTEGER NOT NULL,                 -- 1 lifecycles, 2 segments, 3 scores, 4 rules
    record_id BLOB NOT NULL,               -- 16 bytes
    due_at INTEGER NOT NULL,               -- microseconds UTC: the first of timers
    timers TEXT NOT NULL,                  -- JSON: due at, by the id of the definition within that room
    PRIMARY KEY (room, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_timer_by_due ON crm_timer (due_at);

CREATE TABLE crm_score_model (
    -- Scores of the records of a type. Their definitions are versions.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    filled INTEGER,                        -- the version for which every record was scored
    latest INTEGER                         -- microseconds UTC: the latest as_of of crm_score
) STRICT;

CREATE TABLE crm_score_version (
    -- A draft without published_at, the version in use without retired_at.
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    version INTEGER NOT NULL,              -- from 1
    definition TEXT NOT NULL,              -- JSON
    published_at INTEGER,                  -- microseconds UTC
    retired_at INTEGER,                    -- microseconds UTC
    PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_score (
    -- What each record in use scores.
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    version INTEGER NOT NULL,
    threshold TEXT,                        -- the highest that is reached
    as_of INTEGER NOT NULL,                -- microseconds UTC: the moment for which it was computed
    until INTEGER,                         -- microseconds UTC: when it holds no longer; NULL for ever
    fixed INTEGER NOT NULL,                -- no less than what stays, in thousandths of a point
    fading INTEGER NOT NULL,               -- the order among those that fade; the least number if nothing does
    sheet BLOB NOT NULL,                   -- what the rules gave, and how it fades
    PRIMARY KEY (model, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_score_by_rank ON crm_score (model, version, fixed, fading DESC, record_id);
CREATE INDEX crm_score_by_until ON crm_score (model, version, until) WHERE until IS NOT NULL;

CREATE TABLE crm_score_crossing (
    -- The thresholds that records reached, or fell below.
    model INTEGER NOT NULL REFERENCES crm_score_model (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    seq INTEGER NOT NULL,                  -- of the row in the journal
    threshold TEXT NOT NULL,
    is_up INTEGER NOT NULL,
    at INTEGER NOT NULL,                   -- microseconds UTC
    score INTEGER NOT NULL,                -- in thousandths of a point
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
    -- Named conditions over the records of a type, or lists of them.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_segment_member (
    -- The members of each segment.
    segment INTEGER NOT NULL REFERENCES crm_segment (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    entered_at INTEGER NOT NULL,           -- microseconds UTC
    seq INTEGER NOT NULL,                  -- of the row in the journal that made it one
    PRIMARY KEY (segment, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_segment_member_by_record ON crm_segment_member (record_id);

CREATE TABLE crm_segment_change (
    -- When members came and went; the row of the journal says why.
    segment INTEGER NOT NULL REFERENCES crm_segment (id),
    record_id BLOB NOT NULL,               -- 16 bytes
    seq INTEGER NOT NULL,                  -- of the row in the journal
    at INTEGER NOT NULL,                   -- microseconds UTC
    is_member INTEGER NOT NULL,            -- 1 it became one, 0 it ceased to be one
    PRIMARY KEY (segment, record_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_segment_change_by_time ON crm_segment_change (segment, at, is_member);

CREATE TABLE crm_rule (
    -- What is done when something happens with a record.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    uid BLOB NOT NULL,                     -- 16 bytes; the journal has definitions and runs under this id
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;

CREATE TABLE crm_channel (
    -- Ways to reach people, besides those that need no definition.
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,              -- JSON
    seq INTEGER NOT NULL                   -- of the row in the journal
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_party (
    -- Controllers and processors.
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,              -- JSON
    seq INTEGER NOT NULL                   -- of the row in the journal
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_policy (
    -- What the law of a place, or the house, asks for.
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,              -- JSON
    seq INTEGER NOT NULL                   -- of the row in the journal
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_purpose (
    -- What people are contacted for.
    name TEXT PRIMARY KEY,
    definition TEXT NOT NULL,              -- JSON
    seq INTEGER NOT NULL                   -- of the row in the journal
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_notice (
    -- Versions of the texts that people are shown; none ever changes.
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    sha256 TEXT NOT NULL,                  -- of the text, 64 hexadecimal digits
    asks_again INTEGER NOT NULL,           -- 0 or 1: whether earlier versions no longer count
    published_at INTEGER NOT NULL,         -- microseconds UTC
    seq INTEGER NOT NULL,                  -- of the row in the journal
    PRIMARY KEY (name, language, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_consent_event (
    -- The ledger: what a decision looks at. The whole of each event is the body of its row in the journal.
    subject_id BLOB NOT NULL,              -- 16 bytes: the record
    seq INTEGER NOT NULL,                  -- of the row in the journal
    id BLOB NOT NULL,                      -- 16 bytes
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    kind TEXT NOT NULL,
    channel TEXT,                          -- NULL: every one
    purpose TEXT,                          -- NULL: every one
    controller TEXT,                       -- NULL: every one, or where something is permitted none in particular
    contact_point TEXT,                    -- in its normal form; NULL: every one
    basis TEXT,                            -- of what permits
    proof INTEGER NOT NULL,                -- 0 none, 1 one step, 2 request and confirmation
    notice TEXT,
    language TEXT,
    notice_version INTEGER,
    occurred_at INTEGER NOT NULL,          -- microseconds UTC
    expires_at INTEGER,                    -- microseconds UTC
    supersedes BLOB,                       -- 16 bytes for each event that it names
    by_guardian INTEGER NOT NULL,          -- 0 or 1
    frequency_most INTEGER,
    frequency_within TEXT,
    PRIMARY KEY (subject_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_event_by_point ON crm_consent_event (contact_point) WHERE contact_point IS NOT NULL;

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

CREATE TABLE crm_consent_block (
    -- What follows from the ledger: events that restrict, and minors, unless taken back by name.
    subject_id BLOB NOT NULL,              -- 16 bytes: the record
    event_id BLOB NOT NULL,                -- 16 bytes
    kind TEXT NOT NULL,
    channel TEXT,                          -- NULL: every one
    purpose TEXT,                          -- NULL: every one
    controller TEXT,                       -- NULL: every one, or where something is permitted none in particular
    until INTEGER,                         -- microseconds UTC; NULL: for ever
    PRIMARY KEY (subject_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_consent_request (
    -- Double opt-ins; those that nobody confirms are erased. The journal knows nothing of them.
    token BLOB PRIMARY KEY,                -- SHA-256 of the secret
    body TEXT NOT NULL,                    -- JSON: the event that the confirmation records
    requested_at INTEGER NOT NULL,         -- microseconds UTC
    expires_at INTEGER NOT NULL,           -- microseconds UTC
    confirmed_at INTEGER                   -- microseconds UTC; NULL: it waits
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_request_by_end ON crm_consent_request (expires_at);
CREATE INDEX crm_consent_request_by_subject ON crm_consent_request (body ->> '$.subject.id');

CREATE TABLE crm_consent_link (
    -- Links by which one click withdraws. The journal knows nothing of them.
    token BLOB PRIMARY KEY,                -- SHA-256 of the secret
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    subject_id BLOB NOT NULL,              -- 16 bytes: the record
    channel TEXT NOT NULL,
    purpose TEXT,                          -- NULL: every one
    controller TEXT,                       -- NULL: every one, or where something is permitted none in particular
    contact_point TEXT                     -- in its normal form; NULL: every one
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_link_by_subject ON crm_consent_link (subject_id);

CREATE TABLE crm_learned_score (
    -- Scores that were learned from records: each training adds a version.
    name TEXT NOT NULL,
    version INTEGER NOT NULL,              -- from 1
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    score TEXT NOT NULL,                   -- JSON, the model in it too
    archived_at INTEGER,                   -- microseconds UTC, the same in all versions; NULL while in use
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE crm_person_link (
    -- Records that are one person, as the ledger sees it. Nothing of theirs is moved.
    a_id BLOB NOT NULL,                    -- 16 bytes: the lesser id
    b_id BLOB NOT NULL,                    -- 16 bytes
    a_type INTEGER NOT NULL REFERENCES crm_type (id),
    b_type INTEGER NOT NULL REFERENCES crm_type (id),
    linked_at INTEGER NOT NULL,            -- microseconds UTC
    seq INTEGER NOT NULL,                  -- of the row in the journal
    PRIMARY KEY (a_id, b_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_person_link_by_other ON crm_person_link (b_id);

CREATE TABLE crm_retention (
    -- How long the records of a type are kept.
    name TEXT PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,              -- JSON
    seq INTEGER NOT NULL                   -- of the row in the journal
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_erasure (
    -- Records of persons that were erased. It says nothing about them.
    seq INTEGER PRIMARY KEY,               -- of the row in the journal
    record_id BLOB NOT NULL UNIQUE,        -- 16 bytes
    entity_type TEXT NOT NULL,             -- by name: the file may not know it
    erased_at INTEGER NOT NULL,            -- microseconds UTC
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE crm_suppression (
    -- Contact points that must not come back by themselves. The journal knows nothing of them.
    hash BLOB PRIMARY KEY,                 -- HMAC-SHA-256 by the key in crm_meta
    record_id BLOB NOT NULL                -- 16 bytes: of crm_erasure
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_suppression_by_record ON crm_suppression (record_id);

CREATE TABLE crm_consent_proof (
    -- Proof of consent that outlives its person. The journal knows nothing of it.
    record_id BLOB NOT NULL,               -- 16 bytes: of crm_erasure
    event_id BLOB NOT NULL,                -- 16 bytes
    keep_until INTEGER NOT NULL,           -- microseconds UTC
    proof TEXT NOT NULL,                   -- JSON, without contact point and evidence
    PRIMARY KEY (record_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_consent_proof_by_end ON crm_consent_proof (keep_until);
