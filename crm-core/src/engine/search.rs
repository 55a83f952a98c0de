//! Searching texts, and bringing the index up to what the definitions say is searched.

use std::collections::HashMap;

use super::{
    Catalog, Crm, Writing, activities, check_range,
    cursor::{self, Listing},
};
use crate::{
    Archived, Error, ErrorKind, FoundActivity, RecordRef, Result, SearchHit, SearchItem,
    SearchPage, SearchText,
    cell::Cell,
    limits,
    schema::TypeModel,
    search::{Wanted, best},
    store::{
        Connection,
        activities::{self as activity_rows, KindTable, StoredActivity},
        records::{self, Position, Selection},
        search::{self as rows, Found, Owner, Scope, Search},
        table::Table,
    },
};

/// Rows that are held at once while what is searched changes.
const INDEXED_AT_ONCE: u32 = 1000;

impl Crm {
    /// Searches the texts of records and activities: finds those that have all the words, the best
    /// first, each with the piece of text where they stand.
    ///
    /// ```
    /// use crm_core::{Attribute, Crm, Kind, SearchText, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.types().define_attribute("contact", Attribute::new("notes", Kind::LongText).searched())?;
    /// let ann = crm.contacts().create(values! { "notes" => "Met Ms Müller at the fair" })?;
    /// let page = crm.search(&SearchText::new("muller mee*"))?;
    /// assert!(page.hits.is_empty(), "all the words must be there");
    /// let page = crm.search(&SearchText::new("MULLER fai").prefix())?;
    /// assert_eq!(page.hits[0].record, Some(ann.reference()));
    /// let parts = &page.hits[0].snippet.parts;
    /// let found: Vec<&str> = parts.iter().filter(|p| p.is_match).map(|p| &*p.text).collect();
    /// assert_eq!(found, ["Müller", "fair"]);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidArgument` if there is no word in the text, if `types` or `kinds` are given though
    /// `items` leaves them out, if the limit is not 1 to 1,000, or if `after` is not the `next` of such
    /// a page; `LimitExceeded` past 1 KiB or 32 words; `UnknownType` if there is no such entity type or
    /// kind; `Interrupted`.
    pub fn search(&self, request: &SearchText) -> Result<SearchPage> {
        check_range("limit", request.limit.into(), 1, limits::SEARCH_HITS.into())?;
        let wanted = Wanted::parse(&request.text, request.prefix)?;
        let after = cursor::read_place(Listing::Search, request.after.as_deref())?;
        let mark = self.shared.store.mark();
        self.read_explained(|conn, catalog| {
            let (types, kinds) = scopes(catalog, request)?;
            let search = Search {
                expression: wanted.expression(),
                types,
                kinds,
                archived: request.archived,
                after,
                // One more tells whether there is a next page.
                limit: request.limit + 1,
            };
            let mut found = rows::find(conn, &search)?;
            let has_more = found.len() > request.limit as usize;
            found.truncate(request.limit as usize);
            let last = found.last().filter(|_| has_more);
            let next = last.map(|last| cursor::write_place(Listing::Search, (last.rank, last.seq)));
            let mut activities = load_activities(conn, catalog, &found)?;
            let hit = |found: Found| {
                self.shared.store.check_interrupted(mark)?;
                let activity = activities.remove(&found.seq);
                to_hit(conn, catalog, &wanted, found, activity)
            };
            let hits = found.into_iter().map(hit).collect::<Result<_>>()?;
            Ok(SearchPage { hits, next })
        })
    }
}

/// What a request searches.
fn scopes(catalog: &Catalog, request: &SearchText) -> Result<(Scope, Scope)> {
    let SearchText { items, types, kinds, .. } = request;
    let searches = |item, names: &[String], others: &[String]| match items.is_empty() {
        true => !names.is_empty() || others.is_empty(),
        false => items.contains(&item),
    };
    let left_out = |field: &str| {
        let message = "names what `items` leaves out of the search";
        Error::new(ErrorKind::InvalidArgument, message).with_field(field)
    };
    let numbers = types.iter().map(|name| match catalog.table(name) {
        Ok(table) => Ok(table.model.id),
        Err(error) => Err(error.with_field("types")),
    });
    let numbers = numbers.collect::<Result<Vec<_>>>()?;
    let of_types = match searches(SearchItem::Record, types, kinds) {
        true if types.is_empty() => Scope::Every,
        true => {
            Scope::Of(serde_json::to_string(&numbers).expect("a list of numbers is always JSON"))
        }
        false if types.is_empty() => Scope::Nothing,
        false => return Err(left_out("types")),
    };
    let numbers = activities::numbers(catalog, kinds)?;
    let of_kinds = match (searches(SearchItem::Activity, kinds, types), numbers) {
        (true, numbers) => numbers.map_or(Scope::Every, Scope::Of),
        (false, None) => Scope::Nothing,
        (false, Some(_)) => return Err(left_out("kinds")),
    };
    Ok((of_types, of_kinds))
}

