//! What is asked for as a table.

use serde::{Deserialize, Serialize};

use crate::{
    Archived, BadCells, ColumnMapping, Condition, Direction, FieldOrder, GroupRecords, ImportMode,
    PivotRecords, SelectRows, StartStage, Timestamp, exchange::ImportRules, shape::debug,
};

/// A query whose whole result is read as a stream of record batches: the request of
/// `crm_query_arrow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadTable {
    /// What is read.
    pub query: TableQuery,
    /// Rows in one batch, 1 to 100,000. A batch of long texts has fewer: it ends after 16 MiB of
    /// text.
    #[serde(default = "default_rows")]
    pub batch_rows: u32,
}

/// What a table holds. A stream has no pages: `limit` is not looked at, and `after` is refused.
#[allow(clippy::large_enum_variant, reason = "it is moved once, boxing would cost more")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableQuery {
    /// The rows of a `query.select`. Without an order they come as the file holds them.
    Select(SelectRows),
    /// The groups of a `query.group`.
    Group(GroupRecords),
    /// The cells of a `query.pivot` that have records, one a row: the keys of the rows, those of the
    /// columns, the figure. Totals are not among them.
    Pivot(PivotRecords),
    /// All fields of all records of a type.
    Records(RecordsTable),
    /// What a saved view shows.
    View(ViewTable),
}

/// The records of a type as a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsTable {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The columns: attributes, and `id`, `version`, `created_at`, `updated_at`. The id and every
    /// attribute in use if it is empty.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Only records for which this condition is true, as JSON or as text.
    #[serde(default, rename = "where")]
    pub condition: Option<Condition>,
    /// The order, and among equals by id; at most 8 fields. As the file holds them if it is empty.
    #[serde(default)]
    pub order: Vec<FieldOrder>,
    /// Which records, by whether they are archived.
    #[serde(default)]
    pub archived: Archived,
    /// The moment that counts as now; the present if it is left out.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// The time zone by whose calendar days are counted; UTC if it is left out.
    #[serde(default)]
    pub zone: Option<String>,
}

/// A saved view as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewTable {
    /// The name of the view.
    pub name: String,
    /// The moment that counts as now; the one that was saved, or else the present, if it is left
    /// out.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// Takes a stream of record batches in as records: the request of `crm_ingest_arrow`.
///
/// A null says nothing: a record that is changed keeps its value, and one that is created takes the
/// default. A row of nothing but nulls is passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestTable {
    /// The entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Where the columns go; those that are not listed are not read. If it is empty, each goes to the
    /// attribute of its own name, or the part of one such as `price.currency`.
    #[serde(default)]
    pub columns: Vec<ColumnMapping>,
    /// What is done with each row.
    #[serde(default)]
    pub mode: ImportMode,
    /// For update and upsert: the attributes that together name the record, of which one is unique or
    /// has an index.
    #[serde(default)]
    pub key: Vec<String>,
    /// What a value that does not fit does to its row.
    #[serde(default)]
    pub bad_cells: BadCells,
    /// On which stages the records begin that are created, one entry for each lifecycle; where the
    /// lifecycles have new records begin if it is empty.
    #[serde(default)]
    pub stages: Vec<StartStage>,
    /// Whether a single rejected row undoes the whole of it. Otherwise good rows are kept, in
    /// transactions of at most 5,000 rows.
    #[serde(default)]
    pub all_or_nothing: bool,
}

impl IngestTable {
    /// Creates one record of `entity_type` per row, each column the attribute of its own name.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            columns: Vec::new(),
            mode: ImportMode::Create,
            key: Vec::new(),
            bad_cells: BadCells::RejectRow,
            stages: Vec::new(),
            all_or_nothing: false,
        }
    }

    /// What is done with rows of these columns.
    pub(crate) fn rules<'a>(&'a self, columns: &'a [ColumnMapping]) -> ImportRules<'a> {
        ImportRules {
            entity_type: &self.entity_type,
            columns,
            mode: self.mode,
            key: &self.key,
            bad_cells: self.bad_cells,
            associations: &[],
            activities: &[],
            stages: &self.stages,
        }
    }
}

