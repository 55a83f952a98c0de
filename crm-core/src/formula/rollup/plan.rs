//! A roll-up judged against the schema: names have become columns and numbers.

use std::sync::Arc;

use super::{Aggregate, Related, Rollup, Source};
use crate::{
    Condition, Error, ErrorKind, Kind, RelatedCondition, Result, Timestamp,
    cell::Cell,
    condition::{
        self, Column, FieldTest, FoundField, Moment, Named, Node, RECORD_COLUMNS, Schema, Test, Way,
    },
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
    /// Only those of which this is true.
    pub(crate) filter: Option<Arc<Filter>>,
    /// Only amounts in this currency count.
    pub(crate) currency: Option<&'static str>,
    /// Whether the attribute stores each value that is summed up without rounding.
    pub(crate) is_exact: bool,
}

/// What is asked of each thing that is summed up: of its own fields, and nothing that time changes.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) node: Node,
    /// Any will do.
    pub(crate) moment: Moment,
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
    /// The records of a type that refer to the record.
    Referring {
        far: Named,
        /// The place of the reference among the attributes of that type, and its column.
        place: usize,
        column: Column,
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
    let filter = rollup.filter.as_ref().map(|asked| filter(schema, model, &of, asked));
    let filter = filter.transpose()?.map(Arc::new);
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
        filter,
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
    let (inverse, open, role) = (*inverse, *open, role.clone());
    let of = match test.way {
        Way::Reference(_) => {
            return Err(invalid(format!(
                "reads {name:?}, which leads from the record to one other"
            ))
            .with_hint("a roll-up follows associations, and references that lead to the record"));
        }
        Way::Referring(_) if open || role.is_some() => {
            return Err(invalid("only associations have roles and days")
                .with_hint("leave role and open out"));
        }
        Way::Referring(column) => referring(schema, name, &test.types, column)?,
        Way::Association { association, .. } => {
            if !schema.associations().contains(&association.name.as_str()) {
                let message = format!("reads the association type {name:?}, which is archived");
                return Err(Error::new(ErrorKind::Archived, message)
                    .with_hint("restore it with association_types.restore"));
            }
            Of::Related { association, inverse, types: test.types.clone(), role, open }
        }
    };
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
        (Some(_), types) => return Err(several(types)),
    };
    Ok((of, field))
}

/// The records that refer by the attribute `name` of a type, such as `contact.company`.
fn referring(schema: &dyn Schema, name: &str, types: &[Named], column: Column) -> Result<Of> {
    let found = types.first().and_then(|far| {
        let model = schema.entity_type(&far.name)?;
        let attribute = model.find(name.split_once('.')?.1)?;
        Some((far.clone(), model.place(attribute), attribute))
    });
    let (far, place, attribute) =
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "a reference without its type"))?;
    // Whom a record sums up is read by it, with every write.
    if !attribute.definition.index && !attribute.definition.unique {
        return Err(invalid(format!("reads {name:?}, which has no index"))
            .with_hint("define the reference with an index"));
    }
    Ok(Of::Referring { far, place, column })
}

/// Judges what is asked of the things that are summed up.
fn filter(schema: &dyn Schema, model: &TypeModel, of: &Of, asked: &Condition) -> Result<Filter> {
    let node = match of {
        Of::Activities { kind, .. } => {
            let kind = kind.as_ref().map_or("any", |kind| kind.name.as_str());
            let judged = condition::happening(schema, &model.name, kind, Some(asked), "kind");
            judged.map(|(_, node)| node.map(|node| *node))
        }
        Of::Related { types, .. } => match types.as_slice() {
            [only] => condition::check(asked, schema, &only.name).map(|checked| Some(checked.root)),
            types => return Err(several(types)),
        },
        Of::Referring { far, .. } => {
            condition::check(asked, schema, &far.name).map(|checked| Some(checked.root))
        }
    };
    let node = node.map_err(|error| {
        let message = format!("cannot ask this of what it sums up: {}", error.message());
        Error::new(error.kind(), message).with_hint(error.hint().unwrap_or_default())
    })?;
    let node = node.ok_or_else(|| Error::new(ErrorKind::Internal, "a condition was not judged"))?;
    let is_own = |leaf: &condition::Leaf| match &leaf.test {
        Test::Field(test) => {
            columns_of(test).all(|column| !matches!(&*column.name, "version" | "updated_at"))
        }
        _ => false,
    };
    if !node.leaves().into_iter().all(is_own) {
        let message = "asks for more than the attributes and fields of what it sums up";
        return Err(invalid(message).with_hint(
            "give that type an attribute that is calculated from it, and ask for this",
        ));
    }
    if condition::depends_on_time(&node) {
        return Err(invalid("asks for what time alone changes, and there is no clock")
            .with_hint("name the day or the moment itself, or ask it in a condition"));
    }
    Ok(Filter { node, moment: Moment::new(Timestamp::UNIX_EPOCH, "UTC")? })
}

