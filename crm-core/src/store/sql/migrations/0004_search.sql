CREATE TABLE crm_searched (
    seq INTEGER PRIMARY KEY,
    type INTEGER REFERENCES crm_type (id),
    kind INTEGER REFERENCES crm_activity_kind (id),
    is_archived INTEGER NOT NULL
) STRICT;

CREATE VIRTUAL TABLE crm_search USING fts5(words, tokenize = 'ascii', prefix = '2');

INSERT INTO crm_search (crm_search, rank) VALUES ('secure-delete', 1);
