-- A record has all its timers of a room in one row, and its segments in one place of an index: what
-- fifty segments keep of it is read and written at once.

CREATE TABLE crm_timer_before AS SELECT room, owner, record_id, due_at FROM crm_timer;

DROP TABLE crm_timer;

CREATE TABLE crm_timer (
    -- When a room is to look at a record again, because time alone may change what holds for it.
    room INTEGER NOT NULL,                 -- 1 lifecycles, 2 segments, 3 scores, 4 rules
    record_id BLOB NOT NULL,               -- 16 bytes
    due_at INTEGER NOT NULL,               -- microseconds UTC: the first of timers
    timers TEXT NOT NULL,                  -- JSON: due at, by the id of the definition within that room
    PRIMARY KEY (room, record_id)
) STRICT, WITHOUT ROWID;

INSERT INTO crm_timer (room, record_id, due_at, timers)
SELECT room, record_id, min(due_at), json_group_object(CAST(owner AS TEXT), due_at)
FROM (SELECT room, record_id, owner, due_at FROM crm_timer_before ORDER BY room, record_id, owner)
GROUP BY room, record_id;

DROP TABLE crm_timer_before;

CREATE INDEX crm_timer_by_due ON crm_timer (due_at);

CREATE INDEX crm_segment_member_by_record ON crm_segment_member (record_id);

-- Older versions of a lifecycle are read from the journal.

CREATE INDEX crm_journal_by_lifecycle ON crm_journal (body ->> '$.name')
    WHERE kind = 'lifecycle_defined';
