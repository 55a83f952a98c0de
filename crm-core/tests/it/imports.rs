//! Imports that are planned, applied, gone on with after a crash, and taken back.

mod apply;
#[cfg(feature = "arrow")]
mod arrow;
mod beside;
mod beside_laws;
mod exports;
mod laws;
mod plan;
mod revert;
mod stages;

use crm_core::{
    Attribute, ColumnMapping, ColumnRule, Crm, DefineType, Error, Flow, ImportMode, ImportPlan,
    ImportRun, Kind, ListPlanRows, PlanImport, PlannedRow, RevertReport, RowDecision,
};

use crate::support::replay;

fn map(column: &str) -> ColumnMapping {
    ColumnMapping::new(column, column)
}

fn rule(column: &str, rule: ColumnRule) -> ColumnMapping {
    ColumnMapping { rule: Some(rule), ..map(column) }
}

/// People with something of every sort that an import asks about.
fn people() -> Crm {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    crm.types().define(definition()).unwrap();
    crm
}

fn definition() -> DefineType {
    DefineType::new(
        "person",
        [
            Attribute::new("code", Kind::Text).unique(),
            Attribute::new("mail", Kind::Email).unique(),
            Attribute::new("name", Kind::Text).required().indexed(),
            Attribute::new("born", Kind::Date),
            Attribute::new("n", Kind::Integer),
            Attribute::new("tags", Kind::Choices).options(["a", "b", "c"]).indexed(),
            Attribute::new("notes", Kind::LongText),
            Attribute::new("boss", Kind::Reference).target("person"),
        ],
    )
}

fn upsert(text: &str, key: &[&str], columns: Vec<ColumnMapping>) -> PlanImport {
    PlanImport {
        mode: ImportMode::Upsert,
        key: key.iter().map(|name| (*name).to_owned()).collect(),
        ..PlanImport::from_text("person", text, columns)
    }
}

fn plan(crm: &Crm, request: &PlanImport) -> Result<ImportPlan, Error> {
    let plan = crm.imports().plan(request, &mut |_| Flow::Continue)?;
    let sum = plan.create + plan.update + plan.unchanged + plan.conflict + plan.error;
    assert_eq!(plan.rows, sum);
    Ok(plan)
}

fn rows(crm: &Crm, plan: &ImportPlan) -> Vec<PlannedRow> {
    let request = ListPlanRows { limit: 10_000, ..ListPlanRows::new(plan.clone()) };
    crm.imports().plan_rows(&request, &mut |_| Flow::Continue).unwrap().rows
}

fn decisions(crm: &Crm, plan: &ImportPlan) -> Vec<RowDecision> {
    rows(crm, plan).into_iter().map(|row| row.decision).collect()
}

fn apply(crm: &Crm, plan: &ImportPlan) -> Result<ImportRun, Error> {
    crm.imports().apply(plan, &mut |_| Flow::Continue)
}

#[cfg(not(feature = "arrow"))]
#[test]
fn arrow_is_refused_where_it_was_not_built_in() {
    let mut request = PlanImport::from_text("person", "QVJST1cxAAA=", [map("name")]);
    request.source.format = crm_core::SourceFormat::Arrow;
    let error = plan(&people(), &request).unwrap_err();
    assert_eq!(error.kind(), crm_core::ErrorKind::InvalidArgument);
    assert_eq!(error.field(), Some("format"));
}

fn revert(crm: &Crm, run: &ImportRun) -> RevertReport {
    crm.imports().revert(run.import.id, &mut |_| Flow::Continue).unwrap()
}
