//! Rules: defining them, what they do within the write that sets them off, what they would do, and
//! what they did.
//!
//! Definitions are in `definitions`, running in `running`, their actions in `actions`, dates that come in
//! `dates`. The invariant: what a rule changes is written by the same steps as what a host changes, in
//! the transaction of the write that set it off, with the rule as its cause.

mod actions;
mod chain;
mod dates;
mod definitions;
mod running;

pub(super) use chain::{Chain, Tally};
pub(super) use dates::on_due;
pub(super) use running::{concern, react, set_off};

use super::{Crm, check_limit, check_range, conditions, history, records::check_in_use};
use crate::{
    ChangeKind, Error, ErrorKind, ListRuleRuns, RecordId, Result, RuleEvent, RuleRun, RuleRunPage,
    RuleSimulation, RuleTrigger, SimulateRule, SimulatedRun,
    condition::Moment,
    engine::Writing,
    limits,
    rule::{RunBody, check_rule},
    store::{
        journal::{self, StoredChange},
        records,
    },
};

/// Rules: see [`Crm::rules`].
#[derive(Debug)]
pub struct Rules<'a> {
    crm: &'a Crm,
}

impl<'a> Rules<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Reads a page of the runs of a rule from the journal, and of those that were skipped.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such rule; `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn runs(&self, request: &ListRuleRuns) -> Result<RuleRunPage> {
        check_limit(request.limit)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.rule(&request.rule)?;
            let (mut runs, mut next): (Vec<RuleRun>, _) = (Vec::new(), None);
            journal::told_of_record(conn, model.uid, request.after, |change| {
                let Some(run) = to_run(change)? else { return Ok(true) };
                if request.id.is_some_and(|id| id != run.record.id) {
                    return Ok(true);
                }
                if runs.len() == request.limit as usize {
                    next = runs.last().map(|run| run.seq);
                    return Ok(false);
                }
                runs.push(run);
                Ok(true)
            })?;
            Ok(RuleRunPage { runs, next })
        })
    }

    /// Says what a rule, saved or not, would do with records: for each by itself it is taken that the
    /// event happens now, and everything that follows is written and undone. Nothing of it stays.
    ///
    /// ```
    /// use crm_core::{Crm, DefineRule, RuleAction, RuleTrigger, SimulateRule, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann", "country" => "DE" })?;
    /// let rule = DefineRule::new("german", "contact", RuleTrigger::changed("country"),
    ///     [RuleAction::set("locale", "de")]).when("country = \"DE\"".parse()?);
    /// let simulated = crm.rules().simulate(&SimulateRule::new(rule, [ann.id]))?;
    /// assert!(simulated.records[0].would_run);
    /// assert_eq!(simulated.records[0].changes[0].values["locale"], "de".into());
    /// assert!(crm.contacts().get(ann.id)?.get("locale").is_null());
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Rules::define`]; `NotFound` if a record is not there; `InvalidArgument` unless there are 1
    /// to 1,000 records; `ReadOnly` if the file may not be written; `LimitExceeded` if the condition
    /// takes too much to answer.
    pub fn simulate(&self, request: &SimulateRule) -> Result<RuleSimulation> {
        let most = limits::RULE_SIMULATED as u64;
        check_range("records", request.records.len() as u64, 1, most)?;
        check_rule(&request.rule).map_err(in_rule)?;
        let mut answer = None;
        let written = self.crm.write(|writing| {
            let mut model =
                definitions::plan(&writing.catalog, &request.rule).map_err(in_rule)?.model;
            if model.id == definitions::UNSAVED {
                model.uid = writing.new_id();
            }
            writing.set_rule(model);
            let mut simulation = RuleSimulation { records: Vec::new(), would_run: 0 };
            for (nth, id) in request.records.iter().enumerate() {
                let run = simulate(writing, request, *id).map_err(|error| match error.field() {
                    Some("id") => error.with_field(format!("records[{nth}]")),
                    _ => error,
                })?;
                simulation.would_run += u64::from(run.would_run);
                simulation.records.push(run);
            }
            answer = Some(simulation);
            Err(Error::new(ErrorKind::Interrupted, "a trial is not kept"))
        });
        match answer {
            Some(simulation) => Ok(simulation),
            None => written,
        }
    }
}

fn in_rule(error: Error) -> Error {
    match error.field() {
        Some(field) => {
            let field = format!("rule.{field}");
            error.with_field(field)
        }
        None => error.with_field("rule"),
    }
}

/// What a rule, which the schema knows, would do with a record.
fn simulate(
    writing: &mut Writing<'_>,
    request: &SimulateRule,
    id: RecordId,
) -> Result<SimulatedRun> {
    let catalog = std::sync::Arc::clone(&writing.catalog);
    let programs = catalog.rule_programs()?.ok_or_else(no_program)?;
    let program = programs.all.iter().find(|program| program.model.name() == request.rule.name);
    let program = program.ok_or_else(no_program)?;
    let table = catalog.table(&request.rule.entity_type)?;
    let row = records::get(writing.tx, table, id)?;
    let row =
        row.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such record").with_field("id"))?;
    let (mut would_run, mut leaves) = (check_in_use(&row).is_ok(), Vec::new());
    if let Some(condition) = &program.condition {
        let moment = Moment::new(writing.now, "UTC")?;
        let answer = conditions::answer(writing.tx, &catalog, condition, id, &moment)?;
        would_run &= answer.is_true;
        leaves = answer.leaves;
    }
    let mut run = SimulatedRun {
        id,
        would_run,
        leaves,
        actions: Vec::new(),
        runs: Vec::new(),
        changes: Vec::new(),
    };
    if would_run {
        let after = writing.last_seq();
        let event = taken(&request.rule.on);
        let changes = writing.pretend(|writing| {
            writing.together(|writing| running::run(writing, program, table, id, event))?;
            journal::page(writing.tx, after, limits::PAGE)
        })?;
        for change in changes {
            let is_own = run.actions.is_empty() && change.record_id == Some(program.model.uid);
            run.changes.push(history::to_change(&catalog, change.clone())?);
            match to_run(change)? {
                Some(own) if is_own => run.actions = own.actions,
                other => run.runs.extend(other),
            }
        }
    }
    Ok(run)
}

/// The event that a simulation takes to happen.
fn taken(trigger: &RuleTrigger) -> RuleEvent {
    let mut event = RuleEvent::new(trigger.kind(), None);
    match trigger {
        RuleTrigger::StageEntered(on) | RuleTrigger::StageLeft(on) => {
            event.stage.clone_from(&on.stage);
        }
        RuleTrigger::AttributeChanged(on) => event.attribute = Some(on.attribute.clone()),
        RuleTrigger::DateReached(on) => event.attribute = Some(on.attribute.clone()),
        RuleTrigger::ScoreCrossed(on) => event.threshold.clone_from(&on.threshold),
        RuleTrigger::SegmentEntered(on) | RuleTrigger::SegmentLeft(on) => {
            event.segment = Some(on.segment.clone());
        }
        RuleTrigger::StageOverdue(on) => {
            event.stage.clone_from(&on.stage);
            event.within.clone_from(&on.within);
        }
        RuleTrigger::Activity(_) => {}
    }
    event
}

/// The run that a change tells of, if it does.
fn to_run(change: StoredChange) -> Result<Option<RuleRun>> {
    match change.kind {
        ChangeKind::RuleRan | ChangeKind::RuleSkipped if !change.is_erased => {
            Ok(Some(RunBody::read(&change.body)?.describe(change.seq, change.actor)))
        }
        _ => Ok(None),
    }
}

/// A rule in use that the catalog has not made ready.
fn no_program() -> Error {
    Error::new(ErrorKind::Internal, "a rule in use is not ready to run")
}
