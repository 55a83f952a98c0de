//! What would come of an import: every row decided upon, none written.

use super::{
    Decision, Imports, Judged, Rows, Source, beside::Extent, check_fingerprint, check_undisturbed,
    foreseen,
};
use crate::{
    Error, ErrorKind, Flow, ImportPlan, Kind, ListPlanRows, PlanImport, PlannedChange, PlannedRow,
    PlannedRows, Progress, Result, RowDecision, UnmappedColumn, Value,
    cell::Cell,
    engine::{View, check_limit, progress::Reports},
    exchange::{Problems, RowSource, to_problem},
    ops::Watch,
    record::Draft,
    schema::AttributeModel,
    store::{journal, table::Table},
};

impl Imports<'_> {
    /// Says what would come of an import, without writing anything: how many rows would create a
    /// record, change one, leave it as it is, conflict or not fit.
    ///
    /// Each row is decided upon as if those before it had been written. A key may come once in a
    /// table: rows that name it again are conflicts. Progress counts bytes.
    ///
    /// ```
    /// use crm_core::{ColumnMapping, Crm, Flow, PlanImport};
    ///
    /// let crm = Crm::in_memory()?;
    /// let columns = [ColumnMapping::new("Name", "name"), ColumnMapping::new("Staff", "employees")];
    /// let request = PlanImport::from_text("company", "Name,Staff\nAcme,12\nInitech,many\n", columns);
    /// let plan = crm.imports().plan(&request, &mut |_| Flow::Continue)?;
    /// assert_eq!((plan.create, plan.error), (1, 1));
    /// let run = crm.imports().apply(&plan, &mut |_| Flow::Continue)?;
    /// assert_eq!(run.import.created, 1);
    /// let report = crm.imports().revert(run.import.id, &mut |_| Flow::Continue)?;
    /// assert_eq!((report.archived, crm.companies().count()?), (1, 0));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if the request or the header
    /// makes no sense, naming the column or field; `LimitExceeded` if the table has too many
    /// columns, a row too long to be held, or more than 3,000,000 keys and unique values;
    /// `StaleVersion` if somebody changed records meanwhile; `Io` if the table cannot be read;
    /// `Interrupted` if `watch` cancelled it.
    pub fn plan(&self, request: &PlanImport, watch: &mut Watch<'_>) -> Result<ImportPlan> {
        let seq = self.crm.shared.store.read(journal::last_seq)?;
        let mut problems = Problems::default();
        let mut tally = Tally::default();
        let mut left = Vec::new();
        let survey = self.survey(request, seq, watch, &mut |table, _, judged| {
            let Judged { number, decision, beside, faults } = judged;
            let decision = decision.name();
            tally.count(decision, beside.extent());
            let is_rejected = matches!(decision, RowDecision::Conflict | RowDecision::Error);
            for (column, error) in faults {
                problems.add(table.header(), number, column, &error, is_rejected);
            }
            count_cells(&mut left, table, number);
            Ok(Flow::Continue)
        })?;
        let Survey { fingerprint, header, is_mapped } = survey;
        let (problems, problem_counts) = problems.finish(&header);
        left.resize(header.len(), (0, None));
        let columns = header.into_iter().zip(left).enumerate();
        let unmapped = columns.filter(|(place, _)| !is_mapped.contains(place));
        let unmapped = unmapped.map(|(place, (column, (cells, first_row)))| UnmappedColumn {
            column,
            place: u32::try_from(place + 1).unwrap_or(u32::MAX),
            cells,
            first_row,
        });
        let unmapped = unmapped.collect();
        let Tally { create, update, unchanged, conflict, error, beside } = tally;
        Ok(ImportPlan {
            request: request.clone(),
            fingerprint,
            seq,
            rows: create + update + unchanged + conflict + error,
            create,
            update,
            unchanged,
            conflict,
            error,
            associations: beside.associations,
            activities: beside.activities,
            others: beside.others,
            problems,
            problem_counts,
            unmapped,
        })
    }

    /// Works out a page of rows of a plan: the decision, the record, and each value with what it is
    /// now. Rows are not kept, so that every page costs reading the table up to its end.
    ///
    /// # Errors
    ///
    /// As [`Imports::plan`]; `StaleVersion` if the table is not the one of the plan, or if somebody
    /// changed records since it was made; `InvalidArgument` if the limit is not 1 to 10,000.
    pub fn plan_rows(&self, request: &ListPlanRows, watch: &mut Watch<'_>) -> Result<PlannedRows> {
        check_limit(request.limit)?;
        let plan = &request.plan;
        let limit = request.limit as usize;
        let (mut rows, mut has_more) = (Vec::new(), false);
        let survey =
            self.survey(&plan.request, plan.seq, watch, &mut |table, schema, judged| {
                let decision = judged.decision.name();
                let is_wanted =
                    request.decisions.is_empty() || request.decisions.contains(&decision);
                if judged.number <= request.after || !is_wanted {
                    return Ok(Flow::Continue);
                }
                if rows.len() == limit {
                    has_more = true;
                    return Ok(Flow::Cancel);
                }
                rows.push(planned_row(table.header(), schema, judged));
                Ok(Flow::Continue)
            })?;
        check_fingerprint(plan, &survey.fingerprint)?;
        let next = rows.last().filter(|_| has_more).map(|row: &PlannedRow| row.row);
        Ok(PlannedRows { rows, next })
    }

    /// Decides upon the rows of a table, from the state of the file at `seq`, and hands each to
    /// `take` until it says stop.
    fn survey(
        &self,
        request: &PlanImport,
        seq: i64,
        watch: &mut Watch<'_>,
        take: &mut dyn FnMut(&dyn RowSource, &Table, Judged) -> Result<Flow>,
    ) -> Result<Survey> {
        let store = &self.crm.shared.store;
        let mark = store.mark();
        let mut reports = Reports::new(&self.crm.shared.observers, watch);
        let mut source = Source::of(&request.source)?;
        let fingerprint = source.fingerprint(|| store.check_interrupted(mark))?;
        let total = source.total;
        let mut rows = Rows::of_request(&self.crm.catalog(), request, source, self.crm.now())?
            .with_foresight();
        let mut is_finished = false;
        while !is_finished {
            rows.fetch()?;
            let catalog = self.crm.catalog();
            is_finished = store.read(|conn| {
                let is_finished = rows.batch(conn, &catalog, None, &mut *take)?;
                // No cause is empty: all who wrote are others.
                check_undisturbed(&View::new(conn, &catalog), &rows, seq, "")?;
                Ok(is_finished)
            })?;
            let progress = Progress { done: rows.table.done(), total };
            let flow = reports.step(progress, is_finished);
            store.check_interrupted(mark)?;
            if flow == Flow::Cancel && !is_finished {
                return Err(Error::new(ErrorKind::Interrupted, "the planning was cancelled"));
            }
        }
        let (header, is_mapped) = (rows.table.header().to_vec(), rows.mapped_columns().collect());
        Ok(Survey { fingerprint, header, is_mapped })
    }
}

