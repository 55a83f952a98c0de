//! The ranking of all records by a score, at any moment.
//!
//! Each row keeps an upper bound of its score at all later moments: points that stay, and an order
//! among those that fade by the longest half-life of the model. Of rows with the same fixed points
//! the one with the highest order has the highest bound, whenever that is; so one place in the index
//! for each different number of fixed points is enough to meet all rows by descending bound, and the
//! first page is sure as soon as no bound is left above its last score. Where only some records are
//! wanted, each that would enter the page is asked; and once too many were asked in vain, those that are
//! wanted are looked up instead. The invariant: what is ranked is the score at that moment, and no record
//! is missed.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet, VecDeque},
};

use serde::{Deserialize, Serialize};

use super::{
    Scores,
    batch::{Batch, holds_now},
    facts::{compute, kept, row_of},
    to_score,
};
use crate::{
    RankScores, RecordId, Result, ScoreRanking,
    condition::Moment,
    engine::{Catalog, check_limit, conditions, cursor},
    scoring::{ColumnProgram, Rank, ScoreProgram, ScorePrograms, Sheet},
    store::{
        Connection,
        condition::{self as sql, Expression},
        scores::{self as rows, Pages, ScoreRow},
        segments::holds,
    },
};

/// Rows that are read at once of those with the same fixed points; more and more of them.
const FIRST_ROWS: u32 = 4;
const MOST_ROWS: u32 = 512;

/// Records that are asked in vain before those that are wanted are looked up.
const MOST_REFUSED: u32 = 1000;

/// Records that are looked at in one go where all are.
const RECORDS_AT_ONCE: u32 = 1000;
/// Likewise where columns are enough.
const COLUMNS_AT_ONCE: u32 = 4096;

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct After {
    /// The model, its version and the moment.
    m: (String, i64, i64),
    /// The score and the record.
    p: (i64, RecordId),
}

/// A higher score comes first; of the same score the lesser id.
type Place = (i64, Reverse<RecordId>);

impl Scores<'_> {
    /// Ranks the records in use by what they score at a moment, the highest first.
    ///
    /// It is quick for the present and the future once the score is filled: see [`Scores::rescore`].
    /// For a moment of the past, and before that, every record is looked at. With a condition it is
    /// the same ranking without those of which that is false; where few of the highest fulfil it, every
    /// record is asked.
    ///
    /// ```
    /// use crm_core::{Crm, DefineScore, RankScores, ScoreGroup, ScoreRule, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let large = ScoreRule::when("large", "employees >= 50".parse()?, 20);
    /// let groups = [ScoreGroup::new("fit", [large])];
    /// crm.scores().define(DefineScore::new("size", "company", groups))?;
    /// crm.scores().publish("size")?;
    /// for country in ["DE", "FR"] {
    ///     crm.companies().create(values! { "name" => "A", "country" => country })?;
    /// }
    /// let condition = Some("country = \"FR\"".parse()?);
    /// let french = RankScores { condition, ..RankScores::new("size") };
    /// assert_eq!(crm.scores().ranking(&french)?.records.len(), 1);
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such score, or none of its versions is published; as
    /// [`Crm::check_condition`](crate::Crm::check_condition) for the condition; `InvalidArgument` if the
    /// limit is not 1 to 10,000, or `after` is not the `next` of such a page; `LimitExceeded`
    /// as for [`Crm::evaluate_condition`](crate::Crm::evaluate_condition).
    pub fn ranking(&self, request: &RankScores) -> Result<ScoreRanking> {
        check_limit(request.limit)?;
        let at = self.at(request.at);
        let moment = Moment::new(at, "UTC")?;
        self.crm.read_explained(|conn, catalog| {
            let (programs, program) = catalog.score_program(&request.model)?;
            let model = &program.stored.model;
            let list = (model.name.clone(), model.version, at.micros());
            let after = match request.after.as_deref().map(cursor::decode::<After>).transpose()? {
                None => None,
                Some(After { m, p }) if m == list => Some((p.0, Reverse(p.1))),
                Some(_) => {
                    return Err(cursor::invalid("the cursor belongs to another ranking")
                        .with_hint("say the same moment on each page"));
                }
            };
            let condition = request.condition.as_ref();
            let condition = condition.map(|condition| {
                conditions::judge(catalog, condition, &model.entity_type, "where")
            });
            let wanted = condition.transpose()?.map(|checked| sql::compile(&checked, &moment));
            let latest = rows::latest(conn, program.stored.id)?;
            let mut ranking = Ranking {
                conn,
                catalog,
                programs,
                program,
                moment: &moment,
                after,
                limit: request.limit as usize + 1,
                is_kept: model.is_filled && latest.is_none_or(|latest| latest <= at),
                wanted,
                refused: 0,
                best: BinaryHeap::new(),
            };
            if !ranking.is_kept || !ranking.by_bounds()? {
                ranking.all()?;
            }
            let mut best: Vec<(Place, Sheet)> = ranking
                .best
                .into_iter()
                .map(|Reverse(Ranked(place, sheet))| (place, sheet))
                .collect();
            best.sort_by_key(|(place, _)| Reverse(*place));
            let has_more = best.len() > request.limit as usize;
            best.truncate(request.limit as usize);
            let last = best.last().filter(|_| has_more);
            let next = last.map(|((score, Reverse(id)), _)| {
                cursor::encode(&After { m: list, p: (*score, *id) })
            });
            let records = best
                .into_iter()
                .map(|((_, Reverse(id)), sheet)| to_score(program, id, &sheet, at.micros()));
            Ok(ScoreRanking { at, records: records.collect(), next })
        })
    }
}

