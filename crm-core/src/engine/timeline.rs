//! The timeline of a record: what the rooms know of it, put into one order.
//!
//! Each source gives time and place of its items, the latest first and one more than a page; these
//! are cheap, and only what a page shows is read whole. A further source is a further list of places.

use super::{
    Catalog, Crm, activities, check_limit,
    cursor::{self, Listing},
    history::to_entry,
};
use crate::{
    AssociationEntry, Error, ErrorKind, HistoryEntry, ListTimeline, RecordId, Result,
    TimelineEntry, TimelineItem, TimelineKind, TimelinePage, Timestamp,
    journal::AssociationBody,
    store::{
        Connection,
        activities::{Page, Place},
        associations,
        journal::{self as changes, StoredChange},
        lifecycles, records,
        table::Table,
    },
};

/// An item of which only the place is known yet.
#[derive(Debug)]
struct Found {
    place: Place,
    role: Option<String>,
    kind: TimelineKind,
}

/// Where a page ended: time, place in the journal, and place of the last change that was shown, of the
/// record or of an association. The last one lets the changes go on without walking over those shown
/// already: their times never go back from one place to the next.
type Ended = [i64; 3];

const BEGINNING: Ended = [i64::MAX; 3];

impl TimelineKind {
    /// Whether an item of this sort happened when the journal says, and not when somebody says.
    const fn is_dated_by_journal(self) -> bool {
        matches!(self, Self::Change | Self::Association)
    }
}

