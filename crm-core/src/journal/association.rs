//! The body of a journal row about an association: its type, its ends when it is added, and its new
//! cells by column, as a record's body has them.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::body::{damaged, decode, read_cells};
use crate::{
    AssociationChange, RecordId, RecordRef, Result,
    association::{AssociationModel, StoredAssociation},
    cell::Cell,
    schema::AttributeModel,
};

/// Puts the type, and of a new association its ends, around the columns that stand in `body`.
pub(crate) fn wrap_association(row: &StoredAssociation, is_new: bool, body: &mut String) {
    let json = |end: &RecordRef| serde_json::to_string(end).expect("a name and an id are JSON");
    let ends = match is_new {
        true => format!(",\"from\":{},\"to\":{}", json(&row.from), json(&row.to)),
        false => String::new(),
    };
    // Names match [a-z0-9_]: nothing to escape.
    body.insert_str(0, &format!("{{\"type\":\"{}\"{ends},\"values\":", row.association_type));
    body.push('}');
}

/// A body, read as far as it goes without the definition of its type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssociationBody {
    #[serde(rename = "type")]
    pub(crate) association_type: String,
    pub(crate) from: Option<RecordRef>,
    pub(crate) to: Option<RecordRef>,
    values: Map<String, Json>,
}

impl AssociationBody {
    /// # Errors
    ///
    /// `Corrupt` if the body is not what this module writes.
    pub(crate) fn read(body: &str) -> Result<Self> {
        serde_json::from_str(body).map_err(|_| damaged())
    }

    /// The new cells of each column of the type that is mentioned.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) fn cells<'m>(
        &self,
        model: &'m AssociationModel,
    ) -> Result<Vec<(&'m AttributeModel, Vec<Cell>)>> {
        read_cells(&model.whole, &self.values)
    }

    /// What it says, as callers see it.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) fn decode(
        self,
        model: &AssociationModel,
        id: RecordId,
    ) -> Result<AssociationChange> {
        let values = decode(&self.cells(model)?);
        let Self { association_type, from, to, .. } = self;
        Ok(AssociationChange { association_type, id, from, to, values })
    }
}
