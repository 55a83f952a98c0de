-- The words of searched texts, what an import adds beside the records of its rows, and lifecycles.

CREATE TABLE crm_searched (
    seq INTEGER PRIMARY KEY,
    type INTEGER REFERENCES crm_type (id),
    kind INTEGER REFERENCES crm_activity_kind (id),
    is_archived INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE crm_search USING fts5(words, tokenize = 'ascii', prefix = '2');

INSERT INTO crm_search (crm_search, rank) VALUES ('secure-delete', 1);

ALTER TABLE crm_import ADD COLUMN associations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crm_import ADD COLUMN activities INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crm_import ADD COLUMN others INTEGER NOT NULL DEFAULT 0;

CREATE TABLE crm_lifecycle (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;

CREATE TABLE crm_stage (
    lifecycle INTEGER NOT NULL REFERENCES crm_lifecycle (id),
    record_id BLOB NOT NULL,
    id BLOB NOT NULL,
    stage TEXT,
    reached TEXT,
    last TEXT,
    cycle INTEGER NOT NULL,
    visits INTEGER NOT NULL,
    entered_at INTEGER,
    seq INTEGER NOT NULL,
    PRIMARY KEY (lifecycle, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_stage_by_stage ON crm_stage (lifecycle, stage, entered_at);

CREATE TABLE crm_stage_visit (
    lifecycle INTEGER NOT NULL REFERENCES crm_lifecycle (id),
    record_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    stage TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    entered_at INTEGER NOT NULL,
    exited_at INTEGER,
    cause TEXT NOT NULL,
    reason TEXT,
    activity BLOB,
    related_type INTEGER REFERENCES crm_type (id),
    related BLOB,
    seq INTEGER NOT NULL,
    PRIMARY KEY (lifecycle, record_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_stage_visit_by_stage ON crm_stage_visit (lifecycle, stage, entered_at);
