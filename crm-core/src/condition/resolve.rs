//! What queries ask of a schema in the words of conditions: a field, the activities of a record, a
//! related record.
//!
//! A column of a query names things as a condition does, and is refused as one is; so both look
//! them up in the same place. What is found is all that reading and decoding it takes.

use super::{
    Condition, Count, EventCondition, Measure, RelatedCondition,
    check::{Checker, Schema, Scope, unknown},
    checked::{Column, EventTest, Node, RelatedTest},
    field::Field,
};
use crate::{Error, ErrorKind, Kind, Result, schema::TypeModel};

/// A field of a record or of an activity, to be read.
#[derive(Debug, Clone)]
pub(crate) struct FoundField {
    pub(crate) kind: Kind,
    /// Decimal places, where the kind has them.
    pub(crate) scale: Option<u8>,
    /// The only currency, where the attribute has one.
    pub(crate) currency: Option<String>,
    /// The columns that make its value.
    pub(crate) columns: Vec<Column>,
    /// Whether rows may be ordered by it.
    pub(crate) is_sortable: bool,
}

/// Looks up a field of the records of an entity type: an attribute, a part of one, or what every
/// record has.
///
/// # Errors
///
/// `UnknownType`, `UnknownAttribute` or `Archived`, without a field.
pub(crate) fn field(schema: &dyn Schema, entity_type: &str, name: &str) -> Result<FoundField> {
    Checker::of_records(schema, entity_type)?.find(name).map(FoundField::from)
}

/// Looks up a field of the activities of a kind; of every kind if it is left out.
///
/// # Errors
///
/// As [`field`].
pub(crate) fn property(schema: &dyn Schema, kind: Option<&str>, name: &str) -> Result<FoundField> {
    let scope = Scope::Activity(kind.and_then(|kind| schema.activity_kind(kind)));
    Checker { schema, scope, facts: 0 }.find(name).map(FoundField::from)
}

/// Judges which activities of a record are meant.
///
/// # Errors
///
/// As [`check`](super::check()).
pub(crate) fn event(
    schema: &dyn Schema,
    entity_type: &str,
    event: &EventCondition,
) -> Result<EventTest> {
    Checker::of_records(schema, entity_type)?.event(event, "")
}

/// Judges which activity is meant that happens with a record, of those of a kind; its name stands in
/// the field `named`. Answers the kind, unless every one is meant, and the filter.
///
/// # Errors
///
/// As [`check`](super::check()).
pub(crate) fn happening(
    schema: &dyn Schema,
    entity_type: &str,
    kind: &str,
    filter: Option<&Condition>,
    named: &str,
) -> Result<(Option<i64>, Option<Box<Node>>)> {
    let asked = EventCondition {
        event: kind.to_owned(),
        within: None,
        from: None,
        until: None,
        filter: filter.cloned().map(Box::new),
        measure: Measure::Count(Count::SOME),
    };
    let test = event(schema, entity_type, &asked).map_err(|error| match error.field() {
        Some("event") => error.with_field(named),
        Some(place) => {
            let place = place.replacen("where", "filter", 1);
            error.with_field(place)
        }
        None => error,
    })?;
    Ok((test.kind.map(|kind| kind.id), test.filter))
}

/// Finds a kind of activity.
///
/// # Errors
///
/// `UnknownType`, with the nearest name as a hint.
pub(crate) fn kind<'s>(schema: &'s dyn Schema, name: &str) -> Result<&'s TypeModel> {
    schema.activity_kind(name).ok_or_else(|| {
        let kinds = schema.activity_kinds();
        unknown(ErrorKind::UnknownType, "no such activity kind", name, &kinds)
    })
}

/// Judges which related records are meant.
///
/// # Errors
///
/// As [`check`](super::check()).
pub(crate) fn relatives(
    schema: &dyn Schema,
    entity_type: &str,
    related: &RelatedCondition,
) -> Result<RelatedTest> {
    Checker::of_records(schema, entity_type)?.related(related, "")
}

/// Judges which related record is meant, which must be of one entity type.
///
/// # Errors
///
/// As [`check`](super::check()).
pub(crate) fn related(
    schema: &dyn Schema,
    entity_type: &str,
    related: &RelatedCondition,
) -> Result<RelatedTest> {
    let test = relatives(schema, entity_type, related)?;
    match test.types.as_slice() {
        [_] => Ok(test),
        types => {
            let names: Vec<&str> = types.iter().map(|named| named.name.as_str()).collect();
            let message = "related records can be of several entity types";
            Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field("type")
                .with_hint(format!("name one of {}", names.join(", "))))
        }
    }
}

impl From<Field<'_>> for FoundField {
    fn from(field: Field<'_>) -> Self {
        let Field { kind, model, mut columns, is_part, .. } = field;
        // What was typed is not part of the value.
        let width = match kind {
            Kind::Money => 2,
            Kind::Address | Kind::File => columns.len(),
            _ => 1,
        };
        columns.truncate(width);
        let (scale, currency) = (model.definition.scale, model.definition.currency.clone());
        // Parts of an address are short, whatever their kind allows.
        let is_sortable = kind.is_comparable() || is_part;
        Self { kind, scale, currency, columns, is_sortable }
    }
}
