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

CREATE TABLE crm_rule (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    uid BLOB NOT NULL,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    definition TEXT NOT NULL,
    archived_at INTEGER
) STRICT;
