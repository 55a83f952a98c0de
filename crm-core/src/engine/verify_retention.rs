//! The proof that retention rules are what the journal says.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Crm,
    verify::{Compared, Step, note},
    verify_definitions::{note_missing, told_of_definitions},
};
use crate::{
    ChangeKind, Error, ErrorKind, Result, Retention, VerifyReport,
    store::{Connection, retention as rows},
};

impl Crm {
    /// Compares every retention rule with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_retention(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages::<()>("retention rules", report, step, |conn, _, _, report| {
            let (stored, (told, missing)) = (rows::stored(conn)?, told(conn)?);
            missing.into_iter().for_each(|seq| note_missing(report, seq));
            for name in stored.keys().chain(told.keys()).collect::<BTreeSet<_>>() {
                if stored.get(name) != told.get(name) {
                    note(report, format!("retention rule {name}: it differs from the journal"));
                }
            }
            Ok(Compared::new(0, None))
        })
    }
}

/// The rules that the journal leaves, and its rows that somebody took past the engine.
fn told(conn: &Connection) -> Result<(BTreeMap<String, rows::StoredRule>, Vec<i64>)> {
    let damaged = || Error::new(ErrorKind::Corrupt, "a change of a retention rule cannot be read");
    let (mut rules, mut missing) = (BTreeMap::new(), Vec::new());
    rows::told(conn, |seq, kind, body| {
        let Some(body) = body else {
            missing.push(seq);
            return Ok(());
        };
        let known: serde_json::Value = serde_json::from_str(body).map_err(|_| damaged())?;
        let name = known["name"].as_str().ok_or_else(damaged)?.to_owned();
        if kind == ChangeKind::RetentionRemoved {
            rules.remove(&name);
            return Ok(());
        }
        let rule: Retention = serde_json::from_str(body).map_err(|_| damaged())?;
        rules.insert(name, (body.to_owned(), Some(rule.entity_type), seq));
        Ok(())
    })?;
    if !missing.is_empty() {
        let erased = told_of_definitions(conn)?;
        missing.retain(|seq| !erased.contains_key(seq));
    }
    Ok((rules, missing))
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{Crm, Flow, Retention, RetentionStart};

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let filled = || {
            let crm = Crm::in_memory().unwrap();
            for (name, period) in [("one", "P1Y"), ("two", "P2Y"), ("gone", "P3Y")] {
                let rule = Retention::new(name, "contact", period, RetentionStart::Created);
                crm.privacy().define_retention(rule).unwrap();
            }
            let rule = Retention::new("two", "company", "P2M", RetentionStart::Changed);
            crm.privacy().define_retention(rule).unwrap();
            crm.privacy().remove_retention("gone").unwrap();
            crm
        };
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let tamperings = [
            "UPDATE crm_retention SET definition = replace(definition, 'P1Y', 'P9Y')",
            "UPDATE crm_retention SET definition = 'x' WHERE name = 'one'",
            "UPDATE crm_retention SET type_id = 1",
            "UPDATE crm_retention SET seq = 1",
            "UPDATE crm_retention SET name = 'three' WHERE name = 'one'",
            "DELETE FROM crm_retention WHERE name = 'two'",
            "INSERT INTO crm_retention SELECT 'gone', type_id, definition, seq FROM crm_retention \
             WHERE name = 'one'",
            // What a rule said before, and that one was removed.
            "UPDATE crm_journal SET salt = NULL, cause = NULL, body = '{}' WHERE seq = \
             (SELECT min(seq) FROM crm_journal WHERE body LIKE '%\"two\"%')",
            "UPDATE crm_journal SET salt = NULL, cause = NULL, body = '{}' \
             WHERE body LIKE '%\"gone\"%' AND kind = 'retention_defined'",
            "UPDATE crm_journal SET salt = NULL, cause = NULL, body = '{}' \
             WHERE kind = 'retention_removed'",
        ];
        assert_found(filled, &tamperings);
    }
}
