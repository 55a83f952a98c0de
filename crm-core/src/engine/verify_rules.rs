//! The proof that rules are what the journal says.

use super::{
    Crm,
    verify::{Compared, Step, note},
};
use crate::{
    ChangeKind, Result, VerifyReport,
    rule::{RuleModel, rule_json},
    store::{Connection, journal},
};

impl Crm {
    /// Compares every rule with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_rules(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages::<()>("rules", report, step, |conn, catalog, _, report| {
            for model in catalog.rules() {
                if !is_as_told(conn, model)? {
                    let name = model.name();
                    note(report, format!("rule {name}: the table differs from the journal"));
                }
            }
            let told = journal::count_owners(conn, ChangeKind::RuleDefined)?;
            let stored = catalog.rules().len() as u64;
            if !told.contains(&stored) {
                let told = told.end();
                let both = format!("the table has {stored} of them, the journal has {told}");
                note(report, format!("rules: {both}"));
            }
            Ok(Compared::new(0, None))
        })
    }
}

/// Whether the last definition that the journal has, and whether it is archived, are the rule's.
fn is_as_told(conn: &Connection, model: &RuleModel) -> Result<bool> {
    let (mut definition, mut archived_at) = (None, None);
    journal::of_record(conn, model.uid, 0, |change| {
        match change.kind {
            ChangeKind::RuleDefined => definition = Some(change.body),
            ChangeKind::RuleArchived => archived_at = Some(change.hlc.at()),
            ChangeKind::RuleRestored => archived_at = None,
            _ => {}
        }
        Ok(true)
    })?;
    let is_same = definition.is_some_and(|told| told == rule_json(&model.rule));
    Ok(is_same && archived_at == model.rule.archived_at)
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{Crm, DefineRule, Flow, RuleAction, RuleTrigger};

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let filled = || {
            let crm = Crm::in_memory().unwrap();
            for name in ["one", "two"] {
                let on = RuleTrigger::changed("country");
                let rule = DefineRule::new(name, "contact", on, [RuleAction::set("source", "web")]);
                crm.rules().define(rule).unwrap();
            }
            crm.rules().archive("two").unwrap();
            crm
        };
        assert!(filled().verify(&mut |_| Flow::Continue).unwrap().is_ok);
        let tamperings = [
            "UPDATE crm_rule SET definition = replace(definition, 'web', 'net') WHERE name = 'one'",
            "UPDATE crm_rule SET archived_at = NULL",
            "UPDATE crm_rule SET uid = zeroblob(16) WHERE name = 'one'",
            "DELETE FROM crm_rule WHERE name = 'two'",
        ];
        assert_found(filled, &tamperings);
    }
}
