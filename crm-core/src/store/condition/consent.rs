//! The SQL of a condition about consent.

use super::{Scope, Writer, text};
use crate::{ConsentRegime, cell::Cell, consent::Rule};

impl Writer<'_> {
    /// As `Rule::permits`, over what the file keeps of the ledgers.
    pub(super) fn consent(&mut self, rule: &Rule, scope: &Scope) {
        if !rule.is_offered {
            return self.push("0");
        }
        let now = Cell::Integer(self.moment.now().micros());
        let open = format!(
            "{}.id IN (SELECT subject_id FROM crm_consent_permit WHERE purpose = ",
            scope.row
        );
        self.push(&open);
        self.bind(text(&rule.purpose));
        self.push(" AND channel = ");
        self.bind(text(&rule.channel));
        self.push(" AND controller IS ");
        self.bind(optional(rule.controller.as_ref()));
        self.push(" AND valid_from <= ");
        self.bind(now.clone());
        self.push(" AND ifnull(valid_until > ");
        self.bind(now.clone());
        self.push(", 1)");
        if !rule.is_transactional {
            self.push(" AND ifnull(paused_until <= ");
            self.bind(now.clone());
            self.push(", 1)");
        }
        if rule.guards_minors {
            self.push(" AND (by_guardian OR ifnull(minor_until <= ");
            self.bind(now.clone());
            self.push(", 1))");
        }
        self.push(" AND (basis IN ");
        self.list(rule.bases.iter().map(|basis| text(basis.name())));
        self.push(" OR (basis = 'consent' AND proof >= ");
        self.bind(Cell::Integer(rule.least_proof as i64));
        if let Some(span) = rule.lapses_after {
            self.push(" AND crm_later(active_at, ");
            self.bind(text(&span.to_string()));
            self.push(") > ");
            self.bind(now.clone());
        }
        if let Some(span) = rule.valid_for {
            // When it was given is in the ledger.
            self.push(
                " AND crm_later((SELECT e.occurred_at FROM crm_consent_event e WHERE e.subject_id = \
                 crm_consent_permit.subject_id AND e.id = crm_consent_permit.event_id), ",
            );
            self.bind(text(&span.to_string()));
            self.push(") > ");
            self.bind(now.clone());
        }
        if !rule.least_versions.is_empty() {
            self.push(
                " AND NOT EXISTS (SELECT 1 FROM crm_notice n WHERE n.name = crm_consent_permit.notice \
                 AND n.language = crm_consent_permit.language \
                 AND n.version > crm_consent_permit.notice_version AND n.asks_again)",
            );
        }
        self.push(")) AND NOT is_suppressed)");
        if rule.regime == ConsentRegime::OptOut {
            self.left_to_opt_out(rule, scope);
        }
    }

    /// Or that nothing stands against it, where nothing is needed.
    fn left_to_opt_out(&mut self, rule: &Rule, scope: &Scope) {
        self.push(&format!(
            " OR NOT EXISTS (SELECT 1 FROM crm_consent_block WHERE subject_id = {}.id AND ifnull(until > ",
            scope.row
        ));
        self.bind(Cell::Integer(self.moment.now().micros()));
        self.push(", 1)");
        if rule.is_transactional {
            self.push(" AND kind <> 'paused'");
        }
        // A minor is one whatever the event names.
        let minors = if rule.guards_minors { "kind = 'minor' OR " } else { "kind <> 'minor' AND " };
        self.push(&format!(" AND ({minors}(ifnull(channel = "));
        self.bind(text(&rule.channel));
        self.push(", 1) AND ifnull(purpose = ");
        self.bind(text(&rule.purpose));
        self.push(", 1) AND ifnull(controller = ");
        self.bind(optional(rule.controller.as_ref()));
        self.push(", 1)))) AND NOT EXISTS (SELECT 1 FROM crm_consent_permit WHERE subject_id = ");
        self.push(&format!("{}.id AND purpose = ", scope.row));
        self.bind(text(&rule.purpose));
        self.push(" AND channel = ");
        self.bind(text(&rule.channel));
        self.push(" AND controller IS ");
        self.bind(optional(rule.controller.as_ref()));
        self.push(" AND is_suppressed)");
    }
}

fn optional(text: Option<&String>) -> Cell {
    text.map_or(Cell::Null, |text| Cell::Text(text.clone()))
}
