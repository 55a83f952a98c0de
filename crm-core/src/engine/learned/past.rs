//! Records as they were at a place in the journal, and what conditions said of them then.
//!
//! The invariant: nothing that was recorded after the place is read, whatever the file holds now.
//! Where the file does not keep enough of the past to answer a question, it is refused.

use std::sync::Arc;

use crate::{
    ChangeKind, Error, ErrorKind, RecordId, Result, Timestamp,
    cell::Cell,
    condition::{
        self, ChangeFact, Checked, Facts, Frame, Moment, Node, RelatedFact, RelatedTest, Subject,
        Test, Way,
    },
    engine::{Catalog, conditions},
    journal::read_body,
    limits,
    schema::TypeModel,
    store::{
        Connection, journal, learned as rows,
        records::{self, StoredRow},
        table::Table,
    },
};

/// A place in the journal and the moment that counts as now.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) seq: i64,
    pub(super) moment: Moment,
    /// Whether the file may hold more than what there was.
    pub(super) is_past: bool,
    /// The visitors that were not known yet, as a list in JSON.
    unknown: String,
}

impl Cut {
    /// What the file holds now.
    pub(super) fn now(conn: &Connection, now: Timestamp) -> Result<Self> {
        let seq = journal::last_seq(conn)?;
        Ok(Self { seq, moment: Moment::new(now, "UTC")?, is_past: false, unknown: "[]".into() })
    }

    /// What it held at a moment.
    pub(super) fn at(conn: &Connection, at: Timestamp) -> Result<Self> {
        let seq = rows::seq_at(conn, at)?;
        let unknown = rows::identified_after(conn, seq)?;
        Ok(Self { seq, moment: Moment::new(at, "UTC")?, is_past: true, unknown })
    }

    /// The record as it was; `None` if it was not there yet.
    pub(super) fn record(
        &self,
        conn: &Connection,
        table: &Table,
        row: &StoredRow,
    ) -> Result<Option<StoredRow>> {
        if !self.is_past {
            return Ok(Some(row.clone()));
        }
        let mut then: Option<StoredRow> = None;
        journal::of_record(conn, row.id, 0, |change| {
            if change.seq > self.seq {
                return Ok(false);
            }
            let at = change.hlc.at();
            let then = then.get_or_insert_with(|| StoredRow {
                id: row.id,
                version: 0,
                created_at: at,
                updated_at: at,
                archived_at: None,
                cells: vec![Cell::Null; table.model.columns],
            });
            then.version += 1;
            then.updated_at = at;
            match change.kind {
                ChangeKind::RecordArchived => then.archived_at = Some(at),
                ChangeKind::RecordRestored => then.archived_at = None,
                ChangeKind::RecordCreated | ChangeKind::RecordPatched => {
                    for (attribute, cells) in read_body(&table.model, &change.body)? {
                        then.cells[attribute.span()].clone_from_slice(&cells);
                    }
                }
                _ => {}
            }
            Ok(true)
        })?;
        Ok(then)
    }

    /// Whether a condition was true for a record.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with the place of the question if it cannot be asked of the past;
    /// `LimitExceeded` past 100,000 facts.
    pub(super) fn is_true(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        model: &TypeModel,
        checked: &Checked,
        then: &StoredRow,
    ) -> Result<bool> {
        let leaves = checked.root.leaves();
        if !self.is_past && leaves.iter().any(|leaf| !is_of_past(&leaf.test)) {
            return Ok(conditions::answer(conn, catalog, checked, then.id, &self.moment)?.is_true);
        }
        let mut left = limits::CONDITION_FACTS;
        let row = then.clone();
        let subject = self.subject((conn, catalog), model, row, Some(&checked.root), &mut left)?;
        Ok(condition::is_true(&checked.root, &subject, &self.moment))
    }