/// The columns that a comparison looks at.
fn columns_of(test: &FieldTest) -> impl Iterator<Item = &Column> {
    let currency = test.currency.iter().map(|(column, _)| column);
    test.present.iter().chain([&test.column]).chain(currency)
}

fn several(types: &[Named]) -> Error {
    let names: Vec<&str> = types.iter().map(|named| named.name.as_str()).collect();
    invalid("related records can be of several entity types")
        .with_hint(format!("name one: … as {}", names.join(", or as ")))
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
    let Source::Related(Related { association, inverse, entity_type, .. }) = &rollup.source else {
        return Vec::new();
    };
    let mut read = Vec::new();
    let mut far = Vec::new();
    if let Some(shape) = schema.association(association) {
        let (near, others) = if *inverse { (shape.to, shape.from) } else { (shape.from, shape.to) };
        if !near.contains(&model.name) {
            return Vec::new();
        }
        let wanted = |name: &&String| entity_type.as_ref().is_none_or(|only| only == *name);
        let others = others.iter().filter(wanted);
        far.extend(others.filter_map(|name| schema.entity_type(name)));
    } else if let Some((name, reference)) = association.split_once('.')
        && let Some(other) = schema.entity_type(name)
    {
        read.extend(other.find(reference).map(|reference| (other, reference)));
        far.push(other);
    }
    for other in far {
        if let Some(field) = &rollup.field {
            let head = field.split_once('.').map_or(field.as_str(), |(head, _)| head);
            read.extend(other.find(head).map(|attribute| (other, attribute)));
        }
        let checked =
            rollup.filter.as_ref().map(|asked| condition::check(asked, schema, &other.name));
        if let Some(Ok(checked)) = checked {
            let places = asked_of(&checked.root, other);
            read.extend(places.into_iter().map(|place| (other, &other.attributes[place])));
        }
    }
    read
}

/// The places of the attributes of a type that a condition compares, as often as it does.
fn asked_of(node: &Node, model: &TypeModel) -> Vec<usize> {
    let leaves = node.leaves().into_iter();
    let tests = leaves.filter_map(|leaf| match &leaf.test {
        Test::Field(test) => Some(test),
        _ => None,
    });
    tests.flat_map(columns_of).filter_map(|column| place_in(column, model)).collect()
}

/// The place of the attribute of a type that has a column.
fn place_in(column: &Column, model: &TypeModel) -> Option<usize> {
    let place = column.place.checked_sub(RECORD_COLUMNS.len())?;
    model.attributes.iter().position(|attribute| attribute.span().contains(&place))
}

impl Plan {
    /// The places of the attributes that it looks at among those of the type of the records.
    pub(crate) fn looks_at(&self, far: &TypeModel) -> Vec<usize> {
        let mut places: Vec<usize> =
            self.columns().first().and_then(|column| place_in(column, far)).into_iter().collect();
        if let Of::Referring { place, .. } = &self.of {
            places.push(*place);
        }
        if let Some(filter) = &self.filter {
            places.extend(asked_of(&filter.node, far));
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Whether a thing counts, whose row of facts this is.
    pub(crate) fn takes(&self, row: &[Cell]) -> bool {
        let Some(filter) = &self.filter else { return true };
        condition::fits(&filter.node, row.to_vec(), &filter.moment)
    }

    /// What it looks at in a row of facts.
    pub(crate) fn pick(&self, row: &[Cell]) -> Vec<Cell> {
        self.columns().iter().map(|column| row[column.place].clone()).collect()
    }

    /// The columns that it looks at.
    pub(crate) fn columns(&self) -> &[Column] {
        self.field.as_ref().map_or(&[], |field| &field.columns)
    }
}
