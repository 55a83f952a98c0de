//! Whether a definition makes sense by itself, before any record is looked at.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};

use super::{Attribute, AttributeModel, Kind, TypeModel};
use crate::{Error, ErrorKind, Result, limits, normal};

/// Columns that every entity table has: ours, and two names of the row number that is SQLite's own.
pub(crate) const RESERVED: [&str; 7] =
    ["id", "version", "created_at", "updated_at", "archived_at", "rowid", "oid"];

/// Checks the name of an entity type.
///
/// # Errors
///
/// `InvalidArgument` with field `name`.
pub(crate) fn type_name(name: &str) -> Result<()> {
    identifier(name, "entity type")?;
    for prefix in ["crm_", "v_", "sqlite_"] {
        if name.starts_with(prefix) {
            return Err(invalid("name", format!("names that begin with {prefix} are reserved")));
        }
    }
    Ok(())
}

/// Says that an error of a definition is about this attribute of several.
pub(crate) fn in_attribute(name: &str, error: Error) -> Error {
    match error.field() {
        Some(field) => {
            let field = format!("{name}.{field}");
            error.with_field(field)
        }
        None => error.with_field(name),
    }
}

/// Checks that a new attribute finds a free place, and columns whose names nobody else has.
///
/// # Errors
///
/// `LimitExceeded` past `most` attributes; `InvalidArgument` if a column is taken.
pub(crate) fn room(
    model: &TypeModel,
    new: &AttributeModel,
    reserved: &[&str],
    most: usize,
) -> Result<()> {
    if model.attributes.len() >= most {
        let message = format!("at most {most} attributes");
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(new.name()));
    }
    let mut taken: HashSet<String> = reserved.iter().map(|name| (*name).into()).collect();
    taken.extend(model.attributes.iter().flat_map(AttributeModel::column_names));
    // An attribute of several parts reserves its own name too, so that `home` and `home_city`
    // never mean two things.
    taken.extend(model.attributes.iter().map(|attribute| attribute.name().to_owned()));
    let own = new.column_names().chain([new.name().to_owned()]);
    match own.into_iter().find(|column| taken.contains(column)) {
        None => Ok(()),
        Some(column) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("needs the column {column:?}, which is taken"),
        )
        .with_field(new.name())
        .with_hint("choose another name for the attribute")),
    }
}

/// Checks label and description.
///
/// # Errors
///
/// `LimitExceeded` if one is too long.
pub(crate) fn texts(label: &str, description: &str) -> Result<()> {
    for (field, text, limit) in [
        ("label", label, limits::LABEL_BYTES),
        ("description", description, 16 * limits::LABEL_BYTES),
    ] {
        if text.len() > limit {
            return Err(Error::new(ErrorKind::LimitExceeded, format!("at most {limit} bytes"))
                .with_field(field));
        }
    }
    Ok(())
}

/// Checks an attribute's definition and compiles its pattern.
///
/// # Errors
///
/// `InvalidArgument` or `LimitExceeded`, naming the field of the definition.
pub(super) fn definition(attribute: &Attribute) -> Result<Option<Regex>> {
    identifier(&attribute.name, "attribute")?;
    texts(&attribute.label, &attribute.description)?;
    applicable(attribute)?;
    options(attribute)?;
    if attribute.scale.is_some_and(|scale| scale > limits::SCALE) {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("at most {} decimal places", limits::SCALE),
        )
        .with_field("scale"));
    }
    if let Some(currency) = &attribute.currency {
        normal::currency::currency(currency).map_err(|error| error.with_field("currency"))?;
    }
    attribute.pattern.as_deref().map(pattern).transpose()
}

