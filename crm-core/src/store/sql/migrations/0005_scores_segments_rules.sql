-- Segments, scores and rules, and when what depends on time is to be asked again.

CREATE TABLE crm_timer (
    room INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    record_id BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (room, owner, record_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX crm_timer_by_due ON crm_timer (due_at);

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
