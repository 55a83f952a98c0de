//! A plan carried out, in transactions of some thousand rows, each of which also says how far the
//! import is.
//!
//! What others write between two transactions is theirs: a record that they changed is a conflict.

use sha2::{Digest as _, Sha256};

use super::{
    Imports, Judged, Rows, Source, carry_out, check_fingerprint, check_undisturbed, is_disturbed,
    is_stale, judge::Since, load,
};
use crate::{
    Error, ErrorKind, Flow, ImportPlan, ImportRun, ImportSource, ImportState, PlanImport, Progress,
    RecordId, Result, RowDecision,
    engine::{Crm, View, progress::Reports},
    exchange::Problems,
    ops::Watch,
    store::imports::{self as stored_imports, StoredImport},
};

impl Imports<'_> {
    /// Carries out a plan, and remembers what it did under a new id.
    ///
    /// Rows are written in transactions of at most 5,000. If `watch` cancels, or the process ends,
    /// what was committed is kept, and [`Imports::resume`] goes on from there. Progress counts
    /// bytes.
    ///
    /// # Errors
    ///
    /// `StaleVersion` if the table is not the one that the plan was made for, or if somebody changed
    /// records of the type, or of one that it refers to, since then: nothing is written, plan it
    /// again. As [`Imports::plan`]; `Interrupted` by [`Crm::interrupt`], `Full`, `Io`: what was
    /// committed before is kept.
    pub fn apply(&self, plan: &ImportPlan, watch: &mut Watch<'_>) -> Result<ImportRun> {
        let id = self.crm.shared.ids.next_id(self.crm.now());
        self.run(id, plan, None, watch)
    }

    /// Goes on with an import that was cancelled or cut short, exactly after the last row that was
    /// committed. One that is finished is left as it is.
    ///
    /// The plan is the one that the import was begun with, or, where the process has ended since, one
    /// that was made anew for the same table and with the same columns, mode and key.
    ///
    /// # Errors
    ///
    /// `NotFound`; `InvalidArgument` if the import was begun with another plan, or taken back; as
    /// [`Imports::apply`], except that it is no longer refused when others changed records: those
    /// are conflicts.
    pub fn resume(
        &self,
        id: RecordId,
        plan: &ImportPlan,
        watch: &mut Watch<'_>,
    ) -> Result<ImportRun> {
        let begun = self.crm.shared.store.read(|conn| load(conn, id))?;
        let invalid = |field: &str, message: &str| {
            Error::new(ErrorKind::InvalidArgument, message).with_field(field)
        };
        if begun.plan != hash(plan)? {
            return Err(invalid("plan", "the import was begun with another table or request")
                .with_hint("plan the same table anew as it was planned then"));
        }
        match begun.import.state {
            ImportState::Unfinished => self.run(id, plan, Some(begun), watch),
            ImportState::Finished => {
                let (problems, problem_counts) = Problems::default().finish(&[]);
                Ok(ImportRun { import: begun.import, problems, problem_counts })
            }
            ImportState::Reverting | ImportState::Reverted => {
                Err(invalid("id", "the import was taken back").with_hint("plan it again"))
            }
        }
    }

    fn run(
        &self,
        id: RecordId,
        plan: &ImportPlan,
        begun: Option<StoredImport>,
        watch: &mut Watch<'_>,
    ) -> Result<ImportRun> {
        self.crm.shared.observers.check_not_inside()?;
        let cause = cause(id);
        let crm = self.crm.acting_as(&self.crm.actor, Some(&cause))?;
        let store = &crm.shared.store;
        let mark = store.mark();
        let mut reports = Reports::new(&crm.shared.observers, watch);
        let mut source = Source::of(&plan.request.source)?;
        let fingerprint = source.fingerprint(|| store.check_interrupted(mark))?;
        check_fingerprint(plan, &fingerprint)?;
        let total = source.total;
        let rows = Rows::of_request(&crm.catalog(), &plan.request, source, crm.now())?.with_keys();
        let mut run = Run {
            id,
            plan,
            cause,
            rows,
            problems: Problems::default(),
            checked: begun.as_ref().map_or(plan.seq, |begun| begun.first_seq),
            stored: begun,
            is_disturbed: false,
        };
        let mut is_passed = run.stored.is_none();
        let mut is_finished = false;
        while !is_finished {
            run.rows.fetch()?;
            if is_passed {
                is_finished = run.batch(&crm)?;
            } else {
                is_passed = run.pass(&crm)?;
            }
            let progress = Progress { done: run.rows.table.done(), total };
            let flow = reports.step(progress, is_finished);
            if is_finished {
                break;
            }
            store.check_interrupted(mark)?;
            if flow == Flow::Cancel {
                break;
            }
        }
        run.report()
    }
}

