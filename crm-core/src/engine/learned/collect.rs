//! Reads the records of a type, each with its features as of one place in the journal and its outcome
//! as of another.
//!
//! Records are read by pages, so that no lock is held while the host is told of progress. The
//! invariant: features see nothing after the first place, the outcome nothing after the second.

use std::cmp::Ordering;

use super::{
    features::{Builder, Reader, asked, is_filled},
    past::Cut,
};
use crate::{
    Archived, ChangeKind, Condition, Error, ErrorKind, Flow, LearnedOutcome, Progress, RecordId,
    Result, Timestamp,
    cell::Cell,
    condition::Checked,
    engine::{Catalog, Crm, conditions, progress::Reports},
    journal::read_body,
    learning::{FilledWhen, Sample, Source},
    limits,
    ops::Watch,
    store::{
        Connection, journal,
        records::{self as rows, Position, Selection, StoredRow},
        table::Table,
    },
};

/// Records that are read in one go, from one state of the file.
const PAGE: u32 = 1_000;

/// What is foretold, ready to be asked.
pub(super) enum Outcome {
    Condition(Box<Checked>),
    /// Lifecycle and stage.
    Stage(i64, String),
}

impl Outcome {
    /// # Errors
    ///
    /// `InvalidArgument` unless one of the two is given; `NotFound`, `UnknownOption` or those of
    /// the condition.
    pub(super) fn new(
        catalog: &Catalog,
        entity_type: &str,
        outcome: &LearnedOutcome,
    ) -> Result<Self> {
        let invalid =
            |message: &str| Error::new(ErrorKind::InvalidArgument, message).with_field("outcome");
        match outcome {
            LearnedOutcome { condition: Some(condition), lifecycle: None, stage: None } => {
                let checked = conditions::judge(catalog, condition, entity_type, "outcome.where")?;
                Ok(Self::Condition(Box::new(checked)))
            }
            LearnedOutcome { condition: None, lifecycle: Some(lifecycle), stage: Some(stage) } => {
                let model = catalog
                    .lifecycle(lifecycle)
                    .map_err(|error| error.with_field("outcome.lifecycle"))?;
                if model.lifecycle.entity_type != entity_type {
                    return Err(invalid("the lifecycle is of another entity type"));
                }
                model.lifecycle.stage(stage, "outcome.stage")?;
                Ok(Self::Stage(model.id, stage.clone()))
            }
            _ => Err(invalid("give either a condition, or a lifecycle and a stage")),
        }
    }

    /// The attributes that it asks about.
    pub(super) fn asked(&self, table: &Table) -> Vec<String> {
        match self {
            Self::Condition(checked) => asked(checked, &table.model),
            Self::Stage(..) => Vec::new(),
        }
    }

    fn is_true(
        &self,
        conn: &Connection,
        catalog: &Catalog,
        table: &Table,
        cut: &Cut,
        then: &StoredRow,
    ) -> Result<bool> {
        match self {
            Self::Condition(checked) => cut.is_true(conn, catalog, &table.model, checked, then),
            Self::Stage(lifecycle, stage) => {
                Ok(cut.reached(conn, *lifecycle, stage, then.id)?.is_some())
            }
        }
    }
}

/// What is read of the records.
pub(super) struct Plan<'a> {
    pub(super) table: &'a Table,
    pub(super) catalog: &'a Catalog,
    pub(super) outcome: &'a Outcome,
    pub(super) filter: Option<Checked>,
    pub(super) features: Cut,
    /// Where outcomes end; `None` if they are those of the same place.
    pub(super) outcomes: Option<Cut>,
}

/// The records of a plan.
pub(super) struct Collected {
    pub(super) sample: Sample,
    /// For each feature, when records with the outcome got their value.
    pub(super) filled: Vec<FilledWhen>,
    /// Whether the features are from before every outcome.
    pub(super) is_past: bool,
}