    /// A record with what a condition asks about it, as it was. At most `left` facts.
    fn subject(
        &self,
        (conn, catalog): (&Connection, &Catalog),
        model: &TypeModel,
        then: StoredRow,
        node: Option<&Node>,
        left: &mut usize,
    ) -> Result<Subject> {
        let id = then.id;
        let row = Arc::new(then.into_columns());
        let mut facts = Vec::new();
        for leaf in node.into_iter().flat_map(Node::leaves) {
            facts.push(match &leaf.test {
                Test::Field(_) => continue,
                Test::Event(test) => {
                    let kind = test.kind.as_ref().and_then(|kind| catalog.find_kind(&kind.name));
                    let model = kind.map(|kind| &kind.model);
                    let wanted = (model, test.detail());
                    let found = rows::activities(conn, id, wanted, self.place(), *left + 1)?;
                    *left = left.checked_sub(found.len()).ok_or_else(too_many)?;
                    Facts::Activities(Arc::new(found.into_iter().map(Arc::new).collect()))
                }
                Test::Stage(test) => {
                    let mut stages = rows::stages(conn, test.lifecycle, id, self.seq)?;
                    Facts::Stage(stages.pop().map(|(stage, _)| stage))
                }
                Test::Changed(test) => {
                    let found = self.changes(conn, model, &test.attribute, id, *left)?;
                    *left -= found.len();
                    Facts::Changes(found)
                }
                Test::Related(RelatedTest {
                    way: Way::Reference(column), types, filter, ..
                }) => {
                    let mut found = Vec::new();
                    if let (Some(other), [far]) = (row[column.place].to_id(), &types[..]) {
                        let table = catalog.table(&far.name)?;
                        let known = records::get(conn, table, other)?;
                        let then = known.map(|row| self.record(conn, table, &row)).transpose()?;
                        let then = then.flatten().filter(|then| then.archived_at.is_none());
                        if let Some(then) = then {
                            *left = left.checked_sub(1).ok_or_else(too_many)?;
                            let (place, filter) = ((conn, catalog), filter.as_deref());
                            let subject = self.subject(place, &table.model, then, filter, left)?;
                            found.push(RelatedFact { role: None, valid: (None, None), subject });
                        }
                    }
                    Facts::Related(found)
                }
                _ => return Err(not_kept("this").with_field(leaf.path.clone())),
            });
        }
        Ok(Subject { row, facts })
    }

    fn changes(
        &self,
        conn: &Connection,
        model: &TypeModel,
        attribute: &str,
        id: RecordId,
        most: usize,
    ) -> Result<Vec<ChangeFact>> {
        let mut changes = Vec::new();
        journal::of_record(conn, id, 0, |change| {
            if change.seq > self.seq {
                return Ok(false);
            }
            if matches!(change.kind, ChangeKind::RecordCreated | ChangeKind::RecordPatched) {
                let mut body = read_body(model, &change.body)?.into_iter();
                if let Some((_, cells)) = body.find(|(known, _)| known.name() == attribute) {
                    if changes.len() == most {
                        return Err(too_many());
                    }
                    changes.push(ChangeFact { at: change.hlc.at(), cells });
                }
            }
            Ok(true)
        })?;
        Ok(changes)
    }

    /// How many activities of a kind a record had, within a span or ever.
    pub(super) fn count(
        &self,
        conn: &Connection,
        kind: i64,
        frame: Frame,
        id: RecordId,
    ) -> Result<u64> {
        rows::count_activities(conn, id, kind, self.place(), self.moment.frame(frame))
    }

    /// The place of the first change with which a record was on a stage.
    pub(super) fn reached(
        &self,
        conn: &Connection,
        lifecycle: i64,
        stage: &str,
        id: RecordId,
    ) -> Result<Option<i64>> {
        let stages = rows::stages(conn, lifecycle, id, self.seq)?;
        Ok(stages.into_iter().find(|(known, _)| known == stage).map(|(_, seq)| seq))
    }

    /// The place in the journal, and the visitors that were not known then.
    pub(super) fn place(&self) -> (i64, &str) {
        (self.seq, &self.unknown)
    }
}

/// Whether the file keeps enough to answer the question as of a moment.
pub(super) fn is_of_past(test: &Test) -> bool {
    match test {
        Test::Field(_) | Test::Event(_) | Test::Stage(_) | Test::Changed(_) => true,
        // What a record referred to is in its own history, and what that was in the other's.
        Test::Related(RelatedTest { way: Way::Reference(_), filter, .. }) => {
            let leaves = filter.iter().flat_map(|filter| filter.leaves());
            leaves.into_iter().all(|leaf| is_of_past(&leaf.test))
        }
        _ => false,
    }
}

/// That something cannot be asked of the past.
pub(super) fn not_kept(what: &str) -> Error {
    let message =
        format!("the file does not keep enough of the past to tell {what} as of a moment");
    Error::new(ErrorKind::InvalidArgument, message)
        .with_hint("ask about fields, activities, changes or stages, of the record or of one that it refers to")
}

fn too_many() -> Error {
    let message = format!("more than {} facts to look at", limits::CONDITION_FACTS);
    Error::new(ErrorKind::LimitExceeded, message)
}