/// Takes a stream of record batches in as activities: the request of `crm_ingest_activities_arrow`.
///
/// Each row is recorded as `activities.record` would: under a key that is there already with the same
/// content it is unchanged. A null says nothing. A row of nothing but nulls is passed over.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestActivities {
    /// The kind of activity.
    pub kind: String,
    /// The entity type of the records that the column of `subject` names.
    #[serde(default)]
    pub subject_type: Option<String>,
    /// Where the columns go: to `subject`, with a `lookup` for another name than the id, or to
    /// `visitor`; to `at`, which is needed; to `amount`, `amount.currency`, `channel`, `direction` or
    /// `key`; or to a property of the kind. Those that are not listed are not read. If it is empty,
    /// each goes to what has its own name.
    #[serde(default)]
    pub columns: Vec<ColumnMapping>,
    /// The channel where no column, or a null, says one.
    #[serde(default)]
    pub channel: Option<String>,
    /// The direction where no column, or a null, says one.
    #[serde(default)]
    pub direction: Option<Direction>,
    /// What a value that does not fit does to its row. One that says when, whose, or under which key
    /// rejects it always.
    #[serde(default)]
    pub bad_cells: BadCells,
    /// Whether a single rejected row undoes the whole of it. Otherwise good rows are kept, in
    /// transactions of at most 5,000 rows.
    #[serde(default)]
    pub all_or_nothing: bool,
}

debug! {
    IngestActivities
        shows(kind, subject_type, columns, direction, bad_cells, all_or_nothing)
        hides(channel)
}

impl IngestActivities {
    /// Activities of `kind`, each column what has its own name.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            subject_type: None,
            columns: Vec::new(),
            channel: None,
            direction: None,
            bad_cells: BadCells::RejectRow,
            all_or_nothing: false,
        }
    }
}

/// Takes a stream of record batches in as associations: the request of
/// `crm_ingest_associations_arrow`.
///
/// Each row is added as `associations.add` would, unless it is there already: an association of the
/// type between the same two records, at an overlapping time, with the same role, or with any where
/// none is said. A null says nothing. A row of nothing but nulls is passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestAssociations {
    /// The type of associations.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The entity type of the records from which they lead; that of the type of associations, if it
    /// has one only.
    #[serde(default)]
    pub from_type: Option<String>,
    /// The entity type of the records to which they lead, likewise.
    #[serde(default)]
    pub to_type: Option<String>,
    /// Where the columns go: to `from` and to `to`, which are needed, with a `lookup` for another name
    /// than the id; to `role`, `is_primary`, `valid_from`, `valid_to`, or to an attribute of the type.
    /// Those that are not listed are not read. If it is empty, each goes to what has its own name.
    #[serde(default)]
    pub columns: Vec<ColumnMapping>,
    /// What a value that does not fit does to its row. One that names a record rejects it always.
    #[serde(default)]
    pub bad_cells: BadCells,
    /// Whether a single rejected row undoes the whole of it. Otherwise good rows are kept, in
    /// transactions of at most 5,000 rows.
    #[serde(default)]
    pub all_or_nothing: bool,
}

impl IngestAssociations {
    /// Associations of this type, each column what has its own name.
    pub fn new(association_type: impl Into<String>) -> Self {
        Self {
            association_type: association_type.into(),
            from_type: None,
            to_type: None,
            columns: Vec::new(),
            bad_cells: BadCells::RejectRow,
            all_or_nothing: false,
        }
    }
}

const fn default_rows() -> u32 {
    16_384
}

impl ReadTable {
    /// The whole result of a query, in batches of 16,384 rows.
    pub fn new(query: impl Into<TableQuery>) -> Self {
        Self { query: query.into(), batch_rows: default_rows() }
    }
}

impl RecordsTable {
    /// The records in use of a type, with all attributes.
    pub fn new(entity_type: impl Into<String>) -> Self {
        Self {
            entity_type: entity_type.into(),
            fields: Vec::new(),
            condition: None,
            order: Vec::new(),
            archived: Archived::Exclude,
            at: None,
            zone: None,
        }
    }
}

impl ViewTable {
    /// What the view of this name shows now.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), at: None }
    }
}

impl From<SelectRows> for TableQuery {
    fn from(request: SelectRows) -> Self {
        Self::Select(request)
    }
}

impl From<GroupRecords> for TableQuery {
    fn from(request: GroupRecords) -> Self {
        Self::Group(request)
    }
}

impl From<PivotRecords> for TableQuery {
    fn from(request: PivotRecords) -> Self {
        Self::Pivot(request)
    }
}

impl From<RecordsTable> for TableQuery {
    fn from(request: RecordsTable) -> Self {
        Self::Records(request)
    }
}

impl From<ViewTable> for TableQuery {
    fn from(request: ViewTable) -> Self {
        Self::View(request)
    }
}
