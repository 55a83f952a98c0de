-- Who else agreed with a contact point is asked whenever somebody is erased.

CREATE INDEX crm_consent_event_by_point ON crm_consent_event (contact_point) WHERE contact_point IS NOT NULL;
