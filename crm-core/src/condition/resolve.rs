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
use crate::{
    Error, ErrorKind, Kind, Result, lifecycle::LifecycleModel, schema::TypeModel,
    scoring::StoredModel,
};

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

/// Finds a lifecycle in use of an entity type; without a name the only one.
///
/// # Errors
///
/// `NotFound`, `Archived`, or `InvalidArgument` where there are several or it is of another type; without
/// a field.
pub(crate) fn lifecycle<'s>(
    schema: &'s dyn Schema,
    entity_type: &str,
    name: Option<&str>,
) -> Result<&'s LifecycleModel> {
    let known = schema.lifecycles(entity_type);
    let names: Vec<&str> = known.iter().map(|known| known.name()).collect();
    let Some(name) = name else {
        return match known[..] {
            [only] => Ok(only),
            [] => {
                let message = format!("no lifecycle is one of {entity_type:?}");
                let error = Error::new(ErrorKind::NotFound, message);
                Err(error.with_hint("define it with lifecycles.define"))
            }
            _ => Err(several("lifecycles", entity_type, &names)),
        };
    };
    if let Some(found) = known.iter().find(|known| known.name() == name) {
        return Ok(found);
    }
    Err(match schema.lifecycle(name).map(|other| &other.lifecycle) {
        Some(other) if other.entity_type != entity_type => {
            of_another("lifecycle", &other.entity_type, entity_type)
        }
        Some(_) => Error::new(ErrorKind::Archived, "the lifecycle is archived")
            .with_hint("restore it with lifecycles.restore"),
        None => unknown(ErrorKind::NotFound, "no such lifecycle of this entity type", name, &names),
    })
}

/// Finds a published score of an entity type, or as `score.group` one group of it; without a name the
/// only one.
///
/// # Errors
///
/// `NotFound`, or `InvalidArgument` where there are several or it is of another type; without a field.
pub(crate) fn score<'s>(
    schema: &'s dyn Schema,
    entity_type: &str,
    name: Option<&str>,
) -> Result<(&'s StoredModel, Option<usize>)> {
    let known = schema.scores(entity_type);
    let names: Vec<&str> = known.iter().map(|known| known.model.name.as_str()).collect();
    let Some(name) = name else {
        return match known[..] {
            [only] => Ok((only, None)),
            [] => {
                let message = format!("no published score is one of {entity_type:?}");
                let error = Error::new(ErrorKind::NotFound, message);
                Err(error.with_hint("define it with scores.define, and publish it"))
            }
            _ => Err(several("scores", entity_type, &names)),
        };
    };
    let (name, group) = match name.split_once('.') {
        Some((name, group)) => (name, Some(group)),
        None => (name, None),
    };
    let Some(found) = known.iter().find(|known| known.model.name == name) else {
        return Err(match schema.score(name).map(|other| &other.model) {
            Some(other) if other.entity_type != entity_type => {
                of_another("score", &other.entity_type, entity_type)
            }
            Some(_) => Error::new(ErrorKind::NotFound, "no version of the score is published")
                .with_hint("publish it with scores.publish"),
            None => {
                let message = "no such score of this entity type is published";
                unknown(ErrorKind::NotFound, message, name, &names)
            }
        });
    };
    let group = group.map(|group| {
        let groups = &found.model.groups;
        groups.iter().position(|known| known.name == group).ok_or_else(|| {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            unknown(ErrorKind::NotFound, "the score has no such group", group, &names)
        })
    });
    Ok((found, group.transpose()?))
}

fn several(what: &str, entity_type: &str, names: &[&str]) -> Error {
    let message = format!("{entity_type:?} has several {what}");
    Error::new(ErrorKind::InvalidArgument, message)
        .with_hint(format!("name one of {}", names.join(", ")))
}

fn of_another(what: &str, other: &str, entity_type: &str) -> Error {
    let message = format!("the {what} is one of {other:?}");
    Error::new(ErrorKind::InvalidArgument, message)
        .with_hint(format!("name a {what} of {entity_type:?}"))
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
