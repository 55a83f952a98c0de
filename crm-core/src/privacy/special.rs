//! What attributes are processed for, and that special categories of data keep to themselves.
//!
//! The invariant: the values of a special attribute are processed for a purpose that says so, and for
//! which nothing else is processed, so that one consent never stands for both (GDPR art. 5 (1) b, 9).

use crate::{
    Attribute, Error, ErrorKind, Result, Sensitivity,
    consent::{Book, Purpose},
};

/// Checks the purpose of an attribute, where `sharing` are all that have the same.
///
/// # Errors
///
/// With field `purpose`: `Required` if a special one has none; `NotFound`; `Archived`;
/// `InvalidArgument` if the purpose of a special one names no special category of data;
/// `DefinitionConflict` if special ones would share theirs with others.
pub(crate) fn check_purpose<'a>(
    book: &Book,
    attribute: &Attribute,
    sharing: impl IntoIterator<Item = &'a Attribute>,
) -> Result<()> {
    let is_special = is_special(attribute);
    let Some(name) = &attribute.purpose else {
        if !is_special {
            return Ok(());
        }
        let message = "a special category of personal data is processed for a purpose of its own";
        return Err(Error::new(ErrorKind::Required, message).with_field("purpose").with_hint(
            "define one with purposes.define, whose processing names a special category of data",
        ));
    };
    let purpose = book.purpose(name)?;
    if purpose.is_archived {
        return Err(Error::new(ErrorKind::Archived, "the purpose is no longer used")
            .with_field("purpose")
            .with_hint("name another, or define it again without is_archived"));
    }
    if is_special && !names_special(purpose) {
        let message = "the purpose names no special category of data";
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field("purpose")
            .with_hint("add it to processing.personal_data of the purpose, with is_special"));
    }
    match sharing.into_iter().any(|other| self::is_special(other) != is_special) {
        false => Ok(()),
        true => {
            let message = match is_special {
                true => "the purpose is that of an attribute that is not special",
                false => "the purpose is that of a special attribute",
            };
            Err(Error::new(ErrorKind::DefinitionConflict, message)
                .with_field("purpose")
                .with_hint("define one purpose for what is special, and another for the rest"))
        }
    }
}

/// Checks that a purpose still serves the attributes that are processed for it: `special` says whether
/// one of them is special, `in_use` whether one is in use.
///
/// # Errors
///
/// `DefinitionConflict` if it names no special category of data any more, or is archived.
pub(crate) fn check_serves(purpose: &Purpose, special: bool, in_use: bool) -> Result<()> {
    let refuse = |field, message, hint| {
        Err(Error::new(ErrorKind::DefinitionConflict, message).with_field(field).with_hint(hint))
    };
    if special && !names_special(purpose) {
        let message = "a special attribute is processed for this purpose";
        let hint = "keep a category of data that is special";
        return refuse("processing.personal_data", message, hint);
    }
    if in_use && purpose.is_archived {
        let message = "an attribute in use is processed for this purpose";
        let hint = "archive the attribute first, or give it another purpose";
        return refuse("is_archived", message, hint);
    }
    Ok(())
}

pub(crate) fn is_special(attribute: &Attribute) -> bool {
    attribute.sensitivity == Sensitivity::Special
}

fn names_special(purpose: &Purpose) -> bool {
    let data = purpose.processing.iter().flat_map(|processing| &processing.personal_data);
    data.into_iter().any(|category| category.is_special)
}
