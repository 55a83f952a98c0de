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
