//! Tables in and out: CSV and its relatives, JSON lines, and cards.
//!
//! Nothing is guessed: encoding, date and number formats are stated, and a cell that does not fit is
//! reported with its row, column and a hint. The invariant: what is exported in the machine form and
//! imported again gives the same values.

mod additions;
mod beside;
mod cells;
mod columns;
mod encoding;
mod exports;
mod json_lines;
mod mapping;
mod plan;
mod problems;
mod propose;
mod rows;
mod table;
pub(crate) mod vcard;
mod writer;

pub use beside::{
    ActivityColumns, AssociationColumns, PlannedActivity, PlannedAssociation, PlannedStage,
    StartStage,
};
pub(crate) use cells::CellReader;
pub(crate) use columns::ID;
#[cfg(feature = "arrow")]
pub(crate) use columns::{name as part_name, parts};
pub(crate) use json_lines::JsonLines;
pub(crate) use mapping::{Fault, Field, Mapping, find_column, find_key, make_fields};
pub use plan::{
    ApplyPlan, Import, ImportName, ImportPage, ImportPlan, ImportRun, ImportSource, ImportState,
    LeftChange, LeftItem, ListImports, ListPlanRows, PlanImport, PlannedChange, PlannedRow,
    PlannedRows, ResumeImport, RevertReport, RowDecision, SourceFormat, UnmappedColumn,
};
pub(crate) use problems::{Problems, to_problem};
pub(crate) use propose::propose;
pub(crate) use rows::{RowCell, RowSource};
pub(crate) use table::{Signs, TableReader};
pub(crate) use writer::{Shown, TableWriter};

use serde::{Deserialize, Serialize};

use crate::{Attribute, Values, record::Archived, shape::debug};

/// How a CSV table is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CsvDialect {
    /// Between two cells: one ASCII character, `,` by default. A first line such as `sep=;`, as
    /// Excel writes it, overrides it.
    #[cfg_attr(feature = "uniffi", uniffi(default = ","))]
    pub delimiter: String,
    /// Around a cell that holds the delimiter, a line break or itself (doubled): one ASCII
    /// character, `"` by default.
    // The generator puts the text between quotes as it is, so the escape is for Swift and Kotlin.
    #[cfg_attr(feature = "uniffi", uniffi(default = "\\\""))]
    pub quote: String,
    /// The encoding, by its label in the WHATWG Encoding Standard, such as `windows-1252`. If it is
    /// left out it is UTF-8. A byte-order mark of UTF-8 or UTF-16 wins over both.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub encoding: Option<String>,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self { delimiter: ",".into(), quote: "\"".into(), encoding: None }
    }
}

/// Where one column of the table goes, and how its cells are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ColumnMapping {
    /// The column, as the first row names it.
    pub column: String,
    /// The attribute, or `attribute.part` for a part of it: of money `price` (the amount) and
    /// `price.currency`; of an address `home.street`, `home.city`, `home.region`,
    /// `home.postal_code` and `home.country`; of a file `contract` (the hash), `contract.name` and
    /// `contract.media_type`. The parts that a row has make one value, which replaces a stored one
    /// whole.
    pub attribute: String,
    /// For a date or timestamp: its format in the letters of strptime, such as `%d.%m.%Y`; without
    /// one, ISO 8601.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub format: Option<String>,
    /// For a timestamp whose format has no offset: the IANA time zone that it is in.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub time_zone: Option<String>,
    /// For numbers: the decimal separator, `.` if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub decimal_separator: Option<String>,
    /// For numbers: the separator of groups of three digits; none if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub group_separator: Option<String>,
    /// For a list of choices: what stands between two of them. If it is left out it is `;`, or
    /// where an option contains one the first of `|`, `,`, `/` that none contains.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub list_separator: Option<String>,
    /// For a reference: the unique attribute of the target by which the cell names the record; its
    /// id if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub lookup: Option<String>,
    /// What becomes of a value that the record has already: it is overwritten if this is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub rule: Option<ColumnRule>,
}

/// What a column does to a record that is there already, and may have a value. A blank cell does
/// nothing under any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ColumnRule {
    /// The cell replaces the value.
    #[default]
    Overwrite,
    /// A value stays; the cell is taken where there is none.
    Keep,
    /// The cell replaces the value, but a record that is created takes nothing from this column.
    UpdateOnly,
    /// The cell is added to the value: a text of kind `long_text` on a line of its own, unless it
    /// stands there already, and the options of `choices` to those that are chosen.
    Append,
}

impl ColumnMapping {
    /// The column of this name into the attribute of that name, in plain form.
    pub fn new(column: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self {
            column: column.into(),
            attribute: attribute.into(),
            format: None,
            time_zone: None,
            decimal_separator: None,
            group_separator: None,
            list_separator: None,
            lookup: None,
            rule: None,
        }
    }
}

