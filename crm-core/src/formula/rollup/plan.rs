//! A roll-up judged against the schema: names have become columns and numbers.

use super::{Aggregate, Related, Rollup, Source};
use crate::{
    Condition, Error, ErrorKind, Kind, RelatedCondition, Result,
    condition::{self, Column, FoundField, Named, RECORD_COLUMNS, Schema, Way},
    formula::check::{fit_kind, invalid},
    normal::name::nearest,
    schema::{AttributeModel, TypeModel},
};

/// A roll-up, ready to be read.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The type whose attribute it is.
    pub(crate) entity_type: Named,
    /// The place of the attribute in that type.
    pub(crate) place: usize,
    pub(crate) aggregate: Aggregate,
    pub(crate) of: Of,
    /// What is looked at; none where things are counted.
    pub(crate) field: Option<FoundField>,
    /// Only amounts in this currency count.
    pub(crate) currency: Option<&'static str>,
    /// Whether the attribute stores each value that is summed up without rounding.
    pub(crate) is_exact: bool,
}

/// What a roll-up sums up.
#[derive(Debug, Clone)]
pub(crate) enum Of {
    /// The activities of the record: of one kind, or of any.
    Activities { kind: Option<Named>, has_properties: bool },
    /// Records of these types.
    Related {
        association: Named,
        /// Whether the associations lead to the record.
        inverse: bool,
        types: Vec<Named>,
        role: Option<String>,
        open: bool,
    },
}

/// Judges the roll-up of an attribute of `model` and makes it ready.
///
/// # Errors
///
/// `UnknownType`, `UnknownAttribute`, `Archived`, `Required` or `InvalidArgument`.
pub(crate) fn resolve(
    schema: &dyn Schema,
    model: &TypeModel,
    attribute: &AttributeModel,
    rollup: &Rollup,
) -> Result<Plan> {
    let (of, field) = match &rollup.source {
        Source::Activities(kind) => activities(schema, kind, rollup.field.as_deref())?,
        Source::Related(source) => related(schema, model, source, rollup.field.as_deref())?,
    };
    let fits = match (rollup.aggregate, field.as_ref().map(|field| field.kind)) {
        (Aggregate::Count, _) | (_, None) => true,
        (Aggregate::Latest, Some(_)) => true,
        (Aggregate::Sum, Some(kind)) => is_number(kind),
        (Aggregate::Min | Aggregate::Max, Some(kind)) => {
            is_number(kind) || matches!(kind, Kind::Date | Kind::Timestamp)
        }
    };
    let kind = field.as_ref().map_or(Kind::Integer, |field| field.kind);
    if !fits {
        let (name, kind) = (rollup.aggregate.name(), kind.name());
        return Err(invalid(format!("{name} does not apply to kind {kind}")));
    }
    let only = field.as_ref().and_then(|field| field.currency.as_deref());
    let only = only.and_then(|code| crate::normal::currency::currency(code).ok());
    fit_kind(kind, only.map(|(code, _)| code), attribute)?;
    let currency = attribute.currency();
    if kind == Kind::Money && currency.is_none() && rollup.aggregate != Aggregate::Latest {
        return Err(Error::new(
            ErrorKind::Required,
            "amounts in several currencies do not add up or compare",
        )
        .with_hint("give the attribute a currency: only amounts in it count"));
    }
    let scale = field.as_ref().and_then(|field| field.scale).unwrap_or(2);
    let is_exact = rollup.aggregate != Aggregate::Sum
        || match (attribute.definition.kind, kind) {
            (Kind::Integer | Kind::Decimal, Kind::Integer | Kind::Rating)
            | (Kind::Money, Kind::Money) => true,
            (Kind::Decimal, Kind::Decimal) => scale <= attribute.scale(),
            _ => false,
        };
    Ok(Plan {
        entity_type: Named { id: model.id, name: model.name.clone() },
        place: model.place(attribute),
        aggregate: rollup.aggregate,
        of,
        field,
        currency,
        is_exact,
    })
}

const fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Integer | Kind::Decimal | Kind::Real | Kind::Rating | Kind::Money)
}

fn activities(
    schema: &dyn Schema,
    name: &str,
    field: Option<&str>,
) -> Result<(Of, Option<FoundField>)> {
    let mut kind = None;
    if name != "any" {
        // Judged as a condition judges it, so that both refuse in the same words.
        let model = condition::kind(schema, name)?;
        if model.archived_at.is_some() {
            let message = format!("reads the kind of activity {name:?}, which is archived");
            return Err(Error::new(ErrorKind::Archived, message)
                .with_hint("restore it with activity_kinds.restore"));
        }
        kind = Some(model);
    }
    let field = field.map(|field| {
        condition::property(schema, kind.map(|kind| kind.name.as_str()), field)
            .map_err(|error| unreadable(field, &error))
    });
    let has_properties = kind.is_some_and(|kind| !kind.attributes.is_empty());
    let kind = kind.map(|kind| Named { id: kind.id, name: kind.name.clone() });
    Ok((Of::Activities { kind, has_properties }, field.transpose()?))
}

