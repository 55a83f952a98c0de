-- An association is found by both of its ends: which two records are linked needs no row of the table.

DROP INDEX crm_association_by_from;
DROP INDEX crm_association_by_to;
CREATE INDEX crm_association_by_from ON crm_association (from_id, type, to_id);
CREATE INDEX crm_association_by_to ON crm_association (to_id, type, from_id);

CREATE TABLE crm_consumer (
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    acknowledged_at INTEGER NOT NULL
) STRICT;

CREATE TABLE crm_import (
    id BLOB NOT NULL PRIMARY KEY,
    type_id INTEGER NOT NULL REFERENCES crm_type (id),
    plan BLOB NOT NULL,
    state TEXT NOT NULL,
    actor INTEGER NOT NULL REFERENCES crm_actor (id),
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    errors INTEGER NOT NULL
) STRICT;

CREATE TABLE crm_view (
    -- Queries that are kept under a name.
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,              -- JSON
    archived_at INTEGER                    -- microseconds UTC; NULL while in use
) STRICT;
