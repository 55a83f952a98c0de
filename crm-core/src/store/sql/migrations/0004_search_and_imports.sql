-- The words of searched texts, and what an import adds beside the records of its rows.

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
