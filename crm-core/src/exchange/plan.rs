//! Imports that are planned before they are applied, and can be taken back after it.
//!
//! A plan is small data: what was asked for, a fingerprint of the table, the place in the journal at
//! which it was made, and what would come of it, counted. The invariant: it holds nothing of the
//! table but a text that was handed over with the request; its rows are worked out again from the
//! table when they are asked for.

use serde::{Deserialize, Serialize};

use super::{
    ActivityColumns, AssociationColumns, BadCells, CellProblem, ColumnMapping, CsvDialect,
    ImportMode, ImportRules, PlannedActivity, PlannedAssociation, PlannedStage, ProblemCount,
    StartStage,
};
use crate::{RecordId, Timestamp, Value, record::default_page, shape::debug};

/// What a table is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SourceFormat {
    /// CSV or one of its relatives, as the dialect says; the first row names the columns.
    #[default]
    Csv,
    /// One JSON object a line, in UTF-8. Its keys are the columns; those of an object within it are
    /// joined by a dot, as in `home.city`. A value is a text, which is read as a cell of CSV is, a
    /// number, true or false, or a list of texts; null says nothing.
    JsonLines,
    /// An Arrow IPC file (also called Feather 2) or stream, uncompressed or with LZ4, in batches of at
    /// most 256 MiB. Which type goes into which kind is said in `docs/arrow.md`. It needs a library
    /// that was built with the feature `arrow`.
    Arrow,
}

/// A table to be imported. Exactly one of `path` and `text` is given.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportSource {
    /// What it is written in.
    #[serde(default)]
    pub format: SourceFormat,
    /// The file to read. It must stay as it is until the import has ended.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The table itself, at most 16 MiB; the bytes of Arrow in base64 (RFC 4648, with padding).
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub text: Option<String>,
    /// How a CSV table is written; it has no meaning for others.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub dialect: CsvDialect,
}

debug! { ImportSource shows(format, dialect) hides(path, text) }

/// Plans an import: the request of `imports.plan`.
///
/// A blank cell says nothing: a record that is changed keeps its value, and one that is created
/// takes the default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanImport {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The table.
    pub source: ImportSource,
    /// Where the columns go. Columns that are not listed are not read, but the plan says what they
    /// hold.
    pub columns: Vec<ColumnMapping>,
    /// What is done with each row.
    #[serde(default)]
    pub mode: ImportMode,
    /// For update and upsert: the attributes that name the record, which must all be equal. At least
    /// one of them is unique or has an index.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub key: Vec<String>,
    /// What a cell that does not fit does to its row.
    #[serde(default)]
    pub bad_cells: BadCells,
    /// Columns that make associations of the row's record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub associations: Vec<AssociationColumns>,
    /// Columns that make activities with the row's record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub activities: Vec<ActivityColumns>,
    /// On which stages the records begin that are created, one entry for each lifecycle; where the
    /// lifecycles have new records begin if it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub stages: Vec<StartStage>,
}

impl PlanImport {
    /// Creates one record of `entity_type` per row of the CSV file at `path`.
    pub fn from_path(
        entity_type: impl Into<String>,
        path: impl Into<String>,
        columns: impl IntoIterator<Item = ColumnMapping>,
    ) -> Self {
        let source = ImportSource { path: Some(path.into()), ..ImportSource::default() };
        Self::new(entity_type.into(), source, columns)
    }

    /// Creates one record of `entity_type` per row of the CSV table `text`.
    pub fn from_text(
        entity_type: impl Into<String>,
        text: impl Into<String>,
        columns: impl IntoIterator<Item = ColumnMapping>,
    ) -> Self {
        let source = ImportSource { text: Some(text.into()), ..ImportSource::default() };
        Self::new(entity_type.into(), source, columns)
    }

    fn new(
        entity_type: String,
        source: ImportSource,
        columns: impl IntoIterator<Item = ColumnMapping>,
    ) -> Self {
        Self {
            entity_type,
            source,
            columns: columns.into_iter().collect(),
            mode: ImportMode::Create,
            key: Vec::new(),
            bad_cells: BadCells::RejectRow,
            associations: Vec::new(),
            activities: Vec::new(),
            stages: Vec::new(),
        }
    }