/// Refuses properties that do not belong to the kind, so that none is silently without effect.
fn applicable(attribute: &Attribute) -> Result<()> {
    use Kind::{
        Choice, Choices, Date, Decimal, Integer, LongText, Money, Rating, Real, Reference, Text,
        Timestamp,
    };
    let kind = attribute.kind;
    let bounded = match kind {
        Integer | Decimal | Real | Date | Timestamp | Rating => true,
        Money => attribute.currency.is_some(),
        _ => false,
    };
    let rules = [
        ("unique", attribute.unique, kind.is_key()),
        ("index", attribute.index, kind.is_comparable() || kind == Choices),
        ("searched", attribute.searched, kind.is_searchable()),
        ("options", !attribute.options.is_empty(), matches!(kind, Choice | Choices)),
        ("minimum", attribute.minimum.is_some(), bounded),
        ("maximum", attribute.maximum.is_some(), bounded),
        ("length", attribute.length.is_some(), matches!(kind, Text | LongText)),
        ("pattern", attribute.pattern.is_some(), matches!(kind, Text | LongText)),
        ("scale", attribute.scale.is_some(), kind == Decimal),
        ("currency", attribute.currency.is_some(), kind == Money),
        ("target", attribute.target.is_some(), kind == Reference),
        ("formula", attribute.formula.is_some(), kind.is_calculable()),
    ];
    for (field, given, allowed) in rules {
        if given && !allowed {
            let message = format!("has no meaning for an attribute of kind {}", kind.name());
            return Err(invalid(field, message));
        }
    }
    // A value that a formula gives must be stored whatever it is: the record is written all the same.
    let demands = [
        ("required", attribute.required),
        ("unique", attribute.unique),
        ("default", attribute.default.is_some()),
        ("minimum", attribute.minimum.is_some()),
        ("maximum", attribute.maximum.is_some()),
        ("length", attribute.length.is_some()),
        ("pattern", attribute.pattern.is_some()),
    ];
    if attribute.formula.is_some()
        && let Some((field, _)) = demands.iter().find(|(_, given)| *given)
    {
        return Err(invalid(field, "has no meaning for an attribute that is calculated"));
    }
    if kind == Reference && attribute.target.is_none() {
        return Err(invalid("target", "a reference needs the entity type that it refers to"));
    }
    if attribute.length == Some(0) {
        return Err(invalid("length", "must be at least 1"));
    }
    Ok(())
}

fn options(attribute: &Attribute) -> Result<()> {
    let limit =
        |message: String| Err(Error::new(ErrorKind::LimitExceeded, message).with_field("options"));
    if attribute.options.len() > limits::OPTIONS {
        return limit(format!("at most {} options", limits::OPTIONS));
    }
    let mut seen = HashSet::new();
    for option in &attribute.options {
        texts(&option.label, "")?;
        if option.value.is_empty() || option.value.contains('\0') {
            return Err(invalid("options", "the value of an option is neither empty nor has NUL"));
        }
        if option.value.len() > limits::OPTION_BYTES {
            return limit(format!("at most {} bytes for an option's value", limits::OPTION_BYTES));
        }
        if !seen.insert(option.value.as_str()) {
            return Err(invalid("options", format!("option {:?} occurs twice", option.value)));
        }
    }
    Ok(())
}

/// Compiles a pattern that the whole text must match, in linear time and bounded memory.
///
/// # Errors
///
/// `InvalidArgument` or `LimitExceeded` with field `pattern`.
pub(crate) fn pattern(pattern: &str) -> Result<Regex> {
    if pattern.len() > limits::PATTERN_BYTES {
        let message = format!("at most {} bytes", limits::PATTERN_BYTES);
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("pattern"));
    }
    let anchored = format!(r"\A(?:{pattern})\z");
    RegexBuilder::new(&anchored).size_limit(1 << 20).build().map_err(|source| {
        invalid("pattern", "not a regular expression of linear time")
            .with_hint("the syntax is that of the crate regex: no look-around, no back-references")
            .with_source(source)
    })
}

/// A name that is no identifier is a mistake in the request, whatever is wrong with it.
///
/// # Errors
///
/// `InvalidArgument` with field `name`.
pub(crate) fn identifier(name: &str, what: &str) -> Result<()> {
    normal::name::check(name, what).map_err(|error| {
        invalid("name", error.message()).with_hint(error.hint().unwrap_or_default())
    })
}

fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}