/// What an import does with each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ImportMode {
    /// Creates a record.
    #[default]
    Create,
    /// Changes the record that the key names; a row without one is a problem.
    Update,
    /// Changes the record that the key names, or creates it.
    Upsert,
}

/// What a cell that does not fit does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BadCells {
    /// The row is left out.
    #[default]
    RejectRow,
    /// The row is kept without that cell, unless the attribute is required or the key.
    LeaveEmpty,
}

/// Imports a CSV table: the request of `csv.import`. Exactly one of `path` and `text` is given.
///
/// A blank cell says nothing: a record that is changed keeps its value, and one that is created
/// takes the default. A row without anything in it is skipped like a blank line.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportCsv {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The file to read.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The table itself, at most 16 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub text: Option<String>,
    /// Where the columns go. Columns that are not listed are not read.
    pub columns: Vec<ColumnMapping>,
    /// How the table is written.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub dialect: CsvDialect,
    /// What is done with each row.
    #[serde(default)]
    pub mode: ImportMode,
    /// For update and upsert: the unique attribute that names the record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub key: Option<String>,
    /// What a cell that does not fit does to its row.
    #[serde(default)]
    pub bad_cells: BadCells,
    /// On which stages the records begin that are created, one entry for each lifecycle; where the
    /// lifecycles have new records begin if it is empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub stages: Vec<StartStage>,
    /// Whether a single rejected row undoes the whole import. Otherwise good rows are kept, in
    /// transactions of at most 5,000 rows.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub all_or_nothing: bool,
}

/// What an import does with the rows of a table, whatever that is written in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImportRules<'a> {
    pub(crate) entity_type: &'a str,
    pub(crate) columns: &'a [ColumnMapping],
    pub(crate) mode: ImportMode,
    /// The attributes that together name the record; empty if each row makes one.
    pub(crate) key: &'a [String],
    pub(crate) bad_cells: BadCells,
    pub(crate) associations: &'a [AssociationColumns],
    pub(crate) activities: &'a [ActivityColumns],
    pub(crate) stages: &'a [StartStage],
}

debug! {
    ImportCsv
        shows(entity_type, columns, dialect, mode, key, bad_cells, stages, all_or_nothing)
        hides(path, text)
}

impl ImportCsv {
    /// Creates one record of `entity_type` per row of the file at `path`.
    pub fn from_path(
        entity_type: impl Into<String>,
        path: impl Into<String>,
        columns: impl IntoIterator<Item = ColumnMapping>,
    ) -> Self {
        let path = Some(path.into());
        Self { path, text: None, ..Self::from_text(entity_type, "", columns) }
    }

    /// Creates one record of `entity_type` per row of the table `text`.
    pub fn from_text(
        entity_type: impl Into<String>,
        text: impl Into<String>,
        columns: impl IntoIterator<Item = ColumnMapping>,
    ) -> Self {
        Self {
            entity_type: entity_type.into(),
            path: None,
            text: Some(text.into()),
            columns: columns.into_iter().collect(),
            dialect: CsvDialect::default(),
            mode: ImportMode::Create,
            key: None,
            bad_cells: BadCells::RejectRow,
            stages: Vec::new(),
            all_or_nothing: false,
        }
    }

    pub(crate) fn rules(&self) -> ImportRules<'_> {
        ImportRules {
            entity_type: &self.entity_type,
            columns: &self.columns,
            mode: self.mode,
            key: self.key.as_slice(),
            bad_cells: self.bad_cells,
            associations: &[],
            activities: &[],
            stages: &self.stages,
        }
    }
}

/// A cell, or a row, that does not fit; of cards, a property or a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellProblem {
    /// The row, counted from 1 for the first one after the header, blank lines not counted; or the
    /// card, counted from 1, where 0 stands for what comes after the last one.
    pub row: u64,
    /// The column, as the header names it; `None` if the whole row is meant.
    pub column: Option<String>,
    /// The name of the error's kind, such as `invalid_value`.
    pub kind: String,
    /// One line of text, without the cell's content.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the row was left out because of it.
    pub rejects_row: bool,
}

/// How often a problem occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemCount {
    /// The column; `None` if whole rows are meant.
    pub column: Option<String>,
    /// The name of the error's kind.
    pub kind: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How often.
    pub count: u64,
}