    /// Every column that goes somewhere.
    pub(crate) fn mapped_columns(&self) -> impl Iterator<Item = &str> {
        let beside = self.associations.iter();
        let others = beside.clone().map(|block| block.column.as_str());
        let columns = self.columns.iter().chain(beside.flat_map(|block| &block.columns));
        let columns = columns.chain(self.activities.iter().flat_map(|block| &block.columns));
        let stages = self.stages.iter().filter_map(|stage| stage.column.as_deref());
        columns.map(|mapping| mapping.column.as_str()).chain(others).chain(stages)
    }

    pub(crate) fn rules(&self) -> ImportRules<'_> {
        ImportRules {
            entity_type: &self.entity_type,
            columns: &self.columns,
            mode: self.mode,
            key: &self.key,
            bad_cells: self.bad_cells,
            associations: &self.associations,
            activities: &self.activities,
            stages: &self.stages,
        }
    }
}

/// What would come of an import. It is handed back as it is to apply it, or to see its rows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportPlan {
    /// What was asked for.
    pub request: PlanImport,
    /// The SHA-256 of the table's bytes, in hexadecimal.
    pub fingerprint: String,
    /// The `seq` of the journal's last change when the plan was made.
    pub seq: i64,
    /// Rows of the table, without blank ones: the sum of the next five.
    pub rows: u64,
    /// Rows that would create a record.
    pub create: u64,
    /// Rows that would change one.
    pub update: u64,
    /// Rows whose record is as they say.
    pub unchanged: u64,
    /// Rows that fit, but not with other rows or records: a key that comes twice or names several
    /// records, a unique value that another record has, a record that is archived.
    pub conflict: u64,
    /// Rows that do not fit.
    pub error: u64,
    /// Associations that would be added.
    pub associations: u64,
    /// Activities that would be recorded.
    pub activities: u64,
    /// Records at the other end of associations that would be created.
    pub others: u64,
    /// The first 1,000 problems, by row.
    pub problems: Vec<CellProblem>,
    /// All problems, counted by column, kind and hint, the most frequent first.
    pub problem_counts: Vec<ProblemCount>,
    /// The columns that are not mapped, and what would be left behind with them.
    pub unmapped: Vec<UnmappedColumn>,
}

debug! {
    ImportPlan
        shows(request, seq, rows, create, update, unchanged, conflict, error, associations,
            activities, others, problems, problem_counts, unmapped)
        hides(fingerprint)
}

/// A column that goes nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnmappedColumn {
    /// The column, as the table names it.
    pub column: String,
    /// Its place among the columns, counted from 1.
    pub place: u32,
    /// How many of its cells hold something.
    pub cells: u64,
    /// The first row in which it does; `None` if there is none.
    pub first_row: Option<u64>,
}

debug! { UnmappedColumn shows(place, cells, first_row) hides(column) }

/// What is done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RowDecision {
    /// A record is created.
    Create,
    /// A record is changed.
    Update,
    /// The record is as the row says.
    Unchanged,
    /// It is left out: it fits, but not with other rows or records.
    Conflict,
    /// It is left out: it does not fit.
    Error,
}

/// Reads rows of a plan: the request of `imports.plan_rows`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListPlanRows {
    /// The plan, as `imports.plan` returned it.
    pub plan: ImportPlan,
    /// Only rows after this one; 0 begins at the beginning. The rows before are worked out all the
    /// same, because those after them depend on them.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub after: u64,
    /// How many rows at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
    /// Only rows with one of these decisions; all if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub decisions: Vec<RowDecision>,
}

impl ListPlanRows {
    /// The first 100 rows.
    #[must_use]
    pub fn new(plan: ImportPlan) -> Self {
        Self { plan, after: 0, limit: default_page(), decisions: Vec::new() }
    }
}

/// An attribute that a row would set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedChange {
    /// The attribute.
    pub attribute: String,
    /// What it is; null if there is nothing.
    pub old: Value,
    /// What it would be; null if there is no such record yet.
    pub new: Value,
    /// The row that would create the record to which a reference refers.
    pub new_row: Option<u64>,
}

/// A row of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedRow {
    /// The row, counted from 1 for the first one after the header; blank lines are not counted,
    /// rows of Arrow that are null throughout are.
    pub row: u64,
    /// What would be done with it.
    pub decision: RowDecision,
    /// The record that it names; `None` if it names none, or several.
    pub id: Option<RecordId>,
    /// What would be set, by attribute.
    pub changes: Vec<PlannedChange>,
    /// The associations that would be added.
    pub associations: Vec<PlannedAssociation>,
    /// The activities that would be recorded.
    pub activities: Vec<PlannedActivity>,
    /// The stages on which the record would begin because the import says so.
    pub stages: Vec<PlannedStage>,
    /// What does not fit.
    pub problems: Vec<CellProblem>,
}