/// The activities among what was found, by their place in the journal.
fn load_activities(
    conn: &Connection,
    catalog: &Catalog,
    found: &[Found],
) -> Result<HashMap<i64, StoredActivity>> {
    let found = found.iter().filter(|found| found.record.is_none());
    let places: Vec<i64> = found.map(|found| found.seq).collect();
    let mut stored = activity_rows::get_many(conn, &places)?;
    activity_rows::complete(conn, &mut stored, |kind| catalog.kind(kind).map(|kind| &**kind))?;
    Ok(stored.into_iter().map(|activity| (activity.seq, activity)).collect())
}

fn to_hit(
    conn: &Connection,
    catalog: &Catalog,
    wanted: &Wanted,
    found: Found,
    activity: Option<StoredActivity>,
) -> Result<SearchHit> {
    let differs = || Error::new(ErrorKind::Corrupt, "the index of words differs from the tables");
    let shown = |model: &TypeModel, cells: &[Cell]| {
        let best = best(wanted, model, cells);
        best.map(|(attribute, snippet)| (attribute.name().to_owned(), snippet)).ok_or_else(differs)
    };
    let (record, activity, (attribute, snippet)) = match (found.record, activity) {
        (Some((name, id)), _) => {
            let table = catalog.table(&name)?;
            let row = records::get(conn, table, id)?.ok_or_else(differs)?;
            (Some(RecordRef::new(name, id)), None, shown(&table.model, &row.cells)?)
        }
        (None, Some(StoredActivity { kind, recorded, content, .. })) => {
            let shown = shown(&catalog.kind(&kind)?.model, &content.cells)?;
            let activity = FoundActivity { id: recorded.id, kind, at: content.at };
            (content.subject, Some(activity), shown)
        }
        (None, None) => return Err(differs()),
    };
    Ok(SearchHit { record, activity, score: -found.rank, attribute, snippet })
}

/// Makes the words of a type anew, if the definition now says that others are searched than `before`.
pub(super) fn index_records(
    writing: &Writing<'_>,
    before: &TypeModel,
    table: &Table,
) -> Result<()> {
    let model = &table.model;
    if before.searched == model.searched {
        return Ok(());
    }
    let owner = Owner::Type(model.id);
    rows::clear(writing.tx, owner)?;
    let mut after = None;
    // Where nothing is searched any more there is nothing to read.
    let mut is_last = model.searched.is_empty();
    while !is_last {
        let selection = Selection {
            terms: &[],
            archived: Archived::Include,
            order: None,
            after: after.take(),
            limit: INDEXED_AT_ONCE,
        };
        let page = records::list(writing.tx, table, &selection)?;
        is_last = page.len() < INDEXED_AT_ONCE as usize;
        after = page.last().map(|row| Position { key: Cell::Null, id: row.id });
        for row in page {
            let seq = rows::created_seq(writing.tx, row.id)?;
            let is_archived = row.archived_at.is_some();
            rows::add(writing.tx, owner, model, seq, &row.cells, is_archived)?;
        }
    }
    Ok(())
}

/// As [`index_records`], of the activities of a kind that count.
pub(super) fn index_activities(
    writing: &Writing<'_>,
    before: &TypeModel,
    kind: &KindTable,
) -> Result<()> {
    let model = &kind.model;
    if before.searched == model.searched {
        return Ok(());
    }
    let owner = Owner::Kind(model.id);
    rows::clear(writing.tx, owner)?;
    let mut after = 0;
    let mut is_last = model.searched.is_empty();
    while !is_last {
        let page = activity_rows::properties_after(writing.tx, kind, after, INDEXED_AT_ONCE)?;
        is_last = page.len() < INDEXED_AT_ONCE as usize;
        for (seq, cells) in page {
            after = seq;
            rows::add(writing.tx, owner, model, seq, &cells, false)?;
        }
    }
    Ok(())
}