/// What is known of a table after its rows.
struct Survey {
    fingerprint: String,
    header: Vec<String>,
    /// The places of the columns that go somewhere.
    is_mapped: Vec<usize>,
}

#[derive(Debug, Default)]
struct Tally {
    create: u64,
    update: u64,
    unchanged: u64,
    conflict: u64,
    error: u64,
    beside: Extent,
}

impl Tally {
    fn count(&mut self, decision: RowDecision, beside: Extent) {
        self.beside.associations += beside.associations;
        self.beside.activities += beside.activities;
        self.beside.others += beside.others;
        *match decision {
            RowDecision::Create => &mut self.create,
            RowDecision::Update => &mut self.update,
            RowDecision::Unchanged => &mut self.unchanged,
            RowDecision::Conflict => &mut self.conflict,
            RowDecision::Error => &mut self.error,
        } += 1;
    }
}

/// Counts for every column the cells that hold something, and the first row that has one.
fn count_cells(left: &mut Vec<(u64, Option<u64>)>, table: &dyn RowSource, row: u64) {
    left.resize(table.header().len(), (0, None));
    for (place, (cells, first_row)) in left.iter_mut().enumerate() {
        if !table.is_blank(place) {
            *cells += 1;
            first_row.get_or_insert(row);
        }
    }
}

fn planned_row(header: &[String], schema: &Table, judged: Judged) -> PlannedRow {
    let Judged { number: row, decision, beside, faults } = judged;
    let name = decision.name();
    let is_rejected = matches!(name, RowDecision::Conflict | RowDecision::Error);
    let (id, changes) = match decision {
        Decision::Create(draft) => (None, changes(schema, &draft)),
        Decision::Update(stored, draft) => (Some(stored.id), changes(schema, &draft)),
        Decision::Unchanged(id) => (Some(id), Vec::new()),
        Decision::Reject { id, .. } => (id, Vec::new()),
    };
    let problems = faults.iter();
    let problems =
        problems.map(|(column, error)| to_problem(header, row, *column, error, is_rejected));
    PlannedRow {
        row,
        decision: name,
        id,
        changes,
        associations: beside.planned_associations(),
        activities: beside.planned_activities(),
        stages: beside.planned_stages(),
        problems: problems.collect(),
    }
}

fn changes(schema: &Table, draft: &Draft) -> Vec<PlannedChange> {
    let change = |(attribute, cells): (&AttributeModel, &[Cell])| {
        let old = draft.before(attribute).map_or(Value::Null, |cells| attribute.decode(cells));
        let (new, new_row) = match (attribute.definition.kind, cells) {
            (Kind::Reference, [Cell::Blob(id)]) if foreseen::Foreseen::is_planned(id) => {
                (Value::Null, foreseen::Foreseen::row_of(id))
            }
            _ => (attribute.decode(cells), None),
        };
        PlannedChange { attribute: attribute.name().to_owned(), old, new, new_row }
    };
    draft.changes(&schema.model).map(change).collect()
}