/// A place in the ranking, with the sheet that led to it.
struct Ranked(Place, Sheet);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

struct Ranking<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    programs: &'a ScorePrograms,
    program: &'a ScoreProgram,
    moment: &'a Moment,
    after: Option<Place>,
    limit: usize,
    /// Whether what is kept of every record holds at the moment, or is known to hold no longer.
    is_kept: bool,
    /// What is to be true of a record that is about to enter; `None` once that is known of all.
    wanted: Option<Expression>,
    /// Of how many it was not.
    refused: u32,
    /// The best so far, the worst of them on top.
    best: BinaryHeap<Reverse<Ranked>>,
}

/// Rows with the same fixed points, by descending bound.
struct Lane {
    fixed: i64,
    rows: VecDeque<ScoreRow>,
    last: Option<(Option<i64>, RecordId)>,
    size: u32,
    /// An upper bound of what is left, and whether those of this bound follow by their id.
    bound: i64,
    from: Option<RecordId>,
}

impl Ranking<'_> {
    fn add(&mut self, id: RecordId, sheet: Sheet) -> Result<()> {
        let place = (sheet.score(self.moment.now().micros()), Reverse(id));
        let is_full = self.best.len() == self.limit;
        let enters = self.after.is_none_or(|after| place < after)
            && !(is_full && self.best.peek().is_some_and(|Reverse(worst)| place <= worst.0));
        if !enters || !self.is_wanted(id)? {
            return Ok(());
        }
        if is_full {
            self.best.pop();
        }
        self.best.push(Reverse(Ranked(place, sheet)));
        Ok(())
    }

    fn is_wanted(&mut self, id: RecordId) -> Result<bool> {
        let Some(wanted) = &self.wanted else { return Ok(true) };
        let table = self.catalog.table(&self.program.stored.model.entity_type)?;
        let is_wanted = holds(self.conn, table, wanted, id)?;
        self.refused += u32::from(!is_wanted);
        Ok(is_wanted)
    }

    /// Whether something of this bound, from this id on if it is known, can still be among the best.
    fn can_enter(&self, bound: i64, from: Option<RecordId>) -> bool {
        let worst = match self.best.peek() {
            Some(Reverse(worst)) if self.best.len() == self.limit => worst.0,
            _ => return true,
        };
        match from {
            Some(id) => (bound, Reverse(id)) > worst,
            None => bound >= worst.0,
        }
    }

    fn computed(&mut self, id: RecordId) -> Result<()> {
        let row = row_of(self.conn, self.catalog, self.program, id)?;
        let programs = (self.programs, self.program);
        let computed = compute(self.conn, self.catalog, programs, row, self.moment)?;
        self.add(id, computed.sheet)
    }

    /// Looks at every record that is wanted.
    fn all(&mut self) -> Result<()> {
        self.best.clear();
        let table = self.catalog.table(&self.program.stored.model.entity_type)?;
        let wanted = self.wanted.take();
        let wanted = wanted.map(|wanted| sql::ids(self.conn, table, &wanted)).transpose()?;
        let by_columns = ColumnProgram::new(self.program).filter(|_| !self.is_kept);
        if let Some(by_columns) = by_columns {
            return self.by_columns(&by_columns, wanted.as_ref());
        }
        if let Some(wanted) = wanted {
            for id in wanted {
                match kept(self.conn, self.program, id, self.moment.now())? {
                    Some((sheet, _)) => self.add(id, sheet)?,
                    None => self.computed(id)?,
                }
            }
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = rows::records(self.conn, table, after, RECORDS_AT_ONCE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
            for id in page {
                self.computed(id)?;
            }
        }
    }

    /// Looks at every record, or at those that are wanted, many at a time.
    fn by_columns(
        &mut self,
        by_columns: &ColumnProgram<'_>,
        wanted: Option<&HashSet<RecordId>>,
    ) -> Result<()> {
        let (conn, catalog, moment) = (self.conn, self.catalog, self.moment);
        let mut batch = Batch::new(catalog, self.program, by_columns);
        let mut pages = Pages::Stored(i64::MIN);
        loop {
            let page = (&mut pages, COLUMNS_AT_ONCE);
            let has_more = batch.read(conn, catalog, page, moment)?;
            for place in 0..batch.sorted.len() {
                let id = batch.sorted[place];
                if wanted.is_some_and(|wanted| !wanted.contains(&id)) {
                    continue;
                }
                let score = batch.score(conn, place)?;
                if score.is_some_and(|score| !self.can_enter(score, Some(id))) {
                    continue;
                }
                let file = (conn, catalog);
                let computed = batch.computed(file, self.programs, place, (moment, holds_now))?;
                self.add(id, computed.sheet)?;
            }
            if !has_more {
                return Ok(());
            }
        }
    }

    /// Looks at as many rows as it takes, those with the highest bounds first; answers whether that
    /// ended well, or too many were asked in vain.
    fn by_bounds(&mut self) -> Result<bool> {
        let key = (self.program.stored.id, self.program.stored.model.version);
        let at = self.moment.now();
        // What no longer holds may score anything.
        let mut stale = Vec::new();
        rows::each_stale(self.conn, key, at, |id| {
            stale.push(id);
            Ok(())
        })?;
        for id in &stale {
            self.computed(*id)?;
        }
        let stale: HashSet<RecordId> = stale.into_iter().collect();
        let lanes = rows::lanes(self.conn, key)?.into_iter();
        let mut lanes: Vec<Lane> = lanes.map(|top| self.lane(top)).collect();
        loop {
            let highest = lanes.iter().enumerate().max_by_key(|(_, lane)| lane.bound);
            let Some((place, lane)) = highest else { return Ok(true) };
            if !self.can_enter(lane.bound, lane.from) {
                let bound = lane.bound;
                // Others of the same bound may have an id that comes first.
                lanes.retain(|lane| lane.bound == bound && self.can_enter(lane.bound, lane.from));
                if lanes.is_empty() {
                    return Ok(true);
                }
                continue;
            }
            let lane = &mut lanes[place];
            let row = lane.rows.pop_front();
            let is_left = self.fill(lane)?;
            if !is_left {
                lanes.swap_remove(place);
            }
            if let Some(row) = row.filter(|row| !stale.contains(&row.record)) {
                self.add(row.record, Sheet::from_bytes(&row.sheet)?)?;
            }
            if self.refused > MOST_REFUSED {
                return Ok(false);
            }
        }
    }

    /// A lane of which nothing is read yet.
    fn lane(&self, top: Rank) -> Lane {
        Lane {
            fixed: top.fixed,
            rows: VecDeque::new(),
            last: None,
            size: FIRST_ROWS,
            bound: self.bound(top),
            from: None,
        }
    }

    fn bound(&self, rank: Rank) -> i64 {
        rank.bound(self.program.caps, self.program.half, self.moment.now().micros())
    }

    /// Reads on where a lane is empty, and says whether anything is left of it.
    fn fill(&self, lane: &mut Lane) -> Result<bool> {
        let program = self.program;
        if lane.rows.is_empty() {
            let key = (program.stored.id, program.stored.model.version);
            let found = rows::ranked(self.conn, key, lane.fixed, lane.last, lane.size)?;
            lane.last = found.last().map(|row| (row.rank.order, row.record)).or(lane.last);
            lane.size = (lane.size * 2).min(MOST_ROWS);
            lane.rows = found.into();
        }
        let Some(first) = lane.rows.front() else { return Ok(false) };
        lane.bound = self.bound(first.rank);
        // Without an order all that follow have the same bound, and are by id.
        lane.from = first.rank.order.is_none().then_some(first.record);
        Ok(true)
    }
}
