//! What keeps scores live, within the transaction of the write that causes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    super::{
        Catalog, Writing,
        reach::affected,
        reactions::{Event, Told},
    },
    facts::{Computed, compute, holds},
};
use crate::{
    ChangeKind, RecordId, Result, ScoreCrossing, Timestamp,
    condition::Moment,
    scoring::{ScoreProgram, ScorePrograms, Sheet},
    store::{
        records,
        scores::{self as rows, ScoreRow},
        timers::{self, Room},
    },
};

/// Whether a score looks at records of one of these types.
pub(in crate::engine) fn concern(catalog: &Catalog, types: &[&str]) -> Result<bool> {
    let programs = catalog.score_programs()?;
    Ok(programs.is_some_and(|programs| types.iter().any(|name| programs.concern(name))))
}

/// Scores anew by one score whom events concern, each once; the last event that concerns it led to it.
pub(in crate::engine) fn react(
    writing: &mut Writing<'_>,
    programs: &ScorePrograms,
    program: &ScoreProgram,
    told: &[Told],
) -> Result<()> {
    let mut ids = BTreeMap::new();
    for told in told {
        let concerned = concerned(writing, program, &told.event)?;
        ids.extend(concerned.into_iter().map(|id| (id, told)));
    }
    for (id, told) in ids {
        writing.reactions.chain = told.chain.clone();
        update(writing, programs, program, id, true)?;
    }
    Ok(())
}

/// A record of a score is due: it may have crossed a threshold, or stand too high among all, or a
/// condition may have changed.
pub(in crate::engine) fn on_due(writing: &mut Writing<'_>, model: i64, id: RecordId) -> Result<()> {
    let Some(programs) = writing.catalog.score_programs()?.cloned() else { return Ok(()) };
    let program = programs.all.iter().find(|program| program.stored.id == model);
    let Some(program) = program else { return Ok(()) };
    let kept = rows::get(writing.tx, model, id)?;
    match kept.filter(|row| holds(row, program, writing.now)) {
        // Nothing was written since that concerns it: it only fades, as its sheet says.
        Some(row) => {
            let sheet = (&Sheet::from_bytes(&row.sheet)?, row.until);
            let known = Known { is_written: false, has_timers: true, has_crossings: true };
            rows::set_latest(writing.tx, model, writing.now)?;
            keep(writing, program, (id, Some(row)), sheet, known)?;
        }
        None => {
            update(writing, &programs, program, id, true)?;
        }
    }
    Ok(())
}

/// The records whose score an event may have changed.
fn concerned(
    writing: &Writing<'_>,
    program: &ScoreProgram,
    event: &Event,
) -> Result<BTreeSet<RecordId>> {
    let entity_type = &program.stored.model.entity_type;
    match event {
        Event::Archiving { table, id } | Event::Record { table, id, changed: None, .. }
            if table.model.name == *entity_type =>
        {
            Ok(BTreeSet::from([*id]))
        }
        event => affected(writing.tx, &writing.catalog, &program.reach, event),
    }
}

/// Scores a record anew, and records which thresholds it crossed by that. Answers whether anything
/// else is kept of it than before. `is_written` says that something was written since that concerns it.
pub(super) fn update(
    writing: &mut Writing<'_>,
    programs: &ScorePrograms,
    program: &ScoreProgram,
    id: RecordId,
    is_written: bool,
) -> Result<bool> {
    let catalog = Arc::clone(&writing.catalog);
    let stored = &program.stored;
    let table = catalog.table(&stored.model.entity_type)?;
    let old = rows::get(writing.tx, stored.id, id)?;
    let row = records::get(writing.tx, table, id)?;
    let Some(row) = row.filter(|row| row.archived_at.is_none()) else {
        if old.is_some() {
            rows::delete(writing.tx, stored.id, id)?;
            timers::set(writing.tx, (Room::Score, stored.id, id), None)?;
            tell(writing, program, id, Vec::new())?;
        }
        return Ok(old.is_some());
    };
    let moment = Moment::new(writing.now, "UTC")?;
    let Computed { sheet, until, .. } =
        compute(writing.tx, &catalog, (programs, program), row, &moment)?;
    rows::set_latest(writing.tx, stored.id, writing.now)?;
    let known = Known { is_written, has_timers: true, has_crossings: true };
    keep(writing, program, (id, old), (&sheet, until), known).map(|(is_changed, _)| is_changed)
}

/// Points of a record in which every write looks for the moment at which time changes something.
const LOOKED_THROUGH: usize = 64;

/// What is known before a record is scored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Something was written since that concerns the record.
    pub(super) is_written: bool,
    /// The score may have timers.
    pub(super) has_timers: bool,
    /// Thresholds may have been crossed before.
    pub(super) has_crossings: bool,
}

