-- An association is found by both of its ends: which two records are linked needs no row of the table.

DROP INDEX crm_association_by_from;
DROP INDEX crm_association_by_to;
CREATE INDEX crm_association_by_from ON crm_association (from_id, type, to_id);
CREATE INDEX crm_association_by_to ON crm_association (to_id, type, from_id);
