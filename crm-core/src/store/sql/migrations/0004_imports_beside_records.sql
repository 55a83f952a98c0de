-- An import also adds associations, records activities and creates records at the other end.

ALTER TABLE crm_import ADD COLUMN associations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crm_import ADD COLUMN activities INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crm_import ADD COLUMN others INTEGER NOT NULL DEFAULT 0;
