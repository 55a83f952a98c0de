//! Conditions: checking them, evaluating them for one record and explaining how lists use them.

mod known;

pub(super) use known::Known;

use std::sync::Arc;

use super::{Catalog, Crm};
use crate::{
    ChangeKind, CheckCondition, CheckedCondition, Condition, ConditionAnswer, ConditionPlan,
    DefineAssociationType, Error, ErrorKind, EvaluateCondition, ExplainCondition, RecordId, Result,
    ScoreState, Timestamp,
    cell::Cell,
    condition::{
        self, AssociationShape, ChangeFact, ChangedTest, Checked, Facts, Moment, Named, Node,
        RelatedFact, RelatedTest, Schema, Subject, Test, Way,
    },
    consent::Book,
    journal::read_body,
    lifecycle::LifecycleModel,
    limits,
    schema::TypeModel,
    scoring::{Sheet, StoredModel},
    segment::SegmentModel,
    store::{
        Connection,
        activities::Happened,
        condition::{self as sql, Expression},
        consents, facts, journal, lifecycles, scores, segments,
    },
};

impl Crm {
    /// Checks a condition against an entity type and returns it in normal form.
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `UnknownOption` (with the nearest name as a hint),
    /// `Archived`, `WrongKind`, `InvalidValue`, `OutOfRange`, `Required`, `InvalidArgument`,
    /// `LimitExceeded`; the field is the place within the condition, such as `condition.all[2].value`.
    pub fn check_condition(&self, request: &CheckCondition) -> Result<CheckedCondition> {
        let catalog = self.catalog();
        let condition = request.condition.clone();
        judge(&catalog, &condition, &request.entity_type, "condition")?;
        let condition = condition.normalise();
        let text = condition.to_string();
        Ok(CheckedCondition { condition, text })
    }

    /// Says whether a condition is true for a record, archived or not, and why.
    ///
    /// # Errors
    ///
    /// As [`Crm::check_condition`]; `NotFound`; `InvalidValue` with field `zone`; `LimitExceeded`
    /// if more than 100,000 activities, related records and changes would have to be looked at.
    pub fn evaluate_condition(&self, request: &EvaluateCondition) -> Result<ConditionAnswer> {
        let moment = self.moment(request.at, request.zone.as_deref())?;
        self.read_explained(|conn, catalog| {
            let checked = judge(catalog, &request.condition, &request.entity_type, "condition")?;
            answer(conn, catalog, &checked, request.id, &moment)
        })
    }

    /// Shows the SQL of a condition, how SQLite goes about it and about how many records it finds;
    /// and for a record, as [`Crm::evaluate_condition`].
    ///
    /// # Errors
    ///
    /// As [`Crm::evaluate_condition`].
    pub fn explain_condition(&self, request: &ExplainCondition) -> Result<ConditionPlan> {
        let moment = self.moment(request.at, request.zone.as_deref())?;
        self.read_explained(|conn, catalog| {
            let checked = judge(catalog, &request.condition, &request.entity_type, "condition")?;
            let table = catalog.table(&request.entity_type)?;
            let wanted = sql::compile(&checked, &moment);
            let answer = request.id.map(|id| answer(conn, catalog, &checked, id, &moment));
            Ok(ConditionPlan {
                sql: sql::select(table, &wanted),
                plan: sql::plan(conn, table, &wanted)?,
                estimated_rows: sql::estimate(conn, table, &wanted)?.0,
                answer: answer.transpose()?,
            })
        })
    }

    /// The moment that a request means.
    pub(super) fn moment(&self, at: Option<Timestamp>, zone: Option<&str>) -> Result<Moment> {
        Moment::new(at.unwrap_or_else(|| self.now()), zone.unwrap_or("UTC"))
    }

    /// The SQL of the condition of a list.
    pub(super) fn wanted(
        &self,
        catalog: &Catalog,
        condition: &Condition,
        entity_type: &str,
        at: Option<Timestamp>,
        zone: Option<&str>,
    ) -> Result<Expression> {
        let checked = judge(catalog, condition, entity_type, "where")?;
        Ok(sql::compile(&checked, &self.moment(at, zone)?))
    }
}

pub(super) fn judge(
    catalog: &Catalog,
    condition: &Condition,
    entity_type: &str,
    field: &str,
) -> Result<Checked> {
    catalog.table(entity_type)?;
    condition::check(condition, catalog, entity_type).map_err(|error| {
        let place = match error.field() {
            Some(place) => format!("{field}.{place}"),
            None => field.to_owned(),
        };
        error.with_field(place)
    })
}

/// Refuses a condition that no record can ever fulfil.
///
/// # Errors
///
/// `InvalidArgument` with the place of the part that cannot be; as [`judge`].
pub(super) fn check_possible(
    catalog: &Catalog,
    condition: &Condition,
    entity_type: &str,
    field: &str,
) -> Result<()> {
    let checked = judge(catalog, condition, entity_type, field)?;
    let Some(fault) = condition::never(&[&checked.root]) else { return Ok(()) };
    let place = match fault.is_empty() {
        true => field.to_owned(),
        false => format!("{field}.{fault}"),
    };
    Err(Error::new(ErrorKind::InvalidArgument, "no record can be so")
        .with_field(place)
        .with_hint("say what it is to ask instead, or leave it out"))
}

