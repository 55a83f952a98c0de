-- Activities and associations.

CREATE TABLE crm_activity_kind (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE crm_visitor (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    record_type INTEGER REFERENCES crm_type (id),
    record_id BLOB
) STRICT;

CREATE INDEX crm_visitor_by_record ON crm_visitor (record_id) WHERE record_id IS NOT NULL;

CREATE TABLE crm_activity (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL REFERENCES crm_activity_kind (id),
    at INTEGER NOT NULL,
    subject_type INTEGER REFERENCES crm_type (id),
    subject BLOB,
    visitor INTEGER REFERENCES crm_visitor (id),
    channel TEXT,
    direction TEXT,
    amount INTEGER,
    currency TEXT,
    key TEXT,
    supersedes BLOB,
    superseded_by BLOB
) STRICT;

CREATE INDEX crm_activity_by_subject ON crm_activity (subject, at, kind)
    WHERE subject IS NOT NULL AND superseded_by IS NULL;
CREATE INDEX crm_activity_by_visitor ON crm_activity (visitor, at) WHERE visitor IS NOT NULL;
CREATE UNIQUE INDEX crm_activity_by_key ON crm_activity (key) WHERE key IS NOT NULL;

CREATE TABLE crm_activity_link (
    seq INTEGER NOT NULL REFERENCES crm_activity (seq),
    record_id BLOB NOT NULL,
    role TEXT NOT NULL,
    record_type INTEGER NOT NULL REFERENCES crm_type (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (seq, record_id, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_activity_link_by_record ON crm_activity_link (record_id, at);

CREATE TABLE crm_association_type (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE crm_association (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    type INTEGER NOT NULL REFERENCES crm_association_type (id),
    version INTEGER NOT NULL,
    from_type INTEGER NOT NULL REFERENCES crm_type (id),
    from_id BLOB NOT NULL,
    to_type INTEGER NOT NULL REFERENCES crm_type (id),
    to_id BLOB NOT NULL,
    role TEXT,
    is_primary INTEGER NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE INDEX crm_association_by_from ON crm_association (from_id, type);
CREATE INDEX crm_association_by_to ON crm_association (to_id, type);