/// What an import did. Of cards, a row is a card and a column is a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ImportReport {
    /// Rows read, without blank ones.
    pub rows: u64,
    /// Records created. Like the next two, 0 if nothing was kept.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
    /// Records that were already as the row says.
    pub unchanged: u64,
    /// Rows left out because of a problem.
    pub rejected: u64,
    /// The first 1,000 problems, by row.
    pub problems: Vec<CellProblem>,
    /// All problems, counted by column, kind and hint, the most frequent first.
    pub problem_counts: Vec<ProblemCount>,
    /// Whether the caller cancelled it. What was committed before is kept, unless it is all or nothing.
    pub is_cancelled: bool,
    /// Whether anything was kept: false when all-or-nothing was asked for and a row was rejected.
    pub is_committed: bool,
}

/// Asks which column may go where: the request of `csv.propose`. Exactly one of `path` and `text`
/// is given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProposeMapping {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The file to read.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The table itself.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub text: Option<String>,
    /// How the table is written.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub dialect: CsvDialect,
}

debug! { ProposeMapping shows(entity_type, dialect) hides(path, text) }

/// A proposal for a mapping. A person should look at it: it is never applied by itself.
///
/// Where the table is a known export of another program, its columns go where that program's columns
/// belong. To lose nothing, define the attributes of `additions` too, and map their columns.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MappingProposal {
    /// The program and what its rows are, such as `hubspot_contacts` or `google_contacts`, if the
    /// header is that of a known export.
    pub export: Option<String>,
    /// The columns that have an attribute, ready for `csv.import` and `imports.plan`.
    pub columns: Vec<ColumnMapping>,
    /// The columns that have none.
    pub unmapped: Vec<String>,
    /// An attribute for each of the unmapped columns, or for several that are parts of one value. A
    /// column that occurs twice has none, because it cannot be named; nor have columns beyond the 200
    /// attributes of a type.
    pub additions: Vec<MappingAddition>,
    /// Associations that columns of a known export also make, for `imports.plan`: where `employed_by`
    /// is defined, a column that names a company. Companies that are missing are created.
    pub associations: Vec<AssociationColumns>,
}

debug! { MappingProposal shows(export, columns, additions, associations) hides(unmapped) }

/// An attribute that a type would need for columns of a table.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MappingAddition {
    /// The attribute, to be defined with `types.define`. It counts as personal: nobody has said yet
    /// that it is not.
    pub attribute: Attribute,
    /// The columns that go there.
    pub columns: Vec<ColumnMapping>,
}

impl std::fmt::Debug for MappingAddition {
    /// Shows the kind alone: where a table has no header, names of columns are cells.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { attribute, columns } = self;
        f.debug_struct("MappingAddition")
            .field("kind", &attribute.kind)
            .field("columns", &columns.len())
            .finish()
    }
}

/// For whom a CSV table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CsvProfile {
    /// Every cell exactly as it is, so that an import of what `csv.propose` proposes gives the same
    /// values.
    #[default]
    Machine,
    /// Texts that a spreadsheet would take for a formula, `+49…` among them, begin with an
    /// apostrophe (CWE-1236), numbers do not; a byte-order mark goes first and lines end in CR LF,
    /// as Excel expects.
    Spreadsheet,
}

/// Exports records as a CSV table: the request of `csv.export`.
///
/// The header has the names of the attributes, with one column per part as [`ColumnMapping`] names
/// them, and the rows are in the order of creation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportCsv {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The file to write; it must not exist. If it is left out the text is returned, up to 16 MiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub path: Option<String>,
    /// The attributes to write, whatever their sensitivity; `id` names the record's id. If it is
    /// empty: the id, every attribute in use without a sensitivity, and with `personal` those that are
    /// personal. A special one is written only where it is named.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub attributes: Vec<String>,
    /// Whether attributes that are personal are written too, where none is named.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub personal: bool,
    /// Only records whose attributes equal these values, as `records.list` compares them.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub filter: Values,
    /// Which records, by whether they are archived.
    #[serde(default)]
    pub archived: Archived,
    /// How the table is written. It is always UTF-8, so an encoding is refused.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub dialect: CsvDialect,
    /// For whom.
    #[serde(default)]
    pub profile: CsvProfile,
}

debug! {
    ExportCsv
        shows(entity_type, attributes, personal, filter, archived, dialect, profile)
        hides(path)
}

impl ExportCsv {
    /// The records in use with all their attributes that say nothing about a person, returned as
    /// text.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            path: None,
            attributes: Vec::new(),
            personal: false,
            filter: Values::new(),
            archived: Archived::Exclude,
            dialect: CsvDialect::default(),
            profile: CsvProfile::Machine,
        }
    }
}

/// What an export did.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportReport {
    /// Rows written, without the header; or cards.
    pub rows: u64,
    /// Bytes written.
    pub bytes: u64,
    /// The table, or the cards, if no file was named.
    pub text: Option<String>,
    /// The attributes in use that were left out for their sensitivity, because nobody named them.
    pub hidden: Vec<String>,
}

debug! { ExportReport shows(rows, bytes, hidden) hides(text) }