/// The cause of an import's changes.
pub(super) fn cause(id: RecordId) -> String {
    format!("import:{id}")
}

/// What tells an import from another: its table, wherever that lies, and what is done with it.
fn hash(plan: &ImportPlan) -> Result<[u8; 32]> {
    let ImportSource { format, dialect, .. } = &plan.request.source;
    let source =
        ImportSource { format: *format, dialect: dialect.clone(), ..ImportSource::default() };
    let request = PlanImport { source, ..plan.request.clone() };
    let json = serde_json::to_vec(&(request, &plan.fingerprint))
        .map_err(|_| Error::new(ErrorKind::Internal, "a plan cannot be written"))?;
    Ok(Sha256::digest(json).into())
}

/// An import under way.
struct Run<'p> {
    id: RecordId,
    plan: &'p ImportPlan,
    cause: String,
    rows: Rows<'p>,
    problems: Problems,
    /// How far it was after the last transaction; `None` before the first.
    stored: Option<StoredImport>,
    /// The end of the journal up to which it is known whether others wrote.
    checked: i64,
    /// Whether they did.
    is_disturbed: bool,
}

impl Run<'_> {
    /// Goes past some of the rows that were committed before; says whether that is all of them.
    fn pass(&mut self, crm: &Crm) -> Result<bool> {
        let done = self.stored.as_ref().map_or(0, |stored| stored.import.rows);
        let catalog = crm.catalog();
        crm.shared.store.read(|conn| self.rows.pass(conn, &catalog, done))
    }

    /// Writes the rows of one transaction and says whether the table has ended.
    fn batch(&mut self, crm: &Crm) -> Result<bool> {
        let (stored, is_finished) = crm.write(|writing| {
            let (tx, catalog) = (writing.tx, writing.catalog.clone());
            let mut stored = match &self.stored {
                None => {
                    let view = View::new(tx, &catalog);
                    check_undisturbed(&view, &self.rows, self.checked, &self.cause)?;
                    let (type_id, plan) = (self.rows.schema.model.id, hash(self.plan)?);
                    let (actor, now, seq) = (writing.actor, writing.now, writing.last_seq());
                    stored_imports::insert(tx, self.id, type_id, &plan, actor, now, seq)?;
                    load(tx, self.id)?
                }
                Some(before) => {
                    let stored = load(tx, self.id)?;
                    if stored.import != before.import {
                        return Err(is_stale("another call goes on with this import")
                            .with_field("id")
                            .with_hint("let that one end, or cancel it"));
                    }
                    let view = View::new(tx, &catalog);
                    self.is_disturbed |=
                        is_disturbed(&view, &self.rows, self.checked, &self.cause)?;
                    stored
                }
            };
            // Nobody wrote between the plan and the beginning.
            let since = Since { seq: stored.first_seq, cause: &self.cause };
            let since = self.is_disturbed.then_some(since);
            let import = &mut stored.import;
            let (rows, problems) = (&mut self.rows, &mut self.problems);
            // What follows from the rows is a change of the import's too.
            let is_finished = writing.batch(|writing| {
                rows.batch(tx, &catalog, since, |table, schema, judged| {
                    let Judged { number, decision, beside, faults } = judged;
                    let extent = beside.extent();
                    let done = carry_out(writing, schema, decision, beside)?;
                    import.associations += extent.associations;
                    import.activities += extent.activities;
                    import.others += extent.others;
                    *match done {
                        RowDecision::Create => &mut import.created,
                        RowDecision::Update => &mut import.updated,
                        RowDecision::Unchanged => &mut import.unchanged,
                        RowDecision::Conflict => &mut import.conflicts,
                        RowDecision::Error => &mut import.errors,
                    } += 1;
                    import.rows += 1;
                    let is_rejected = matches!(done, RowDecision::Conflict | RowDecision::Error);
                    for (column, error) in faults {
                        problems.add(table.header(), number, column, &error, is_rejected);
                    }
                    Ok(Flow::Continue)
                })
            })?;
            if is_finished {
                import.state = ImportState::Finished;
            }
            import.updated_at = writing.now;
            stored.last_seq = writing.last_seq();
            stored_imports::update(tx, &stored)?;
            Ok((stored, is_finished))
        })?;
        self.checked = stored.last_seq;
        self.stored = Some(stored);
        Ok(is_finished)
    }

    fn report(self) -> Result<ImportRun> {
        let stored = self.stored.ok_or_else(|| {
            Error::new(ErrorKind::Interrupted, "the import was cancelled before it began")
        })?;
        let (problems, problem_counts) = self.problems.finish(self.rows.table.header());
        Ok(ImportRun { import: stored.import, problems, problem_counts })
    }
}