fn related(
    schema: &dyn Schema,
    model: &TypeModel,
    source: &Related,
    field: Option<&str>,
) -> Result<(Of, Option<FoundField>)> {
    let Related { association: name, inverse, entity_type, role, open } = source;
    let asked = Condition::related(name.as_str());
    let asked = RelatedCondition { inverse: *inverse, entity_type: entity_type.clone(), ..asked };
    let test = condition::relatives(schema, &model.name, &asked)?;
    let Way::Association { association, .. } = test.way else {
        return Err(invalid(format!("reads {name:?}, which is a reference"))
            .with_hint("a roll-up follows associations: define a type of them"));
    };
    if !schema.associations().contains(&association.name.as_str()) {
        let message = format!("reads the association type {name:?}, which is archived");
        return Err(Error::new(ErrorKind::Archived, message)
            .with_hint("restore it with association_types.restore"));
    }
    let field = match (field, test.types.as_slice()) {
        (None, _) => None,
        (Some(field), [only]) => {
            if RECORD_COLUMNS.contains(&field) && field != "created_at" {
                return Err(invalid(format!("does not look at {field}"))
                    .with_hint("name an attribute, or created_at"));
            }
            let found = condition::field(schema, &only.name, field);
            Some(found.map_err(|error| unreadable(field, &error))?)
        }
        (Some(_), types) => {
            let names: Vec<&str> = types.iter().map(|named| named.name.as_str()).collect();
            return Err(invalid("related records can be of several entity types")
                .with_hint(format!("name one: … as {}", names.join(", or as "))));
        }
    };
    let (inverse, open, role) = (*inverse, *open, role.clone());
    Ok((Of::Related { association, inverse, types: test.types, role, open }, field))
}

/// Refuses a role that associations of the type cannot have. It is asked when a roll-up or the type is
/// defined, not whenever the roll-up is made ready.
///
/// # Errors
///
/// `UnknownOption`, with the nearest role.
pub(in crate::formula) fn check_role(schema: &dyn Schema, rollup: &Rollup) -> Result<()> {
    let Source::Related(Related { association, role: Some(role), .. }) = &rollup.source else {
        return Ok(());
    };
    let roles = schema.association(association).map_or(&[][..], |shape| shape.roles);
    let mut names = roles.iter().map(|option| option.value.as_str());
    if roles.is_empty() || names.any(|name| name == role) {
        return Ok(());
    }
    let names = || roles.iter().map(|option| option.value.as_str());
    let error = Error::new(ErrorKind::UnknownOption, format!("no {association} has this role"));
    Err(match nearest(role, names()) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => {
            error.with_hint(format!("the roles are {}", names().collect::<Vec<_>>().join(", ")))
        }
    })
}

fn unreadable(name: &str, error: &Error) -> Error {
    let message = format!("reads {name:?}: {}", error.message());
    Error::new(error.kind(), message).with_hint(error.hint().unwrap_or_default())
}

/// The attributes of other records that the roll-up of an attribute of `model` reads, with their types.
pub(crate) fn reads<'s>(
    schema: &'s dyn Schema,
    model: &TypeModel,
    rollup: &Rollup,
) -> Vec<(&'s TypeModel, &'s AttributeModel)> {
    let (Source::Related(Related { association, inverse, entity_type, .. }), Some(field)) =
        (&rollup.source, &rollup.field)
    else {
        return Vec::new();
    };
    let Some(shape) = schema.association(association) else { return Vec::new() };
    let (near, far) = if *inverse { (shape.to, shape.from) } else { (shape.from, shape.to) };
    if !near.contains(&model.name) {
        return Vec::new();
    }
    let far = far.iter().filter(|name| entity_type.as_ref().is_none_or(|only| only == *name));
    let head = field.split_once('.').map_or(field.as_str(), |(head, _)| head);
    far.filter_map(|name| {
        let model = schema.entity_type(name)?;
        Some((model, model.find(head)?))
    })
    .collect()
}

impl Plan {
    /// The place of the attribute that it looks at among those of the type of the records.
    pub(crate) fn looks_at(&self, far: &TypeModel) -> Option<usize> {
        let first =
            self.field.as_ref()?.columns.first()?.place.checked_sub(RECORD_COLUMNS.len())?;
        far.attributes.iter().position(|attribute| attribute.span().contains(&first))
    }

    /// The columns that it looks at.
    pub(crate) fn columns(&self) -> &[Column] {
        self.field.as_ref().map_or(&[], |field| &field.columns)
    }
}
