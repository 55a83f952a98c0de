//! Whose score a write may have changed: the records from which something that was written is looked at.

use std::collections::BTreeSet;

use super::super::{Writing, reactions::Event};
use crate::{
    RecordId, Result,
    condition::{Hop, Place, RECORD_COLUMNS, Reach, Way},
    store::{facts, records, table::Table},
};

/// Records of one record's relations that are gone back to.
const RELATED: usize = u32::MAX as usize;

/// The records whose answers by what `reach` looks at an event may have changed, by id.
pub(super) fn affected(
    writing: &Writing<'_>,
    reach: &Reach,
    event: &Event,
) -> Result<Vec<RecordId>> {
    let mut found = BTreeSet::new();
    for place in &reach.places {
        if is_touched(place, event)
            && let Event::Record { id, .. }
            | Event::Archiving { id, .. }
            | Event::Activities { id, .. }
            | Event::Moved { id, .. }
            | Event::Scored { id, .. } = event
        {
            found.extend(back(writing, place, place.hops.len(), *id)?);
        }
        let Some(last) = place.hops.len().checked_sub(1) else { continue };
        for id in relinked(place, &place.hops[last], event) {
            found.extend(back(writing, place, last, id)?);
        }
    }
    Ok(found.into_iter().collect())
}

/// Whether something that is read at a place is about the record of an event.
fn is_touched(place: &Place, event: &Event) -> bool {
    let reads = &place.reads;
    let is_here = |table: &Table| table.model.name == place.entity_type;
    match event {
        Event::Record { table, changed, .. } if is_here(table) => {
            let Some(changed) = changed else { return true };
            // The version and the time of the last change are columns as well.
            let always = reads.columns.iter().any(|column| *column < RECORD_COLUMNS.len());
            let of_attributes = changed.iter().any(|place| {
                let attribute = &table.model.attributes[*place];
                let first = RECORD_COLUMNS.len() + attribute.first;
                let width = attribute.column_names().count();
                reads.columns.range(first..first + width).next().is_some()
                    || reads.changed.contains(attribute.name())
            });
            always || of_attributes
        }
        Event::Archiving { table, .. } => is_here(table),
        Event::Activities { table, all, .. } if is_here(table) => {
            let is_read = |happened: &crate::store::activities::Happened| {
                reads.activities.contains(happened.kind)
            };
            !reads.activities.is_empty() && (all.is_empty() || all.iter().any(is_read))
        }
        Event::Moved { lifecycle, .. } => {
            lifecycle.lifecycle.entity_type == place.entity_type
                && reads.stages.contains(&lifecycle.id)
        }
        Event::Scored { model, .. } => {
            model.model.entity_type == place.entity_type && reads.scores.contains(&model.id)
        }
        _ => false,
    }
}

/// The records from which the last hop of a place leads elsewhere than before.
fn relinked(place: &Place, hop: &Hop, event: &Event) -> Vec<RecordId> {
    match (event, &hop.way) {
        (Event::Association(row), Way::Association { association, inverse, .. })
            if association.name == row.association_type =>
        {
            let (near, far) = if *inverse { (&row.to, &row.from) } else { (&row.from, &row.to) };
            let is_here = near.entity_type == hop.near && far.entity_type == place.entity_type;
            is_here.then_some(near.id).into_iter().collect()
        }
        (Event::Record { table, left, .. }, Way::Referring(column))
            if table.model.name == place.entity_type =>
        {
            let first = |nth: usize| RECORD_COLUMNS.len() + table.model.attributes[nth].first;
            left.iter().filter(|(nth, _)| first(*nth) == column.place).map(|(_, id)| *id).collect()
        }
        _ => Vec::new(),
    }
}

/// The records from which the first `depth` hops of a place lead to a record.
fn back(
    writing: &Writing<'_>,
    place: &Place,
    depth: usize,
    id: RecordId,
) -> Result<Vec<RecordId>> {
    let tx = writing.tx;
    let mut found = vec![id];
    for (nth, Hop { near, way }) in place.hops[..depth].iter().enumerate().rev() {
        let far = place.hops.get(nth + 1).map_or(&place.entity_type, |hop| &hop.near);
        let (near, far) = (writing.table(near)?, writing.table(far)?);
        let mut before = BTreeSet::new();
        for id in found {
            match way {
                Way::Association { association, inverse, .. } => {
                    let (inverse, near) = (!inverse, near.model.id);
                    let links = facts::links(tx, association.id, id, inverse, near, RELATED)?;
                    before.extend(links.into_iter().map(|link| link.other));
                }
                Way::Reference(column) => {
                    before.extend(facts::referring(tx, &near, &column.name, id, RELATED)?);
                }
                Way::Referring(column) => {
                    let row = records::get(tx, &far, id)?;
                    let place = column.place - RECORD_COLUMNS.len();
                    before.extend(row.and_then(|row| row.cells[place].to_id()));
                }
            }
        }
        found = before.into_iter().collect();
    }
    Ok(found)
}
