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
    name TEXT NOT NULL UNIQUE
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
    record_id BLOB,                        -- 16 bytes
    body TEXT NOT NULL                     -- JSON: the new values only
) STRICT;

CREATE INDEX crm_journal_by_record ON crm_journal (record_id, seq) WHERE record_id IS NOT NULL;

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
