//! Definitions of rules: judging and saving.

use super::{
    super::{Catalog, catalog::would_not_hold, conditions},
    Rules, dates,
};
use crate::{
    ChangeKind, DefineRule, DefinedRule, Error, ErrorKind, GetRule, RecordId, Result, Rule,
    engine::Writing,
    limits,
    rule::{RuleModel, check_rule, read_rule, rule_json},
    store::{journal, rules as rows},
};

/// The number of a rule that is not saved.
pub(super) const UNSAVED: i64 = 0;
/// Its id.
const NO_UID: RecordId = RecordId::from_bytes([0; 16]);

impl Rules<'_> {
    /// Defines a rule, or changes one: the request is its whole new definition. Label and description
    /// stay where they are empty. Saying the same again changes nothing. With `dry_run` nothing is
    /// saved.
    ///
    /// ```
    /// use crm_core::{Crm, DefineRule, ListRuleRuns, RuleAction, RuleTrigger, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let actions = [RuleAction::set("locale", "de"), RuleAction::emit("welcome", ["email"])];
    /// let on = RuleTrigger::becomes("country", "DE");
    /// crm.rules().define(DefineRule::new("german", "contact", on, actions))?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann", "country" => "DE" })?;
    /// assert_eq!(ann.get("locale").as_str(), Some("de"));
    /// assert_eq!(crm.rules().runs(&ListRuleRuns::new("german"))?.runs.len(), 1);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The field is the path to the fault, such as `actions[1].set_attribute.attribute`:
    /// `InvalidArgument` for names that are none, what does not go together, a condition that no record
    /// can fulfil, and rules that set each other off for ever, with the way in the message;
    /// `UnknownType`, `UnknownAttribute`, `UnknownOption`, `NotFound` (with the nearest name as a
    /// hint), `WrongKind`, `InvalidValue`, `OutOfRange`, `Required`, `Duplicate`, and as
    /// [`Crm::check_condition`](crate::Crm::check_condition); `DefinitionConflict` if the rule is one
    /// of another type; `Archived`; `LimitExceeded` past 200 rules or 16 actions.
    pub fn define(&self, request: DefineRule) -> Result<DefinedRule> {
        check_rule(&request)?;
        if request.dry_run {
            return self.crm.read_explained(|_, catalog| {
                let Plan { model, .. } = plan(catalog, &request)?;
                Ok(DefinedRule { rule: model.rule, is_saved: false })
            });
        }
        self.crm.write(|writing| {
            let Plan { mut model, type_id, is_changed } = plan(&writing.catalog, &request)?;
            if is_changed {
                if model.id == UNSAVED {
                    model.uid = writing.new_id();
                }
                let json = rule_json(&model.rule);
                model.id = rows::save(writing.tx, model.name(), model.uid, type_id, &json)?;
                log(writing, &model, ChangeKind::RuleDefined, &json)?;
            }
            Ok(DefinedRule { rule: model.rule, is_saved: true })
        })
    }

    /// The definition of a rule.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, name: &str) -> Result<Rule> {
        self.crm.catalog().rule(name).map(|model| model.rule.clone())
    }

    /// The definition of a rule as it was saved in a version, such as the one that a run names: those
    /// before the present one are read from the journal. Whether it is archived is said of the rule, not
    /// of the version.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such rule or version.
    pub fn get_version(&self, request: &GetRule) -> Result<Rule> {
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.rule(&request.rule)?;
            let version = match request.version {
                Some(version) if version != model.rule.version => version,
                _ => return Ok(model.rule.clone()),
            };
            let mut found = None;
            journal::told_of_record(conn, model.uid, 0, |change| {
                if change.kind == ChangeKind::RuleDefined {
                    let rule = read_rule(&change.body, model.rule.archived_at)?;
                    found = Some(rule).filter(|rule| rule.version == version);
                }
                Ok(found.is_none())
            })?;
            found.ok_or_else(|| {
                let message = "the rule has no such version";
                Error::new(ErrorKind::NotFound, message).with_field("version")
            })
        })
    }

    /// All rules, archived ones included, by name, which is the order in which they run.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<Rule>> {
        // Asking the store is what tells a closed handle.
        self.crm.shared.store.read(|_| Ok(()))?;
        Ok(self.crm.catalog().rules().map(|model| model.rule.clone()).collect())
    }

    /// Archives a rule: it no longer runs. Its runs stay readable.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn archive(&self, name: &str) -> Result<Rule> {
        self.set_archived(name, true)
    }

    /// Takes a rule out of the archive. What happened meanwhile is not made up for.
    ///
    /// # Errors
    ///
    /// `NotFound`; `DefinitionConflict` if the definitions no longer bear it, or if it and others would
    /// set each other off for ever: the field is its name and the path within it.
    pub fn restore(&self, name: &str) -> Result<Rule> {
        self.set_archived(name, false)
    }

    fn set_archived(&self, name: &str, archive: bool) -> Result<Rule> {
        self.crm.write(|writing| {
            let mut model = RuleModel::clone(writing.catalog.rule(name)?);
            if model.rule.archived_at.is_some() == archive {
                return Ok(model.rule);
            }
            if !archive {
                model.rule.archived_at = None;
                let judged = writing.catalog.with_rule(model.clone());
                check_restored(&writing.catalog, &judged, name)?;
            }
            model.rule.archived_at = archive.then(|| writing.stamp().at());
            rows::archive(writing.tx, model.id, model.rule.archived_at)?;
            let kind = match archive {
                true => ChangeKind::RuleArchived,
                false => ChangeKind::RuleRestored,
            };
            log(writing, &model, kind, &format!("{{\"name\":\"{name}\"}}"))?;
            Ok(model.rule)
        })
    }
}

