//! Queries: columns of records, figures over groups of them, and two-way tables.
//!
//! A query is read without knowing any schema. `check` then judges it against one and gives a
//! `checked` query, of which `store::select` makes SQL. Names mean what they mean in a
//! [`Condition`](crate::Condition), and conditions say which records count. The invariants: what was
//! checked cannot fail for its names or kinds; sums of whole numbers, decimals and money are exact
//! and in one currency; and nothing is larger than [`limits`](crate::limits) say.

mod beside;
mod bucket;
mod check;
mod checked;
mod quantile;
mod request;
mod view;

pub use bucket::Bucket;
pub use request::{
    FieldOrder, GroupKey, GroupMeasure, GroupRecords, PivotCell, PivotRecords, PivotTable,
    ResultColumn, ResultOrder, RowsPage, SelectColumn, SelectRows,
};

pub use view::{RunView, SaveView, SavedView, ViewAnswer, ViewName, ViewQuery};

pub(crate) use beside::{
    Computed, ScoreColumn, ScorePart, StageColumn, StagePart, look_up, reached,
};
pub(crate) use bucket::start;
#[cfg(feature = "arrow")]
pub(crate) use check::check_wide;
pub(crate) use check::{check_group, check_pivot, check_select};
pub(crate) use checked::{
    Aggregate, CheckedGroup, CheckedPivot, CheckedSelect, Currency, EventFigure, FieldColumn,
    Figure, Form, Held, Key, Measure, Output, Quantity, Selected, SortBy, SortKey, Source,
    too_large,
};
pub(crate) use quantile::quantile;
pub(crate) use view::{read_view, view_json};