/// A page of rows of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedRows {
    /// The rows, in the order of the table.
    pub rows: Vec<PlannedRow>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<u64>,
}

/// Applies a plan: the request of `imports.apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApplyPlan {
    /// The plan, as `imports.plan` returned it.
    pub plan: ImportPlan,
}

/// Goes on with an import that did not come to its end: the request of `imports.resume`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResumeImport {
    /// The import.
    pub id: RecordId,
    /// The plan that it was begun with, or one made anew for the same table and request.
    pub plan: ImportPlan,
}

/// Names an import: the request of `imports.get` and `imports.revert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportName {
    /// The import.
    pub id: RecordId,
}

/// Lists imports: the request of `imports.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListImports {
    /// Only those begun before this one: the `next` of the page before.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<RecordId>,
    /// How many at most, 1 to 10,000.
    #[serde(default = "default_page")]
    #[cfg_attr(feature = "uniffi", uniffi(default = 100))]
    pub limit: u32,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ImportState {
    /// Some rows are still to come: it is under way, was cancelled, or the process ended.
    Unfinished,
    /// Every row is accounted for.
    Finished,
    /// It is being taken back, or was until that was cancelled.
    Reverting,
    /// It was taken back.
    Reverted,
}

impl ImportState {
    pub(crate) const ALL: [Self; 4] =
        [Self::Unfinished, Self::Finished, Self::Reverting, Self::Reverted];

    /// The name, as the file and JSON have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Finished => "finished",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
        }
    }
}

/// An import that was begun from a plan.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Import {
    /// Its id. The cause of its changes in the journal is `import:` and this id.
    pub id: RecordId,
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// How far it is.
    pub state: ImportState,
    /// Who began it.
    pub actor: String,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it wrote last.
    pub updated_at: Timestamp,
    /// Rows that are accounted for: the sum of the next five.
    pub rows: u64,
    /// Records created.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
    /// Rows whose record was as they said.
    pub unchanged: u64,
    /// Rows left out because they did not go with other rows or records.
    pub conflicts: u64,
    /// Rows left out because they did not fit.
    pub errors: u64,
    /// Associations added.
    pub associations: u64,
    /// Activities recorded.
    pub activities: u64,
    /// Records created at the other end of associations.
    pub others: u64,
}

debug! {
    Import
        shows(id, entity_type, state, started_at, updated_at, rows, created, updated, unchanged,
            conflicts, errors, associations, activities, others)
        hides(actor)
}

/// A page of imports, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportPage {
    /// The imports.
    pub imports: Vec<Import>,
    /// What to hand in as `after` for the next page; `None` when there is none.
    pub next: Option<RecordId>,
}

/// What `imports.apply` or `imports.resume` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportRun {
    /// The import as it is now. It is unfinished if the caller cancelled.
    pub import: Import,
    /// The first 1,000 problems of the rows that this call worked on, by row.
    pub problems: Vec<CellProblem>,
    /// All of them, counted by column, kind and hint, the most frequent first.
    pub problem_counts: Vec<ProblemCount>,
}

/// What an import wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LeftItem {
    /// A record.
    Record,
    /// An association.
    Association,
    /// An activity. It is immutable, and only a correction by somebody who knows takes its place.
    Activity,
}

/// Something of an import that `imports.revert` left as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftChange {
    /// What was left.
    pub item: LeftItem,
    /// Its id.
    pub id: RecordId,
    /// The attribute; `None` if the whole is meant.
    pub attribute: Option<String>,
    /// Who changed it since; `None` if nobody did, but what it was does not fit any more.
    pub actor: Option<String>,
    /// When they did.
    pub at: Option<Timestamp>,
    /// The name of the kind of error for which it was left, such as `duplicate`; `stale_version` if
    /// somebody changed or used it since, and `invalid_argument` for an activity, which is immutable.
    pub kind: String,
}

debug! { LeftChange shows(item, id, attribute, at, kind) hides(actor) }

/// What `imports.revert` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevertReport {
    /// The import as it is now. It is reverting if the caller cancelled.
    pub import: Import,
    /// Records that the import created and that were archived.
    pub archived: u64,
    /// Records of which some values got back what they were.
    pub restored: u64,
    /// Associations that the import added and that were archived.
    pub associations: u64,
    /// How much was left as it is.
    pub left_count: u64,
    /// The first 1,000 of it.
    pub left: Vec<LeftChange>,
}
