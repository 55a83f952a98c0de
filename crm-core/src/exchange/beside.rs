//! What a table says beside the record of its row: associations of it, activities that happened with it,
//! and the stages on which it begins.
//!
//! A column may go to an attribute as well, so that a name of a company stays where it was and also
//! becomes an association. The invariant: a cell that was mapped is in the record, in an association,
//! in an activity or in the report.

use serde::{Deserialize, Serialize};

use super::ColumnMapping;
use crate::{Direction, Money, RecordId, Timestamp, Values, shape::debug};

/// Columns that make an association between the record of a row and another one.
///
/// An association that is there already is left as it is: one of the same type between the same two
/// records, at an overlapping time, with the same role, or with any where none is said.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AssociationColumns {
    /// The type of associations.
    #[serde(rename = "type")]
    pub association_type: String,
    /// The column that names the other record. A blank cell makes no association.
    pub column: String,
    /// The entity type of the other record.
    pub other_type: String,
    /// The attribute by which it is named, which is unique or has an index; its id if this is left
    /// out. If several records in use have the same, the row is a conflict.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub by: Option<String>,
    /// Whether the association leads from the other record to that of the row; otherwise it leads
    /// to the other record.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_incoming: bool,
    /// What stands between several names in a cell; a cell is one name if it is left out.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub separator: Option<String>,
    /// The role where no column, or a blank cell, says one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub role: Option<String>,
    /// Whether it becomes the primary one; of several in a cell the first.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub is_primary: bool,
    /// Whether a record that is not there is created, with nothing but the attribute by which it is
    /// named and its defaults; later rows find it. Otherwise the cell is reported. It cannot be of the
    /// imported type.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub create_missing: bool,
    /// Columns that go to `role`, `is_primary`, `valid_from`, `valid_to`, or to an attribute of the
    /// type of associations. They have no rule.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub columns: Vec<ColumnMapping>,
}

debug! {
    AssociationColumns
        shows(association_type, column, other_type, by, is_incoming, separator, is_primary,
            create_missing, columns)
        hides(role)
}

impl AssociationColumns {
    /// Associations of this type to the records of `other_type` whose attribute `by` equals the cells
    /// of `column`.
    pub fn new(
        association_type: impl Into<String>,
        column: impl Into<String>,
        other_type: impl Into<String>,
        by: impl Into<String>,
    ) -> Self {
        Self {
            association_type: association_type.into(),
            column: column.into(),
            other_type: other_type.into(),
            by: Some(by.into()),
            is_incoming: false,
            separator: None,
            role: None,
            is_primary: false,
            create_missing: false,
            columns: Vec::new(),
        }
    }
}

/// Columns that make an activity with the record of a row.
///
/// A row whose time is blank makes none. What was imported once is not recorded again: unless a
/// column goes to `key`, the key is made of the record and of what the columns say, and an activity
/// that has it already is left as it is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActivityColumns {
    /// The kind of activity.
    pub kind: String,
    /// Columns that go to `at`, which is needed, to `amount`, `amount.currency`, `channel`,
    /// `direction` or `key`, or to a property of the kind. They have no rule. A format of `at` that
    /// has a day only goes with a time zone: the activity is at the beginning of that day there.
    pub columns: Vec<ColumnMapping>,
    /// The channel where no column, or a blank cell, says one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub channel: Option<String>,
    /// The direction where no column, or a blank cell, says one.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub direction: Option<Direction>,
}

debug! { ActivityColumns shows(kind, columns, direction) hides(channel) }

impl ActivityColumns {
    /// Activities of `kind`, of which these columns say when they were, and more.
    pub fn new(kind: impl Into<String>, columns: impl IntoIterator<Item = ColumnMapping>) -> Self {
        let columns = columns.into_iter().collect();
        Self { kind: kind.into(), columns, channel: None, direction: None }
    }
}

/// The stage of a lifecycle on which the records begin that an import creates.
///
/// It takes the place of the stage on which the lifecycle has new records begin, with the cause `import`;
/// stages before it are stamped as implied. It may be lost or beside the way, but none to which only
/// triggers lead. Guards are not asked, because they are about how a record goes on, and this is where it
/// stands already. A row that lacks an attribute which the stage requires is left out. Records that are
/// there stay where they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StartStage {
    /// The lifecycle, one of the imported type. It is named once.
    pub lifecycle: String,
    /// The stage, by its name; with a column, that of rows whose cell is blank. Without it, those begin
    /// where other new records do.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub stage: Option<String>,
    /// The column that says the stage, by its name or label. Address cards have none.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub column: Option<String>,
    /// Why, as for `lifecycles.move`; needed for a stage that is lost.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub reason: Option<String>,
}

debug! { StartStage shows(lifecycle, stage, column) hides(reason) }

impl StartStage {
    /// New records begin on this stage.
    pub fn new(lifecycle: impl Into<String>, stage: impl Into<String>) -> Self {
        let (lifecycle, stage) = (lifecycle.into(), Some(stage.into()));
        Self { lifecycle, stage, column: None, reason: None }
    }

    /// New records begin on the stage that a column names.
    pub fn of_column(lifecycle: impl Into<String>, column: impl Into<String>) -> Self {
        let (lifecycle, column) = (lifecycle.into(), Some(column.into()));
        Self { lifecycle, stage: None, column, reason: None }
    }
}

/// A stage on which the record of a row would begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedStage {
    /// The lifecycle.
    pub lifecycle: String,
    /// The stage.
    pub stage: String,
}

/// An association that a row would add.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedAssociation {
    /// The type of associations.
    #[serde(rename = "type")]
    pub association_type: String,
    /// Whether it would lead from the other record to that of the row.
    pub is_incoming: bool,
    /// The entity type of the other record.
    pub other_type: String,
    /// The other record; `None` if it is not there yet.
    pub other: Option<RecordId>,
    /// The row that would create the other record, be it this one.
    pub new_row: Option<u64>,
    /// Its role.
    pub role: Option<String>,
    /// Whether it would be the primary one.
    pub is_primary: bool,
}

debug! {
    PlannedAssociation
        shows(association_type, is_incoming, other_type, other, new_row, is_primary)
        hides(role)
}

/// An activity that a row would record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedActivity {
    /// The kind of activity.
    pub kind: String,
    /// When it was.
    pub at: Timestamp,
    /// The properties that would have a value.
    pub properties: Values,
    /// What it was worth.
    pub amount: Option<Money>,
}
