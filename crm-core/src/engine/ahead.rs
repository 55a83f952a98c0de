//! The order of the rows to come, so that pages of one list are not sorted each by itself.
//!
//! A page begins where a cursor says, and knows nothing of the one before. Where an index serves the
//! order it begins with a seek; else SQLite sorts everything for every page. So after a page that was
//! sorted it is noted where it ended, and the page that goes on there works out the order of many rows
//! at once, of which their numbers are kept. Each list that follows is longer, so that who reads two
//! pages does not pay for all.
//!
//! The invariant: a page is what the file would give for its cursor. What was noted serves the very
//! same question, after the very same place, in the very same state of the file, and nothing else:
//! after any commit a page is sorted anew. The scores by which rows are ordered follow from the question
//! and the state, so they are no part of what is noted, and are computed only where an order is worked
//! out.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    Catalog,
    queries::{number_of, read_row},
    scores,
};
use crate::{
    Archived, Result, Value,
    cell::{Cell, CellRow as _},
    condition::Moment,
    limits,
    query::CheckedSelect,
    store::{
        Connection,
        select::{self as sql, Place, Statement},
    },
};

/// Rows whose order is worked out at once at most; few in tests, which then meet the end of them.
const MOST: u32 = if cfg!(test) { 13 } else { limits::ORDER_ROWS };
/// By how much a list is longer than the page, or the list, before it.
const LONGER: u32 = if cfg!(test) { 2 } else { 8 };

/// What a page is asked for.
pub(super) struct Asked<'a> {
    pub(super) catalog: &'a Catalog,
    /// Gets the scores of all records where an order is worked out.
    pub(super) query: &'a mut CheckedSelect,
    pub(super) moment: &'a Moment,
    pub(super) archived: Archived,
    pub(super) limit: u32,
}

/// The rows of a page, and where it ended if there is another.
pub(super) struct Page {
    pub(super) rows: Vec<Vec<Value>>,
    pub(super) next: Option<Place>,
}

/// Lists whose order is remembered, the one used last at the end.
#[derive(Default)]
pub(super) struct Ahead(Mutex<Vec<Known>>);

/// What comes after a place.
struct Known {
    /// The state of the file.
    mark: u64,
    /// The question: its order from the first row on.
    order: Statement,
    place: Place,
    /// The rows that follow, as far as they are known.
    numbers: VecDeque<i64>,
    /// Whether others follow these.
    has_more: bool,
    /// How many were worked out at once.
    length: u32,
}

impl Ahead {
    // No code of a caller runs under this lock.
    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page after a place, in the state of the file that a mark stands for; without a mark nothing
    /// is remembered.
    ///
    /// # Errors
    ///
    /// As [`sql::visit`] and [`scores::compute_order`].
    pub(super) fn page(
        &self,
        conn: &Connection,
        mark: Option<u64>,
        asked: &mut Asked<'_>,
        after: Option<&Place>,
    ) -> Result<Page> {
        let known = match (mark, after) {
            (Some(mark), Some(after)) => self.take(mark, asked, after)?,
            _ => None,
        };
        if let Some(mut known) = known {
            let page = known.page(conn, asked)?;
            if let Some(next) = &page.next {
                known.place = next.clone();
                self.note(known);
            }
            return Ok(page);
        }
        // Before the scores are part of the query.
        let order = mark.map(|_| whole(asked)).transpose()?;
        compute(conn, asked)?;
        let asked = &*asked;
        let Asked { moment, archived, limit, .. } = *asked;
        // One more tells whether there is a next page.
        let statement = sql::rows(asked.query, moment, archived, after, limit + 1)?;
        let (mut rows, mut last, mut has_more) = (Vec::new(), None, false);
        let is_sorted = sql::visit(conn, &statement, |cells| {
            if rows.len() == limit as usize {
                has_more = true;
                return Ok(());
            }
            let (row, place) = read_row(conn, asked, cells)?;
            rows.push(row);
            last = Some(place);
            Ok(())
        })?;
        let next = last.filter(|_| has_more);
        if let (Some(mark), Some(order), Some(place), true) = (mark, order, next.clone(), is_sorted)
        {
            let numbers = VecDeque::new();
            self.note(Known { mark, order, place, numbers, has_more, length: limit });
        }
        Ok(Page { rows, next })
    }

    /// Takes out what is known of the rows after a place.
    fn take(&self, mark: u64, asked: &Asked<'_>, after: &Place) -> Result<Option<Known>> {
        let order = whole(asked)?;
        let mut known = self.known();
        // What was noted of a state that is gone will never be asked for.
        known.retain(|known| known.mark >= mark);
        let found = known
            .iter()
            .position(|known| known.mark == mark && known.place == *after && known.order == order);
        Ok(found.map(|place| known.remove(place)))
    }

    fn note(&self, new: Known) {
        let mut known = self.known();
        if known.len() == limits::ORDERS_AHEAD {
            known.remove(0);
        }
        known.push(new);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.known().clear();
    }
}

