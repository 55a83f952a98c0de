//! Saved views: queries that are kept under a name, for everybody who opens the file.
//!
//! A view holds what is asked, never what was answered. It is judged when it is saved, and again each
//! time it is run, since definitions may have changed meanwhile. The invariant: a view begins at its
//! first page.

use serde::{Deserialize, Serialize};

use super::{GroupRecords, PivotRecords, PivotTable, RowsPage, SelectRows};
use crate::{Error, ErrorKind, Result, Timestamp, limits, shape::debug};

/// What a view asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(
    clippy::large_enum_variant,
    reason = "the bindings take no boxes, and few are held at once"
)]
pub enum ViewQuery {
    /// As `query.select`.
    Select(SelectRows),
    /// As `query.group`.
    Group(GroupRecords),
    /// As `query.pivot`.
    Pivot(PivotRecords),
}

/// Saves a query under a name, or changes what is saved under it: the request of `views.save`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaveView {
    /// The name: `[a-z][a-z0-9_]{0,62}`.
    pub name: String,
    /// What people read; the name if empty, or what it was.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it shows, in prose; what it was if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// What it asks, without `after`. Without `at`, the moment of each run counts as now.
    pub query: ViewQuery,
}

/// A saved view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SavedView {
    /// The name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it shows, in prose.
    pub description: String,
    /// What it asks.
    pub query: ViewQuery,
    /// When it was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// Names a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ViewName {
    /// The name of the view.
    pub name: String,
}

/// Runs a view: the request of `views.run`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunView {
    /// The name of the view.
    pub name: String,
    /// The `next` of the page before; the first page if it is left out. A pivot has no pages.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub after: Option<String>,
    /// How many rows at most, 1 to 10,000; as many as were saved if it is left out. A pivot has no
    /// pages.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub limit: Option<u32>,
    /// The moment that counts as now; the one that was saved, or else the present, if it is left
    /// out. Hand in the same with every page.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub at: Option<Timestamp>,
}

debug! { RunView shows(name, limit, at) hides(after) }

/// The answer of a view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[allow(
    clippy::large_enum_variant,
    reason = "the bindings take no boxes, and few are held at once"
)]
pub enum ViewAnswer {
    /// A page of rows or groups.
    Rows(RowsPage),
    /// A two-way table.
    Pivot(PivotTable),
}

impl SaveView {
    /// A view of this name.
    pub fn new(name: impl Into<String>, query: ViewQuery) -> Self {
        Self { name: name.into(), label: String::new(), description: String::new(), query }
    }
}

impl RunView {
    /// The first page of a view.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), after: None, limit: None, at: None }
    }
}

impl ViewQuery {
    /// The name of its variant, as in JSON.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Select(_) => "select",
            Self::Group(_) => "group",
            Self::Pivot(_) => "pivot",
        }
    }

    /// Refuses a query that begins within its answer.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with field `after`.
    pub(crate) fn check_beginning(&self) -> Result<()> {
        match self {
            Self::Select(SelectRows { after: Some(_), .. })
            | Self::Group(GroupRecords { after: Some(_), .. }) => {
                Err(Error::new(ErrorKind::InvalidArgument, "a view begins at its first page")
                    .with_field("after")
                    .with_hint("hand it in with views.run"))
            }
            _ => Ok(()),
        }
    }

    /// The query of one run.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` with field `after` or `limit` of a pivot.
    pub(crate) fn of_run(mut self, run: &RunView) -> Result<Self> {
        let (after, limit, at) = match &mut self {
            Self::Select(rows) => (&mut rows.after, &mut rows.limit, &mut rows.at),
            Self::Group(groups) => (&mut groups.after, &mut groups.limit, &mut groups.at),
            Self::Pivot(pivot) => {
                let given = [("after", run.after.is_some()), ("limit", run.limit.is_some())];
                if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                    return Err(Error::new(ErrorKind::InvalidArgument, "a pivot has no pages")
                        .with_field(field));
                }
                pivot.at = run.at.or(pivot.at);
                return Ok(self);
            }
        };
        after.clone_from(&run.after);
        *limit = run.limit.unwrap_or(*limit);
        *at = run.at.or(*at);
        Ok(self)
    }
}

/// What `crm_view.definition` holds, and the journal's row of a view.
///
/// # Errors
///
/// `LimitExceeded` with field `query`.
pub(crate) fn view_json(view: &SaveView) -> Result<String> {
    let json = serde_json::to_string(view).expect("a checked view is always JSON");
    if json.len() <= limits::VIEW_BYTES {
        return Ok(json);
    }
    let message = format!("the view takes more than {} bytes", limits::VIEW_BYTES);
    Err(Error::new(ErrorKind::LimitExceeded, message).with_field("query"))
}

/// The view of a stored definition.
///
/// # Errors
///
/// `Corrupt` if the text is not what [`view_json`] writes.
pub(crate) fn read_view(json: &str, archived_at: Option<Timestamp>) -> Result<SavedView> {
    let saved: SaveView = serde_json::from_str(json)
        .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))?;
    let SaveView { name, label, description, query } = saved;
    Ok(SavedView { name, label, description, query, archived_at })
}
