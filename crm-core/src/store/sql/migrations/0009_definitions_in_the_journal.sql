-- What a definition said before is looked for whenever somebody is erased, and by the receipt of whoever
-- agreed to it; which contact points came back, by each page of a list of erasures.

CREATE INDEX crm_journal_by_kind ON crm_journal (kind)
    WHERE kind = 'activity_kind_defined' OR kind = 'association_type_defined'
    OR kind = 'attribute_defined' OR kind = 'lifecycle_defined' OR kind = 'party_defined'
    OR kind = 'purpose_defined' OR kind = 'retention_defined' OR kind = 'rule_defined'
    OR kind = 'score_defined' OR kind = 'segment_defined' OR kind = 'suppression_lifted'
    OR kind = 'type_defined' OR kind = 'view_saved';
