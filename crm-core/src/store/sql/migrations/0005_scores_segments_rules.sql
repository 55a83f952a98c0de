-- Segments, scores and rules, and when what depends on time is to be asked again.

CREATE TABLE crm_timer (
    room INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (room, owner, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_timer_by_due ON crm_timer (due_at);

CREATE TABLE crm_learned_score (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    score TEXT NOT NULL,
    archived_at INTEGER,
    PRIMARY KEY (name, version)
) STRICT;
