-- An association is found by both of its ends: which two records are linked needs no row of the table.

DROP INDEX crm_association_by_from;
DROP INDEX crm_association_by_to;
CREATE INDEX crm_association_by_from ON crm_association (from_id, type, to_id);
CREATE INDEX crm_association_by_to ON crm_association (to_id, type, from_id);

CREATE TABLE crm_consumer (
    -- To whom the host forwards the changes, and up to where each has acknowledged.
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,                  -- of the journal; 0: nothing
    acknowledged_at INTEGER NOT NULL       -- microseconds UTC
) STRICT;