/// Checks that a rule which is taken out of the archive holds, and sets nothing off for ever.
///
/// # Errors
///
/// `DefinitionConflict`; the hint says what can be done, for an archived rule cannot be changed.
fn check_restored(before: &Catalog, judged: &Catalog, name: &str) -> Result<()> {
    let conflict = |(of, error): (String, Error), hint: &str| {
        let conflict = would_not_hold("rule", "archive", &of, &error);
        if of == name { conflict.with_hint(hint) } else { conflict }
    };
    judged.make_rule_programs().map_err(|fault| {
        conflict(fault, "bring back what it names, or define a rule of another name")
    })?;
    judged.new_rule_cycle(before, Some(name))?.map_or(Ok(()), |found| {
        let hint = "change or archive another rule of that way first, or define a rule of another \
                    name instead";
        Err(conflict(found, hint))
    })
}

/// Writes a change of a definition to the journal, and makes it part of the schema.
fn log(writing: &mut Writing<'_>, model: &RuleModel, kind: ChangeKind, body: &str) -> Result<()> {
    let stamp = writing.stamp();
    writing.log(stamp, kind, None, Some(model.uid), body)?;
    let table = writing.table(&model.rule.entity_type)?;
    let sets_off = |rule: &Rule| (rule.on.clone(), rule.archived_at);
    let known = writing.catalog.find_rule(model.name()).map(|known| sets_off(&known.rule));
    writing.set_rule(model.clone());
    // What waits for the same dates still does, and what is due by now is not lost.
    if known == Some(sets_off(&model.rule)) {
        return Ok(());
    }
    dates::set_all(writing, &table, model.id)
}

/// A definition that was judged.
pub(super) struct Plan {
    pub(super) model: RuleModel,
    type_id: i64,
    is_changed: bool,
}

pub(super) fn plan(catalog: &Catalog, request: &DefineRule) -> Result<Plan> {
    let table = catalog.table(&request.entity_type)?;
    table.model.check_live().map_err(|error| error.with_field("type"))?;
    let known = catalog.find_rule(&request.name);
    let mut rule = Rule {
        name: request.name.clone(),
        entity_type: request.entity_type.clone(),
        label: request.label.clone(),
        description: request.description.clone(),
        version: 1,
        on: request.on.clone(),
        condition: request.condition.clone(),
        actions: request.actions.clone(),
        archived_at: None,
    };
    if rule.label.is_empty() {
        rule.label.clone_from(known.map_or(&request.name, |known| &known.rule.label));
    }
    let (mut id, mut uid, mut is_changed) = (UNSAVED, NO_UID, true);
    if let Some(known) = known {
        known.check_live()?;
        let old = &known.rule;
        if old.entity_type != rule.entity_type {
            let message = format!("the rule is one of {:?}, for ever", old.entity_type);
            return Err(Error::new(ErrorKind::DefinitionConflict, message).with_field("type"));
        }
        if rule.description.is_empty() {
            rule.description.clone_from(&old.description);
        }
        (id, uid, rule.version) = (known.id, known.uid, old.version);
        is_changed = rule != *old;
        rule.version += i64::from(is_changed);
    } else if catalog.rules().len() >= limits::RULES {
        let message = format!("at most {} rules", limits::RULES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
    }
    if rule_json(&rule).len() > limits::RULE_BYTES {
        let message = format!("the rule takes more than {} bytes", limits::RULE_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("actions"));
    }
    let model = RuleModel { id, uid, rule };
    let judged = catalog.with_rule(model.clone());
    let fault = |(name, error): (String, Error)| match name == request.name {
        true => error,
        false => {
            let message = format!("the rule {name:?} would not hold: {}", error.message());
            Error::new(ErrorKind::DefinitionConflict, message)
                .with_field("actions")
                .with_hint(format!("change or archive the rule {name:?} first"))
        }
    };
    judged.make_rule_programs().map_err(fault)?;
    let found = judged.new_rule_cycle(catalog, Some(&request.name))?;
    found.map_or(Ok(()), |found| Err(fault(found)))?;
    let condition = model.rule.condition.as_ref().filter(|_| is_changed);
    condition.map_or(Ok(()), |asked| {
        conditions::check_possible(catalog, asked, &request.entity_type, "where")
    })?;
    Ok(Plan { model, type_id: table.model.id, is_changed })
}