impl Crm {
    /// Reads a page of a record's timeline: its activities, those that are linked to it, its changes,
    /// those of its associations, and the stages to which it came, the latest first.
    ///
    /// ```
    /// use crm_core::{ActivityPreset, Crm, ListTimeline, NewActivity, RecordRef, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.activity_kinds().define_preset(ActivityPreset::Call)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?;
    /// let ann = RecordRef::new("contact", ann.id);
    /// crm.activities().record(NewActivity::of("call", ann.clone(), "2024-02-29T12:00:00Z".parse()?))?;
    /// let page = crm.timeline(&ListTimeline::new("contact", ann.id))?;
    /// assert_eq!(page.entries.len(), 2, "she was created, and called long before");
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType` if there is no such entity type or kind; `NotFound` if there is no such record;
    /// `InvalidArgument` if the limit is not 1 to 10,000, or `after` is not the `next` of such a page.
    pub fn timeline(&self, request: &ListTimeline) -> Result<TimelinePage> {
        check_limit(request.limit)?;
        let after = cursor::read_place(Listing::Timeline, request.after.as_deref())?;
        let after: Ended = after.unwrap_or(BEGINNING);
        self.read_explained(|conn, catalog| {
            let table = catalog.table(&request.entity_type)?;
            if !records::exists(conn, table, request.id.as_bytes())? {
                return Err(Error::new(ErrorKind::NotFound, "no such record").with_field("id"));
            }
            let mut found = find(conn, catalog, request, after)?;
            found.sort_unstable_by_key(|found| std::cmp::Reverse(found.place));
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let next = found.last().filter(|_| has_more).map(|last| {
                let mut shown = found.iter().rev();
                let change = shown.find(|found| found.kind.is_dated_by_journal());
                let change = change.map_or(after[2], |found| found.place.1);
                cursor::write_place(Listing::Timeline, [last.place.0, last.place.1, change])
            });
            Ok(TimelinePage { entries: read(conn, catalog, table, request, found)?, next })
        })
    }
}

/// The places of what comes next, of each source one more than the page holds.
fn find(
    conn: &Connection,
    catalog: &Catalog,
    request: &ListTimeline,
    [at, seq, change]: Ended,
) -> Result<Vec<Found>> {
    let wants = |kind| request.items.is_empty() || request.items.contains(&kind);
    let mut found = Vec::new();
    let page = Page {
        kinds: activities::numbers(catalog, &request.kinds)?,
        from: i64::MIN,
        before: (at, seq),
        limit: request.limit + 1,
    };
    if wants(TimelineKind::Activity) {
        let kind = TimelineKind::Activity;
        let own = page.of_subject(conn, request.id)?.into_iter();
        found.extend(own.map(|place| Found { place, role: None, kind }));
        let linked = page.of_link(conn, request.id)?.into_iter();
        found.extend(linked.map(|(place, role)| Found { place, role: Some(role), kind }));
    }
    if wants(TimelineKind::Change) {
        let kind = TimelineKind::Change;
        let changes = changes::places(conn, request.id, change, page.before, page.limit)?;
        found.extend(changes.into_iter().map(|place| Found { place, role: None, kind }));
    }
    if wants(TimelineKind::Association) {
        let kind = TimelineKind::Association;
        let changes =
            changes::places_of_associations(conn, request.id, change, page.before, page.limit)?;
        found.extend(changes.into_iter().map(|place| Found { place, role: None, kind }));
    }
    if wants(TimelineKind::Stage) {
        let kind = TimelineKind::Stage;
        let moves = lifecycles::moves(conn, request.id, page.before, page.limit)?;
        found.extend(moves.into_iter().map(|place| Found { place, role: None, kind }));
    }
    Ok(found)
}

/// Reads what was found, in its order.
fn read(
    conn: &Connection,
    catalog: &Catalog,
    table: &Table,
    request: &ListTimeline,
    found: Vec<Found>,
) -> Result<Vec<TimelineEntry>> {
    let places = |kind| -> Vec<i64> {
        let found = found.iter().filter(|found| found.kind == kind);
        found.map(|found| found.place.1).collect()
    };
    let activities = activities::load(conn, catalog, &places(TimelineKind::Activity))?;
    let changes = read_changes(conn, table, request, &places(TimelineKind::Change))?;
    let associations =
        read_associations(conn, catalog, request.id, &places(TimelineKind::Association))?;
    let mut activities = activities.into_iter().map(TimelineItem::Activity);
    let mut changes = changes.into_iter().map(TimelineItem::Change);
    let mut associations = associations.into_iter().map(TimelineItem::Association);
    let moves = lifecycles::moves_of(conn, request.id, &places(TimelineKind::Stage))?;
    let mut moves = moves.into_iter().map(TimelineItem::Stage);
    let entries = found.into_iter().filter_map(|found| {
        let item = match found.kind {
            TimelineKind::Activity => activities.next(),
            TimelineKind::Change => changes.next(),
            TimelineKind::Association => associations.next(),
            TimelineKind::Stage => moves.next(),
        };
        let (at, seq) = found.place;
        Some(TimelineEntry { at: Timestamp::clamped(at), seq, role: found.role, item: item? })
    });
    Ok(entries.collect())
}

/// The changes of these places. They are all that the record has between the first and the last, so
/// that only one version has to be counted.
fn read_changes(
    conn: &Connection,
    table: &Table,
    request: &ListTimeline,
    places: &[i64],
) -> Result<Vec<HistoryEntry>> {
    let Some(&latest) = places.first() else { return Ok(Vec::new()) };
    let version = changes::count_until(conn, request.id, latest)?;
    let entry = |(change, version): (StoredChange, i64)| {
        let values = table.model.decode_body(&change.body)?;
        Ok(to_entry(change, version, values))
    };
    let versions = (1..=version).rev();
    changes::get_many(conn, places)?.into_iter().zip(versions).map(entry).collect()
}

/// The changes of these places, which are of associations of the record.
fn read_associations(
    conn: &Connection,
    catalog: &Catalog,
    record: RecordId,
    places: &[i64],
) -> Result<Vec<AssociationEntry>> {
    let entry = |change: StoredChange| {
        let missing = || Error::new(ErrorKind::Corrupt, "a change names no association");
        let id = change.record_id.ok_or_else(missing)?;
        let association = associations::get(conn, id)?.ok_or_else(missing)?;
        let table = catalog.associations(&association.association_type)?;
        let (direction, other) = association.seen_from(record);
        let values = match change.is_erased {
            true => crate::Values::new(),
            false => AssociationBody::read(&change.body)?.decode(&table.model, id)?.values,
        };
        Ok(AssociationEntry {
            seq: change.seq,
            at: change.hlc.at(),
            actor: change.actor,
            cause: change.cause,
            kind: change.kind,
            version: changes::count_until(conn, id, change.seq)?,
            association_type: table.model.name().to_owned(),
            id,
            direction,
            other,
            values,
        })
    };
    changes::get_many(conn, places)?.into_iter().map(entry).collect()
}
