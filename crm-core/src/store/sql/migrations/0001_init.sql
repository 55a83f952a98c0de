-- The first schema. Never edited after its release.

CREATE TABLE crm_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value ANY
) STRICT;

CREATE TABLE crm_device (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE crm_actor (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE crm_type (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE crm_attribute (
    id INTEGER PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    definition TEXT NOT NULL,
    archived_at INTEGER,
    UNIQUE (type_id, name)
) STRICT;

CREATE TABLE crm_choice (
    attribute_id INTEGER NOT NULL REFERENCES crm_attribute (id),
    option TEXT NOT NULL,
    record_id BLOB NOT NULL,
    PRIMARY KEY (attribute_id, option, record_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE crm_journal (
    seq INTEGER PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES crm_device (id),
    device_seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    tx INTEGER NOT NULL,
    actor INTEGER NOT NULL REFERENCES crm_actor (id),
    cause TEXT,
    kind TEXT NOT NULL,
    entity_type TEXT,
    record_id BLOB,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX crm_journal_by_record ON crm_journal (record_id, seq) WHERE record_id IS NOT NULL;

CREATE TABLE crm_file (
    hash BLOB NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE crm_file_piece (
    hash BLOB NOT NULL REFERENCES crm_file (hash),
    number INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (hash, number)
) STRICT;