/// The order of everything that is asked for: two questions with the same one have the same rows in
/// the same order. It is asked for before scores are computed.
fn whole(asked: &Asked<'_>) -> Result<Statement> {
    sql::order(asked.query, asked.moment, asked.archived, None, 0)
}

/// Computes the scores by which an order is worked out.
fn compute(conn: &Connection, asked: &mut Asked<'_>) -> Result<()> {
    let of = (asked.moment, asked.archived);
    scores::compute_order(conn, asked.catalog, asked.query, of)
}

impl Known {
    /// Reads the rows that follow.
    fn page(&mut self, conn: &Connection, asked: &mut Asked<'_>) -> Result<Page> {
        let limit = asked.limit as usize;
        if self.has_more && self.numbers.len() <= limit {
            self.look(conn, asked)?;
        }
        let asked = &*asked;
        let statement = sql::row(asked.query, asked.moment, asked.archived)?;
        let width = 1 + asked.query.order.len() + asked.query.width();
        let shown = limit.min(self.numbers.len());
        let (mut rows, mut last) = (Vec::with_capacity(shown), None);
        let numbers: Vec<i64> = self.numbers.drain(..shown).collect();
        sql::visit_numbers(conn, &statement, &numbers, |row| {
            let cells = (0..width).map(|place| row.cell(place).map(Cell::from));
            let (row, place) = read_row(conn, asked, cells.collect::<Result<_>>()?)?;
            rows.push(row);
            last = Some(place);
            Ok(true)
        })?;
        Ok(Page { rows, next: last.filter(|_| !self.numbers.is_empty()) })
    }

    /// Works out the order of the rows that follow, of more than before.
    fn look(&mut self, conn: &Connection, asked: &mut Asked<'_>) -> Result<()> {
        compute(conn, asked)?;
        let asked = &*asked;
        let Asked { moment, archived, limit, .. } = *asked;
        // The page itself and one more, whatever the most.
        self.length = self.length.saturating_mul(LONGER).min(MOST).max(limit + 1);
        let statement = sql::order(asked.query, moment, archived, Some(&self.place), self.length)?;
        let place = 1 + asked.query.order.len();
        self.numbers.clear();
        sql::visit_refs(conn, &statement, |row| {
            self.numbers.push_back(number_of(row, place)?);
            Ok(true)
        })?;
        self.has_more = self.numbers.len() == self.length as usize;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        ActivityPreset, Attribute, Crm, DefineScore, FieldOrder, Kind, NewActivity, RecordId,
        ScoreGroup, ScoreLevel, ScoreRule, SelectColumn, SelectRows, Value, values,
    };

    fn select(order: impl IntoIterator<Item = FieldOrder>, limit: u32) -> SelectRows {
        let columns = [SelectColumn::field("id"), SelectColumn::count("call").named("calls")];
        let order = order.into_iter().collect();
        // Calls are counted up to a moment, which every page must mean.
        let at = crate::Timestamp::from_micros(1_000_000).ok();
        SelectRows { order, limit, at, ..SelectRows::new("contact", columns) }
    }

    fn file(folder: &tempfile::TempDir) -> Crm {
        let crm = Crm::open(folder.path().join("a.crm")).unwrap();
        crm.activity_kinds().define_preset(ActivityPreset::Call).unwrap();
        crm.types().define_attribute("contact", Attribute::new("n", Kind::Integer)).unwrap();
        let indexed = Attribute::new("i", Kind::Integer).indexed();
        crm.types().define_attribute("contact", indexed).unwrap();
        for row in 0..60_i64 {
            let n = if row % 7 == 0 { Value::Null } else { (row * 31 % 5).into() };
            let contact = crm.contacts().create(values! { "n" => n, "i" => row % 4 }).unwrap();
            for at in 0..row % 3 {
                let at = crate::Timestamp::from_micros(at).unwrap();
                let call = NewActivity::of("call", contact.reference(), at);
                crm.activities().record(call).unwrap();
            }
        }
        crm
    }

    fn pages(crm: &Crm, request: &SelectRows) -> Vec<Vec<Value>> {
        let (mut request, mut rows) = (request.clone(), Vec::new());
        loop {
            let page = crm.select_rows(&request).unwrap();
            assert!(page.rows.len() <= request.limit as usize);
            rows.extend(page.rows);
            match page.next {
                Some(next) => request.after = Some(next),
                None => return rows,
            }
        }
    }