pub(super) fn answer(
    conn: &Connection,
    catalog: &Catalog,
    checked: &Checked,
    id: RecordId,
    moment: &Moment,
) -> Result<ConditionAnswer> {
    let subject = subject(conn, catalog, checked, id, &mut Known::default())?;
    let (is_true, leaves) = condition::explain(checked, &subject, moment);
    Ok(ConditionAnswer { is_true, leaves })
}

/// Whether a condition is true of a record, and when that may next change though nobody writes.
pub(super) fn ask(
    conn: &Connection,
    catalog: &Catalog,
    checked: &Checked,
    id: RecordId,
    moment: &Moment,
    known: &mut Known,
) -> Result<(bool, Option<Timestamp>)> {
    Ok(condition::due(&checked.root, &subject(conn, catalog, checked, id, known)?, moment))
}

/// What a condition needs to know of a record.
fn subject(
    conn: &Connection,
    catalog: &Catalog,
    checked: &Checked,
    id: RecordId,
    known: &mut Known,
) -> Result<Subject> {
    let table = catalog.table(&checked.entity_type)?;
    let record = known
        .record(conn, table, id)?
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no such record").with_field("id"))?;
    let row = Arc::clone(&record.row);
    let mut loader = Loader { conn, catalog, left: limits::CONDITION_FACTS, known };
    loader.subject(&table.model, id, row, Some(&checked.root))
}

/// Whether an activity is of this kind, if one is meant, and the filter is true for it.
pub(super) fn is_meant(
    conn: &Connection,
    catalog: &Catalog,
    (wanted, filter): (Option<i64>, Option<&Node>),
    activity: &Happened,
    moment: &Moment,
) -> Result<bool> {
    if wanted.is_some_and(|wanted| wanted != activity.kind) {
        return Ok(false);
    }
    let Some(filter) = filter else { return Ok(true) };
    let mut kinds = catalog.kinds().map(|kind| &kind.model);
    let model = wanted.and_then(|id| kinds.find(|model| model.id == id));
    Ok(condition::fits(filter, facts::activity(conn, activity.seq, model)?, moment))
}

/// Reads what a condition needs to know of a record.
struct Loader<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    /// How many facts may still be read.
    left: usize,
    known: &'a mut Known,
}

impl Loader<'_> {
    /// The facts for the leaves of `node`, which is about this record.
    fn subject(
        &mut self,
        model: &TypeModel,
        id: RecordId,
        row: Arc<Vec<Cell>>,
        node: Option<&Node>,
    ) -> Result<Subject> {
        let mut facts = Vec::new();
        for leaf in node.into_iter().flat_map(Node::leaves) {
            // In the order in which the check counted them.
            facts.push(match &leaf.test {
                Test::Field(_) => continue,
                Test::Event(test) => {
                    let kind = test.kind.as_ref();
                    let kind = kind.and_then(|kind| self.catalog.activity_kind(&kind.name));
                    let found =
                        self.known.activities(self.conn, id, (kind, test.detail()), self.left)?;
                    self.spend(found.len())?;
                    Facts::Activities(found)
                }
                Test::Related(test) => Facts::Related(self.related(test, id, &row)?),
                Test::Stage(test) => {
                    let row = lifecycles::standing(self.conn, test.lifecycle, id)?;
                    Facts::Stage(row.and_then(|row| row.stage))
                }
                Test::Score(test) => {
                    let kept = scores::get(self.conn, test.model, id)?;
                    let kept = kept.filter(|kept| kept.version == test.version);
                    let sheet = kept.map(|kept| Sheet::from_bytes(&kept.sheet)).transpose()?;
                    Facts::Score(sheet)
                }
                Test::Consent(_) => {
                    let (ledger, _) = consents::ledger(self.conn, id)?;
                    self.spend(ledger.entries().len())?;
                    Facts::Consent(ledger)
                }
                Test::Segment(test) => {
                    Facts::Segment(segments::member(self.conn, test.segment, id)?.is_some())
                }
                Test::Changed(test) => Facts::Changes(self.changes(test, model, id)?),
            });
        }
        Ok(Subject { row, facts })
    }

    fn related(
        &mut self,
        test: &RelatedTest,
        id: RecordId,
        cells: &[Cell],
    ) -> Result<Vec<RelatedFact>> {
        let mut found = Vec::new();
        for entity_type in &test.types {
            let table = self.catalog.table(&entity_type.name)?;
            let most = self.left + 1;
            let links = links(self.conn, self.catalog, test, entity_type, (id, cells), most)?;
            self.spend(links.len())?;
            for facts::Link { other, role, valid, .. } in links {
                let record = self.known.record(self.conn, table, other)?;
                let record = record.filter(|record| record.archived_at.is_none());
                let Some(row) = record.map(|record| Arc::clone(&record.row)) else { continue };
                let subject = self.subject(&table.model, other, row, test.filter.as_deref())?;
                found.push(RelatedFact { role, valid, subject });
            }
        }
        Ok(found)
    }

    fn changes(
        &mut self,
        test: &ChangedTest,
        model: &TypeModel,
        id: RecordId,
    ) -> Result<Vec<ChangeFact>> {
        let mut changes = Vec::new();
        let mut left = self.left;
        journal::told_of_record(self.conn, id, 0, |change| {
            if !matches!(change.kind, ChangeKind::RecordCreated | ChangeKind::RecordPatched) {
                return Ok(true);
            }
            let body = read_body(model, &change.body)?.into_iter();
            let mut body = body.filter(|(attribute, _)| attribute.name() == test.attribute);
            if let Some((_, cells)) = body.next() {
                left = left.checked_sub(1).ok_or_else(too_many)?;
                changes.push(ChangeFact { at: change.hlc.at(), cells });
            }
            Ok(true)
        })?;
        self.left = left;
        Ok(changes)
    }

    fn spend(&mut self, facts: usize) -> Result<()> {
        self.left = self.left.checked_sub(facts).ok_or_else(too_many)?;
        Ok(())
    }
}