impl<'a> Plan<'a> {
    /// # Errors
    ///
    /// Those of the condition; `InvalidArgument` if the moments are not in order or lie in the future.
    pub(super) fn new(
        crm: &Crm,
        (table, catalog): (&'a Table, &'a Catalog),
        outcome: &'a Outcome,
        condition: Option<&Condition>,
        (as_of, until): (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Self> {
        let filter = condition
            .map(|condition| conditions::judge(catalog, condition, &table.model.name, "where"));
        let filter = filter.transpose()?;
        let now = crm.now();
        let invalid = |field: &str, message: &str| {
            Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field))
        };
        if as_of.is_some_and(|as_of| as_of >= now) {
            return invalid("as_of", "must lie in the past");
        }
        match (as_of, until) {
            (None, Some(_)) => return invalid("until", "needs as_of"),
            (Some(as_of), Some(until)) if until <= as_of => {
                return invalid("until", "must come after as_of");
            }
            (_, Some(until)) if until > now => return invalid("until", "lies in the future"),
            _ => {}
        }
        crm.shared.store.read(|conn| {
            let outcomes = as_of.map(|_| match until {
                Some(until) => Cut::at(conn, until),
                None => Cut::at(conn, now),
            });
            Ok(Self {
                table,
                catalog,
                outcome,
                filter,
                features: as_of.map_or_else(|| Cut::now(conn, now), |at| Cut::at(conn, at))?,
                outcomes: outcomes.transpose()?,
            })
        })
    }

    /// The record as it was, if it is one to look at, and whether it has the outcome.
    pub(super) fn look(
        &self,
        conn: &Connection,
        row: &StoredRow,
    ) -> Result<Option<(StoredRow, Answer)>> {
        let (table, catalog) = (self.table, self.catalog);
        let Some(then) = self.features.record(conn, table, row)? else { return Ok(None) };
        if then.archived_at.is_some() {
            return Ok(None);
        }
        if let Some(filter) = &self.filter
            && !self.features.is_true(conn, catalog, &table.model, filter, &then)?
        {
            return Ok(None);
        }
        let is_true =
            |cut: &Cut, then: &StoredRow| self.outcome.is_true(conn, catalog, table, cut, then);
        let before = is_true(&self.features, &then)?;
        let answer = match &self.outcomes {
            None => Answer::Known(before),
            Some(_) if before => Answer::Already,
            Some(cut) => match cut.record(conn, table, row)? {
                Some(later) => Answer::Known(is_true(cut, &later)?),
                None => Answer::Known(false),
            },
        };
        Ok(Some((then, answer)))
    }
}

/// Whether a record has the outcome.
pub(super) enum Answer {
    Known(bool),
    /// It had it before, so that there is nothing to foretell.
    Already,
}

/// Says to the host how far a job is, and whether somebody wants it to end.
pub(super) struct Steps<'a> {
    crm: &'a Crm,
    reports: Reports<'a>,
    mark: u64,
    done: u64,
}

impl<'a> Steps<'a> {
    pub(super) fn new(crm: &'a Crm, watch: &'a mut Watch<'a>) -> Self {
        let reports = Reports::new(&crm.shared.observers, watch);
        Self { crm, reports, mark: crm.shared.store.mark(), done: 0 }
    }

    /// # Errors
    ///
    /// `Interrupted`.
    pub(super) fn step(&mut self, read: u64, is_last: bool) -> Result<()> {
        self.done += read;
        let flow = self.reports.step(Progress { done: self.done, total: None }, is_last);
        self.crm.shared.store.check_interrupted(self.mark)?;
        match flow {
            Flow::Continue => Ok(()),
            Flow::Cancel => Err(Error::new(ErrorKind::Interrupted, "the work was cancelled")),
        }
    }
}

/// Shows every record of a type to `look`, by id.
pub(super) fn each(
    crm: &Crm,
    table: &Table,
    archived: Archived,
    steps: &mut Steps<'_>,
    mut look: impl FnMut(&Connection, &StoredRow) -> Result<()>,
) -> Result<()> {
    let mut after: Option<Position> = None;
    loop {
        let selection =
            Selection { terms: &[], archived, order: None, after: after.take(), limit: PAGE };
        let mut count = 0_u32;
        crm.shared.store.read(|conn| {
            let mut page = Vec::new();
            rows::visit(conn, table, &selection, |row| {
                page.push(row);
                Ok(())
            })?;
            for row in &page {
                look(conn, row)?;
            }
            count = page.len() as u32;
            after = page.last().map(|row| Position { key: Cell::Null, id: row.id });
            Ok(())
        })?;
        steps.step(count.into(), false)?;
        if count < PAGE {
            return Ok(());
        }
    }
}