    #[test]
    fn pages_are_the_list_whatever_is_known_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        for order in [
            vec![FieldOrder::ascending("n")],
            vec![FieldOrder::descending("n"), FieldOrder::ascending("i")],
            vec![FieldOrder::ascending("i")],
            vec![FieldOrder::descending("calls")],
            vec![FieldOrder::ascending("calls"), FieldOrder::descending("n")],
        ] {
            let whole = crm.select_rows(&select(order.clone(), 1_000)).unwrap();
            assert_eq!((whole.rows.len(), whole.next), (60, None));
            for limit in [1, 2, 6, 12, 13, 14, 20, 30, 59, 60] {
                assert_eq!(pages(&crm, &select(order.clone(), limit)), whole.rows, "{limit}");
            }
        }
        assert!(crm.shared.ahead.known().is_empty(), "a list that ended is not kept");
    }

    /// The rows of a known order come without scores that are not kept, which each page computes of its
    /// own rows, and where it ended too.
    #[test]
    fn pages_by_a_score_that_is_not_kept_are_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        let rules = [("some", "n >= 1", 2), ("many", "n >= 3", 5), ("even", "i = 2", 1)];
        let rules = rules.map(|(name, condition, points)| {
            ScoreRule::when(name, condition.parse().unwrap(), points)
        });
        let mut worth = DefineScore::new("worth", "contact", [ScoreGroup::new("worth", rules)]);
        worth.thresholds = vec![ScoreLevel::new("large", 5)];
        crm.scores().define(worth).unwrap();
        // Of what was there before, nothing is kept.
        crm.scores().publish("worth").unwrap();
        let threshold =
            SelectColumn { field: Some("threshold".into()), ..SelectColumn::score("worth") };
        let columns = [SelectColumn::score("worth").named("score"), threshold.named("threshold")];
        for order in [
            vec![FieldOrder::ascending("score")],
            vec![FieldOrder::descending("score"), FieldOrder::ascending("n")],
            vec![FieldOrder::descending("threshold"), FieldOrder::ascending("score")],
        ] {
            let ask = |limit| {
                let mut request = select(order.clone(), limit);
                request.columns.extend(columns.clone());
                request
            };
            let whole = crm.select_rows(&ask(1_000)).unwrap();
            assert_eq!((whole.rows.len(), whole.next), (60, None));
            for limit in [1, 2, 6, 13, 30] {
                assert_eq!(pages(&crm, &ask(limit)), whole.rows, "{limit}");
            }
        }
    }

    /// How many pages were read from the order that was known, and how many times it was worked out.
    #[test]
    fn pages_that_follow_are_not_sorted_each_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        let mut request = select([FieldOrder::ascending("n")], 2);
        let mut known: Vec<usize> = Vec::new();
        loop {
            let page = crm.select_rows(&request).unwrap();
            let Some(next) = page.next else { break };
            request.after = Some(next);
            known.push(crm.shared.ahead.known().iter().map(|known| known.numbers.len()).sum());
        }
        // Lists of 4, 8, 13 and 13 again; each is left when it may not hold the next page and one
        // more row.
        let expected: [usize; 29] = [
            0, 2, 6, 4, 2, 11, 9, 7, 5, 3, 1, 11, 9, 7, 5, 3, 1, 11, 9, 7, 5, 3, 1, 11, 9, 7, 5, 3,
            1,
        ];
        assert_eq!(known, expected);
    }

    #[test]
    fn an_order_that_an_index_serves_is_not_worked_out() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        let mut request = select([], 5);
        for _ in 0..3 {
            request.after = crm.select_rows(&request).unwrap().next;
            assert!(crm.shared.ahead.known().is_empty());
        }
    }

    #[test]
    fn after_a_write_the_page_that_follows_is_that_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        let order = || [FieldOrder::descending("n")];
        let mut request = select(order(), 10);
        for _ in 0..2 {
            request.after = crm.select_rows(&request).unwrap().next;
        }
        assert!(!crm.shared.ahead.known()[0].numbers.is_empty(), "the rows to come are known");
        let before = crm.select_rows(&select(order(), 1_000)).unwrap().rows;
        let gone: RecordId = before[23][0].as_str().unwrap().parse().unwrap();
        crm.contacts().patch(gone, values! { "n" => Value::Null }).unwrap();
        let after = crm.select_rows(&select(order(), 1_000)).unwrap().rows;
        assert_ne!(before[20..30], after[20..30]);
        let mut rest = crm.select_rows(&request).unwrap();
        assert_eq!(rest.rows, after[20..30]);
        // And from there on the order is known again.
        request.after = rest.next;
        rest = crm.select_rows(&request).unwrap();
        assert_eq!(rest.rows, after[30..40]);
    }

    #[test]
    fn another_question_is_not_answered_by_what_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let crm = file(&folder);
        let request = select([FieldOrder::ascending("n")], 10);
        let first = crm.select_rows(&request).unwrap();
        let request = SelectRows { after: first.next, ..request };
        let few = crate::Condition::field("i").eq(1);
        let narrow = SelectRows { condition: Some(few), ..request.clone() };
        let page = crm.select_rows(&narrow).unwrap();
        let ids = |rows: &[Vec<Value>]| rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
        let wide = ids(&crm.select_rows(&SelectRows { limit: 1_000, ..request }).unwrap().rows);
        assert!(page.rows.len() == 10 && ids(&page.rows).iter().all(|id| wide.contains(id)));
        assert_ne!(ids(&page.rows), wide[..10]);
        crm.close().unwrap();
        assert!(crm.shared.ahead.known().is_empty());
    }
}