/// The records of an entity type to which a record is related, with the role and validity that an
/// association has. At most `limit`.
pub(super) fn links(
    conn: &Connection,
    catalog: &Catalog,
    test: &RelatedTest,
    entity_type: &Named,
    (id, cells): (RecordId, &[Cell]),
    limit: usize,
) -> Result<Vec<facts::Link>> {
    let plain = |other| facts::Link { other, role: None, is_primary: false, valid: (None, None) };
    Ok(match &test.way {
        Way::Association { association, inverse, .. } => {
            facts::links(conn, association.id, id, *inverse, entity_type.id, limit)?
        }
        Way::Reference(column) => cells[column.place].to_id().map(plain).into_iter().collect(),
        Way::Referring(column) => {
            let table = catalog.table(&entity_type.name)?;
            let found = facts::referring(conn, table, &column.name, id, limit)?;
            found.into_iter().map(plain).collect()
        }
    })
}

fn too_many() -> Error {
    let message = format!("more than {} facts to look at", limits::CONDITION_FACTS);
    Error::new(ErrorKind::LimitExceeded, message).with_hint("count with records.count instead")
}

impl Schema for Catalog {
    fn entity_type(&self, name: &str) -> Option<&TypeModel> {
        self.find(name).map(|table| &table.model)
    }

    fn entity_types(&self) -> Vec<&str> {
        let in_use =
            self.iter().map(|table| &table.model).filter(|model| model.archived_at.is_none());
        in_use.map(|model| model.name.as_str()).collect()
    }

    fn activity_kind(&self, name: &str) -> Option<&TypeModel> {
        self.find_kind(name).map(|kind| &kind.model)
    }

    fn activity_kinds(&self) -> Vec<&str> {
        let in_use = self.kinds().map(|kind| &kind.model);
        let in_use = in_use.filter(|model| model.archived_at.is_none());
        in_use.map(|model| model.name.as_str()).collect()
    }

    fn association(&self, name: &str) -> Option<AssociationShape<'_>> {
        let model = &self.find_associations(name)?.model;
        let DefineAssociationType { from, to, roles, .. } = &model.definition;
        Some(AssociationShape { id: model.id, from, to, roles })
    }

    fn lifecycles(&self, entity_type: &str) -> Vec<&LifecycleModel> {
        let all = Self::lifecycles(self).map(|model| &**model);
        let in_use = all.filter(|model| model.lifecycle.archived_at.is_none());
        in_use.filter(|model| model.lifecycle.entity_type == entity_type).collect()
    }

    fn lifecycle(&self, name: &str) -> Option<&LifecycleModel> {
        self.find_lifecycle(name).map(|model| &**model)
    }

    fn score(&self, name: &str) -> Option<&StoredModel> {
        Self::scores(self).find(|stored| stored.model.name == name).map(|stored| &**stored)
    }

    fn scores(&self, entity_type: &str) -> Vec<&StoredModel> {
        let published = Self::scores(self).filter(|stored| {
            stored.model.state == ScoreState::Published && stored.model.entity_type == entity_type
        });
        published.map(|stored| &**stored).collect()
    }

    fn consent_book(&self) -> &Book {
        self.book()
    }

    fn segments(&self) -> Vec<&SegmentModel> {
        Self::segments(self).map(|model| &**model).collect()
    }

    fn associations(&self) -> Vec<&str> {
        let all = self.iter_associations().map(|table| &table.model);
        all.filter(|model| model.archived_at.is_none()).map(|model| model.name()).collect()
    }
}

#[cfg(test)]
mod tests;