/// Reads the features and outcomes of all records of a plan.
pub(super) fn collect(
    crm: &Crm,
    plan: &Plan<'_>,
    sources: Vec<Source>,
    steps: &mut Steps<'_>,
) -> Result<Collected> {
    let model = &plan.table.model;
    let readers = sources.iter().map(|source| Reader::new(plan.catalog, model, source));
    let readers: Vec<Reader> = readers.collect::<Result<_>>()?;
    let mut builders: Vec<Builder> =
        readers.iter().map(|reader| Builder::new(reader, model)).collect();
    let mut filled = vec![FilledWhen::default(); readers.len()];
    let (mut outcomes, mut draws) = (Vec::new(), Vec::new());
    let archived = if plan.features.is_past { Archived::Include } else { Archived::Exclude };
    each(crm, plan.table, archived, steps, |conn, row| {
        let Some((then, answer)) = plan.look(conn, row)? else { return Ok(()) };
        let Answer::Known(outcome) = answer else { return Ok(()) };
        if outcomes.len() == limits::LEARNED_RECORDS {
            let message = format!("more than {} records", limits::LEARNED_RECORDS);
            return Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_hint("narrow the records with where"));
        }
        for (reader, builder) in readers.iter().zip(&mut builders) {
            let found = reader.read(conn, plan.catalog, plan.table, &plan.features, &then)?;
            builder.push(&found);
        }
        if outcome && !plan.features.is_past {
            note_filled(conn, plan, &then, &readers, &mut filled)?;
        }
        outcomes.push(outcome);
        draws.push(draw(then.id));
        Ok(())
    })?;
    let columns = builders.into_iter().map(Builder::finish).collect();
    let sample = Sample { sources, columns, outcomes, draws };
    Ok(Collected { sample, filled, is_past: plan.features.is_past })
}

/// Notes of each attribute whether a record with the outcome got its first value before it or after.
fn note_filled(
    conn: &Connection,
    plan: &Plan<'_>,
    then: &StoredRow,
    readers: &[Reader],
    filled: &mut [FilledWhen],
) -> Result<()> {
    let model = &plan.table.model;
    let asked = plan.outcome.asked(plan.table);
    let mut came = match plan.outcome {
        Outcome::Stage(lifecycle, stage) => {
            plan.features.reached(conn, *lifecycle, stage, then.id)?
        }
        Outcome::Condition(_) => None,
    };
    // The place of the first change that gave an attribute a value, by the place of the attribute.
    let mut first = vec![None; model.attributes.len()];
    journal::of_record(conn, then.id, 0, |change| {
        if matches!(change.kind, ChangeKind::RecordCreated | ChangeKind::RecordPatched) {
            for (attribute, cells) in read_body(model, &change.body)? {
                if asked.iter().any(|name| name == attribute.name()) {
                    came = Some(change.seq);
                }
                let place = model.attributes.iter().position(|known| known.id == attribute.id);
                if let Some(place) = place
                    && cells.iter().any(|cell| *cell != Cell::Null)
                {
                    first[place].get_or_insert(change.seq);
                }
            }
        }
        Ok(true)
    })?;
    let Some(came) = came else { return Ok(()) };
    for (reader, filled) in readers.iter().zip(filled) {
        let Some(place) = reader.place() else { continue };
        if let Some(seq) = first[place]
            && is_filled(&model.attributes[place], &then.cells)
        {
            // What was written with the outcome was not known before it, but an import writes all at
            // once: only what came later is held against it.
            match seq.cmp(&came) {
                Ordering::Less => filled.before += 1,
                Ordering::Equal => filled.together += 1,
                Ordering::Greater => filled.after += 1,
            }
        }
    }
    Ok(())
}

/// A number that follows from the id and looks like chance (the finaliser of SplitMix64; Steele, Lea,
/// Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
pub(super) fn draw(id: RecordId) -> u64 {
    let bytes = id.as_bytes();
    let half = |from: usize| {
        bytes[from..from + 8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let mix = |number: u64| {
        let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    };
    mix(mix(half(0).wrapping_add(0x9E37_79B9_7F4A_7C15)) ^ half(8))
}