/// Keeps what a record scores, and until when that holds, in place of what was kept before; records
/// which thresholds it crossed by that. Answers whether it is something else, and whether nothing
/// followed from it that was written to the journal.
pub(super) fn keep(
    writing: &mut Writing<'_>,
    program: &ScoreProgram,
    (id, old): (RecordId, Option<ScoreRow>),
    (sheet, until): (&Sheet, Option<Timestamp>),
    known: Known,
) -> Result<(bool, bool)> {
    let (stored, now) = (&program.stored, writing.now);
    let score = sheet.score(now.micros());
    let rank = sheet.rank(now.micros());
    let (at, levels) = (now.micros(), &program.thresholds);
    // A write looks a little ahead if there is much to look at; the timer does the rest.
    let looks = match known.is_written && sheet.size() > LOOKED_THROUGH {
        true => [sheet.before_crossing(at, levels), sheet.before_rank(rank, at)],
        false => [sheet.next_crossing(None, at, levels), sheet.next_rank(rank, at)],
    };
    let new = ScoreRow {
        model: stored.id,
        record: id,
        version: stored.model.version,
        threshold: program.threshold(score).map(str::to_owned),
        as_of: now,
        until,
        rank,
        sheet: sheet.to_bytes(),
    };
    let due = looks.into_iter().flatten().map(Timestamp::clamped).chain(until).min();
    if due.is_some() || known.has_timers {
        timers::set(writing.tx, (Room::Score, stored.id, id), due)?;
    }
    let is_same = old.as_ref().is_some_and(|old| {
        (old.version, &old.threshold, old.until, &old.sheet)
            == (new.version, &new.threshold, new.until, &new.sheet)
            && old.as_of <= now
    });
    if is_same {
        // What is known may be more than then: the row says for which moment it was asked. And a place
        // in the ranking is lowered as points fade.
        if known.is_written || old.is_some_and(|old| old.rank != new.rank) {
            rows::put(writing.tx, &new)?;
        }
        return Ok((false, true));
    }
    let before = match old {
        Some(old) => old.threshold,
        // It was in the archive, or is new: what was told of it last still holds.
        None if known.has_crossings => told(writing, program, id)?,
        None => None,
    };
    rows::put(writing.tx, &new)?;
    let crossed = crossed(program, before.as_deref(), new.threshold.as_deref());
    for (place, is_up) in &crossed {
        record(writing, program, id, *place, *is_up, score)?;
    }
    let seq = writing.last_seq();
    tell(writing, program, id, crossed)?;
    Ok((true, writing.last_seq() == seq))
}

fn tell(
    writing: &mut Writing<'_>,
    program: &ScoreProgram,
    id: RecordId,
    crossed: Vec<(usize, bool)>,
) -> Result<()> {
    writing.tell(Event::Scored { model: Arc::clone(&program.stored), id, crossed })
}

/// The threshold that a record reached last, by what was recorded of it.
fn told(writing: &Writing<'_>, program: &ScoreProgram, id: RecordId) -> Result<Option<String>> {
    let last = rows::last_crossing(writing.tx, program.stored.id, id)?;
    Ok(last.and_then(|(threshold, is_up)| {
        if is_up {
            return Some(threshold);
        }
        let all = &program.stored.model.thresholds;
        let place = all.iter().position(|known| known.name == threshold)?;
        Some(all.get(place.checked_sub(1)?)?.name.clone())
    }))
}

/// The thresholds between two of them, in the order in which they are crossed, and whether upwards.
fn crossed(
    program: &ScoreProgram,
    before: Option<&str>,
    after: Option<&str>,
) -> Vec<(usize, bool)> {
    let reached = |name: Option<&str>| {
        let all = &program.stored.model.thresholds;
        name.and_then(|name| all.iter().position(|threshold| threshold.name == name))
            .map_or(0, |place| place + 1)
    };
    let (before, after) = (reached(before), reached(after));
    let up = (before..after).map(|place| (place, true));
    let down = (after..before).rev().map(|place| (place, false));
    up.chain(down).collect()
}

/// Records that a threshold was crossed.
fn record(
    writing: &mut Writing<'_>,
    program: &ScoreProgram,
    id: RecordId,
    place: usize,
    is_up: bool,
    score: i64,
) -> Result<()> {
    let model = &program.stored.model;
    let crossing = ScoreCrossing {
        seq: writing.next_seq(),
        threshold: model.thresholds[place].name.clone(),
        is_up,
        at: writing.now,
        score,
        version: model.version,
    };
    let body = CrossingBody {
        model: &model.name,
        entity_type: &model.entity_type,
        id,
        threshold: &crossing.threshold,
        is_up,
        at: crossing.at,
        score,
        version: crossing.version,
    };
    let json = serde_json::to_string(&body).expect("names and numbers are always JSON");
    let stamp = writing.stamp();
    writing.log(stamp, ChangeKind::ScoreCrossed, None, None, &json)?;
    rows::add_crossing(writing.tx, program.stored.id, id, &crossing)
}

/// What the journal says of a crossing.
#[derive(serde::Serialize)]
struct CrossingBody<'a> {
    model: &'a str,
    #[serde(rename = "type")]
    entity_type: &'a str,
    id: RecordId,
    threshold: &'a str,
    is_up: bool,
    at: Timestamp,
    score: i64,
    version: i64,
}
