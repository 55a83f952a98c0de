//! Who is concerned by what happened: the records whose answer to a condition may be another now.
//!
//! A condition says at which places it looks (`condition::Reach`). What happened is compared with
//! each place, and from there the relations are walked back to the records that the condition is
//! asked about. The invariant: a record that is not named here answers as before, at the same moment.

use std::collections::BTreeSet;

use super::{Catalog, reactions::Event};
use crate::{
    RecordId, Result,
    association::StoredAssociation,
    condition::{Hop, Place, RECORD_COLUMNS, Reach, Reads, Way},
    schema::TypeModel,
    store::{Connection, facts, records},
};

/// A place in the columns of a record that every write changes: the version, and when that was.
const VERSION: usize = 1;
const UPDATED_AT: usize = 3;
/// Every record counts.
const ALL: usize = u32::MAX as usize;

/// The records, of the type of the condition, whose answer an event may have changed.
pub(super) fn affected(
    conn: &Connection,
    catalog: &Catalog,
    reach: &Reach,
    event: &Event,
) -> Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    for place in &reach.places {
        match event {
            Event::Record { table, id, changed, left, .. } if place.is_of(&table.model) => {
                let model = &table.model;
                let changed = changed.as_deref();
                if place.reads.touched(model, changed) || place.points(model, changed) {
                    walk_back(conn, catalog, &place.hops, *id, &mut found)?;
                }
                if let Some((Hop { way: Way::Referring(column), .. }, before)) =
                    place.hops.split_last()
                {
                    let was = left.iter().filter(|(at, _)| is_at(model, *at, column.place));
                    for (_, former) in was {
                        walk_back(conn, catalog, before, *former, &mut found)?;
                    }
                }
            }
            Event::Archiving { table, id } if place.is_of(&table.model) => {
                walk_back(conn, catalog, &place.hops, *id, &mut found)?;
            }
            Event::Activities { table, id, all } if place.is_of(&table.model) => {
                let kinds = &place.reads.activities;
                let is_read = match all.as_slice() {
                    [] => !kinds.is_empty(),
                    all => all.iter().any(|activity| kinds.contains(activity.kind)),
                };
                if is_read {
                    walk_back(conn, catalog, &place.hops, *id, &mut found)?;
                }
            }
            Event::Moved { lifecycle, id, .. } if place.reads.stages.contains(&lifecycle.id) => {
                walk_back(conn, catalog, &place.hops, *id, &mut found)?;
            }
            Event::Scored { model, id, .. } if place.reads.scores.contains(&model.id) => {
                walk_back(conn, catalog, &place.hops, *id, &mut found)?;
            }
            Event::Member { segment, id, .. } if place.reads.segments.contains(&segment.id) => {
                walk_back(conn, catalog, &place.hops, *id, &mut found)?;
            }
            Event::Association(row) => {
                if let Some((hop, before)) = place.hops.split_last()
                    && let Some(near) = place.near_end(hop, row)
                {
                    walk_back(conn, catalog, before, near, &mut found)?;
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

impl Place {
    fn is_of(&self, model: &TypeModel) -> bool {
        self.entity_type == model.name
    }

    /// Whether it is found by a reference that was set.
    fn points(&self, model: &TypeModel, changed: Option<&[usize]>) -> bool {
        let Some(Hop { way: Way::Referring(column), .. }) = self.hops.last() else { return false };
        changed.is_none_or(|changed| changed.iter().any(|at| is_at(model, *at, column.place)))
    }

    /// The record from which an association leads to this place.
    fn near_end(&self, hop: &Hop, row: &StoredAssociation) -> Option<RecordId> {
        let Way::Association { association, inverse, .. } = &hop.way else { return None };
        let (near, far) = if *inverse { (&row.to, &row.from) } else { (&row.from, &row.to) };
        let fits = association.name == row.association_type
            && near.entity_type == hop.near
            && far.entity_type == self.entity_type;
        fits.then_some(near.id)
    }
}

impl Reads {
    /// Whether a change of a record touches what is read; that it was created touches everything.
    fn touched(&self, model: &TypeModel, changed: Option<&[usize]>) -> bool {
        let Some(changed) = changed else { return true };
        self.columns.contains(&VERSION)
            || self.columns.contains(&UPDATED_AT)
            || changed.iter().any(|at| {
                let attribute = &model.attributes[*at];
                let span = attribute.span();
                let columns = RECORD_COLUMNS.len() + span.start..RECORD_COLUMNS.len() + span.end;
                self.columns.range(columns).next().is_some()
                    || self.changed.contains(attribute.name())
            })
    }
}

/// Whether the attribute at this place has its first column there.
fn is_at(model: &TypeModel, attribute: usize, column: usize) -> bool {
    RECORD_COLUMNS.len() + model.attributes[attribute].first == column
}

/// Adds the records from which `hops` lead to `far`.
fn walk_back(
    conn: &Connection,
    catalog: &Catalog,
    hops: &[Hop],
    far: RecordId,
    found: &mut BTreeSet<RecordId>,
) -> Result<()> {
    let Some((hop, before)) = hops.split_last() else {
        found.insert(far);
        return Ok(());
    };
    for near in near(conn, catalog, hop, far)? {
        walk_back(conn, catalog, before, near, found)?;
    }
    Ok(())
}

/// The records from which a step leads to `far`, on whatever day.
fn near(conn: &Connection, catalog: &Catalog, hop: &Hop, far: RecordId) -> Result<Vec<RecordId>> {
    let table = catalog.table(&hop.near)?;
    match &hop.way {
        Way::Association { association, inverse, .. } => {
            let links = facts::links(conn, association.id, far, !inverse, table.model.id, ALL)?;
            Ok(links.into_iter().map(|link| link.other).collect())
        }
        Way::Reference(column) => facts::referring(conn, table, &column.name, far, ALL),
        Way::Referring(column) => {
            let row = records::get(conn, catalog.table(&hop.far)?, far)?;
            let cell = row.map(|row| row.cells[column.place - RECORD_COLUMNS.len()].clone());
            Ok(cell.and_then(|cell| cell.to_id()).into_iter().collect())
        }
    }
}
